//! In English.

use hera_domain::cron::{Calendar, DayWords, MonthDay, Part, Run};

use super::{Told, Unit, parts_of};

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
pub(in crate::web::i18n) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

pub(super) fn every(seconds: u32) -> String {
    let units = ["day", "hour", "minute", "second"];
    let parts: Vec<String> = parts_of(seconds)
        .map(|(unit, count)| counted(count, units[unit]))
        .collect();
    format!("every {}", parts.join(" "))
}

pub(super) fn calendar(calendar: &Calendar) -> String {
    let told = Told::new(&calendar.times);
    let mut text = match (&told, &calendar.days) {
        (Told::Each(times), DayWords::Every) => {
            format!("every day{} at {}", in_months(calendar), list(times))
        }
        (Told::Each(times), DayWords::OfWeek(days)) if single(days).is_some() => {
            let day = WEEKDAYS[index(days[0].first)];
            format!("every {day}{} at {}", in_months(calendar), list(times))
        }
        (_, DayWords::Every) => format!("{}{}", times(&told), in_months(calendar)),
        (_, _) => format!("{} {}", times(&told), days(calendar)),
    };
    if let Some(years) = &calendar.years {
        text.push_str(&format!(", in {}", numbers(years)));
    }
    text
}

fn times(told: &Told<'_>) -> String {
    match told {
        Told::Each(times) => format!("at {}", list(times)),
        Told::Interval(step, unit) => interval(*step, *unit),
        Told::Past(1) => "1 minute past every hour".to_owned(),
        Told::Past(minute) => format!("{minute} minutes past every hour"),
        Told::Spans(step, unit, spans) => {
            let spans: Vec<String> = spans
                .iter()
                .map(|(first, last)| {
                    if first == last {
                        format!("at {first}")
                    } else {
                        format!("from {first} to {last}")
                    }
                })
                .collect();
            format!("{} {}", interval(*step, *unit), list(&spans))
        }
        Told::Fields {
            hours,
            minutes,
            seconds,
        } => {
            let mut parts = vec![(Unit::Minute, *minutes), (Unit::Hour, *hours)];
            parts.splice(0..0, seconds.map(|seconds| (Unit::Second, seconds)));
            let mut texts = Vec::new();
            for (place, (unit, part)) in parts.into_iter().enumerate() {
                texts.push(if place == 0 {
                    when(part, unit)
                } else {
                    which(part, unit)
                });
            }
            texts.join(" of ")
        }
    }
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Hour => "hour",
        Unit::Minute => "minute",
        Unit::Second => "second",
    }
}

fn interval(step: u32, unit: Unit) -> String {
    match step {
        1 => format!("every {}", unit_name(unit)),
        step => format!("every {}", counted(step, unit_name(unit))),
    }
}

/// At which minutes: "every 15 minutes", "at minutes 5 and 10".
fn when(part: &Part, unit: Unit) -> String {
    match part {
        Part::All => interval(1, unit),
        Part::Steps {
            first, last, step, ..
        } => {
            let bounds = format!("from {} {first} to {last}", unit_name(unit));
            format!("{} {bounds}", interval(*step, unit))
        }
        Part::Runs(_) => format!("at {}", which(part, unit)),
    }
}

/// Of which minutes: "every 15th minute", "minutes 5 and 10".
fn which(part: &Part, unit: Unit) -> String {
    let name = unit_name(unit);
    match part {
        Part::All => format!("every {name}"),
        Part::Steps {
            first, last, step, ..
        } => format!("every {} {name} from {first} to {last}", ordinal(*step)),
        Part::Runs(runs) if single(runs).is_some() => format!("{name} {}", numbers(runs)),
        Part::Runs(runs) => format!("{name}s {}", numbers(runs)),
    }
}

fn days(calendar: &Calendar) -> String {
    let months = of_months(calendar);
    match &calendar.days {
        DayWords::Every => "every day".to_owned(),
        DayWords::OfMonth(days) => format!("on the {}{months}", of_month(days)),
        DayWords::OfWeek(days) => format!("on {}{}", of_week(days), in_months(calendar)),
        DayWords::Both { month, week } => format!(
            "on the {}{months}, on {} only",
            of_month(month),
            of_week(week)
        ),
        DayWords::Either { month, week } => {
            format!(
                "on the {}{months} and on {}",
                of_month(month),
                of_week(week)
            ) + &in_months(calendar)
        }
        DayWords::One(day) => format!("{}{months}", one(*day)),
    }
}

fn one(day: MonthDay) -> String {
    match day {
        MonthDay::Last { before: 0 } => "on the last day".to_owned(),
        MonthDay::Last { before } => format!("{} before the last day", counted(before, "day")),
        MonthDay::LastWorkday { before: 0 } => "on the last working day".to_owned(),
        MonthDay::LastWorkday { before } => format!(
            "on the working day nearest to {} before the last day",
            counted(before, "day")
        ),
        MonthDay::Workday { day } => {
            format!("on the working day nearest to the {}", ordinal(day))
        }
        MonthDay::Nth { weekday, nth } => format!(
            "on the {} {}",
            ORDINALS[index(nth)],
            WEEKDAYS[index(weekday)]
        ),
        MonthDay::LastWeekday { weekday } => format!("on the last {}", WEEKDAYS[index(weekday)]),
    }
}

fn of_month(days: &[Run]) -> String {
    list(&runs(days, ordinal))
}

fn of_week(days: &[Run]) -> String {
    let days = days.iter().map(|run| {
        let (first, last) = (WEEKDAYS[index(run.first)], WEEKDAYS[index(run.last)]);
        if run.first == run.last {
            format!("{first}s")
        } else {
            format!("{first} to {last}")
        }
    });
    list(&days.collect::<Vec<_>>())
}

/// " of each month", " of February".
fn of_months(calendar: &Calendar) -> String {
    match &calendar.months {
        None => " of each month".to_owned(),
        Some(months) => format!(" of {}", month_names(months)),
    }
}

/// " in February", or nothing.
fn in_months(calendar: &Calendar) -> String {
    let months = calendar.months.iter();
    months
        .map(|months| format!(" in {}", month_names(months)))
        .collect()
}

fn month_names(months: &[Run]) -> String {
    list(&runs(months, |month| MONTHS[index(month)].to_owned()))
}

fn numbers(list_of: &[Run]) -> String {
    list(&runs(list_of, |number| number.to_string()))
}

fn runs(runs: &[Run], name: impl Fn(u32) -> String) -> Vec<String> {
    let told = runs.iter().map(|run| {
        if run.first == run.last {
            name(run.first)
        } else {
            format!("{} to {}", name(run.first), name(run.last))
        }
    });
    told.collect()
}

fn single(runs: &[Run]) -> Option<u32> {
    match runs {
        [Run { first, last }] if first == last => Some(*first),
        _ => None,
    }
}

/// "a, b and c".
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn counted(count: u32, unit: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// The place of a number that counts from 1.
fn index(number: u32) -> usize {
    usize::try_from(number.saturating_sub(1)).unwrap_or_default()
}
