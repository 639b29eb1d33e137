//! The folder of a run: the only thing that a worker, its runner and the next worker share.
//!
//! ```text
//! <workDir>/<installation>/runs/<run id>-<nonce>/
//!   spec.json    what to run; durable before the run is accepted
//!   pid          who runs it, or that nobody ever will: made once, by whoever comes first
//!   cancel       it is being killed
//!   exit         how it ended; durable
//!   output.log   stdout and stderr
//!   work/        the script's folder
//! ```
//!
//! `pid` is not synced: it is missing after a power failure at worst, and then the boot id in the
//! spec says that its absence proves nothing.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::files;
use crate::process::ProcessId;

/// The variable that marks every process of a run.
pub const TOKEN_VARIABLE: &str = "HERA_RUN_TOKEN";

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    pub job_id: i64,
    pub job_name: String,
    pub version: String,
    pub trigger: String,
    pub attempt: u32,
    pub command: Vec<String>,
    /// Added to what the runner itself inherits.
    pub env: BTreeMap<String, String>,
    /// Value of [`TOKEN_VARIABLE`].
    pub token: String,
    /// Of the machine's start during which the spec was written.
    pub boot_id: String,
}

/// Who holds a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// This runner runs it.
    Runner(ProcessId),
    /// A worker found no runner: the run never starts.
    Denied,
}

/// Who was first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    Ours,
    Taken,
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub note: String,
    pub cpu_ms: Option<i64>,
    pub peak_memory_kib: Option<i64>,
    pub at_unix_ms: i64,
    /// What was in the log when the script ended; what a process left behind adds is not the run's.
    pub log_size: u64,
}

/// The paths inside a run's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// The folder at `path`, which need not exist.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path.join("output.log")
    }

    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    #[must_use]
    pub fn script(&self, suffix: &str) -> PathBuf {
        self.path.join(format!("script{suffix}"))
    }

    fn spec(&self) -> PathBuf {
        self.path.join("spec.json")
    }

    fn pid(&self) -> PathBuf {
        self.path.join("pid")
    }

    fn cancel(&self) -> PathBuf {
        self.path.join("cancel")
    }

    fn exit(&self) -> PathBuf {
        self.path.join("exit")
    }

    /// Makes the folder and the script's own folder in it.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn create(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(&self.path)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.work())
    }

    /// From here on the run is known to this machine, even after a power failure.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_spec(&self, spec: &Spec) -> io::Result<()> {
        // Named before it is synced, so that the folders ride on the file's own sync: each one
        // by itself would cost another turn of the disk. Half a spec was never accepted.
        files::write_private(&self.spec(), &to_json(spec)?)?.sync_all()?;
        files::sync_folder(&self.path)?;
        files::sync_folder(self.path.parent().unwrap_or(&self.path))
    }

    /// What to run; `None` if the worker died before it was written.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_spec(&self) -> io::Result<Option<Spec>> {
        match std::fs::metadata(self.spec()) {
            Ok(spec) if spec.len() == 0 => Ok(None),
            Ok(_) | Err(_) => read_json(&self.spec()),
        }
    }

    /// Takes the run for `claim`, unless somebody has it already.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn claim(&self, claim: &Claim) -> io::Result<Claimed> {
        let unfinished = self.path.join(format!("pid.{}", std::process::id()));
        files::write_private(&unfinished, &to_json(claim)?)?;
        // A link is made only where nothing is yet: of two, one is first.
        let linked = std::fs::hard_link(&unfinished, self.pid());
        std::fs::remove_file(&unfinished)?;
        match linked {
            Ok(()) => Ok(Claimed::Ours),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Claimed::Taken),
            Err(error) => Err(error),
        }
    }

    /// Who holds the run, if anybody.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn read_claim(&self) -> io::Result<Option<Claim>> {
        read_json(&self.pid())
    }

    /// Tells the runner to start nothing more, and to stay until the last process is gone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn mark_cancelled(&self) -> io::Result<()> {
        files::write_private(&self.cancel(), b"").map(drop)
    }

    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel().exists()
    }

    /// Writes down the end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_exit(&self, exit: &Exit) -> io::Result<()> {
        files::replace(&self.exit(), &to_json(exit)?)
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn read_exit(&self) -> io::Result<Option<Exit>> {
        read_json(&self.exit())
    }

    /// The bytes in the log now; 0 while there is none.
    #[must_use]
    pub fn log_size(&self) -> u64 {
        std::fs::metadata(self.log()).map_or(0, |meta| meta.len())
    }
}

fn to_json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(io::Error::from)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let Some(bytes) = files::read_if_present(path)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is not readable: {error}", path.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_claim_holds() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path().join("1-a"));
        dir.create().unwrap();
        let runner = Claim::Runner(ProcessId {
            pid: 7,
            start_time: 8,
            boot_id: "b".into(),
        });
        assert_eq!(dir.read_claim().unwrap(), None);
        assert_eq!(dir.claim(&Claim::Denied).unwrap(), Claimed::Ours);
        assert_eq!(dir.claim(&runner).unwrap(), Claimed::Taken);
        assert_eq!(dir.read_claim().unwrap(), Some(Claim::Denied));
    }
}
