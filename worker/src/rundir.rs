//! The folder of a run: the only thing that a worker, its runner and the next worker share.
//!
//! ```text
//! <workDir>/<installation>/runs/<run id>-<nonce>/
//!   spec.json    what to run; durable before the run is accepted
//!   pid          who runs it, or that nobody ever will: made once, by whoever comes first
//!   cancel       it is being killed
//!   exit         how it ended: also made once
//!   pipe         what stdout and stderr are, while the run lives
//!   output.log   what came out of it
//!   masks        what must not be read there, until it is covered there
//!   work/        the script's folder
//!   tenant/work/ or there, if it runs as a tenant, who makes it
//! ```
//!
//! All but the script's folder is the worker's alone: others may pass through, if they know the
//! name, and neither look around nor make anything. `tenant/` is empty and open to all for the
//! moment in which the tenant makes its folder there; it is sticky, so that what one has made no
//! other can replace.
//!
//! Nothing is lost when processes are killed; the disk is made to turn only where a power failure
//! would break a promise:
//! - `spec.json` before the run is accepted. Without it the next worker would deny a run whose
//!   script had begun, and the admin, unless it had heard of the start, would run it again.
//! - `exit` and `output.log` only of ends that the admin does not confirm within a second, by the
//!   worker. Once confirmed, an end is in the admin's database.
//! - `pid` never: it is missing or empty at worst, and then the boot id in the spec says that its
//!   absence proves nothing.

mod clear;

use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cgroup::Cgroup;
use crate::contact::Fence;
use crate::files;
use crate::limits::Limits;
use crate::masks::Masks;
use crate::process::ProcessId;
use crate::tenant::Tenant;

/// The variable that marks every process of a run.
pub const TOKEN_VARIABLE: &str = "HERA_RUN_TOKEN";

/// The script's file, without its suffix.
const SCRIPT: &str = "script";

/// What to run, and who its tenant is.
const SPEC: &str = "spec.json";

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
    /// It was looked for what it left behind, and that is not known to be gone.
    #[serde(default)]
    pub unconfirmed: bool,
    /// What was in the log when the script ended; what a process left behind adds is not the run's.
    pub log_size: u64,
}

impl Exit {
    fn without_the_last(mut self, lost: u64) -> Self {
        if lost > 0 {
            self.log_size -= lost;
            let loss = format!("the last {lost} bytes of its log were lost on its worker");
            self.note = joined([self.note, loss]);
        }
        self
    }
}

/// Remarks as one note.
pub(crate) fn joined(remarks: impl IntoIterator<Item = String>) -> String {
    let said = |remark: &String| !remark.is_empty();
    let remarks: Vec<String> = remarks.into_iter().filter(said).collect();
    remarks.join("; ")
}

/// What is printed into, by whoever has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogIdentity {
    device: u64,
    inode: u64,
}

impl LogIdentity {
    pub(crate) fn of(file: &Metadata) -> Self {
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
pub struct ExitSlip {
    file: File,
    path: PathBuf,
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
        self.path.join(format!("{SCRIPT}{suffix}"))
    }

    /// What a tenant makes its folder in.
    fn tenants(&self) -> PathBuf {
        self.path.join("tenant")
    }

    /// The script's folder, if it runs as a tenant.
    pub(crate) fn tenants_work(&self) -> PathBuf {
        self.tenants().join("work")
    }

    /// Where a tenant has the script: nobody else's file could be read by it.
    pub(crate) fn tenants_script(&self, suffix: &str) -> PathBuf {
        self.tenants_work().join(format!(".{SCRIPT}{suffix}"))
    }

    fn spec(&self) -> PathBuf {
        self.path.join(SPEC)
    }

    fn masks(&self) -> PathBuf {
        self.path.join("masks")
    }

    fn pipe(&self) -> PathBuf {
        self.path.join("pipe")
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

    /// Makes the folder, and the script's own folder in it, or what a tenant will make it in.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn create(&self, tenant: Option<&Tenant>) -> io::Result<()> {
        files::make_folder(&self.path, 0o711)?;
        match tenant {
            Some(_) => files::make_folder(&self.tenants(), 0o711),
            None => files::make_folder(&self.work(), 0o700),
        }
    }

    /// Lets a tenant make its folder, or no more.
    ///
    /// # Errors
    /// When the place for it is not ours.
    pub(crate) fn open_to_tenant(&self, open: bool) -> io::Result<()> {
        let mode = if open { 0o1733 } else { 0o711 };
        std::fs::set_permissions(self.tenants(), Permissions::from_mode(mode))
    }

    /// Keeps what must not be read in the log.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write_masks(&self, secrets: &[String]) -> io::Result<()> {
        if secrets.is_empty() {
            return Ok(());
        }
        // Before the script begins, for good: its log may be told after a power failure.
        files::write_private(&self.masks(), &to_json(&secrets)?)?.sync_all()
    }

    /// What must not be read in the log.
    ///
    /// # Errors
    /// When that cannot be read now; what is damaged stands for everything.
    pub(crate) fn read_masks(&self) -> io::Result<Masks> {
        let secrets: Option<Vec<String>> = match read_json(&self.masks()) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::error!("{error}: nothing of the log is told");
                return Ok(Masks::everything());
            }
            read => read?,
        };
        let secrets = secrets.unwrap_or_default();
        Ok(Masks::of(secrets.iter().map(String::as_str)))
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
        link(&unfinished, &self.pid())
    }

    /// Who holds the run, if anybody.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn read_claim(&self) -> io::Result<Option<Claim>> {
        read_unless_empty(&self.pid())
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
        let path = self.path.join(format!("exit.{}", std::process::id()));
        let file = files::write_private(&path, &[b' '; EXIT_BYTES])?;
        Ok(ExitSlip { file, path })
    }

    /// Writes down the end, unless there is one already; see [`RunDir::sync_end`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_exit(&self, slip: &ExitSlip, exit: &Exit) -> io::Result<Claimed> {
        let json = to_json(exit)?;
        slip.file.write_all_at(&json, 0)?;
        slip.file.set_len(json.len() as u64)?;
        let end = self.exit();
        // A power failure has left its name alone; who wrote it is gone.
        if std::fs::symlink_metadata(&end).is_ok_and(|end| end.is_file() && end.len() == 0) {
            std::fs::remove_file(&end)?;
        }
        link(&slip.path, &end)
    }

    /// Makes the end and the log survive a power failure.
    ///
    /// # Errors
    /// When they are not there, or the disk fails.
    pub(crate) fn sync_end(&self) -> io::Result<()> {
        // First what the end speaks of.
        if self.log_size() > 0 {
            files::sync(&self.log())?;
        }
        files::sync(&self.exit())?;
        files::sync_folder(&self.path)
    }

    /// How it ended, if it has and this is known. A power failure may have taken what it knew of
    /// the log; then it says so.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn read_exit(&self) -> io::Result<Option<Exit>> {
        let exit: Option<Exit> = read_unless_empty(&self.exit())?;
        Ok(exit.map(|exit| {
            let lost = exit.log_size.saturating_sub(self.log_there());
            exit.without_the_last(lost)
        }))
    }

    /// The bytes that are in the log for certain; where that cannot be told, as many as you like.
    fn log_there(&self) -> u64 {
        match std::fs::symlink_metadata(self.log()) {
            Ok(log) if log.is_file() => log.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Ok(_) | Err(_) => u64::MAX,
        }
    }

    /// Makes the log; there is none yet, as a run has one runner.
    pub(crate) fn create_log(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(0o600);
        options.open(self.log())
    }

    /// Notes what the run's processes print into.
    pub(crate) fn write_pipe(&self, pipe: &Metadata) -> io::Result<()> {
        let pipe = to_json(&LogIdentity::of(pipe))?;
        files::write_private(&self.pipe(), &pipe).map(drop)
    }

    /// What the run's processes print into; `None` before it has any.
    pub(crate) fn log_identity(&self) -> Option<LogIdentity> {
        read_unless_empty(&self.pipe()).ok().flatten()
    }

    /// The bytes in the log now; 0 while there is none.
    #[must_use]
    pub fn log_size(&self) -> u64 {
        std::fs::symlink_metadata(self.log()).map_or(0, |meta| meta.len())
    }
}

/// Gives a file its name unless that is taken. A link is made only where nothing is yet: of two,
/// one is first.
fn link(unfinished: &Path, name: &Path) -> io::Result<Claimed> {
    let linked = std::fs::hard_link(unfinished, name);
    std::fs::remove_file(unfinished)?;
    match linked {
        Ok(()) => Ok(Claimed::Ours),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Claimed::Taken),
        Err(error) => Err(error),
    }
}

fn to_json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(io::Error::from)
}

/// A power failure may leave the name of a file without its content.
fn read_unless_empty<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match files::read_if_present(path)? {
        Some(bytes) if !bytes.is_empty() => parse(path, &bytes).map(Some),
        Some(_) | None => Ok(None),
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let bytes = files::read_if_present(path)?;
    bytes.map(|bytes| parse(path, &bytes)).transpose()
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> io::Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
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
        // As a power failure may leave it: nobody is known to hold it, and nobody comes to do so.
        std::fs::write(dir.pid(), "").unwrap();
        assert_eq!(dir.read_claim().unwrap(), None);
        assert_eq!(dir.claim(&runner).unwrap(), Claimed::Taken);
        std::fs::remove_file(dir.pid()).unwrap();
        assert_eq!(dir.claim(&Claim::Denied).unwrap(), Claimed::Ours);
        assert_eq!(dir.claim(&runner).unwrap(), Claimed::Taken);
        assert_eq!(dir.read_claim().unwrap(), Some(Claim::Denied));
    }

    #[test]
    fn an_end_tells_what_of_its_log_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        let end = Exit {
            note: "said".to_owned(),
            log_size: 7,
            ..Exit::default()
        };
        dir.write_exit(&dir.reserve_exit().unwrap(), &end).unwrap();
        let read = || {
            let exit = dir.read_exit().unwrap().unwrap();
            (exit.log_size, exit.note)
        };
        let lost =
            |bytes| format!("said; the last {bytes} bytes of its log were lost on its worker");
        assert_eq!(read(), (0, lost(7)));
        std::fs::write(dir.log(), "1234").unwrap();
        assert_eq!(read(), (4, lost(3)));
        // What was left behind prints on.
        std::fs::write(dir.log(), "123456789").unwrap();
        assert_eq!(read(), (7, end.note.clone()));
    }

    #[test]
    fn an_end_is_written_where_none_is_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::new(folder.path());
        let end = |code| Exit {
            exit_code: Some(code),
            ..Exit::default()
        };
        let write = |code| {
            dir.write_exit(&dir.reserve_exit().unwrap(), &end(code))
                .unwrap()
        };
        // As a power failure may leave it.
        std::fs::write(dir.exit(), "").unwrap();
        assert_eq!(dir.read_exit().unwrap(), None);
        assert_eq!(write(7), Claimed::Ours);
        assert_eq!(write(8), Claimed::Taken);
        assert_eq!(dir.read_exit().unwrap(), Some(end(7)));
        // Not even what cannot be read.
        std::fs::write(dir.exit(), "{").unwrap();
        assert_eq!(write(9), Claimed::Taken);
        assert_eq!(std::fs::read(dir.exit()).unwrap(), b"{");
        let left = std::fs::read_dir(folder.path()).unwrap();
        assert_eq!(left.count(), 1);
    }
}
