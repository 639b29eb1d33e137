//! Cron expressions: Quartz's (seconds first), Unix's five fields, and macros.
//!
//! Text is read here, since messages need positions and Quartz's numbering, `?` and ranges that go
//! round are its own. The `cron` crate then finds the times a clock without a zone would show, and
//! [`Fires`] lays them on a zone by our rule for summer time.

mod field;
mod fires;
#[cfg(test)]
mod hard;
mod local;
mod month_day;
mod parse;
#[cfg(test)]
mod properties;
mod reader;
mod special;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use std::sync::Arc;

use chrono::{Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;

pub use crate::zone::{day_start, local_date};
pub use fires::Fires;

use crate::clock::Timestamp;

/// A cron expression that can be understood; a clone shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronExpr {
    times: Arc<local::LocalTimes>,
    kind: CronKind,
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
        let (fields, kind) = parse::parse(text)?;
        let times = Arc::new(local::LocalTimes::new(&fields));
        Ok(Self { times, kind })
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
        Fires::after(self, tz, after)
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
        self.times.include_seconds_apart()
    }
}
