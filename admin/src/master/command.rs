//! What the leader is asked, in the words that also travel between admins, and what it answers.

use hera_domain::calendar::CalendarContent;
use hera_domain::engine::VersionView;
use hera_domain::group::GroupContent;
use hera_domain::host_group::HostGroupContent;
use hera_domain::id::{CalendarId, GroupId, HostGroupId, JobId, Revision, RunId};
use hera_domain::reason::Reason;
use hera_domain::status::Switch;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::handle::{Chain, CommandError, SaveJob, Saved, TriggerRun, Triggered};
use crate::access::{Actor, Right};
use crate::store::{IdempotencyKey, WorkerChange};

/// A command to the leader.
#[derive(Debug, Serialize, Deserialize)]
pub enum Command {
    SaveJob(Actor, Box<SaveJob>, Option<IdempotencyKey>),
    DeleteJob(Actor, JobId, Option<Revision>),
    Switch(Actor, JobId, Switch, Chain),
    SaveGroup(
        Actor,
        Option<GroupId>,
        Option<Revision>,
        GroupContent,
        Option<IdempotencyKey>,
    ),
    DeleteGroup(Actor, GroupId, Option<Revision>),
    SaveCalendar(
        Actor,
        Option<CalendarId>,
        Option<Revision>,
        CalendarContent,
        Option<IdempotencyKey>,
    ),
    DeleteCalendar(Actor, CalendarId, Option<Revision>),
    SaveHostGroup(
        Actor,
        Option<HostGroupId>,
        Option<Revision>,
        HostGroupContent,
        Option<IdempotencyKey>,
    ),
    DeleteHostGroup(Actor, HostGroupId, Option<Revision>),
    Trigger(Actor, TriggerRun),
    Cancel(Actor, RunId),
    DeclareLost(Actor, RunId),
    ChangeWorker(Actor, WorkerChange),
    /// By the installation itself, for the admin that it is given to alone.
    CancelAll(Reason),
    Inquire(Inquiry),
}

/// A question that only the leader can answer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Inquiry {
    /// Whether commands are taken at all.
    Ping,
    /// The versions of a job on a business day, virtual ones too.
    Versions { job: JobId, day: chrono::NaiveDate },
}

/// What a command is answered; each kind of command has one kind of reply.
pub type Answer = Result<Reply, CommandError>;

/// A command with where its answer goes.
#[derive(Debug)]
pub struct Request {
    pub command: Command,
    pub answer: oneshot::Sender<Answer>,
}

impl Request {
    /// Sends the answer back; a caller that no longer waits is no loss.
    pub fn answer(self, answer: Answer) {
        drop(self.answer.send(answer));
    }
}

impl Command {
    /// Who must have which right.
    pub(super) const fn needs(&self) -> Option<(&Actor, Right)> {
        Some(match self {
            Self::SaveJob(actor, ..)
            | Self::DeleteJob(actor, ..)
            | Self::Switch(actor, ..)
            | Self::SaveGroup(actor, ..)
            | Self::DeleteGroup(actor, ..) => (actor, Right::Edit),
            Self::Trigger(actor, _) | Self::Cancel(actor, _) | Self::DeclareLost(actor, _) => {
                (actor, Right::Operate)
            }
            Self::SaveCalendar(actor, ..)
            | Self::DeleteCalendar(actor, ..)
            | Self::SaveHostGroup(actor, ..)
            | Self::DeleteHostGroup(actor, ..)
            | Self::ChangeWorker(actor, _) => (actor, Right::Administer),
            Self::CancelAll(_) | Self::Inquire(_) => return None,
        })
    }

    /// What a log may say of it, which is nothing of what it holds: there may be secrets in that.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::SaveJob(..) => "save a job",
            Self::DeleteJob(..) => "delete a job",
            Self::Switch(..) => "switch a job",
            Self::SaveGroup(..) => "save a group",
            Self::DeleteGroup(..) => "delete a group",
            Self::SaveCalendar(..) => "save a calendar",
            Self::DeleteCalendar(..) => "delete a calendar",
            Self::SaveHostGroup(..) => "save a host group",
            Self::DeleteHostGroup(..) => "delete a host group",
            Self::Trigger(..) => "start a run",
            Self::Cancel(..) => "cancel a run",
            Self::DeclareLost(..) => "declare a run lost",
            Self::ChangeWorker(..) => "drain, resume or revoke a worker",
            Self::CancelAll(_) => "cancel every run",
            Self::Inquire(_) => "an inquiry",
        }
    }
}

/// Makes the enum of replies, each made of what it holds, which can be taken out again.
macro_rules! replies {
    ($($kind:ident($holds:ty)),+ $(,)?) => {
        /// What became of a command.
        #[derive(Debug, Serialize, Deserialize)]
        pub enum Reply {
            $($kind($holds)),+
        }
        $(
            impl From<$holds> for Reply {
                fn from(holds: $holds) -> Self {
                    Self::$kind(holds)
                }
            }

            impl TryFrom<Reply> for $holds {
                type Error = CommandError;

                fn try_from(reply: Reply) -> Result<Self, CommandError> {
                    if let Reply::$kind(holds) = reply {
                        return Ok(holds);
                    }
                    Err(CommandError::Unanswered("it was answered something else".into()))
                }
            }
        )+
    };
}

replies! {
    Job(Saved<JobId>),
    Group(Saved<GroupId>),
    Calendar(Saved<CalendarId>),
    HostGroup(Saved<HostGroupId>),
    Jobs(Vec<JobId>),
    Triggered(Triggered),
    Versions(Vec<VersionView>),
    Done(()),
}
