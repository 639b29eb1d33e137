//! Reads the day fields that name one day of a month: `L`, `L-3`, `LW`, `15W`, `6L`, `6#3`.

use super::CronError;
use super::field::Field;
use super::month_day::MonthDay;
use super::reader::{Dialect, Reader};

/// The most days before the last one that `L-…` takes, as in Quartz.
const MOST_BEFORE_LAST: u32 = 30;

impl Reader<'_> {
    /// The day that the field names, if it is written in one of these forms; they stand alone in
    /// their fields.
    pub(super) fn month_day(&mut self) -> Result<Option<MonthDay>, CronError> {
        if self.dialect != Dialect::Quartz {
            return Ok(None);
        }
        let found = match self.field {
            Field::Day if self.peek_upper() == Some('L') => Some(self.last_day()?),
            Field::Day => self.nearest_workday()?,
            Field::Weekday => self.weekday_of_month()?,
            Field::Second | Field::Minute | Field::Hour | Field::Month | Field::Year => None,
        };
        if let (Some(_), Some(junk)) = (found, self.peek()) {
            let written: String = self.word.chars.iter().take(self.next).collect();
            return Err(self.error(&if junk == ',' {
                format!("\"{written}\" cannot stand in a list; let it stand alone")
            } else {
                format!("nothing may follow \"{written}\" in its field; remove the rest")
            }));
        }
        Ok(found)
    }

    fn last_day(&mut self) -> Result<MonthDay, CronError> {
        self.next += 1;
        let before = if self.peek() == Some('-') {
            self.next += 1;
            self.number_within(0, MOST_BEFORE_LAST, "must follow \"L-\"")?
        } else {
            0
        };
        Ok(if self.skip_letter('W') {
            MonthDay::LastWorkday { before }
        } else {
            MonthDay::Last { before }
        })
    }

    fn nearest_workday(&mut self) -> Result<Option<MonthDay>, CronError> {
        let number = self.number();
        if self.next == 0 || !self.skip_letter('W') {
            self.next = 0;
            return Ok(None);
        }
        let day = number.filter(|day| self.range().contains(day));
        let day = day.ok_or_else(|| {
            self.next = 0;
            self.error("a number from 1 to 31 must stand before \"W\"")
        })?;
        Ok(Some(MonthDay::Workday { day }))
    }

    fn weekday_of_month(&mut self) -> Result<Option<MonthDay>, CronError> {
        let end = self.chars_while(char::is_ascii_digit).max(
            // Three letters, so that the L of FRIL is not taken for a part of the name.
            self.chars_while(char::is_ascii_alphabetic).min(3),
        );
        let mark = self.char_at(end).map(|c| c.to_ascii_uppercase());
        if end == 0 || !matches!(mark, Some('L' | '#')) {
            return Ok(None);
        }
        let weekday = self.value()?;
        self.next += 1;
        Ok(Some(if mark == Some('#') {
            let nth = self.number_within(1, 5, "must follow \"#\"")?;
            MonthDay::Nth { weekday, nth }
        } else {
            MonthDay::LastWeekday { weekday }
        }))
    }

    /// Why a letter that has a meaning elsewhere has none here.
    pub(super) fn special(&self, c: char) -> CronError {
        let c = c.to_ascii_uppercase();
        let message = match (self.dialect, self.field, c) {
            (Dialect::Unix, Field::Day | Field::Weekday, _) => {
                "belongs to the form with seconds; put them first, as in \"0 0 3 L * ?\""
            }
            (Dialect::Quartz, Field::Day, 'L') => {
                "stands alone in its field, as L, LW or L-3 (3 days before the last)"
            }
            (Dialect::Quartz, Field::Day, 'W') => {
                "follows one day alone in its field, as in \"15W\" or \"LW\""
            }
            (Dialect::Quartz, Field::Day, _) => "belongs to day of week, as in \"6#3\"",
            (Dialect::Quartz, Field::Weekday, 'L') => {
                "follows one day alone in its field, as in \"6L\" (the last Friday)"
            }
            (Dialect::Quartz, Field::Weekday, '#') => {
                "follows one day alone in its field, as in \"6#3\" (the third Friday)"
            }
            (Dialect::Quartz, Field::Weekday, _) => "belongs to day of month, as in \"15W\"",
            (_, Field::Second | Field::Minute | Field::Hour | Field::Month | Field::Year, _) => {
                "cannot stand here; remove it"
            }
        };
        self.error(&format!("\"{c}\" {message}"))
    }

    fn skip_letter(&mut self, letter: char) -> bool {
        let found = self.peek_upper() == Some(letter);
        self.next += usize::from(found);
        found
    }

    fn peek_upper(&self) -> Option<char> {
        self.peek().map(|c| c.to_ascii_uppercase())
    }

    fn chars_while(&self, belongs: fn(&char) -> bool) -> usize {
        let chars = self.word.chars.iter();
        chars.take_while(|c| belongs(c)).count()
    }

    fn number_within(&mut self, low: u32, high: u32, place: &str) -> Result<u32, CronError> {
        let start = self.next;
        match self.number() {
            Some(number) if (low..=high).contains(&number) => Ok(number),
            Some(_) | None => {
                self.next = start;
                Err(self.error(&format!("a number from {low} to {high} {place}")))
            }
        }
    }
}
