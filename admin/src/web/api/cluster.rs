//! Workers, the leader, and who is alive.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use hera_domain::clock::Timestamp;
use hera_domain::id::{CommitSeq, Epoch, WorkerId};
use hera_domain::status::{RunStatus, Trigger};
use serde::Serialize;
use utoipa::ToSchema;

use crate::master::{LeaderView, WorkerView};
use crate::store::WorkerChange;
use crate::web::AppState;
use crate::web::auth::Identity;
use crate::web::error::{Error, Result};
use crate::web::extract::{List, Query, opt_time, time};

/// A worker as the API shows it.
#[derive(Serialize, ToSchema)]
struct WorkerJson<'a> {
    id: WorkerId,
    name: &'a str,
    address: &'a str,
    version: &'a str,
    /// Whether that is another version than the answering admin's.
    version_skew: bool,
    labels: &'a BTreeSet<String>,
    connected: bool,
    accepting: bool,
    running: u32,
    slots: u32,
    memory_total_mib: u64,
    memory_rate: f64,
    load_per_core: f64,
    cores: u32,
    disk_free_mib: u64,
    /// Less is free than hera.worker.minDiskFree: it gets no runs.
    disk_full: bool,
    #[serde(serialize_with = "opt_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen: Option<Timestamp>,
}

impl<'a> From<&'a WorkerView> for WorkerJson<'a> {
    fn from(worker: &'a WorkerView) -> Self {
        Self {
            id: worker.id,
            name: &worker.name,
            address: &worker.address,
            version: &worker.version,
            version_skew: differs(&worker.version),
            labels: &worker.labels,
            connected: worker.connected,
            accepting: worker.accepting,
            running: worker.running,
            slots: worker.slots,
            memory_total_mib: worker.load.memory_total_mib,
            memory_rate: worker.load.memory_rate,
            load_per_core: worker.load.load_per_core,
            cores: worker.load.cores,
            disk_free_mib: worker.load.disk_free_mib,
            disk_full: worker.load.disk_full,
            last_seen: worker.last_seen,
        }
    }
}

/// Whether a part of the installation runs another version than this admin.
pub(in crate::web) fn differs(version: &str) -> bool {
    version != env!("CARGO_PKG_VERSION")
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/workers",
    tag = "cluster",
    summary = "The workers",
    params(("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "done", body = List<WorkerJson<'static>>)),
)]
pub(in crate::web) async fn workers(
    state: web::Data<AppState>,
    mut query: Query,
) -> Result<HttpResponse> {
    let page = query.page()?;
    query.end()?;
    let workers = state.master.workers();
    let mut items: Vec<&WorkerView> = workers
        .iter()
        .filter(|worker| page.after.is_none_or(|after| worker.id.0 > after))
        .collect();
    items.sort_by_key(|worker| worker.id);
    let list = List::new(items, page.limit, |worker| worker.id.0);
    Ok(HttpResponse::Ok().json(list.map(WorkerJson::from)))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/workers/{id}/drain",
    tag = "cluster",
    summary = "Gives a worker no new runs",
    params(("id" = WorkerId, Path, description = "the worker")),
    responses((status = 200, description = "done", body = Accepting)),
)]
pub(in crate::web) async fn drain(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<WorkerId>,
) -> Result<HttpResponse> {
    change(&state, &me, WorkerChange::Drain(*id)).await?;
    let drained = Accepting {
        id: *id,
        accepting: false,
    };
    Ok(HttpResponse::Ok().json(drained))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/workers/{id}/resume",
    tag = "cluster",
    summary = "Gives a worker runs again",
    params(("id" = WorkerId, Path, description = "the worker")),
    responses((status = 200, description = "done", body = Accepting)),
)]
pub(in crate::web) async fn resume(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<WorkerId>,
) -> Result<HttpResponse> {
    change(&state, &me, WorkerChange::Resume(*id)).await?;
    let resumed = Accepting {
        id: *id,
        accepting: true,
    };
    Ok(HttpResponse::Ok().json(resumed))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/workers/{id}/rotate-token",
    tag = "cluster",
    summary = "Takes a worker's token away: it joins anew by the join token and is given another one",
    params(("id" = WorkerId, Path, description = "the worker")),
    responses((status = 200, description = "done", body = Rotated)),
)]
pub(in crate::web) async fn rotate_token(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<WorkerId>,
) -> Result<HttpResponse> {
    change(&state, &me, WorkerChange::RevokeToken(*id)).await?;
    Ok(HttpResponse::Ok().json(Rotated { id: *id }))
}

async fn change(state: &AppState, me: &Identity, change: WorkerChange) -> Result<()> {
    let id = change.worker();
    if !state.master.workers().iter().any(|worker| worker.id == id) {
        return Err(Error::NotFound(format!("worker {id}")));
    }
    Ok(state.master.change_worker(&me.actor, change).await?)
}

/// Whether a worker takes new runs now.
#[derive(Serialize, ToSchema)]
struct Accepting {
    id: WorkerId,
    accepting: bool,
}

/// The worker whose token counts no more.
#[derive(Serialize, ToSchema)]
struct Rotated {
    id: WorkerId,
}

/// Who leads; null while nobody does.
#[derive(Serialize, ToSchema)]
struct LeaderJson<'a> {
    leader: Option<LeaderNode<'a>>,
    epoch: Epoch,
    /// Whether the admin that answers is the leader.
    #[serde(rename = "self")]
    is_self: bool,
}

#[derive(Serialize, ToSchema)]
struct LeaderNode<'a> {
    name: &'a str,
    /// host:port of its pages.
    http: &'a str,
    /// host:port for workers.
    connect: &'a str,
}

impl<'a> From<&'a LeaderView> for LeaderJson<'a> {
    fn from(view: &'a LeaderView) -> Self {
        let leader = view.leader.as_ref();
        Self {
            leader: leader.map(|at| LeaderNode {
                name: &at.name,
                http: &at.http,
                connect: &at.connect,
            }),
            epoch: view.epoch,
            is_self: view.is_self,
        }
    }
}

/// An admin or a worker that is alive.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Member {
    Admin {
        name: String,
        http: String,
        connect: String,
        leading: bool,
        /// Whether it is the admin that answers.
        #[serde(rename = "self")]
        is_self: bool,
        version: String,
        /// Whether that is another version than the answering admin's.
        version_skew: bool,
        #[serde(serialize_with = "time")]
        #[schema(value_type = String, format = DateTime)]
        started_at: Timestamp,
        #[serde(serialize_with = "time")]
        #[schema(value_type = String, format = DateTime)]
        seen_at: Timestamp,
    },
    Worker {
        id: WorkerId,
        name: String,
        address: String,
        version: String,
        version_skew: bool,
        accepting: bool,
        running: u32,
    },
}

/// This admin and what it sees.
#[derive(Serialize, ToSchema)]
struct StatusJson<'a> {
    version: &'static str,
    env: &'a str,
    timezone: &'static str,
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    leader: LeaderJson<'a>,
    /// What is too much for this admin if it leads; it starts nothing by hand then.
    strain: Option<String>,
    /// The newest commit that changed a definition, as far as this admin knows.
    commit: CommitSeq,
    groups: usize,
    jobs: usize,
    workers: WorkerCounts,
    runs_of_last_day: Vec<RunCount>,
}

#[derive(Serialize, ToSchema)]
struct WorkerCounts {
    known: usize,
    connected: usize,
    /// Runs on connected workers.
    running: u32,
}

#[derive(Serialize, ToSchema)]
struct RunCount {
    trigger: Trigger,
    status: RunStatus,
    count: i64,
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/leader",
    tag = "cluster",
    summary = "Who leads",
    responses((status = 200, description = "done", body = LeaderJson<'static>)),
)]
pub(in crate::web) async fn leader(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(LeaderJson::from(&state.master.leader()))
}

/// The admins and the workers that are known to be alive.
#[utoipa::path(
    get,
    path = "/hera/api/v1/members",
    tag = "cluster",
    summary = "The admins and workers that are alive",
    params(("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "done", body = List<Member>)),
)]
pub(in crate::web) async fn members(
    state: web::Data<AppState>,
    mut query: Query,
) -> Result<HttpResponse> {
    let page = query.page()?;
    query.end()?;
    // Workers are found by their ids, the admins before them by negative numbers.
    let leader = state.master.leader().leader;
    let admins = state.admins.borrow().clone().into_iter();
    let admins = admins.map(|admin| Member::Admin {
        leading: leader.as_ref().is_some_and(|at| at.name == admin.at.name),
        is_self: admin.at.name == state.settings.name,
        name: admin.at.name,
        http: admin.at.http,
        connect: admin.at.connect,
        version_skew: differs(&admin.version),
        version: admin.version,
        started_at: admin.started_at,
        seen_at: admin.seen_at,
    });
    let mut items: Vec<(i64, Member)> = (i64::MIN..).zip(admins).collect();
    let workers = state.master.workers();
    let mut connected: Vec<_> = workers.iter().filter(|worker| worker.connected).collect();
    connected.sort_by_key(|worker| worker.id);
    items.extend(connected.into_iter().map(|worker| {
        let member = Member::Worker {
            id: worker.id,
            name: worker.name.clone(),
            address: worker.address.clone(),
            version: worker.version.clone(),
            version_skew: differs(&worker.version),
            accepting: worker.accepting,
            running: worker.running,
        };
        (worker.id.0, member)
    }));
    items.retain(|(key, _)| page.after.is_none_or(|after| *key > after));
    let list = List::new(items, page.limit, |(key, _)| *key);
    Ok(HttpResponse::Ok().json(list.map(|(_, member)| member)))
}

/// This admin and what it sees, on one page.
#[utoipa::path(
    get,
    path = "/hera/api/v1/status",
    tag = "cluster",
    summary = "This admin and what it sees",
    responses((status = 200, description = "done", body = StatusJson<'static>)),
)]
pub(in crate::web) async fn status(state: web::Data<AppState>) -> Result<HttpResponse> {
    let definitions = state.master.definitions();
    let workers = state.master.workers();
    let connected = workers.iter().filter(|worker| worker.connected);
    let now = state.clock.now();
    let counts = state
        .store
        .count_runs(now - chrono::TimeDelta::days(1), now)
        .await?;
    let leader = state.master.leader();
    Ok(HttpResponse::Ok().json(StatusJson {
        version: env!("CARGO_PKG_VERSION"),
        env: &state.settings.env,
        timezone: state.settings.timezone.name(),
        time: now,
        leader: (&leader).into(),
        strain: leader.strain.map(|strain| strain.to_string()),
        commit: definitions.seq,
        groups: definitions.groups.len(),
        jobs: definitions.jobs.len(),
        workers: WorkerCounts {
            known: workers.len(),
            connected: connected.clone().count(),
            running: connected.map(|worker| worker.running).sum(),
        },
        runs_of_last_day: counts
            .iter()
            .map(|c| RunCount {
                trigger: c.trigger,
                status: c.status,
                count: c.count,
            })
            .collect(),
    }))
}
