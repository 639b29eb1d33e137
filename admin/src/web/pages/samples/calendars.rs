//! The pages of calendars.

use hera_domain::calendar::{CalendarContent, CalendarDef, DayOfWeek, parse_lines};
use hera_domain::id::{CalendarId, Revision};

use super::data::{definitions, frame, now};
use crate::web::i18n::Lang;
use crate::web::pages::calendar_form::{self, CalendarForm};
use crate::web::pages::calendars::{CalendarPage, CalendarsPage, of_year, row};
use crate::web::pages::frame::Section;
use crate::web::pages::year::Year;

/// The working days of China in 2026, as far as October goes.
pub(super) fn workdays() -> CalendarDef {
    let lines = |text| parse_lines(text).expect("the sample's lines are right");
    CalendarDef {
        id: CalendarId(1),
        revision: Revision(3),
        content: CalendarContent {
            name: "中国工作日".to_owned(),
            description: "法定工作日，含调休".to_owned(),
            weekdays: DayOfWeek::ALL[..5].iter().copied().collect(),
            added: lines("2026-09-20 国庆节调休\n2026-10-10 国庆节调休\n"),
            removed: lines("2026-10-01..2026-10-07 国庆节\n"),
        },
    }
}

fn year(calendar: &CalendarDef, lang: Lang) -> Year {
    Year::draw(&calendar.content, 2026, now().date_naive(), lang)
}

pub(super) fn list(lang: Lang, any: bool) -> CalendarsPage {
    let today = now().date_naive();
    let row = row(&definitions(), &workdays(), today, lang);
    CalendarsPage {
        frame: frame(lang, Section::Calendars),
        can_administer: true,
        rows: any.then_some(row).into_iter().collect(),
    }
}

pub(super) fn show(lang: Lang) -> CalendarPage {
    let calendar = workdays();
    let year = year(&calendar, lang);
    let frame = frame(lang, Section::Calendars);
    of_year(frame, true, &definitions(), &calendar, year)
}

pub(super) fn form(lang: Lang) -> CalendarForm {
    let calendar = workdays();
    let year = year(&calendar, lang);
    let frame = frame(lang, Section::Calendars);
    calendar_form::form(frame, Some(calendar.id), &calendar.content, year)
}
