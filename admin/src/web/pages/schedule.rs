//! The schedule: the tree, a group's overview, the search that jumps to a job.

use actix_web::{HttpResponse, web};
use askama::Template;
use hera_domain::id::{GroupId, JobId};
use hera_domain::job::JobDef;
use hera_domain::status::{Switch, VersionStatus};
use serde::Deserialize;

use super::fires::next_due;
use super::frame::{Frame, Section};
use super::parts::{Ago, Chip, Crumb, RunLine, Times};
use super::tree::{Forest, Spot, Tree, TreeNode, crumbs, for_page, latest};
use super::visit::{Visit, go_to, html};
use crate::access::Right;
use crate::master::Definitions;
use crate::web::BASE;
use crate::web::error::{Error, Result};
use hera_domain::engine::VersionView;

/// The overview of a group.
#[derive(Debug, Template)]
#[template(path = "schedule/group.html")]
pub(super) struct GroupPage {
    pub frame: Frame,
    pub tree: Tree,
    pub side_first: bool,
    pub crumbs: Vec<Crumb>,
    pub notice: Option<String>,
    pub id: i64,
    pub name: String,
    pub description: String,
    pub big: bool,
    pub can_edit: bool,
    pub groups: Vec<GroupCard>,
    pub jobs: Vec<JobRow>,
    pub config: Vec<(String, String)>,
}

#[derive(Debug)]
pub(super) struct GroupCard {
    pub name: String,
    pub href: String,
    pub holds: String,
}

/// A job in its group's overview.
#[derive(Debug)]
pub(super) struct JobRow {
    pub id: i64,
    pub name: String,
    pub href: String,
    /// Shown when it is not open.
    pub switch: Option<Chip>,
    pub today: Chip,
    pub version: String,
    pub why: String,
    pub bad: bool,
    pub last: Option<RunLine>,
    pub next: Option<Ago>,
    /// When there is no time to show.
    pub next_word: &'static str,
}

/// The nodes under one group, or what a filter finds.
#[derive(Debug, Template)]
#[template(path = "schedule/branch.html")]
pub(super) struct Branch {
    pub nodes: Vec<TreeNode>,
}

#[derive(Debug, Template)]
#[template(path = "schedule/tree.html")]
pub(super) struct TreeFragment {
    pub frame: Frame,
    pub tree: Tree,
}

#[derive(Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    filter: String,
    #[serde(default)]
    at: String,
}

/// `GET /schedule`: the root group, beside the tree as far as a filter opens it.
pub(super) async fn index(visit: Visit, query: web::Query<Filter>) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let root = defs
        .groups
        .values()
        .find(|group| group.content.parent_id.is_none());
    let root = root.map(|group| group.id).ok_or_else(|| {
        Error::Unavailable("the definitions are not loaded yet; try again in a few seconds".into())
    })?;
    group_page(&visit, root, &query.filter, true).await
}

/// `GET /schedule/groups/{id}`.
pub(super) async fn group(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    group_page(&visit, GroupId(*id), "", false).await
}

async fn group_page(
    visit: &Visit,
    id: GroupId,
    filter: &str,
    side_first: bool,
) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let group = defs
        .groups
        .get(&id)
        .ok_or_else(|| Error::NotFound(format!("group {id}")))?;
    let tree =
        Forest::new(&defs, latest(visit, &defs).await?, visit.lang).tree(Spot::Group(id), filter);
    let mut way = crumbs(visit, &defs, group.content.parent_id);
    if side_first {
        way.truncate(1);
    }
    let jobs = defs.jobs.values().filter(|job| job.group == id);
    html(&GroupPage {
        frame: visit.frame(Section::Schedule),
        tree,
        side_first,
        crumbs: way,
        notice: None,
        id: id.0,
        name: group.content.name.clone(),
        description: group.content.description.clone(),
        big: group.content.big,
        can_edit: visit.may(Right::Edit),
        groups: cards(visit, &defs, id),
        jobs: rows(visit, jobs.map(AsRef::as_ref).collect()).await?,
        config: group
            .content
            .config
            .iter()
            .map(|(key, value)| {
                let shown = hera_domain::config::shown(key, value);
                (key.clone(), shown.to_owned())
            })
            .collect(),
    })
}

fn cards(visit: &Visit, defs: &crate::master::Definitions, id: GroupId) -> Vec<GroupCard> {
    let below = defs
        .groups
        .values()
        .filter(|g| g.content.parent_id == Some(id));
    below
        .map(|group| {
            let groups = defs.groups.values();
            let groups = groups
                .filter(|g| g.content.parent_id == Some(group.id))
                .count();
            let jobs = defs.jobs.values().filter(|j| j.group == group.id).count();
            GroupCard {
                name: group.content.name.clone(),
                href: format!("{BASE}/schedule/groups/{}", group.id),
                holds: if group.content.big {
                    visit.lang.groups(groups)
                } else {
                    visit.lang.jobs(jobs)
                },
            }
        })
        .collect()
}

async fn rows(visit: &Visit, jobs: Vec<&JobDef>) -> Result<Vec<JobRow>> {
    let ids = jobs.iter().map(|job| job.id).collect();
    let mut last = visit.state.store.latest_runs(ids).await?;
    let times = visit.times();
    let defs = visit.state.master.definitions();
    let today = futures_util::future::join_all(jobs.iter().map(|job| today(visit, job))).await;
    Ok(jobs
        .into_iter()
        .zip(today)
        .map(|(job, today)| {
            let last = last.remove(&job.id).map(|view| RunLine::new(&view, times));
            row(&defs, job, today, last, times)
        })
        .collect())
}

/// The version of a job that says how today stands: the latest due one, else the next.
pub(super) async fn today(visit: &Visit, job: &JobDef) -> Option<VersionView> {
    let now = visit.state.clock.now();
    let day = now.with_timezone(&job.schedule().timezone).date_naive();
    // Without a leader the column stays empty; the frame says so.
    let versions = visit.state.master.versions(job.id, day).await.ok()?;
    let due = versions.iter().rfind(|v| v.due_at <= now);
    due.or(versions.first()).cloned()
}

fn row(
    defs: &Definitions,
    job: &JobDef,
    today: Option<VersionView>,
    last: Option<RunLine>,
    times: Times,
) -> JobRow {
    let t = times.lang.texts();
    let open = job.switch == Switch::Open;
    let next = next_due(defs, job, times).filter(|_| open);
    JobRow {
        id: job.id.0,
        name: job.name.clone(),
        href: format!("{BASE}/schedule/jobs/{}", job.id),
        switch: (!open).then(|| Chip::switch(job.switch, times.lang)),
        today: today.as_ref().map_or(Chip::none(times.lang), |v| {
            Chip::version(v.status, v.frozen, times.lang)
        }),
        version: today.as_ref().map(|v| v.id.to_string()).unwrap_or_default(),
        bad: today.as_ref().is_some_and(|v| is_bad(v.status)),
        // A version says why it waits; why it failed is said by its run.
        why: today
            .and_then(|v| {
                let waits = v.reason.map(|reason| times.lang.reason(&reason));
                waits.or(last
                    .as_ref()
                    .map(|run| run.why.clone())
                    .filter(|_| is_bad(v.status)))
            })
            .unwrap_or_default(),
        last,
        next,
        next_word: match (open, job.schedule().edges.is_empty()) {
            (true, false) => t.schedule.after_upstream,
            (true, true) => t.schedule.manual_only,
            (false, _) => "–",
        },
    }
}

pub(super) const fn is_bad(status: VersionStatus) -> bool {
    match status {
        VersionStatus::Failed | VersionStatus::Lost | VersionStatus::Missed => true,
        VersionStatus::Planned
        | VersionStatus::Waiting
        | VersionStatus::Queued
        | VersionStatus::Running
        | VersionStatus::RetryWait
        | VersionStatus::Success
        | VersionStatus::Cancelled
        | VersionStatus::Skipped => false,
    }
}

/// `GET /schedule/tree`: the tree for a filter.
pub(super) async fn filtered(visit: Visit, query: web::Query<Filter>) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let latest = latest(&visit, &defs).await?;
    let tree = Forest::new(&defs, latest, visit.lang).tree(Spot::parse(&query.at), &query.filter);
    html(&TreeFragment {
        frame: visit.frame(Section::Schedule),
        tree,
    })
}

/// `GET /schedule/tree/{group}`: the children of a group that is being opened.
pub(super) async fn branch(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let latest = latest(&visit, &defs).await?;
    html(&Branch {
        nodes: Forest::new(&defs, latest, visit.lang).branch(GroupId(*id)),
    })
}

#[derive(Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    q: String,
}

/// `GET /search`: the way to a job by its id or name, without scripts.
pub(super) async fn search(visit: Visit, query: web::Query<Query>) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let wanted = query.q.trim();
    let by_id = wanted
        .parse()
        .ok()
        .map(JobId)
        .filter(|id| defs.jobs.contains_key(id));
    let by_name = || {
        defs.jobs
            .values()
            .find(|job| job.name == wanted)
            .map(|job| job.id)
    };
    if let Some(id) = by_id.or_else(by_name) {
        return Ok(go_to(&format!("{BASE}/schedule/jobs/{id}")));
    }
    index(
        visit,
        web::Query(Filter {
            filter: wanted.to_owned(),
            at: String::new(),
        }),
    )
    .await
}

/// `GET /search/jobs`: what the jump box offers, as JSON.
pub(super) async fn suggest(visit: Visit, query: web::Query<Query>) -> HttpResponse {
    let defs = visit.state.master.definitions();
    let wanted = query.q.trim().to_lowercase();
    let mut found: Vec<_> = defs
        .jobs
        .values()
        .filter_map(|job| {
            let name = job.name.to_lowercase();
            let id = job.id.to_string();
            let rank = match () {
                () if id == wanted || name == wanted => 0,
                () if name.starts_with(&wanted) => 1,
                () if name.contains(&wanted) || id.starts_with(&wanted) => 2,
                () => return None,
            };
            Some((rank, job))
        })
        .collect();
    found.sort_by_key(|(rank, job)| (*rank, job.name.len(), job.id));
    let items: Vec<_> = found
        .into_iter()
        .take(12)
        .map(|(_, job)| {
            let group = defs.groups.get(&job.group).map(|g| g.content.name.clone());
            serde_json::json!({
                "id": job.id,
                "name": job.name,
                "group": group,
                "href": format!("{BASE}/schedule/jobs/{}", job.id),
            })
        })
        .collect();
    HttpResponse::Ok().json(items)
}

/// The tree for the pages of a job.
pub(super) async fn tree_at(visit: &Visit, job: JobId) -> Result<Tree> {
    let defs = visit.state.master.definitions();
    for_page(visit, &defs, Spot::Job(job)).await
}
