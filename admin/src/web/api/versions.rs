//! The versions of a job on a business day, virtual ones too.

use actix_web::{HttpResponse, web};
use chrono::NaiveDate;
use hera_domain::clock::Timestamp;
use hera_domain::engine::{EdgeView, VersionView};
use hera_domain::id::{JobId, RunId};
use hera_domain::job::JobContent;
use hera_domain::status::{Policy, VersionStatus, Window};
use hera_domain::vars;
use hera_domain::version_id::VersionId;
use hera_domain::zone;
use serde::Serialize;
use utoipa::ToSchema;

use super::jobs;
use crate::web::AppState;
use crate::web::error::Result;
use crate::web::extract::{List, Query, time};

#[derive(Serialize, ToSchema)]
struct VersionJson<'a> {
    version: &'a VersionId,
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    business_time: Timestamp,
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    status: VersionStatus,
    frozen: bool,
    last_run_id: Option<RunId>,
    batch_id: String,
    reason: Option<String>,
    ready: Vec<EdgeJson<'a>>,
}

#[derive(Serialize, ToSchema)]
struct EdgeJson<'a> {
    job_id: JobId,
    /// The upstream's version that the window holds; none if it has none that day.
    version: Option<&'a VersionId>,
    window: Window,
    policy: Policy,
    satisfied: bool,
}

impl<'a> From<&'a EdgeView> for EdgeJson<'a> {
    fn from(edge: &'a EdgeView) -> Self {
        Self {
            job_id: edge.edge.upstream,
            version: edge.member.as_ref(),
            window: edge.edge.window,
            policy: edge.edge.policy,
            satisfied: edge.satisfied,
        }
    }
}

impl<'a> VersionJson<'a> {
    fn new(version: &'a VersionView, content: &JobContent) -> Self {
        Self {
            batch_id: vars::batch_id(
                content.cron_period.as_deref(),
                content.cron_interval.unwrap_or(0),
                &version.id,
                version.business_time,
                content.schedule.timezone,
            ),
            version: &version.id,
            business_time: version.business_time,
            due_at: version.due_at,
            status: version.status,
            frozen: version.frozen,
            last_run_id: version.last_run,
            reason: version.reason.as_ref().map(ToString::to_string),
            ready: version.edges.iter().map(EdgeJson::from).collect(),
        }
    }
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/jobs/{id}/versions",
    tag = "versions",
    summary = "The versions of a business day, planned ones too",
    params(("id" = JobId, Path, description = "the job"), ("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given"), ("cursor" = Option<String>, Query, description = "`next` of the page before"), ("date" = Option<String>, Query, description = "yyyy-MM-dd in the zone of the job; today if not given")),
    responses((status = 200, description = "done", body = List<VersionJson<'static>>)),
)]
pub(in crate::web) async fn list(
    state: web::Data<AppState>,
    id: web::Path<JobId>,
    mut query: Query,
) -> Result<HttpResponse> {
    let page = query.page()?;
    let date = query.take::<NaiveDate>("date")?;
    query.end()?;
    let content = jobs::stored(&state, *id).await?.content;
    let tz = content.schedule.timezone;
    let day = date.unwrap_or_else(|| zone::local_date(tz, state.clock.now()));
    let versions = state.master.versions(*id, day).await?;
    let after = |version: &VersionView| {
        page.after
            .is_none_or(|after| version.business_time.timestamp_millis() > after)
    };
    let items = versions
        .iter()
        .filter(|version| after(version))
        .take(page.limit + 1)
        .collect();
    let list = List::new(items, page.limit, |version| {
        version.business_time.timestamp_millis()
    });
    Ok(HttpResponse::Ok().json(list.map(|version| VersionJson::new(version, &content))))
}
