//! Timers that have come.

use chrono::TimeDelta;

use super::state::Timer;
use super::{Batch, Engine};
use crate::clock::Timestamp;
use crate::engine::decision::AlarmKind;
use crate::engine::record::{CancelledBy, Run};
use crate::id::{RunId, VersionKey};
use crate::reason::Reason;

/// How often rows that nothing looks at any more are dropped from memory.
const FORGET_EVERY: TimeDelta = TimeDelta::hours(1);

impl Engine {
    pub(super) fn timers_came(&mut self, batch: &mut Batch<'_>) {
        while let Some((at, timer)) = self.timers.first().copied() {
            if at > batch.tick.now {
                return;
            }
            self.timers.pop_first();
            match timer {
                Timer::Version(version) => {
                    self.touched.insert(version);
                }
                Timer::Run(run) => self.run_timer(run, batch),
                Timer::Worker(worker) => self.worker_timer(worker, batch),
                // Every settle looks whether queued runs can go.
                Timer::WarmUp(_) => {}
                Timer::HostGroup(group) => self.host_group_timer(group, batch),
            }
        }
    }

    /// A run may have taken too long.
    fn run_timer(&mut self, id: RunId, batch: &mut Batch<'_>) {
        let now = batch.tick.now;
        let Some(run) = self.runs.all.get(&id).cloned() else {
            return;
        };
        let late = self.must_end_at(&run).is_some_and(|at| at <= now);
        if late && !run.overdue {
            self.too_long(&run, batch);
        }
        let over = self.timeout_at(&run).is_some_and(|at| at <= now);
        if over && run.cancelled_by.is_none() {
            let minutes = self.limits.task_timeout_hours * 60;
            let why = Reason::TookTooLong { minutes };
            match self.runs.all.get(&id).is_some_and(|run| run.unreachable) {
                true => self.give_up(id, why, batch),
                false => self.cancel_on_worker(id, CancelledBy::System(why), batch),
            }
        }
    }

    fn too_long(&mut self, run: &Run, batch: &mut Batch<'_>) {
        let def = self.jobs.get(&run.job);
        let minutes = def.and_then(|def| def.must_end_minutes).unwrap_or_default();
        let kills = def.is_some_and(|def| def.kill_on_timeout);
        self.edit_run(run.id, batch, |run| run.overdue = true);
        let text = format!(
            "run {} of job {} takes longer than {minutes} minutes",
            run.id,
            self.job_name(run.job)
        );
        let about = (Some(run.job), Some(run.version), Some(run.id));
        batch.alarm(AlarmKind::MustEndExceeded, run.id, about, text);
        if kills && run.cancelled_by.is_none() {
            let minutes = i64::from(minutes);
            let by = CancelledBy::System(Reason::TookTooLong { minutes });
            self.cancel_on_worker(run.id, by, batch);
        }
    }

    /// Drops final rows that are too old for any window; they stay in the database.
    pub(super) fn forget_old_rows(&mut self, now: Timestamp) {
        if self.forgotten_at.is_some_and(|at| now - at < FORGET_EVERY) {
            return;
        }
        self.forgotten_at = Some(now);
        let oldest = now - TimeDelta::days(self.limits.waiting_days + 3);
        let old: Vec<VersionKey> = self
            .rows
            .iter()
            .filter(|row| row.status.is_final() && !self.recalled.contains(&row.key))
            .filter(|row| row.business_time < oldest && row.changed_at < oldest)
            .filter(|row| !self.runs.of_version.contains_key(&row.key))
            .map(|row| row.key)
            .collect();
        for key in old {
            self.rows.remove(key);
        }
    }
}
