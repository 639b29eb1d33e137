//! What reaches the loop.

use std::sync::Arc;

use hera_domain::engine::{Load, RunRef, WorkerEvent};
use hera_domain::id::WorkerId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::command::Request;
use crate::store::LogTail;

/// One entry of the loop's inbox.
#[derive(Debug)]
pub(crate) enum Message {
    Command(Request),
    Worker(WorkerMessage),
}

/// Something a worker's session brought.
#[derive(Debug)]
pub(crate) struct WorkerMessage {
    pub(crate) worker: WorkerId,
    /// Sessions are numbered; only the newest of a worker is listened to.
    pub(crate) session: SessionNumber,
    pub(crate) report: Report,
}

/// The number of a session in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionNumber(pub(crate) u64);

/// What it brought.
#[derive(Debug)]
pub(crate) enum Report {
    /// A new session and the way to write to it.
    Open(Arc<Opened>),
    Event(WorkerEvent),
    /// A sign of life, answered by its number.
    Heartbeat {
        number: u64,
        load: Load,
    },
    /// A run's end with the last part of its log.
    Finished {
        event: WorkerEvent,
        tail: LogTail,
    },
}

/// A session that has just been opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) hello: hera_domain::engine::WorkerHello,
    pub(crate) version: String,
    /// The hash of the token that opened it.
    pub(crate) token: String,
    pub(crate) out: mpsc::Sender<ToWorker>,
    /// Ends the session from our side.
    pub(crate) close: CancellationToken,
}

/// A message on its way to a worker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ToWorker {
    Start(Box<hera_proto::v1::Start>),
    Cancel(RunRef),
    Ack(RunRef),
    Discard(RunRef),
    /// The heartbeat of this number was taken by a leader inside its lease.
    Contact(u64),
}
