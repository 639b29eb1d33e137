//! Changes of definitions: save, delete, open and close.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::{Batch, Engine};
use crate::engine::decision::Refusal;
use crate::engine::record::CancelledBy;
use crate::graph::{Upstreams, find_cycle};
use crate::id::JobId;
use crate::job::{JobDef, ScheduleEra};
use crate::reason::Reason;
use crate::status::{RunStatus, Switch, VersionStatus, Window};

/// Schedules that ended longer ago than this are forgotten.
const ERAS_KEPT: TimeDelta = TimeDelta::days(400);

impl Engine {
    pub(super) fn restore_dependents(&mut self) {
        let mut dependents: BTreeMap<JobId, BTreeSet<JobId>> = BTreeMap::new();
        for def in self.jobs.values() {
            for edge in &def.schedule().edges {
                dependents.entry(edge.upstream).or_default().insert(def.id);
            }
        }
        self.dependents = dependents;
    }

    pub(super) fn save_job(
        &mut self,
        saved: &Arc<JobDef>,
        batch: &mut Batch<'_>,
    ) -> Result<(), Refusal> {
        self.check_schedule(saved)?;
        let now = batch.tick.now;
        let job = saved.id;
        let old = self.jobs.get(&job).cloned();
        let mut def = JobDef::clone(saved);
        let schedule = saved.schedule().clone();
        let mut changed = true;
        def.eras = vec![ScheduleEra {
            after: None,
            schedule: schedule.clone(),
        }];
        if let Some(old) = &old {
            def.switch = old.switch;
            def.first_opened_at = old.first_opened_at;
            def.opened_at = old.opened_at;
            changed = *old.schedule() != schedule;
            if old.first_opened_at.is_some() {
                def.eras.clone_from(&old.eras);
                if changed {
                    add_era(
                        &mut def.eras,
                        ScheduleEra {
                            after: Some(now),
                            schedule,
                        },
                    );
                }
            }
        }
        let mut affected = Vec::new();
        if changed {
            affected = self.descendants_in_order(job);
            affected.push(job);
            // What has become due under the old schedule does so before the new one holds.
            for job in &affected {
                if self.agenda.is_due(*job, now) {
                    self.catch_up(*job, batch);
                }
            }
        }
        self.put_job(Arc::new(def), batch);
        if changed {
            self.plan.forget();
            for job in affected {
                let seen = self.agenda.seen(job).unwrap_or(now);
                // A job whose backlog did not fit into this batch goes on where it was.
                let caught_up = !self.agenda.is_due(job, now);
                self.replan(job, if caught_up { now } else { seen });
                self.touch_job(job);
            }
        } else {
            self.touch_job(job);
        }
        for run in self.runs.on_worker.get(&job).cloned().unwrap_or_default() {
            if let Some(run) = self.runs.all.get(&run) {
                let timers = self.run_timers(run);
                self.timers.extend(timers.into_iter().flatten());
            }
        }
        Ok(())
    }

    fn put_job(&mut self, def: Arc<JobDef>, batch: &mut Batch<'_>) {
        if let Some(old) = self.jobs.get(&def.id) {
            for edge in &old.schedule().edges {
                if let Some(dependents) = self.dependents.get_mut(&edge.upstream) {
                    dependents.remove(&def.id);
                }
            }
        }
        for edge in &def.schedule().edges {
            self.dependents
                .entry(edge.upstream)
                .or_default()
                .insert(def.id);
        }
        batch.out.jobs.insert(def.id, Some(def.clone()));
        self.jobs.insert(def.id, def);
    }

    fn check_schedule(&mut self, def: &JobDef) -> Result<(), Refusal> {
        let job = def.id;
        let schedule = def.schedule();
        for edge in &schedule.edges {
            let upstream = edge.upstream;
            if upstream == job {
                break;
            }
            let Some(known) = self.jobs.get(&upstream).cloned() else {
                return Err(Refusal::NoSuchUpstream { job, upstream });
            };
            let nearest = match edge.window {
                Window::Nearest => true,
            };
            if nearest && self.plan.is_too_frequent(known.schedule()) {
                return Err(Refusal::TooFrequentUpstream { job, upstream });
            }
        }
        if let Some(cycle) = self.cycle(def) {
            let name = def.name.clone();
            return Err(Refusal::Cycle { job, name, cycle });
        }
        let has_dependents = self.dependents.get(&job).and_then(BTreeSet::first).copied();
        if let Some(dependent) = has_dependents
            && self.plan.is_too_frequent(schedule)
        {
            return Err(Refusal::TooFrequentUpstream {
                job: dependent,
                upstream: job,
            });
        }
        let open = self
            .jobs
            .get(&job)
            .is_some_and(|old| old.switch == Switch::Open);
        let closed: Vec<_> = schedule
            .edges
            .iter()
            .filter_map(|edge| self.jobs.get(&edge.upstream))
            .filter(|upstream| upstream.switch != Switch::Open)
            .map(|upstream| (upstream.id, upstream.name.clone()))
            .collect();
        if open && !closed.is_empty() {
            let in_the_way = closed;
            return Err(Refusal::ClosedUpstreams { job, in_the_way });
        }
        Ok(())
    }

    /// The circle that this definition would close, from the job to itself.
    fn cycle(&self, def: &JobDef) -> Option<Vec<(JobId, String)>> {
        let own = |def: &JobDef| -> Vec<JobId> {
            let edges = def.schedule().edges.iter();
            edges.map(|edge| edge.upstream).collect()
        };
        let mut upstreams = Upstreams::from([(def.id, own(def))]);
        let mut stack = own(def);
        while let Some(job) = stack.pop() {
            if let (Entry::Vacant(unseen), Some(known)) =
                (upstreams.entry(job), self.jobs.get(&job))
            {
                let above = own(known);
                stack.extend(&above);
                unseen.insert(above);
            }
        }
        let mut cycle = find_cycle(&upstreams, def.id)?;
        cycle.push(def.id);
        let name = |job: JobId| {
            let known = self.jobs.get(&job).filter(|_| job != def.id);
            known.map_or_else(|| def.name.clone(), |known| known.name.clone())
        };
        Some(cycle.into_iter().map(|job| (job, name(job))).collect())
    }

    pub(super) fn delete_job(&mut self, job: JobId, batch: &mut Batch<'_>) -> Result<(), Refusal> {
        let def = self
            .jobs
            .get(&job)
            .cloned()
            .ok_or(Refusal::NoSuchJob(job))?;
        if def.switch == Switch::Open {
            return Err(Refusal::StillOpen { job });
        }
        let dependents = self.dependents.get(&job).cloned().unwrap_or_default();
        if !dependents.is_empty() {
            let in_the_way = self.named(dependents);
            return Err(Refusal::DependedOn { job, in_the_way });
        }
        for run in self.queue.of_job(job) {
            self.end_run(run, RunStatus::Cancelled, batch, |run| {
                run.reason = Some(Reason::JobDeleted);
                run.cancelled_by = Some(CancelledBy::System(Reason::JobDeleted));
            });
        }
        let waiting: Vec<_> = self
            .rows
            .of_job(job)
            .filter(|row| {
                matches!(
                    row.status,
                    VersionStatus::Waiting | VersionStatus::RetryWait
                )
            })
            .map(|row| row.key)
            .collect();
        for key in waiting {
            self.edit_version(key, batch, |row| {
                row.status = VersionStatus::Cancelled;
                row.armed = false;
                row.reason = Some(Reason::JobDeleted);
            });
        }
        for edge in &def.schedule().edges {
            if let Some(dependents) = self.dependents.get_mut(&edge.upstream) {
                dependents.remove(&job);
            }
        }
        self.jobs.remove(&job);
        self.agenda.remove(job);
        self.plan.forget();
        batch.out.jobs.insert(job, None);
        Ok(())
    }

    pub(super) fn switch(
        &mut self,
        jobs: &[JobId],
        to: Switch,
        batch: &mut Batch<'_>,
    ) -> Result<(), Refusal> {
        let chosen: BTreeSet<JobId> = jobs.iter().copied().collect();
        for job in &chosen {
            if !self.jobs.contains_key(job) {
                return Err(Refusal::NoSuchJob(*job));
            }
            self.may_switch(*job, to, &chosen)?;
        }
        for job in chosen {
            let Some(def) = self.jobs.get(&job).cloned() else {
                continue;
            };
            if def.switch == to {
                continue;
            }
            match to {
                Switch::Open => self.open(&def, batch),
                Switch::Closed | Switch::Invalid => self.close(&def, to, batch),
            }
        }
        Ok(())
    }

    fn may_switch(&self, job: JobId, to: Switch, chosen: &BTreeSet<JobId>) -> Result<(), Refusal> {
        let is_open = |id: &JobId| {
            self.jobs
                .get(id)
                .is_some_and(|def| def.switch == Switch::Open)
        };
        match to {
            Switch::Open => {
                let above = self.ancestors(job).into_iter();
                let closed: BTreeSet<_> = above
                    .filter(|id| !is_open(id) && !chosen.contains(id))
                    .collect();
                if !closed.is_empty() {
                    let in_the_way = self.named(closed);
                    return Err(Refusal::ClosedUpstreams { job, in_the_way });
                }
            }
            Switch::Closed | Switch::Invalid => {
                let below = self.descendants_in_order(job).into_iter();
                let open: BTreeSet<_> = below
                    .filter(|id| is_open(id) && !chosen.contains(id))
                    .collect();
                if !open.is_empty() {
                    let in_the_way = self.named(open);
                    return Err(Refusal::OpenDependents { job, in_the_way });
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, def: &JobDef, batch: &mut Batch<'_>) {
        let now = batch.tick.now;
        let job = def.id;
        let mut def = def.clone();
        def.switch = Switch::Open;
        def.first_opened_at = def.first_opened_at.or(Some(now));
        def.opened_at = Some(now);
        let has_cron = def.schedule().cron.is_some();
        self.put_job(Arc::new(def), batch);
        self.replan(job, now);
        if has_cron {
            self.miss_stale(job, batch);
        }
        self.touch_job(job);
    }

    /// Cron times that waited while their job was closed, for too long.
    fn miss_stale(&mut self, job: JobId, batch: &mut Batch<'_>) {
        let hours = self.limits.misfire_window_hours;
        let oldest = batch.tick.now - TimeDelta::hours(hours);
        let seq = batch.tick.seq;
        let stale: Vec<_> = self
            .rows
            .of_job(job)
            .filter(|row| row.status == VersionStatus::Waiting && row.armed && !row.frozen)
            .filter(|row| row.due_at < oldest && !self.runs.of_version.contains_key(&row.key))
            .map(|row| row.key)
            .collect();
        for key in stale {
            self.edit_version(key, batch, |row| {
                row.status = VersionStatus::Missed;
                row.armed_seq = Some(seq);
                row.reason = Some(Reason::ClosedTooLong { hours });
            });
        }
    }

    fn close(&mut self, def: &JobDef, to: Switch, batch: &mut Batch<'_>) {
        let job = def.id;
        if self.agenda.is_due(job, batch.tick.now) {
            self.catch_up(job, batch);
        }
        for run in self.queue.of_job(job) {
            if let Some(version) = self.runs.all.get(&run).map(|run| run.version) {
                self.take_back_queued(version, run, Reason::Closed, batch);
            }
        }
        let mut def = def.clone();
        def.switch = to;
        self.put_job(Arc::new(def), batch);
        self.agenda.remove(job);
        self.touch_job(job);
    }

    fn ancestors(&self, job: JobId) -> BTreeSet<JobId> {
        let mut above = BTreeSet::new();
        let mut stack = vec![job];
        while let Some(job) = stack.pop() {
            let edges = self
                .jobs
                .get(&job)
                .map(|def| def.schedule().edges.as_slice());
            for edge in edges.unwrap_or_default() {
                if above.insert(edge.upstream) {
                    stack.push(edge.upstream);
                }
            }
        }
        above
    }

    fn named(&self, jobs: BTreeSet<JobId>) -> Vec<(JobId, String)> {
        let name = |job: &JobId| {
            self.jobs
                .get(job)
                .map_or_else(String::new, |def| def.name.clone())
        };
        jobs.into_iter().map(|job| (job, name(&job))).collect()
    }
}

fn add_era(eras: &mut Vec<ScheduleEra>, era: ScheduleEra) {
    let now = era.after;
    // Two changes in one instant: the first one never held.
    if eras.len() > 1 && eras.last().is_some_and(|last| last.after == now) {
        eras.pop();
    }
    eras.push(era);
    let oldest = now.map(|now| now - ERAS_KEPT);
    while eras.len() > 1 && eras.get(1).is_some_and(|second| second.after < oldest) {
        eras.remove(0);
    }
}
