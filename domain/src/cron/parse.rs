//! From text to fields, with the position of what cannot be read.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::field::{Bits, DayRule, Field, Fields, YEARS};
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
        seconds: read(0)?.bits(),
        minutes: read(1)?.bits(),
        hours: read(2)?.bits(),
        day_rule: DayRule {
            days: days.bits(),
            weekdays: weekdays.bits(),
            either: false,
        },
        months: read(4)?.bits(),
        years: words
            .get(6)
            .map(|_| read(6))
            .transpose()?
            .and_then(|years| years.years()),
    })
}

fn parse_unix(words: &[Word]) -> Result<Fields, CronError> {
    let read = |index: usize| -> Result<Values, CronError> {
        Reader::new(QUARTZ[index + 1], Dialect::Unix, &words[index]).field()
    };
    let (days, weekdays) = (read(2)?, read(4)?);
    Ok(Fields {
        seconds: Bits::from_iter([0]),
        minutes: read(0)?.bits(),
        hours: read(1)?.bits(),
        // As cron does it: a field that starts with a star only narrows the other one.
        day_rule: DayRule {
            either: !words[2].starts_with('*') && !words[4].starts_with('*'),
            days: days.bits(),
            weekdays: weekdays.bits(),
        },
        months: read(3)?.bits(),
        years: None,
    })
}

/// Characters between blanks, and where they start.
struct Word {
    start: usize,
    chars: Vec<char>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Quartz,
    Unix,
}

/// How a field restricts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// `?`
    Unspecified,
    /// `*`
    All,
    Restricted,
}

struct Values {
    numbers: BTreeSet<u32>,
    written: Written,
}

impl Values {
    fn bits(&self) -> Bits {
        self.numbers.iter().copied().collect()
    }

    fn years(&self) -> Option<BTreeSet<i32>> {
        let years = self
            .numbers
            .iter()
            .filter_map(|year| i32::try_from(*year).ok());
        (self.written == Written::Restricted).then(|| years.collect())
    }
}

/// Reads one field.
struct Reader<'a> {
    field: Field,
    dialect: Dialect,
    word: &'a Word,
    next: usize,
    numbers: BTreeSet<u32>,
}

impl<'a> Reader<'a> {
    fn new(field: Field, dialect: Dialect, word: &'a Word) -> Self {
        Self {
            field,
            dialect,
            word,
            next: 0,
            numbers: BTreeSet::new(),
        }
    }

    fn field(mut self) -> Result<Values, CronError> {
        if self.peek() == Some('?') {
            return self.unspecified();
        }
        let all = self.word.chars == ['*'];
        loop {
            self.item()?;
            match self.peek() {
                None => break,
                Some(',') => self.next += 1,
                Some(junk) => return Err(self.junk(junk)),
            }
        }
        let written = if all {
            Written::All
        } else {
            Written::Restricted
        };
        Ok(Values {
            numbers: self.numbers,
            written,
        })
    }

    fn unspecified(mut self) -> Result<Values, CronError> {
        if !matches!(self.field, Field::Day | Field::Weekday) {
            return Err(self.error("\"?\" is for the two day fields only; write \"*\""));
        }
        if self.dialect == Dialect::Unix {
            return Err(self.error(
                "\"?\" belongs to the form with seconds; put them first, as in \"0 0 3 * * ?\", or write \"*\"",
            ));
        }
        self.next += 1;
        if self.peek().is_some() {
            return Err(self.error("nothing may follow \"?\" in its field; remove the rest"));
        }
        self.add(self.range(), 1);
        Ok(Values {
            numbers: self.numbers,
            written: Written::Unspecified,
        })
    }

    /// `*`, `*/3`, `/3`, `5`, `5/3`, `5-9`, `5-9/3`, `MON`, `MON-FRI`.
    fn item(&mut self) -> Result<(), CronError> {
        let start = self.next;
        let (low, high) = match self.peek() {
            Some('*') => {
                self.next += 1;
                (*self.range().start(), None)
            }
            Some('/') if self.dialect == Dialect::Quartz => (*self.range().start(), None),
            _ => self.value_or_range()?,
        };
        let from_star = matches!(self.word.chars.get(start), Some('*' | '/'));
        let named = self
            .word
            .chars
            .get(start)
            .is_some_and(char::is_ascii_alphabetic);
        let step = self.step(named, from_star || high.is_some())?;
        let high = match (high, step, from_star) {
            (Some(high), _, _) => high,
            (None, Some(_), _) | (None, None, true) => self.last(),
            (None, None, false) => low,
        };
        self.add(low..=high, step.unwrap_or(1));
        Ok(())
    }

    fn value_or_range(&mut self) -> Result<(u32, Option<u32>), CronError> {
        let start = self.next;
        let low = self.value()?;
        if self.peek() != Some('-') {
            return Ok((low, None));
        }
        self.next += 1;
        let named = |at: usize| {
            self.word
                .chars
                .get(at)
                .is_some_and(char::is_ascii_alphabetic)
        };
        if self.dialect == Dialect::Quartz
            && named(start) != named(self.next)
            && self.peek().is_some()
        {
            return Err(self.error("a range needs two names or two numbers"));
        }
        let high = self.value()?;
        let wraps = self.dialect == Dialect::Quartz && self.field != Field::Year;
        if high < low && !wraps {
            self.next = start;
            return Err(self.error(&format!(
                "the range {low}-{high} runs backwards; swap its ends"
            )));
        }
        Ok((low, Some(high)))
    }

    fn value(&mut self) -> Result<u32, CronError> {
        match self.peek() {
            Some(c) if c.is_ascii_digit() => {
                let start = self.next;
                let number = self.number();
                if let Some(special @ ('L' | 'l' | 'W' | 'w' | '#')) = self.peek() {
                    return Err(self.special(special));
                }
                let range = self.range();
                number.filter(|n| range.contains(n)).ok_or_else(|| {
                    let written: String = self
                        .word
                        .chars
                        .iter()
                        .skip(start)
                        .take(self.next - start)
                        .collect();
                    self.next = start;
                    self.error(&format!(
                        "{written} is out of range; use {} to {}",
                        range.start(),
                        range.end()
                    ))
                })
            }
            Some(c) if c.is_ascii_alphabetic() => self.named_value(),
            Some(special @ '#') => Err(self.special(special)),
            Some(junk) => Err(self.junk(junk)),
            None => Err(self.error("a value is missing at the end")),
        }
    }

    fn named_value(&mut self) -> Result<u32, CronError> {
        let rest = self.word.chars.iter().skip(self.next);
        let name: String = rest.take_while(|c| c.is_ascii_alphabetic()).collect();
        let upper = name.to_ascii_uppercase();
        let names = self.field.names();
        if let Some(index) = names.iter().position(|known| *known == upper) {
            self.next += name.len();
            if let Some(special @ '#') = self.peek() {
                return Err(self.special(special));
            }
            let index = u32::try_from(index).expect("no field has many names");
            return Ok(self.range().start() + index);
        }
        if upper.bytes().all(|c| matches!(c, b'L' | b'W')) {
            let special = upper.chars().next().unwrap_or('L');
            return Err(self.special(special));
        }
        if upper.len() == 4
            && upper.ends_with('L')
            && names.iter().any(|known| upper.starts_with(known))
        {
            self.next += 3;
            return Err(self.special('L'));
        }
        Err(match names {
            [] => self.error(&format!("\"{name}\" is no number")),
            [first, .., last] | [first @ last] => self.error(&format!(
                "\"{name}\" is not known; use {first} to {last} or a number"
            )),
        })
    }

    fn step(&mut self, named: bool, has_end: bool) -> Result<Option<u32>, CronError> {
        if self.peek() != Some('/') {
            return Ok(None);
        }
        match self.dialect {
            Dialect::Quartz if named => {
                return Err(
                    self.error("a step cannot follow names; write numbers, as in \"2-6/2\"")
                );
            }
            Dialect::Unix if !has_end => {
                return Err(
                    self.error("in Unix cron a step needs a range; write \"5-59/15\" or \"*/15\"")
                );
            }
            Dialect::Quartz | Dialect::Unix => self.next += 1,
        }
        let start = self.next;
        let most = self.last() - u32::from(self.field == Field::Year) * self.range().start();
        match self.number() {
            Some(step) if (1..=most).contains(&step) => Ok(Some(step)),
            _ => {
                self.next = start;
                Err(self.error(&format!("a number from 1 to {most} must follow \"/\"")))
            }
        }
    }

    /// Digits; `None` if there are none or they are too many.
    fn number(&mut self) -> Option<u32> {
        let rest = self.word.chars.iter().skip(self.next);
        let digits: String = rest.take_while(|c| c.is_ascii_digit()).collect();
        self.next += digits.len();
        digits.parse().ok()
    }

    /// Adds every `step`-th number; a range that runs backwards goes round.
    fn add(&mut self, range: RangeInclusive<u32>, step: u32) {
        let (first, last) = (*self.range().start(), self.last());
        let (low, high) = range.into_inner();
        let count = last - first + 1;
        let high = if high < low { high + count } else { high };
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        for number in (low..=high).step_by(step) {
            let number = first + (number - first) % count;
            self.numbers.insert(self.canonical(number));
        }
    }

    /// Days of the week are kept as 0 = Sunday.
    fn canonical(&self, number: u32) -> u32 {
        match (self.field, self.dialect) {
            (Field::Weekday, Dialect::Quartz) => number - 1,
            (Field::Weekday, Dialect::Unix) => number % 7,
            (
                Field::Second
                | Field::Minute
                | Field::Hour
                | Field::Day
                | Field::Month
                | Field::Year,
                Dialect::Quartz | Dialect::Unix,
            ) => number,
        }
    }

    fn range(&self) -> RangeInclusive<u32> {
        match (self.field, self.dialect) {
            (Field::Second | Field::Minute, _) => 0..=59,
            (Field::Hour, _) => 0..=23,
            (Field::Day, _) => 1..=31,
            (Field::Month, _) => 1..=12,
            (Field::Weekday, Dialect::Quartz) => 1..=7,
            (Field::Weekday, Dialect::Unix) => 0..=7,
            (Field::Year, _) => YEARS.start().unsigned_abs()..=YEARS.end().unsigned_abs(),
        }
    }

    fn last(&self) -> u32 {
        *self.range().end()
    }

    fn peek(&self) -> Option<char> {
        self.word.chars.get(self.next).copied()
    }

    fn special(&self, c: char) -> CronError {
        let day_field = matches!(self.field, Field::Day | Field::Weekday);
        if day_field && self.dialect == Dialect::Quartz {
            self.error(&format!(
                "\"{c}\" is not supported yet; use numbers, ranges, lists and steps"
            ))
        } else {
            self.error(&format!("\"{c}\" cannot stand here; remove it"))
        }
    }

    fn junk(&self, c: char) -> CronError {
        match c {
            'L' | 'l' | 'W' | 'w' | '#' => self.special(c),
            ',' => self.error("a value is missing before \",\""),
            c => self.error(&format!(
                "\"{}\" cannot stand here; remove it",
                c.escape_debug()
            )),
        }
    }

    fn error(&self, message: &str) -> CronError {
        CronError::new(
            self.word.start + self.next,
            format!("{}: {message}", self.field.name()),
        )
    }
}
