//! Local time: the offset of a zone, where it changes, and business days.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::clock::{Timestamp, from_millis};

/// Two changes of one zone's offset are never closer than this.
const STEP: TimeDelta = TimeDelta::hours(12);

/// No local time is farther than this from the UTC time of the same digits.
const WIDEST: TimeDelta = TimeDelta::hours(26);

/// An instant at which a zone's offset to UTC changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shift {
    /// The first instant with the new offset.
    pub(crate) at: Timestamp,
    pub(crate) before: TimeDelta,
    pub(crate) after: TimeDelta,
}

impl Shift {
    /// What the local clock would show at the shift had it gone on.
    pub(crate) fn local_before(&self) -> NaiveDateTime {
        self.at.naive_utc() + self.before
    }

    /// What the local clock shows at the shift.
    pub(crate) fn local_after(&self) -> NaiveDateTime {
        self.at.naive_utc() + self.after
    }

    /// Whether the local clock jumps forward, leaving times out.
    pub(crate) fn is_gap(&self) -> bool {
        self.after > self.before
    }
}

/// The instants this file reckons with: the years of four digits. Whatever lies outside is taken
/// for the nearest of them, so that no sum can leave the calendar.
fn tame(at: Timestamp) -> Timestamp {
    const FIRST: i64 = -62_135_596_800_000;
    const LAST: i64 = 253_402_300_799_000;
    at.clamp(from_millis(FIRST), from_millis(LAST))
}

/// How far local time is ahead of UTC at `at`.
pub(crate) fn offset(tz: Tz, at: Timestamp) -> TimeDelta {
    let offset = tz.offset_from_utc_datetime(&at.naive_utc());
    TimeDelta::seconds(offset.fix().local_minus_utc().into())
}

/// What a clock in the zone shows at `at`.
pub fn local_time(tz: Tz, at: Timestamp) -> NaiveDateTime {
    let at = tame(at);
    at.naive_utc() + offset(tz, at)
}

/// The first shift in (`after`, `until`].
pub(crate) fn next_shift(tz: Tz, after: Timestamp, until: Timestamp) -> Option<Shift> {
    let mut low = after;
    while low < until {
        let high = (low + STEP).min(until);
        let (before, after) = (offset(tz, low), offset(tz, high));
        if before != after {
            let at = bisect(tz, low, high, before);
            return Some(Shift { at, before, after });
        }
        low = high;
    }
    None
}

/// The first whole second in (`low`, `high`] at which the offset is no longer `before`.
fn bisect(tz: Tz, low: Timestamp, high: Timestamp, before: TimeDelta) -> Timestamp {
    let (mut low, mut high) = (low.timestamp(), high.timestamp());
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if offset(tz, from_millis(middle * 1000)) == before {
            low = middle;
        } else {
            high = middle;
        }
    }
    from_millis(high * 1000)
}

/// The shift that makes `at` the second pass of its local time, if it is one.
pub(crate) fn repeated_by(tz: Tz, at: Timestamp) -> Option<Shift> {
    let at = tame(at);
    let local = local_time(tz, at);
    let first = tz.from_local_datetime(&local).earliest()?.to_utc();
    if first < at {
        next_shift(tz, first, at)
    } else {
        None
    }
}

/// Whether a local time of this zone comes for the second time at `at`.
pub fn is_second_pass(tz: Tz, at: Timestamp) -> bool {
    repeated_by(tz, at).is_some()
}

/// The instant at which a clock in the zone shows `local`: the first pass of a repeated time, the
/// first instant after the gap for a time that is left out.
pub fn instant_of(tz: Tz, local: NaiveDateTime) -> Timestamp {
    let local = tame(local.and_utc()).naive_utc();
    if let Some(found) = tz.from_local_datetime(&local).earliest() {
        return found.to_utc();
    }
    let (mut low, high) = (local.and_utc() - WIDEST, local.and_utc() + WIDEST);
    while let Some(shift) = next_shift(tz, low, high) {
        if shift.local_before() <= local && local < shift.local_after() {
            return shift.at;
        }
        low = shift.at;
    }
    local.and_utc() - offset(tz, local.and_utc())
}

/// The first instant of a date in the zone; where the date is left out, of the next one.
pub fn day_start(tz: Tz, date: NaiveDate) -> Timestamp {
    instant_of(tz, date.and_time(NaiveTime::MIN))
}

/// The business day that holds an instant: [`day_start`] of it is not after `at`, that of the next
/// day is. It differs from the date on the wall clock only where midnight comes twice.
pub fn local_date(tz: Tz, at: Timestamp) -> NaiveDate {
    let date = local_time(tz, at).date();
    match date.checked_add_days(Days::new(1)) {
        Some(next) if day_start(tz, next) <= at => next,
        Some(_) | None => date,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America, Asia, Pacific, UTC};

    fn utc(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_starts_at_its_first_instant_even_without_a_midnight() {
        let santiago = America::Santiago;
        let start = day_start(santiago, date("2025-09-07"));
        assert_eq!(start, utc("2025-09-07T04:00:00Z"));
        assert_eq!(
            local_time(santiago, start).to_string(),
            "2025-09-07 01:00:00"
        );
        assert_eq!(
            day_start(Asia::Shanghai, date("2026-11-20")),
            utc("2026-11-19T16:00:00Z")
        );
    }

    #[test]
    fn a_date_that_was_left_out_has_no_instants() {
        let apia = Pacific::Apia;
        assert_eq!(
            day_start(apia, date("2011-12-30")),
            day_start(apia, date("2011-12-31"))
        );
    }

    #[test]
    fn business_days_do_not_interleave_where_midnight_comes_twice() {
        // St. John's turned its clocks from 00:01 back to 23:01.
        let tz = America::St_Johns;
        let shift = utc("2010-11-07T02:31:00Z");
        assert_eq!(local_time(tz, shift).date(), date("2010-11-06"));
        assert_eq!(local_date(tz, shift), date("2010-11-07"));
        let before = day_start(tz, date("2010-11-07"));
        assert_eq!(local_date(tz, before), date("2010-11-07"));
        assert_eq!(
            local_date(tz, before - TimeDelta::milliseconds(1)),
            date("2010-11-06")
        );
    }

    #[test]
    fn the_ends_of_the_calendar_are_no_trap() {
        for tz in [Pacific::Apia, America::New_York] {
            assert!(day_start(tz, NaiveDate::MAX) > day_start(tz, NaiveDate::MIN));
            assert!(local_date(tz, Timestamp::MAX_UTC) > local_date(tz, Timestamp::MIN_UTC));
            assert!(!is_second_pass(tz, Timestamp::MAX_UTC));
        }
    }

    #[test]
    fn shifts_are_found_to_the_second() {
        let year = (utc("2026-01-01T00:00:00Z"), utc("2027-01-01T00:00:00Z"));
        let spring = next_shift(America::New_York, year.0, year.1).unwrap();
        assert_eq!(spring.at, utc("2026-03-08T07:00:00Z"));
        assert!(spring.is_gap());
        let autumn = next_shift(America::New_York, spring.at, year.1).unwrap();
        assert_eq!(autumn.at, utc("2026-11-01T06:00:00Z"));
        assert!(!autumn.is_gap());
        assert_eq!(next_shift(America::New_York, autumn.at, year.1), None);
        assert_eq!(next_shift(UTC, year.0, year.1), None);
    }

    #[test]
    fn the_second_pass_of_a_local_time_is_told_from_the_first() {
        let tz = America::New_York;
        assert!(!is_second_pass(tz, utc("2026-11-01T05:30:00Z")));
        assert!(is_second_pass(tz, utc("2026-11-01T06:30:00Z")));
        assert!(!is_second_pass(tz, utc("2026-11-01T07:00:00Z")));
    }
}
