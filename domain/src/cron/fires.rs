//! The instants at which an expression fires.

use chrono::{NaiveDate, SubsecRound, TimeDelta};
use chrono_tz::Tz;

use super::Meaning;
use super::field::YEARS;
use super::summer_time::LocalFires;
use super::validity::Validity;
use crate::clock::{Timestamp, from_millis};
use crate::zone::day_start;

/// The instants at which an expression fires in a zone, in order, each once.
#[derive(Debug, Clone)]
pub struct Fires<'a> {
    source: Source<'a>,
    until: Option<Timestamp>,
}

#[derive(Debug, Clone)]
enum Source<'a> {
    Local(LocalFires<'a>),
    /// The next one, and the time between two.
    Every(Timestamp, TimeDelta),
    Once(Option<Timestamp>),
}

impl<'a> Fires<'a> {
    pub(super) fn new(meaning: &'a Meaning, tz: Tz, validity: Validity, after: Timestamp) -> Self {
        let from = validity.from.map(tame);
        // `from` itself is valid.
        let before = from.map(|from| from - TimeDelta::milliseconds(1));
        let after = before.map_or(after, |before| before.max(after));
        let source = match meaning {
            Meaning::Fields(times) => Source::Local(LocalFires::after(times, tz, after)),
            Meaning::Every(period) => {
                let origin = from.map_or_else(|| epoch(tz), whole_second_at_or_after);
                Source::Every(next_of(origin, *period, tame(after)), *period)
            }
            Meaning::At(moment) => Source::Once(Some(moment.at(tz)).filter(|at| *at > after)),
        };
        Self {
            source,
            until: validity.until,
        }
    }
}

impl Iterator for Fires<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let found = match &mut self.source {
            Source::Local(fires) => fires.next(),
            Source::Every(next, period) => {
                let at = *next;
                (at < end()).then(|| {
                    *next += *period;
                    at
                })
            }
            Source::Once(at) => at.take(),
        };
        found.filter(|at| self.until.is_none_or(|until| *at < until))
    }
}

impl std::iter::FusedIterator for Fires<'_> {}

/// The first of `origin`, `origin + period`, … after an instant.
fn next_of(origin: Timestamp, period: TimeDelta, after: Timestamp) -> Timestamp {
    let passed = (after - origin).num_milliseconds();
    let count = passed.div_euclid(period.num_milliseconds()) + 1;
    origin + TimeDelta::milliseconds(count.max(0) * period.num_milliseconds())
}

fn whole_second_at_or_after(at: Timestamp) -> Timestamp {
    let whole = at.trunc_subsecs(0);
    if whole < at {
        whole + TimeDelta::seconds(1)
    } else {
        whole
    }
}

fn epoch(tz: Tz) -> Timestamp {
    day_start(
        tz,
        NaiveDate::from_ymd_opt(1970, 1, 1).expect("a date of the calendar"),
    )
}

/// The nearest instant that no sum here can take out of the calendar.
fn tame(at: Timestamp) -> Timestamp {
    at.clamp(from_millis(0) - TimeDelta::days(2), end())
}

/// Nothing fires from here on.
fn end() -> Timestamp {
    NaiveDate::from_ymd_opt(YEARS.end().cast_signed() + 1, 1, 2)
        .expect("a date of the calendar")
        .and_time(chrono::NaiveTime::MIN)
        .and_utc()
}
