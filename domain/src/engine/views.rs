//! What pages may ask: the plan with its rows, the queues, the workers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::Engine;
use super::agenda::version_id;
use super::plan::{Source, first_instant, following};
use super::record::{Run, Version};
use crate::calendar::DayVerdict;
use crate::clock::Timestamp;
use crate::id::{HostGroupId, JobId, RunId, VersionKey, WorkerId};
use crate::job::{Edge, JobDef};
use crate::reason::Reason;
use crate::status::{Lane, VersionStatus};
use crate::version_id::VersionId;

/// A version on a page: a row, or a virtual one (`planned`).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VersionView {
    /// `None` = virtual.
    pub key: Option<VersionKey>,
    pub id: VersionId,
    pub business_time: Timestamp,
    pub due_at: Timestamp,
    pub status: VersionStatus,
    pub frozen: bool,
    pub last_run: Option<RunId>,
    pub reason: Option<Reason>,
    /// What its calendar says of its day, by the rules as they are now.
    pub day: DayVerdict,
    pub edges: Vec<EdgeView>,
}

/// How one edge of a version stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EdgeView {
    pub edge: Edge,
    /// The upstream's version that it looks at; `None` = it has none that day.
    pub member: Option<VersionId>,
    pub satisfied: bool,
}

/// Runs that wait in one lane of a host group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDepth {
    pub host_group: HostGroupId,
    pub lane: Lane,
    pub waiting: usize,
}

/// Versions of a day on a page at most; a schedule by the second has more.
const MAX_VIEWS: usize = 5_000;

impl Engine {
    /// The versions of a job on a business day of its zone: rows and virtual ones, by time.
    pub fn versions_on(&mut self, job: JobId, day: NaiveDate) -> Vec<VersionView> {
        let Some(def) = self.jobs.get(&job).cloned() else {
            return Vec::new();
        };
        let tz = def.schedule().timezone;
        let (start, end) = (first_instant(tz, day), first_instant(tz, following(day)));
        let from = Source {
            defs: &self.jobs,
            rows: &self.rows,
        };
        let planned = self.plan.day(from, job, day);
        let mut times: BTreeSet<Timestamp> = planned.iter().copied().collect();
        let rows = self.rows.of_job_between(job, start, end);
        times.extend(rows.map(|row| row.business_time));
        let times = times.into_iter().take(MAX_VIEWS);
        times.map(|time| self.view(&def, time)).collect()
    }

    fn view(&mut self, def: &JobDef, time: Timestamp) -> VersionView {
        let row = self.rows.at(def.id, time).cloned();
        let standing = self.standing(def.id, time);
        let edges = standing.into_iter().map(|edge| EdgeView {
            member: edge.member.map(|time| self.id_at(edge.edge.upstream, time)),
            edge: edge.edge,
            satisfied: edge.satisfied,
        });
        let edges = edges.collect();
        let day = self.day_verdict(def.schedule(), time);
        match row {
            Some(row) => VersionView {
                key: Some(row.key),
                id: row.id,
                business_time: row.business_time,
                due_at: row.due_at,
                status: row.status,
                frozen: row.frozen,
                last_run: row.last_run,
                reason: row.reason,
                day,
                edges,
            },
            None => VersionView {
                key: None,
                id: version_id(def, time, 0),
                business_time: time,
                due_at: self.due_at(def.schedule(), time),
                status: VersionStatus::Planned,
                frozen: false,
                last_run: None,
                reason: None,
                day,
                edges,
            },
        }
    }

    fn id_at(&self, job: JobId, time: Timestamp) -> VersionId {
        match (self.rows.at(job, time), self.jobs.get(&job)) {
            (Some(row), _) => row.id.clone(),
            (None, Some(def)) => version_id(def, time, 0),
            (None, None) => VersionId(String::new()),
        }
    }

    /// A version in memory, by the id that people see.
    pub fn version(&self, id: &VersionId) -> Option<&Version> {
        self.rows.by_id(id)
    }

    /// A version in memory, by its key.
    pub fn version_by_key(&self, key: VersionKey) -> Option<&Version> {
        self.rows.get(key)
    }

    /// A run that is not final.
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.runs.all.get(&id)
    }

    /// Every run that is not final.
    pub fn live_runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.all.values()
    }

    /// The definitions as the engine has them.
    pub fn jobs(&self) -> &BTreeMap<JobId, std::sync::Arc<JobDef>> {
        &self.jobs
    }

    /// How many queued runs wait where, those too that something else than a worker holds back.
    pub fn queue_depths(&self) -> Vec<QueueDepth> {
        let mut depths: BTreeMap<(HostGroupId, Lane), usize> = BTreeMap::new();
        for run in self
            .runs
            .all
            .values()
            .filter(|run| !run.status.is_on_worker())
        {
            let def = self.jobs.get(&run.job);
            let group = def.map_or(run.host_group, |def| def.host_group);
            let group = group.unwrap_or(self.limits.default_host_group);
            *depths.entry((group, run.trigger.lane())).or_default() += 1;
        }
        let depth = |((host_group, lane), waiting)| QueueDepth {
            host_group,
            lane,
            waiting,
        };
        depths.into_iter().map(depth).collect()
    }

    /// Runs dispatched to a worker and not ended.
    pub fn runs_on(&self, worker: WorkerId) -> usize {
        self.workers
            .get(&worker)
            .map_or(0, |worker| worker.runs.len())
    }

    /// Runs a worker may have at the same time.
    pub fn worker_slots(&self, worker: WorkerId) -> u32 {
        self.workers
            .get(&worker)
            .map_or(0, |worker| worker.slots(&self.limits))
    }
}
