use chrono_tz::{America, Asia, UTC};

use super::tests::{first, parse, refused, utc};
use super::*;

fn within(text: &str, validity: Validity, after: &str, count: usize) -> Vec<String> {
    let expr = parse(text);
    let fires = expr.fires_within(UTC, validity, utc(after)).take(count);
    fires.map(|at| at.format("%F %T").to_string()).collect()
}

#[test]
fn every_counts_from_the_local_midnight_of_1970() {
    assert_eq!(
        first("@every 7h", Asia::Shanghai, "1969-12-31T15:00:00Z", 3),
        [
            "1970-01-01 00:00:00",
            "1970-01-01 07:00:00",
            "1970-01-01 14:00:00"
        ]
    );
    assert_eq!(
        first("@EVERY 1m30s", UTC, "2026-11-20T00:00:00Z", 2),
        ["2026-11-20 00:01:30", "2026-11-20 00:03:00"]
    );
}

#[test]
fn every_counts_from_the_start_of_its_validity_if_it_has_one() {
    let from = Validity {
        from: Some(utc("2026-11-20T10:00:05Z")),
        until: None,
    };
    let fires = [
        "2026-11-20 10:00:05",
        "2026-11-20 11:30:05",
        "2026-11-20 13:00:05",
    ];
    assert_eq!(
        within("@every 1h30m", from, "2020-01-01T00:00:00Z", 3),
        fires
    );
    assert_eq!(
        within("@every 1h30m", from, "2026-11-20T10:00:05Z", 2),
        fires[1..]
    );
    let later = Validity {
        from: Some(utc("2026-11-20T10:00:04.001Z")),
        until: None,
    };
    assert_eq!(
        within("@every 1h30m", later, "2020-01-01T00:00:00Z", 3),
        fires
    );
}

#[test]
fn every_follows_elapsed_time_when_the_clock_is_turned() {
    // New York turned it from 02:00 to 03:00 on 8 March 2026.
    let ny = America::New_York;
    assert_eq!(
        first("@every 1d", ny, "2026-03-07T06:00:00Z", 2),
        ["2026-03-08 00:00:00", "2026-03-09 01:00:00"]
    );
}

#[test]
fn every_ends_with_the_calendar_and_survives_its_bounds() {
    let all = parse("@every 366d");
    let fires = all.fires(UTC, Timestamp::MIN_UTC);
    assert_eq!(fires.clone().count(), 130);
    assert_eq!(fires.last(), Some(utc("2099-04-08T00:00:00Z")));
    assert_eq!(all.fires(UTC, Timestamp::MAX_UTC).next(), None);
    for bound in [Timestamp::MIN_UTC, Timestamp::MAX_UTC] {
        let validity = Validity {
            from: Some(bound),
            until: Some(bound),
        };
        assert_eq!(all.fires_within(UTC, validity, bound).next(), None);
    }
}

#[test]
fn at_fires_once() {
    let instant = ["2026-11-21 08:00:00"];
    for text in [
        "@at 2026-11-21 08:00",
        "@at 2026-11-21 08:00:00",
        "@at 2026-11-21T08:00",
        "@At 2026-11-21t00:00:00z",
        "@at 2026-11-21T00:00Z",
        "@at 2026-11-20 19:00:00-05:00",
    ] {
        let after = "2026-11-20T00:00:00Z";
        assert_eq!(first(text, Asia::Shanghai, after, 3), instant, "{text}");
        let after = "2026-11-21T00:00:00Z";
        assert!(first(text, Asia::Shanghai, after, 1).is_empty(), "{text}");
    }
    assert_eq!(
        first(
            "@at 2026-03-08 02:30",
            America::New_York,
            "2026-01-01T00:00:00Z",
            2
        ),
        ["2026-03-08 03:00:00"]
    );
}

#[test]
fn a_validity_holds_its_start_and_not_its_end() {
    let validity = Validity {
        from: Some(utc("2026-11-20T03:00:00Z")),
        until: Some(utc("2026-11-22T03:00:00Z")),
    };
    let fires = ["2026-11-20 03:00:00", "2026-11-21 03:00:00"];
    for text in ["0 0 3 * * ?", "@every 24h"] {
        assert_eq!(within(text, validity, "2026-01-01T00:00:00Z", 9), fires);
    }
    assert_eq!(
        within("0 0 3 * * ?", validity, "2026-11-20T03:00:00Z", 9),
        fires[1..]
    );
    assert!(within("@at 2026-11-22 03:00", validity, "2026-01-01T00:00:00Z", 1).is_empty());
    assert!(validity.contains(utc("2026-11-20T03:00:00Z")));
    assert!(!validity.contains(utc("2026-11-22T03:00:00Z")));
    assert!(!validity.is_empty());
    assert!(Validity::ALWAYS.contains(Timestamp::MAX_UTC));
}

#[test]
fn the_macros_that_count_time_are_macros() {
    assert_eq!(parse("@every 1s").kind(), CronKind::Macro);
    assert!(parse("@every 59s").more_often_than_a_minute());
    assert!(!parse("@every 1m").more_often_than_a_minute());
    assert!(!parse("@at 2026-11-21 08:00").more_often_than_a_minute());
}

#[test]
fn an_interval_that_cannot_be_read_is_refused_with_its_place() {
    let units = "one of the units d, h, m and s must stand here, each once, in this order";
    let length = "an interval is at least 1s and at most 366d long";
    refused(
        "@every",
        "an interval must follow \"@every\", as in \"@every 1h30m\"",
        7,
    );
    refused(
        "@every h",
        "write an interval as numbers and units, as in \"1h30m\"",
        8,
    );
    refused("@every 90", units, 10);
    refused("@every 1h2h", units, 11);
    refused("@every 1.5h", units, 9);
    refused("@every 0s", length, 8);
    refused("@every 4294967295d", length, 8);
    refused(
        "@every 1h 30m",
        "nothing may follow a macro; remove the rest",
        11,
    );
}

#[test]
fn a_time_that_cannot_be_read_is_refused_with_its_place() {
    let time = "write a time of the years 1970 to 2099 as \"2026-11-21 08:00\", with seconds and an offset to UTC if needed (\"2026-11-21T08:00:00+08:00\")";
    for text in [
        "@at 2026-11-31 08:00",
        "@at 2026-11-21",
        "@at 2026-11-21 24:00",
        "@at 2026-11-21T08:00:00.5Z",
        "@at 2100-01-01 00:00",
        "@at 2026-06-30 23:59:60",
        "@at tomorrow",
    ] {
        refused(text, time, 5);
    }
    refused(
        "@at 2026-11-21 08:00 UTC",
        "nothing may follow a macro; remove the rest",
        22,
    );
    refused(
        "@at",
        "a time must follow \"@at\", as in \"@at 2026-11-21 08:00\"",
        4,
    );
}
