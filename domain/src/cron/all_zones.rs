//! The rule of summer time in every zone of the tz database.

use chrono::{NaiveDateTime, Timelike};
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

use super::properties::{Told, any_expr};
use super::tests::parse;
use super::*;
use crate::clock::from_millis;
use crate::zone::{Shift, is_second_pass, local_time, next_shift};

/// The rule of summer time told by brute force: minute by minute of elapsed time, with every shift
/// around known.
fn told_slowly(text: &str, tz: Tz, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let told = Told::new(text);
    let matches = |local: NaiveDateTime| told.time(local);
    let elapsed = |start: NaiveDateTime, end: NaiveDateTime| {
        let minutes = (start - end).num_minutes().abs();
        (-60..minutes + 60)
            .map(|minute| start + TimeDelta::minutes(minute))
            .all(|local| told.hour(local.hour()))
    };
    let mut shifts = Vec::new();
    let mut at = from - TimeDelta::days(2);
    while let Some(shift) = next_shift(tz, at, until) {
        shifts.push(shift);
        at = shift.at;
    }
    let mut fires = Vec::new();
    let mut at = from + TimeDelta::minutes(1);
    while at < until {
        let local = local_time(tz, at);
        let repeats = is_second_pass(tz, at)
            && shifts
                .iter()
                .rfind(|shift| shift.at <= at)
                .is_some_and(|shift| !elapsed(shift.local_after(), shift.local_before()));
        let ends_gap = shifts.iter().any(|shift| {
            let left_out = (shift.local_after() - shift.local_before()).num_minutes();
            shift.at == at
                && !elapsed(shift.local_before(), shift.local_after())
                && (0..left_out).any(|m| matches(shift.local_before() + TimeDelta::minutes(m)))
        });
        if ends_gap || matches(local) && !repeats {
            fires.push(at);
        }
        at += TimeDelta::minutes(1);
    }
    fires
}

/// Expressions whose hours hold some, all or none of those that a shift touches.
const TEXTS: [&str; 6] = [
    "0 30 2 * * ?",
    "0 15 0,23 * * ?",
    "0 0/20 1-2 * * ?",
    "0 10 0-4 * * ?",
    "0 0/15 * * * ?",
    "0 45 */2 * * ?",
];

/// The first gap and the first overlap after an instant, in the order of time.
fn shifts_after(tz: Tz, start: Timestamp, until: Timestamp) -> Vec<Shift> {
    let first = next_shift(tz, start, until);
    let second = first.and_then(|first| next_shift(tz, first.at, until));
    first.into_iter().chain(second).collect()
}

#[test]
fn in_every_zone_fires_around_a_shift_are_those_told_slowly() {
    let (start, until) = (
        from_millis(1_735_689_600_000),
        from_millis(1_767_225_600_000),
    );
    let mut turned = 0;
    for tz in TZ_VARIANTS {
        for shift in shifts_after(tz, start, until) {
            turned += 1;
            let (from, until) = (
                shift.at - TimeDelta::hours(5),
                shift.at + TimeDelta::hours(6),
            );
            for text in TEXTS {
                let expr = parse(text);
                let fires: Vec<_> = expr.fires(tz, from).take_while(|at| *at < until).collect();
                assert_eq!(
                    fires,
                    told_slowly(text, tz, from, until),
                    "{text} in {tz} at {shift:?}"
                );
            }
        }
    }
    assert!(turned > 300, "only {turned} shifts were looked at");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn fires_around_a_shift_of_any_zone_are_those_told_slowly(
        text in any_expr(), zone in 0..TZ_VARIANTS.len(), start in 80_000_000i64..2_100_000_000
    ) {
        let tz = TZ_VARIANTS[zone];
        let start = from_millis(start / 60 * 60_000);
        let shift = next_shift(tz, start, start + TimeDelta::days(400)).map_or(start, |s| s.at);
        let (from, until) = (shift - TimeDelta::hours(26), shift + TimeDelta::hours(28));
        let expr = parse(&text);
        let fires: Vec<_> = expr.fires(tz, from).take_while(|at| *at < until).collect();
        prop_assert_eq!(fires, told_slowly(&text, tz, from, until));
    }

    #[test]
    fn a_local_time_fires_in_no_gap_and_twice_by_elapsed_time_only(
        text in any_expr(), zone in 0..TZ_VARIANTS.len(), start in 0i64..2_100_000_000
    ) {
        let tz = TZ_VARIANTS[zone];
        let told = Told::new(&text);
        let start = from_millis(start * 1000);
        let shift = next_shift(tz, start, start + TimeDelta::days(400)).map_or(start, |s| s.at);
        let expr = parse(&text);
        let fires = expr.fires(tz, shift - TimeDelta::hours(26));
        let fires: Vec<_> = fires.take_while(|at| *at < shift + TimeDelta::hours(26)).collect();
        prop_assert!(fires.is_sorted_by(|a, b| a < b));
        for at in fires {
            let local = local_time(tz, at);
            if !told.time(local) {
                let shift = next_shift(tz, at - TimeDelta::seconds(1), at);
                prop_assert!(shift.is_some_and(|shift| shift.is_gap()), "{} is not told", local);
            } else if is_second_pass(tz, at) {
                prop_assert!(told.hour(local.hour()));
                let first = expr.fires(tz, at - TimeDelta::hours(26));
                let mut first = first.take_while(|other| *other < at);
                prop_assert!(first.any(|other| local_time(tz, other) == local));
            }
        }
    }
}
