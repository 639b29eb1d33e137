//! The rows the engine keeps and decides about. The store writes them as they are; nothing else
//! in the database is the engine's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::calendar::CalendarDef;
use crate::clock::Timestamp;
use crate::engine::event::Repeated;
use crate::id::{CommitSeq, HostGroupId, JobId, Revision, RunId, VersionKey, WorkerId};
use crate::job::{JobDef, Params};
use crate::reason::Reason;
use crate::status::{Origin, RunStatus, Trigger, VersionStatus};
use crate::version_id::VersionId;

/// One planned instance of a job that has become real: due, started or touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub key: VersionKey,
    pub id: VersionId,
    pub job: JobId,
    /// The instant the version stands for; unique per job.
    pub business_time: Timestamp,
    /// When it may start at the earliest.
    pub due_at: Timestamp,
    pub origin: Origin,
    /// Whether it starts (or, once final, re-arms) by itself. False for a time that the plan
    /// passed over (the job was closed) and nothing but a manual run has touched, and for a
    /// version that a person cancelled.
    pub armed: bool,
    pub frozen: bool,
    pub status: VersionStatus,
    /// Why it stands there, for people: "closed", "render error …".
    pub reason: Option<Reason>,
    /// The latest run of any trigger.
    pub last_run: Option<RunId>,
    /// The latest counting run: the one the status follows.
    pub counting_run: Option<RunId>,
    /// Attempts already made of the present arming (retries compare with it).
    pub attempts: u32,
    /// When the next attempt starts, while in `retry_wait`.
    pub retry_at: Option<Timestamp>,
    /// The commit in which its latest counting run was created, or its missed row was: an
    /// upstream success with a greater number re-arms it.
    pub armed_seq: Option<CommitSeq>,
    /// The commit of its latest success, if that still counts.
    pub succeeded_seq: Option<CommitSeq>,
    /// Whether people have been told that it failed, and not yet that it recovered.
    pub alarmed: bool,
    pub created_at: Timestamp,
    /// When the status became what it is.
    pub changed_at: Timestamp,
}

/// One attempt to execute a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: RunId,
    pub version: VersionKey,
    pub job: JobId,
    pub trigger: Trigger,
    pub status: RunStatus,
    /// 1 for the first attempt of an arming.
    pub attempt: u32,
    pub priority: u8,
    pub host_group: Option<HostGroupId>,
    pub worker: Option<WorkerId>,
    /// Tells this run from another of the same id (after a reset or a restored backup). Known
    /// from the dispatch on, the same for every repetition of it.
    pub nonce: Option<String>,
    /// The job's revision at dispatch; from the start on if it repeats another run.
    pub revision: Option<Revision>,
    /// The run that it repeats as it was, with that run's revision and config.
    pub repeats: Option<RunId>,
    pub params: Option<Arc<Params>>,
    pub operator: Option<String>,
    pub created_at: Timestamp,
    pub dispatched_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// Why it ended or waits, for people.
    pub reason: Option<Reason>,
    /// Who asked to cancel it, while that is not done yet and afterwards.
    pub cancelled_by: Option<CancelledBy>,
    /// Whether every process of a killed run is known to be gone; `None` = it was not killed.
    pub kill_confirmed: Option<bool>,
    /// Its worker kills it when it has had no contact for too long (its job said
    /// `on_lost = rerun` when it was dispatched): lost is gone.
    pub fenced: bool,
    /// Its worker has been silent for too long.
    pub unreachable: bool,
    /// People have been told that it takes longer than it must.
    pub overdue: bool,
    pub cpu_ms: Option<i64>,
    pub peak_memory_kib: Option<i64>,
}

impl Run {
    /// What it repeats as it was, if it does.
    pub(super) fn repeated(&self) -> Option<Repeated> {
        let (run, revision) = self.repeats.zip(self.revision)?;
        Some(Repeated { run, revision })
    }
}

/// Who cancelled a run: a system-cancelled version may re-arm, a person's word stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelledBy {
    /// A person, by name.
    Person(String),
    /// The installation: a closed job, a stop of everything.
    System(Reason),
}

/// What begins a member of a host group that is not a name or an address but a label.
pub const LABEL: &str = "label:";

/// A named set of workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGroup {
    pub id: HostGroupId,
    pub revision: Revision,
    pub name: String,
    pub description: String,
    pub effective: bool,
    /// Whether it holds every worker (the default host group).
    pub everyone: bool,
    /// Its workers: by name, by address, or all that have a label (`label:gpu`).
    pub members: BTreeSet<String>,
}

impl HostGroup {
    /// Whether a worker belongs to it.
    pub fn holds(&self, name: &str, address: &str, labels: &BTreeSet<String>) -> bool {
        let is = |member: &String| match member.strip_prefix(LABEL) {
            Some(label) => labels.contains(label),
            None => member == name || member == address,
        };
        self.everyone || self.members.iter().any(is)
    }
}

/// The limits and waits the engine decides by; from application.yml.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Host group of a job that names none.
    pub default_host_group: HostGroupId,
    /// Runs on workers at the same time, in all.
    pub max_parallel: u32,
    /// MiB a worker keeps for its system.
    pub system_memory_mib: u64,
    /// MiB reckoned for one run.
    pub task_memory_mib: u64,
    /// Share of memory in use (0..=1) above which a worker gets nothing; 0 = off.
    pub max_memory_rate: f64,
    /// Load per core above which a worker gets nothing; 0 = off.
    pub max_load_per_core: f64,
    /// Silence after which a worker's runs are unreachable.
    pub worker_lost_ms: i64,
    /// Days after which a waiting version becomes missed.
    pub waiting_days: i64,
    /// Hours after which a cron time that nobody started is missed.
    pub misfire_window_hours: i64,
    /// Hours after which a run is killed.
    pub task_timeout_hours: i64,
    /// Minutes a run may wait for a host group that has no usable worker before that alarms.
    pub no_worker_alarm_minutes: i64,
    /// A worker under load that was given a run gets no other for this long; 0 = off.
    pub warm_up_ms: i64,
    /// How a worker is chosen.
    pub balance: crate::engine::Balance,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            default_host_group: HostGroupId(1),
            max_parallel: 2000,
            system_memory_mib: 4000,
            task_memory_mib: 500,
            max_memory_rate: 0.0,
            max_load_per_core: 0.0,
            worker_lost_ms: 60_000,
            waiting_days: 7,
            misfire_window_hours: 24,
            task_timeout_hours: 12,
            no_worker_alarm_minutes: 10,
            warm_up_ms: 0,
            balance: crate::engine::Balance::RoundRobin,
        }
    }
}

/// What the database holds, as far as the engine needs it to go on.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub jobs: BTreeMap<JobId, Arc<JobDef>>,
    pub host_groups: BTreeMap<HostGroupId, HostGroup>,
    pub calendars: Vec<Arc<CalendarDef>>,
    /// Every version that is not final, and the final ones of the last `waiting_days` + 2 days.
    pub versions: Vec<Version>,
    /// Every run that is not final, and the counting run of every version in `retry_wait` (its
    /// retry takes over trigger, parameters and operator).
    pub runs: Vec<Run>,
    /// Every cron time up to here has been seen by a leader; `None` in a new installation.
    pub planned_through: Option<Timestamp>,
    /// The greatest ids in use (0 = none).
    pub last_version_key: i64,
    pub last_run_id: i64,
    /// Drawn at random by each leadership; makes the nonces of its dispatches unguessable.
    pub salt: [u8; 16],
}
