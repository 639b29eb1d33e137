//! Writes the workers' log chunks: many runs in one transaction, then acknowledges.
//!
//! Chunks wait at most [`FLUSH`] so that a busy night costs few transactions. While the store is
//! busy, sessions stop reading (the channel is bounded), so a worker's chunks wait in its own
//! file: never in our memory.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hera_domain::id::RunId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::logs::Hub;
use crate::store::{LogAppend, Store};

/// The longest that a chunk waits for company.
const FLUSH: Duration = Duration::from_millis(50);
/// Chunks written in one transaction at most.
const BATCH: usize = 256;

/// A chunk, and who wants to know how much of the log is stored after it.
struct Pending {
    append: LogAppend,
    stored: oneshot::Sender<u64>,
}

/// The way to the writer's task.
#[derive(Debug, Clone)]
pub(crate) struct LogWriter {
    queue: mpsc::Sender<Pending>,
}

impl LogWriter {
    /// Starts the task; it ends when `stop` is cancelled.
    pub(crate) fn spawn(store: Store, hub: Hub, stop: CancellationToken) -> Self {
        let (queue, inbox) = mpsc::channel(BATCH);
        tokio::spawn(write(inbox, store, hub, stop));
        Self { queue }
    }

    /// Hands a chunk over; what comes back is the stored size of the log, once it is durable.
    /// Nothing comes back if the store did not take it: the worker sends it again.
    pub(crate) async fn append(
        &self,
        run: RunId,
        offset: u64,
        data: Bytes,
    ) -> Option<oneshot::Receiver<u64>> {
        let (stored, receipt) = oneshot::channel();
        let append = LogAppend { run, offset, data };
        self.queue.send(Pending { append, stored }).await.ok()?;
        Some(receipt)
    }
}

async fn write(
    mut inbox: mpsc::Receiver<Pending>,
    store: Store,
    hub: Hub,
    stop: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return,
            received = inbox.recv_many(&mut batch, BATCH) => received,
        };
        if received == 0 {
            return;
        }
        let full = tokio::time::sleep(FLUSH);
        tokio::pin!(full);
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            tokio::select! {
                () = &mut full => break,
                more = inbox.recv_many(&mut batch, room) => if more == 0 { break },
            }
        }
        flush(std::mem::take(&mut batch), &store, &hub).await;
    }
}

async fn flush(batch: Vec<Pending>, store: &Store, hub: &Hub) {
    let appends: Vec<LogAppend> = batch.iter().map(|pending| pending.append.clone()).collect();
    match store.append_logs(appends).await {
        Ok(sizes) => {
            let sizes: BTreeMap<RunId, u64> = sizes.into_iter().collect();
            for Pending { append, stored } in batch {
                let Some(size) = sizes.get(&append.run) else {
                    continue;
                };
                hub.published(append.run, append.offset, append.data);
                // The session may be gone: the worker asks again in its next one.
                let _ = stored.send(*size);
            }
        }
        Err(error) => {
            tracing::error!(%error, chunks = batch.len(), "log chunks were not stored; the workers will send them again");
        }
    }
}
