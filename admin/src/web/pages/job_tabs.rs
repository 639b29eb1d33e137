//! The further tabs of a job's page: versions by date and runs.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{Days, NaiveDate};
use hera_domain::id::JobId;
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::job::{Head, Tab, find, head};
use super::parts::{At, Chip, RunLine, Times};
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
    pub rows: Vec<VersionRow>,
}

#[derive(Debug)]
pub(super) struct VersionRow {
    pub id: String,
    pub business_time: At,
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
    html(&VersionsPage {
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
            .map(|version| version_row(version, &defs, times))
            .collect(),
    })
}

fn version_row(version: VersionView, defs: &Definitions, times: Times) -> VersionRow {
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
        business_time: times.at(version.business_time),
        status: Chip::version(version.status, version.frozen, times.lang),
        bad: is_bad(version.status),
        why: version.reason.unwrap_or_default(),
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
