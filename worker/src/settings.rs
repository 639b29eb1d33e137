//! What a worker is told from outside.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use hera_proto::Trust;
use hera_settings::{CgroupChoice, ScriptType};

use crate::limits::Limits;

/// Everything the composition root needs; nothing else is read from the environment.
#[derive(Clone)]
pub struct WorkerSettings {
    /// `host:port` of the admins' connectPort, tried in turn.
    pub admins: Vec<String>,
    /// What the installation shows its new workers; one that has joined does without.
    pub join_token: Option<String>,
    /// Whose certificates admins have.
    pub trust: Trust,
    pub name: String,
    /// Run directories, node file and spool.
    pub work_dir: PathBuf,
    /// `hera-run`.
    pub runner: PathBuf,
    /// `worker.maxRuns`; 0 = not set.
    pub max_runs: u32,
    /// By which host groups may name this worker.
    pub labels: Vec<String>,
    /// Time without contact after which runs end that may be started elsewhere.
    pub self_fence: Duration,
    /// Script types by name.
    pub types: BTreeMap<String, ScriptType>,
    /// Whether a script runs as its team's user.
    pub sudo: bool,
    /// Sourced before every script, and before those of a team.
    pub env_file: Option<PathBuf>,
    pub team_env_files: BTreeMap<String, PathBuf>,
    pub limits: Limits,
    pub cgroup: CgroupChoice,
    pub disk: DiskLimits,
    /// What scripts inherit.
    pub environment: Vec<(OsString, OsString)>,
    pub kill: KillPatience,
    pub retention: Retention,
}

impl WorkerSettings {
    /// Where programs are looked for.
    pub(crate) fn path(&self) -> Option<&OsStr> {
        self.environment
            .iter()
            .find_map(|(name, value)| (name == "PATH").then_some(value.as_os_str()))
    }
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

/// What the disk must have room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskLimits {
    /// With less the worker takes no more runs, and gives up old logs.
    pub min_free_mib: u64,
    /// Of one run's log; what is between its head and its tail is given up beyond.
    pub max_log_mib: u64,
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

/// What of that another user's script inherits: how to find programs and clusters, in which
/// language to speak, and nothing that may be the worker's own secret.
pub(crate) fn is_for_tenants(name: &OsStr) -> bool {
    const NAMES: &[&str] = &["PATH", "LANG", "LANGUAGE", "TZ", "JAVA_HOME", "KRB5_CONFIG"];
    const FAMILIES: &[&str] = &[
        "LC_", "HADOOP_", "HDFS_", "YARN_", "MAPRED_", "HIVE_", "TEZ_", "SPARK_", "HBASE_",
    ];
    // Programs name their secrets so.
    const SECRET: &[&str] = &["PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIAL"];
    let Some(name) = name.to_str() else {
        return false;
    };
    (NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family)))
        && !SECRET.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_inherit_where_programs_are_and_no_secret() {
        for name in ["PATH", "LC_ALL", "HADOOP_CONF_DIR", "JAVA_HOME"] {
            assert!(is_for_tenants(OsStr::new(name)), "{name}");
        }
        for name in [
            "HOME",
            "SSH_AUTH_SOCK",
            "AWS_ACCESS_KEY_ID",
            "HADOOP_CREDSTORE_PASSWORD",
        ] {
            assert!(!is_for_tenants(OsStr::new(name)), "{name}");
        }
    }
}
