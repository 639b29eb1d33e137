//! The one day of a month that `L`, `W` and `#` name.

use chrono::{Datelike, Days, NaiveDate};

/// One day of each month that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthDay {
    /// `L`, `L-3`: so many days before the last one.
    Last { before: u32 },
    /// `LW`, `L-3W`: the working day nearest to that.
    LastWorkday { before: u32 },
    /// `15W`: the working day nearest to a day.
    Workday { day: u32 },
    /// `6#3`: a day of the week (1 = Sunday) for the `nth` time.
    Nth { weekday: u32, nth: u32 },
    /// `6L`: a day of the week (1 = Sunday) for the last time.
    LastWeekday { weekday: u32 },
}

impl MonthDay {
    /// The day in the month that begins with `first`, if that month has it.
    pub(super) fn in_month(self, first: NaiveDate) -> Option<NaiveDate> {
        let length = u32::from(first.num_days_in_month());
        let first_weekday = |weekday| (weekday + 7 - first.weekday().number_from_sunday()) % 7 + 1;
        let day = match self {
            Self::Last { before } => length.checked_sub(before)?,
            Self::LastWorkday { before } => workday(first, length.checked_sub(before)?, length)?,
            Self::Workday { day } => workday(first, day, length)?,
            Self::Nth { weekday, nth } => first_weekday(weekday) + (nth - 1) * 7,
            Self::LastWeekday { weekday } => {
                let day = first_weekday(weekday);
                day + (length - day) / 7 * 7
            }
        };
        first.with_day(day)
    }

    /// The first such day that is not before `from`, in the months that are `included`.
    pub(super) fn at_or_after(
        self,
        from: NaiveDate,
        last_year: i32,
        included: impl Fn(NaiveDate) -> bool,
    ) -> Option<NaiveDate> {
        let months = std::iter::successors(from.with_day(1), |first| {
            let next = *first + Days::new(first.num_days_in_month().into());
            (next.year() <= last_year).then_some(next)
        });
        months
            .filter(|first| included(*first))
            .filter_map(|first| self.in_month(first))
            .find(|date| *date >= from)
    }
}

/// Of Monday to Friday the day nearest to `day`, in the same month.
fn workday(first: NaiveDate, day: u32, length: u32) -> Option<u32> {
    Some(match first.with_day(day)?.weekday().number_from_sunday() {
        7 if day == 1 => 3,
        7 => day - 1,
        1 if day == length => day - 2,
        1 => day + 1,
        _ => day,
    })
}
