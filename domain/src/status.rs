//! The words of the state machine: what a run, a version and a job can be.

use crate::text_enum::text_enum;

/// A word that names no value of the enum it was read for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{word}\" is not one of {}", expected.join(", "))]
pub struct UnknownWord {
    /// What was read.
    pub word: String,
    /// What it could have been.
    pub expected: &'static [&'static str],
}

text_enum! {
    /// Where a run stands. The last four are final and never change.
    RunStatus {
        Queued = "queued",
        Dispatched = "dispatched",
        Running = "running",
        Success = "success",
        Failed = "failed",
        Cancelled = "cancelled",
        Lost = "lost",
    }
}

impl RunStatus {
    /// Whether nothing can follow this status.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Dispatched | Self::Running => false,
            Self::Success | Self::Failed | Self::Cancelled | Self::Lost => true,
        }
    }

    /// Whether the run may be alive on a worker, and so holds a slot and blocks overlap.
    pub const fn is_on_worker(self) -> bool {
        match self {
            Self::Dispatched | Self::Running => true,
            Self::Queued | Self::Success | Self::Failed | Self::Cancelled | Self::Lost => false,
        }
    }
}

text_enum! {
    /// Where a version stands: its plan, its counting runs and marks, folded.
    VersionStatus {
        /// Virtual: it has no row yet.
        Planned = "planned",
        Waiting = "waiting",
        Queued = "queued",
        Running = "running",
        RetryWait = "retry_wait",
        Success = "success",
        Failed = "failed",
        Cancelled = "cancelled",
        Lost = "lost",
        Skipped = "skipped",
        Missed = "missed",
    }
}

impl VersionStatus {
    /// Whether only a new counting run or a mark can follow.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Planned | Self::Waiting | Self::Queued | Self::Running | Self::RetryWait => false,
            Self::Success
            | Self::Failed
            | Self::Cancelled
            | Self::Lost
            | Self::Skipped
            | Self::Missed => true,
        }
    }
}

text_enum! {
    /// Why a run exists.
    Trigger {
        Schedule = "schedule",
        Manual = "manual",
        Recover = "recover",
        Debug = "debug",
        Rerun = "rerun",
        SuperRecover = "super_recover",
    }
}

impl Trigger {
    /// HERA's number for it.
    pub const fn code(self) -> i16 {
        match self {
            Self::Schedule => 1,
            Self::Manual => 2,
            Self::Recover => 3,
            Self::Debug => 4,
            Self::Rerun => 5,
            Self::SuperRecover => 6,
        }
    }

    /// Whether a run of this trigger decides its version's status and tells downstream
    /// (a backfill's cells decide by themselves whether they count).
    pub const fn counts(self) -> bool {
        match self {
            Self::Schedule | Self::Recover | Self::SuperRecover => true,
            Self::Manual | Self::Debug | Self::Rerun => false,
        }
    }

    /// Whether a failed run of this trigger is tried again and, at last, alarms.
    pub const fn retries(self) -> bool {
        self.counts()
    }

    /// The share of the workers this trigger's runs compete in.
    pub const fn lane(self) -> Lane {
        match self {
            Self::Schedule | Self::Recover => Lane::Schedule,
            Self::SuperRecover => Lane::Super,
            Self::Manual => Lane::Manual,
            Self::Debug => Lane::Debug,
            Self::Rerun => Lane::Rerun,
        }
    }
}

text_enum! {
    /// A queue of its own: none can starve another, they share dispatches by weight.
    Lane {
        Schedule = "schedule",
        Super = "super",
        Manual = "manual",
        Debug = "debug",
        Rerun = "rerun",
    }
}

text_enum! {
    /// Whether a job is scheduled (HERA's `auto`).
    Switch {
        Closed = "closed",
        Open = "open",
        /// 失效: out of use, kept for its history.
        Invalid = "invalid",
    }
}

text_enum! {
    /// Whether runs of one job may be alive at the same time.
    Overlap {
        Allow = "allow",
        Wait = "wait",
        Skip = "skip",
        CancelPrevious = "cancel_previous",
    }
}

text_enum! {
    /// What a lost worker means for the job's runs.
    OnLost {
        /// A person or the task timeout decides.
        Ask = "ask",
        /// The run becomes lost and its version runs again elsewhere.
        Rerun = "rerun",
    }
}

text_enum! {
    /// What happens to cron times that no leader was there to start.
    Misfire {
        RunAll = "run_all",
        RunLatest = "run_latest",
        Skip = "skip",
    }
}

text_enum! {
    /// Which versions of an upstream an edge looks at.
    Window {
        Nearest = "nearest",
    }
}

text_enum! {
    /// What an edge asks of the versions in its window.
    Policy {
        Success = "success",
        Finished = "finished",
        Optional = "optional",
    }
}

text_enum! {
    /// How a version came to be.
    Origin {
        /// The schedule holds its time (or held it).
        Planned = "planned",
        /// A person started it at a time of no plan; no window contains it.
        AdHoc = "ad_hoc",
    }
}
