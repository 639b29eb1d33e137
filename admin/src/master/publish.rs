//! Tells the rest of the admin what has been committed.

use std::sync::Arc;
use std::time::Duration;

use hera_domain::engine::{Decisions, Engine, Limits, Run};
use hera_domain::id::Epoch;
use hera_domain::status::{Lane, RunStatus, Trigger};
use tokio::sync::{broadcast, watch};

use super::handle::{Definitions, LeaderView, Notice, WorkerView};
use super::sessions::Sessions;
use super::state::State;
use super::strain::Strain;
use crate::metrics::Metrics;
use crate::store::{Batch, Holder};

/// The sending ends of what a [`super::Handle`] receives.
#[derive(Debug, Clone)]
pub(super) struct Publisher {
    pub(super) definitions: watch::Sender<Arc<Definitions>>,
    pub(super) leader: watch::Sender<LeaderView>,
    pub(super) workers: watch::Sender<Arc<Vec<WorkerView>>>,
    pub(super) notices: broadcast::Sender<Notice>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) me: Holder,
}

impl Publisher {
    /// This admin leads and takes commands.
    pub(super) fn lead(&self, state: &State, epoch: Epoch) {
        self.definitions
            .send_replace(Arc::new(state.definitions.clone()));
        let view = LeaderView {
            leader: Some(self.me.clone()),
            epoch,
            is_self: true,
            strain: None,
        };
        self.leader.send_replace(view);
    }

    /// Another admin leads.
    pub(super) fn follow(&self, leader: Holder, epoch: Epoch) {
        let leader = Some(leader);
        self.leader.send_if_modified(|view| {
            if (&view.leader, view.epoch, view.is_self) == (&leader, epoch, false) {
                return false;
            }
            *view = LeaderView {
                leader,
                epoch,
                is_self: false,
                strain: None,
            };
            true
        });
    }

    /// Another admin leads and says whether it has too much to do.
    pub(super) fn strain_there(&self, strain: Option<Strain>) {
        self.leader.send_if_modified(|view| {
            let news = !view.is_self && view.strain != strain;
            if news {
                view.strain = strain;
            }
            news
        });
    }

    /// This admin no longer leads; who does is not known.
    pub(super) fn step_down(&self) {
        self.leader.send_modify(|view| {
            view.leader = None;
            view.is_self = false;
            view.strain = None;
        });
        self.metrics.strained(false);
        self.metrics.queues(std::iter::empty());
    }

    /// Says whether this leader has too much to do, when that changes.
    pub(super) fn strain(&self, waiting: usize, limits: &Limits) {
        let before = self.leader.borrow().strain;
        let strain = Strain::look(before, waiting, limits);
        match (before, strain) {
            (None, Some(strain)) => {
                tracing::warn!(%strain, "too much to do: nothing is started by hand for now");
            }
            (Some(_), None) => tracing::info!("there is time again for runs by hand"),
            (None, None) | (Some(_), Some(_)) => {}
        }
        self.metrics.strained(strain.is_some());
        self.leader.send_if_modified(|view| {
            view.strain = strain;
            strain != before
        });
    }

    /// Records how long a commit took, and how late the processes are that it shows as started.
    pub(super) fn measure(&self, decisions: &Decisions, engine: &Engine, took: Duration) {
        self.metrics.committed_in(took);
        let new = |before| matches!(before, RunStatus::Queued | RunStatus::Dispatched);
        for change in decisions.runs.values() {
            if change.expect.is_none_or(new)
                && let Some(late) = lateness(&change.row, engine)
            {
                self.metrics.started_after(late);
            }
        }
    }

    /// Shows how many runs wait where.
    pub(super) fn queues(&self, engine: &Engine, state: &State) {
        let waiting = engine.queue_depths();
        let groups = &state.definitions.host_groups;
        let idle = groups.keys().flat_map(|group| {
            let lanes = Lane::ALL.iter();
            lanes.map(|lane| (*group, *lane, 0))
        });
        let busy = waiting.iter().map(|q| (q.host_group, q.lane, q.waiting));
        self.metrics
            .queues(idle.chain(busy).map(|(id, lane, depth)| {
                let name = groups.get(&id).map(|group| group.name.clone());
                (name.unwrap_or_else(|| id.to_string()), lane, depth)
            }));
    }

    /// Takes a committed batch into the definitions and tells of every change.
    pub(super) fn committed(&self, batch: &Batch, state: &mut State) {
        let decisions = &batch.decisions;
        for (id, def) in &decisions.jobs {
            match def {
                Some(def) => state.definitions.jobs.insert(*id, Arc::clone(def)),
                None => state.definitions.jobs.remove(id),
            };
        }
        if batch.changes_definitions() {
            state.definitions.seq = batch.seq;
            self.definitions
                .send_replace(Arc::new(state.definitions.clone()));
        }
        for change in decisions.runs.values() {
            let run = &change.row;
            self.tell(Notice::Run {
                run: run.id,
                job: run.job,
                status: run.status,
            });
            if run.status.is_final() && change.expect.is_none_or(|before| !before.is_final()) {
                self.metrics.run_ended(run.trigger, run.status);
            }
        }
        for change in decisions.versions.values() {
            let version = &change.row;
            let id = version.id.clone();
            self.tell(Notice::Version {
                job: version.job,
                id,
                status: version.status,
            });
        }
        for job in decisions.jobs.keys() {
            self.tell(Notice::Job { job: *job });
        }
        for change in &batch.groups {
            self.tell(Notice::Group { group: change.id });
        }
    }

    /// Shows the workers as they are now.
    pub(super) fn workers(&self, sessions: &Sessions, engine: &Engine) {
        let views = sessions.facts().map(|facts| WorkerView {
            running: u32::try_from(engine.runs_on(facts.id)).unwrap_or(u32::MAX),
            slots: engine.worker_slots(facts.id),
            id: facts.id,
            name: facts.name,
            address: facts.address,
            version: facts.version,
            labels: facts.labels,
            connected: facts.connected,
            accepting: facts.accepting,
            load: facts.load,
            last_seen: facts.last_seen,
        });
        self.workers.send_replace(Arc::new(views.collect()));
        self.tell(Notice::Workers);
    }

    fn tell(&self, notice: Notice) {
        // Nobody listening is no error.
        drop(self.notices.send(notice));
    }
}

/// How long after it could have started a scheduled run did: a version of a cron counts from the
/// instant it was due, one that waits for others from the instant they let it go.
fn lateness(run: &Run, engine: &Engine) -> Option<Duration> {
    if run.trigger != Trigger::Schedule || run.attempt > 1 {
        return None;
    }
    let version = engine.version_by_key(run.version)?;
    let job = engine.jobs().get(&run.job)?;
    let from = if job.schedule().edges.is_empty() {
        version.due_at.max(version.created_at)
    } else {
        run.created_at
    };
    (run.started_at? - from).to_std().ok()
}
