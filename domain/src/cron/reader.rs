//! Reads one field, with the position of what cannot be read.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::CronError;
use super::field::{Field, YEARS};
use super::month_day::MonthDay;
use super::parse::Word;

/// Whose rules a field follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Quartz,
    Unix,
}

/// How a field restricts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// `?`
    Unspecified,
    /// `*`
    All,
    Restricted,
}

/// What one field holds.
pub(super) struct Values {
    pub(super) numbers: BTreeSet<u32>,
    /// Narrows the numbers, which are then all of them.
    pub(super) month_day: Option<MonthDay>,
    pub(super) written: Written,
}

/// Reads one field.
pub(super) struct Reader<'a> {
    pub(super) field: Field,
    pub(super) dialect: Dialect,
    pub(super) word: &'a Word,
    pub(super) next: usize,
    numbers: BTreeSet<u32>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(field: Field, dialect: Dialect, word: &'a Word) -> Self {
        Self {
            field,
            dialect,
            word,
            next: 0,
            numbers: BTreeSet::new(),
        }
    }

    pub(super) fn field(mut self) -> Result<Values, CronError> {
        if self.peek() == Some('?') {
            return self.unspecified();
        }
        let month_day = self.month_day()?;
        if month_day.is_some() {
            self.add(self.range(), 1);
        } else {
            self.items()?;
        }
        let written = if self.word.chars == ['*'] {
            Written::All
        } else {
            Written::Restricted
        };
        Ok(Values {
            numbers: self.numbers,
            month_day,
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
            month_day: None,
            written: Written::Unspecified,
        })
    }

    fn items(&mut self) -> Result<(), CronError> {
        if self.is_last_weekday() {
            self.numbers.insert(self.last());
            return Ok(());
        }
        loop {
            self.item()?;
            match self.peek() {
                None => return Ok(()),
                Some(',') => self.next += 1,
                Some(junk) => return Err(self.junk(junk)),
            }
        }
    }

    /// As a day of the week a lone `L` is Saturday.
    fn is_last_weekday(&self) -> bool {
        let here = self.field == Field::Weekday && self.dialect == Dialect::Quartz;
        here && matches!(*self.word.chars, ['L' | 'l'])
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
        let from_star = matches!(self.char_at(start), Some('*' | '/'));
        let named = self.char_at(start).is_some_and(|c| c.is_ascii_alphabetic());
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
        let named = |at: usize| self.char_at(at).is_some_and(|c| c.is_ascii_alphabetic());
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

    pub(super) fn value(&mut self) -> Result<u32, CronError> {
        match self.peek() {
            Some(c) if c.is_ascii_digit() => {
                let start = self.next;
                let number = self.number();
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
        let mut name: String = rest.take_while(|c| c.is_ascii_alphabetic()).collect();
        let mut upper = name.to_ascii_uppercase();
        let names = self.field.names();
        if let Some(before) = upper.strip_suffix('L').filter(|name| names.contains(name)) {
            upper = before.to_owned();
            name.pop();
        }
        if let Some(index) = names.iter().position(|known| *known == upper) {
            self.next += name.len();
            let index = u32::try_from(index).expect("no field has many names");
            return Ok(self.range().start() + index);
        }
        if upper.bytes().all(|c| matches!(c, b'L' | b'W')) {
            let special = upper.chars().next().unwrap_or('L');
            return Err(self.special(special));
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
    pub(super) fn number(&mut self) -> Option<u32> {
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

    /// Days of the week are kept as Quartz counts them: 1 = Sunday.
    fn canonical(&self, number: u32) -> u32 {
        match (self.field, self.dialect) {
            (Field::Weekday, Dialect::Unix) => number % 7 + 1,
            (Field::Weekday, Dialect::Quartz)
            | (
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

    pub(super) fn range(&self) -> RangeInclusive<u32> {
        match (self.field, self.dialect) {
            (Field::Second | Field::Minute, _) => 0..=59,
            (Field::Hour, _) => 0..=23,
            (Field::Day, _) => 1..=31,
            (Field::Month, _) => 1..=12,
            (Field::Weekday, Dialect::Quartz) => 1..=7,
            (Field::Weekday, Dialect::Unix) => 0..=7,
            (Field::Year, _) => YEARS,
        }
    }

    fn last(&self) -> u32 {
        *self.range().end()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.char_at(self.next)
    }

    pub(super) fn char_at(&self, at: usize) -> Option<char> {
        self.word.chars.get(at).copied()
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

    pub(super) fn error(&self, message: &str) -> CronError {
        CronError::new(
            self.word.start + self.next,
            format!("{}: {message}", self.field.name()),
        )
    }
}
