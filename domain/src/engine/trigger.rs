//! Runs that people ask for.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::{NaiveDate, SubsecRound, TimeDelta};

use super::plan::{Source, first_instant, following, local_day};
use super::ready::Order;
use super::{Batch, Engine};
use crate::clock::Timestamp;
use crate::engine::decision::{Outcome, Refusal};
use crate::engine::event::{At, Tick, TriggerRequest};
use crate::engine::record::Version;
use crate::id::{JobId, VersionKey};
use crate::job::{JobDef, ScheduleKind};
use crate::reason::Reason;
use crate::status::{Origin, Switch, VersionStatus};

/// How far back the latest scheduled time is looked for.
const LATEST_REACH: TimeDelta = TimeDelta::days(32);

/// Rows that one command may touch.
const MAX_ROWS: usize = 20_000;

/// Versions of a job in a range of business times that a trigger needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recall {
    pub job: JobId,
    /// Inclusive.
    pub from: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
}

impl Engine {
    pub(super) fn trigger(
        &mut self,
        request: TriggerRequest,
        batch: &mut Batch<'_>,
    ) -> Result<Outcome, Refusal> {
        let job = request.job;
        let def = self
            .jobs
            .get(&job)
            .cloned()
            .ok_or(Refusal::NoSuchJob(job))?;
        let counts = request.trigger.counts();
        let (time, origin) = self.which(&def, &request, batch.tick.now)?;
        let known = self.rows.at(job, time);
        if let Some(row) = known {
            self.may_start(row)?;
        }
        let known = known.map(|row| row.key);
        let descendants = if counts && origin == Origin::Planned {
            self.driven_by(&def, time, batch.tick)
        } else {
            Vec::new()
        };
        let rows = descendants
            .iter()
            .map(|(_, times)| times.len())
            .sum::<usize>();
        if rows > MAX_ROWS {
            let limit = MAX_ROWS;
            return Err(Refusal::TooMany { rows, limit });
        }
        // By itself it starts only if the plan is still to come to it.
        let to_come = self.agenda.seen(job).is_some_and(|seen| seen < time);
        let armed = counts || to_come;
        let key = match known {
            Some(key) => key,
            None => self.new_version(&def, time, origin, armed, batch),
        };
        let order = Order {
            trigger: request.trigger,
            attempt: 1,
            params: request.params,
            repeats: request.repeats,
            operator: request.operator,
        };
        if known.is_none() && !armed && origin == Origin::Planned {
            self.edit_version(key, batch, |row| row.reason = Some(Reason::Passed));
        }
        let run = self.start_by_hand(key, &order, origin, batch);
        for (dependent, times) in descendants {
            self.arm_all(&dependent, &times, batch);
        }
        let version = self.rows.get(key).map(|row| row.id.clone());
        match (run, version) {
            (Some(run), Some(version)) => Ok(Outcome::Triggered { run, version }),
            (None, _) | (_, None) => Err(Refusal::NoSuchJob(job)),
        }
    }

    fn start_by_hand(
        &mut self,
        key: VersionKey,
        order: &Order,
        origin: Origin,
        batch: &mut Batch<'_>,
    ) -> Option<crate::id::RunId> {
        if order.trigger.counts() {
            if self.rows.get(key)?.origin != origin {
                self.edit_version(key, batch, |row| row.origin = origin);
            }
            return self.start(key, order, batch);
        }
        let row = self.rows.get(key)?.clone();
        let run = self.create_run(&row, order, batch);
        self.edit_version(key, batch, |row| {
            row.last_run = Some(run);
            if row.origin == Origin::AdHoc {
                row.status = VersionStatus::Queued;
                row.reason = None;
                row.attempts = 1;
            }
        });
        Some(run)
    }

    /// Which business time is meant, and of what origin its version is.
    fn which(
        &mut self,
        def: &JobDef,
        request: &TriggerRequest,
        now: Timestamp,
    ) -> Result<(Timestamp, Origin), Refusal> {
        let manual_only = def.schedule().kind() == ScheduleKind::Manual;
        let by_hand = if request.trigger.counts() {
            Origin::Planned
        } else {
            Origin::AdHoc
        };
        let from = Source {
            defs: &self.jobs,
            rows: &self.rows,
        };
        match request.at {
            At::Latest if manual_only => Ok((now.trunc_subsecs(0), by_hand)),
            At::Latest => {
                let latest = self.plan.latest(from, def.id, now, LATEST_REACH);
                let time = latest.ok_or(Refusal::NothingScheduled { job: def.id })?;
                Ok((time, Origin::Planned))
            }
            At::Business(time) => {
                let known = self.rows.at(def.id, time).map(|row| row.origin);
                let origin = match known {
                    Some(Origin::Planned) => Origin::Planned,
                    Some(Origin::AdHoc) | None if manual_only => by_hand,
                    Some(Origin::AdHoc) => Origin::AdHoc,
                    None if self.plan.has(from, def.id, time) => Origin::Planned,
                    None => Origin::AdHoc,
                };
                Ok((time, origin))
            }
        }
    }

    fn may_start(&self, row: &Version) -> Result<(), Refusal> {
        let job = row.job;
        let version = row.id.clone();
        if row.frozen {
            return Err(Refusal::Frozen { job, version });
        }
        let live = self.runs.of_version.get(&row.key);
        if let Some(run) = live.and_then(|run| self.runs.all.get(run)) {
            let (run, status) = (run.id, run.status);
            return Err(Refusal::LiveRun {
                job,
                version,
                run,
                status,
            });
        }
        Ok(())
    }

    /// [`Self::driven`], as it will be once the version has started: only then does it belong to
    /// the plan of a manual-only job.
    fn driven_by(
        &mut self,
        root: &JobDef,
        time: Timestamp,
        tick: Tick,
    ) -> Vec<(Arc<JobDef>, Vec<Timestamp>)> {
        if !self.is_manual_only(root.id) {
            return self.driven(root, time);
        }
        let present = self.rows.at(root.id, time).cloned();
        let mut ghost = present.clone().unwrap_or_else(|| {
            let key = self.last_key.next();
            self.row(key, root, time, Origin::Planned, true, tick.now)
        });
        ghost.origin = Origin::Planned;
        ghost.counting_run = ghost.counting_run.or(Some(self.last_run.next()));
        let key = ghost.key;
        self.rows.insert(ghost);
        self.plan.forget();
        let driven = self.driven(root, time);
        self.rows.remove(key);
        self.plan.forget();
        if let Some(present) = present {
            self.rows.insert(present);
        }
        driven
    }

    /// The versions of the business day that a recovered version drives: those of open jobs that
    /// look at it, those that look at these, and so on.
    fn driven(&mut self, root: &JobDef, time: Timestamp) -> Vec<(Arc<JobDef>, Vec<Timestamp>)> {
        let day = local_day(root.schedule().timezone, time);
        let mut driven: BTreeSet<(JobId, Timestamp)> = BTreeSet::from([(root.id, time)]);
        let mut found = Vec::new();
        for job in self.descendants_in_order(root.id) {
            let def = self.jobs.get(&job).cloned();
            let Some(def) = def.filter(|def| def.switch == Switch::Open) else {
                continue;
            };
            let from = Source {
                defs: &self.jobs,
                rows: &self.rows,
            };
            let mut times = Vec::new();
            for at in self.plan.day(from, job, day).iter() {
                let members = self.plan.members(from, job, *at);
                let mut looked_at = members
                    .iter()
                    .filter_map(|(edge, member)| Some((edge.upstream, (*member)?)));
                if looked_at.any(|member| driven.contains(&member)) {
                    times.push(*at);
                }
            }
            driven.extend(times.iter().map(|at| (job, *at)));
            if !times.is_empty() {
                found.push((def, times));
            }
        }
        found
    }

    /// Everything below a job by the schedules in force, upstreams first.
    pub(super) fn descendants_in_order(&self, root: JobId) -> Vec<JobId> {
        let mut below = BTreeSet::new();
        let mut queue = VecDeque::from([root]);
        while let Some(job) = queue.pop_front() {
            for dependent in self.dependents.get(&job).into_iter().flatten() {
                if below.insert(*dependent) {
                    queue.push_back(*dependent);
                }
            }
        }
        let mut missing: std::collections::BTreeMap<JobId, usize> = below
            .iter()
            .map(|job| {
                let edges = self
                    .jobs
                    .get(job)
                    .map(|def| def.schedule().edges.as_slice());
                let inside = edges.unwrap_or_default().iter();
                (
                    *job,
                    inside.filter(|edge| below.contains(&edge.upstream)).count(),
                )
            })
            .collect();
        let mut ready: VecDeque<_> = missing
            .iter()
            .filter(|(_, n)| **n == 0)
            .map(|(job, _)| *job)
            .collect();
        let mut order = Vec::new();
        while let Some(job) = ready.pop_front() {
            order.push(job);
            for dependent in self.dependents.get(&job).into_iter().flatten() {
                if let Some(count) = missing.get_mut(dependent) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push_back(*dependent);
                    }
                }
            }
        }
        order
    }

    /// Makes the rows of planned times, or lets them start by themselves.
    fn arm_all(&mut self, def: &JobDef, times: &[Timestamp], batch: &mut Batch<'_>) {
        for time in times {
            match self.rows.at(def.id, *time) {
                None => {
                    self.plan_version(def, *time, batch);
                }
                Some(row) if !row.armed && row.status == VersionStatus::Waiting => {
                    self.edit_version(row.key, batch, |row| row.armed = true);
                    if let Some(row) = self.rows.at(def.id, *time) {
                        self.touched.insert(row.key);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// What must be recalled before a trigger at an old business time can be decided; none if
    /// everything it may touch is in memory.
    pub fn recall_needed(&self, request: &TriggerRequest, now: Timestamp) -> Option<Vec<Recall>> {
        let At::Business(time) = request.at else {
            // The latest one of a rare schedule may be old, too.
            return self.recall_at(request.job, now - LATEST_REACH, now, now);
        };
        self.recall_at(request.job, time, time, now)
    }

    /// What must be recalled after a restore: the surroundings of versions that are older than
    /// the snapshot's reach and still wait.
    pub fn recall_at_start(&self, now: Timestamp) -> Vec<Recall> {
        let waiting = self.rows.iter().filter(|row| !row.status.is_final());
        let ranges = waiting
            .filter_map(|row| self.recall_at(row.job, row.business_time, row.business_time, now));
        let mut needed: Vec<Recall> = ranges.flatten().collect();
        needed.sort();
        needed.dedup();
        needed
    }

    fn recall_at(
        &self,
        job: JobId,
        first: Timestamp,
        last: Timestamp,
        now: Timestamp,
    ) -> Option<Vec<Recall>> {
        let memory = now - TimeDelta::days(self.limits.waiting_days);
        let def = self.jobs.get(&job)?;
        if first >= memory {
            return None;
        }
        let tz = def.schedule().timezone;
        let day = |at| -> NaiveDate { local_day(tz, at) };
        // A day of another zone may begin and end most of a day earlier or later.
        let margin = TimeDelta::days(1);
        let from = first_instant(tz, day(first)) - margin;
        let until = first_instant(tz, following(day(last))) + margin;
        let mut jobs = BTreeSet::from([job]);
        jobs.extend(self.descendants_in_order(job));
        let upstreams: Vec<_> = jobs
            .iter()
            .filter_map(|job| self.jobs.get(job))
            .flat_map(|def| def.schedule().edges.iter().map(|edge| edge.upstream))
            .collect();
        jobs.extend(upstreams);
        let recall = jobs.into_iter().map(|job| Recall { job, from, until });
        Some(recall.collect())
    }

    /// Takes in rows that were too old for the snapshot.
    pub fn recall(&mut self, versions: Vec<Version>) {
        for row in versions {
            if self.rows.get(row.key).is_none() {
                self.recalled.insert(row.key);
                self.remember_version(row);
            }
        }
    }
}
