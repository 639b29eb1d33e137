//! Calendars: named sets of days that schedules go by.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::header::{ETAG, LOCATION};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use chrono::NaiveDate;
use hera_domain::calendar::{CalendarContent, CalendarDef, DayOfWeek};
use hera_domain::id::{CalendarId, Revision};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::master::{Definitions, Saved};
use crate::web::auth::Identity;
use crate::web::error::{Error, Result};
use crate::web::extract::{Json, List, Query};
use crate::web::{API, AppState, conditional, idempotency};

/// A calendar as the API shows it.
#[derive(Serialize, ToSchema)]
struct CalendarView<'a> {
    id: CalendarId,
    revision: Revision,
    name: &'a str,
    description: &'a str,
    weekdays: &'a BTreeSet<DayOfWeek>,
    #[schema(value_type = BTreeMap<String, String>)]
    added: &'a Days,
    #[schema(value_type = BTreeMap<String, String>)]
    removed: &'a Days,
}

impl<'a> CalendarView<'a> {
    fn new(id: CalendarId, revision: Revision, content: &'a CalendarContent) -> Self {
        let CalendarContent {
            name,
            description,
            weekdays,
            added,
            removed,
        } = content;
        Self {
            id,
            revision,
            name,
            description,
            weekdays,
            added,
            removed,
        }
    }
}

impl<'a> From<&'a CalendarDef> for CalendarView<'a> {
    fn from(calendar: &'a CalendarDef) -> Self {
        Self::new(calendar.id, calendar.revision, &calendar.content)
    }
}

/// What a calendar is made of: days of the week, with exceptions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "workdays",
    "weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"],
    "added": {"2026-10-10": "made up for the holiday"},
    "removed": {"2026-10-01": "National Day", "2026-10-02": "National Day"}
}))]
pub(in crate::web) struct CalendarBody {
    name: String,
    #[serde(default)]
    description: String,
    /// One that stands twice counts once.
    #[serde(default)]
    #[schema(value_type = Vec<DayOfWeek>)]
    weekdays: BTreeSet<DayOfWeek>,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    added: Days,
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    removed: Days,
    /// The revision that the edit started from.
    revision: Option<Revision>,
    /// What is read may be sent back.
    #[serde(default, rename = "id")]
    #[schema(value_type = serde_json::Value, required = false)]
    _id: IgnoredAny,
}

type Days = BTreeMap<NaiveDate, String>;

impl CalendarBody {
    fn content(self) -> CalendarContent {
        CalendarContent {
            name: self.name,
            description: self.description,
            weekdays: self.weekdays,
            added: self.added,
            removed: self.removed,
        }
    }
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/calendars",
    tag = "calendars",
    summary = "The calendars",
    params(("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "done", body = List<CalendarView<'static>>)),
)]
pub(in crate::web) async fn list(
    state: web::Data<AppState>,
    mut query: Query,
) -> Result<HttpResponse> {
    let page = query.page()?;
    query.end()?;
    let definitions = state.master.definitions();
    let calendars = definitions
        .calendars
        .values()
        .filter(|calendar| page.after.is_none_or(|after| calendar.id.0 > after))
        .take(page.limit + 1)
        .collect();
    let list = List::new(calendars, page.limit, |calendar| calendar.id.0);
    Ok(HttpResponse::Ok().json(list.map(|calendar| CalendarView::from(calendar.as_ref()))))
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/calendars/{id}",
    tag = "calendars",
    summary = "One calendar",
    params(("id" = CalendarId, Path, description = "the calendar"), ("If-None-Match" = Option<String>, Header, description = "the ETag that is known", example = "\"7\"")),
    responses(
        (status = 200, description = "done", body = CalendarView<'static>, headers(("ETag" = String, description = "the revision"))),
        (status = 304, description = "it is as it was"),
    ),
)]
pub(in crate::web) async fn show(
    state: web::Data<AppState>,
    request: HttpRequest,
    id: web::Path<CalendarId>,
) -> Result<HttpResponse> {
    let definitions = state.master.definitions();
    let calendar = find(&definitions, *id)?;
    let tag = conditional::of_revision(calendar.revision);
    Ok(conditional::found(
        &request,
        &tag,
        &CalendarView::from(calendar),
    ))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/calendars",
    tag = "calendars",
    summary = "Makes a calendar",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same request again finds what the first one made", example = "order-4711")),
    request_body = CalendarBody,
    responses((status = 201, description = "done", body = CalendarView<'static>, headers(("ETag" = String, description = "the revision")))),
)]
pub(in crate::web) async fn create(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    Json(body): Json<CalendarBody>,
) -> Result<HttpResponse> {
    let content = body.content();
    let key = idempotency::key(&request)?;
    let made = state
        .master
        .create_calendar(&me.actor, content.clone(), key);
    let saved = made.await?;
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, format!("{API}/calendars/{}", saved.id)));
    Ok(answer(response, saved, &content))
}

#[utoipa::path(
    put,
    path = "/hera/api/v1/calendars/{id}",
    tag = "calendars",
    summary = "Saves a calendar; versions that wait move with it",
    params(("id" = CalendarId, Path, description = "the calendar"), ("if_changed" = Option<bool>, Query, description = "true: what is equal makes no revision"), ("If-Match" = Option<String>, Header, description = "the ETag on which the change is based", example = "\"7\"")),
    request_body = CalendarBody,
    responses((status = 200, description = "done", body = CalendarView<'static>, headers(("ETag" = String, description = "the revision")))),
)]
pub(in crate::web) async fn update(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    id: web::Path<CalendarId>,
    mut query: Query,
    Json(body): Json<CalendarBody>,
) -> Result<HttpResponse> {
    let keep_if_same = query.take::<bool>("if_changed")?.unwrap_or(false);
    query.end()?;
    let definitions = state.master.definitions();
    let newest = find(&definitions, *id)?;
    let base = conditional::base(&request, body.revision, newest.revision);
    let base = base.unwrap_or(newest.revision);
    let content = body.content();
    if keep_if_same && content == newest.content {
        let (id, revision) = (newest.id, newest.revision);
        return Ok(answer(HttpResponse::Ok(), Saved { id, revision }, &content));
    }
    let saved = state
        .master
        .save_calendar(&me.actor, Some(*id), Some(base), content.clone())
        .await?;
    Ok(answer(HttpResponse::Ok(), saved, &content))
}

#[utoipa::path(
    delete,
    path = "/hera/api/v1/calendars/{id}",
    tag = "calendars",
    summary = "Deletes a calendar that no job uses",
    params(("id" = CalendarId, Path, description = "the calendar"), ("If-Match" = Option<String>, Header, description = "only if this is still its ETag", example = "\"7\"")),
    responses((status = 204, description = "done")),
)]
pub(in crate::web) async fn delete(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    id: web::Path<CalendarId>,
) -> Result<HttpResponse> {
    let definitions = state.master.definitions();
    let newest = find(&definitions, *id)?.revision;
    let base = conditional::base(&request, None, newest);
    state.master.delete_calendar(&me.actor, *id, base).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn answer(
    mut response: HttpResponseBuilder,
    saved: Saved<CalendarId>,
    content: &CalendarContent,
) -> HttpResponse {
    let Saved { id, revision } = saved;
    response
        .insert_header((ETAG, conditional::of_revision(revision)))
        .json(CalendarView::new(id, revision, content))
}

fn find(definitions: &Definitions, id: CalendarId) -> Result<&CalendarDef> {
    let found = definitions.calendars.get(&id);
    found
        .map(AsRef::as_ref)
        .ok_or_else(|| Error::NotFound(format!("calendar {id}")))
}
