//! What can happen to the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::calendar::CalendarDef;
use crate::clock::Timestamp;
use crate::engine::record::{HostGroup, Version};
use crate::id::{CalendarId, HostGroupId, JobId, Revision, RunId, WorkerId};
use crate::job::{JobDef, Params};
use crate::reason::Reason;
use crate::status::Trigger;

/// When a step happens: one value for a whole batch of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Engine time.
    pub now: Timestamp,
    /// The number that the commit of this batch will have.
    pub seq: crate::id::CommitSeq,
}

/// Everything the engine is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A new or changed job (all but its switch, which only [`Event::Switch`] changes). The new
    /// schedule is `def.schedule()`: the engine keeps the older eras itself.
    SaveJob(Arc<JobDef>),
    /// A job was deleted.
    DeleteJob(JobId),
    /// Open, close or invalidate jobs: all of them or none.
    Switch {
        jobs: Vec<JobId>,
        to: crate::status::Switch,
    },
    /// A new or changed host group.
    SaveHostGroup(HostGroup),
    DeleteHostGroup(HostGroupId),
    /// A new or changed calendar; one that jobs use keeps its name.
    SaveCalendar(Arc<CalendarDef>),
    /// A calendar that no job uses was deleted.
    DeleteCalendar(CalendarId),
    /// A person or a program asks for a run.
    Trigger(TriggerRequest),
    /// A person (or the installation) asks to end a run; in retry wait, to give up the version.
    Cancel {
        run: RunId,
        by: super::CancelledBy,
    },
    /// A person gives up an unreachable run, whose worker may still have it.
    DeclareLost {
        run: RunId,
        person: String,
    },
    /// Ends every run that is not final, by the installation.
    CancelAll {
        reason: Reason,
    },
    /// Final versions from before the snapshot's reach, loaded because a trigger needs them.
    Recall(Vec<Version>),
    /// A dispatched run of this batch cannot be rendered: it fails before anything is sent.
    RenderFailed {
        run: RunId,
        error: String,
    },
    /// Something a worker reports.
    Worker(WorkerId, WorkerEvent),
}

/// A request for a run by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerRequest {
    pub job: JobId,
    /// Manual or recover.
    pub trigger: Trigger,
    /// Which version; [`At::Latest`] as semantics §4 says.
    pub at: At,
    pub params: Option<Arc<Params>>,
    /// An earlier run that is to be repeated as it was; `None` = today's script.
    pub repeats: Option<Repeated>,
    pub operator: Option<String>,
}

/// An earlier run and the revision that it ran with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated {
    pub run: RunId,
    pub revision: Revision,
}

/// Which version of a job is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The latest scheduled time that has come, back to 32 days; now for a manual-only job.
    Latest,
    /// The version of this business time; made ad hoc if the plan does not have it.
    Business(Timestamp),
}

/// What a worker's session brings.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkerEvent {
    /// A session has been opened; it replaces an older one of the same worker.
    Connected(WorkerHello),
    /// The newest session has ended.
    Disconnected,
    Heartbeat(Load),
    /// A person drains the worker, or lets it accept again.
    Accepting(bool),
    /// The run's spec is on the worker's disk.
    Accepted(RunRef),
    /// The run's process exists.
    Started(RunRef),
    /// The run has ended, or was never started because of a cancel's tombstone.
    Finished(RunRef, End),
    /// The worker cannot start the run (disk full, no such command).
    Refused(RunRef, String),
}

/// What a worker says of itself when it connects.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerHello {
    pub name: String,
    /// The address its connection came from.
    pub address: String,
    pub accepting: bool,
    /// `worker.labels`, by which host groups may name it.
    pub labels: BTreeSet<String>,
    /// `worker.maxRuns`, if set there.
    pub max_runs: Option<u32>,
    pub load: Load,
    /// Every run it has, live or ended and not acknowledged.
    pub inventory: Vec<InventoryItem>,
}

/// A run on a worker, by its id and nonce.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunRef {
    pub run: RunId,
    pub nonce: String,
}

/// A run in a worker's inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryItem {
    pub run: RunRef,
    pub state: InventoryState,
}

/// How far a run in an inventory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InventoryState {
    /// Accepted; its process may exist or be about to.
    Live,
    Ended(End),
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct End {
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// Set when the worker killed it: whether every process is known to be gone.
    pub kill_confirmed: Option<bool>,
    /// What the worker has to say of it ("never started: cancelled before").
    pub note: Option<String>,
    pub cpu_ms: Option<i64>,
    pub peak_memory_kib: Option<i64>,
}

/// What a worker's machine is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Load {
    pub memory_total_mib: u64,
    /// Share of memory in use, 0..=1.
    pub memory_rate: f64,
    pub load_per_core: f64,
    pub cores: u32,
    pub disk_free_mib: u64,
    /// It has no room for the logs of more runs.
    pub disk_full: bool,
}
