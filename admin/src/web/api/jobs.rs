//! Jobs and their switch.

use actix_web::{HttpResponse, web};
use hera_domain::id::{GroupId, JobId};
use hera_domain::status::Switch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::job_body::JobBody;
use super::job_view::{JobSummary, JobView};
use crate::master::{Chain, SaveJob};
use crate::store::StoredJob;
use crate::web::AppState;
use crate::web::auth::Identity;
use crate::web::error::{Error, Result};
use crate::web::extract::{Json, List, Query};
use crate::web::preview;
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
    params(("id" = JobId, Path, description = "the job")),
    responses((status = 200, description = "done", body = JobView<'static>)),
)]
pub(in crate::web) async fn show(
    state: web::Data<AppState>,
    id: web::Path<JobId>,
) -> Result<HttpResponse> {
    let job = stored(&state, *id).await?;
    Ok(HttpResponse::Ok().json(JobView::from(&job)))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/jobs",
    tag = "jobs",
    summary = "Makes a job, closed",
    request_body = JobBody,
    responses((status = 201, description = "done", body = JobView<'static>)),
)]
pub(in crate::web) async fn create(
    state: web::Data<AppState>,
    me: Identity,
    Json(body): Json<JobBody>,
) -> Result<HttpResponse> {
    let id = save(&state, &me, None, body, false).await?;
    let job = stored(&state, id).await?;
    Ok(HttpResponse::Created().json(told(&state, &job).await?))
}

#[utoipa::path(
    put,
    path = "/hera/api/v1/jobs/{id}",
    tag = "jobs",
    summary = "Saves a job as its next revision",
    params(("id" = JobId, Path, description = "the job"), ("if_changed" = Option<bool>, Query, description = "true: what is equal makes no revision")),
    request_body = JobBody,
    responses((status = 200, description = "done", body = JobView<'static>)),
)]
pub(in crate::web) async fn update(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<JobId>,
    mut query: Query,
    Json(body): Json<JobBody>,
) -> Result<HttpResponse> {
    let keep_if_same = query.take::<bool>("if_changed")?.unwrap_or(false);
    query.end()?;
    if body.revision.is_none() {
        return Err(Error::invalid(
            "revision",
            "is missing: send the revision that the edit started from",
        ));
    }
    save(&state, &me, Some(*id), body, keep_if_same).await?;
    let job = stored(&state, *id).await?;
    Ok(HttpResponse::Ok().json(told(&state, &job).await?))
}

/// A job that was saved, with what its author is to know.
async fn told<'a>(state: &AppState, job: &'a StoredJob) -> Result<JobView<'a>> {
    let warnings = preview::warnings(state, job).await?;
    Ok(JobView::from(job).with_warnings(warnings))
}

/// Creates or updates a job; with `keep_if_same` an edit that changes nothing makes no revision.
async fn save(
    state: &AppState,
    me: &Identity,
    id: Option<JobId>,
    mut body: JobBody,
    keep_if_same: bool,
) -> Result<JobId> {
    let base_revision = id.and(body.revision);
    let comment = std::mem::take(&mut body.comment);
    let mut content = body
        .content(state.settings.timezone)
        .map_err(Error::Invalid)?;
    if let Some(id) = id {
        let before = stored(state, id).await?;
        unmask(&mut content.config, &before.content.config);
        if keep_if_same && content == before.content {
            return Ok(id);
        }
    }
    let save = SaveJob {
        id,
        base_revision,
        content,
        comment,
    };
    Ok(state.master.save_job(&me.actor, save).await?.id)
}

#[utoipa::path(
    delete,
    path = "/hera/api/v1/jobs/{id}",
    tag = "jobs",
    summary = "Deletes a closed job that no job depends on",
    params(("id" = JobId, Path, description = "the job")),
    responses((status = 204, description = "done")),
)]
pub(in crate::web) async fn delete(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<JobId>,
) -> Result<HttpResponse> {
    state.master.delete_job(&me.actor, *id).await?;
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
    params(("id" = JobId, Path, description = "the job")),
    request_body = Option<CopyBody>,
    responses((status = 201, description = "done", body = JobView<'static>)),
)]
pub(in crate::web) async fn copy(
    state: web::Data<AppState>,
    me: Identity,
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
    let saved = state.master.save_job(&me.actor, save).await?;
    let job = stored(&state, saved.id).await?;
    Ok(HttpResponse::Created().json(told(&state, &job).await?))
}

/// A job with its newest content.
pub(super) async fn stored(state: &AppState, id: JobId) -> Result<StoredJob> {
    let job = state.store.job(id).await?;
    job.ok_or_else(|| Error::NotFound(format!("job {id}")))
}
