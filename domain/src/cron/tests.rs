use chrono::{DateTime, Timelike, Utc};
use chrono_tz::{Africa, America, Asia, Australia, Europe, Pacific, UTC};

use super::*;
use crate::zone::local_time;

pub(super) fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn parse(text: &str) -> CronExpr {
    CronExpr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The fires of one business day, as the wall clock shows them.
fn day(text: &str, tz: Tz, date: &str) -> Vec<String> {
    let expr = parse(text);
    let fires = expr.fires_in_day(tz, date.parse().unwrap());
    fires
        .map(|at| at.with_timezone(&tz).format("%H:%M%:z").to_string())
        .map(|text| text.trim_end_matches(":00").to_owned())
        .collect()
}

pub(super) fn first(text: &str, tz: Tz, after: &str, count: usize) -> Vec<String> {
    let fires = parse(text);
    let fires = fires.fires(tz, utc(after)).take(count);
    fires
        .map(|at| local_time(tz, at).format("%F %T").to_string())
        .collect()
}

#[test]
fn hera_s_default_fires_every_day_at_three() {
    assert_eq!(
        first("0 0 3 * * ?", Asia::Shanghai, "2026-11-19T19:00:00Z", 2),
        ["2026-11-21 03:00:00", "2026-11-22 03:00:00"]
    );
    assert_eq!(parse("0 0 3 * * ?").kind(), CronKind::Quartz);
}

#[test]
fn quartz_counts_week_days_from_sunday_as_one() {
    let monday = ["2026-11-23 00:00:00"];
    for text in [
        "0 0 0 ? * 2",
        "0 0 0 ? * MON",
        "0 0 0 * * mon",
        "0 0 0 ? * 2/7",
    ] {
        assert_eq!(
            first(text, UTC, "2026-11-20T00:00:00Z", 1),
            monday,
            "{text}"
        );
    }
    for text in ["0 0 * * 1", "0 0 * * MON"] {
        assert_eq!(
            first(text, UTC, "2026-11-20T00:00:00Z", 1),
            monday,
            "{text}"
        );
        assert_eq!(parse(text).kind(), CronKind::Unix);
    }
    for text in ["0 0 * * 0", "0 0 * * 7", "@weekly", "0 0 0 ? * 1"] {
        let sunday = ["2026-11-22 00:00:00"];
        assert_eq!(
            first(text, UTC, "2026-11-20T00:00:00Z", 1),
            sunday,
            "{text}"
        );
    }
}

#[test]
fn steps_lists_and_ranges_that_go_round_are_quartz_s() {
    let hours = |text: &str| -> Vec<u32> {
        let fires = parse(text);
        let day = fires.fires_in_day(UTC, "2026-11-20".parse().unwrap());
        day.map(|at| at.hour()).collect()
    };
    assert_eq!(hours("0 0 22-2 * * ?"), [0, 1, 2, 22, 23]);
    assert_eq!(hours("0 0 22-3/2 * * ?"), [0, 2, 22]);
    assert_eq!(hours("0 0 5/6 * * ?"), [5, 11, 17, 23]);
    assert_eq!(hours("0 0 */9 * * ?"), [0, 9, 18]);
    assert_eq!(hours("0 0 /9 * * ?"), [0, 9, 18]);
    assert_eq!(hours("0 0 1,5-6,20/2 * * ?"), [1, 5, 6, 20, 22]);
}

#[test]
fn a_range_of_days_goes_round_the_week_and_the_year() {
    assert_eq!(
        first("0 0 0 ? * FRI-MON", UTC, "2026-11-17T00:00:00Z", 5),
        [
            "2026-11-20 00:00:00",
            "2026-11-21 00:00:00",
            "2026-11-22 00:00:00",
            "2026-11-23 00:00:00",
            "2026-11-27 00:00:00"
        ]
    );
    assert_eq!(
        first("0 0 0 1 NOV-FEB ?", UTC, "2026-11-17T00:00:00Z", 4),
        [
            "2026-12-01 00:00:00",
            "2027-01-01 00:00:00",
            "2027-02-01 00:00:00",
            "2027-11-01 00:00:00"
        ]
    );
}

#[test]
fn unix_takes_either_day_when_both_are_restricted() {
    assert_eq!(
        first("0 0 13 * 5", UTC, "2026-11-10T00:00:00Z", 3),
        [
            "2026-11-13 00:00:00",
            "2026-11-20 00:00:00",
            "2026-11-27 00:00:00"
        ]
    );
    assert_eq!(
        first("0 0 1-7 * */7", UTC, "2026-11-10T00:00:00Z", 1),
        ["2026-12-06 00:00:00"]
    );
}

#[test]
fn rare_and_finished_expressions_end() {
    assert_eq!(
        first("0 0 0 29 2 ?", America::New_York, "2096-03-01T00:00:00Z", 1),
        [] as [&str; 0]
    );
    assert_eq!(
        first("0 0 0 29 2 ?", Europe::Berlin, "2026-01-01T00:00:00Z", 2),
        ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]
    );
    assert!(first("0 0 0 30 2 ?", UTC, "2026-01-01T00:00:00Z", 1).is_empty());
    assert!(first("0 0 0 1 1 ? 2020-2025", UTC, "2026-01-01T00:00:00Z", 1).is_empty());
    assert_eq!(
        first("0 0 0 1 1 ? 2020/10", UTC, "2026-01-01T00:00:00Z", 9),
        (3..=9)
            .map(|decade| format!("20{decade}0-01-01 00:00:00"))
            .collect::<Vec<_>>()
    );
    let expr = parse("* * * * * ?");
    assert_eq!(expr.fires(UTC, DateTime::<Utc>::MAX_UTC).next(), None);
    assert_eq!(
        expr.fires(UTC, DateTime::<Utc>::MIN_UTC).next(),
        Some(utc("1970-01-01T00:00:00Z"))
    );
}

#[test]
fn the_start_is_exclusive_to_the_millisecond() {
    let at = |after: &str| first("*/10 * * * * ?", UTC, after, 1);
    assert_eq!(at("2026-11-20T00:00:10Z"), ["2026-11-20 00:00:20"]);
    assert_eq!(at("2026-11-20T00:00:09.999Z"), ["2026-11-20 00:00:10"]);
    assert_eq!(at("2026-11-20T00:00:10.001Z"), ["2026-11-20 00:00:20"]);
}

#[test]
fn new_york_in_spring_drops_the_gap_for_hourly_jobs_and_moves_nightly_ones() {
    let date = "2026-03-08";
    let ny = America::New_York;
    assert_eq!(
        day("0 30 0-4 * * ?", ny, date),
        ["00:30-05", "01:30-05", "03:30-04", "04:30-04"]
    );
    assert_eq!(day("0 30 2 * * ?", ny, date), ["03:00-04"]);
    assert_eq!(day("0 */20 2 * * ?", ny, date), ["03:00-04"]);
    assert_eq!(day("0 0 2,3 * * ?", ny, date), ["03:00-04"]);
    assert_eq!(day("0 30 1-2 * * ?", ny, date), ["01:30-05", "03:00-04"]);
    assert_eq!(day("0 30 1-3 * * ?", ny, date), ["01:30-05", "03:30-04"]);
}

#[test]
fn new_york_in_autumn_repeats_for_hourly_jobs_only() {
    let date = "2026-11-01";
    let ny = America::New_York;
    assert_eq!(
        day("0 30 0-2 * * ?", ny, date),
        ["00:30-04", "01:30-04", "01:30-05", "02:30-05"]
    );
    assert_eq!(day("0 30 1 * * ?", ny, date), ["01:30-04"]);
    assert_eq!(
        day("0 0/30 1-2 * * ?", ny, date),
        ["01:00-04", "01:30-04", "02:00-05", "02:30-05"]
    );
    assert_eq!(
        parse("0 0 * * * ?")
            .fires_in_day(ny, date.parse().unwrap())
            .count(),
        25
    );
    assert_eq!(
        parse("* * 1 * * ?")
            .fires_in_day(ny, date.parse().unwrap())
            .count(),
        3600
    );
    assert_eq!(
        parse("* * * * * ?")
            .fires_in_day(ny, date.parse().unwrap())
            .count(),
        25 * 3600
    );
}

#[test]
fn lord_howe_shifts_by_half_an_hour() {
    let tz = Australia::Lord_Howe;
    // 2026-10-04: 02:00 becomes 02:30. 2026-04-05: 02:00 goes back to 01:30.
    assert_eq!(day("0 15 2 * * ?", tz, "2026-10-04"), ["02:30+11"]);
    assert_eq!(day("0 0/15 1-3 * * ?", tz, "2026-10-04").len(), 10);
    assert_eq!(day("0 45 1 * * ?", tz, "2026-04-05"), ["01:45+11"]);
    assert_eq!(
        day("0 45 * * * ?", tz, "2026-04-05")[..3],
        ["00:45+11", "01:45+11", "01:45+10:30"]
    );
}

#[test]
fn santiago_has_a_day_without_midnight() {
    let tz = America::Santiago;
    assert_eq!(day("0 0 0 * * ?", tz, "2025-09-07"), ["01:00-03"]);
    assert_eq!(day("0 30 0 * * ?", tz, "2025-09-07"), ["01:00-03"]);
    assert_eq!(day("0 0 0-1 * * ?", tz, "2025-09-07"), ["01:00-03"]);
    assert_eq!(day("0 0 * * * ?", tz, "2025-09-07").len(), 23);
    // In autumn 23:00–24:00 of the day before comes twice.
    assert_eq!(day("0 30 23 * * ?", tz, "2025-04-05"), ["23:30-03"]);
    assert_eq!(day("0 0 * * * ?", tz, "2025-04-05").len(), 25);
}

#[test]
fn the_last_hour_of_the_only_date_can_come_twice() {
    let tz = America::Sao_Paulo;
    assert_eq!(
        day("0 30 * 17 2 ? 2018", tz, "2018-02-17").last_chunk::<2>(),
        Some(&["23:30-02".to_owned(), "23:30-03".to_owned()])
    );
}

#[test]
fn casablanca_turns_its_clock_around_ramadan() {
    let tz = Africa::Casablanca;
    // 2026: back at 03:00 on 15 February, forward at 02:00 on 22 March.
    assert_eq!(day("0 30 2 * * ?", tz, "2026-02-15"), ["02:30+01"]);
    assert_eq!(day("0 30 2 * * ?", tz, "2026-03-22"), ["03:00+01"]);
    assert_eq!(day("0 0 * * * ?", tz, "2026-02-15").len(), 25);
    assert_eq!(day("0 0 * * * ?", tz, "2026-03-22").len(), 23);
}

#[test]
fn a_whole_day_that_was_left_out_fires_once_at_its_end() {
    let tz = Pacific::Apia;
    assert!(day("0 0 3 * * ?", tz, "2011-12-30").is_empty());
    assert_eq!(
        day("0 0 3 * * ?", tz, "2011-12-31"),
        ["00:00+14", "03:00+14"]
    );
    assert_eq!(day("0 0 * * * ?", tz, "2011-12-31").len(), 24);
}

#[test]
fn more_often_than_a_minute_is_seen() {
    assert!(parse("0/30 * * * * ?").more_often_than_a_minute());
    assert!(!parse("0 * * * * ?").more_often_than_a_minute());
    assert!(!parse("* * * * *").more_often_than_a_minute());
}

#[track_caller]
pub(super) fn refused(text: &str, message: &str, character: usize) {
    let error = CronExpr::parse(text).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{message} (at character {character})"),
        "{text:?}"
    );
}

#[test]
fn a_wrong_number_of_fields_is_refused_with_what_to_write() {
    let fields = "write 6 or 7 (seconds first, as Quartz does) or 5 (Unix cron)";
    refused(
        "0 0 3 * * ? 2026 x",
        &format!("found 8 fields; {fields}"),
        18,
    );
    refused("0 0 3", &format!("found 3 fields; {fields}"), 6);
    refused(
        " ",
        "the expression is empty; write for example \"0 0 3 * * ?\" (every day at 03:00)",
        1,
    );
    refused(
        "@never",
        "\"@never\" is no macro; use one of @hourly, @daily, @weekly, @monthly, @yearly, @every and @at",
        1,
    );
    refused("@daily x", "nothing may follow a macro; remove the rest", 8);
}

#[test]
fn a_value_that_cannot_be_is_refused_with_its_field_and_place() {
    refused("0 0 25 * * ?", "hours: 25 is out of range; use 0 to 23", 5);
    refused(
        "0 99999999999 3 * * ?",
        "minutes: 99999999999 is out of range; use 0 to 59",
        3,
    );
    refused(
        "0 0 3 ? * 1-8",
        "day of week: 8 is out of range; use 1 to 7",
        13,
    );
    refused(
        "0 0 3 ? * MONDAY",
        "day of week: \"MONDAY\" is not known; use SUN to SAT or a number",
        11,
    );
    refused(
        "0 0 3 ? * 2-FRI",
        "day of week: a range needs two names or two numbers",
        13,
    );
    refused(
        "0 0/0 3 * * ?",
        "minutes: a number from 1 to 59 must follow \"/\"",
        5,
    );
    refused(
        "0 0 3 * * ? 2027-2026",
        "year: the range 2027-2026 runs backwards; swap its ends",
        13,
    );
    refused(
        "0 1,,2 3 * * ?",
        "minutes: a value is missing before \",\"",
        5,
    );
    refused("0 1, 3 * * ?", "minutes: a value is missing at the end", 5);
}

#[test]
fn junk_that_quartz_would_ignore_is_refused() {
    refused(
        "0 *x 3 * * ?",
        "minutes: \"x\" cannot stand here; remove it",
        4,
    );
    refused(
        "0 5x 3 * * ?",
        "minutes: \"x\" cannot stand here; remove it",
        4,
    );
    refused(
        "0 0 3 * * ?x",
        "day of week: nothing may follow \"?\" in its field; remove the rest",
        12,
    );
    refused(
        "0 0 3 ？ * ?",
        "day of month: \"？\" cannot stand here; remove it",
        7,
    );
    refused(
        "0 0 3 ? * MON-FRI/2",
        "day of week: a step cannot follow names; write numbers, as in \"2-6/2\"",
        18,
    );
}

#[test]
fn the_two_day_fields_need_one_question_mark() {
    refused(
        "0 0 3 ? * ?",
        "\"?\" stands in both day fields; write \"*\" in one of them",
        11,
    );
    refused(
        "0 0 3 1 * 2",
        "day of month and day of week are both given; write \"?\" in one of them",
        11,
    );
    refused(
        "? 0 3 * * ?",
        "seconds: \"?\" is for the two day fields only; write \"*\"",
        1,
    );
    refused(
        "0 3 * * ?",
        "day of week: \"?\" belongs to the form with seconds; put them first, as in \"0 0 3 * * ?\", or write \"*\"",
        9,
    );
    refused(
        "5/15 * * * *",
        "minutes: in Unix cron a step needs a range; write \"5-59/15\" or \"*/15\"",
        2,
    );
}

#[test]
fn a_day_of_the_month_stands_alone_in_its_field() {
    refused(
        "0 0 3 15W-20W * ?",
        "day of month: nothing may follow \"15W\" in its field; remove the rest",
        10,
    );
    refused(
        "0 0 3 L,15 * ?",
        "day of month: \"L\" cannot stand in a list; let it stand alone",
        8,
    );
    refused(
        "0 0 3 1,15W * ?",
        "day of month: \"W\" follows one day alone in its field, as in \"15W\" or \"LW\"",
        11,
    );
    refused(
        "0 0 3 ? * 6#3,2#1",
        "day of week: \"6#3\" cannot stand in a list; let it stand alone",
        14,
    );
    refused(
        "0 0 3 ? * MON-FRIL",
        "day of week: \"L\" follows one day alone in its field, as in \"6L\" (the last Friday)",
        18,
    );
    refused(
        "0 0 3 15W * MON",
        "day of month and day of week are both given; write \"?\" in one of them",
        13,
    );
}

#[test]
fn the_numbers_of_a_day_of_the_month_have_bounds() {
    refused(
        "0 0 3 L-31 * ?",
        "day of month: a number from 0 to 30 must follow \"L-\"",
        9,
    );
    refused(
        "0 0 3 32W * ?",
        "day of month: a number from 1 to 31 must stand before \"W\"",
        7,
    );
    refused(
        "0 0 3 ? * FRI#6",
        "day of week: a number from 1 to 5 must follow \"#\"",
        15,
    );
    refused(
        "0 0 3 ? * 8L",
        "day of week: 8 is out of range; use 1 to 7",
        11,
    );
    refused(
        "0 0 5L * * ?",
        "hours: \"L\" cannot stand here; remove it",
        6,
    );
    refused(
        "0 3 L * *",
        "day of month: \"L\" belongs to the form with seconds; put them first, as in \"0 0 3 L * ?\"",
        5,
    );
}
