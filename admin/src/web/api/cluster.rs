//! Workers, the leader, and who is alive.

use actix_web::{HttpResponse, web};
use hera_domain::clock::Timestamp;
use hera_domain::id::WorkerId;
use serde::Serialize;
use serde_json::{Value, json};

use crate::master::{LeaderView, WorkerView};
use crate::web::AppState;
use crate::web::auth::Identity;
use crate::web::error::{Error, Result};
use crate::web::extract::{List, Query, opt_time};

/// A worker as the API shows it.
#[derive(Serialize)]
struct WorkerJson<'a> {
    id: WorkerId,
    name: &'a str,
    address: &'a str,
    version: &'a str,
    connected: bool,
    accepting: bool,
    running: u32,
    slots: u32,
    memory_total_mib: u64,
    memory_rate: f64,
    load_per_core: f64,
    cores: u32,
    disk_free_mib: u64,
    #[serde(serialize_with = "opt_time")]
    last_seen: Option<Timestamp>,
}

impl<'a> From<&'a WorkerView> for WorkerJson<'a> {
    fn from(worker: &'a WorkerView) -> Self {
        Self {
            id: worker.id,
            name: &worker.name,
            address: &worker.address,
            version: &worker.version,
            connected: worker.connected,
            accepting: worker.accepting,
            running: worker.running,
            slots: worker.slots,
            memory_total_mib: worker.load.memory_total_mib,
            memory_rate: worker.load.memory_rate,
            load_per_core: worker.load.load_per_core,
            cores: worker.load.cores,
            disk_free_mib: worker.disk_free_mib,
            last_seen: worker.last_seen,
        }
    }
}

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

pub(in crate::web) async fn drain(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<WorkerId>,
) -> Result<HttpResponse> {
    set_accepting(&state, &me, *id, false).await
}

pub(in crate::web) async fn resume(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<WorkerId>,
) -> Result<HttpResponse> {
    set_accepting(&state, &me, *id, true).await
}

async fn set_accepting(
    state: &AppState,
    me: &Identity,
    id: WorkerId,
    accepting: bool,
) -> Result<HttpResponse> {
    if !state.master.workers().iter().any(|worker| worker.id == id) {
        return Err(Error::NotFound(format!("worker {id}")));
    }
    state.master.set_accepting(&me.actor, id, accepting).await?;
    Ok(HttpResponse::Ok().json(json!({ "id": id, "accepting": accepting })))
}

pub(in crate::web) async fn leader(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(leader_json(&state.master.leader()))
}

fn leader_json(view: &LeaderView) -> Value {
    let leader = view
        .leader
        .as_ref()
        .map(|(name, http, connect)| json!({ "name": name, "http": http, "connect": connect }));
    json!({ "leader": leader, "epoch": view.epoch, "self": view.is_self })
}

/// The admins and the workers that are known to be alive.
pub(in crate::web) async fn members(state: web::Data<AppState>) -> HttpResponse {
    let view = state.master.leader();
    let workers = state.master.workers();
    let mut items: Vec<Value> = Vec::new();
    if let Some((name, http, connect)) = &view.leader {
        items.push(json!({
            "kind": "admin", "name": name, "http": http, "connect": connect,
            "leading": true, "self": view.is_self,
            // Of another admin only its lease is known.
            "version": view.is_self.then_some(env!("CARGO_PKG_VERSION")),
        }));
    }
    if !view.is_self {
        items.push(json!({
            "kind": "admin", "name": state.settings.listen.to_string(),
            "http": state.settings.listen.to_string(), "leading": false, "self": true,
            "version": env!("CARGO_PKG_VERSION"),
        }));
    }
    items.extend(workers.iter().filter(|worker| worker.connected).map(|w| {
        json!({
            "kind": "worker", "id": w.id, "name": w.name, "address": w.address,
            "version": w.version, "accepting": w.accepting, "running": w.running,
        })
    }));
    HttpResponse::Ok().json(List::whole(items))
}

/// This admin and what it sees, on one page.
pub(in crate::web) async fn status(state: web::Data<AppState>) -> Result<HttpResponse> {
    let definitions = state.master.definitions();
    let workers = state.master.workers();
    let connected = workers.iter().filter(|worker| worker.connected);
    let now = state.clock.now();
    let counts = state
        .store
        .count_runs(now - chrono::TimeDelta::days(1), now)
        .await?;
    let runs: Vec<Value> = counts
        .iter()
        .map(|c| json!({ "trigger": c.trigger, "status": c.status, "count": c.count }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "env": state.settings.env,
        "timezone": state.settings.timezone.name(),
        "time": crate::web::extract::rfc3339(now),
        "leader": leader_json(&state.master.leader()),
        "commit": definitions.seq,
        "groups": definitions.groups.len(),
        "jobs": definitions.jobs.len(),
        "workers": {
            "known": workers.len(),
            "connected": connected.clone().count(),
            "running": connected.map(|worker| worker.running).sum::<u32>(),
        },
        "runs_of_last_day": runs,
    })))
}
