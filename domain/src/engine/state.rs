//! Changing rows: every change goes through here, which keeps the indexes right and folds the
//! changes of a batch into one decision per row.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::plan::day_of;
use super::{Batch, Engine};
use crate::clock::Timestamp;
use crate::engine::decision::Change;
use crate::engine::record::{Run, Version};
use crate::id::{JobId, RunId, VersionKey, WorkerId};
use crate::status::{Overlap, RunStatus, VersionStatus};

/// What must be looked at when an instant comes. A timer may be out of date: whoever handles it
/// looks at the rows again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// It becomes due, its retry comes, or it has waited too long.
    Version(VersionKey),
    /// It takes too long.
    Run(RunId),
    /// It has been silent for too long.
    Worker(WorkerId),
    /// It may be given a run again.
    WarmUp(WorkerId),
    /// It has had no usable worker for too long.
    HostGroup(crate::id::HostGroupId),
}

/// Runs that are not final, and where they are.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub all: BTreeMap<RunId, Run>,
    /// A version has at most one run that is not final.
    pub of_version: BTreeMap<VersionKey, RunId>,
    /// Dispatched and running ones.
    pub on_worker: BTreeMap<JobId, BTreeSet<RunId>>,
    pub on_workers: u32,
    /// The failed runs that versions in retry wait follow.
    pub retrying: BTreeMap<VersionKey, Run>,
}

impl Engine {
    /// Changes a version. A new status is stamped, and dependents look at it.
    pub(super) fn edit_version(
        &mut self,
        key: VersionKey,
        batch: &mut Batch<'_>,
        edit: impl FnOnce(&mut Version),
    ) {
        let Some(row) = self.rows.get_mut(key) else {
            return;
        };
        let before = row.status;
        let timers = version_timers(row, self.limits.waiting_days);
        edit(row);
        if row.status != before {
            row.changed_at = batch.tick.now;
        }
        let row = row.clone();
        for timer in timers.into_iter().flatten() {
            self.timers.remove(&timer);
        }
        let timers = version_timers(&row, self.limits.waiting_days);
        self.timers.extend(timers.into_iter().flatten());
        if row.status != VersionStatus::RetryWait {
            self.runs.retrying.remove(&key);
        }
        if row.status != before {
            self.touch_dependents(row.job, row.business_time);
        }
        let change = batch.out.versions.entry(key).or_insert_with(|| Change {
            expect: Some(before),
            row: row.clone(),
        });
        change.row = row;
    }

    /// Adds a version row that is not in the database yet.
    pub(super) fn insert_version(&mut self, row: Version, batch: &mut Batch<'_>) {
        let change = Change {
            expect: None,
            row: row.clone(),
        };
        batch.out.versions.insert(row.key, change);
        batch.inserted += 1;
        self.touch_dependents(row.job, row.business_time);
        self.remember_version(row);
    }

    /// Takes in a row as it is in the database.
    pub(super) fn remember_version(&mut self, row: Version) {
        let timers = version_timers(&row, self.limits.waiting_days);
        self.timers.extend(timers.into_iter().flatten());
        self.touched.insert(row.key);
        self.rows.insert(row);
    }

    /// Changes a run; one that becomes final leaves the engine.
    pub(super) fn edit_run(
        &mut self,
        id: RunId,
        batch: &mut Batch<'_>,
        edit: impl FnOnce(&mut Run),
    ) {
        let Some(mut run) = self.runs.all.remove(&id) else {
            return;
        };
        let before = run.status;
        self.unindex_run(&run);
        edit(&mut run);
        let change = batch.out.runs.entry(id).or_insert_with(|| Change {
            expect: Some(before),
            row: run.clone(),
        });
        change.row = run.clone();
        if run.status.is_final() {
            self.ended.push(id, run.status);
            self.touched.insert(run.version);
        } else {
            self.remember_run(run);
        }
    }

    /// Adds a run that is not in the database yet.
    pub(super) fn insert_run(&mut self, run: Run, batch: &mut Batch<'_>) {
        let change = Change {
            expect: None,
            row: run.clone(),
        };
        batch.out.runs.insert(run.id, change);
        self.remember_run(run);
    }

    /// Takes in a run that is not final.
    pub(super) fn remember_run(&mut self, run: Run) {
        self.runs.of_version.insert(run.version, run.id);
        if run.status == RunStatus::Queued {
            let time = self.business_time(run.version);
            self.queue.enqueue(run.job, time, run.id);
        } else {
            let on_worker = self.runs.on_worker.entry(run.job).or_default();
            if on_worker.insert(run.id) {
                self.runs.on_workers += 1;
            }
            if let Some(worker) = run.worker {
                self.workers.entry(worker).or_default().runs.insert(run.id);
            }
        }
        let timers = self.run_timers(&run);
        self.timers.extend(timers.into_iter().flatten());
        self.runs.all.insert(run.id, run);
    }

    fn unindex_run(&mut self, run: &Run) {
        self.runs.of_version.remove(&run.version);
        for timer in self.run_timers(run).into_iter().flatten() {
            self.timers.remove(&timer);
        }
        if run.status == RunStatus::Queued {
            let time = self.business_time(run.version);
            self.queue.forget(run.job, time, run.id);
            return;
        }
        if let Some(on_worker) = self.runs.on_worker.get_mut(&run.job) {
            if on_worker.remove(&run.id) {
                self.runs.on_workers -= 1;
            }
            if on_worker.is_empty() {
                self.runs.on_worker.remove(&run.job);
                self.queue.reconsider(run.job);
            }
        }
        if let Some(worker) = run.worker.and_then(|id| self.workers.get_mut(&id)) {
            worker.runs.remove(&run.id);
        }
    }

    /// When a run must be looked at: its alarm for taking long, and the end of all patience.
    pub(super) fn run_timers(&self, run: &Run) -> [Option<(Timestamp, Timer)>; 2] {
        let timer = Timer::Run(run.id);
        let must_end = self.must_end_at(run).filter(|_| !run.overdue);
        [
            must_end.map(|at| (at, timer)),
            self.timeout_at(run).map(|at| (at, timer)),
        ]
    }

    pub(super) fn must_end_at(&self, run: &Run) -> Option<Timestamp> {
        let minutes = self.jobs.get(&run.job)?.must_end_minutes?;
        Some(run.started_at? + TimeDelta::minutes(i64::from(minutes)))
    }

    pub(super) fn timeout_at(&self, run: &Run) -> Option<Timestamp> {
        let hours = self.limits.task_timeout_hours;
        if hours <= 0 || run.cancelled_by.is_some() {
            return None;
        }
        Some(run.dispatched_at? + TimeDelta::hours(hours))
    }

    pub(super) fn business_time(&self, key: VersionKey) -> Timestamp {
        let row = self.rows.get(key);
        row.map_or(Timestamp::MIN_UTC, |row| row.business_time)
    }

    /// Dependents' rows that may look at this version are judged again.
    pub(super) fn touch_dependents(&mut self, job: JobId, time: Timestamp) {
        let Some(dependents) = self.dependents.get(&job) else {
            return;
        };
        for dependent in dependents {
            let Some(def) = self.jobs.get(dependent) else {
                continue;
            };
            let (start, end) = day_of(def.schedule().timezone, time);
            let rows = self.rows.of_job_between(*dependent, start, end);
            let interested = rows.filter(|row| row.status != VersionStatus::Success);
            self.touched.extend(interested.map(|row| row.key));
        }
    }

    /// Every row of a job is judged again.
    pub(super) fn touch_job(&mut self, job: JobId) {
        self.touched
            .extend(self.rows.of_job(job).map(|row| row.key));
        self.queue.reconsider_all(job);
    }

    pub(super) fn allows_overlap(&self, job: JobId) -> bool {
        let overlap = self.jobs.get(&job).map(|def| def.overlap);
        match overlap {
            Some(Overlap::Allow) | None => true,
            // Skipping and cancelling the previous run are not offered yet: both wait.
            Some(Overlap::Wait | Overlap::Skip | Overlap::CancelPrevious) => false,
        }
    }

    /// "12 sales", for people.
    pub(super) fn job_name(&self, job: JobId) -> String {
        match self.jobs.get(&job) {
            Some(def) => format!("{job} ({})", def.name),
            None => job.to_string(),
        }
    }
}

/// When a version must be looked at even if nothing happens.
fn version_timers(row: &Version, waiting_days: i64) -> [Option<(Timestamp, Timer)>; 2] {
    let timer = Timer::Version(row.key);
    match row.status {
        VersionStatus::Waiting if row.armed => [
            Some((row.due_at, timer)),
            Some((expires_at(row, waiting_days), timer)),
        ],
        VersionStatus::RetryWait => [row.retry_at.map(|at| (at, timer)), None],
        VersionStatus::Waiting
        | VersionStatus::Planned
        | VersionStatus::Queued
        | VersionStatus::Running
        | VersionStatus::Success
        | VersionStatus::Failed
        | VersionStatus::Cancelled
        | VersionStatus::Lost
        | VersionStatus::Skipped
        | VersionStatus::Missed => [None, None],
    }
}

/// When a waiting version becomes missed.
pub(super) fn expires_at(row: &Version, waiting_days: i64) -> Timestamp {
    row.due_at.max(row.changed_at) + TimeDelta::days(waiting_days)
}

/// How the latest runs ended, to tell a run that is over from one that never was.
#[derive(Debug, Default)]
pub(super) struct Ended {
    runs: BTreeMap<RunId, RunStatus>,
}

impl Ended {
    const MEMORY: usize = 10_000;

    fn push(&mut self, run: RunId, status: RunStatus) {
        self.runs.insert(run, status);
        if self.runs.len() > Self::MEMORY {
            self.runs.pop_first();
        }
    }

    pub(super) fn get(&self, run: RunId) -> Option<RunStatus> {
        self.runs.get(&run).copied()
    }
}
