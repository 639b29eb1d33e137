//! A year of a calendar, drawn month by month.

use chrono::{Datelike, Days, Months, NaiveDate};
use hera_domain::calendar::{CalendarContent, DayOfWeek};

use crate::web::i18n::Lang;

/// The years that a person can turn to.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;

/// The twelve months of a year.
#[derive(Debug)]
pub(super) struct Year {
    pub number: i32,
    pub previous: Option<i32>,
    pub next: Option<i32>,
    /// Monday to Sunday, short.
    pub head: [&'static str; 7],
    pub months: Vec<Month>,
}

#[derive(Debug)]
pub(super) struct Month {
    pub name: &'static str,
    /// Weeks of seven places each, from Monday on.
    pub weeks: Vec<[Option<Day>; 7]>,
}

/// A day as it is drawn.
#[derive(Debug)]
pub(super) struct Day {
    pub number: u32,
    pub date: NaiveDate,
    /// It belongs to the calendar.
    pub belongs: bool,
    /// It does so, or does not, by way of exception.
    pub exception: bool,
    pub today: bool,
    /// What it is, and why.
    pub title: String,
}

impl Year {
    pub(super) fn draw(content: &CalendarContent, year: i32, today: NaiveDate, lang: Lang) -> Self {
        let year = year.clamp(*YEARS.start(), *YEARS.end());
        let month = |number: u32| {
            let first = NaiveDate::from_ymd_opt(year, number, 1)?;
            Some(Month::draw(content, first, today, lang))
        };
        Self {
            number: year,
            previous: Some(year - 1).filter(|year| YEARS.contains(year)),
            next: Some(year + 1).filter(|year| YEARS.contains(year)),
            head: lang.weekday_initials(),
            months: (1..=12).filter_map(month).collect(),
        }
    }
}

impl Month {
    fn draw(content: &CalendarContent, first: NaiveDate, today: NaiveDate, lang: Lang) -> Self {
        let end = first.checked_add_months(Months::new(1)).unwrap_or(first);
        let mut weeks = Vec::new();
        let offset = first.weekday().num_days_from_monday();
        let mut monday = first.checked_sub_days(Days::new(offset.into()));
        while let Some(start) = monday.filter(|start| *start < end) {
            weeks.push(std::array::from_fn(|place| {
                let day = start.checked_add_days(Days::new(place as u64))?;
                (first <= day && day < end).then(|| Day::draw(content, day, today, lang))
            }));
            monday = start.checked_add_days(Days::new(7));
        }
        Self {
            name: lang.month(first.month0() as usize),
            weeks,
        }
    }
}

impl Day {
    fn draw(content: &CalendarContent, day: NaiveDate, today: NaiveDate, lang: Lang) -> Self {
        let t = &lang.texts().calendars;
        let belongs = content.holds(day);
        let exception = belongs != content.weekdays.contains(&DayOfWeek::of(day));
        let what = match (belongs, exception) {
            (true, false) => t.in_it,
            (true, true) => t.is_added,
            (false, false) => t.out_of_it,
            (false, true) => t.is_removed,
        };
        let note = content.note(day);
        let note = note.map_or_else(String::new, |note| format!(" · {note}"));
        Self {
            number: day.day(),
            date: day,
            belongs,
            exception,
            today: day == today,
            title: format!("{day} · {what}{note}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_under_their_weekday_and_hold_all_their_days() {
        let content = CalendarContent {
            weekdays: DayOfWeek::ALL[..5].iter().copied().collect(),
            removed: [("2026-10-01".parse().unwrap(), "国庆节".to_owned())].into(),
            ..CalendarContent::default()
        };
        let year = Year::draw(&content, 2026, "2026-10-02".parse().unwrap(), Lang::Zh);
        let october = &year.months[9];
        let first = october.weeks[0][3].as_ref().unwrap();
        assert!(october.weeks[0][2].is_none(), "it is a Thursday");
        assert_eq!(
            (first.number, first.belongs, first.exception),
            (1, false, true)
        );
        assert!(first.title.contains("国庆节"), "{}", first.title);
        let days = |month: &Month| month.weeks.iter().flatten().flatten().count();
        let lengths: Vec<_> = year.months.iter().map(days).collect();
        assert_eq!(lengths, [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]);
        let today = october
            .weeks
            .iter()
            .flatten()
            .flatten()
            .filter(|day| day.today);
        assert_eq!(today.count(), 1);
    }

    #[test]
    fn no_year_is_out_of_reach_of_the_page() {
        let content = CalendarContent::default();
        for year in [i32::MIN, 0, 9999, i32::MAX] {
            let drawn = Year::draw(&content, year, NaiveDate::MAX, Lang::En);
            assert_eq!(drawn.months.len(), 12, "{year}");
        }
    }
}
