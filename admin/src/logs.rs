//! Log bytes on their way from a worker to whoever watches.
//!
//! The writer stores a chunk, then publishes it here; a viewer subscribes, reads what is stored
//! and follows. Nobody polls the database, and a slow viewer only falls behind by himself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hera_domain::id::RunId;
use tokio::sync::broadcast;

/// Chunks that a viewer may be behind before he must read the store again.
const BEHIND: usize = 32;

/// Bytes of a log that have just been stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub offset: u64,
    pub data: Bytes,
}

/// Where the writer of logs and their viewers meet; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    runs: Arc<Mutex<HashMap<RunId, broadcast::Sender<Chunk>>>>,
}

impl Hub {
    /// Follows the log of a run from now on. Subscribe first, then read the store, so that
    /// nothing falls between the two.
    pub fn subscribe(&self, run: RunId) -> broadcast::Receiver<Chunk> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever subscribes next sweeps the runs that nobody watches any more.
        runs.retain(|_, sender| sender.receiver_count() > 0);
        runs.entry(run)
            .or_insert_with(|| broadcast::channel(BEHIND).0)
            .subscribe()
    }

    /// Tells the viewers that `data` has been stored at `offset`. Cheap when nobody watches.
    pub fn published(&self, run: RunId, offset: u64, data: Bytes) {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(viewers) = runs.get(&run) {
            // An error means that the last viewer has just left.
            drop(viewers.send(Chunk { offset, data }));
        }
    }

    /// Whether anybody watches this run (then even the middle of a huge log is worth sending).
    pub fn is_watched(&self, run: RunId) -> bool {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get(&run).is_some_and(|v| v.receiver_count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_viewer_gets_the_chunks_of_his_run_only() {
        let hub = Hub::default();
        let mut viewer = hub.subscribe(RunId(7));
        hub.published(RunId(8), 0, Bytes::from_static(b"other"));
        hub.published(RunId(7), 5, Bytes::from_static(b"mine"));
        let chunk = viewer.recv().await.unwrap();
        assert_eq!((chunk.offset, &chunk.data[..]), (5, &b"mine"[..]));
    }

    #[test]
    fn runs_that_nobody_watches_any_more_are_forgotten() {
        let hub = Hub::default();
        drop(hub.subscribe(RunId(1)));
        assert!(!hub.is_watched(RunId(1)));
        let _viewer = hub.subscribe(RunId(2));
        assert!(hub.is_watched(RunId(2)));
        assert_eq!(hub.runs.lock().unwrap().len(), 1);
    }
}
