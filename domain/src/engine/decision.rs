//! What the engine decides: rows to write in one transaction, then messages to send.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::engine::event::RunRef;
use crate::engine::record::{Run, Version};
use crate::id::{JobId, RunId, VersionKey, WorkerId};
use crate::job::JobDef;
use crate::reason::Reason;
use crate::status::{RunStatus, VersionStatus};
use crate::version_id::VersionId;

/// The decisions of one batch: several changes of a row are folded into one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decisions {
    pub versions: BTreeMap<VersionKey, Change<Version, VersionStatus>>,
    pub runs: BTreeMap<RunId, Change<Run, RunStatus>>,
    /// Jobs whose switch, openings or eras changed, as they are now; `None` = deleted.
    pub jobs: BTreeMap<JobId, Option<std::sync::Arc<JobDef>>>,
    /// What came of runs after they had been given up.
    pub late: Vec<LateResult>,
    /// One outbox row each, in the same transaction.
    pub alarms: Vec<Alarm>,
    pub planned_through: Option<Timestamp>,
    /// Only after the commit, in this order.
    pub sends: Vec<Send>,
}

/// A row as it shall be, and what it must be before for the write to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<Row, Status> {
    /// `None` = the row must not exist: insert it. Else the status that the row has in the
    /// database: compare and set.
    pub expect: Option<Status>,
    pub row: Row,
}

/// How a run ended that had been given up: kept beside its row, if that is lost or cancelled and
/// has no such note yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateResult {
    pub run: RunRef,
    pub note: Reason,
}

/// A message to a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Send {
    /// Run it. The master adds script, environment and command.
    Start {
        worker: WorkerId,
        run: RunRef,
    },
    Cancel {
        worker: WorkerId,
        run: RunRef,
    },
    /// The report has been committed (or is of no interest): the worker may forget the run.
    Ack {
        worker: WorkerId,
        run: RunRef,
    },
    /// The database does not know this run: stop it and forget it.
    Discard {
        worker: WorkerId,
        run: RunRef,
    },
}

/// Something people shall hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    pub kind: AlarmKind,
    /// Equal for the same event, different for different ones; unique in the outbox, which
    /// ignores a repetition.
    pub dedupe_key: String,
    pub job: Option<JobId>,
    pub version: Option<VersionKey>,
    pub run: Option<RunId>,
    pub text: String,
}

crate::text_enum::text_enum! {
    /// The events that alarm.
    AlarmKind {
        RunFailed = "run_failed",
        Recovered = "recovered",
        MustEndExceeded = "must_end_exceeded",
        NoWorker = "no_worker",
        WorkerUnreachable = "worker_unreachable",
        RunLost = "run_lost",
        WaitingExpired = "waiting_expired",
        Storage = "storage",
    }
}

/// What an event led to, for whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Triggered { run: RunId, version: VersionId },
}

/// Why the engine refuses an event; nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum Refusal {
    #[error("there is no job {0}")]
    NoSuchJob(JobId),
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    #[error(
        "job {job} ({name}) cannot be saved: its dependencies form a cycle: {}",
        path(cycle)
    )]
    Cycle {
        job: JobId,
        name: String,
        cycle: Vec<(JobId, String)>,
    },
    #[error("job {job} cannot depend on {upstream}: there is no such job")]
    NoSuchUpstream { job: JobId, upstream: JobId },
    #[error(
        "job {job} cannot depend on {upstream} by window nearest: its schedule fires more often than once a minute"
    )]
    TooFrequentUpstream { job: JobId, upstream: JobId },
    #[error("job {job} cannot be closed: {} open jobs depend on it ({}). Close them first or close the whole chain", in_the_way.len(), names(in_the_way))]
    OpenDependents {
        job: JobId,
        in_the_way: Vec<(JobId, String)>,
    },
    #[error("job {job} cannot be open while {} of its upstream jobs are closed ({}). Open them first or open the whole chain", in_the_way.len(), names(in_the_way))]
    ClosedUpstreams {
        job: JobId,
        in_the_way: Vec<(JobId, String)>,
    },
    #[error("job {job} cannot be deleted: it is open. Close it first")]
    StillOpen { job: JobId },
    #[error("job {job} cannot be deleted: {} jobs depend on it ({})", in_the_way.len(), names(in_the_way))]
    DependedOn {
        job: JobId,
        in_the_way: Vec<(JobId, String)>,
    },
    #[error(
        "version {version} of job {job} has a live run: {run} is {status}. Wait for it or cancel it"
    )]
    LiveRun {
        job: JobId,
        version: VersionId,
        run: RunId,
        status: RunStatus,
    },
    #[error("version {version} of job {job} is frozen. Unfreeze it first")]
    Frozen { job: JobId, version: VersionId },
    #[error("job {job} has no scheduled time in the last 32 days. Name a business_time")]
    NothingScheduled { job: JobId },
    #[error(
        "run {run} is not unreachable: its worker has it. Cancel it, or wait until the worker has been silent for too long"
    )]
    Reachable { run: RunId },
    #[error("run {run} is {status} already")]
    AlreadyFinal { run: RunId, status: RunStatus },
    #[error(
        "this touches {rows} rows, more than the {limit} that one command may. Choose a smaller part"
    )]
    TooMany { rows: usize, limit: usize },
}

fn names(jobs: &[(JobId, String)]) -> String {
    jobs.iter()
        .map(|(id, name)| format!("{id} {name}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn path(jobs: &[(JobId, String)]) -> String {
    jobs.iter()
        .map(|(id, name)| format!("{id} {name}"))
        .collect::<Vec<_>>()
        .join(" → ")
}
