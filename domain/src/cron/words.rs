//! What an expression says, apart from any language, for pages to phrase.

use std::collections::BTreeSet;

use chrono::NaiveTime;
use cron::{Schedule, TimeUnitSpec};

use super::local::LocalTimes;
use super::macros::Moment;
use super::month_day::MonthDay;
use super::{CronExpr, Meaning};

/// More times of a day than this are not told one by one.
const MOST_TIMES: usize = 6;

/// What an expression says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// So many seconds after each other.
    Every { seconds: u32 },
    /// Once.
    At(Moment),
    /// At times of a day, on days.
    Calendar(Calendar),
}

/// Times of a day, on days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    pub times: Times,
    pub days: DayWords,
    /// 1 to 12; `None` = every month.
    pub months: Option<Vec<Run>>,
    /// `None` = every year.
    pub years: Option<Vec<Run>>,
}

/// The times of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Times {
    /// A few, in order.
    Each(Vec<NaiveTime>),
    /// As the fields have them.
    Fields {
        hours: Part,
        minutes: Part,
        seconds: Part,
    },
}

/// What a field of the time holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Every number.
    All,
    /// Every `step`-th from `first` to `last`.
    Steps {
        first: u32,
        last: u32,
        step: u32,
        /// Whether it begins and ends where the field does, so that `first` and `last` need no word.
        whole: bool,
    },
    /// These.
    Runs(Vec<Run>),
}

/// Numbers that follow each other, ends included; one that goes round has `last < first`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub first: u32,
    pub last: u32,
}

/// The days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayWords {
    /// Every day.
    Every,
    /// Days of the month.
    OfMonth(Vec<Run>),
    /// Days of the week, 1 = Sunday.
    OfWeek(Vec<Run>),
    /// Days of the month that are such days of the week too.
    Both { month: Vec<Run>, week: Vec<Run> },
    /// Days of the month, and such days of the week besides.
    Either { month: Vec<Run>, week: Vec<Run> },
    /// One day of each month.
    One(MonthDay),
}

impl CronExpr {
    /// What it says, apart from any language.
    pub fn words(&self) -> Words {
        match &*self.meaning {
            Meaning::Every(period) => Words::Every {
                seconds: u32::try_from(period.num_seconds()).unwrap_or(u32::MAX),
            },
            Meaning::At(moment) => Words::At(*moment),
            Meaning::Fields(times) => Words::Calendar(calendar(times)),
        }
    }
}

fn calendar(times: &LocalTimes) -> Calendar {
    let (one, other) = times.schedules();
    let months = set(one.months(), 12);
    let years: Option<BTreeSet<u32>> =
        (!one.years().is_all()).then(|| one.years().iter().collect());
    Calendar {
        times: times_of_day(one),
        days: days(one, other, times.month_day()),
        months: months.map(|months| runs_around(&months, 1, 12)),
        years: years.map(|years| runs(&years)),
    }
}

fn times_of_day(schedule: &Schedule) -> Times {
    let hours: BTreeSet<u32> = schedule.hours().iter().collect();
    let minutes: BTreeSet<u32> = schedule.minutes().iter().collect();
    let seconds: BTreeSet<u32> = schedule.seconds().iter().collect();
    if hours.len() * minutes.len() * seconds.len() <= MOST_TIMES {
        let times = hours.iter().flat_map(|hour| {
            let seconds = &seconds;
            minutes.iter().flat_map(move |minute| {
                let time = move |second: &u32| NaiveTime::from_hms_opt(*hour, *minute, *second);
                seconds.iter().filter_map(time)
            })
        });
        return Times::Each(times.collect());
    }
    Times::Fields {
        hours: part(&hours, 23),
        minutes: part(&minutes, 59),
        seconds: part(&seconds, 59),
    }
}

fn days(one: &Schedule, other: Option<&Schedule>, month_day: Option<MonthDay>) -> DayWords {
    if let Some(day) = month_day {
        return DayWords::One(day);
    }
    let month = set(one.days_of_month(), 31).map(|days| runs_around(&days, 1, 31));
    let week = set(other.unwrap_or(one).days_of_week(), 7).map(|days| week_runs(&days));
    match (month, week) {
        (None, None) => DayWords::Every,
        // Where either is enough, one that holds all leaves nothing out.
        (Some(_), None) | (None, Some(_)) if other.is_some() => DayWords::Every,
        (Some(month), None) => DayWords::OfMonth(month),
        (None, Some(week)) => DayWords::OfWeek(week),
        (Some(month), Some(week)) if other.is_some() => DayWords::Either { month, week },
        (Some(month), Some(week)) => DayWords::Both { month, week },
    }
}

/// What a unit holds; `None` = all of its numbers.
fn set(unit: &impl TimeUnitSpec, all: usize) -> Option<BTreeSet<u32>> {
    let numbers: BTreeSet<u32> = unit.iter().collect();
    (numbers.len() < all).then_some(numbers)
}

/// What a field of numbers from 0 to `end` holds.
fn part(numbers: &BTreeSet<u32>, end: u32) -> Part {
    let list: Vec<u32> = numbers.iter().copied().collect();
    let (Some(&first), Some(&last)) = (list.first(), list.last()) else {
        return Part::All;
    };
    if first == 0 && last == end && list.windows(2).all(|pair| pair[1] - pair[0] == 1) {
        return Part::All;
    }
    let step = list.get(1).map_or(0, |second| second - first);
    if step > 1 && list.len() > 2 && list.windows(2).all(|pair| pair[1] - pair[0] == step) {
        return Part::Steps {
            first,
            last,
            step,
            // Steps over the end of the field go on with the same distance, as 0, 15, 30, 45 do.
            whole: first == 0 && last + step == end + 1,
        };
    }
    Part::Runs(runs_around(numbers, 0, end))
}

fn runs(numbers: &BTreeSet<u32>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some(run) if run.last + 1 == number => run.last = number,
            Some(_) | None => runs.push(Run {
                first: number,
                last: number,
            }),
        }
    }
    runs
}

/// Runs of which the last may go round from `end` to `start`.
fn runs_around(numbers: &BTreeSet<u32>, start: u32, end: u32) -> Vec<Run> {
    let mut runs = runs(numbers);
    if let [first, .., last] = &mut runs[..]
        && first.first == start
        && last.last == end
    {
        last.last = first.last;
        runs.remove(0);
    }
    runs
}

/// Days of the week from Monday on, as people count them.
fn week_runs(days: &BTreeSet<u32>) -> Vec<Run> {
    let from_monday: BTreeSet<u32> = days.iter().map(|day| (day + 5) % 7).collect();
    let mut runs = runs_around(&from_monday, 0, 6);
    for run in &mut runs {
        run.first = (run.first + 1) % 7 + 1;
        run.last = (run.last + 1) % 7 + 1;
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers_of(part: &Part, end: u32) -> BTreeSet<u32> {
        match part {
            Part::All => (0..=end).collect(),
            Part::Steps {
                first, last, step, ..
            } => (*first..=*last)
                .filter(|number| (number - first) % step == 0)
                .collect(),
            Part::Runs(runs) => numbers_of_runs(runs, 0, end),
        }
    }

    fn numbers_of_runs(runs: &[Run], start: u32, end: u32) -> BTreeSet<u32> {
        let all = start..=end;
        all.filter(|number| {
            runs.iter().any(|run| {
                if run.first <= run.last {
                    (run.first..=run.last).contains(number)
                } else {
                    *number >= run.first || *number <= run.last
                }
            })
        })
        .collect()
    }

    proptest! {
        #[test]
        fn the_words_of_a_field_hold_its_numbers(
            numbers in prop::collection::btree_set(0u32..24, 1..24)
        ) {
            prop_assert_eq!(numbers_of(&part(&numbers, 23), 23), numbers);
        }

        #[test]
        fn the_words_of_steps_hold_their_numbers(first in 0u32..60, step in 1usize..60) {
            let numbers: BTreeSet<u32> = (first..60).step_by(step).collect();
            let told = part(&numbers, 59);
            if let Part::Steps { whole: true, .. } = told {
                prop_assert!(first == 0 && 60 % step == 0);
            }
            prop_assert_eq!(numbers_of(&told, 59), numbers);
        }

        #[test]
        fn the_words_of_week_days_hold_their_days(
            days in prop::collection::btree_set(1u32..=7, 1..7)
        ) {
            prop_assert_eq!(numbers_of_runs(&week_runs(&days), 1, 7), days);
        }
    }
}
