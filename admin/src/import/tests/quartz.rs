//! Quartz by brute force, written from its documentation and nothing of ours: every minute of a
//! day is asked.

use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, TimeDelta, Timelike as _, Weekday};

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The minutes of a day in which any second fires.
pub(super) fn fires(expression: &str, day: NaiveDate) -> Vec<NaiveDateTime> {
    let fields: Vec<String> = expression.split(' ').map(str::to_uppercase).collect();
    let year = fields.get(6).map_or("*", String::as_str);
    let is_on = !set(&fields[0], 0, 59, &[]).is_empty()
        && set(&fields[4], 1, 12, &MONTHS).contains(&i64::from(day.month()))
        && set(year, 1970, 2099, &[]).contains(&i64::from(day.year()))
        && on_day(&fields[3], &fields[5], day);
    if !is_on {
        return Vec::new();
    }
    let (minutes, hours) = (set(&fields[1], 0, 59, &[]), set(&fields[2], 0, 23, &[]));
    let midnight = day.and_hms_opt(0, 0, 0).unwrap();
    let all = (0..1440).map(|minute| midnight + TimeDelta::minutes(minute));
    all.filter(|at| {
        minutes.contains(&i64::from(at.minute())) && hours.contains(&i64::from(at.hour()))
    })
    .collect()
}

fn on_day(of_month: &str, of_week: &str, date: NaiveDate) -> bool {
    if of_month == "?" {
        return on_weekday(of_week, date);
    }
    let last = last_day(date);
    let day = i64::from(date.day());
    if of_month == "L" {
        day == last
    } else if of_month == "LW" {
        date.day() == working_day(date, last)
    } else if let Some(back) = of_month.strip_prefix("L-") {
        day == last - back.parse::<i64>().unwrap()
    } else if let Some(near) = of_month.strip_suffix('W') {
        // A day that the month does not have is its last one.
        let near: i64 = near.parse().unwrap();
        date.day() == working_day(date, near.min(last))
    } else {
        set(of_month, 1, 31, &[]).contains(&day)
    }
}

fn on_weekday(of_week: &str, date: NaiveDate) -> bool {
    let today = i64::from(date.weekday().num_days_from_sunday()) + 1;
    let week = i64::from(date.day0() / 7) + 1;
    if let Some((day, nth)) = of_week.split_once('#') {
        number(day, &DAYS) == today && nth.parse::<i64>().unwrap() == week
    } else if of_week.len() > 1 && of_week.ends_with('L') {
        let day = of_week.trim_end_matches('L');
        number(day, &DAYS) == today && i64::from(date.day()) + 7 > last_day(date)
    } else {
        set(of_week, 1, 7, &DAYS).contains(&today)
    }
}

/// The working day of the month that is nearest to one of its days.
fn working_day(date: NaiveDate, day: i64) -> u32 {
    let all = (1..=last_day(date)).filter(|other| {
        let other = date.with_day(u32::try_from(*other).unwrap()).unwrap();
        !matches!(other.weekday(), Weekday::Sat | Weekday::Sun)
    });
    let nearest = all.min_by_key(|other| (other - day).abs()).unwrap();
    u32::try_from(nearest).unwrap()
}

fn last_day(date: NaiveDate) -> i64 {
    let days = (28..=31).filter(|day| date.with_day(*day).is_some());
    i64::from(days.max().unwrap())
}

fn set(field: &str, first: i64, last: i64, names: &[&str]) -> BTreeSet<i64> {
    let mut all = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().unwrap()),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (first, last),
            Some((from, to)) => (number(from, names), number(to, names)),
            // A step without an end goes to the end.
            None if part.contains('/') => (number(range, names), last),
            None => (number(range, names), number(range, names)),
        };
        let span = last - first + 1;
        let to = if to < from { to + span } else { to };
        let mut at = from;
        while at <= to {
            all.insert(if at > last { at - span } else { at });
            at += step;
        }
    }
    all
}

fn number(word: &str, names: &[&str]) -> i64 {
    let first = 1;
    match names.iter().position(|name| *name == word) {
        Some(index) => i64::try_from(index).unwrap() + first,
        None => word.parse().unwrap(),
    }
}
