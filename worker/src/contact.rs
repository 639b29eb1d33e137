//! When a leader was last known to lead and to hear this worker, and what ends when that is too
//! long ago.
//!
//! A fenced run may be started on another worker as soon as this one has been silent for
//! `workerLost`; it must be gone by then. So contact is counted from the moment a heartbeat was
//! *sent* whose answer came back: the leader was inside its lease after that moment, and however
//! late the answer arrives, nobody can have waited for this worker since before it. The clock goes
//! on while the machine sleeps. The moment is kept in a file, so that a worker that is started
//! again counts on where the one before it was, and the runner of a fenced run reads it, for the
//! case that the worker itself is gone.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::files;
use crate::installation::Installation;
use crate::process;

/// How often fenced runs are looked for while there is no contact.
const LOOK: Duration = Duration::from_secs(1);

/// Heartbeats whose answers are awaited; older ones are forgotten.
const AWAITED: usize = 64;

/// The file beside the folders of the installations.
const FILE: &str = "contact.json";

/// Time since the machine was started, sleep included.
pub(crate) type Instant = Duration;

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    boot_id: String,
    since_boot_ms: u64,
}

/// How long a runner waits beyond the worker, which kills first if it is there.
const WORKER_FIRST: Duration = Duration::from_secs(1);

/// What the runner of a fenced run goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The file that says when a leader last answered the worker.
    contact: PathBuf,
    patience_ms: u64,
}

impl Fence {
    /// How long until everything must end; `None` if that is now. A worker that has not been
    /// answered yet at all has had contact when the run began.
    pub(crate) fn left(&self, begun: Instant) -> Option<Duration> {
        let kept = process::boot_id().and_then(|boot_id| read(&self.contact, &boot_id));
        let last = kept.ok().flatten().unwrap_or(begun).min(now());
        let patience = Duration::from_millis(self.patience_ms);
        let left = (last + patience).checked_sub(now());
        left.filter(|left| !left.is_zero())
    }
}

/// When a leader last answered, as far as that is known of this start of the machine.
fn read(file: &Path, boot_id: &str) -> io::Result<Option<Instant>> {
    let kept = files::read_if_present(file)?;
    // Half a file is none: it is written with every answer and is no promise.
    let kept = kept.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    let kept = kept.filter(|kept| kept.boot_id == boot_id);
    Ok(kept.map(|kept| Duration::from_millis(kept.since_boot_ms)))
}

/// See the module.
pub(crate) struct Contact {
    file: PathBuf,
    boot_id: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the latest answered heartbeat was sent.
    last: Instant,
    patience: Duration,
    /// Heartbeats of the present session, with when they were sent.
    awaited: Vec<(u64, Instant)>,
}

impl Contact {
    /// Goes on from what the worker before this one knew. A worker that has never had contact, or
    /// whose machine was started since, has no run to fence: it begins now.
    pub(crate) fn open(folder: &Path, patience: Duration) -> io::Result<Self> {
        let file = folder.join(FILE);
        let boot_id = process::boot_id()?;
        let last = read(&file, &boot_id)?.unwrap_or_else(now);
        let state = State {
            last: last.min(now()),
            patience,
            awaited: Vec::new(),
        };
        Ok(Self {
            file,
            boot_id,
            state: Mutex::new(state),
        })
    }

    /// A session has begun: what earlier ones did not answer is not answered any more. The
    /// installation's patience holds if it is shorter than this worker's own.
    pub(crate) fn welcomed(&self, patience_ms: u32) {
        let mut state = self.lock();
        state.awaited.clear();
        if patience_ms > 0 {
            let told = Duration::from_millis(patience_ms.into());
            state.patience = state.patience.min(told);
        }
    }

    /// A heartbeat is about to be sent.
    pub(crate) fn asks(&self, heartbeat: u64) {
        let mut state = self.lock();
        if state.awaited.len() >= AWAITED {
            state.awaited.remove(0);
        }
        state.awaited.push((heartbeat, now()));
    }

    /// The leader has answered a heartbeat.
    pub(crate) fn answered(&self, heartbeat: u64) {
        let mut state = self.lock();
        let Some(at) = state.awaited.iter().position(|(n, _)| *n == heartbeat) else {
            return;
        };
        let answered = state.awaited.drain(..=at).next_back();
        let Some((_, sent)) = answered.filter(|(_, sent)| *sent > state.last) else {
            return;
        };
        state.last = sent;
        drop(state);
        if let Err(error) = self.keep(sent) {
            tracing::error!("{} cannot be written: {error}", self.file.display());
        }
    }

    /// What the runner of a run that begins now goes by.
    pub(crate) fn fence_of_run(&self) -> Fence {
        let patience = self.lock().patience;
        let patience = patience + WORKER_FIRST.min(patience / 10);
        Fence {
            contact: self.file.clone(),
            patience_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Whether a leader has answered recently enough to act on what one says.
    pub(crate) fn holds(&self) -> bool {
        self.left().is_some()
    }

    /// How long until fenced runs must end; `None` if that is now.
    fn left(&self) -> Option<Duration> {
        let state = self.lock();
        let left = (state.last + state.patience).checked_sub(now());
        left.filter(|left| !left.is_zero())
    }

    /// Ends fenced runs whenever there has been no contact for too long.
    pub(crate) async fn fence(&self, installation: watch::Receiver<Arc<Installation>>) {
        loop {
            if let Some(left) = self.left() {
                tokio::time::sleep(left.min(LOOK)).await;
                continue;
            }
            let fenced = installation.borrow().fence();
            if fenced > 0 {
                tracing::warn!(
                    runs = fenced,
                    "no leader has answered for too long: ending the runs that may be started elsewhere"
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn keep(&self, last: Instant) -> io::Result<()> {
        let kept = Kept {
            boot_id: self.boot_id.clone(),
            since_boot_ms: u64::try_from(last.as_millis()).unwrap_or(u64::MAX),
        };
        // Not synced: a power failure ends every run with it.
        let unfinished = self.file.with_extension("new");
        files::write_private(&unfinished, &serde_json::to_vec(&kept)?)?;
        std::fs::rename(&unfinished, &self.file)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn now() -> Instant {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has this clock");
    time.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn last(contact: &Contact) -> Instant {
        contact.lock().last
    }

    #[test]
    fn contact_is_when_the_answered_heartbeat_was_sent_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let contact = Contact::open(folder.path(), HOUR).unwrap();
        let began = last(&contact);
        contact.welcomed(0);
        contact.asks(1);
        let sent = contact.lock().awaited[0].1;
        contact.asks(2);
        assert_eq!(last(&contact), began, "nobody has answered yet");
        contact.answered(1);
        assert_eq!(last(&contact), sent);
        let again = Contact::open(folder.path(), HOUR).unwrap();
        assert_eq!(last(&again).as_millis(), sent.as_millis());
    }

    #[test]
    fn answers_of_an_earlier_session_or_twice_are_no_contact() {
        let folder = tempfile::tempdir().unwrap();
        let contact = Contact::open(folder.path(), HOUR).unwrap();
        contact.asks(1);
        contact.welcomed(0);
        let began = last(&contact);
        contact.answered(1);
        assert_eq!(last(&contact), began);
        contact.asks(1);
        contact.asks(2);
        contact.answered(2);
        let second = last(&contact);
        contact.answered(1);
        assert_eq!(last(&contact), second, "an older one says nothing new");
    }

    #[test]
    fn the_shorter_patience_holds() {
        let folder = tempfile::tempdir().unwrap();
        let contact = Contact::open(folder.path(), HOUR).unwrap();
        assert!(contact.left().is_some());
        contact.welcomed(1);
        std::thread::yield_now();
        contact.lock().last = Duration::ZERO;
        assert_eq!(contact.left(), None);
    }
}
