//! What a tenant's helper is asked for and answers at once, unless sudo hangs: what it asks (PAM, a
//! directory of users) may be out of reach. Nothing here waits for that without end. The process of
//! a late sudo is waited for aside; what it was told to signal, it signals when it gets there.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use super::{Answer, PATIENCE, Request, Tenant, answer};

/// How long a look for processes, or a signal to them, waits for sudo.
const LOOK: Duration = Duration::from_secs(5);

/// Asks a tenant about one run.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    tenant: Tenant,
    late: Arc<Mutex<BTreeMap<Topic, i32>>>,
}

/// What a late sudo was started for; no two of one topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Carriers,
    Signal(i32),
}

impl Asker {
    pub(crate) fn new(tenant: Tenant) -> Self {
        let late = Arc::default();
        Self { tenant, late }
    }

    /// The sudos that have not ended in time.
    pub(crate) fn late(&self) -> Vec<i32> {
        self.lock().values().copied().collect()
    }

    /// The processes that carry this assignment; `None` if nobody can tell.
    pub(crate) fn carriers(&self, assignment: &str) -> Option<Vec<i32>> {
        if !self.late().is_empty() {
            return None;
        }
        let request = Request::Carriers(assignment.to_owned());
        match self.ask(Topic::Carriers, &request) {
            Ok(Answer::Carriers(pids)) => Some(pids),
            Ok(Answer::Ready | Answer::Failed(_) | Answer::Done) => None,
            Err(error) => {
                tracing::error!("cannot look for processes of {}: {error}", self.tenant.user);
                None
            }
        }
    }

    /// Those of these processes that are the tenant's: what speaks as the tenant may say anything.
    pub(crate) fn own(&self, mut pids: Vec<i32>) -> Vec<i32> {
        let uid = self.tenant.uid().filter(|_| !pids.is_empty());
        pids.retain(|pid| {
            let owner = std::fs::metadata(format!("/proc/{pid}")).map(|process| process.uid());
            owner.is_ok_and(|owner| Some(owner) == uid)
        });
        pids
    }

    pub(crate) fn signal(&self, targets: &BTreeMap<i32, u64>, signal: Signal) {
        let topic = Topic::Signal(signal.as_raw());
        if targets.is_empty() || self.lock().contains_key(&topic) {
            return;
        }
        let request = Request::Signal(targets.clone(), signal.as_raw());
        if let Err(error) = self.ask(topic, &request) {
            tracing::error!("cannot signal processes of {}: {error}", self.tenant.user);
        }
    }

    /// While one is late, the next are started and not waited for.
    fn ask(&self, topic: Topic, request: &Request) -> io::Result<Answer> {
        let patience = if self.late().is_empty() {
            LOOK
        } else {
            Duration::ZERO
        };
        let asked = self.tenant.question(request, patience)?;
        if let Some(sudo) = asked.late {
            if let Ok(pid) = i32::try_from(sudo.id()) {
                self.lock().insert(topic, pid);
            }
            let late = Arc::clone(&self.late);
            reap_aside(sudo, move || {
                late.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&topic);
            });
        }
        asked.answer
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Topic, i32>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has come of a question.
struct Asked {
    answer: io::Result<Answer>,
    /// Sudo, if it has not ended in time.
    late: Option<Child>,
}

impl Tenant {
    /// Removes what is in a folder of the tenant's.
    pub(crate) fn empty(&self, folder: &Path) -> io::Result<()> {
        let asked = self.question(&Request::Empty(folder.to_owned()), PATIENCE)?;
        if let Some(sudo) = asked.late {
            reap_aside(sudo, || {});
        }
        asked.answer.map(drop)
    }

    fn question(&self, request: &Request, patience: Duration) -> io::Result<Asked> {
        let end = Instant::now() + patience;
        let (said, stderr) = UnixStream::pair()?;
        let (mut child, socket) = self.ask(request, patience, |command| {
            command.stdout(Stdio::null()).stderr(OwnedFd::from(stderr));
        })?;
        let answered = if patience.is_zero() {
            Ok(Some(Answer::Done))
        } else {
            answer(&mut BufReader::new(socket))
        };
        let late = if ends_before(&child, end).unwrap_or(false) {
            child.wait()?;
            None
        } else {
            Some(child)
        };
        let answer = match answered {
            Ok(Some(Answer::Failed(why))) => Err(io::Error::other(why)),
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(io::Error::other(self.refusal(&heard(&said)))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::Error::other(self.silence(patience)))
            }
            Err(error) => Err(error),
        };
        Ok(Asked { answer, late })
    }

    /// What to say of a sudo that hangs.
    pub(crate) fn silence(&self, patience: Duration) -> String {
        format!(
            "sudo -u {} has not answered for {} s; see what it waits for on this worker (PAM, a directory of users)",
            self.user,
            patience.as_secs()
        )
    }
}

/// What has been said so far; whoever holds the other end is not waited for.
fn heard(mut said: &UnixStream) -> Vec<u8> {
    let mut text = vec![0; 4096];
    let read = said
        .set_nonblocking(true)
        .and_then(|()| said.read(&mut text));
    text.truncate(read.unwrap_or(0));
    text
}

/// Whether the child ends before this.
fn ends_before(child: &Child, end: Instant) -> io::Result<bool> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("a process has no number"))?;
    let ended = pidfd_open(pid, PidfdFlags::empty())?;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut descriptors = [PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
        match poll(&mut descriptors, wait) {
            Ok(ended) => return Ok(ended > 0),
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits for a process in a thread of its own, then calls `ended`.
fn reap_aside(mut child: Child, ended: impl FnOnce() + Send + 'static) {
    let reap = move || {
        // A runner may have reaped it as one of its own children.
        let _ = child.wait();
        ended();
    };
    let reaper = std::thread::Builder::new().name("sudo".to_owned());
    if let Err(error) = reaper.spawn(reap) {
        tracing::error!("cannot wait for a late sudo: {error}");
    }
}
