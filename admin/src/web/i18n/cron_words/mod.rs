//! A cron expression in words.

mod en;
#[cfg(test)]
mod tests;
mod zh;

use chrono::{NaiveTime, Timelike};
use hera_domain::cron::{Part, Run, Times, Words};

pub(super) use en::MONTHS;

use super::Lang;

impl Lang {
    /// What a cron expression says.
    pub fn cron(self, words: &Words) -> String {
        match (self, words) {
            (Self::En, Words::Every { seconds }) => en::every(*seconds),
            (Self::En, Words::At(moment)) => format!("once, at {moment}"),
            (Self::En, Words::Calendar(calendar)) => en::calendar(calendar),
            (Self::Zh, Words::Every { seconds }) => zh::every(*seconds),
            (Self::Zh, Words::At(moment)) => format!("仅一次：{moment}"),
            (Self::Zh, Words::Calendar(calendar)) => zh::calendar(calendar),
        }
    }
}

/// The times of a day, in the way people tell them.
enum Told<'a> {
    /// One by one.
    Each(Vec<String>),
    /// So many of a unit after each other, the day round.
    Interval(u32, Unit),
    /// Once an hour, so many minutes past.
    Past(u32),
    /// So many of a unit after each other, between these times of the day, ends included.
    Spans(u32, Unit, Vec<(String, String)>),
    /// No other way than field by field.
    Fields {
        hours: &'a Part,
        minutes: &'a Part,
        seconds: Option<&'a Part>,
    },
}

#[derive(Clone, Copy)]
enum Unit {
    Hour,
    Minute,
    Second,
}

impl<'a> Told<'a> {
    fn new(times: &'a Times) -> Self {
        let (hours, minutes, seconds) = match times {
            Times::Each(times) => return Self::Each(clocks(times)),
            Times::Fields {
                hours,
                minutes,
                seconds,
            } => (hours, minutes, seconds),
        };
        let at_zero = only(seconds) == Some(0);
        let by_fields = Self::Fields {
            hours,
            minutes,
            seconds: (!at_zero).then_some(seconds),
        };
        match (hours, only(minutes), at_zero) {
            (Part::All, None, false) => match (minutes, whole_step(seconds)) {
                (Part::All, Some(step)) => Self::Interval(step, Unit::Second),
                (Part::All | Part::Steps { .. } | Part::Runs(_), _) => by_fields,
            },
            (_, _, false) => by_fields,
            (Part::All, Some(0), true) => Self::Interval(1, Unit::Hour),
            (Part::All, Some(minute), true) => Self::Past(minute),
            (Part::Steps { step, whole, .. }, Some(0), true) if *whole => {
                Self::Interval(*step, Unit::Hour)
            }
            (
                Part::Steps {
                    first, last, step, ..
                },
                Some(minute),
                true,
            ) => {
                let span = (clock(*first, minute), clock(*last, minute));
                Self::Spans(*step, Unit::Hour, vec![span])
            }
            (Part::Runs(runs), Some(minute), true) => {
                let span = |run: &Run| (clock(run.first, minute), clock(run.last, minute));
                Self::Spans(1, Unit::Hour, runs.iter().map(span).collect())
            }
            (hours, None, true) => match (hours, whole_step(minutes)) {
                (Part::All, Some(step)) => Self::Interval(step, Unit::Minute),
                (Part::Runs(runs), Some(step)) => {
                    let span = |run: &Run| (clock(run.first, 0), clock(run.last, 60 - step));
                    Self::Spans(step, Unit::Minute, runs.iter().map(span).collect())
                }
                (Part::All | Part::Steps { .. } | Part::Runs(_), _) => by_fields,
            },
        }
    }
}

/// The one number that a field holds.
fn only(part: &Part) -> Option<u32> {
    match part {
        Part::Runs(runs) => match runs[..] {
            [Run { first, last }] if first == last => Some(first),
            _ => None,
        },
        Part::All | Part::Steps { .. } => None,
    }
}

/// The distance of numbers that are spread evenly over the whole field.
fn whole_step(part: &Part) -> Option<u32> {
    match part {
        Part::All => Some(1),
        Part::Steps { step, whole, .. } => whole.then_some(*step),
        Part::Runs(_) => None,
    }
}

/// Times of a day, with seconds only if one of them has any.
fn clocks(times: &[NaiveTime]) -> Vec<String> {
    let seconds = times.iter().any(|time| time.second() != 0);
    let format = if seconds { "%H:%M:%S" } else { "%H:%M" };
    let times = times.iter();
    times.map(|time| time.format(format).to_string()).collect()
}

fn clock(hour: u32, minute: u32) -> String {
    format!("{hour:02}:{minute:02}")
}

/// An interval in days, hours, minutes and seconds, without those of which it has none.
fn parts_of(seconds: u32) -> impl Iterator<Item = (usize, u32)> {
    let parts = [
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    ];
    parts
        .into_iter()
        .enumerate()
        .filter(|(_, count)| *count > 0)
}
