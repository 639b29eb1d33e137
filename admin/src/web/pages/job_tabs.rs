//! The further tabs of a job's page: versions by date and runs.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{Days, NaiveDate};
use hera_domain::id::JobId;
use hera_domain::job::{JobContent, JobDef};
use hera_domain::status::VersionStatus;
use hera_domain::vars;
use serde::Deserialize;

use super::fires::calendar_note;
use super::frame::{Frame, Section};
use super::job::{Head, Tab, find, head, stored};
use super::parts::{At, Chip, RunLine, Times};
use super::preview::field;
use super::schedule::{is_bad, tree_at};
use super::tree::Tree;
use super::visit::{Visit, html};
use crate::master::Definitions;
use crate::store::RunFilter;
use crate::web::BASE;
use crate::web::error::Result;
use hera_domain::engine::VersionView;

#[derive(Debug, Template)]
#[template(path = "job/versions.html")]
pub(super) struct VersionsPage {
    pub frame: Frame,
    pub tree: Tree,
    pub side_first: bool,
    pub head: Head,
    pub here: String,
    pub date: NaiveDate,
    pub previous: NaiveDate,
    pub next: NaiveDate,
    /// The job names its batches otherwise than by its versions.
    pub batches: bool,
    pub rows: Vec<VersionRow>,
}

#[derive(Debug)]
pub(super) struct VersionRow {
    pub id: String,
    pub business_time: At,
    pub batch_id: String,
    /// Its script as it would run.
    pub preview: String,
    pub status: Chip,
    pub edges: Vec<EdgeBadge>,
    pub why: String,
    pub bad: bool,
    pub run: Option<i64>,
}

#[derive(Debug)]
pub(super) struct EdgeBadge {
    pub name: String,
    pub href: String,
    pub version: String,
    pub met: bool,
}

#[derive(Debug, Template)]
#[template(path = "job/runs.html")]
pub(super) struct JobRunsPage {
    pub frame: Frame,
    pub tree: Tree,
    pub side_first: bool,
    pub head: Head,
    pub rows: Vec<RunLine>,
    pub older: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Day {
    date: Option<NaiveDate>,
}

/// `GET /schedule/jobs/{id}/versions?date=`.
pub(super) async fn versions(
    visit: Visit,
    id: web::Path<i64>,
    query: web::Query<Day>,
) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let job = find(&defs, JobId(*id))?;
    let zone = job.schedule().timezone;
    let now = visit.state.clock.now();
    let date = query
        .date
        .unwrap_or_else(|| now.with_timezone(&zone).date_naive());
    let versions = visit.state.master.versions(job.id, date).await?;
    let times = visit.times().in_zone(zone);
    let content = stored(&visit, job.id).await?.content;
    html(&VersionsPage {
        batches: content.cron_period.is_some(),
        frame: visit.frame(Section::Schedule),
        tree: tree_at(&visit, job.id).await?,
        side_first: false,
        head: head(&visit, &defs, job, Tab::Versions).await,
        here: format!("{BASE}/schedule/jobs/{id}/versions"),
        date,
        previous: date.checked_sub_days(Days::new(1)).unwrap_or(date),
        next: date.checked_add_days(Days::new(1)).unwrap_or(date),
        rows: versions
            .into_iter()
            .map(|version| version_row(version, job, &content, &defs, times))
            .collect(),
    })
}

fn version_row(
    version: VersionView,
    job: &JobDef,
    content: &JobContent,
    defs: &Definitions,
    times: Times,
) -> VersionRow {
    let (at, zone) = (version.business_time, content.schedule.timezone);
    // What its calendar does to a version says why it has not run, or will not.
    let by_calendar = match version.status {
        VersionStatus::Planned | VersionStatus::Skipped => true,
        VersionStatus::Waiting => version.due_at > times.now,
        VersionStatus::Queued
        | VersionStatus::Running
        | VersionStatus::RetryWait
        | VersionStatus::Success
        | VersionStatus::Failed
        | VersionStatus::Cancelled
        | VersionStatus::Lost
        | VersionStatus::Missed => false,
    };
    let note = calendar_note(defs, job.schedule(), version.business_time, times);
    let why = note
        .filter(|_| by_calendar)
        .or(version.reason.map(|reason| times.lang.reason(&reason)));
    let edges = version.edges.iter().map(|edge| EdgeBadge {
        name: defs
            .jobs
            .get(&edge.edge.upstream)
            .map_or_else(|| edge.edge.upstream.to_string(), |job| job.name.clone()),
        href: format!("{BASE}/schedule/jobs/{}/versions", edge.edge.upstream),
        version: edge
            .member
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        met: edge.satisfied,
    });
    VersionRow {
        edges: edges.collect(),
        batch_id: vars::batch_id(
            content.cron_period.as_deref(),
            content.cron_interval.unwrap_or(0),
            &version.id,
            at,
            zone,
        ),
        preview: format!(
            "{BASE}/schedule/jobs/{}/preview?at={}",
            job.id,
            field(at, zone)
        ),
        business_time: times.at(version.business_time),
        status: Chip::version(version.status, version.frozen, times.lang),
        bad: is_bad(version.status),
        why: why.unwrap_or_default(),
        run: version.last_run.map(|run| run.0),
        id: version.id.0,
    }
}

#[derive(Deserialize)]
pub(super) struct Before {
    before: Option<i64>,
}

/// `GET /schedule/jobs/{id}/runs`.
pub(super) async fn runs(
    visit: Visit,
    id: web::Path<i64>,
    query: web::Query<Before>,
) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let job = find(&defs, JobId(*id))?;
    let filter = RunFilter {
        job: Some(job.id),
        ..RunFilter::default()
    };
    let page = visit.state.store.runs(filter, query.before, 50).await?;
    let times = visit.times();
    html(&JobRunsPage {
        frame: visit.frame(Section::Schedule),
        tree: tree_at(&visit, job.id).await?,
        side_first: false,
        head: head(&visit, &defs, job, Tab::Runs).await,
        rows: page
            .items
            .iter()
            .map(|run| RunLine::new(run, times))
            .collect(),
        older: page
            .next
            .map(|next| format!("{BASE}/schedule/jobs/{id}/runs?before={next}")),
    })
}
