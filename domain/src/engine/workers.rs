//! Workers: their sessions, what they report, and what is settled when one comes back.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::runs::run_ref;
use super::state::Timer;
use super::{Batch, Engine};
use crate::clock::Timestamp;
use crate::engine::decision::{AlarmKind, LateResult, Send};
use crate::engine::event::{
    End, InventoryItem, InventoryState, Load, RunRef, WorkerEvent, WorkerHello,
};
use crate::engine::record::{HostGroup, Limits, Run};
use crate::id::{RunId, WorkerId};
use crate::reason::Reason;
use crate::status::RunStatus;

/// Load per core and share of memory above which a worker must warm up (HERA's figures).
const BUSY_LOAD: f64 = 0.6;
const BUSY_MEMORY: f64 = 0.7;

/// A worker as its newest session shows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Worker {
    pub name: String,
    pub address: String,
    pub labels: BTreeSet<String>,
    pub connected: bool,
    pub accepting: bool,
    pub max_runs: Option<u32>,
    pub load: Load,
    /// Dispatched to it and not ended.
    pub runs: BTreeSet<RunId>,
    pub sent_since_heartbeat: u32,
    /// When it was given its latest run.
    pub given_at: Option<Timestamp>,
    /// Since when it is silent.
    pub silent_since: Option<Timestamp>,
}

impl Worker {
    pub(super) fn is_in(&self, group: &HostGroup) -> bool {
        group.holds(&self.name, &self.address, &self.labels)
    }

    /// Until when it gets no other run: the one it was given last has not shown in its load yet,
    /// and that is high as it is.
    pub(super) fn warms_up_until(&self, limits: &Limits) -> Option<Timestamp> {
        let Load {
            memory_rate,
            load_per_core,
            ..
        } = self.load;
        let busy = load_per_core > BUSY_LOAD || memory_rate > BUSY_MEMORY;
        let given = self.given_at.filter(|_| busy && limits.warm_up_ms > 0)?;
        Some(given + TimeDelta::milliseconds(limits.warm_up_ms))
    }

    /// Runs it may have at the same time.
    pub(super) fn slots(&self, limits: &Limits) -> u32 {
        if let Some(slots) = self.max_runs {
            return slots;
        }
        if self.load.memory_total_mib == 0 {
            return (self.load.cores * 2).max(1);
        }
        let free = self
            .load
            .memory_total_mib
            .saturating_sub(limits.system_memory_mib);
        let slots = free / limits.task_memory_mib.max(1);
        u32::try_from(slots).unwrap_or(u32::MAX).max(1)
    }

    pub(super) fn free_slots(&self, limits: &Limits) -> u32 {
        let taken = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        self.slots(limits).saturating_sub(taken)
    }

    /// Whether it may get runs at all; what was sent since its last heartbeat is reckoned with.
    #[expect(
        clippy::cast_precision_loss,
        reason = "shares of memory need no precision"
    )]
    pub(super) fn takes_runs(&self, limits: &Limits) -> bool {
        let total = self.load.memory_total_mib;
        let coming = u64::from(self.sent_since_heartbeat) * limits.task_memory_mib;
        let coming = if total == 0 {
            0.0
        } else {
            coming as f64 / total as f64
        };
        let fits = limits.max_memory_rate <= 0.0
            || self.load.memory_rate + coming <= limits.max_memory_rate;
        let calm =
            limits.max_load_per_core <= 0.0 || self.load.load_per_core <= limits.max_load_per_core;
        self.connected && self.accepting && fits && calm && !self.load.disk_full
    }

    fn title(&self, id: WorkerId) -> String {
        if self.name.is_empty() {
            id.to_string()
        } else {
            self.name.clone()
        }
    }
}

impl Engine {
    pub(super) fn worker_event(&mut self, id: WorkerId, event: WorkerEvent, batch: &mut Batch<'_>) {
        match event {
            WorkerEvent::Connected(hello) => self.connected(id, hello, batch),
            WorkerEvent::Disconnected => self.fell_silent(id, batch.tick.now),
            WorkerEvent::Heartbeat(load) => {
                self.loaded(id, load, batch);
                let worker = self.workers.entry(id).or_default();
                worker.sent_since_heartbeat = 0;
            }
            WorkerEvent::Accepting(accepting) => {
                self.workers.entry(id).or_default().accepting = accepting;
            }
            WorkerEvent::Accepted(run) => {
                if self.bound(id, &run).is_none() {
                    batch.out.sends.push(Send::Discard { worker: id, run });
                }
            }
            WorkerEvent::Started(run) => match self.bound(id, &run) {
                Some(known) => self.run_started(known, batch),
                None => batch.out.sends.push(Send::Discard { worker: id, run }),
            },
            WorkerEvent::Finished(run, end) => {
                match self.bound(id, &run) {
                    Some(known) => self.run_finished(known, &end, batch),
                    None => self.ended_late(&run, &end, batch),
                }
                batch.out.sends.push(Send::Ack { worker: id, run });
            }
            WorkerEvent::Refused(run, error) => {
                if let Some(known) = self.bound(id, &run) {
                    self.run_refused(known, error, batch);
                }
                batch.out.sends.push(Send::Ack { worker: id, run });
            }
        }
    }

    /// The run that a worker speaks of, if it is one that was dispatched to it.
    fn bound(&self, worker: WorkerId, named: &RunRef) -> Option<RunId> {
        let run = self.runs.all.get(&named.run)?;
        let same = run.worker == Some(worker) && run.nonce.as_ref() == Some(&named.nonce);
        (same && run.status.is_on_worker()).then_some(run.id)
    }

    /// A run that was given up has ended after all. What is known to have ended otherwise is
    /// reported again for want of an answer, and says nothing new.
    fn ended_late(&self, run: &RunRef, end: &End, batch: &mut Batch<'_>) {
        match self.ended.get(run.run) {
            Some(RunStatus::Lost | RunStatus::Cancelled) | None => {
                let note = Reason::EndedLate {
                    exit_code: end.exit_code,
                    signal: end.signal,
                    killed: end.kill_confirmed,
                };
                let run = run.clone();
                batch.out.late.push(LateResult { run, note });
            }
            Some(
                RunStatus::Success
                | RunStatus::Failed
                | RunStatus::Queued
                | RunStatus::Dispatched
                | RunStatus::Running,
            ) => {}
        }
    }

    /// What to say of a run that was not dispatched to the worker, or is over for us.
    fn stranger(&self, worker: WorkerId, item: InventoryItem, batch: &mut Batch<'_>) {
        let InventoryItem { run, state } = item;
        let lost = self.ended.get(run.run) == Some(RunStatus::Lost);
        let send = match state {
            // Killed, and its end is kept as a note.
            InventoryState::Live if lost => Send::Cancel { worker, run },
            InventoryState::Live => Send::Discard { worker, run },
            InventoryState::Ended(end) => {
                self.ended_late(&run, &end, batch);
                Send::Ack { worker, run }
            }
        };
        batch.out.sends.push(send);
    }

    fn run_started(&mut self, id: RunId, batch: &mut Batch<'_>) {
        let now = batch.tick.now;
        let Some(run) = self.runs.all.get(&id) else {
            return;
        };
        if run.status == RunStatus::Dispatched {
            self.edit_run(id, batch, |run| {
                run.status = RunStatus::Running;
                run.started_at = Some(now);
            });
        }
        if let Some(run) = self.runs.all.get(&id).cloned() {
            self.version_runs(&run, batch);
        }
    }

    /// Notes a worker's load, and alarms when its disk fills up or has room again.
    fn loaded(&mut self, id: WorkerId, load: Load, batch: &mut Batch<'_>) {
        let worker = self.workers.entry(id).or_default();
        let was_full = std::mem::replace(&mut worker.load, load).disk_full;
        let (name, free) = (&worker.name, load.disk_free_mib);
        let text = match (was_full, load.disk_full) {
            (false, true) => format!(
                "worker {name} has {free} MiB left on its disk and takes no more runs; make room there"
            ),
            (true, false) => format!("worker {name} has room on its disk again and takes runs"),
            (true, true) | (false, false) => return,
        };
        let event = format!("{id}:{}", batch.tick.seq);
        batch.alarm(AlarmKind::Storage, event, (None, None, None), text);
    }

    fn run_refused(&mut self, id: RunId, error: String, batch: &mut Batch<'_>) {
        let cancelled = self
            .runs
            .all
            .get(&id)
            .is_some_and(|run| run.cancelled_by.is_some());
        let status = if cancelled {
            RunStatus::Cancelled
        } else {
            RunStatus::Failed
        };
        self.end_run(id, status, batch, |run| {
            run.reason = Some(Reason::said(error));
        });
    }

    fn connected(&mut self, id: WorkerId, hello: WorkerHello, batch: &mut Batch<'_>) {
        let worker = self.workers.entry(id).or_default();
        if let Some(since) = worker.silent_since.take() {
            self.timers
                .remove(&(silence_ends(since, &self.limits), Timer::Worker(id)));
        }
        worker.name = hello.name;
        worker.address = hello.address;
        worker.labels = hello.labels;
        worker.connected = true;
        worker.accepting = hello.accepting;
        worker.max_runs = hello.max_runs;
        worker.sent_since_heartbeat = 0;
        let bound: Vec<_> = worker.runs.iter().copied().collect();
        self.loaded(id, hello.load, batch);
        let mut told = BTreeMap::new();
        for item in hello.inventory {
            match self.bound(id, &item.run) {
                Some(run) => {
                    told.insert(run, item);
                }
                None => self.stranger(id, item, batch),
            }
        }
        for run in bound {
            match told.remove(&run) {
                Some(item) => self.still_there(id, run, item, batch),
                None => self.denied(id, run, batch),
            }
        }
    }

    fn still_there(
        &mut self,
        worker: WorkerId,
        id: RunId,
        item: InventoryItem,
        batch: &mut Batch<'_>,
    ) {
        self.reachable_again(id, batch);
        match item.state {
            // The worker's report of the end follows, and brings the rest of the log: taken from
            // here, the run would be final and acknowledged with its log still on the worker.
            InventoryState::Ended(_) => {}
            InventoryState::Live => {
                let run = self.runs.all.get(&id);
                if run.is_some_and(|run| run.cancelled_by.is_some()) {
                    let run = item.run;
                    batch.out.sends.push(Send::Cancel { worker, run });
                }
            }
        }
    }

    fn reachable_again(&mut self, id: RunId, batch: &mut Batch<'_>) {
        if self.runs.all.get(&id).is_some_and(|run| run.unreachable) {
            self.edit_run(id, batch, |run| run.unreachable = false);
        }
    }

    /// The worker does not have a run that was dispatched to it.
    fn denied(&mut self, worker: WorkerId, id: RunId, batch: &mut Batch<'_>) {
        let Some(run) = self.runs.all.get(&id).cloned() else {
            return;
        };
        if run.status == RunStatus::Dispatched && run.cancelled_by.is_some() {
            // It never got there, so nothing is left to kill.
            self.end_run(id, RunStatus::Cancelled, batch, |_| {});
        } else if run.status == RunStatus::Dispatched {
            self.reachable_again(id, batch);
            if let Some(run) = run_ref(&run) {
                batch.out.sends.push(Send::Start { worker, run });
            }
        } else {
            let title = self.workers.get(&worker).map(|known| known.title(worker));
            let title = title.unwrap_or_else(|| worker.to_string());
            let status = if run.cancelled_by.is_some() {
                RunStatus::Cancelled
            } else {
                RunStatus::Lost
            };
            self.end_run(id, status, batch, |run| {
                run.reason = Some(Reason::WorkerForgot { worker: title });
            });
        }
    }

    fn fell_silent(&mut self, id: WorkerId, now: Timestamp) {
        let worker = self.workers.entry(id).or_default();
        worker.connected = false;
        let since = *worker.silent_since.get_or_insert(now);
        let timer = (silence_ends(since, &self.limits), Timer::Worker(id));
        self.timers.insert(timer);
    }

    /// After a restore no worker has a session yet.
    pub(super) fn await_workers(&mut self, now: Timestamp) {
        let workers: Vec<_> = self.workers.keys().copied().collect();
        for worker in workers {
            self.fell_silent(worker, now);
        }
    }

    /// A worker has been silent for too long.
    pub(super) fn worker_timer(&mut self, id: WorkerId, batch: &mut Batch<'_>) {
        let now = batch.tick.now;
        let Some(worker) = self.workers.get(&id) else {
            return;
        };
        let silent = worker.silent_since;
        if silent.is_none_or(|since| silence_ends(since, &self.limits) > now) {
            return;
        }
        let title = worker.title(id);
        let runs: Vec<_> = worker.runs.iter().copied().collect();
        let mut news = 0_usize;
        for run in runs {
            let Some(run) = self.runs.all.get(&run).cloned() else {
                continue;
            };
            news += usize::from(!run.unreachable);
            self.run_unreachable(&run, &title, batch);
        }
        if news > 0 {
            let seconds = self.limits.worker_lost_ms / 1_000;
            let text =
                format!("worker {title} has been silent for {seconds} s; it has {news} runs");
            let event = format!("{id}:{}", batch.tick.seq);
            batch.alarm(
                AlarmKind::WorkerUnreachable,
                event,
                (None, None, None),
                text,
            );
        }
    }

    fn run_unreachable(&mut self, run: &Run, worker: &str, batch: &mut Batch<'_>) {
        if run.cancelled_by.is_some() {
            self.cancel_unconfirmed(run.id, batch);
        } else if run.fenced {
            let worker = worker.to_owned();
            self.give_up(run.id, Reason::WorkerSilent { worker }, batch);
        } else if !run.unreachable {
            self.edit_run(run.id, batch, |run| run.unreachable = true);
        }
    }
}

fn silence_ends(since: Timestamp, limits: &Limits) -> Timestamp {
    since + TimeDelta::milliseconds(limits.worker_lost_ms)
}
