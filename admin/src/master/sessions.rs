//! The open sessions, one per worker: who is newest, and how to write to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hera_domain::clock::Timestamp;
use hera_domain::engine::{Load, WorkerEvent, WorkerHello};
use hera_domain::id::WorkerId;

use super::inbox::{Opened, SessionNumber, ToWorker};
use crate::store::{WorkerChange, WorkerRow};

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
    labels: BTreeSet<String>,
    load: Load,
    /// What the worker itself says.
    accepting: bool,
    /// What a person has decided.
    drained: bool,
    last_seen: Option<Timestamp>,
    /// The newest session there was; an older one that arrives late says what is no longer true.
    newest: Option<SessionNumber>,
    session: Option<(SessionNumber, Arc<Opened>)>,
}

/// What [`Sessions::facts`] tells of a worker.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) id: WorkerId,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) version: String,
    pub(super) labels: BTreeSet<String>,
    pub(super) load: Load,
    pub(super) accepting: bool,
    pub(super) connected: bool,
    pub(super) last_seen: Option<Timestamp>,
}

impl Sessions {
    /// Remembers a worker that joined in the past.
    pub(super) fn register(&mut self, worker: WorkerRow) {
        self.workers.insert(
            worker.id,
            Known {
                name: worker.seen.name,
                address: worker.seen.address,
                version: worker.seen.version,
                labels: worker.seen.labels,
                load: Load::default(),
                accepting: true,
                drained: worker.drained,
                last_seen: Some(worker.seen.at),
                newest: None,
                session: None,
            },
        );
    }

    /// Takes a new session, and says what counts of its hello; an older one of the same worker is
    /// closed. Nothing if it is itself older than the one that is open.
    pub(super) fn open(
        &mut self,
        worker: WorkerId,
        number: SessionNumber,
        opened: &Arc<Opened>,
        now: Timestamp,
    ) -> Option<WorkerHello> {
        let before = self.workers.get(&worker);
        if before.is_some_and(|known| known.newest > Some(number)) {
            opened.close.cancel();
            return None;
        }
        if let Some((old, session)) = before.and_then(|known| known.session.as_ref())
            && *old != number
        {
            session.close.cancel();
        }
        let known = Known {
            name: opened.hello.name.clone(),
            address: opened.hello.address.clone(),
            version: opened.version.clone(),
            labels: opened.hello.labels.clone(),
            load: opened.hello.load,
            accepting: opened.hello.accepting,
            drained: before.is_some_and(|known| known.drained),
            last_seen: Some(now),
            newest: Some(number),
            session: Some((number, Arc::clone(opened))),
        };
        let hello = known.hello(opened);
        self.workers.insert(worker, known);
        Some(hello)
    }

    /// Takes note of what a person decides, and says whether the worker accepts runs now, if that
    /// may have changed.
    pub(super) fn change(&mut self, change: WorkerChange) -> Option<bool> {
        let known = self.workers.get_mut(&change.worker())?;
        known.drained = match change {
            WorkerChange::Drain(_) => true,
            WorkerChange::Resume(_) => false,
            WorkerChange::RevokeToken(_) => return None,
        };
        Some(known.accepts())
    }

    /// Takes the database's word for what persons decided.
    pub(super) fn restore(&mut self, workers: &[WorkerRow]) {
        for worker in workers {
            if let Some(known) = self.workers.get_mut(&worker.id) {
                known.drained = worker.drained;
            }
        }
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
            WorkerEvent::Disconnected => known.session = None,
            WorkerEvent::Connected(_)
            | WorkerEvent::Accepting(_)
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
            Some((*id, known.hello(opened)))
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
            labels: known.labels.clone(),
            load: known.load,
            accepting: known.accepts(),
            connected: known.session.is_some(),
            last_seen: known.last_seen,
        })
    }
}

impl Known {
    const fn accepts(&self) -> bool {
        self.accepting && !self.drained
    }

    /// What a session's hello says today.
    fn hello(&self, opened: &Opened) -> WorkerHello {
        WorkerHello {
            load: self.load,
            accepting: self.accepts(),
            ..opened.hello.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use hera_domain::clock::from_millis;
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::*;

    const WORKER: WorkerId = WorkerId(1);

    fn opened() -> Arc<Opened> {
        let (out, _) = mpsc::channel(1);
        Arc::new(Opened {
            hello: WorkerHello {
                name: "w".into(),
                address: String::new(),
                accepting: true,
                labels: BTreeSet::new(),
                max_runs: None,
                load: Load::default(),
                inventory: Vec::new(),
            },
            version: String::new(),
            token: String::new(),
            out,
            close: CancellationToken::new(),
        })
    }

    #[test]
    fn a_session_that_is_taken_twice_stays_open() {
        let mut sessions = Sessions::default();
        let session = opened();
        for _ in 0..2 {
            assert!(
                sessions
                    .open(WORKER, SessionNumber(1), &session, from_millis(0))
                    .is_some()
            );
        }
        assert!(!session.close.is_cancelled());
    }

    #[test]
    fn a_newer_session_closes_the_older_one() {
        let mut sessions = Sessions::default();
        let (old, new) = (opened(), opened());
        assert!(
            sessions
                .open(WORKER, SessionNumber(1), &old, from_millis(0))
                .is_some()
        );
        assert!(
            sessions
                .open(WORKER, SessionNumber(2), &new, from_millis(0))
                .is_some()
        );
        assert!(old.close.is_cancelled() && !new.close.is_cancelled());
    }

    /// Whichever of its sessions the decision meets, also one that is about to be replaced.
    #[test]
    fn a_drained_worker_is_drained_in_its_next_session_too() {
        let mut sessions = Sessions::default();
        let at = from_millis(0);
        let accepts = |sessions: &mut Sessions, number| {
            let hello = sessions.open(WORKER, SessionNumber(number), &opened(), at);
            hello.expect("it is the newest").accepting
        };
        assert!(accepts(&mut sessions, 1));
        assert_eq!(sessions.change(WorkerChange::Drain(WORKER)), Some(false));
        assert!(!accepts(&mut sessions, 2));
        assert_eq!(sessions.change(WorkerChange::Resume(WORKER)), Some(true));
        assert!(accepts(&mut sessions, 3));
    }

    /// Its inventory is out of date: believed, it would end runs that started in between.
    #[test]
    fn an_older_session_is_refused_also_after_the_newer_one_has_ended() {
        let mut sessions = Sessions::default();
        let (old, new) = (opened(), opened());
        assert!(
            sessions
                .open(WORKER, SessionNumber(2), &new, from_millis(0))
                .is_some()
        );
        sessions.observe(WORKER, &WorkerEvent::Disconnected, from_millis(0));
        assert!(
            sessions
                .open(WORKER, SessionNumber(1), &old, from_millis(0))
                .is_none()
        );
        assert!(old.close.is_cancelled());
    }
}
