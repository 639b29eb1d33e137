//! Whether a version may start: a level, read again whenever something it looks at has changed.

use super::plan::Source;
use super::state::expires_at;
use super::{Batch, Engine};
use crate::clock::Timestamp;
use crate::engine::decision::AlarmKind;
use crate::engine::event::Repeated;
use crate::engine::record::{Run, Version};
use crate::id::{CommitSeq, JobId, RunId, VersionKey};
use crate::job::{Edge, Params, ScheduleKind};
use crate::reason::Reason;
use crate::status::{Origin, Policy, RunStatus, Switch, Trigger, VersionStatus};
use std::sync::Arc;

/// How one edge of a version stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EdgeStanding {
    pub edge: Edge,
    /// The business time of the version it looks at; `None` = the upstream has none that day.
    pub member: Option<Timestamp>,
    pub satisfied: bool,
    /// The commit of the member's success.
    pub succeeded_seq: Option<CommitSeq>,
}

/// What a run is made with.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub trigger: Trigger,
    pub attempt: u32,
    pub params: Option<Arc<Params>>,
    pub repeats: Option<Repeated>,
    pub operator: Option<String>,
}

impl Order {
    pub(super) fn first(trigger: Trigger) -> Self {
        Self {
            trigger,
            attempt: 1,
            params: None,
            repeats: None,
            operator: None,
        }
    }

    /// The next attempt of what a run was to do.
    pub(super) fn again(run: &Run, attempt: u32) -> Self {
        Self {
            trigger: run.trigger,
            attempt,
            params: run.params.clone(),
            repeats: run.repeated(),
            operator: run.operator.clone(),
        }
    }
}

impl Engine {
    /// Judges the versions that something has happened to; false if some are left.
    pub(super) fn judge_touched(&mut self, batch: &mut Batch<'_>) -> bool {
        while let Some(key) = self.touched.pop_first() {
            self.judge(key, batch);
            if batch.is_full() {
                return self.touched.is_empty();
            }
        }
        true
    }

    fn judge(&mut self, key: VersionKey, batch: &mut Batch<'_>) {
        let Some(row) = self.rows.get(key) else {
            return;
        };
        if let Some(run) = self.runs.of_version.get(&key).copied() {
            // It has a run already; if that is queued, its edges are read at the dispatch.
            self.queue.reconsider_run(run);
            let mut row = row.clone();
            if row.status == VersionStatus::Waiting && row.armed {
                // A run by hand that does not count.
                self.refresh_due(&mut row, batch);
            }
            return self.take_back_if_off(&row, batch);
        }
        if row.origin == Origin::AdHoc && row.status != VersionStatus::RetryWait {
            return;
        }
        match row.status {
            VersionStatus::Waiting => self.judge_waiting(row.clone(), batch),
            VersionStatus::RetryWait => self.judge_retry(&row.clone(), batch),
            VersionStatus::Failed
            | VersionStatus::Lost
            | VersionStatus::Missed
            | VersionStatus::Cancelled => self.judge_rearm(&row.clone(), batch),
            VersionStatus::Planned
            | VersionStatus::Queued
            | VersionStatus::Running
            | VersionStatus::Success
            | VersionStatus::Skipped => {}
        }
    }

    fn judge_waiting(&mut self, mut row: Version, batch: &mut Batch<'_>) {
        if !row.armed {
            return;
        }
        self.refresh_due(&mut row, batch);
        let row = &row;
        let held = self.held_back(row);
        let startable = held.is_none() && row.due_at <= batch.tick.now;
        if startable && self.is_satisfied(row.job, row.business_time) {
            if self.is_off(row) {
                return self.skip(row, batch);
            }
            self.start(row.key, &Order::first(Trigger::Schedule), batch);
            return;
        }
        let expired = expires_at(row, self.limits.waiting_days) <= batch.tick.now;
        match held {
            None if expired => self.expire(row, true, batch),
            Some(Held::NotPlanned) if expired => self.expire(row, false, batch),
            None if row.due_at > batch.tick.now => self.tell(row, self.calendar_says(row), batch),
            None | Some(Held::NotPlanned | Held::Closed | Held::Frozen) => {
                self.tell(row, held.map(Held::reason), batch);
            }
        }
    }

    /// Writes down why a version waits, if that is news.
    fn tell(&mut self, row: &Version, reason: Option<Reason>, batch: &mut Batch<'_>) {
        if row.reason != reason {
            batch.inserted += 1;
            self.edit_version(row.key, batch, |row| row.reason = reason);
        }
    }

    fn judge_retry(&mut self, row: &Version, batch: &mut Batch<'_>) {
        if row.retry_at.is_some_and(|at| at > batch.tick.now) || row.frozen {
            return;
        }
        let failed = self.runs.retrying.get(&row.key).cloned();
        let trigger = failed.as_ref().map_or(Trigger::Schedule, |run| run.trigger);
        if trigger == Trigger::Schedule
            && let Some(held) = self.held_back(row)
        {
            return self.tell(row, Some(held.reason()), batch);
        }
        let attempt = row.attempts + 1;
        let order = match &failed {
            Some(run) => Order::again(run, attempt),
            None => Order {
                attempt,
                ..Order::first(trigger)
            },
        };
        let run = self.create_run(row, &order, batch);
        if let Some(worker) = failed.and_then(|run| run.worker) {
            self.queue.avoid(run, worker);
        }
        self.edit_version(row.key, batch, |row| {
            row.status = VersionStatus::Queued;
            row.attempts += 1;
            row.retry_at = None;
            row.reason = None;
            row.last_run = Some(run);
            row.counting_run = Some(run);
        });
    }

    /// A version that did not succeed starts again when an upstream has succeeded since its last
    /// start, and everything it waits for is there.
    fn judge_rearm(&mut self, row: &Version, batch: &mut Batch<'_>) {
        let due = row.due_at <= batch.tick.now;
        if !row.armed || !due || self.held_back(row).is_some() || self.is_off(row) {
            return;
        }
        let edges = self.standing(row.job, row.business_time);
        let news = edges.iter().any(|edge| edge.succeeded_seq > row.armed_seq);
        if news && edges.iter().all(|edge| edge.satisfied) {
            self.start(row.key, &Order::first(Trigger::Schedule), batch);
        }
    }

    fn expire(&mut self, row: &Version, alarms: bool, batch: &mut Batch<'_>) {
        let seq = batch.tick.seq;
        let days = self.limits.waiting_days;
        let reason = Reason::WaitedTooLong { days };
        batch.inserted += 1;
        self.edit_version(row.key, batch, |row| {
            row.status = VersionStatus::Missed;
            row.armed_seq = Some(seq);
            row.reason = Some(reason);
            row.alarmed = row.alarmed || alarms;
        });
        if alarms {
            let text = format!(
                "version {} of job {} has waited {days} days and is given up",
                row.id,
                self.job_name(row.job)
            );
            let about = (Some(row.job), Some(row.key), None);
            let event = format!("{}:{seq}", row.key);
            batch.alarm(AlarmKind::WaitingExpired, event, about, text);
        }
    }

    /// Why a version does not start by itself, whatever its edges say.
    pub(super) fn held_back(&mut self, row: &Version) -> Option<Held> {
        if row.frozen {
            return Some(Held::Frozen);
        }
        let open = self.jobs.get(&row.job).map(|def| def.switch);
        if open != Some(Switch::Open) {
            return Some(Held::Closed);
        }
        let started = row.counting_run.is_some();
        let from = Source {
            defs: &self.jobs,
            rows: &self.rows,
        };
        if !started && !self.plan.has(from, row.job, row.business_time) {
            return Some(Held::NotPlanned);
        }
        None
    }

    pub(super) fn is_satisfied(&mut self, job: JobId, at: Timestamp) -> bool {
        let edges = self.standing(job, at);
        edges.iter().all(|edge| edge.satisfied)
    }

    /// How the edges of a version stand.
    pub(super) fn standing(&mut self, job: JobId, at: Timestamp) -> Vec<EdgeStanding> {
        let from = Source {
            defs: &self.jobs,
            rows: &self.rows,
        };
        let members = self.plan.members(from, job, at);
        let stand = |(edge, member): (Edge, Option<Timestamp>)| {
            let row = member.and_then(|time| self.rows.at(edge.upstream, time));
            let row = row.filter(|row| row.armed || row.status != VersionStatus::Waiting);
            let satisfied = match (edge.policy, member, row) {
                (Policy::Optional, _, _) => true,
                (Policy::Success | Policy::Finished, None, _) => false,
                (Policy::Success | Policy::Finished, Some(time), None) => {
                    self.is_before_first(edge.upstream, time)
                }
                (policy, Some(_), Some(row)) => accepts(policy, row.status),
            };
            EdgeStanding {
                satisfied,
                member,
                succeeded_seq: row.and_then(|row| row.succeeded_seq),
                edge,
            }
        };
        members.into_iter().map(stand).collect()
    }

    /// Whether a time lies before a job's first version: the part of a window that is ignored.
    fn is_before_first(&self, job: JobId, time: Timestamp) -> bool {
        let opened = self.jobs.get(&job).and_then(|def| def.first_opened_at);
        if opened.is_some_and(|opened| opened < time) {
            return false;
        }
        let until = time + chrono::TimeDelta::milliseconds(1);
        let mut earlier = self.rows.of_job_between(job, Timestamp::MIN_UTC, until);
        !earlier.any(|row| row.armed && row.origin == Origin::Planned)
    }

    /// Starts a version: a new counting run, with a fresh retry budget.
    pub(super) fn start(
        &mut self,
        key: VersionKey,
        order: &Order,
        batch: &mut Batch<'_>,
    ) -> Option<RunId> {
        let row = self.rows.get(key)?.clone();
        let run = self.create_run(&row, order, batch);
        let seq = batch.tick.seq;
        self.edit_version(key, batch, |row| {
            row.status = VersionStatus::Queued;
            row.armed = true;
            row.armed_seq = Some(seq);
            row.succeeded_seq = None;
            row.attempts = 1;
            row.retry_at = None;
            row.reason = None;
            row.last_run = Some(run);
            row.counting_run = Some(run);
        });
        self.note_manual_only(&row);
        Some(run)
    }

    /// A manual-only job's plan is its started rows.
    fn note_manual_only(&mut self, row: &Version) {
        if row.counting_run.is_none() && self.is_manual_only(row.job) {
            self.plan.forget();
        }
    }

    pub(super) fn is_manual_only(&self, job: JobId) -> bool {
        let def = self.jobs.get(&job);
        def.is_some_and(|def| def.schedule().kind() == ScheduleKind::Manual)
    }

    pub(super) fn create_run(
        &mut self,
        row: &Version,
        order: &Order,
        batch: &mut Batch<'_>,
    ) -> RunId {
        let id = self.new_run_id();
        batch.inserted += 1;
        let def = self.jobs.get(&row.job);
        let run = Run {
            id,
            version: row.key,
            job: row.job,
            trigger: order.trigger,
            status: RunStatus::Queued,
            attempt: order.attempt,
            priority: def.map_or(1, |def| def.priority),
            host_group: def.and_then(|def| def.host_group),
            worker: None,
            nonce: None,
            revision: order.repeats.map(|earlier| earlier.revision),
            repeats: order.repeats.map(|earlier| earlier.run),
            params: order.params.clone(),
            operator: order.operator.clone(),
            created_at: batch.tick.now,
            dispatched_at: None,
            started_at: None,
            ended_at: None,
            exit_code: None,
            signal: None,
            reason: None,
            cancelled_by: None,
            kill_confirmed: None,
            fenced: false,
            unreachable: false,
            overdue: false,
            cpu_ms: None,
            peak_memory_kib: None,
        };
        let id = run.id;
        self.insert_run(run, batch);
        id
    }
}

/// Why a version does not start by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Frozen,
    Closed,
    NotPlanned,
}

impl Held {
    fn reason(self) -> Reason {
        match self {
            Self::Frozen => Reason::Frozen,
            Self::Closed => Reason::Closed,
            Self::NotPlanned => Reason::NotScheduled,
        }
    }
}

fn accepts(policy: Policy, status: VersionStatus) -> bool {
    match status {
        VersionStatus::Success | VersionStatus::Skipped => true,
        VersionStatus::Failed | VersionStatus::Cancelled | VersionStatus::Lost => match policy {
            Policy::Finished | Policy::Optional => true,
            Policy::Success => false,
        },
        VersionStatus::Planned
        | VersionStatus::Waiting
        | VersionStatus::Queued
        | VersionStatus::Running
        | VersionStatus::RetryWait
        | VersionStatus::Missed => policy == Policy::Optional,
    }
}
