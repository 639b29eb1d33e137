//! Scripts as another user: the team's own, reached by `sudo -n -u`.
//!
//! `sudo` hands on three descriptors and almost no environment. What the tenant must know
//! therefore goes through its standard input, a socket: the script, its environment (secrets come
//! this way, never through a file that others read), what to signal. On its other side stands
//! `hera-run tenant` ([`inside`]), which answers there and becomes the script.

pub mod inside;
mod question;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use nix::unistd::{User, geteuid};
use serde::{Deserialize, Serialize};

use crate::limits::Limits;
pub(crate) use question::Asker;

/// The argument of hera-run that makes it work for a tenant.
pub const ARGUMENT: &str = "tenant";

/// The program that makes one user another.
pub(crate) const SUDO: &str = "sudo";

/// How long sudo and what it asks (PAM, a directory of users) may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Why scripts of a team cannot run here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TenantError {
    #[error("the job's team has no name to run as; set hera.sudoUser: false to run as {0}")]
    NoTeam(String),
    #[error(
        "this worker has no user {0:?}, as which the team's scripts run; create it (useradd {0}), or set hera.sudoUser: false"
    )]
    NoUser(String),
    #[error("scripts never run as {0:?}, because that is root; rename the team")]
    Root(String),
    #[error("this worker cannot look up users: {0}")]
    Lookup(#[from] nix::Error),
}

/// The user that a run's processes belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    user: String,
    /// Its number; older specs do not tell it.
    #[serde(default)]
    uid: Option<u32>,
    /// `hera-run`.
    helper: PathBuf,
}

/// What a tenant's helper is asked for.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    Run(Box<Birth>),
    /// Who carries this in the environment.
    Carriers(String),
    Signal(BTreeMap<i32, u64>, i32),
    /// Remove all that is in this folder.
    Empty(PathBuf),
}

/// A script that is to be run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Birth {
    /// The script's folder, which is made.
    pub(crate) work: PathBuf,
    /// Its file, inside.
    pub(crate) script: PathBuf,
    pub(crate) text: String,
    pub(crate) command: Vec<String>,
    pub(crate) env_files: Vec<PathBuf>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) limits: Limits,
}

/// What it says before it has become the script, or instead.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    /// The folder is there; the script comes next.
    Ready,
    Failed(String),
    Carriers(Vec<i32>),
    Done,
}

impl Tenant {
    /// The user of a team; `None` if that is who this worker is anyway.
    pub(crate) fn of_team(team: &str, helper: &Path) -> Result<Option<Self>, TenantError> {
        if team.is_empty() {
            return Err(TenantError::NoTeam(own_name()));
        }
        // sudo reads "#0" as a number.
        let found = User::from_name(team)?.filter(|user| user.name == team);
        let user = found.ok_or_else(|| TenantError::NoUser(team.to_owned()))?;
        if user.uid == geteuid() && !user.uid.is_root() {
            return Ok(None);
        }
        if user.uid.is_root() {
            return Err(TenantError::Root(user.name));
        }
        Ok(Some(Self {
            user: user.name,
            uid: Some(user.uid.as_raw()),
            helper: helper.to_owned(),
        }))
    }

    #[cfg(test)]
    pub(crate) fn with_uid(uid: u32) -> Self {
        Self {
            user: String::new(),
            uid: Some(uid),
            helper: PathBuf::new(),
        }
    }

    fn uid(&self) -> Option<u32> {
        let by_name = || User::from_name(&self.user).ok().flatten();
        self.uid.or_else(|| by_name().map(|user| user.uid.as_raw()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(SUDO);
        command
            .args(["-n", "-u", &self.user, "--"])
            .arg(&self.helper)
            .arg(ARGUMENT)
            // sudo writes into its log where it was started, and others of the tenant's user see
            // where the helper is: the name of a run's folder is nobody's business.
            .current_dir("/");
        command
    }

    /// Starts the helper with a request; what it answers comes through the socket.
    fn ask(
        &self,
        request: &Request,
        patience: Duration,
        prepare: impl FnOnce(&mut Command),
    ) -> io::Result<(Child, UnixStream)> {
        let (mut ours, theirs) = UnixStream::pair()?;
        let mut command = self.command();
        prepare(&mut command);
        let child = command.stdin(OwnedFd::from(theirs)).spawn()?;
        // It holds the other end, and would keep us waiting for ever.
        drop(command);
        // Zero would mean for ever.
        let patience = Some(patience.max(Duration::from_millis(1)));
        ours.set_read_timeout(patience)?;
        ours.set_write_timeout(patience)?;
        // If sudo refuses, nobody reads: the silence that follows tells.
        let sent = ours.write_all(&serde_json::to_vec(request)?);
        let _ = sent.and_then(|()| ours.shutdown(Shutdown::Write));
        Ok((child, ours))
    }

    /// Runs a script with `log` for its output; the process is sudo's, which ends as the script
    /// does. The tenant has made its folder then, or never will: who is late finds nobody to answer.
    pub(crate) fn run(
        &self,
        birth: Birth,
        log: (File, File),
        patience: Duration,
    ) -> Result<Child, Unborn> {
        let request = Request::Run(Box::new(birth));
        let asked = self.ask(&request, patience, |command| {
            use std::os::unix::process::CommandExt;
            command.stdout(log.0).stderr(log.1).process_group(0);
        });
        let (child, socket) = asked.map_err(Unborn::NoSudo)?;
        // The only one: sudo keeps the socket open, so that its end would tell nothing.
        match answer(&mut io::BufReader::new(socket)) {
            Ok(Some(Answer::Ready)) => Ok(child),
            Ok(Some(Answer::Failed(why))) => Err(Unborn::Failed(why)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(Unborn::Late(self.silence(patience)))
            }
            Ok(Some(Answer::Carriers(_) | Answer::Done) | None) | Err(_) => {
                Err(Unborn::Refused(child))
            }
        }
    }

    /// What sudo has said, and what to do about it.
    pub(crate) fn refusal(&self, said: &[u8]) -> String {
        let said = String::from_utf8_lossy(said);
        let said = said.lines().next().unwrap_or("nothing").trim();
        let (user, own, helper) = (&self.user, own_name(), self.helper.display());
        format!(
            "sudo does not run scripts as {user} (it says {said:?}); put {helper} where {user} can reach it, and allow it by a line in /etc/sudoers.d: {own} ALL=({user}) NOPASSWD: {helper} {ARGUMENT}"
        )
    }
}

/// Why a tenant's script has not begun.
#[derive(Debug)]
pub(crate) enum Unborn {
    NoSudo(io::Error),
    /// By sudo, whose process this is.
    Refused(Child),
    /// Sudo hangs; what to say of that.
    Late(String),
    Failed(String),
}

/// The name of the user that this program runs as.
pub(crate) fn own_name() -> String {
    let uid = geteuid();
    let user = User::from_uid(uid).ok().flatten();
    user.map_or_else(|| format!("#{uid}"), |user| user.name)
}

/// The next answer; `None` once the other side is gone.
fn answer(from: &mut impl BufRead) -> io::Result<Option<Answer>> {
    const LONGEST: u64 = 4 << 20;
    let mut line = Vec::new();
    from.take(LONGEST).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&line)
        .map(Some)
        .map_err(io::Error::from)
}
