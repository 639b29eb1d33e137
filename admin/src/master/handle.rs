//! How the rest of the admin talks to the leader: commands in, answers and notices out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hera_domain::calendar::{CalendarContent, CalendarDef};
use hera_domain::clock::Timestamp;
use hera_domain::engine::{HostGroup, Load, Refusal, VersionView};
use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::host_group::HostGroupContent;
use hera_domain::id::{
    CalendarId, CommitSeq, Epoch, GroupId, HostGroupId, JobId, Revision, RunId, WorkerId,
};
use hera_domain::job::{FieldError, JobContent, JobDef, Params};
use hera_domain::reason::Reason;
use hera_domain::status::{RunStatus, Switch, Trigger, VersionStatus};
use hera_domain::version_id::VersionId;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::command::{Answer, Command, Inquiry, Reply, Request};
use super::strain::Strain;
use crate::access::{Actor, Right, decide};
use crate::store::{Holder, IdempotencyKey, WorkerChange};

/// Everything that every page may need of the definitions, as of one commit. Scripts and job
/// configs are in the store.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// They hold everything that was changed up to this commit.
    pub seq: CommitSeq,
    pub jobs: BTreeMap<JobId, Arc<JobDef>>,
    pub groups: BTreeMap<GroupId, Arc<GroupDef>>,
    pub host_groups: BTreeMap<HostGroupId, HostGroup>,
    pub calendars: BTreeMap<CalendarId, Arc<CalendarDef>>,
}

/// A new job (`id` none) or a new revision of one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SaveJob {
    pub id: Option<JobId>,
    /// The revision that the edit started from; must be the newest one.
    pub base_revision: Option<Revision>,
    pub content: JobContent,
    /// Why, in the author's words.
    pub comment: String,
}

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved<Id> {
    pub id: Id,
    pub revision: Revision,
}

/// How far a switch reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Chain {
    #[default]
    None,
    Upstream,
    Downstream,
}

/// A request for a run by hand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TriggerRun {
    pub job: JobId,
    pub trigger: Trigger,
    /// An existing version by its id, or …
    pub version: Option<VersionId>,
    /// … one by its business time; neither = the latest.
    pub business_time: Option<Timestamp>,
    pub params: Params,
    /// A run of this job that is to be repeated as it was: with its revision, its config and,
    /// unless others are given, its parameters and its version.
    pub repeats: Option<RunId>,
    /// A repeat with the same key (of the same user) finds the first run.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// The run that a trigger made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggered {
    pub run: RunId,
    pub version: VersionId,
    pub status: RunStatus,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub enum CommandError {
    #[error("{name} may not do this: it needs the right to {}", right.as_str())]
    Forbidden { name: String, right: Right },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("there is no {0}")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    #[error(
        "it was changed meanwhile: the newest revision is {newest}, the edit started from {base}"
    )]
    Stale { base: Revision, newest: Revision },
    #[error("not valid")]
    Invalid(Vec<FieldError>),
    #[error("no admin leads at the moment; try again in a few seconds")]
    NoLeader,
    #[error(
        "the leading admin has too much to do and starts nothing by hand: {0}; try again in a few seconds"
    )]
    Strained(String),
    #[error(
        "the leading admin did not answer ({0}); look whether it was done before you repeat it"
    )]
    Unanswered(String),
    #[error("the database did not take the change: {0}")]
    Store(String),
}

/// Something changed; pages and streams follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    Run {
        run: RunId,
        job: JobId,
        status: RunStatus,
    },
    Version {
        job: JobId,
        id: VersionId,
        status: VersionStatus,
    },
    Job {
        job: JobId,
    },
    Group {
        group: GroupId,
    },
    Workers,
    /// Some notices were lost: whoever shows something must read it anew.
    Missed,
}

/// Who leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaderView {
    pub leader: Option<Holder>,
    pub epoch: Epoch,
    /// Whether it is this process, and ready for commands.
    pub is_self: bool,
    /// What is too much for it.
    pub strain: Option<Strain>,
}

/// A worker as its session shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerView {
    pub id: WorkerId,
    pub name: String,
    pub address: String,
    pub version: String,
    pub labels: BTreeSet<String>,
    pub connected: bool,
    pub accepting: bool,
    pub load: Load,
    /// Runs dispatched to it and not ended.
    pub running: u32,
    pub slots: u32,
    pub last_seen: Option<Timestamp>,
}

/// A leader that is well answers at its next turn.
const PING: Duration = Duration::from_secs(2);

/// The way to the leader; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::Sender<Request>,
    definitions: watch::Receiver<Arc<Definitions>>,
    leader: watch::Receiver<LeaderView>,
    workers: watch::Receiver<Arc<Vec<WorkerView>>>,
    notices: broadcast::Sender<Notice>,
}

impl Handle {
    /// Puts the ends of the master's channels together.
    pub(crate) fn new(
        commands: mpsc::Sender<Request>,
        definitions: watch::Receiver<Arc<Definitions>>,
        leader: watch::Receiver<LeaderView>,
        workers: watch::Receiver<Arc<Vec<WorkerView>>>,
        notices: broadcast::Sender<Notice>,
    ) -> Self {
        Self {
            commands,
            definitions,
            leader,
            workers,
            notices,
        }
    }

    /// Creates a job (closed) or saves a new revision of one.
    pub async fn save_job(
        &self,
        actor: &Actor,
        save: SaveJob,
    ) -> Result<Saved<JobId>, CommandError> {
        self.save_job_once(actor, save, None).await
    }

    /// As [`Handle::save_job`]; the same request again finds the job that the first one made.
    pub async fn save_job_once(
        &self,
        actor: &Actor,
        save: SaveJob,
        key: Option<IdempotencyKey>,
    ) -> Result<Saved<JobId>, CommandError> {
        self.ask(Command::SaveJob(actor.clone(), Box::new(save), key))
            .await
    }

    /// Deletes a job (logically) that is closed and that no job depends on; with `base`, only if
    /// that is its newest revision.
    pub async fn delete_job(
        &self,
        actor: &Actor,
        job: JobId,
        base: Option<Revision>,
    ) -> Result<(), CommandError> {
        self.ask(Command::DeleteJob(actor.clone(), job, base)).await
    }

    /// Opens, closes or invalidates a job and, with a chain, what it reaches; answers the jobs
    /// that changed.
    pub async fn switch(
        &self,
        actor: &Actor,
        job: JobId,
        to: Switch,
        chain: Chain,
    ) -> Result<Vec<JobId>, CommandError> {
        self.ask(Command::Switch(actor.clone(), job, to, chain))
            .await
    }

    /// Creates a group, or saves one (then `base` is the revision that the edit started from).
    pub async fn save_group(
        &self,
        actor: &Actor,
        group: Option<GroupId>,
        base: Option<Revision>,
        content: GroupContent,
    ) -> Result<Saved<GroupId>, CommandError> {
        self.ask(Command::SaveGroup(
            actor.clone(),
            group,
            base,
            content,
            None,
        ))
        .await
    }

    /// Creates a group; the same request again finds the group that the first one made.
    pub async fn create_group(
        &self,
        actor: &Actor,
        content: GroupContent,
        key: Option<IdempotencyKey>,
    ) -> Result<Saved<GroupId>, CommandError> {
        self.ask(Command::SaveGroup(actor.clone(), None, None, content, key))
            .await
    }

    /// Deletes a group that holds nothing; with `base`, only if that is its newest revision.
    pub async fn delete_group(
        &self,
        actor: &Actor,
        group: GroupId,
        base: Option<Revision>,
    ) -> Result<(), CommandError> {
        self.ask(Command::DeleteGroup(actor.clone(), group, base))
            .await
    }

    /// Creates a calendar, or saves one (then `base` is the revision that the edit started from).
    pub async fn save_calendar(
        &self,
        actor: &Actor,
        calendar: Option<CalendarId>,
        base: Option<Revision>,
        content: CalendarContent,
    ) -> Result<Saved<CalendarId>, CommandError> {
        self.ask(Command::SaveCalendar(
            actor.clone(),
            calendar,
            base,
            content,
            None,
        ))
        .await
    }

    /// Creates a calendar; the same request again finds the calendar that the first one made.
    pub async fn create_calendar(
        &self,
        actor: &Actor,
        content: CalendarContent,
        key: Option<IdempotencyKey>,
    ) -> Result<Saved<CalendarId>, CommandError> {
        self.ask(Command::SaveCalendar(
            actor.clone(),
            None,
            None,
            content,
            key,
        ))
        .await
    }

    /// Deletes a calendar that no job uses; with `base`, only if that is its newest revision.
    pub async fn delete_calendar(
        &self,
        actor: &Actor,
        calendar: CalendarId,
        base: Option<Revision>,
    ) -> Result<(), CommandError> {
        self.ask(Command::DeleteCalendar(actor.clone(), calendar, base))
            .await
    }

    /// Creates a host group, or saves one (then `base` is the revision that the edit started from).
    pub async fn save_host_group(
        &self,
        actor: &Actor,
        group: Option<HostGroupId>,
        base: Option<Revision>,
        content: HostGroupContent,
    ) -> Result<Saved<HostGroupId>, CommandError> {
        self.ask(Command::SaveHostGroup(
            actor.clone(),
            group,
            base,
            content,
            None,
        ))
        .await
    }

    /// Creates a host group; the same request again finds the one that the first one made.
    pub async fn create_host_group(
        &self,
        actor: &Actor,
        content: HostGroupContent,
        key: Option<IdempotencyKey>,
    ) -> Result<Saved<HostGroupId>, CommandError> {
        self.ask(Command::SaveHostGroup(
            actor.clone(),
            None,
            None,
            content,
            key,
        ))
        .await
    }

    /// Deletes a host group that neither a job nor the default uses; with `base`, only if that is
    /// its newest revision.
    pub async fn delete_host_group(
        &self,
        actor: &Actor,
        group: HostGroupId,
        base: Option<Revision>,
    ) -> Result<(), CommandError> {
        self.ask(Command::DeleteHostGroup(actor.clone(), group, base))
            .await
    }

    /// Starts a run by hand.
    pub async fn trigger(&self, actor: &Actor, run: TriggerRun) -> Result<Triggered, CommandError> {
        self.ask(Command::Trigger(actor.clone(), run)).await
    }

    /// Asks to end a run; the answer comes when the request is stored, not when the run is over.
    pub async fn cancel(&self, actor: &Actor, run: RunId) -> Result<(), CommandError> {
        self.ask(Command::Cancel(actor.clone(), run)).await
    }

    /// Gives up an unreachable run, whose worker may still have it.
    pub async fn declare_lost(&self, actor: &Actor, run: RunId) -> Result<(), CommandError> {
        self.ask(Command::DeclareLost(actor.clone(), run)).await
    }

    /// Asks to end every run, by the installation.
    pub async fn cancel_all(&self, reason: Reason) -> Result<(), CommandError> {
        self.ask(Command::CancelAll(reason)).await
    }

    /// Drains a worker that has ever joined, lets it accept runs again, or takes its token away.
    pub async fn change_worker(
        &self,
        actor: &Actor,
        change: WorkerChange,
    ) -> Result<(), CommandError> {
        self.ask(Command::ChangeWorker(actor.clone(), change)).await
    }

    /// The versions of a job on a business day (in its zone), virtual ones too.
    pub async fn versions(
        &self,
        job: JobId,
        day: chrono::NaiveDate,
    ) -> Result<Vec<VersionView>, CommandError> {
        self.ask(Command::Inquire(Inquiry::Versions { job, day }))
            .await
    }

    /// Whether the leader takes commands: it answers soon.
    pub async fn takes_commands(&self) -> bool {
        let pong = self.put(Command::Inquire(Inquiry::Ping));
        matches!(tokio::time::timeout(PING, pong).await, Ok(Ok(_)))
    }

    /// The definitions as of the latest commit.
    pub fn definitions(&self) -> Arc<Definitions> {
        self.definitions.borrow().clone()
    }

    /// Who leads, as far as this process knows.
    pub fn leader(&self) -> LeaderView {
        self.leader.borrow().clone()
    }

    /// Who leads, and every change of that.
    pub fn watch_leader(&self) -> watch::Receiver<LeaderView> {
        self.leader.clone()
    }

    /// Every worker that has ever joined.
    pub fn workers(&self) -> Arc<Vec<WorkerView>> {
        self.workers.borrow().clone()
    }

    /// The workers, and every change of them.
    pub fn watch_workers(&self) -> watch::Receiver<Arc<Vec<WorkerView>>> {
        self.workers.clone()
    }

    /// What changes from now on. A receiver that falls behind must read the state anew.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    async fn ask<T>(&self, command: Command) -> Result<T, CommandError>
    where
        T: TryFrom<Reply, Error = CommandError>,
    {
        self.put(command).await?.try_into()
    }

    /// Puts a command to whoever leads, if its actor may give it and there is time for it.
    pub(crate) async fn put(&self, command: Command) -> Answer {
        if let Some((actor, right)) = command.needs() {
            require(actor, right)?;
        }
        if let Command::Trigger(..) = command
            && let Some(strain) = self.leader.borrow().strain
        {
            return Err(CommandError::Strained(strain.to_string()));
        }
        let (answer, answered) = oneshot::channel();
        let request = Request { command, answer };
        // A closed inbox and a dropped answer mean the same to the caller.
        let sent = self.commands.send(request).await;
        sent.map_err(|_closed| CommandError::NoLeader)?;
        answered.await.map_err(|_dropped| CommandError::NoLeader)?
    }
}

/// Refuses an actor who has not the right.
pub(crate) fn require(actor: &Actor, right: Right) -> Result<(), CommandError> {
    use crate::access::Decision;
    match decide(Some(actor), right) {
        Decision::Allowed => Ok(()),
        Decision::Unknown | Decision::Forbidden => Err(CommandError::Forbidden {
            name: actor.name.clone(),
            right,
        }),
    }
}
