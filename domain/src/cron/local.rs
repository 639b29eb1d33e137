//! The local times that an expression names, found by the `cron` crate.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDateTime, NaiveTime, TimeDelta};
use cron::{Schedule, TimeUnitSpec};

use super::field::{Fields, YEARS};
use super::month_day::MonthDay;

/// The local times that an expression names; whether a zone has them at all, once or twice is not
/// their matter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LocalTimes {
    /// A time belongs if it fits one of these. There are two where either day field is enough,
    /// since the crate always asks for both; they differ in their days only.
    schedules: Vec<Schedule>,
    /// Only times of these days belong; what the crate does not know.
    month_day: Option<MonthDay>,
}

impl LocalTimes {
    pub(super) fn new(fields: &Fields) -> Self {
        let every = BTreeSet::new();
        let schedules = if fields.either_day {
            vec![
                schedule(fields, &fields.days, &every),
                schedule(fields, &every, &fields.weekdays),
            ]
        } else {
            vec![schedule(fields, &fields.days, &fields.weekdays)]
        };
        Self {
            schedules,
            month_day: fields.month_day,
        }
    }

    /// The first of them that is not before `from`.
    pub(super) fn at_or_after(&self, mut from: NaiveDateTime) -> Option<NaiveDateTime> {
        let Some(month_day) = self.month_day else {
            return self.on_any_day(from);
        };
        loop {
            let date = month_day.at_or_after(from.date(), last_year(), |month| {
                self.any(|schedule| {
                    schedule.months().includes(month.month())
                        && schedule.years().includes(month.year().unsigned_abs())
                })
            })?;
            let found = self.on_any_day(from.max(date.and_time(NaiveTime::MIN)))?;
            if found.date() == date {
                return Some(found);
            }
            from = (date + Days::new(1)).and_time(NaiveTime::MIN);
        }
    }

    fn on_any_day(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        // UTC never shifts, so it can stand for the clock on any wall.
        let before = (from - TimeDelta::seconds(1)).and_utc();
        let found = self.schedules.iter();
        let found = found.filter_map(|schedule| schedule.after(&before).next());
        let first = found.min()?.naive_utc();
        // The crate knows one year more than Quartz.
        (first.year() <= last_year()).then_some(first)
    }

    pub(super) fn include_hour(&self, hour: u32) -> bool {
        self.any(|schedule| schedule.hours().includes(hour))
    }

    pub(super) fn include_seconds_apart(&self) -> bool {
        self.any(|schedule| schedule.seconds().count() > 1)
    }

    /// The schedule of the days of the month, and where either day field is enough that of the
    /// days of the week.
    pub(super) fn schedules(&self) -> (&Schedule, Option<&Schedule>) {
        (&self.schedules[0], self.schedules.get(1))
    }

    pub(super) fn month_day(&self) -> Option<MonthDay> {
        self.month_day
    }

    fn any(&self, asked: impl Fn(&Schedule) -> bool) -> bool {
        self.schedules.iter().any(asked)
    }
}

const fn last_year() -> i32 {
    YEARS.end().cast_signed()
}

/// The fields in the crate's own words: numbers alone, which it cannot take otherwise than we do.
fn schedule(fields: &Fields, days: &BTreeSet<u32>, weekdays: &BTreeSet<u32>) -> Schedule {
    let every = BTreeSet::new();
    let text = [
        (&fields.seconds, 60),
        (&fields.minutes, 60),
        (&fields.hours, 24),
        (days, 31),
        (&fields.months, 12),
        (weekdays, 7),
        (fields.years.as_ref().unwrap_or(&every), usize::MAX),
    ]
    .map(|(numbers, all)| field(numbers, all))
    .join(" ");
    text.parse()
        .expect("lists of numbers within the ranges of their fields are read by the crate")
}

/// `*` for all numbers, and for none: an empty field does not restrict.
fn field(numbers: &BTreeSet<u32>, all: usize) -> String {
    if numbers.is_empty() || numbers.len() == all {
        return "*".to_owned();
    }
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    numbers.join(",")
}
