//! The folder of a run: the only thing that a worker, its runner and the next worker share.
//!
//! ```text
//! <workDir>/<installation>/runs/<run id>-<nonce>/
//!   spec.json    what to run; durable before the run is accepted
//!   pid          who runs it, or that nobody ever will: made once, by whoever comes first
//!   cancel       it is being killed
//!   exit         how it ended
//!   output.log   stdout and stderr
//!   work/        the script's folder
//! ```
//!
//! Nothing is lost when processes are killed; the disk is made to turn only where a power failure
//! would break a promise:
//! - `spec.json` before the run is accepted. Without it the next worker would deny a run whose
//!   script had begun, and the admin, unless it had heard of the start, would run it again.
//! - `exit` and `output.log` only of ends that the admin does not confirm within a second, by the
//!   worker. Once confirmed, an end is in the admin's database.
//! - `pid` never: it is missing at worst, and then the boot id in the spec says that its absence
//!   proves nothing.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cgroup::Cgroup;
use crate::contact::Fence;
use crate::files;
use crate::limits::Limits;
use crate::process::ProcessId;
use crate::tenant::Tenant;

/// The variable that marks every process of a run.
pub const TOKEN_VARIABLE: &str = "HERA_RUN_TOKEN";

/// The script's file, without its suffix.
const SCRIPT: &str = "script";

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
    /// Ended when no leader has been heard of for too long: it may be started elsewhere then.
    #[serde(default)]
    pub self_fence: bool,
    /// By what its runner ends it when the worker itself is gone.
    #[serde(default)]
    pub fence: Option<Fence>,
    /// Where its processes are born.
    #[serde(default)]
    pub cgroup: Option<Cgroup>,
    /// What its processes are limited to by themselves.
    #[serde(default)]
    pub limits: Limits,
    /// Sourced before the script; a tenant must be able to read them.
    #[serde(default)]
    pub env_files: Vec<PathBuf>,
    /// Whose processes they are, if not the worker's own user's.
    #[serde(default)]
    pub tenant: Option<Tenant>,
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
    /// Its runner ended it for want of contact, with everything below it.
    #[serde(default)]
    pub fenced: bool,
    /// What was in the log when the script ended; what a process left behind adds is not the run's.
    pub log_size: u64,
}

/// A log's file, whatever it is called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogIdentity {
    device: u64,
    inode: u64,
}

impl LogIdentity {
    pub(crate) fn of(file: &std::fs::Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
        }
    }
}

/// Room for an [`Exit`].
const EXIT_BYTES: usize = 4096;

/// An end that is still to be written, with its place on the disk.
#[derive(Debug)]
pub struct ExitSlip(File);

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
        self.path.join(format!("{SCRIPT}{suffix}"))
    }

    /// Where a tenant has the script: nobody else's file could be read by it.
    pub(crate) fn tenants_script(&self, suffix: &str) -> PathBuf {
        self.work().join(format!(".{SCRIPT}{suffix}"))
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

    /// Makes the folder, and the script's own folder in it unless a tenant will.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn create(&self, tenant: Option<&Tenant>) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(&self.path)?;
        if tenant.is_some() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.work())
    }

    /// Lets others make files in the folder, or no more. They cannot see what is in it.
    ///
    /// # Errors
    /// When it is not ours.
    pub(crate) fn open_to_all(&self, open: bool) -> io::Result<()> {
        let mode = if open { 0o733 } else { 0o711 };
        std::fs::set_permissions(&self.path, Permissions::from_mode(mode))
    }

    /// Removes what only the script needed: its text, and its own folder, by its tenant if it
    /// has one.
    pub(crate) fn clear(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.path)?.flatten() {
            if entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(SCRIPT.as_bytes())
            {
                std::fs::remove_file(entry.path())?;
            }
        }
        let work = self.work();
        let removed = match std::fs::remove_dir_all(&work) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let tenant = self.read_spec()?.and_then(|spec| spec.tenant);
                let Some(tenant) = tenant else {
                    return Err(error);
                };
                tenant.empty(&work)?;
                std::fs::remove_dir(&work)
            }
            removed => removed,
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
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
        read_unless_empty(&self.spec())
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

    /// Takes room on the disk for the end, so that it can be written down even if the script
    /// fills the disk.
    ///
    /// # Errors
    /// When there is no room.
    pub fn reserve_exit(&self) -> io::Result<ExitSlip> {
        let file = files::write_private(&self.unfinished_exit(), &[b' '; EXIT_BYTES])?;
        Ok(ExitSlip(file))
    }

    /// Writes down the end; see [`RunDir::sync_end`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_exit(&self, slip: &ExitSlip, exit: &Exit) -> io::Result<()> {
        let json = to_json(exit)?;
        slip.0.write_all_at(&json, 0)?;
        slip.0.set_len(json.len() as u64)?;
        std::fs::rename(self.unfinished_exit(), self.exit())
    }

    fn unfinished_exit(&self) -> PathBuf {
        self.path.join("exit.new")
    }

    /// Makes the end and the log survive a power failure.
    ///
    /// # Errors
    /// When they are not there, or the disk fails.
    pub(crate) fn sync_end(&self) -> io::Result<()> {
        files::sync(&self.exit())?;
        if self.log_size() > 0 {
            files::sync(&self.log())?;
        }
        files::sync_folder(&self.path)
    }

    /// How it ended, if it has and this is known.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn read_exit(&self) -> io::Result<Option<Exit>> {
        read_unless_empty(&self.exit())
    }

    /// `None` while there is no log.
    pub(crate) fn log_identity(&self) -> Option<LogIdentity> {
        Some(LogIdentity::of(&std::fs::metadata(self.log()).ok()?))
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

/// A power failure may leave the name of a file without its content.
fn read_unless_empty<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match std::fs::metadata(path) {
        Ok(file) if file.len() == 0 => Ok(None),
        Ok(_) | Err(_) => read_json(path),
    }
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
        dir.create(None).unwrap();
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
