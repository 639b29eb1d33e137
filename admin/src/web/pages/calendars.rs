//! Calendars: the list, and one of them drawn year by year.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{Datelike, NaiveDate};
use hera_domain::calendar::{CalendarContent, CalendarDef, to_lines};
use hera_domain::id::{CalendarId, Revision};
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::job::{JobLink, link};
use super::parts::Deletion;
use super::visit::{Refused, Visit, go_to, html, page_of, refusal};
use super::year::Year;
use crate::access::Right;
use crate::master::Definitions;
use crate::web::BASE;
use crate::web::error::{Error, Result};
use crate::web::i18n::Lang;

/// Every calendar.
#[derive(Debug, Template)]
#[template(path = "calendars/list.html")]
pub(super) struct CalendarsPage {
    pub frame: Frame,
    pub can_administer: bool,
    pub rows: Vec<CalendarRow>,
}

#[derive(Debug)]
pub(super) struct CalendarRow {
    pub name: String,
    pub href: String,
    pub description: String,
    pub weekdays: String,
    /// Exceptions from today on.
    pub ahead: usize,
    pub jobs: usize,
}

/// One calendar.
#[derive(Debug, Template)]
#[template(path = "calendars/show.html")]
pub(super) struct CalendarPage {
    pub frame: Frame,
    pub can_administer: bool,
    pub notice: Option<String>,
    pub name: String,
    pub description: String,
    pub weekdays: String,
    pub here: String,
    pub revision: Revision,
    pub year: Year,
    pub exceptions: Vec<Exception>,
    pub jobs: Vec<JobLink>,
}

/// Days in a row that are an exception for the same reason.
#[derive(Debug)]
pub(super) struct Exception {
    pub added: bool,
    pub days: String,
    pub note: String,
}

#[derive(Deserialize)]
pub(super) struct Shown {
    year: Option<i32>,
}

/// `GET /admin/calendars`.
pub(super) async fn list(visit: Visit) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let today = today(&visit);
    let calendars = defs.calendars.values();
    html(&CalendarsPage {
        frame: visit.frame(Section::Calendars),
        can_administer: visit.may(Right::Administer),
        rows: calendars
            .map(|calendar| row(&defs, calendar, today, visit.lang))
            .collect(),
    })
}

pub(super) fn row(
    defs: &Definitions,
    calendar: &CalendarDef,
    today: NaiveDate,
    lang: Lang,
) -> CalendarRow {
    let content = &calendar.content;
    CalendarRow {
        name: content.name.clone(),
        href: format!("{BASE}/admin/calendars/{}", calendar.id),
        description: content.description.clone(),
        weekdays: lang.weekdays(&content.weekdays),
        ahead: content.added.range(today..).count() + content.removed.range(today..).count(),
        jobs: defs.jobs_by_calendar(&content.name).len(),
    }
}

/// `GET /admin/calendars/{id}?year=`.
pub(super) async fn show(
    visit: Visit,
    id: web::Path<i64>,
    query: web::Query<Shown>,
) -> Result<HttpResponse> {
    html(&page(&visit, CalendarId(*id), query.year)?)
}

fn page(visit: &Visit, id: CalendarId, year: Option<i32>) -> Result<CalendarPage> {
    let defs = visit.state.master.definitions();
    let calendar = find(&defs, id)?;
    let today = today(visit);
    let year = Year::draw(
        &calendar.content,
        year.unwrap_or(today.year()),
        today,
        visit.lang,
    );
    Ok(of_year(
        visit.frame(Section::Calendars),
        visit.may(Right::Administer),
        &defs,
        calendar,
        year,
    ))
}

/// The page for a year that has been drawn.
pub(super) fn of_year(
    frame: Frame,
    can_administer: bool,
    defs: &Definitions,
    calendar: &CalendarDef,
    year: Year,
) -> CalendarPage {
    let content = &calendar.content;
    let jobs = defs.jobs_by_calendar(&content.name);
    CalendarPage {
        can_administer,
        notice: None,
        name: content.name.clone(),
        description: content.description.clone(),
        weekdays: frame.lang().weekdays(&content.weekdays),
        here: format!("{BASE}/admin/calendars/{}", calendar.id),
        revision: calendar.revision,
        exceptions: exceptions(content, year.number),
        year,
        jobs: jobs.into_iter().map(|job| link(job)).collect(),
        frame,
    }
}

/// The exceptions of a year, by date.
fn exceptions(content: &CalendarContent, year: i32) -> Vec<Exception> {
    let mut found = Vec::new();
    for (added, days) in [(true, &content.added), (false, &content.removed)] {
        let days = days.iter().filter(|(day, _)| day.year() == year);
        let lines = to_lines(&days.map(|(day, note)| (*day, note.clone())).collect());
        found.extend(lines.lines().map(|line| {
            let (days, note) = line.split_once(' ').unwrap_or((line, ""));
            Exception {
                added,
                days: days.replace("..", " – "),
                note: note.to_owned(),
            }
        }));
    }
    found.sort_by(|a, b| a.days.cmp(&b.days));
    found
}

/// `POST /admin/calendars/{id}/delete`.
pub(super) async fn delete(
    visit: Visit,
    id: web::Path<i64>,
    form: web::Form<Deletion>,
) -> Result<HttpResponse> {
    let id = CalendarId(*id);
    let master = &visit.state.master;
    let deleted = master
        .delete_calendar(visit.actor()?, id, form.base())
        .await;
    let Err(error) = deleted else {
        return Ok(go_to(&format!("{BASE}/admin/calendars")));
    };
    match refusal(error, visit.lang)? {
        Refused::Reason(reason) => {
            let mut page = page(&visit, id, None)?;
            page.notice = Some(reason);
            page_of(HttpResponse::Conflict(), &page)
        }
        Refused::Fields(errors) => Err(Error::Invalid(errors.0)),
    }
}

/// A calendar, or the answer that there is none.
pub(super) fn find(defs: &Definitions, id: CalendarId) -> Result<&CalendarDef> {
    let found = defs.calendars.get(&id);
    found
        .map(AsRef::as_ref)
        .ok_or_else(|| Error::NotFound(format!("calendar {id}")))
}

/// Today in the installation's zone.
pub(super) fn today(visit: &Visit) -> NaiveDate {
    let zone = visit.state.settings.timezone;
    visit.state.clock.now().with_timezone(&zone).date_naive()
}
