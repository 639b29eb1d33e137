//! The fields of an expression: what each may hold and what it holds.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::month_day::MonthDay;

/// One field of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
    Year,
}

/// The years an expression can name, and beyond which it never fires.
pub(super) const YEARS: RangeInclusive<u32> = 1970..=2099;

const MONTHS: &[&str] = &[
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Field {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Second => "seconds",
            Self::Minute => "minutes",
            Self::Hour => "hours",
            Self::Day => "day of month",
            Self::Month => "month",
            Self::Weekday => "day of week",
            Self::Year => "year",
        }
    }

    /// The names a field takes in place of numbers, in the order of the numbers.
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => MONTHS,
            Self::Weekday => WEEKDAYS,
            Self::Second | Self::Minute | Self::Hour | Self::Day | Self::Year => &[],
        }
    }
}

/// The numbers that each field of an expression holds; only `years` may be left out.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) seconds: BTreeSet<u32>,
    pub(super) minutes: BTreeSet<u32>,
    pub(super) hours: BTreeSet<u32>,
    pub(super) days: BTreeSet<u32>,
    pub(super) months: BTreeSet<u32>,
    /// 1 = Sunday.
    pub(super) weekdays: BTreeSet<u32>,
    /// The one day that a month has, where a day field names it; both are unrestricted then.
    pub(super) month_day: Option<MonthDay>,
    /// `None` = every year of [`YEARS`].
    pub(super) years: Option<BTreeSet<u32>>,
    /// Unix: where both day fields are restricted, one of them is enough.
    pub(super) either_day: bool,
}
