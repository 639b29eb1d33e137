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

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
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

/// What the file says. It is written over in place, so that a full disk cannot keep a worker from
/// its contact; who reads it meanwhile may see the one half of before and the other of after.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Empty while nobody has answered.
    boot_id: String,
    since_boot_ms: u64,
    /// The same once more: where the two differ, only half of it is new.
    #[serde(default)]
    again: Option<u64>,
}

/// Room for a [`Kept`]: it never grows.
const KEPT_BYTES: usize = 256;

impl Kept {
    fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.resize(KEPT_BYTES, b' ');
        Ok(bytes)
    }
}

/// How long a runner waits beyond the worker, which kills first if it is there.
const WORKER_FIRST: Duration = Duration::from_secs(1);

/// What the runner of a fenced run goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The file that says when a leader last answered the worker.
    contact: PathBuf,
    patience_ms: u64,
    /// When one had done so as the run was prepared.
    #[serde(default)]
    known_ms: Option<u64>,
}

impl Fence {
    /// What is known of contact before the file has been read.
    pub(crate) fn known(&self) -> Instant {
        self.known_ms.map_or_else(now, Duration::from_millis)
    }

    /// How long until everything must end; `None` if that is now. `known` is the latest contact
    /// that is known; it stands while the file cannot be read.
    pub(crate) fn left(&self, known: &mut Instant) -> Option<Duration> {
        let kept = process::boot_id().and_then(|boot_id| read(&self.contact, &boot_id));
        if let Ok(Some(kept)) = kept {
            *known = kept.min(now()).max(*known);
        }
        let patience = Duration::from_millis(self.patience_ms);
        let left = (*known + patience).checked_sub(now());
        left.filter(|left| !left.is_zero())
    }
}

/// When a leader last answered, as far as that is known of this start of the machine.
fn read(file: &Path, boot_id: &str) -> io::Result<Option<Instant>> {
    let Some(bytes) = files::read_if_present(file)? else {
        return Ok(None);
    };
    let damaged = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    // Earlier releases replaced the file.
    if kept.again.is_some_and(|again| again != kept.since_boot_ms) {
        return Err(damaged("it is being written".to_owned()));
    }
    let of_this_start = kept.boot_id == boot_id;
    Ok(of_this_start.then(|| Duration::from_millis(kept.since_boot_ms)))
}

/// See the module.
pub(crate) struct Contact {
    path: PathBuf,
    file: File,
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
    /// whose machine was started since, has no run to fence: it begins now. If what was known
    /// cannot be told any more, it may have been long ago.
    pub(crate) fn open(folder: &Path, patience: Duration) -> io::Result<Self> {
        let path = folder.join(FILE);
        let boot_id = process::boot_id()?;
        let kept = match read(&path, &boot_id) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::warn!("{} is damaged: {error}", path.display());
                Some(Duration::ZERO)
            }
            read => read?,
        };
        let contact = Self {
            file: files::open_private(&path)?,
            path,
            boot_id,
            state: Mutex::new(State {
                last: kept.unwrap_or_else(now).min(now()),
                patience,
                awaited: Vec::new(),
            }),
        };
        // All the room that it will ever need; runners may be reading.
        contact.keep(kept)?;
        Ok(contact)
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
        if let Err(error) = self.keep(Some(sent)) {
            tracing::error!("{} cannot be written: {error}", self.path.display());
        }
    }

    /// What the runner of a run that begins now goes by.
    pub(crate) fn fence_of_run(&self) -> Fence {
        let state = self.lock();
        let (patience, last) = (state.patience, state.last);
        drop(state);
        let patience = patience + WORKER_FIRST.min(patience / 10);
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Fence {
            contact: self.path.clone(),
            patience_ms: ms(patience),
            known_ms: Some(ms(last)),
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

    /// Not synced: a power failure ends every run with it.
    fn keep(&self, last: Option<Instant>) -> io::Result<()> {
        let ms = last.unwrap_or_default().as_millis();
        let since_boot_ms = u64::try_from(ms).unwrap_or(u64::MAX);
        let boot_id = last.map_or_else(String::new, |_| self.boot_id.clone());
        let kept = Kept {
            boot_id,
            since_boot_ms,
            again: Some(since_boot_ms),
        };
        self.file.write_all_at(&kept.to_bytes()?, 0)?;
        // One of an earlier release may have been longer or shorter.
        self.file.set_len(KEPT_BYTES as u64)
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
    fn what_is_half_written_is_not_taken_for_contact_nor_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let contact = Contact::open(folder.path(), HOUR).unwrap();
        let boot_id = contact.boot_id.clone();
        let file = folder.path().join(FILE);
        let kept = || std::fs::read(&file).unwrap();
        let none = kept();
        assert_eq!(read(&file, &boot_id).unwrap(), None);
        let (before, after) = (Duration::from_millis(9_999), Duration::from_millis(10_234));
        contact.keep(Some(before)).unwrap();
        let old = kept();
        contact.keep(Some(after)).unwrap();
        let new = kept();
        assert!([none.len(), old.len(), new.len()] == [KEPT_BYTES; 3]);
        for (old, new) in [(&none, &old), (&old, &new), (&new, &old)] {
            for at in 0..KEPT_BYTES {
                std::fs::write(&file, [&new[..at], &old[at..]].concat()).unwrap();
                let whole = [None, Some(before), Some(after)];
                if let Ok(told) = read(&file, &boot_id) {
                    assert!(whole.contains(&told), "{told:?} at {at}");
                }
            }
        }
    }

    #[test]
    fn a_runner_goes_by_what_it_knows_while_the_file_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let contact = Contact::open(folder.path(), HOUR).unwrap();
        let fence = contact.fence_of_run();
        let mut known = fence.known();
        assert_eq!(known.as_millis(), last(&contact).as_millis());
        let later = known + Duration::from_millis(1);
        contact.keep(Some(later)).unwrap();
        std::thread::yield_now();
        assert!(fence.left(&mut known).is_some());
        let read = known;
        for damage in ["", "{", "nonsense"] {
            std::fs::write(folder.path().join(FILE), damage).unwrap();
            assert!(fence.left(&mut known).is_some(), "{damage}");
            assert_eq!(known, read);
        }
        // The next worker cannot know how long ago it was.
        let again = Contact::open(folder.path(), HOUR).unwrap();
        assert_eq!(last(&again), Duration::ZERO);
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
