//! A leadership without a loop: for a command that changes many definitions while no admin serves.
//!
//! It leads as an admin does (lease, epoch, fenced commits) and has the same engine judge every
//! job, times included that passed while nobody led, but starts nothing: the next leader does. To
//! look only, it takes no lease, and its commits are forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hera_domain::engine::{Change, Engine, Event, HostGroup, Limits, Run, Tick, Version};
use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::id::{
    CommitSeq, GroupId, HostGroupId, JobId, Revision, RunId, TeamId, VersionKey,
};
use hera_domain::job::{JobContent, JobDef};
use hera_domain::status::{Switch, VersionStatus};
use tokio::time::Instant;

use super::campaign::acquire;
use super::clock::EngineClock;
use super::commands::{Work, definition, put_job};
use super::committer::Committer;
use super::groups::{Tree, put_group};
use super::handle::{CommandError, SaveJob};
use crate::access::Actor;
use crate::store::{
    AuditRecord, Holder, HostGroupChange, ImportMark, LeaderState, LogTail, Store, Subject,
};

/// Long: pages of another database are read between two commits.
const LEASE: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Offline {
    engine: Engine,
    groups: BTreeMap<GroupId, Arc<GroupDef>>,
    host_groups: BTreeMap<HostGroupId, HostGroup>,
    clock: EngineClock,
    /// `None` = only looking.
    committer: Option<Committer>,
    seq: CommitSeq,
    actor: Actor,
    area: String,
    work: Work,
}

impl Offline {
    /// Takes the lead; `None` while an admin leads.
    pub(crate) async fn lead(
        store: &Store,
        limits: Limits,
        area: String,
        actor: Actor,
    ) -> anyhow::Result<Option<Self>> {
        let asked_at = Instant::now();
        let me = Holder {
            name: actor.name.clone(),
            http: String::new(),
            connect: String::new(),
        };
        let Some((connection, lease)) = acquire(store.clone(), me, LEASE).await? else {
            return Ok(None);
        };
        let committer = Committer::new(connection, lease, LEASE, LEASE / 3, asked_at);
        let loaded = store.load_snapshot(limits.waiting_days).await?;
        let clock = EngineClock::new(lease.now);
        Ok(Some(Self::new(
            loaded,
            limits,
            area,
            actor,
            clock,
            Some(committer),
        )))
    }

    /// Looks at what is there, beside whoever leads; nothing will be written.
    pub(crate) async fn look(
        store: &Store,
        limits: Limits,
        area: String,
        actor: Actor,
    ) -> anyhow::Result<Self> {
        let loaded = store.peek_snapshot(limits.waiting_days).await?;
        let clock = EngineClock::new(store.now().await?);
        Ok(Self::new(loaded, limits, area, actor, clock, None))
    }

    fn new(
        loaded: LeaderState,
        limits: Limits,
        area: String,
        actor: Actor,
        clock: EngineClock,
        committer: Option<Committer>,
    ) -> Self {
        let groups = loaded.groups.into_iter();
        let tick = Tick {
            now: clock.last(),
            seq: loaded.seq,
        };
        let mut offline = Self {
            groups: groups.map(|group| (group.id, Arc::new(group))).collect(),
            host_groups: loaded.snapshot.host_groups.clone(),
            engine: Engine::restore(loaded.snapshot, limits),
            clock,
            seq: loaded.seq,
            committer,
            actor,
            area,
            work: Work::new(tick, 0),
        };
        let tick = offline.tick();
        let decisions = &mut offline.work.batch.decisions;
        offline.engine.takeover(tick, decisions);
        offline
    }

    pub(crate) fn groups(&self) -> &BTreeMap<GroupId, Arc<GroupDef>> {
        &self.groups
    }

    pub(crate) fn jobs(&self) -> &BTreeMap<JobId, Arc<JobDef>> {
        self.engine.jobs()
    }

    pub(crate) fn host_groups(&self) -> &BTreeMap<HostGroupId, HostGroup> {
        &self.host_groups
    }

    fn tree(&self) -> Tree<'_> {
        Tree {
            groups: &self.groups,
            jobs: self.engine.jobs(),
            area: &self.area,
        }
    }

    /// Engine time, the same until the next commit.
    fn tick(&mut self) -> Tick {
        Tick {
            now: self.clock.now(),
            seq: self.seq(),
        }
    }

    /// Saves a group under an id that is its own or free.
    pub(crate) fn save_group(
        &mut self,
        id: GroupId,
        content: GroupContent,
    ) -> Result<Revision, CommandError> {
        let before = self.groups.get(&id).cloned();
        let tree = self.tree();
        tree.check_group(before.as_deref(), &content)?;
        let revision = Revision(before.map_or(0, |before| before.revision.0) + 1);
        let def = GroupDef {
            id,
            revision,
            content,
        };
        let tick = self.tick();
        put_group(&mut self.groups, &self.actor, def, tick, &mut self.work);
        Ok(revision)
    }

    /// Saves a job under an id that is its own or free. What is wrong with its content alone is
    /// for the caller to judge ([`JobContent::check`]); the engine judges it among the others.
    pub(crate) fn save_job(
        &mut self,
        id: JobId,
        owner: TeamId,
        content: JobContent,
        comment: String,
    ) -> Result<Revision, CommandError> {
        let tree = self.tree();
        tree.check_place(content.group_id)?;
        let before = self.engine.jobs().get(&id).cloned();
        let save = SaveJob {
            id: before.as_ref().map(|before| before.id),
            base_revision: before.as_ref().map(|before| before.revision),
            content,
            comment,
        };
        let mut def = definition(before.as_deref(), &save, || id, &self.actor)?;
        def.owner = owner;
        let revision = def.revision;
        let tick = self.tick();
        put_job(
            &mut self.engine,
            &self.actor,
            def,
            &save,
            tick,
            &mut self.work,
        )?;
        Ok(revision)
    }

    /// Opens or closes a job.
    pub(crate) fn switch(&mut self, job: JobId, to: Switch) -> Result<(), CommandError> {
        let event = Event::Switch {
            jobs: vec![job],
            to,
        };
        let tick = self.tick();
        self.engine
            .step(event, tick, &mut self.work.batch.decisions)?;
        self.record("switch", (Subject::Job, Some(job.0)), to.to_string());
        Ok(())
    }

    /// Saves a host group under an id that is its own or free.
    pub(crate) fn save_host_group(&mut self, group: HostGroup) -> Result<(), CommandError> {
        let tick = self.tick();
        let event = Event::SaveHostGroup(group.clone());
        self.engine
            .step(event, tick, &mut self.work.batch.decisions)?;
        self.host_groups.insert(group.id, group.clone());
        self.record(
            "save",
            (Subject::HostGroup, Some(group.id.0)),
            group.name.clone(),
        );
        self.work
            .batch
            .host_groups
            .push(HostGroupChange::Save(group));
        Ok(())
    }

    /// Keeps a version of the past; `expect` is the status that it has in the database.
    pub(crate) fn put_version(&mut self, expect: Option<VersionStatus>, row: Version) {
        let change = Change { expect, row };
        let versions = &mut self.work.batch.decisions.versions;
        versions.insert(change.row.key, change);
    }

    /// Keeps a run that ended long ago. The engine, which knows only what may still go on, is not
    /// asked.
    pub(crate) fn put_run(&mut self, row: Run) {
        let change = Change { expect: None, row };
        self.work.batch.decisions.runs.insert(change.row.id, change);
    }

    /// Keeps the log of such a run.
    pub(crate) fn put_log(&mut self, log: LogTail) {
        self.work.batch.tails.push(log);
    }

    pub(crate) fn new_version_key(&mut self) -> VersionKey {
        self.engine.new_version_key()
    }

    pub(crate) fn new_run_id(&mut self) -> RunId {
        self.engine.new_run_id()
    }

    /// The number of the next commit.
    pub(crate) fn seq(&self) -> CommitSeq {
        let seq = self.committer.as_ref().map(Committer::next_seq);
        seq.unwrap_or(CommitSeq(self.seq.0 + 1))
    }

    /// Remembers what a row of a HERA became, in the same commit.
    pub(crate) fn mark(&mut self, mark: ImportMark) {
        self.work.batch.imports.push(mark);
    }

    /// Notes for the audit what was done.
    pub(crate) fn record(&mut self, action: &str, subject: (Subject, Option<i64>), detail: String) {
        let at = self.clock.now();
        self.work.batch.records.push(AuditRecord {
            at,
            actor: self.actor.name.clone(),
            action: action.to_owned(),
            subject: subject.0,
            subject_id: subject.1,
            detail,
        });
    }

    /// Commits what was saved since the last commit: all of it or nothing.
    pub(crate) async fn commit(&mut self) -> Result<(), CommandError> {
        let tick = self.tick();
        let Some(committer) = &mut self.committer else {
            self.work = Work::new(tick, 0);
            self.seq = tick.seq;
            return Ok(());
        };
        let next = Work::new(tick, committer.lease_ms());
        let work = std::mem::replace(&mut self.work, next);
        if work.is_empty() {
            return keep(committer).await;
        }
        let mut batch = work.batch;
        (batch.seq, batch.at) = (tick.seq, tick.now);
        batch.lease_ms = committer.lease_ms();
        let committed = committer.commit(&Arc::new(batch)).await;
        committed.map_err(|failure| failure.to_command_error())
    }

    /// Gives the lead back.
    pub(crate) async fn end(mut self) {
        if let Some(committer) = &mut self.committer {
            committer.release().await;
        }
    }
}

/// Renews the lease when it is time: what is not the leader's is written without a commit.
async fn keep(committer: &mut Committer) -> Result<(), CommandError> {
    if committer.renewal_is_due()
        && let Err(failure) = committer.renew().await
    {
        return Err(failure.to_command_error());
    }
    Ok(())
}
