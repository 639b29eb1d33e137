//! Cron expressions: Quartz's (seconds first), Unix's five fields, and macros.
//!
//! Text is read here, since messages need positions and Quartz's numbering, `?` and ranges that go
//! round are its own. The `cron` crate then finds the times a clock without a zone would show, and
//! [`Fires`] lays them on a zone by our rule for summer time.
//! Macros that count time, `@every` and `@at`, need none of this.

#[cfg(test)]
mod all_zones;
mod field;
mod fires;
#[cfg(test)]
mod hard;
mod local;
#[cfg(test)]
mod macro_tests;
mod macros;
mod month_day;
mod parse;
#[cfg(test)]
mod properties;
mod reader;
mod special;
mod summer_time;
#[cfg(test)]
mod tests;
mod validity;
#[cfg(test)]
mod vectors;
mod words;

use std::sync::Arc;

use chrono::{Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;

pub use crate::zone::{day_start, local_date};
pub use fires::Fires;
pub use macros::Moment;
pub use month_day::MonthDay;
pub use validity::Validity;
pub use words::{Calendar, DayWords, Part, Run, Times, Words};

use crate::clock::Timestamp;
use parse::Parsed;

/// A cron expression that can be understood; a clone shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronExpr {
    meaning: Arc<Meaning>,
    kind: CronKind,
}

#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Fields(local::LocalTimes),
    Every(TimeDelta),
    At(Moment),
}

crate::text_enum::text_enum! {
    /// Whose grammar an expression is written in.
    CronKind {
        Quartz = "quartz",
        Unix = "unix",
        Macro = "macro",
    }
}

/// Why an expression cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {})", .position + 1)]
pub struct CronError {
    /// Where, counted in characters from 0.
    pub position: usize,
    /// What is wrong, in which field, and what to write instead.
    pub message: String,
}

impl CronError {
    fn new(position: usize, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }
}

impl CronExpr {
    /// Reads an expression.
    ///
    /// # Errors
    /// Says where and why the text is no expression.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let (parsed, kind) = parse::parse(text)?;
        let meaning = Arc::new(match parsed {
            Parsed::Fields(fields) => Meaning::Fields(local::LocalTimes::new(&fields)),
            Parsed::Every(period) => Meaning::Every(period),
            Parsed::At(moment) => Meaning::At(moment),
        });
        Ok(Self { meaning, kind })
    }

    /// Whose grammar the expression is written in.
    pub fn kind(&self) -> CronKind {
        self.kind
    }

    /// The instants after `after` at which it fires in a zone, in order.
    ///
    /// Summer time: if its hours hold the local hour before a gap or overlap, every hour in it and
    /// the hour after it, it follows elapsed time: times in the gap are dropped, repeated ones
    /// fire twice. Otherwise a time in the gap fires once at the first instant after it, and a
    /// repeated time at its first pass only.
    pub fn fires(&self, tz: Tz, after: Timestamp) -> Fires<'_> {
        self.fires_within(tz, Validity::ALWAYS, after)
    }

    /// Like [`Self::fires`], while the schedule is valid. `@every` counts from the validity's
    /// start, else from the first instant of 1970 in the zone, in elapsed time.
    pub fn fires_within(&self, tz: Tz, validity: Validity, after: Timestamp) -> Fires<'_> {
        Fires::new(&self.meaning, tz, validity, after)
    }

    /// The instants of one business day at which it fires.
    pub fn fires_in_day(&self, tz: Tz, date: NaiveDate) -> impl Iterator<Item = Timestamp> + Clone {
        let start = day_start(tz, date);
        let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
        let end = day_start(tz, next);
        self.fires(tz, start - TimeDelta::milliseconds(1))
            .take_while(move |at| *at < end)
    }

    /// Whether it can fire twice within a minute.
    pub fn more_often_than_a_minute(&self) -> bool {
        match &*self.meaning {
            Meaning::Fields(times) => times.include_seconds_apart(),
            Meaning::Every(period) => *period < TimeDelta::minutes(1),
            Meaning::At(_) => false,
        }
    }
}
