//! The fields of an expression: what each may hold and what it holds.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

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
pub(super) const YEARS: std::ops::RangeInclusive<i32> = 1970..=2099;

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

/// A set of small numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bits(u64);

impl Bits {
    pub(super) fn insert(&mut self, n: u32) {
        debug_assert!(n < 64);
        self.0 |= 1 << n;
    }

    pub(super) const fn contains(self, n: u32) -> bool {
        n < 64 && self.0 >> n & 1 == 1
    }

    pub(super) const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The least member that is not below `n`.
    const fn at_or_after(self, n: u32) -> Option<u32> {
        if n >= 64 || self.0 >> n == 0 {
            return None;
        }
        Some(n + (self.0 >> n).trailing_zeros())
    }
}

impl FromIterator<u32> for Bits {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut bits = Self::default();
        numbers.into_iter().for_each(|n| bits.insert(n));
        bits
    }
}

/// Which dates an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayRule {
    pub(super) days: Bits,
    /// 0 = Sunday.
    pub(super) weekdays: Bits,
    /// Unix: where both are restricted, one of them is enough.
    pub(super) either: bool,
}

impl DayRule {
    fn matches(&self, date: NaiveDate) -> bool {
        let day = self.days.contains(date.day());
        let weekday = self
            .weekdays
            .contains(date.weekday().num_days_from_sunday());
        if self.either {
            day || weekday
        } else {
            day && weekday
        }
    }
}

/// What the fields hold; a time without a zone either matches them or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) seconds: Bits,
    pub(super) minutes: Bits,
    pub(super) hours: Bits,
    pub(super) day_rule: DayRule,
    pub(super) months: Bits,
    /// `None` = every year of [`YEARS`].
    pub(super) years: Option<std::collections::BTreeSet<i32>>,
}

impl Fields {
    /// The first matching time that is not before `from`.
    pub(super) fn at_or_after(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let today = self.date_at_or_after(from.date())?;
        if today > from.date() {
            return Some(today.and_time(self.first_time()));
        }
        if let Some(time) = self.time_at_or_after(from.time()) {
            return Some(today.and_time(time));
        }
        let later = self.date_at_or_after(today.succ_opt()?)?;
        Some(later.and_time(self.first_time()))
    }

    fn date_at_or_after(&self, from: NaiveDate) -> Option<NaiveDate> {
        let mut date = from;
        for year in from.year().max(*YEARS.start())..=*YEARS.end() {
            if self.years.as_ref().is_some_and(|set| !set.contains(&year)) {
                continue;
            }
            date = date.max(NaiveDate::from_ymd_opt(year, 1, 1)?);
            while let Some(month) = self.months.at_or_after(date.month()) {
                if month > date.month() {
                    date = NaiveDate::from_ymd_opt(year, month, 1)?;
                }
                let in_month = date.iter_days().take_while(|day| day.month() == month);
                if let Some(found) = in_month.into_iter().find(|day| self.day_rule.matches(*day)) {
                    return Some(found);
                }
                if month == 12 {
                    break;
                }
                date = NaiveDate::from_ymd_opt(year, month + 1, 1)?;
            }
        }
        None
    }

    fn first_time(&self) -> NaiveTime {
        self.time_at_or_after(NaiveTime::MIN)
            .expect("the parser leaves no field empty")
    }

    fn time_at_or_after(&self, from: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute) = (from.hour(), from.minute());
        if self.hours.contains(hour) {
            let second = self.seconds.at_or_after(from.second());
            if let (true, Some(second)) = (self.minutes.contains(minute), second) {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = self.minutes.at_or_after(minute + 1) {
                return NaiveTime::from_hms_opt(hour, minute, self.seconds.at_or_after(0)?);
            }
        }
        NaiveTime::from_hms_opt(
            self.hours.at_or_after(hour + 1)?,
            self.minutes.at_or_after(0)?,
            self.seconds.at_or_after(0)?,
        )
    }
}
