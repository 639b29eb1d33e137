//! What holds for every expression, and an oracle that reads expressions without the parser.

use chrono::{Datelike, NaiveDateTime, Timelike};
use chrono_tz::{Africa, America, Asia, Australia, Europe, Pacific, UTC};
use proptest::prelude::*;

use super::tests::parse;
use super::*;

/// Zones with every kind of shift.
const ZONES: [Tz; 8] = [
    America::New_York,
    Australia::Lord_Howe,
    America::Santiago,
    Africa::Casablanca,
    America::St_Johns,
    Asia::Shanghai,
    Pacific::Apia,
    Europe::Berlin,
];

pub(super) fn any_expr() -> impl Strategy<Value = String> {
    let hours = prop_oneof![
        Just("*".to_owned()),
        (0u32..24, 0u32..24).prop_map(|(a, b)| format!("{a}-{b}")),
        (0u32..24).prop_map(|a| a.to_string()),
        (0u32..4, 1u32..5).prop_map(|(a, b)| format!("{a}/{b}")),
    ];
    let days = prop_oneof![
        4 => Just("* * ?".to_owned()),
        1 => (1u32..=7).prop_map(|day| format!("? * {day}")),
        1 => (1u32..=31).prop_map(|day| format!("{day} * ?")),
    ];
    (
        prop_oneof![Just("0"), Just("0/20"), Just("45")],
        hours,
        days,
    )
        .prop_map(|(minutes, hours, days)| format!("0 {minutes} {hours} {days}"))
}

/// Lists of numbers, ranges and steps.
fn any_field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let item = prop_oneof![
        4 => (low..=high).prop_map(|a| a.to_string()),
        2 => (low..=high, low..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (low..=high, low..=high, 1u32..6)
            .prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
    ];
    let star = prop_oneof![
        2 => Just("*".to_owned()),
        1 => (1u32..6).prop_map(|step| format!("*/{step}")),
    ];
    prop_oneof![
        1 => star,
        2 => proptest::collection::vec(item, 1..4).prop_map(|items| items.join(",")),
    ]
}

/// Expressions of the same meaning for everybody: Quartz's with one `?`, and Unix's.
fn any_plain_expr() -> impl Strategy<Value = String> {
    let minutes = || any_field(0, 59);
    let hours = || any_field(0, 23);
    let days = || any_field(1, 31);
    let months = || any_field(1, 12);
    let years = prop_oneof![Just(String::new()), any_field(2000, 2040)];
    let quartz = (minutes(), minutes(), hours(), days(), months(), years)
        .prop_map(|(s, m, h, d, month, year)| format!("{s} {m} {h} {d} {month} ? {year}"));
    let by_week = (minutes(), minutes(), hours(), months(), any_field(1, 7))
        .prop_map(|(s, m, h, month, day)| format!("{s} {m} {h} ? {month} {day}"));
    let unix = (minutes(), hours(), days(), months(), any_field(0, 7))
        .prop_map(|(m, h, d, month, day)| format!("{m} {h} {d} {month} {day}"));
    prop_oneof![quartz, by_week, unix]
}

/// The first and last number of each field, seconds first.
const RANGES: [(u32, u32); 7] = [
    (0, 59),
    (0, 59),
    (0, 23),
    (1, 31),
    (1, 12),
    (1, 7),
    (1970, 2099),
];

/// Whether a field, whose numbers go from `low` to `high`, holds `number`: every item is walked.
fn holds(field: &str, (low, high): (u32, u32), number: u32) -> bool {
    field.split(',').any(|item| {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, step.parse().unwrap()),
            None => (item, 1),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
            None if matches!(range, "*" | "?") => (low, high),
            None if item == range => (range.parse().unwrap(), range.parse().unwrap()),
            None => (range.parse().unwrap(), high),
        };
        let mut at = from;
        for walked in 0..=high - low {
            if walked % step == 0 && at == number {
                return true;
            }
            if at == to {
                break;
            }
            at = if at == high { low } else { at + 1 };
        }
        false
    })
}

/// An expression read as its grammar is written down, one number after the other.
pub(super) struct Told {
    numbers: [Vec<u32>; 7],
    either_day: bool,
}

impl Told {
    pub(super) fn new(text: &str) -> Self {
        let mut fields: Vec<&str> = text.split_whitespace().collect();
        let unix = fields.len() == 5;
        if unix {
            fields.insert(0, "0");
        }
        fields.resize(7, "*");
        let numbers = std::array::from_fn(|index| {
            let range = if unix && index == 5 {
                (0, 7)
            } else {
                RANGES[index]
            };
            let held = (range.0..=range.1).filter(|number| holds(fields[index], range, *number));
            // Unix counts from Sunday = 0 and calls it 7 too.
            held.map(|number| {
                if unix && index == 5 {
                    number % 7 + 1
                } else {
                    number
                }
            })
            .collect()
        });
        let starred = fields[3].starts_with('*') || fields[5].starts_with('*');
        Self {
            numbers,
            either_day: unix && !starred,
        }
    }

    pub(super) fn hour(&self, hour: u32) -> bool {
        self.numbers[2].contains(&hour)
    }

    fn date(&self, date: NaiveDate) -> bool {
        let day = self.numbers[3].contains(&date.day());
        let weekday = self.numbers[5].contains(&date.weekday().number_from_sunday());
        let both = day && weekday;
        (both || self.either_day && (day || weekday))
            && self.numbers[4].contains(&date.month())
            && self.numbers[6].contains(&date.year().unsigned_abs())
    }

    pub(super) fn time(&self, local: NaiveDateTime) -> bool {
        self.date(local.date())
            && self.hour(local.hour())
            && self.numbers[1].contains(&local.minute())
            && self.numbers[0].contains(&local.second())
    }

    /// The first `count` times after `after`, before the midnight `until`.
    fn first_between(
        &self,
        after: NaiveDateTime,
        until: NaiveDateTime,
        count: usize,
    ) -> Vec<NaiveDateTime> {
        let [seconds, minutes, hours, ..] = &self.numbers;
        let dates = after.date().iter_days();
        dates
            .take_while(|date| *date < until.date())
            .filter(|date| self.date(*date))
            .flat_map(|date| hours.iter().map(move |hour| (date, *hour)))
            .flat_map(|(date, hour)| minutes.iter().map(move |minute| (date, hour, *minute)))
            .flat_map(|(date, hour, minute)| {
                let seconds = seconds.iter();
                seconds.map(move |second| date.and_hms_opt(hour, minute, *second).unwrap())
            })
            .filter(|at| *at > after)
            .take(count)
            .collect()
    }
}

/// What strangers may write: letters of expressions in fields, macros, and anything at all.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-0-9*?/,#LWMONFRIJAN]{0,6}( [-0-9*?/,#LWMONFRIJAN]{1,6}){4,7}",
        "[0-9*][0-9]? [0-9*] [0-9*] [-0-9*?LW]{1,4} [0-9*] [-0-9*?L#]{1,3}( [-0-9/*]{1,5})?",
        "@(every|at|EVERY|daily) ?[-0-9dhmsTZ:+ ]{0,24}",
        "\\PC{0,40}",
        "\\PC*",
    ]
}

/// A well-formed expression with one character replaced.
fn any_misprint() -> impl Strategy<Value = String> {
    let texts = [
        "0 0 3 * * ?",
        "15/5 0-30/10 22-2 L-3W JAN,NOV-FEB ? 2026-2030/2",
        "0 0 8 ? * FRI#3",
        "*/5 8-18 1-7 * MON-FRI",
        "@every 1d2h30m5s",
        "@at 2026-11-21T08:00:00+08:00",
    ];
    (0..texts.len(), any::<prop::sample::Index>(), any::<char>()).prop_map(move |(text, at, c)| {
        let mut chars: Vec<char> = texts[text].chars().collect();
        let at = at.index(chars.len());
        chars[at] = c;
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_text_is_refused_at_a_place_in_it_or_fires_in_order(
        text in prop_oneof![any_text(), any_misprint()], start in any::<i64>()
    ) {
        match CronExpr::parse(&text) {
            Err(error) => {
                prop_assert!(error.position <= text.chars().count(), "{error}");
                prop_assert!(!error.message.is_empty());
            }
            Ok(expr) => {
                let after = crate::clock::from_millis(start);
                let fires: Vec<_> = expr.fires(America::Santiago, after).take(3).collect();
                prop_assert!(fires.iter().all(|at| *at > after));
                prop_assert!(fires.is_sorted_by(|a, b| a < b));
            }
        }
    }
}

proptest! {
    #[test]
    fn fires_ascend_and_start_after_the_given_instant(
        text in any_expr(), zone in 0..ZONES.len(), start in 0i64..2_000_000_000_000
    ) {
        let after = crate::clock::from_millis(start);
        let expr = parse(&text);
        let fires: Vec<_> = expr.fires(ZONES[zone], after).take(50).collect();
        prop_assert!(fires.first().is_none_or(|at| *at > after));
        prop_assert!(fires.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_fire_does_not_depend_on_where_the_search_starts(
        text in any_expr(), zone in 0..ZONES.len(), start in 0i64..2_000_000_000, steps in 1usize..40
    ) {
        let expr = parse(&text);
        let mut at = crate::clock::from_millis(start * 1000);
        let expected: Vec<_> = expr.fires(ZONES[zone], at).take(steps).collect();
        for fire in expected {
            prop_assert_eq!(expr.fires(ZONES[zone], at).next(), Some(fire));
            at = fire;
        }
    }

    #[test]
    fn plain_fields_in_utc_fire_as_told_number_by_number(
        text in any_plain_expr(), start in 0i64..1_900_000_000
    ) {
        let after = crate::clock::from_millis(start * 1000);
        let until = day_start(UTC, local_date(UTC, after) + Days::new(1000));
        let expected = Told::new(&text).first_between(after.naive_utc(), until.naive_utc(), 20);
        let expr = parse(&text);
        let fires = expr.fires(UTC, after).take_while(|at| *at < until).take(20);
        prop_assert_eq!(fires.map(|at| at.naive_utc()).collect::<Vec<_>>(), expected);
    }
}
