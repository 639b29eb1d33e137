//! What the real Quartz 2.3.2 answers; `tests/quartz/QuartzVectors.java` asked it.

use chrono::NaiveDateTime;

use super::tests::parse;
use super::*;
use crate::zone::{instant_of, local_time};

const FIRES: &str = include_str!("../../tests/data/quartz-fires.tsv");
const REFUSED: &str = include_str!("../../tests/data/quartz-refused.tsv");

/// Here Quartz takes a day that the month lacks for one of a month beside it, or never comes back
/// (`endless`): a 31st of June became the 30th in 2028 but not in 2029. We leave such months out.
const QUARTZ_LEAVES_THE_MONTH: [&str; 4] = ["31W", "L-28W", "L-29W", "L-30W"];

#[test]
fn expressions_fire_as_in_quartz() {
    let mut wrong = Vec::new();
    let lines = FIRES.lines().skip(1);
    assert!(lines.clone().count() >= 400);
    for line in lines {
        let [zone, after, text, fires] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let tz: Tz = zone.parse().unwrap();
        let after: NaiveDateTime = after.parse().unwrap();
        let expr = parse(text);
        let found = expr.fires(tz, instant_of(tz, after)).take(10);
        let found = found.map(|at| local_time(tz, at).format("%FT%T").to_string());
        let found = found.collect::<Vec<_>>().join(" ");
        let leaves = |day| text == format!("0 0 8 {day} * ?");
        if found != fires && !QUARTZ_LEAVES_THE_MONTH.into_iter().any(leaves) {
            wrong.push(format!(
                "{text} in {zone} after {after}\n  quartz {fires}\n  found  {found}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} wrong",
        wrong.join("\n"),
        wrong.len()
    );
}

/// What Quartz refuses and we understand: Unix's form, macros, and `*` in both day fields.
const MORE_THAN_QUARTZ: [&str; 3] = ["0 0 3 * *", "0 0 3 1 * *", "@daily"];

#[test]
fn what_quartz_refuses_is_refused_with_a_place_in_the_text() {
    let texts = REFUSED.lines().skip(1);
    let texts = texts.map(|line| line.split_once('\t').unwrap().0);
    let mut understood = Vec::new();
    for text in texts {
        match CronExpr::parse(text) {
            Ok(_) => understood.push(text),
            Err(error) => assert!(error.position <= text.chars().count(), "{text}: {error}"),
        }
    }
    assert_eq!(understood, MORE_THAN_QUARTZ);
}
