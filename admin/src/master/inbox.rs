//! What reaches the loop, and how a command's answer finds its way back.

use std::sync::Arc;

use hera_domain::engine::{Load, RunRef, VersionView, WorkerEvent};
use hera_domain::id::{CalendarId, GroupId, JobId, WorkerId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::handle::{Command, CommandError, Saved, Triggered};
use crate::store::LogTail;

/// One entry of the loop's inbox.
#[derive(Debug)]
pub(crate) enum Message {
    Command(Command),
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
    Drain(bool),
}

/// The answer to a command, of the type that the command expects.
#[derive(Debug)]
pub(super) enum Reply {
    Job(Result<Saved<JobId>, CommandError>),
    Group(Result<Saved<GroupId>, CommandError>),
    Calendar(Result<Saved<CalendarId>, CommandError>),
    Jobs(Result<Vec<JobId>, CommandError>),
    Triggered(Result<Triggered, CommandError>),
    Versions(Result<Vec<VersionView>, CommandError>),
    Unit(Result<(), CommandError>),
}

impl Command {
    /// Sends the answer back; a caller that no longer waits is no loss.
    pub(super) fn answer(self, reply: Reply) {
        match (self, reply) {
            (Self::SaveJob(.., answer), Reply::Job(result)) => drop(answer.send(result)),
            (Self::SaveGroup(.., answer), Reply::Group(result)) => drop(answer.send(result)),
            (Self::SaveCalendar(.., answer), Reply::Calendar(result)) => {
                drop(answer.send(result));
            }
            (Self::Switch(.., answer), Reply::Jobs(result)) => drop(answer.send(result)),
            (Self::Trigger(.., answer), Reply::Triggered(result)) => drop(answer.send(result)),
            (Self::Inquire(.., answer), Reply::Versions(result)) => drop(answer.send(result)),
            (
                Self::DeleteJob(.., answer)
                | Self::DeleteGroup(.., answer)
                | Self::DeleteCalendar(.., answer)
                | Self::Cancel(.., answer)
                | Self::CancelAll(.., answer)
                | Self::SetAccepting(.., answer),
                Reply::Unit(result),
            ) => drop(answer.send(result)),
            (command, reply) => {
                tracing::error!(?command, ?reply, "a command met an answer of another kind");
            }
        }
    }

    /// Answers that nothing was done, because of `error`.
    pub(super) fn refuse(self, error: CommandError) {
        let reply = match self {
            Self::SaveJob(..) => Reply::Job(Err(error)),
            Self::SaveGroup(..) => Reply::Group(Err(error)),
            Self::SaveCalendar(..) => Reply::Calendar(Err(error)),
            Self::Switch(..) => Reply::Jobs(Err(error)),
            Self::Trigger(..) => Reply::Triggered(Err(error)),
            Self::Inquire(..) => Reply::Versions(Err(error)),
            Self::DeleteJob(..)
            | Self::DeleteGroup(..)
            | Self::DeleteCalendar(..)
            | Self::Cancel(..)
            | Self::CancelAll(..)
            | Self::SetAccepting(..) => Reply::Unit(Err(error)),
        };
        self.answer(reply);
    }
}
