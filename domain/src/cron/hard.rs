//! The expressions that are easily got wrong, worked out with a calendar in hand.

use chrono_tz::{Africa, America, Asia, Australia, Pacific, UTC};

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

#[test]
fn the_sunday_on_which_a_clock_is_put_forward_fires_after_the_gap() {
    let after = "2025-08-01T00:00:00Z";
    assert_eq!(
        first("0 30 2 ? 3 1#2", America::New_York, after, 2),
        ["2026-03-08 03:00:00", "2027-03-14 03:00:00"]
    );
    assert_eq!(
        first("0 0 0 ? 9 1#1", America::Santiago, after, 2),
        ["2025-09-07 01:00:00", "2026-09-06 01:00:00"]
    );
    assert_eq!(
        first("0 15 2 ? 10 SUN#1", Australia::Lord_Howe, after, 2),
        ["2025-10-05 02:30:00", "2026-10-04 02:30:00"]
    );
    assert_eq!(
        first("0 30 2 ? 3 1#4 2026", Africa::Casablanca, after, 2),
        ["2026-03-22 03:00:00"]
    );
}

#[test]
fn the_sunday_on_which_a_clock_is_put_back_fires_once() {
    let after = "2026-01-01T00:00:00Z";
    assert_eq!(
        first("0 30 1 ? 11 1#1", America::New_York, after, 2),
        ["2026-11-01 01:30:00", "2027-11-07 01:30:00"]
    );
    assert_eq!(
        first("0 45 1 ? 4 SUN#1", Australia::Lord_Howe, after, 2),
        ["2026-04-05 01:45:00", "2027-04-04 01:45:00"]
    );
    assert_eq!(
        first("0 30 2 ? 2 1#3 2026", Africa::Casablanca, after, 2),
        ["2026-02-15 02:30:00"]
    );
    // Saturday's last hour comes twice.
    assert_eq!(
        first("0 30 23 ? 4 SAT#1", America::Santiago, after, 2),
        ["2026-04-04 23:30:00", "2027-04-03 23:30:00"]
    );
}

#[test]
fn a_last_friday_that_was_left_out_fires_at_the_first_instant_after_it() {
    assert_eq!(
        first(
            "0 0 3 ? 12 6L 2011",
            Pacific::Apia,
            "2011-12-01T00:00:00Z",
            2
        ),
        ["2011-12-31 00:00:00"]
    );
}
