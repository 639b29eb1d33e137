//! In Chinese.

use hera_domain::cron::{Calendar, DayWords, MonthDay, Part, Run};

use super::{Told, Unit, parts_of};

const WEEKDAYS: [&str; 7] = ["周日", "周一", "周二", "周三", "周四", "周五", "周六"];
const NUMBERS: [&str; 5] = ["一", "二", "三", "四", "五"];

pub(super) fn every(seconds: u32) -> String {
    let units = ["天", "小时", "分", "秒"];
    let parts = parts_of(seconds).map(|(unit, count)| format!(" {count} {}", units[unit]));
    format!("每{}", parts.collect::<String>())
}

pub(super) fn calendar(calendar: &Calendar) -> String {
    let told = Told::new(&calendar.times);
    let bounded = calendar.months.is_some() || calendar.years.is_some();
    match (&told, &calendar.days) {
        // An interval the day round says by itself that it is every day.
        (Told::Interval(..) | Told::Past(_) | Told::Fields { .. }, DayWords::Every) if !bounded => {
            times(&told)
        }
        (_, _) => format!("{} {}", days(calendar), times(&told)),
    }
}

fn times(told: &Told<'_>) -> String {
    match told {
        Told::Each(times) => times.join("、"),
        Told::Interval(step, unit) => interval(*step, *unit),
        Told::Past(minute) => format!("每小时第 {minute} 分"),
        Told::Spans(step, unit, spans) => {
            let spans: Vec<String> = spans
                .iter()
                .map(|(first, last)| {
                    if first == last {
                        first.clone()
                    } else {
                        format!("{first} 至 {last}")
                    }
                })
                .collect();
            format!("{} {}", spans.join("、"), interval(*step, *unit))
        }
        Told::Fields {
            hours,
            minutes,
            seconds,
        } => {
            let mut texts = vec![field(hours, Unit::Hour), field(minutes, Unit::Minute)];
            texts.extend(seconds.map(|seconds| field(seconds, Unit::Second)));
            texts.join("，")
        }
    }
}

fn interval(step: u32, unit: Unit) -> String {
    let (single, many) = match unit {
        Unit::Hour => ("小时", " 小时"),
        Unit::Minute => ("分钟", " 分钟"),
        Unit::Second => ("秒", " 秒"),
    };
    match step {
        1 => format!("每{single}"),
        step => format!("每 {step}{many}"),
    }
}

fn field(part: &Part, unit: Unit) -> String {
    let name = match unit {
        Unit::Hour => "时",
        Unit::Minute => "分",
        Unit::Second => "秒",
    };
    match part {
        Part::All => interval(1, unit),
        Part::Steps {
            first, last, step, ..
        } => format!("第 {first} 至 {last} {name}{}", interval(*step, unit)),
        Part::Runs(numbers) => format!("第 {} {name}", runs(numbers, |n| n.to_string(), " 至 ")),
    }
}

fn days(calendar: &Calendar) -> String {
    let month = month(calendar);
    match &calendar.days {
        DayWords::Every => match (&calendar.months, &calendar.years) {
            (None, None) => "每天".to_owned(),
            (None, Some(years)) => format!("{}每天", years_of(years)),
            (Some(_), _) => format!("{month}每天"),
        },
        DayWords::OfMonth(days) => format!("{month}{}", of_month(days)),
        DayWords::OfWeek(days) => match (&calendar.months, &calendar.years) {
            (None, None) => format!("每{}", of_week(days)),
            (None, Some(years)) => format!("{}每{}", years_of(years), of_week(days)),
            (Some(_), _) => format!("{month}的每{}", of_week(days)),
        },
        DayWords::Both { month: days, week } => {
            format!("{month}{}中的{}", of_month(days), of_week(week))
        }
        DayWords::Either { month: days, week } => {
            format!("{month}{}以及每{}", of_month(days), of_week(week))
        }
        DayWords::One(day) => format!("{month}{}", one(*day)),
    }
}

fn one(day: MonthDay) -> String {
    match day {
        MonthDay::Last { before: 0 } => "最后一天".to_owned(),
        MonthDay::Last { before } => format!("倒数第 {} 天", before + 1),
        MonthDay::LastWorkday { before: 0 } => "最后一个工作日".to_owned(),
        MonthDay::LastWorkday { before } => {
            format!("距倒数第 {} 天最近的工作日", before + 1)
        }
        MonthDay::Workday { day } => format!("距 {day} 日最近的工作日"),
        MonthDay::Nth { weekday, nth } => {
            format!("第{}个{}", NUMBERS[index(nth)], WEEKDAYS[index(weekday)])
        }
        MonthDay::LastWeekday { weekday } => format!("最后一个{}", WEEKDAYS[index(weekday)]),
    }
}

/// "每月", "每年 2 月", "2027 年 2 月".
fn month(calendar: &Calendar) -> String {
    let months = calendar.months.as_deref();
    let months = months.map(|months| runs(months, |month| format!(" {month} 月"), "至"));
    match (&calendar.years, months) {
        (None, None) => "每月".to_owned(),
        (None, Some(months)) => format!("每年{months}"),
        (Some(years), None) => format!("{}每月", years_of(years)),
        (Some(years), Some(months)) => format!("{}{months}", years_of(years)),
    }
}

fn years_of(years: &[Run]) -> String {
    format!("{} 年", runs(years, |year| year.to_string(), " 至 "))
}

fn of_month(days: &[Run]) -> String {
    runs(days, |day| format!(" {day} 日"), "至")
}

fn of_week(days: &[Run]) -> String {
    runs(days, |day| WEEKDAYS[index(day)].to_owned(), "至")
}

fn runs(runs: &[Run], name: impl Fn(u32) -> String, to: &str) -> String {
    let told = runs.iter().map(|run| {
        if run.first == run.last {
            name(run.first)
        } else {
            format!("{}{to}{}", name(run.first), name(run.last))
        }
    });
    // Names that begin with a blank stand close to the mark before them.
    told.collect::<Vec<_>>().join("、").replace("、 ", "、")
}

/// The place of a number that counts from 1.
fn index(number: u32) -> usize {
    usize::try_from(number.saturating_sub(1)).unwrap_or_default()
}
