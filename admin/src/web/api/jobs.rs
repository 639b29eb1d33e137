//! Jobs and their switch.

use actix_web::http::header::{ETAG, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use hera_domain::id::{GroupId, JobId};
use hera_domain::status::Switch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::job_body::JobBody;
use super::job_view::{JobSummary, JobView};
use crate::master::{Chain, SaveJob};
use crate::store::StoredJob;
use crate::web::auth::Identity;
use crate::web::error::{Error, Result};
use crate::web::extract::{Json, List, Query};
use crate::web::preview;
use crate::web::{API, AppState, conditional, idempotency};
use hera_domain::config::unmask;

#[utoipa::path(
    get,
    path = "/hera/api/v1/jobs",
    tag = "jobs",
    summary = "The jobs without their scripts",
    params(("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given"), ("cursor" = Option<String>, Query, description = "`next` of the page before"), ("group_id" = Option<GroupId>, Query, description = "only those of this group"), ("name" = Option<String>, Query, description = "only this one"), ("switch" = Option<Switch>, Query, description = "only those that are so")),
    responses((status = 200, description = "done", body = List<JobSummary<'static>>)),
)]
pub(in crate::web) async fn list(
    state: web::Data<AppState>,
    mut query: Query,
) -> Result<HttpResponse> {
    let page = query.page()?;
    let group = query.take::<GroupId>("group_id")?;
    let name = query.take::<String>("name")?;
    let switch = query.take::<Switch>("switch")?;
    query.end()?;
    let definitions = state.master.definitions();
    let jobs = definitions
        .jobs
        .values()
        .filter(|job| page.after.is_none_or(|after| job.id.0 > after))
        .filter(|job| group.is_none_or(|group| job.group == group))
        .filter(|job| name.as_ref().is_none_or(|name| job.name == *name))
        .filter(|job| switch.is_none_or(|switch| job.switch == switch))
        .take(page.limit + 1)
        .collect();
    let list = List::new(jobs, page.limit, |job| job.id.0);
    Ok(HttpResponse::Ok().json(list.map(|job| JobSummary::from(job.as_ref()))))
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/jobs/{id}",
    tag = "jobs",
    summary = "One job with its script",
    params(("id" = JobId, Path, description = "the job"), ("If-None-Match" = Option<String>, Header, description = "the ETag that is known", example = "\"7-open\"")),
    responses(
        (status = 200, description = "done", body = JobView<'static>, headers(("ETag" = String, description = "the revision and the switch"))),
        (status = 304, description = "it is as it was"),
    ),
)]
pub(in crate::web) async fn show(
    state: web::Data<AppState>,
    request: HttpRequest,
    id: web::Path<JobId>,
) -> Result<HttpResponse> {
    let job = stored(&state, *id).await?;
    let tag = conditional::of_job(job.def.revision, job.def.switch);
    Ok(conditional::found(&request, &tag, &JobView::from(&job)))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/jobs",
    tag = "jobs",
    summary = "Makes a job, closed",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same request again finds what the first one made", example = "order-4711")),
    request_body = JobBody,
    responses((status = 201, description = "done", body = JobView<'static>, headers(("ETag" = String, description = "the revision and the switch")))),
)]
pub(in crate::web) async fn create(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    Json(mut body): Json<JobBody>,
) -> Result<HttpResponse> {
    let comment = std::mem::take(&mut body.comment);
    let content = body.content(state.settings.timezone);
    let content = content.map_err(Error::Invalid)?;
    let save = SaveJob {
        id: None,
        base_revision: None,
        content,
        comment,
    };
    make(&state, &me, &request, save).await
}

/// Makes a job, or finds the one that the same request made: the answer is the same, whatever has
/// become of the job since.
async fn make(
    state: &AppState,
    me: &Identity,
    request: &HttpRequest,
    save: SaveJob,
) -> Result<HttpResponse> {
    let key = idempotency::key(request)?;
    let saved = state.master.save_job_once(&me.actor, save, key).await?;
    let first = state.store.job_revision(saved.id, saved.revision).await?;
    let first = first.ok_or_else(|| Error::NotFound(format!("job {}", saved.id)))?;
    let mut job = stored(state, saved.id).await?;
    job.def.revision = saved.revision;
    job.def.switch = Switch::Closed;
    job.def.first_opened_at = None;
    job.content = first.content;
    job.updated_at = job.created_at;
    let tag = conditional::of_job(saved.revision, Switch::Closed);
    Ok(HttpResponse::Created()
        .insert_header((ETAG, tag))
        .insert_header((LOCATION, format!("{API}/jobs/{}", saved.id)))
        .json(told(state, &job).await?))
}

#[utoipa::path(
    put,
    path = "/hera/api/v1/jobs/{id}",
    tag = "jobs",
    summary = "Saves a job as its next revision",
    params(("id" = JobId, Path, description = "the job"), ("if_changed" = Option<bool>, Query, description = "true: what is equal makes no revision"), ("If-Match" = Option<String>, Header, description = "the ETag on which the change is based; in place of `revision`", example = "\"7\"")),
    request_body = JobBody,
    responses((status = 200, description = "done", body = JobView<'static>, headers(("ETag" = String, description = "the revision and the switch")))),
)]
pub(in crate::web) async fn update(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    id: web::Path<JobId>,
    mut query: Query,
    Json(mut body): Json<JobBody>,
) -> Result<HttpResponse> {
    let keep_if_same = query.take::<bool>("if_changed")?.unwrap_or(false);
    query.end()?;
    let before = stored(&state, *id).await?;
    let base = conditional::base(&request, body.revision, before.def.revision);
    if base.is_none() {
        return Err(Error::invalid(
            "revision",
            "is missing: send the revision that the edit started from, here or as If-Match",
        ));
    }
    let comment = std::mem::take(&mut body.comment);
    let content = body.content(state.settings.timezone);
    let mut content = content.map_err(Error::Invalid)?;
    unmask(&mut content.config, &before.content.config);
    if !(keep_if_same && content == before.content) {
        let save = SaveJob {
            id: Some(*id),
            base_revision: base,
            content,
            comment,
        };
        state.master.save_job(&me.actor, save).await?;
    }
    let job = stored(&state, *id).await?;
    let tag = conditional::of_job(job.def.revision, job.def.switch);
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, tag))
        .json(told(&state, &job).await?))
}

/// A job that was saved, with what its author is to know.
async fn told<'a>(state: &AppState, job: &'a StoredJob) -> Result<JobView<'a>> {
    let warnings = preview::warnings(state, job).await?;
    Ok(JobView::from(job).with_warnings(warnings))
}

#[utoipa::path(
    delete,
    path = "/hera/api/v1/jobs/{id}",
    tag = "jobs",
    summary = "Deletes a closed job that no job depends on",
    params(("id" = JobId, Path, description = "the job"), ("If-Match" = Option<String>, Header, description = "only if this is still its ETag", example = "\"7\"")),
    responses((status = 204, description = "done")),
)]
pub(in crate::web) async fn delete(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    id: web::Path<JobId>,
) -> Result<HttpResponse> {
    let newest = stored(&state, *id).await?.def.revision;
    let base = conditional::base(&request, None, newest);
    state.master.delete_job(&me.actor, *id, base).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How far a switch reaches.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"chain": "none"}))]
pub(in crate::web) struct SwitchBody {
    #[serde(default)]
    chain: Chain,
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/jobs/{id}/open",
    tag = "jobs",
    summary = "Opens a job: from now on it runs by its schedule",
    params(("id" = JobId, Path, description = "the job")),
    request_body = Option<SwitchBody>,
    responses((status = 200, description = "done", body = SwitchedJson)),
)]
pub(in crate::web) async fn open(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<JobId>,
    Json(body): Json<SwitchBody>,
) -> Result<HttpResponse> {
    switch(&state, &me, *id, Switch::Open, body.chain).await
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/jobs/{id}/close",
    tag = "jobs",
    summary = "Closes a job: it no longer runs by itself",
    params(("id" = JobId, Path, description = "the job")),
    request_body = Option<SwitchBody>,
    responses((status = 200, description = "done", body = SwitchedJson)),
)]
pub(in crate::web) async fn close(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<JobId>,
    Json(body): Json<SwitchBody>,
) -> Result<HttpResponse> {
    switch(&state, &me, *id, Switch::Closed, body.chain).await
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/jobs/{id}/invalidate",
    tag = "jobs",
    summary = "Takes a job out of use",
    params(("id" = JobId, Path, description = "the job")),
    request_body = Option<SwitchBody>,
    responses((status = 200, description = "done", body = SwitchedJson)),
)]
pub(in crate::web) async fn invalidate(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<JobId>,
    Json(body): Json<SwitchBody>,
) -> Result<HttpResponse> {
    switch(&state, &me, *id, Switch::Invalid, body.chain).await
}

async fn switch(
    state: &AppState,
    me: &Identity,
    id: JobId,
    to: Switch,
    chain: Chain,
) -> Result<HttpResponse> {
    let changed = state.master.switch(&me.actor, id, to, chain).await?;
    Ok(HttpResponse::Ok().json(SwitchedJson {
        id,
        switch: to,
        changed,
    }))
}

/// The jobs that a switch changed.
#[derive(Serialize, ToSchema)]
struct SwitchedJson {
    id: JobId,
    switch: Switch,
    changed: Vec<JobId>,
}

/// The copy's name and place; by default beside the original.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "dwd_orders_2"}))]
pub(in crate::web) struct CopyBody {
    name: Option<String>,
    group_id: Option<GroupId>,
}

/// A copy is closed and depends on nothing: it must not run, or hold anybody up, by accident.
#[utoipa::path(
    post,
    path = "/hera/api/v1/jobs/{id}/copy",
    tag = "jobs",
    summary = "Copies a job: closed, without dependencies",
    params(("id" = JobId, Path, description = "the job"), ("Idempotency-Key" = Option<String>, Header, description = "the same request again finds what the first one made", example = "order-4711")),
    request_body = Option<CopyBody>,
    responses((status = 201, description = "done", body = JobView<'static>, headers(("ETag" = String, description = "the revision and the switch")))),
)]
pub(in crate::web) async fn copy(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    id: web::Path<JobId>,
    Json(body): Json<CopyBody>,
) -> Result<HttpResponse> {
    let StoredJob { mut content, .. } = stored(&state, *id).await?;
    content.schedule.edges.clear();
    content.name = body
        .name
        .unwrap_or_else(|| format!("{}_copy", content.name));
    content.group_id = body.group_id.unwrap_or(content.group_id);
    let save = SaveJob {
        id: None,
        base_revision: None,
        content,
        comment: format!("copy of job {id}"),
    };
    make(&state, &me, &request, save).await
}

/// A job with its newest content.
pub(super) async fn stored(state: &AppState, id: JobId) -> Result<StoredJob> {
    let job = state.store.job(id).await?;
    job.ok_or_else(|| Error::NotFound(format!("job {id}")))
}
