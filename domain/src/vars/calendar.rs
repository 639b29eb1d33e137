//! `java.util.Calendar` as far as scripts can see it: lenient fields, weeks from Sunday, a first
//! week of at least one day. Fields that were set are resolved together when a value is needed,
//! the most recent one deciding which of them count, as the JDK documents it.

use chrono::{
    Datelike, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike,
};
use chrono_tz::Tz;

use crate::clock::{Timestamp, from_millis};
use crate::zone;

/// The years a calendar can show: four digits, and after the change to Gregory's reckoning.
const YEARS: std::ops::RangeInclusive<i64> = 1583..=9999;

/// A field, by the number that scripts use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year = 1,
    Month = 2,
    WeekOfYear = 3,
    WeekOfMonth = 4,
    DayOfMonth = 5,
    DayOfYear = 6,
    DayOfWeek = 7,
    DayOfWeekInMonth = 8,
    AmPm = 9,
    Hour = 10,
    HourOfDay = 11,
    Minute = 12,
    Second = 13,
    Millisecond = 14,
}

impl Field {
    const ALL: [Self; 14] = [
        Self::Year,
        Self::Month,
        Self::WeekOfYear,
        Self::WeekOfMonth,
        Self::DayOfMonth,
        Self::DayOfYear,
        Self::DayOfWeek,
        Self::DayOfWeekInMonth,
        Self::AmPm,
        Self::Hour,
        Self::HourOfDay,
        Self::Minute,
        Self::Second,
        Self::Millisecond,
    ];

    pub(super) fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|field| *field as i32 == number)
    }
}

/// A date beyond [`YEARS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfRange;

/// When a field was given its value; the greater, the later.
type Stamp = u32;
const UNSET: Stamp = 0;
const COMPUTED: Stamp = 1;

#[derive(Debug, Clone)]
pub(super) struct Calendar {
    tz: Tz,
    /// The instant, unless fields were set since.
    time: Option<Timestamp>,
    values: [i64; 15],
    stamps: [Stamp; 15],
    next_stamp: Stamp,
}

impl Calendar {
    pub(super) fn new(tz: Tz, at: Timestamp) -> Result<Self, OutOfRange> {
        let mut calendar = Self::cleared(tz);
        calendar.set_time(at)?;
        Ok(calendar)
    }

    /// A calendar without fields: what is not set is 1970-01-01 00:00.
    pub(super) fn cleared(tz: Tz) -> Self {
        let mut values = [0; 15];
        values[Field::Year as usize] = 1970;
        Self {
            tz,
            time: None,
            values,
            stamps: [UNSET; 15],
            next_stamp: COMPUTED + 1,
        }
    }

    pub(super) fn set(&mut self, field: Field, value: i64) {
        self.values[field as usize] = value;
        self.stamps[field as usize] = self.next_stamp;
        self.next_stamp += 1;
        self.time = None;
    }

    pub(super) fn get(&mut self, field: Field) -> Result<i64, OutOfRange> {
        self.time()?;
        Ok(self.value(field))
    }

    /// The instant, after all that was set is resolved.
    pub(super) fn time(&mut self) -> Result<Timestamp, OutOfRange> {
        if let Some(time) = self.time {
            return Ok(time);
        }
        let local = self.resolve()?;
        let time = wall_to_instant(self.tz, local);
        self.set_time(time)?;
        Ok(time)
    }

    pub(super) fn add(&mut self, field: Field, amount: i64) -> Result<(), OutOfRange> {
        if amount == 0 {
            return Ok(());
        }
        let time = self.time()?;
        let scaled = |unit: TimeDelta| {
            let amount = i32::try_from(amount).map_err(|_too_large| OutOfRange)?;
            let sum = unit
                .checked_mul(amount)
                .and_then(|delta| time.checked_add_signed(delta));
            sum.ok_or(OutOfRange)
        };
        match field {
            Field::Year => self.add_months(amount.checked_mul(12).ok_or(OutOfRange)?),
            Field::Month => self.add_months(amount),
            Field::WeekOfYear | Field::WeekOfMonth | Field::DayOfWeekInMonth => {
                self.add_days(amount * 7, TimeDelta::zero())
            }
            Field::DayOfMonth | Field::DayOfYear | Field::DayOfWeek => {
                self.add_days(amount, TimeDelta::zero())
            }
            Field::AmPm => self.add_days(amount / 2, TimeDelta::hours(12 * (amount % 2))),
            Field::Hour | Field::HourOfDay => self.set_time(scaled(TimeDelta::hours(1))?),
            Field::Minute => self.set_time(scaled(TimeDelta::minutes(1))?),
            Field::Second => self.set_time(scaled(TimeDelta::seconds(1))?),
            Field::Millisecond => self.set_time(scaled(TimeDelta::milliseconds(1))?),
        }
    }

    /// Sets year and month; the day stays unless the month is too short for it.
    fn add_months(&mut self, amount: i64) -> Result<(), OutOfRange> {
        let months = self.value(Field::Year) * 12 + self.value(Field::Month) + amount;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
        let first = first_of_month(year, month)?;
        if year != self.value(Field::Year) {
            self.set(Field::Year, year);
        }
        self.set(Field::Month, month);
        let length = i64::from(first.num_days_in_month());
        if self.value(Field::DayOfMonth) > length {
            self.set(Field::DayOfMonth, length);
        }
        Ok(())
    }

    /// Keeps the time of day over changes of the offset, except where that would change the date.
    fn add_days(&mut self, days: i64, more: TimeDelta) -> Result<(), OutOfRange> {
        let time = self.time()?;
        let before = zone::offset(self.tz, time);
        let days = TimeDelta::try_days(days).ok_or(OutOfRange)?;
        let local = time.naive_utc() + before + more;
        let local = local.checked_add_signed(days).ok_or(OutOfRange)?;
        let moved = (local - before).and_utc();
        let change = before - zone::offset(self.tz, moved);
        let adjusted = moved + change;
        if zone::local_time(self.tz, adjusted).date() == local.date() {
            self.set_time(adjusted)
        } else {
            self.set_time(moved)
        }
    }

    fn set_time(&mut self, time: Timestamp) -> Result<(), OutOfRange> {
        if !YEARS.contains(&i64::from(time.year())) {
            return Err(OutOfRange);
        }
        self.time = Some(time);
        self.stamps = [COMPUTED; 15];
        self.next_stamp = COMPUTED + 1;
        let local = zone::local_time(self.tz, time);
        let date = local.date();
        let hour = i64::from(local.hour());
        let day = i64::from(date.day());
        for (field, value) in [
            (Field::Year, i64::from(date.year())),
            (Field::Month, i64::from(date.month0())),
            (Field::WeekOfYear, week_of_year(date)),
            (
                Field::WeekOfMonth,
                week_number(fixed(date) - day + 1, fixed(date)),
            ),
            (Field::DayOfMonth, day),
            (Field::DayOfYear, i64::from(date.ordinal())),
            (
                Field::DayOfWeek,
                i64::from(date.weekday().number_from_sunday()),
            ),
            (Field::DayOfWeekInMonth, (day - 1) / 7 + 1),
            (Field::AmPm, hour / 12),
            (Field::Hour, hour % 12),
            (Field::HourOfDay, hour),
            (Field::Minute, i64::from(local.minute())),
            (Field::Second, i64::from(local.second())),
            (
                Field::Millisecond,
                i64::from(time.timestamp_subsec_millis()),
            ),
        ] {
            self.values[field as usize] = value;
        }
        Ok(())
    }

    /// The local time that the fields name.
    fn resolve(&self) -> Result<NaiveDateTime, OutOfRange> {
        let hour = if self.stamp(Field::HourOfDay) >= self.pair(Field::Hour, Field::AmPm)
            && self.stamp(Field::HourOfDay) != UNSET
        {
            self.value(Field::HourOfDay)
        } else {
            self.value(Field::Hour) + 12 * self.value(Field::AmPm)
        };
        let minutes = hour * 60 + self.value(Field::Minute);
        let millis =
            (minutes * 60 + self.value(Field::Second)) * 1000 + self.value(Field::Millisecond);
        let days = i32::try_from(self.resolve_day()?).map_err(|_too_large| OutOfRange)?;
        let date = NaiveDate::from_num_days_from_ce_opt(days).ok_or(OutOfRange)?;
        let local = date
            .and_time(NaiveTime::MIN)
            .checked_add_signed(TimeDelta::try_milliseconds(millis).ok_or(OutOfRange)?)
            .ok_or(OutOfRange)?;
        YEARS
            .contains(&i64::from(local.year()))
            .then_some(local)
            .ok_or(OutOfRange)
    }

    /// Picks the most recent group of fields that names a day, and reckons it.
    fn resolve_day(&self) -> Result<i64, OutOfRange> {
        let day_of_month = self.stamp(Field::DayOfMonth);
        let week_of_month = self.pair(Field::WeekOfMonth, Field::DayOfWeek);
        let in_month = self.pair(Field::DayOfWeekInMonth, Field::DayOfWeek);
        let day_of_year = self.stamp(Field::DayOfYear);
        let week_of_year = self.pair(Field::WeekOfYear, Field::DayOfWeek);
        let groups = [
            day_of_month,
            week_of_month,
            in_month,
            day_of_year,
            week_of_year,
        ];
        let best = groups.into_iter().max().unwrap_or(UNSET);

        let year = self.value(Field::Year);
        let month = fixed(first_of_month(year, self.value(Field::Month))?);
        let weekday = self.value(Field::DayOfWeek);
        if best == day_of_month {
            let day = if best == UNSET {
                1
            } else {
                self.value(Field::DayOfMonth)
            };
            return Ok(month + day - 1);
        }
        let newer_than_week = |field| self.stamp(field) >= self.stamp(Field::WeekOfYear);
        let by_week = best == week_of_month && newer_than_week(Field::WeekOfMonth);
        let by_place = best == in_month && newer_than_week(Field::DayOfWeekInMonth);
        if by_week || by_place {
            let place_is_newer =
                self.stamp(Field::DayOfWeekInMonth) > self.stamp(Field::WeekOfMonth);
            let tie = week_of_month == in_month;
            return if if tie {
                !place_is_newer
            } else {
                best == week_of_month
            } {
                let start = on_or_before(first_week(month) + 6, weekday);
                Ok(start + 7 * (self.value(Field::WeekOfMonth) - 1))
            } else {
                self.place_in_month(month)
            };
        }
        let new_year = fixed(first_of_month(year, 0)?);
        if best == day_of_year {
            return Ok(new_year + self.value(Field::DayOfYear) - 1);
        }
        let start = on_or_before(first_week(new_year) + 6, weekday);
        Ok(start + 7 * (self.value(Field::WeekOfYear) - 1))
    }

    /// The n-th Monday (or other day) of a month; counted from its end if n is negative.
    fn place_in_month(&self, month: i64) -> Result<i64, OutOfRange> {
        let (place, weekday) = (
            self.value(Field::DayOfWeekInMonth),
            self.value(Field::DayOfWeek),
        );
        if place >= 0 {
            return Ok(on_or_before(month + 7 * place - 1, weekday));
        }
        let next = fixed(first_of_month(
            self.value(Field::Year),
            self.value(Field::Month) + 1,
        )?);
        Ok(on_or_before(next - 1 + 7 * (place + 1), weekday))
    }

    fn value(&self, field: Field) -> i64 {
        self.values[field as usize]
    }

    fn stamp(&self, field: Field) -> Stamp {
        self.stamps[field as usize]
    }

    /// How recent two fields are together; they count only if both are there.
    fn pair(&self, a: Field, b: Field) -> Stamp {
        match (self.stamp(a), self.stamp(b)) {
            (UNSET, _) | (_, UNSET) => UNSET,
            (a, b) => a.max(b),
        }
    }
}

/// A time in a gap is read with the offset before it, a repeated one as its second pass.
fn wall_to_instant(tz: Tz, local: NaiveDateTime) -> Timestamp {
    match tz.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(_, at) => at.to_utc(),
        LocalResult::None => {
            let end = zone::instant_of(tz, local);
            let before = zone::offset(tz, from_millis(end.timestamp_millis() - 1000));
            (local - before).and_utc()
        }
    }
}

/// Days since the first of January of the year 1, counted from 1 (a Monday).
fn fixed(date: NaiveDate) -> i64 {
    date.num_days_from_ce().into()
}

/// `month` counts from 0 and may lie in another year.
fn first_of_month(year: i64, month: i64) -> Result<NaiveDate, OutOfRange> {
    let year = year.checked_add(month.div_euclid(12)).ok_or(OutOfRange)?;
    let number = u32::try_from(month.rem_euclid(12) + 1).map_err(|_never| OutOfRange)?;
    let year = i32::try_from(year).map_err(|_too_large| OutOfRange)?;
    NaiveDate::from_ymd_opt(year, number, 1).ok_or(OutOfRange)
}

/// The last day that is this day of the week (1 = Sunday) and not after `day`.
fn on_or_before(day: i64, weekday: i64) -> i64 {
    day - (day - (weekday - 1)).rem_euclid(7)
}

/// The Sunday that starts the week of a period's first day.
fn first_week(first: i64) -> i64 {
    on_or_before(first, 1)
}

fn week_number(first: i64, day: i64) -> i64 {
    (day - first_week(first)) / 7 + 1
}

/// The days of December that share a week with New Year are in week 1.
fn week_of_year(date: NaiveDate) -> i64 {
    let new_year = fixed(date) - i64::from(date.ordinal0());
    let length = if date.leap_year() { 366 } else { 365 };
    if fixed(date) >= first_week(new_year + length) {
        1
    } else {
        week_number(new_year, fixed(date))
    }
}
