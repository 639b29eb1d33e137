//! Calendars: named sets of days, by which a schedule leaves days out or moves what is due on
//! them. A calendar never changes which versions a job has, nor their business times.

mod lines;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate, Weekday};
use chrono_tz::Tz;
pub use lines::{LineError, parse_lines, to_lines};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{CalendarId, Revision};
use crate::job::FieldError;
use crate::zone::{instant_of, local_time};

/// How far a day of the calendar is looked for when something is to be moved to it.
const REACH_DAYS: u64 = 366;

const NAME_CHARS: usize = 100;
const DESCRIPTION_CHARS: usize = 2000;
const NOTE_CHARS: usize = 100;
const MAX_DAYS: usize = 4000;

/// A calendar as the engine and the pages know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarDef {
    pub id: CalendarId,
    pub revision: Revision,
    pub content: CalendarContent,
}

/// What a person edits of a calendar: some days of the week, with exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CalendarContent {
    /// Unique, and how schedules name it.
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// The days of every week that belong to it.
    #[serde(default)]
    pub weekdays: BTreeSet<DayOfWeek>,
    /// Days that belong to it whatever day of the week they are, each with a note.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub added: BTreeMap<NaiveDate, String>,
    /// Days that do not belong to it, each with a note ("National Day").
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub removed: BTreeMap<NaiveDate, String>,
}

crate::text_enum::text_enum! {
    /// The days of the week, in the order of ISO 8601.
    DayOfWeek {
        Monday = "monday",
        Tuesday = "tuesday",
        Wednesday = "wednesday",
        Thursday = "thursday",
        Friday = "friday",
        Saturday = "saturday",
        Sunday = "sunday",
    }
}

impl DayOfWeek {
    /// The day of the week of a date.
    pub fn of(day: NaiveDate) -> Self {
        match day.weekday() {
            Weekday::Mon => Self::Monday,
            Weekday::Tue => Self::Tuesday,
            Weekday::Wed => Self::Wednesday,
            Weekday::Thu => Self::Thursday,
            Weekday::Fri => Self::Friday,
            Weekday::Sat => Self::Saturday,
            Weekday::Sun => Self::Sunday,
        }
    }
}

/// What a schedule has a calendar for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CalendarRule {
    /// The calendar's name.
    pub name: String,
    pub rule: DayRule,
}

crate::text_enum::text_enum! {
    /// What becomes of a version by its business day.
    DayRule {
        /// Skipped unless its day belongs to the calendar.
        Include = "include",
        /// Skipped if its day belongs to the calendar.
        Exclude = "exclude",
        /// Due on the next day of the calendar, at the same local time.
        Next = "next",
        /// Due on the last day of the calendar before, at the same local time.
        Previous = "previous",
    }
}

/// What a calendar says of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DayVerdict {
    /// It is due at its business time.
    AsPlanned,
    /// It is due on this other day.
    Moved(NaiveDate),
    /// It is skipped when it is due and its edges are satisfied.
    Skipped,
    /// It shall be moved, but the calendar has no day for it within a year: it is not.
    NowhereToGo,
}

impl CalendarContent {
    /// Whether a day belongs to the calendar.
    pub fn holds(&self, day: NaiveDate) -> bool {
        if self.added.contains_key(&day) {
            return true;
        }
        !self.removed.contains_key(&day) && self.weekdays.contains(&DayOfWeek::of(day))
    }

    /// Makes a day belong that did not, or the other way round, by as few exceptions as possible.
    pub fn toggle(&mut self, day: NaiveDate) {
        let wanted = !self.holds(day);
        self.added.remove(&day);
        self.removed.remove(&day);
        if self.holds(day) != wanted {
            let exceptions = if wanted {
                &mut self.added
            } else {
                &mut self.removed
            };
            exceptions.insert(day, String::new());
        }
    }

    /// Why a day is an exception, if it is one and somebody has written it down.
    pub fn note(&self, day: NaiveDate) -> Option<&str> {
        let note = self.added.get(&day).or_else(|| self.removed.get(&day))?;
        Some(note.as_str()).filter(|note| !note.is_empty())
    }

    /// What becomes of a version of this business day.
    pub fn judge(&self, rule: DayRule, day: NaiveDate) -> DayVerdict {
        let holds = self.holds(day);
        match rule {
            DayRule::Include if holds => DayVerdict::AsPlanned,
            DayRule::Exclude if !holds => DayVerdict::AsPlanned,
            DayRule::Include | DayRule::Exclude => DayVerdict::Skipped,
            DayRule::Next | DayRule::Previous if holds => DayVerdict::AsPlanned,
            DayRule::Next => self.first_of(days_after(day)),
            DayRule::Previous => self.first_of(days_before(day)),
        }
    }

    /// When a version is due: at its business time, or at the same local time of the day that the
    /// calendar moves it to.
    pub fn due_at(&self, rule: DayRule, tz: Tz, at: Timestamp) -> Timestamp {
        let local = local_time(tz, at);
        match self.judge(rule, local.date()) {
            DayVerdict::Moved(day) => instant_of(tz, day.and_time(local.time())),
            DayVerdict::AsPlanned | DayVerdict::Skipped | DayVerdict::NowhereToGo => at,
        }
    }

    fn first_of(&self, mut days: impl Iterator<Item = NaiveDate>) -> DayVerdict {
        let found = days.find(|day| self.holds(*day));
        found.map_or(DayVerdict::NowhereToGo, DayVerdict::Moved)
    }

    /// Everything that is wrong, by field; nothing if it makes a calendar.
    pub fn check(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let mut add = |field: &str, message: String| wrong.push(FieldError::new(field, message));
        let name = self.name.chars().count();
        if self.name.trim().is_empty() || self.name.trim() != self.name {
            add("name", "is blank or begins or ends with a space".to_owned());
        } else if name > NAME_CHARS || self.name.contains(char::is_control) {
            add(
                "name",
                format!("takes {NAME_CHARS} characters and no control characters"),
            );
        }
        if self.description.chars().count() > DESCRIPTION_CHARS {
            let message = format!("takes {DESCRIPTION_CHARS} characters");
            add("description", message);
        }
        for (field, days) in [("added", &self.added), ("removed", &self.removed)] {
            if days.len() > MAX_DAYS {
                let count = days.len();
                add(
                    field,
                    format!("holds {count} days; keep at most {MAX_DAYS}"),
                );
            }
            // Else a line could not say it.
            let bad = |note: &String| {
                let is_long = note.chars().count() > NOTE_CHARS;
                is_long || note.contains(char::is_control) || note.trim() != note
            };
            if let Some((day, _)) = days.iter().find(|(_, note)| bad(note)) {
                let what = "one line, without a space at its ends";
                let message = format!("the note of {day} takes {NOTE_CHARS} characters: {what}");
                add(field, message);
            }
            if let Some(day) = days.keys().find(|day| !(1..=9999).contains(&day.year())) {
                add(field, format!("{day} is no day of the years 1 to 9999"));
            }
        }
        if let Some(day) = self.added.keys().find(|day| self.removed.contains_key(day)) {
            add("removed", format!("{day} is among the added days too"));
        }
        if self.weekdays.is_empty() && self.added.is_empty() {
            let message =
                "no day would belong to the calendar: choose a day of the week or add days";
            add("weekdays", message.to_owned());
        }
        wrong
    }
}

fn days_after(day: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    (1..=REACH_DAYS).map_while(move |n| day.checked_add_days(Days::new(n)))
}

fn days_before(day: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    (1..=REACH_DAYS).map_while(move |n| day.checked_sub_days(Days::new(n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Monday to Friday, with the first week of October off and a Saturday made up for it.
    fn workdays() -> CalendarContent {
        let off = (1..=7).map(|n| (day(&format!("2026-10-0{n}")), "National Day".to_owned()));
        CalendarContent {
            name: "workdays".to_owned(),
            weekdays: DayOfWeek::ALL[..5].iter().copied().collect(),
            added: [(day("2026-10-10"), String::new())].into(),
            removed: off.collect(),
            ..CalendarContent::default()
        }
    }

    #[test]
    fn exceptions_win_over_days_of_the_week() {
        let workdays = workdays();
        for (text, belongs) in [
            ("2026-09-30", true),
            ("2026-10-01", false),
            ("2026-10-08", true),
            ("2026-10-10", true),
            ("2026-10-11", false),
        ] {
            assert_eq!(workdays.holds(day(text)), belongs, "{text}");
        }
        assert_eq!(workdays.note(day("2026-10-02")), Some("National Day"));
        assert_eq!(workdays.note(day("2026-10-10")), None);
    }

    #[test]
    fn a_day_toggled_twice_is_as_before_without_needless_exceptions() {
        let mut days = workdays();
        for text in ["2026-10-01", "2026-10-08", "2026-10-10", "2026-10-11"] {
            let before = days.holds(day(text));
            days.toggle(day(text));
            assert_eq!(days.holds(day(text)), !before, "{text}");
        }
        let exceptions = (days.added.len(), days.removed.len());
        assert_eq!(exceptions, (1, 7), "the 11th in, the 8th out");
    }

    #[test]
    fn a_day_is_kept_skipped_or_moved_over_the_whole_holiday() {
        let workdays = workdays();
        let judge = |rule, text| workdays.judge(rule, day(text));
        let moved = |text| DayVerdict::Moved(day(text));
        assert_eq!(judge(DayRule::Include, "2026-10-03"), DayVerdict::Skipped);
        assert_eq!(judge(DayRule::Exclude, "2026-10-03"), DayVerdict::AsPlanned);
        assert_eq!(judge(DayRule::Exclude, "2026-10-08"), DayVerdict::Skipped);
        assert_eq!(judge(DayRule::Next, "2026-10-03"), moved("2026-10-08"));
        assert_eq!(judge(DayRule::Previous, "2026-10-03"), moved("2026-09-30"));
        assert_eq!(judge(DayRule::Next, "2026-10-09"), DayVerdict::AsPlanned);
    }

    #[test]
    fn what_has_nowhere_to_go_stays() {
        let once = CalendarContent {
            name: "once".to_owned(),
            added: [(day("2026-01-01"), String::new())].into(),
            ..CalendarContent::default()
        };
        let judge = |rule, text| once.judge(rule, day(text));
        assert_eq!(judge(DayRule::Next, "2026-01-02"), DayVerdict::NowhereToGo);
        assert_eq!(
            judge(DayRule::Previous, "2027-01-02"),
            DayVerdict::Moved(day("2026-01-01"))
        );
        assert_eq!(
            judge(DayRule::Previous, "2027-01-03"),
            DayVerdict::NowhereToGo
        );
        assert_eq!(judge(DayRule::Next, "9999-12-31"), DayVerdict::NowhereToGo);
    }

    #[test]
    fn a_moved_time_keeps_its_local_time_and_a_gap_ends_at_its_end() {
        let tz = chrono_tz::America::New_York;
        let utc = |text: &str| text.parse::<Timestamp>().unwrap();
        // Summer time begins on Sunday the 8th, 02:00.
        let friday = utc("2026-03-06T07:30:00Z");
        let moved_to = |text| {
            let only = CalendarContent {
                added: [(day(text), String::new())].into(),
                ..CalendarContent::default()
            };
            only.due_at(DayRule::Next, tz, friday)
        };
        assert_eq!(moved_to("2026-03-09"), utc("2026-03-09T06:30:00Z"));
        assert_eq!(moved_to("2026-03-08"), utc("2026-03-08T07:00:00Z"));
        assert_eq!(moved_to("2026-03-06"), friday);
    }

    #[test]
    fn what_makes_no_calendar_is_named() {
        assert!(workdays().check().is_empty());
        let fields = |content: &CalendarContent| -> Vec<String> {
            content.check().into_iter().map(|e| e.field).collect()
        };
        assert_eq!(fields(&CalendarContent::default()), ["name", "weekdays"]);
        let mut both = workdays();
        both.added.insert(day("2026-10-01"), "x\ny".to_owned());
        assert_eq!(fields(&both), ["added", "removed"]);
        let mut spaced = workdays();
        spaced.added.insert(day("2026-10-10"), "note ".to_owned());
        assert_eq!(fields(&spaced), ["added"], "a line could not say it");
    }
}
