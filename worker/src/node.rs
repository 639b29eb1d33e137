//! Who this worker is: its id, the installation it belongs to, the token by which it proves that,
//! and the highest epoch it has seen.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use hera_domain::id::Epoch;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files;

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(
        "cannot use the worker's folder {folder}: {source}; make it writable for this user or set HERA_DATA_DIR to another"
    )]
    Folder {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "another hera-worker uses the folder {0}; stop it, or give this one its own by HERA_DATA_DIR"
    )]
    Taken(PathBuf),
    #[error("{file} is not readable: {source}; mend it, or remove it to register as a new worker")]
    Unreadable {
        file: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    node_id: String,
    /// Empty until an admin has been met.
    installation: String,
    epoch: Epoch,
    /// What the installation gave it when it joined.
    #[serde(default)]
    token: Option<String>,
    /// host:port of the admins, as the latest leader told them.
    #[serde(default)]
    admins: Vec<String>,
}

/// The node file, and the right to be the only one that uses it.
pub(crate) struct Node {
    file: PathBuf,
    state: Mutex<State>,
    /// The file is behind `state`, as its disk was full when it was to be written.
    behind: AtomicBool,
    _lock: File,
}

/// Whether a command may be obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authority {
    Current,
    /// A leader with a higher epoch has been seen.
    Stale {
        known: Epoch,
    },
}

impl Node {
    /// Opens the node of this folder, or makes it.
    pub(crate) fn open(folder: &Path) -> Result<Self, NodeError> {
        let unusable = |source| NodeError::Folder {
            folder: folder.to_owned(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let lock = File::create(folder.join("worker.lock")).map_err(unusable)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => NodeError::Taken(folder.to_owned()),
            TryLockError::Error(source) => unusable(source),
        })?;
        let file = folder.join("worker.json");
        let found = files::read_if_present(&file).map_err(unusable)?;
        let is_new = found.is_none();
        let state = match found {
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|source| NodeError::Unreadable {
                    file: file.clone(),
                    source,
                })?
            }
            None => State {
                node_id: Uuid::new_v4().to_string(),
                installation: String::new(),
                epoch: Epoch(0),
                token: None,
                admins: Vec::new(),
            },
        };
        let node = Self {
            file,
            state: Mutex::new(state),
            // What is there already needs no room on a full disk.
            behind: AtomicBool::new(is_new),
            _lock: lock,
        };
        node.save().map_err(unusable)?;
        Ok(node)
    }

    pub(crate) fn id(&self) -> String {
        self.read(|state| state.node_id.clone())
    }

    pub(crate) fn installation(&self) -> String {
        self.read(|state| state.installation.clone())
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.read(|state| state.epoch)
    }

    /// Belongs to `installation` from now on. Epochs of different installations do not compare.
    pub(crate) fn join(&self, installation: &str) -> io::Result<()> {
        self.change(|state| {
            if state.installation != installation {
                installation.clone_into(&mut state.installation);
                state.epoch = Epoch(0);
                state.token = None;
                state.admins.clear();
            }
        })
    }

    /// Takes note of the epoch that a message carries and says whether it is the highest one.
    ///
    /// A full disk does not make a worker disobey, least of all a cancel that frees it: the epoch
    /// is kept in memory then, and written with the next message.
    pub(crate) fn observe(&self, epoch: Epoch) -> Authority {
        let known = self.epoch();
        if epoch < known {
            return Authority::Stale { known };
        }
        self.note(|state| state.epoch = epoch);
        Authority::Current
    }

    /// By which this worker proves who it is; nothing before it has joined.
    pub(crate) fn token(&self) -> Option<String> {
        self.read(|state| state.token.clone())
    }

    /// Keeps the token that the installation gave. It must be on disk before it is shown: from
    /// its first use on, nothing else lets this worker in.
    pub(crate) fn keep_token(&self, token: String) -> io::Result<()> {
        let before = self.token();
        let kept = self.change(|state| state.token = Some(token));
        if kept.is_err() {
            self.note(|state| state.token = before);
        }
        kept
    }

    /// The admins that a leader has told of.
    pub(crate) fn admins(&self) -> Vec<String> {
        self.read(|state| state.admins.clone())
    }

    pub(crate) fn remember_admins(&self, admins: Vec<String>) {
        self.note(|state| state.admins = admins);
    }

    /// Changes what must hold even while it cannot be written.
    fn note(&self, change: impl FnOnce(&mut State)) {
        if let Err(error) = self.change(change) {
            tracing::error!("{} cannot be written: {error}", self.file.display());
        }
    }

    fn read<T>(&self, of: impl FnOnce(&State) -> T) -> T {
        of(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.clone();
        change(&mut state);
        if *state != before {
            self.behind.store(true, Ordering::Relaxed);
        }
        drop(state);
        self.save()
    }

    fn save(&self) -> io::Result<()> {
        if !self.behind.load(Ordering::Relaxed) {
            return Ok(());
        }
        let json = self.read(serde_json::to_vec_pretty)?;
        files::replace(&self.file, &json)?;
        self.behind.store(false, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_id_and_what_it_has_seen() {
        let folder = tempfile::tempdir().unwrap();
        let first = Node::open(folder.path()).unwrap();
        first.join("one").unwrap();
        assert_eq!(first.observe(Epoch(7)), Authority::Current);
        let id = first.id();
        drop(first);
        let again = Node::open(folder.path()).unwrap();
        assert_eq!(again.id(), id);
        let stale = Authority::Stale { known: Epoch(7) };
        assert_eq!(again.observe(Epoch(6)), stale);
        again.join("two").unwrap();
        assert_eq!(again.observe(Epoch(1)), Authority::Current);
    }

    #[test]
    fn a_token_is_kept_for_one_installation_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let first = Node::open(folder.path()).unwrap();
        first.join("one").unwrap();
        first.keep_token("mine".into()).unwrap();
        drop(first);
        let again = Node::open(folder.path()).unwrap();
        assert_eq!(again.token().as_deref(), Some("mine"));
        let file = folder.path().join("worker.json");
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
        again.join("two").unwrap();
        assert_eq!(again.token(), None);
    }

    #[test]
    fn a_token_that_cannot_be_written_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::open(folder.path()).unwrap();
        let file = folder.path().join("worker.json");
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        node.keep_token("mine".into()).unwrap_err();
        assert_eq!(node.token(), None);
    }

    #[test]
    fn a_node_file_of_an_earlier_release_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"node_id": "n", "installation": "one", "epoch": 3}"#;
        std::fs::write(folder.path().join("worker.json"), text).unwrap();
        let node = Node::open(folder.path()).unwrap();
        assert_eq!((node.epoch(), node.token()), (Epoch(3), None));
    }

    #[test]
    fn two_workers_never_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Node::open(folder.path()).unwrap();
        let second = Node::open(folder.path()).err().unwrap();
        assert!(second.to_string().contains("another hera-worker"));
    }

    #[test]
    fn an_epoch_that_could_not_be_written_counts_and_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::open(folder.path()).unwrap();
        // Nothing can be renamed onto a folder.
        let file = folder.path().join("worker.json");
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert_eq!(node.observe(Epoch(7)), Authority::Current);
        let stale = Authority::Stale { known: Epoch(7) };
        assert_eq!(node.observe(Epoch(6)), stale);
        std::fs::remove_dir(&file).unwrap();
        assert_eq!(node.observe(Epoch(7)), Authority::Current);
        drop(node);
        assert_eq!(Node::open(folder.path()).unwrap().epoch(), Epoch(7));
    }
}
