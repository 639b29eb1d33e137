//! The history of a job.

use actix_web::{HttpResponse, web};
use hera_domain::id::{JobId, Revision};
use serde::Deserialize;

use super::job_view::{JobView, RevisionSummary, RevisionView};
use super::jobs::stored;
use crate::web::AppState;
use crate::web::auth::Identity;
use crate::web::error::Result;
use crate::web::extract::{Json, List, Query};
use crate::web::history::{self, Restore};

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

pub(in crate::web) async fn show(
    state: web::Data<AppState>,
    path: web::Path<(JobId, Revision)>,
) -> Result<HttpResponse> {
    let (job, revision) = path.into_inner();
    let found = history::revision(&state, job, revision).await?;
    Ok(HttpResponse::Ok().json(RevisionView::from(&found)))
}

/// The newest revision, which the restored one is to follow, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RestoreBody {
    revision: Revision,
    #[serde(default)]
    comment: String,
}

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
