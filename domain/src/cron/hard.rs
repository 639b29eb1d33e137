//! The expressions that are easily got wrong, worked out with a calendar in hand.

use chrono_tz::{Asia, UTC};

use super::tests::first;

/// The first dates after 2026-11-20 in Shanghai.
fn dates(text: &str, count: usize) -> Vec<String> {
    let fires = first(text, Asia::Shanghai, "2026-11-19T16:00:00Z", count);
    let date = |at: String| at.split_once(' ').map(|(date, _)| date.to_owned());
    fires.into_iter().filter_map(date).collect()
}

#[test]
fn l_is_the_last_day_of_every_month_also_of_february() {
    assert_eq!(
        dates("0 0 8 L * ?", 4),
        ["2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"]
    );
    assert_eq!(dates("0 0 8 L 2 ?", 2), ["2027-02-28", "2028-02-29"]);
}

#[test]
fn l_minus_three_is_three_days_before_the_last() {
    assert_eq!(
        dates("0 0 8 L-3 * ?", 4),
        ["2026-11-27", "2026-12-28", "2027-01-28", "2027-02-25"]
    );
}

#[test]
fn lw_is_the_last_working_day() {
    // 31 January 2027 and 28 February 2027 are Sundays.
    assert_eq!(
        dates("0 0 8 LW * ?", 4),
        ["2026-11-30", "2026-12-31", "2027-01-29", "2027-02-26"]
    );
}

#[test]
fn l_minus_three_w_is_the_working_day_nearest_to_it() {
    // 28 November 2027 is a Sunday: L-2W goes on to Monday.
    assert_eq!(dates("0 0 8 L-2W 11 ?", 2), ["2026-11-27", "2027-11-29"]);
}

#[test]
fn fifteen_w_goes_back_from_saturday_and_on_from_sunday() {
    // 15 May 2027 is a Saturday, 15 August 2027 a Sunday.
    assert_eq!(dates("0 0 8 15W 5,8 ?", 2), ["2027-05-14", "2027-08-16"]);
}

#[test]
fn w_never_leaves_the_month() {
    // 1 May 2027 is a Saturday, 31 January 2027 a Sunday.
    assert_eq!(dates("0 0 8 1W 5 ?", 1), ["2027-05-03"]);
    assert_eq!(dates("0 0 8 31W 1 ?", 1), ["2027-01-29"]);
}

#[test]
fn months_without_the_day_of_w_are_left_out() {
    assert_eq!(
        dates("0 0 8 31W * ?", 4),
        ["2026-12-31", "2027-01-29", "2027-03-31", "2027-05-31"]
    );
    assert_eq!(
        dates("0 0 8 L-30W * ?", 3),
        ["2026-12-01", "2027-01-01", "2027-03-01"]
    );
    assert!(dates("0 0 8 30W 2 ?", 1).is_empty());
}

#[test]
fn the_fifth_friday_is_in_some_months_only() {
    assert_eq!(
        dates("0 0 8 ? * 6#5", 4),
        ["2027-01-29", "2027-04-30", "2027-07-30", "2027-10-29"]
    );
    assert_eq!(dates("0 0 8 ? 2 SUN#5", 1), ["2032-02-29"]);
}

#[test]
fn six_l_is_the_last_friday() {
    let fridays = ["2026-11-27", "2026-12-25", "2027-01-29"];
    assert_eq!(dates("0 0 8 ? * 6L", 3), fridays);
    assert_eq!(dates("0 0 8 ? * friL", 3), fridays);
}

#[test]
fn a_lone_l_among_weekdays_is_saturday() {
    assert_eq!(dates("0 0 8 ? * L", 2), ["2026-11-21", "2026-11-28"]);
}

#[test]
fn a_range_of_days_goes_round_the_month() {
    assert_eq!(
        dates("0 0 8 30-2 * ?", 5),
        [
            "2026-11-30",
            "2026-12-01",
            "2026-12-02",
            "2026-12-30",
            "2026-12-31"
        ]
    );
}

#[test]
fn a_day_of_the_month_may_fire_many_times() {
    assert_eq!(
        first("0 0/30 22-23 LW 2 ? 2027", UTC, "2027-02-26T22:10:00Z", 9),
        [
            "2027-02-26 22:30:00",
            "2027-02-26 23:00:00",
            "2027-02-26 23:30:00"
        ]
    );
}
