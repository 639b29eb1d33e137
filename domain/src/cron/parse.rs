//! From text to fields: which grammar it is written in, and how its fields go together.

use chrono::TimeDelta;

use super::field::{Field, Fields};
use super::macros::{self, Moment};
use super::reader::{Dialect, Reader, Values, Written};
use super::{CronError, CronKind};

/// Longer than any expression with a meaning.
const MAX_CHARS: usize = 1000;

const QUARTZ: [Field; 7] = [
    Field::Second,
    Field::Minute,
    Field::Hour,
    Field::Day,
    Field::Month,
    Field::Weekday,
    Field::Year,
];

/// What an expression says.
pub(super) enum Parsed {
    Fields(Fields),
    Every(TimeDelta),
    At(Moment),
}

pub(super) fn parse(text: &str) -> Result<(Parsed, CronKind), CronError> {
    if text.chars().nth(MAX_CHARS).is_some() {
        let message = format!("the expression is longer than {MAX_CHARS} characters; shorten it");
        return Err(CronError::new(MAX_CHARS, message));
    }
    let words = words(text);
    let Some(first) = words.first() else {
        return Err(CronError::new(
            0,
            "the expression is empty; write for example \"0 0 3 * * ?\" (every day at 03:00)",
        ));
    };
    if first.chars.first() == Some(&'@') {
        let named = |text: &str| Ok(Parsed::Fields(parse_quartz(&self::words(text))?));
        return Ok((macros::parse(&words, named)?, CronKind::Macro));
    }
    match words.len() {
        5 => Ok((Parsed::Fields(parse_unix(&words)?), CronKind::Unix)),
        6 | 7 => Ok((Parsed::Fields(parse_quartz(&words)?), CronKind::Quartz)),
        found => {
            let position = words.get(7).map_or(text.chars().count(), |word| word.start);
            let message = format!(
                "found {found} fields; write 6 or 7 (seconds first, as Quartz does) or 5 (Unix cron)"
            );
            Err(CronError::new(position, message))
        }
    }
}

fn parse_quartz(words: &[Word]) -> Result<Fields, CronError> {
    let read = |index: usize| -> Result<Values, CronError> {
        let word = words
            .get(index)
            .ok_or_else(|| CronError::new(0, "a field is missing"))?;
        Reader::new(QUARTZ[index], Dialect::Quartz, word).field()
    };
    let (days, weekdays) = (read(3)?, read(5)?);
    let both = |written| days.written == written && weekdays.written == written;
    let clash = if both(Written::Unspecified) {
        Some("\"?\" stands in both day fields; write \"*\" in one of them")
    } else if both(Written::Restricted) {
        Some("day of month and day of week are both given; write \"?\" in one of them")
    } else {
        None
    };
    if let Some(message) = clash {
        return Err(CronError::new(words[5].start, message));
    }
    Ok(Fields {
        seconds: read(0)?.numbers,
        minutes: read(1)?.numbers,
        hours: read(2)?.numbers,
        days: days.numbers,
        months: read(4)?.numbers,
        weekdays: weekdays.numbers,
        month_day: days.month_day.or(weekdays.month_day),
        years: words
            .get(6)
            .map(|_| read(6))
            .transpose()?
            .map(|years| years.numbers),
        either_day: false,
    })
}

fn parse_unix(words: &[Word]) -> Result<Fields, CronError> {
    let read = |index: usize| -> Result<Values, CronError> {
        Reader::new(QUARTZ[index + 1], Dialect::Unix, &words[index]).field()
    };
    let (days, weekdays) = (read(2)?, read(4)?);
    Ok(Fields {
        seconds: [0].into(),
        minutes: read(0)?.numbers,
        hours: read(1)?.numbers,
        days: days.numbers,
        months: read(3)?.numbers,
        weekdays: weekdays.numbers,
        month_day: None,
        years: None,
        // As cron does it: a field that starts with a star only narrows the other one.
        either_day: !words[2].starts_with('*') && !words[4].starts_with('*'),
    })
}

/// Characters between blanks, and where they start.
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) chars: Vec<char>,
}

impl Word {
    pub(super) fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// The position after its last character.
    pub(super) fn end(&self) -> usize {
        self.start + self.chars.len()
    }

    fn starts_with(&self, c: char) -> bool {
        self.chars.first() == Some(&c)
    }
}

fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut inside = false;
    for (position, c) in text.chars().enumerate() {
        if c.is_whitespace() {
            inside = false;
        } else if let (true, Some(word)) = (inside, words.last_mut()) {
            word.chars.push(c);
        } else {
            inside = true;
            words.push(Word {
                start: position,
                chars: vec![c],
            });
        }
    }
    words
}
