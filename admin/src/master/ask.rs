//! Commands on their way from an admin that does not lead to the one that does.

use hera_domain::calendar::CalendarContent;
use hera_domain::engine::VersionView;
use hera_domain::group::GroupContent;
use hera_domain::host_group::HostGroupContent;
use hera_domain::id::{CalendarId, GroupId, HostGroupId, JobId, Revision, RunId};
use hera_domain::status::Switch;
use serde::{Deserialize, Serialize};

use super::handle::{
    Chain, Command, CommandError, Handle, Inquiry, SaveJob, Saved, TriggerRun, Triggered,
};
use crate::access::Actor;
use crate::store::{IdempotencyKey, WorkerChange};

/// A [`Command`] without its sender: what travels.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
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
    Inquire(Inquiry),
}

/// The answer to a command, of the type that the command expects.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Job(Result<Saved<JobId>, CommandError>),
    Group(Result<Saved<GroupId>, CommandError>),
    Calendar(Result<Saved<CalendarId>, CommandError>),
    HostGroup(Result<Saved<HostGroupId>, CommandError>),
    Jobs(Result<Vec<JobId>, CommandError>),
    Triggered(Result<Triggered, CommandError>),
    Versions(Result<Vec<VersionView>, CommandError>),
    Unit(Result<(), CommandError>),
}

impl Ask {
    /// What a command asks; nothing if it is meant for the admin that it was given to.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        Some(match command {
            Command::SaveJob(actor, save, key, _) => {
                Self::SaveJob(actor.clone(), save.clone(), key.clone())
            }
            Command::DeleteJob(actor, job, base, _) => Self::DeleteJob(actor.clone(), *job, *base),
            Command::Switch(actor, job, to, chain, _) => {
                Self::Switch(actor.clone(), *job, *to, *chain)
            }
            Command::SaveGroup(actor, group, base, content, key, _) => {
                Self::SaveGroup(actor.clone(), *group, *base, content.clone(), key.clone())
            }
            Command::DeleteGroup(actor, group, base, _) => {
                Self::DeleteGroup(actor.clone(), *group, *base)
            }
            Command::SaveCalendar(actor, calendar, base, content, key, _) => Self::SaveCalendar(
                actor.clone(),
                *calendar,
                *base,
                content.clone(),
                key.clone(),
            ),
            Command::DeleteCalendar(actor, calendar, base, _) => {
                Self::DeleteCalendar(actor.clone(), *calendar, *base)
            }
            Command::SaveHostGroup(actor, group, base, content, key, _) => {
                Self::SaveHostGroup(actor.clone(), *group, *base, content.clone(), key.clone())
            }
            Command::DeleteHostGroup(actor, group, base, _) => {
                Self::DeleteHostGroup(actor.clone(), *group, *base)
            }
            Command::DeclareLost(actor, run, _) => Self::DeclareLost(actor.clone(), *run),
            Command::Trigger(actor, run, _) => Self::Trigger(actor.clone(), run.clone()),
            Command::Cancel(actor, run, _) => Self::Cancel(actor.clone(), *run),
            Command::ChangeWorker(actor, change, _) => Self::ChangeWorker(actor.clone(), *change),
            Command::Inquire(inquiry, _) => Self::Inquire(*inquiry),
            Command::CancelAll(..) => return None,
        })
    }

    /// Asks the leader of this process, which checks the actor's right again.
    pub(crate) async fn put(self, handle: &Handle) -> Reply {
        match self {
            Self::SaveJob(actor, save, key) => {
                Reply::Job(handle.save_job_once(&actor, *save, key).await)
            }
            Self::DeleteJob(actor, job, base) => {
                Reply::Unit(handle.delete_job(&actor, job, base).await)
            }
            Self::Switch(actor, job, to, chain) => {
                Reply::Jobs(handle.switch(&actor, job, to, chain).await)
            }
            Self::SaveGroup(actor, None, _, content, key) => {
                Reply::Group(handle.create_group(&actor, content, key).await)
            }
            Self::SaveGroup(actor, group, base, content, _) => {
                Reply::Group(handle.save_group(&actor, group, base, content).await)
            }
            Self::DeleteGroup(actor, group, base) => {
                Reply::Unit(handle.delete_group(&actor, group, base).await)
            }
            Self::SaveCalendar(actor, None, _, content, key) => {
                Reply::Calendar(handle.create_calendar(&actor, content, key).await)
            }
            Self::SaveCalendar(actor, calendar, base, content, _) => {
                Reply::Calendar(handle.save_calendar(&actor, calendar, base, content).await)
            }
            Self::DeleteCalendar(actor, calendar, base) => {
                Reply::Unit(handle.delete_calendar(&actor, calendar, base).await)
            }
            Self::SaveHostGroup(actor, None, _, content, key) => {
                Reply::HostGroup(handle.create_host_group(&actor, content, key).await)
            }
            Self::SaveHostGroup(actor, group, base, content, _) => {
                Reply::HostGroup(handle.save_host_group(&actor, group, base, content).await)
            }
            Self::DeleteHostGroup(actor, group, base) => {
                Reply::Unit(handle.delete_host_group(&actor, group, base).await)
            }
            Self::DeclareLost(actor, run) => Reply::Unit(handle.declare_lost(&actor, run).await),
            Self::Trigger(actor, run) => Reply::Triggered(handle.trigger(&actor, run).await),
            Self::Cancel(actor, run) => Reply::Unit(handle.cancel(&actor, run).await),
            Self::ChangeWorker(actor, change) => {
                Reply::Unit(handle.change_worker(&actor, change).await)
            }
            Self::Inquire(Inquiry::Ping) => Reply::Versions(handle.ping().await),
            Self::Inquire(Inquiry::Versions { job, day }) => {
                Reply::Versions(handle.versions(job, day).await)
            }
        }
    }
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
            (Self::SaveHostGroup(.., answer), Reply::HostGroup(result)) => {
                drop(answer.send(result));
            }
            (Self::Switch(.., answer), Reply::Jobs(result)) => drop(answer.send(result)),
            (Self::Trigger(.., answer), Reply::Triggered(result)) => drop(answer.send(result)),
            (Self::Inquire(.., answer), Reply::Versions(result)) => drop(answer.send(result)),
            (
                Self::DeleteJob(.., answer)
                | Self::DeleteGroup(.., answer)
                | Self::DeleteCalendar(.., answer)
                | Self::DeleteHostGroup(.., answer)
                | Self::Cancel(.., answer)
                | Self::DeclareLost(.., answer)
                | Self::CancelAll(.., answer)
                | Self::ChangeWorker(.., answer),
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
            Self::SaveHostGroup(..) => Reply::HostGroup(Err(error)),
            Self::Switch(..) => Reply::Jobs(Err(error)),
            Self::Trigger(..) => Reply::Triggered(Err(error)),
            Self::Inquire(..) => Reply::Versions(Err(error)),
            Self::DeleteJob(..)
            | Self::DeleteGroup(..)
            | Self::DeleteCalendar(..)
            | Self::DeleteHostGroup(..)
            | Self::Cancel(..)
            | Self::DeclareLost(..)
            | Self::CancelAll(..)
            | Self::ChangeWorker(..) => Reply::Unit(Err(error)),
        };
        self.answer(reply);
    }
}
