//! The editor of a calendar. Its year is drawn again by the server whenever a day is clicked or
//! another year is turned to: the same form, sent without being saved.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{Datelike, NaiveDate};
use hera_domain::calendar::{CalendarContent, DayOfWeek, parse_lines, to_lines};
use hera_domain::id::{CalendarId, Revision};
use hera_domain::job::FieldError;
use serde::Deserialize;

use super::calendars::{find, today};
use super::frame::{Frame, Section};
use super::parts::Errors;
use super::visit::{Refused, Visit, go_to, html, page_of, refusal};
use super::year::Year;
use crate::web::BASE;
use crate::web::error::Result;
use crate::web::i18n::Lang;

const FIELDS: &[&str] = &["name", "description", "weekdays", "added", "removed"];

/// The editor.
#[derive(Debug, Template)]
#[template(path = "calendars/form.html")]
pub(super) struct CalendarForm {
    pub frame: Frame,
    pub title: &'static str,
    pub action: String,
    pub back: String,
    pub notice: Option<String>,
    pub errors: Errors,
    /// `None` = a new calendar.
    pub base_revision: Option<i64>,
    pub name: String,
    pub description: String,
    pub weekdays: Vec<WeekdayBox>,
    pub added: String,
    pub removed: String,
    pub year: Year,
}

#[derive(Debug)]
pub(super) struct WeekdayBox {
    pub value: &'static str,
    pub word: &'static str,
    pub chosen: bool,
}

/// The form as it is sent.
#[derive(Debug, Deserialize)]
pub(super) struct Fields {
    base_revision: Option<i64>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    monday: Option<String>,
    tuesday: Option<String>,
    wednesday: Option<String>,
    thursday: Option<String>,
    friday: Option<String>,
    saturday: Option<String>,
    sunday: Option<String>,
    #[serde(default)]
    added: String,
    #[serde(default)]
    removed: String,
    /// The year that is drawn.
    year: Option<i32>,
    /// Sent to see, not to save: a day that was clicked, …
    toggle: Option<NaiveDate>,
    /// … another year, …
    turn: Option<i32>,
    /// … or anything else.
    draw: Option<String>,
}

impl Fields {
    /// Monday to Friday.
    fn first() -> Self {
        let on = || Some("on".to_owned());
        Self {
            base_revision: None,
            name: String::new(),
            description: String::new(),
            monday: on(),
            tuesday: on(),
            wednesday: on(),
            thursday: on(),
            friday: on(),
            saturday: None,
            sunday: None,
            added: String::new(),
            removed: String::new(),
            year: None,
            toggle: None,
            turn: None,
            draw: None,
        }
    }

    fn is_only_to_see(&self) -> bool {
        self.toggle.is_some() || self.turn.is_some() || self.draw.is_some()
    }

    /// The content as far as it can be read, and what cannot be.
    fn content(&self) -> (CalendarContent, Errors) {
        let boxes = [
            &self.monday,
            &self.tuesday,
            &self.wednesday,
            &self.thursday,
            &self.friday,
            &self.saturday,
            &self.sunday,
        ];
        let days = DayOfWeek::ALL.iter().zip(boxes);
        let mut errors = Vec::new();
        let mut lines = |field: &str, text: &str| {
            parse_lines(text).unwrap_or_else(|error| {
                errors.push(FieldError::new(field, error.to_string()));
                BTreeMap::new()
            })
        };
        let mut content = CalendarContent {
            name: self.name.trim().to_owned(),
            description: self.description.trim().replace("\r\n", "\n"),
            weekdays: days
                .filter(|(_, chosen)| chosen.is_some())
                .map(|(day, _)| *day)
                .collect(),
            added: lines("added", &self.added),
            removed: lines("removed", &self.removed),
        };
        if let Some(day) = self.toggle {
            content.toggle(day);
        }
        (content, Errors(errors))
    }
}

/// `GET /admin/calendars/new`.
pub(super) async fn new(visit: Visit) -> Result<HttpResponse> {
    let fields = Fields::first();
    let (content, errors) = fields.content();
    html(&page(&visit, None, &fields, &content, errors))
}

/// `GET /admin/calendars/{id}/edit`.
pub(super) async fn edit(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let calendar = find(&defs, CalendarId(*id))?;
    let fields = Fields {
        base_revision: Some(calendar.revision.0),
        ..Fields::first()
    };
    let errors = Errors::default();
    let id = Some(calendar.id);
    html(&page(&visit, id, &fields, &calendar.content, errors))
}

fn page(
    visit: &Visit,
    id: Option<CalendarId>,
    fields: &Fields,
    content: &CalendarContent,
    errors: Errors,
) -> CalendarForm {
    let errors = errors.said_in(visit.lang);
    let today = today(visit);
    let year = fields.turn.or(fields.year).unwrap_or(today.year());
    let year = Year::draw(content, year, today, visit.lang);
    // A field that cannot be read keeps what was typed.
    let text = |field: &str, typed: &str, days| {
        if errors.has(field) {
            typed.to_owned()
        } else {
            to_lines(days)
        }
    };
    let mut form = form(visit.frame(Section::Calendars), id, content, year);
    form.base_revision = fields.base_revision;
    form.added = text("added", &fields.added, &content.added);
    form.removed = text("removed", &fields.removed, &content.removed);
    form.notice = errors.notice(FIELDS, visit.lang);
    form.errors = errors;
    form
}

/// The editor with a content.
pub(super) fn form(
    frame: Frame,
    id: Option<CalendarId>,
    content: &CalendarContent,
    year: Year,
) -> CalendarForm {
    let t = &frame.t.calendars;
    let path = format!("{BASE}/admin/calendars");
    let (title, action, back) = match id {
        None => (t.new, format!("{path}/new"), path),
        Some(id) => {
            let path = format!("{path}/{id}");
            (t.edit_title, format!("{path}/edit"), path)
        }
    };
    CalendarForm {
        title,
        action,
        back,
        notice: None,
        errors: Errors::default(),
        base_revision: None,
        name: content.name.clone(),
        description: content.description.clone(),
        weekdays: boxes(&content.weekdays, frame.lang()),
        added: to_lines(&content.added),
        removed: to_lines(&content.removed),
        year,
        frame,
    }
}

fn boxes(chosen: &BTreeSet<DayOfWeek>, lang: Lang) -> Vec<WeekdayBox> {
    let days = DayOfWeek::ALL.iter();
    days.map(|day| WeekdayBox {
        value: day.as_str(),
        word: lang.weekday(*day),
        chosen: chosen.contains(day),
    })
    .collect()
}

/// `POST /admin/calendars/new`.
pub(super) async fn create(visit: Visit, form: web::Form<Fields>) -> Result<HttpResponse> {
    save(&visit, None, &form).await
}

/// `POST /admin/calendars/{id}/edit`.
pub(super) async fn update(
    visit: Visit,
    id: web::Path<i64>,
    form: web::Form<Fields>,
) -> Result<HttpResponse> {
    save(&visit, Some(CalendarId(*id)), &form).await
}

async fn save(visit: &Visit, id: Option<CalendarId>, fields: &Fields) -> Result<HttpResponse> {
    let (content, errors) = fields.content();
    if fields.is_only_to_see() {
        return html(&page(visit, id, fields, &content, errors));
    }
    if !errors.0.is_empty() {
        let page = page(visit, id, fields, &content, errors);
        return page_of(HttpResponse::UnprocessableEntity(), &page);
    }
    let base = fields.base_revision.map(Revision);
    let master = &visit.state.master;
    let saved = master
        .save_calendar(visit.actor()?, id, base, content.clone())
        .await;
    let error = match saved {
        Ok(saved) => return Ok(go_to(&format!("{BASE}/admin/calendars/{}", saved.id))),
        Err(error) => error,
    };
    let (notice, errors) = match refusal(error, visit.lang)? {
        Refused::Fields(errors) => (None, errors),
        Refused::Reason(reason) => (Some(reason), Errors::default()),
    };
    let mut page = page(visit, id, fields, &content, errors);
    page.notice = notice.or(page.notice);
    page_of(HttpResponse::UnprocessableEntity(), &page)
}
