//! The workers: what they do, and whether they take more.

use actix_web::{HttpResponse, web};
use askama::Template;
use hera_domain::id::WorkerId;
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::parts::{Ago, Chip, Meter, Times};
use super::visit::{Visit, go_to, html};
use crate::access::Right;
use crate::master::WorkerView;
use crate::store::{AdminSeen, WorkerChange};
use crate::web::BASE;
use crate::web::api::cluster::differs;
use crate::web::error::Result;

/// A card per worker.
#[derive(Debug, Template)]
#[template(path = "machines/page.html")]
pub(super) struct MachinesPage {
    pub frame: Frame,
    pub notice: Option<String>,
    pub can_administer: bool,
    pub workers: Vec<Machine>,
    pub admins: Vec<AdminCard>,
}

/// An admin that is alive.
#[derive(Debug)]
pub(super) struct AdminCard {
    pub name: String,
    pub version: String,
    /// It is another one than this admin's.
    pub skew: bool,
    pub is_self: bool,
    pub state: Chip,
    pub since: Ago,
}

impl AdminCard {
    pub(super) fn new(admin: &AdminSeen, leader: &str, me: &str, times: Times) -> Self {
        let t = &times.lang.texts().machines;
        let state = if admin.at.name == leader {
            Chip {
                class: "success",
                icon: "circle-check-filled",
                word: t.leads,
            }
        } else {
            Chip {
                class: "waiting",
                icon: "circle",
                word: t.follows,
            }
        };
        Self {
            name: admin.at.name.clone(),
            version: admin.version.clone(),
            skew: differs(&admin.version),
            is_self: admin.at.name == me,
            state,
            since: times.ago(admin.started_at),
        }
    }
}

#[derive(Debug)]
pub(super) struct Machine {
    pub id: i64,
    pub name: String,
    pub address: String,
    pub version: String,
    /// It is another one than this admin's.
    pub skew: bool,
    pub labels: Vec<String>,
    pub state: Chip,
    pub accepting: bool,
    pub running: u32,
    pub slots: u32,
    pub busy: Meter,
    /// It has said how busy it is since this admin started.
    pub has_load: bool,
    pub memory: Meter,
    pub memory_total: String,
    pub load: Meter,
    pub cores: u32,
    pub disk: String,
    pub seen: Option<Ago>,
}

impl Machine {
    pub(super) fn new(worker: &WorkerView, times: Times) -> Self {
        let t = &times.lang.texts().status;
        let state = match (worker.connected, worker.accepting) {
            (true, true) if worker.load.disk_full => Chip {
                class: "draining",
                icon: "player-pause",
                word: t.disk_full,
            },
            (true, true) => Chip {
                class: "success",
                icon: "circle-check-filled",
                word: t.accepting,
            },
            (true, false) => Chip {
                class: "draining",
                icon: "player-pause",
                word: t.draining,
            },
            (false, _) => Chip {
                class: "unreachable",
                icon: "plug-connected-x",
                word: t.unreachable,
            },
        };
        let load = &worker.load;
        let busy = f64::from(worker.running) / f64::from(worker.slots.max(1));
        Self {
            id: worker.id.0,
            name: worker.name.clone(),
            address: worker.address.clone(),
            version: worker.version.clone(),
            skew: differs(&worker.version),
            labels: worker.labels.iter().cloned().collect(),
            state,
            accepting: worker.accepting,
            running: worker.running,
            slots: worker.slots,
            busy: Meter::new(busy, String::new()),
            has_load: load.memory_total_mib > 0,
            memory: Meter::new(
                load.memory_rate,
                format!("{:.0} %", load.memory_rate * 100.0),
            ),
            memory_total: gibibytes(load.memory_total_mib),
            load: Meter::new(load.load_per_core, format!("{:.2}", load.load_per_core)),
            cores: load.cores,
            disk: gibibytes(worker.load.disk_free_mib),
            seen: worker.last_seen.map(|at| times.ago(at)),
        }
    }
}

fn gibibytes(mib: u64) -> String {
    let tenths = mib * 10 / 1024;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// `GET /machines`.
pub(super) async fn show(visit: Visit) -> Result<HttpResponse> {
    let times = visit.times();
    let leader = visit.state.master.leader().leader;
    let leader = leader.map(|leader| leader.name).unwrap_or_default();
    html(&MachinesPage {
        frame: visit.frame(Section::Machines),
        notice: None,
        can_administer: visit.may(Right::Administer),
        workers: visit
            .state
            .master
            .workers()
            .iter()
            .map(|worker| Machine::new(worker, times))
            .collect(),
        admins: visit
            .state
            .admins
            .borrow()
            .iter()
            .map(|admin| AdminCard::new(admin, &leader, &visit.state.settings.name, times))
            .collect(),
    })
}

#[derive(Deserialize)]
pub(super) struct Accepting {
    accepting: bool,
}

/// `POST /machines/{id}/accepting`: drain or resume.
pub(super) async fn accept(
    visit: Visit,
    id: web::Path<i64>,
    form: web::Form<Accepting>,
) -> Result<HttpResponse> {
    let worker = WorkerId(*id);
    let change = if form.accepting {
        WorkerChange::Resume(worker)
    } else {
        WorkerChange::Drain(worker)
    };
    let master = &visit.state.master;
    master.change_worker(visit.actor()?, change).await?;
    Ok(go_to(&format!("{BASE}/machines")))
}

/// `POST /machines/{id}/rotate-token`: the worker's token counts no more, and it joins anew.
pub(super) async fn rotate_token(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let change = WorkerChange::RevokeToken(WorkerId(*id));
    let master = &visit.state.master;
    master.change_worker(visit.actor()?, change).await?;
    Ok(go_to(&format!("{BASE}/machines")))
}
