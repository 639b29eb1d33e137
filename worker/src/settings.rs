//! What a worker is told from outside.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use hera_settings::ScriptType;

/// Everything the composition root needs; nothing else is read from the environment.
#[derive(Clone)]
pub struct WorkerSettings {
    /// `host:port` of the admins' connectPort, tried in turn.
    pub admins: Vec<String>,
    pub join_token: String,
    pub name: String,
    /// Run directories, node file and spool.
    pub work_dir: PathBuf,
    /// `hera-run`.
    pub runner: PathBuf,
    /// `worker.maxRuns`; 0 = not set.
    pub max_runs: u32,
    /// Script types by name.
    pub types: BTreeMap<String, ScriptType>,
    /// What scripts inherit.
    pub environment: Vec<(OsString, OsString)>,
    pub kill: KillPatience,
    pub retention: Retention,
}

/// How long the processes of a run get to react to each signal; a signal with no time is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KillPatience {
    pub interrupt: Duration,
    pub terminate: Duration,
    pub kill: Duration,
}

impl Default for KillPatience {
    fn default() -> Self {
        Self {
            interrupt: Duration::from_secs(2),
            terminate: Duration::from_secs(5),
            kill: Duration::from_secs(5),
        }
    }
}

impl KillPatience {
    /// KILL, and nothing before it.
    #[must_use]
    pub fn at_once(self) -> Self {
        Self {
            interrupt: Duration::ZERO,
            terminate: Duration::ZERO,
            kill: self.kill,
        }
    }

    /// For a worker that must be gone within ten seconds.
    #[must_use]
    pub fn hurried(self) -> Self {
        Self {
            interrupt: self.interrupt.min(Duration::from_secs(1)),
            terminate: self.terminate.min(Duration::from_secs(2)),
            kill: self.kill.min(Duration::from_secs(3)),
        }
    }
}

/// How much of ended and acknowledged runs stays on the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub age: Duration,
    pub runs: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: Duration::from_hours(72),
            runs: 20_000,
        }
    }
}

/// What scripts inherit of the worker's own environment: all but our own variables, which hold
/// the join token and the like.
#[must_use]
pub fn inheritable(
    own: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    own.into_iter()
        .filter(|(name, _)| !name.as_encoded_bytes().starts_with(b"HERA_"))
        .collect()
}
