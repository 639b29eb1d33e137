//! From local times to instants: the rule for summer time.

use chrono::{NaiveDateTime, SubsecRound, TimeDelta, Timelike};
use chrono_tz::Tz;

use super::field::YEARS;
use super::local::LocalTimes;
use crate::clock::Timestamp;
use crate::zone::{self, Shift};

/// A shift farther from the next matching local time than this cannot move it.
const REACH: TimeDelta = TimeDelta::hours(26);

/// The instants of local times in a zone, in order, each once.
#[derive(Debug, Clone)]
pub(super) struct LocalFires<'a> {
    times: &'a LocalTimes,
    tz: Tz,
    /// The first whole second that has not been looked at; `None` = nothing is left.
    from: Option<Timestamp>,
}

impl<'a> LocalFires<'a> {
    pub(super) fn after(times: &'a LocalTimes, tz: Tz, after: Timestamp) -> Self {
        // Kept well inside the calendar, so that no sum below can leave it.
        let first = day(YEARS.start().cast_signed() - 1, 12, 30);
        let last = day(YEARS.end().cast_signed() + 1, 1, 2);
        let whole = after.max(first).trunc_subsecs(0);
        Self {
            times,
            tz,
            from: (whole < last).then(|| whole + TimeDelta::seconds(1)),
        }
    }

    fn first_from(&self, mut from: Timestamp) -> Option<Timestamp> {
        loop {
            if let Some(gap) = gap_before(self.tz, from)
                && self.fires_after_gap(gap)
            {
                return Some(from);
            }
            let offset = zone::offset(self.tz, from);
            let candidate = self
                .times
                .at_or_after(from.naive_utc() + offset)
                .map(|local| local.and_utc() - offset);
            let horizon = from + REACH;
            let until = candidate.map_or(horizon, |at| at.min(horizon));
            from = if let Some(shift) = zone::next_shift(self.tz, from, until) {
                shift.at
            } else {
                match candidate? {
                    far if far > horizon => horizon.max(far - REACH),
                    at => match self.second_pass_until(at) {
                        Some(end) => end,
                        None => return Some(at),
                    },
                }
            };
        }
    }

    /// Whether times left out by the gap are made up for by one fire at its end.
    fn fires_after_gap(&self, gap: Shift) -> bool {
        let (start, end) = (gap.local_before(), gap.local_after());
        let next = self.times.at_or_after(start);
        next.is_some_and(|local| local < end) && !self.follows_elapsed_time(start, end)
    }

    /// If `at` repeats a local time that fires at its first pass only: where the repetition ends.
    fn second_pass_until(&self, at: Timestamp) -> Option<Timestamp> {
        let shift = zone::repeated_by(self.tz, at)?;
        let (start, end) = (shift.local_after(), shift.local_before());
        (!self.follows_elapsed_time(start, end)).then(|| shift.at + (end - start))
    }

    /// Whether the hours hold the hour before a gap or overlap, every hour in it and the one after.
    fn follows_elapsed_time(&self, start: NaiveDateTime, end: NaiveDateTime) -> bool {
        let hour = TimeDelta::hours(1);
        let first = hour_of(start) - hour;
        let last = hour_of(end - TimeDelta::seconds(1)) + hour;
        std::iter::successors(Some(first), |at| Some(*at + hour))
            .take_while(|at| *at <= last)
            .all(|at| self.times.include_hour(at.hour()))
    }
}

impl Iterator for LocalFires<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let found = self.first_from(self.from?);
        self.from = found.map(|at| at + TimeDelta::seconds(1));
        found
    }
}

/// The gap whose first instant afterwards is `at`.
fn gap_before(tz: Tz, at: Timestamp) -> Option<Shift> {
    zone::next_shift(tz, at - TimeDelta::seconds(1), at).filter(Shift::is_gap)
}

/// The whole hour that a local time lies in.
fn hour_of(local: NaiveDateTime) -> NaiveDateTime {
    local
        .date()
        .and_hms_opt(local.hour(), 0, 0)
        .expect("a whole hour of an existing time exists")
}

fn day(year: i32, month: u32, day: u32) -> Timestamp {
    chrono::NaiveDate::from_ymd_opt(year, month, day)
        .and_then(|date| date.and_hms_opt(0, 0, 0))
        .expect("a date of the calendar")
        .and_utc()
}
