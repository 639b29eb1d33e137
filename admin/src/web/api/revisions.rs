//! The history of a job.

use actix_web::{HttpResponse, web};
use hera_domain::id::{JobId, Revision};
use serde::Deserialize;
use utoipa::ToSchema;

use super::job_view::{JobView, RevisionSummary, RevisionView};
use super::jobs::stored;
use crate::web::AppState;
use crate::web::auth::Identity;
use crate::web::error::Result;
use crate::web::extract::{Json, List, Query};
use crate::web::history::{self, Restore};

#[utoipa::path(
    get,
    path = "/hera/api/v1/jobs/{id}/revisions",
    tag = "revisions",
    summary = "The history of a job, newest first",
    params(("id" = JobId, Path, description = "the job"), ("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "done", body = List<RevisionSummary<'static>>)),
)]
pub(in crate::web) async fn list(
    state: web::Data<AppState>,
    id: web::Path<JobId>,
    mut query: Query,
) -> Result<HttpResponse> {
    let page = query.page()?;
    query.end()?;
    stored(&state, *id).await?;
    let limit = i64::try_from(page.limit).expect("a page is short");
    let found = state.store.job_revisions(*id, page.after, limit).await?;
    Ok(HttpResponse::Ok().json(List::<RevisionSummary<'_>>::of_store(&found)))
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/jobs/{id}/revisions/{revision}",
    tag = "revisions",
    summary = "A job as it was",
    params(("id" = JobId, Path, description = "the job"), ("revision" = Revision, Path, description = "a revision of the job")),
    responses((status = 200, description = "done", body = RevisionView<'static>)),
)]
pub(in crate::web) async fn show(
    state: web::Data<AppState>,
    path: web::Path<(JobId, Revision)>,
) -> Result<HttpResponse> {
    let (job, revision) = path.into_inner();
    let found = history::revision(&state, job, revision).await?;
    Ok(HttpResponse::Ok().json(RevisionView::from(&found)))
}

/// The newest revision, which the restored one is to follow, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"revision": 4, "comment": "the new source was wrong"}))]
pub(in crate::web) struct RestoreBody {
    revision: Revision,
    #[serde(default)]
    comment: String,
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/jobs/{id}/revisions/{revision}/restore",
    tag = "revisions",
    summary = "Makes a former revision the newest one; secrets keep their values",
    params(("id" = JobId, Path, description = "the job"), ("revision" = Revision, Path, description = "a revision of the job")),
    request_body = RestoreBody,
    responses((status = 200, description = "done", body = JobView<'static>)),
)]
pub(in crate::web) async fn restore(
    state: web::Data<AppState>,
    me: Identity,
    path: web::Path<(JobId, Revision)>,
    Json(body): Json<RestoreBody>,
) -> Result<HttpResponse> {
    let (job, revision) = path.into_inner();
    let restore = Restore {
        job,
        revision,
        newest: body.revision,
        comment: body.comment,
    };
    history::restore(&state, &me.actor, restore).await?;
    let job = stored(&state, job).await?;
    Ok(HttpResponse::Ok().json(JobView::from(&job)))
}
