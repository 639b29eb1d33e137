//! The open sessions, one per worker: who is newest, and how to write to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hera_domain::clock::Timestamp;
use hera_domain::engine::{Load, WorkerEvent, WorkerHello};
use hera_domain::id::WorkerId;

use super::inbox::{Opened, SessionNumber, ToWorker};

/// What the loop knows of workers beside the engine: registrations and open sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    workers: BTreeMap<WorkerId, Known>,
}

#[derive(Debug)]
struct Known {
    name: String,
    address: String,
    version: String,
    load: Load,
    disk_free_mib: u64,
    accepting: bool,
    last_seen: Option<Timestamp>,
    session: Option<(SessionNumber, Arc<Opened>)>,
}

/// What [`Sessions::facts`] tells of a worker.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) id: WorkerId,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) version: String,
    pub(super) load: Load,
    pub(super) disk_free_mib: u64,
    pub(super) accepting: bool,
    pub(super) connected: bool,
    pub(super) last_seen: Option<Timestamp>,
}

impl Sessions {
    /// Remembers a worker that joined in the past.
    pub(super) fn register(&mut self, worker: crate::store::WorkerRow) {
        self.workers.insert(
            worker.id,
            Known {
                name: worker.seen.name,
                address: worker.seen.address,
                version: worker.seen.version,
                load: Load::default(),
                disk_free_mib: 0,
                accepting: true,
                last_seen: Some(worker.seen.at),
                session: None,
            },
        );
    }

    /// Takes a new session; an older one of the same worker is closed. False if it is itself
    /// older than the one that is open.
    pub(super) fn open(
        &mut self,
        worker: WorkerId,
        number: SessionNumber,
        opened: &Arc<Opened>,
        now: Timestamp,
    ) -> bool {
        if let Some((newest, old)) = self.workers.get(&worker).and_then(|w| w.session.as_ref()) {
            if *newest > number {
                opened.close.cancel();
                return false;
            }
            old.close.cancel();
        }
        let known = Known {
            name: opened.hello.name.clone(),
            address: opened.hello.address.clone(),
            version: opened.version.clone(),
            load: opened.hello.load,
            disk_free_mib: opened.disk_free_mib,
            accepting: opened.hello.accepting,
            last_seen: Some(now),
            session: Some((number, Arc::clone(opened))),
        };
        self.workers.insert(worker, known);
        true
    }

    /// Whether `number` is the worker's newest session.
    pub(super) fn is_newest(&self, worker: WorkerId, number: SessionNumber) -> bool {
        let session = self.workers.get(&worker).and_then(|w| w.session.as_ref());
        session.is_some_and(|(newest, _)| *newest == number)
    }

    /// Notes what an event says of the worker itself.
    pub(super) fn observe(&mut self, worker: WorkerId, event: &WorkerEvent, now: Timestamp) {
        let Some(known) = self.workers.get_mut(&worker) else {
            return;
        };
        known.last_seen = Some(now);
        match event {
            WorkerEvent::Heartbeat(load) => known.load = *load,
            WorkerEvent::Accepting(accepting) => known.accepting = *accepting,
            WorkerEvent::Disconnected => known.session = None,
            WorkerEvent::Connected(_)
            | WorkerEvent::Accepted(_)
            | WorkerEvent::Started(_)
            | WorkerEvent::Finished(..)
            | WorkerEvent::Refused(..) => {}
        }
    }

    /// Writes to the worker's newest session. A session whose queue is full is closed: the worker
    /// comes back and is told everything anew.
    pub(super) fn send(&self, worker: WorkerId, message: ToWorker) {
        let Some(known) = self.workers.get(&worker) else {
            return;
        };
        let Some((_, opened)) = &known.session else {
            return;
        };
        if opened.out.try_send(message).is_err() {
            tracing::warn!(worker.id = %worker, worker.name = known.name,
                "the session of this worker takes no more messages and is closed");
            opened.close.cancel();
        }
    }

    /// Closes a worker's session from our side.
    pub(super) fn close(&self, worker: WorkerId) {
        if let Some((_, opened)) = self.workers.get(&worker).and_then(|w| w.session.as_ref()) {
            opened.close.cancel();
        }
    }

    /// What the workers with an open session said of themselves, with their latest load.
    pub(super) fn hellos(&self) -> Vec<(WorkerId, WorkerHello)> {
        let open = self.workers.iter().filter_map(|(id, known)| {
            let (_, opened) = known.session.as_ref()?;
            let hello = WorkerHello {
                load: known.load,
                accepting: known.accepting,
                ..opened.hello.clone()
            };
            Some((*id, hello))
        });
        open.collect()
    }

    /// Closes every session: this admin no longer leads.
    pub(super) fn close_all(&mut self) {
        for known in self.workers.values_mut() {
            if let Some((_, opened)) = known.session.take() {
                opened.close.cancel();
            }
        }
    }

    /// Whether a worker of this id is known.
    pub(super) fn contains(&self, worker: WorkerId) -> bool {
        self.workers.contains_key(&worker)
    }

    /// What is known of every worker, by id.
    pub(super) fn facts(&self) -> impl Iterator<Item = Facts> + '_ {
        self.workers.iter().map(|(id, known)| Facts {
            id: *id,
            name: known.name.clone(),
            address: known.address.clone(),
            version: known.version.clone(),
            load: known.load,
            disk_free_mib: known.disk_free_mib,
            accepting: known.accepting,
            connected: known.session.is_some(),
            last_seen: known.last_seen,
        })
    }
}
