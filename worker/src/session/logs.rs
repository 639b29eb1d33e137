//! Ships what the scripts write, inside the window.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hera_domain::engine::RunRef;
use hera_proto::{LOG_TAIL_BYTES, v1};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::log_window::{LogWindow, Piece};
use super::{Closed, message};
use crate::files;
use crate::installation::Installation;
use crate::run::{Phase, Run};

/// How often a growing log is looked at. A shorter run sends no chunk at all: its log fits into
/// the report of its end.
const LOOK: Duration = Duration::from_millis(100);

/// For how long a log that cannot be read is tried again before its end is told without: what is
/// wanting may come free (descriptors), and a disk's fault may pass.
pub(super) const UNREADABLE: Duration = Duration::from_secs(10);

/// The first piece of a log that cannot be read, and since when.
type Failing = BTreeMap<RunRef, (i64, Instant)>;

/// The logs of one session.
#[derive(Default)]
pub(super) struct Logs {
    window: Mutex<LogWindow>,
    acknowledged: Notify,
}

impl Logs {
    /// The admin says how much of a log it has.
    pub(super) fn acknowledge(&self, installation: &Installation, key: &RunRef, size: i64) {
        self.window().acknowledge(key, size, Instant::now());
        if let Some(run) = installation.run(key) {
            run.set_log_stored(size);
            if !run.is_live() {
                installation.notify();
            }
        }
        self.acknowledged.notify_one();
    }

    fn window(&self) -> MutexGuard<'_, LogWindow> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends until the session ends.
    pub(super) async fn ship(
        &self,
        installation: &Installation,
        out: &mpsc::Sender<v1::WorkerMessage>,
    ) -> Closed {
        let mut changes = installation.changes();
        let mut last_served = None;
        let mut failing = Failing::new();
        loop {
            let mut runs: Vec<_> = installation
                .runs()
                .into_iter()
                .filter(|run| is_followed(run))
                .collect();
            let known = |key: &RunRef| runs.binary_search_by(|run| run.key.cmp(key)).is_ok();
            self.window().retain(known);
            failing.retain(|key, _| known(key));
            if runs.is_empty() {
                if changes.changed().await.is_err() {
                    return Closed;
                }
                continue;
            }
            // Whoever was served last comes last.
            let first = runs.partition_point(|run| Some(&run.key) <= last_served.as_ref());
            runs.rotate_left(first);
            match self.round(installation, runs, &mut failing, out).await {
                Ok(Some(served)) => last_served = Some(served),
                // Nothing to send, or no room: the logs are looked at again a moment later, so
                // an acknowledgement is all that is worth waking up for.
                Ok(None) => {
                    let _ = tokio::time::timeout(LOOK, self.acknowledged.notified()).await;
                }
                Err(closed) => return closed,
            }
        }
    }

    /// One piece of every log that has one; the last run that was served.
    async fn round(
        &self,
        installation: &Installation,
        runs: Vec<Arc<Run>>,
        failing: &mut Failing,
        out: &mpsc::Sender<v1::WorkerMessage>,
    ) -> Result<Option<RunRef>, Closed> {
        let sized = tokio::task::spawn_blocking(move || {
            runs.into_iter()
                .map(|run| (to_send(&run), run))
                .collect::<Vec<_>>()
        });
        let mut served = None;
        for (size, run) in sized.await.map_err(|_torn_down| Closed)? {
            let taken = self
                .window()
                .take(&run.key, run.log_stored(), size, Instant::now());
            let Some(Piece { offset, len }) = taken else {
                continue;
            };
            let data = match read(&run, offset, len).await {
                Ok(data) => data,
                Err(error) => {
                    tracing::error!(run.id = %run.key.run, "cannot read a log: {error}");
                    if fails(failing, &run, offset) {
                        installation.notify();
                    }
                    continue;
                }
            };
            if failing.get(&run.key).is_some_and(|(at, _)| *at == offset) {
                failing.remove(&run.key);
            }
            let chunk = v1::LogChunk {
                run: Some(run.key.clone().into()),
                offset,
                data,
            };
            out.send(message(v1::worker_message::Kind::LogChunk(chunk)))
                .await
                .map_err(|_closed| Closed)?;
            served = Some(run.key.clone());
        }
        Ok(served)
    }
}

/// A piece cannot be read. If this stays so, the end of a run must get through all the same.
/// Whether it has come to that.
fn fails(failing: &mut Failing, run: &Run, offset: i64) -> bool {
    let now = Instant::now();
    let (first, since) = failing.entry(run.key.clone()).or_insert((offset, now));
    if offset < *first {
        (*first, *since) = (offset, now);
    }
    let cut = !run.is_live() && since.elapsed() >= UNREADABLE;
    if cut {
        run.cut_log(u64::try_from(run.log_stored()).unwrap_or(0));
    }
    cut
}

/// Where the tail begins that the report of the end carries.
pub(super) fn tail_offset(log_size: u64) -> u64 {
    log_size.saturating_sub(LOG_TAIL_BYTES as u64)
}

/// A part of a log, complete, its secrets covered: the only way of a log out of this machine.
pub(super) async fn read(run: &Arc<Run>, offset: i64, len: usize) -> io::Result<Vec<u8>> {
    if len == 0 {
        return Ok(Vec::new());
    }
    let offset = u64::try_from(offset).map_err(io::Error::other)?;
    let run = Arc::clone(run);
    tokio::task::spawn_blocking(move || {
        let log = files::open(&run.dir.log())?;
        run.masks()?.read(&log, offset, len)
    })
    .await?
}

fn is_followed(run: &Run) -> bool {
    match run.phase() {
        Phase::Started(_) => true,
        Phase::Ended(_, ending) => below(run.log_stored(), tail_offset(ending.log_size)),
        Phase::Unread | Phase::Preparing | Phase::Accepted | Phase::Refused(_) => false,
    }
}

/// How far the log is to be sent as chunks: all of it while it grows, up to the tail afterwards.
fn to_send(run: &Run) -> i64 {
    let size = match run.phase() {
        Phase::Ended(_, ending) => tail_offset(ending.log_size),
        Phase::Started(_) => decided(run).unwrap_or_else(|error| {
            tracing::error!(run.id = %run.key.run, "cannot read a log: {error}");
            0
        }),
        Phase::Unread | Phase::Preparing | Phase::Accepted | Phase::Refused(_) => 0,
    };
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// How much of a growing log there is that nothing later can make a part of a secret.
fn decided(run: &Run) -> io::Result<u64> {
    let (masks, size) = (run.masks()?, run.dir.log_size());
    let reach = masks
        .reach()
        .min(usize::try_from(size).unwrap_or(usize::MAX));
    if reach == 0 {
        return Ok(size);
    }
    let mut end = vec![0; reach];
    files::open(&run.dir.log())?.read_exact_at(&mut end, size - reach as u64)?;
    Ok(size - masks.undecided(&end) as u64)
}

/// Whether `stored` bytes do not reach `size`.
pub(super) fn below(stored: i64, size: u64) -> bool {
    u64::try_from(stored).unwrap_or(0) < size
}
