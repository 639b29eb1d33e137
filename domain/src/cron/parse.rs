//! From text to fields: which grammar it is written in, and how its fields go together.

use super::field::{Field, Fields};
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

const MACROS: [(&str, &str); 5] = [
    ("@hourly", "0 0 * * * ?"),
    ("@daily", "0 0 0 * * ?"),
    ("@weekly", "0 0 0 ? * SUN"),
    ("@monthly", "0 0 0 1 * ?"),
    ("@yearly", "0 0 0 1 1 ?"),
];

pub(super) fn parse(text: &str) -> Result<(Fields, CronKind), CronError> {
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
        return parse_macro(&words);
    }
    match words.len() {
        5 => Ok((parse_unix(&words)?, CronKind::Unix)),
        6 | 7 => Ok((parse_quartz(&words)?, CronKind::Quartz)),
        found => {
            let position = words.get(7).map_or(text.chars().count(), |word| word.start);
            let message = format!(
                "found {found} fields; write 6 or 7 (seconds first, as Quartz does) or 5 (Unix cron)"
            );
            Err(CronError::new(position, message))
        }
    }
}

fn parse_macro(words: &[Word]) -> Result<(Fields, CronKind), CronError> {
    if let Some(extra) = words.get(1) {
        return Err(CronError::new(
            extra.start,
            "nothing may follow a macro; remove the rest",
        ));
    }
    let name: String = words.iter().flat_map(|word| &word.chars).collect();
    let Some((_, meaning)) = MACROS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&name))
    else {
        let known = MACROS.map(|(known, _)| known).join(", ");
        return Err(CronError::new(
            0,
            format!("\"{name}\" is no macro; use one of {known}"),
        ));
    };
    Ok((parse_quartz(&self::words(meaning))?, CronKind::Macro))
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
