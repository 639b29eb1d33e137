//! How runs end: success, failure and its retries, cancel, loss; and what that does to versions.

use chrono::TimeDelta;

use super::ready::Order;
use super::{Batch, Engine};
use crate::engine::decision::{AlarmKind, Refusal, Send};
use crate::engine::event::{End, RunRef};
use crate::engine::record::{CancelledBy, Run, Version};
use crate::id::{RunId, VersionKey};
use crate::reason::Reason;
use crate::status::{OnLost, Origin, RunStatus, Switch, Trigger, VersionStatus};

impl Engine {
    /// Ends a run and lets its version follow.
    pub(super) fn end_run(
        &mut self,
        id: RunId,
        status: RunStatus,
        batch: &mut Batch<'_>,
        edit: impl FnOnce(&mut Run),
    ) {
        let now = batch.tick.now;
        self.edit_run(id, batch, |run| {
            run.status = status;
            run.ended_at = Some(now);
            run.unreachable = false;
            edit(run);
        });
        let Some(run) = batch.out.runs.get(&id).map(|change| change.row.clone()) else {
            return;
        };
        let Some(row) = self.rows.get(run.version).cloned() else {
            return;
        };
        if !follows(&row, &run) {
            return;
        }
        match status {
            RunStatus::Success => self.version_succeeded(&row, &run, batch),
            RunStatus::Failed => self.version_failed(&row, &run, batch),
            RunStatus::Cancelled => {
                let by_person = matches!(run.cancelled_by, Some(CancelledBy::Person(_)));
                let reason = run.reason.clone();
                self.edit_version(row.key, batch, |row| {
                    row.status = VersionStatus::Cancelled;
                    row.armed = !by_person;
                    row.reason = reason;
                });
            }
            RunStatus::Lost => self.version_lost(&row, &run, batch),
            RunStatus::Queued | RunStatus::Dispatched | RunStatus::Running => {}
        }
    }

    fn version_succeeded(&mut self, row: &Version, run: &Run, batch: &mut Batch<'_>) {
        let seq = batch.tick.seq;
        self.edit_version(row.key, batch, |row| {
            row.status = VersionStatus::Success;
            row.succeeded_seq = Some(seq);
            row.reason = None;
            row.alarmed = false;
        });
        if row.alarmed {
            let text = format!(
                "version {} of job {} has recovered",
                row.id,
                self.job_name(row.job)
            );
            let about = (Some(row.job), Some(row.key), Some(run.id));
            batch.alarm(AlarmKind::Recovered, run.id, about, text);
        }
    }

    fn version_failed(&mut self, row: &Version, run: &Run, batch: &mut Batch<'_>) {
        if self.may_retry(row, run) {
            let wait = self
                .jobs
                .get(&run.job)
                .map_or(0, |def| def.retry.wait_minutes);
            let at = batch.tick.now + TimeDelta::minutes(i64::from(wait));
            let reason = run.reason.clone();
            self.edit_version(row.key, batch, |row| {
                row.status = VersionStatus::RetryWait;
                row.retry_at = Some(at);
                row.reason = reason;
            });
            self.runs.retrying.insert(row.key, run.clone());
            return;
        }
        let open = self
            .jobs
            .get(&run.job)
            .is_some_and(|def| def.switch == Switch::Open);
        let alarms = open && run.trigger.retries();
        let reason = run.reason.clone();
        self.edit_version(row.key, batch, |row| {
            row.status = VersionStatus::Failed;
            row.reason = reason;
            row.alarmed = row.alarmed || alarms;
        });
        if alarms {
            let text = format!(
                "version {} of job {} has failed: {}",
                row.id,
                self.job_name(row.job),
                how_it_ended(run)
            );
            let about = (Some(row.job), Some(row.key), Some(run.id));
            batch.alarm(AlarmKind::RunFailed, run.id, about, text);
        }
    }

    fn may_retry(&self, row: &Version, run: &Run) -> bool {
        let Some(def) = self.jobs.get(&run.job) else {
            return false;
        };
        let listed = match run.exit_code {
            // It was killed by a signal or never started.
            None => def.retry.exit_codes.is_empty(),
            Some(code) => def.retry.exit_codes.is_empty() || def.retry.exit_codes.contains(&code),
        };
        // A script that cannot be rendered is not sent, so it has no worker: no use to try again.
        let started = run.worker.is_some();
        let left = row.attempts.saturating_sub(1) < def.retry.count;
        run.trigger.retries() && run.cancelled_by.is_none() && started && listed && left
    }

    fn version_lost(&mut self, row: &Version, run: &Run, batch: &mut Batch<'_>) {
        let counts = run.trigger.counts();
        let reason = run.reason.clone();
        self.edit_version(row.key, batch, |row| {
            row.status = VersionStatus::Lost;
            row.reason = reason;
            row.alarmed = row.alarmed || counts;
        });
        if counts {
            let why = run.reason.as_ref().map(ToString::to_string);
            let why = why.as_deref().unwrap_or("its worker lost it");
            let text = format!(
                "run {} of version {} of job {} is lost: {why}",
                run.id,
                row.id,
                self.job_name(row.job)
            );
            let about = (Some(row.job), Some(row.key), Some(run.id));
            batch.alarm(AlarmKind::RunLost, run.id, about, text);
        }
        let again = self.jobs.get(&run.job).map(|def| def.on_lost) == Some(OnLost::Rerun);
        if counts && again {
            self.run_elsewhere(row, run, batch);
        }
    }

    /// A person's word that an unreachable run will not be waited for.
    pub(super) fn declare_lost(
        &mut self,
        id: RunId,
        person: String,
        batch: &mut Batch<'_>,
    ) -> Result<(), Refusal> {
        let Some(run) = self.runs.all.get(&id) else {
            return Err(self.not_live(id));
        };
        if !run.unreachable {
            return Err(Refusal::Reachable { run: id });
        }
        self.give_up(id, Reason::DeclaredLost { person }, batch);
        Ok(())
    }

    /// Ends a run whose worker may still have it.
    pub(super) fn give_up(&mut self, id: RunId, why: Reason, batch: &mut Batch<'_>) {
        self.end_run(id, RunStatus::Lost, batch, |run| run.reason = Some(why));
    }

    fn not_live(&self, id: RunId) -> Refusal {
        match self.ended.get(id) {
            Some(status) => Refusal::AlreadyFinal { run: id, status },
            None => Refusal::NoSuchRun(id),
        }
    }

    /// A lost run's version runs again; on another worker, if there is one.
    fn run_elsewhere(&mut self, row: &Version, run: &Run, batch: &mut Batch<'_>) {
        if run.trigger == Trigger::Schedule && self.held_back(row).is_some() {
            return self.wait_again(row.key, batch);
        }
        let order = Order::again(run, 1);
        if let (Some(new), Some(worker)) = (self.start(row.key, &order, batch), run.worker) {
            self.queue.avoid(new, worker);
        }
    }

    /// A version goes back to where it was before its run, which does not count.
    fn wait_again(&mut self, key: VersionKey, batch: &mut Batch<'_>) {
        self.edit_version(key, batch, |row| {
            row.status = VersionStatus::Waiting;
            row.reason = None;
            row.counting_run = None;
            row.armed = true;
            row.armed_seq = None;
            row.attempts = 0;
        });
        self.touched.insert(key);
    }

    /// A worker's report of an end.
    pub(super) fn run_finished(&mut self, id: RunId, end: &End, batch: &mut Batch<'_>) {
        let Some(run) = self.runs.all.get(&id) else {
            return;
        };
        let cancelled =
            run.cancelled_by.is_some() && (end.kill_confirmed.is_some() || end.exit_code.is_none());
        // Its worker has killed it of its own accord: it had no contact, or was told to stop.
        let unasked = run.cancelled_by.is_none() && end.kill_confirmed.is_some();
        let status = if cancelled {
            RunStatus::Cancelled
        } else if end.exit_code == Some(0) {
            RunStatus::Success
        } else if unasked && run.fenced {
            RunStatus::Lost
        } else {
            RunStatus::Failed
        };
        let now = batch.tick.now;
        self.end_run(id, status, batch, |run| {
            run.started_at = run.started_at.or(Some(now));
            run.exit_code = end.exit_code;
            run.signal = end.signal;
            run.kill_confirmed = end.kill_confirmed;
            run.cpu_ms = end.cpu_ms;
            run.peak_memory_kib = end.peak_memory_kib;
            let note = end.note.clone().map(Reason::said);
            run.reason = note.or(run.reason.take());
        });
    }

    /// Ends a run on request, or asks its worker to.
    pub(super) fn cancel(
        &mut self,
        id: RunId,
        by: CancelledBy,
        batch: &mut Batch<'_>,
    ) -> Result<(), Refusal> {
        let Some(run) = self.runs.all.get(&id) else {
            return self.give_up_retry(id, &by, batch);
        };
        match run.status {
            RunStatus::Queued => {
                self.end_run(id, RunStatus::Cancelled, batch, |run| {
                    run.reason = Some(said_by(&by));
                    run.cancelled_by = Some(by);
                });
            }
            RunStatus::Dispatched | RunStatus::Running => self.cancel_on_worker(id, by, batch),
            status @ (RunStatus::Success
            | RunStatus::Failed
            | RunStatus::Cancelled
            | RunStatus::Lost) => return Err(Refusal::AlreadyFinal { run: id, status }),
        }
        Ok(())
    }

    pub(super) fn cancel_on_worker(&mut self, id: RunId, by: CancelledBy, batch: &mut Batch<'_>) {
        let by_person = matches!(by, CancelledBy::Person(_));
        self.edit_run(id, batch, |run| {
            // A person's word is stronger than the installation's.
            if run.cancelled_by.is_none() || by_person {
                run.reason = Some(said_by(&by));
                run.cancelled_by = Some(by);
            }
        });
        let Some(run) = self.runs.all.get(&id) else {
            return;
        };
        if run.unreachable {
            self.cancel_unconfirmed(id, batch);
        } else if let Some((worker, run)) = run.worker.zip(run_ref(run)) {
            batch.out.sends.push(Send::Cancel { worker, run });
        }
    }

    /// A cancel whose worker does not come back.
    pub(super) fn cancel_unconfirmed(&mut self, id: RunId, batch: &mut Batch<'_>) {
        self.end_run(id, RunStatus::Cancelled, batch, |run| {
            run.kill_confirmed = Some(false);
        });
    }

    fn give_up_retry(
        &mut self,
        id: RunId,
        by: &CancelledBy,
        batch: &mut Batch<'_>,
    ) -> Result<(), Refusal> {
        let mut waiting = self.runs.retrying.iter();
        let Some(key) = waiting.find(|(_, run)| run.id == id).map(|(key, _)| *key) else {
            return Err(self.not_live(id));
        };
        self.edit_version(key, batch, |row| {
            row.status = VersionStatus::Cancelled;
            row.armed = !matches!(by, CancelledBy::Person(_));
            row.retry_at = None;
            row.reason = Some(said_by(by));
        });
        Ok(())
    }

    pub(super) fn cancel_all(&mut self, reason: &Reason, batch: &mut Batch<'_>) {
        let live: Vec<_> = self.runs.all.keys().copied().collect();
        for run in live {
            let by = CancelledBy::System(reason.clone());
            // None of these is final, so none is refused.
            let _ = self.cancel(run, by, batch);
        }
    }

    /// The master could not make the script of a run that this batch dispatches.
    pub(super) fn render_failed(&mut self, id: RunId, error: String, batch: &mut Batch<'_>) {
        batch.out.sends.retain(|send| match send {
            Send::Start { run, .. } => run.run != id,
            Send::Cancel { .. } | Send::Ack { .. } | Send::Discard { .. } => true,
        });
        self.end_run(id, RunStatus::Failed, batch, |run| {
            run.worker = None;
            run.nonce = None;
            run.dispatched_at = None;
            run.reason = Some(Reason::said(error));
        });
    }

    /// A counting run's version stands where its run stands.
    pub(super) fn version_runs(&mut self, run: &Run, batch: &mut Batch<'_>) {
        let Some(row) = self.rows.get(run.version) else {
            return;
        };
        if follows(row, run) && row.status != VersionStatus::Running {
            self.edit_version(run.version, batch, |row| {
                row.status = VersionStatus::Running;
            });
        }
    }

    /// Closing a job takes its queued runs back; their versions wait for the reopening.
    pub(super) fn take_back_queued(
        &mut self,
        key: VersionKey,
        id: RunId,
        why: Reason,
        batch: &mut Batch<'_>,
    ) {
        let before = self.rows.get(key).cloned();
        self.end_run(id, RunStatus::Cancelled, batch, |run| {
            run.reason = Some(why.clone());
            run.cancelled_by = Some(CancelledBy::System(why));
        });
        // What the plan does not hold would wait for ever.
        let waits = before.is_some_and(|row| {
            let by_itself = row.origin == Origin::Planned && !self.is_manual_only(row.job);
            by_itself && row.counting_run == Some(id)
        });
        if waits {
            self.wait_again(key, batch);
        }
    }
}

/// Whether a version's status is that of this run.
fn follows(row: &Version, run: &Run) -> bool {
    let ad_hoc = row.origin == Origin::AdHoc && row.last_run == Some(run.id);
    ad_hoc || row.counting_run == Some(run.id)
}

pub(super) fn run_ref(run: &Run) -> Option<RunRef> {
    Some(RunRef {
        run: run.id,
        nonce: run.nonce.clone()?,
    })
}

fn said_by(by: &CancelledBy) -> Reason {
    match by {
        CancelledBy::Person(name) => Reason::CancelledBy {
            person: name.clone(),
        },
        CancelledBy::System(reason) => reason.clone(),
    }
}

fn how_it_ended(run: &Run) -> String {
    match (&run.reason, run.exit_code, run.signal) {
        (Some(reason), _, _) => reason.to_string(),
        (None, Some(code), _) => format!("exit code {code}"),
        (None, None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None, None) => "it has no exit code".to_owned(),
    }
}
