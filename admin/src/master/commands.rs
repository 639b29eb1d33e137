//! What each message means: commands checked and turned into events, reports passed on.

use std::sync::Arc;

use chrono::NaiveDate;
use hera_domain::engine::{
    CancelledBy, Decisions, Engine, Event, Outcome, Refusal, Run, Tick, VersionView, WorkerEvent,
};
use hera_domain::graph;
use hera_domain::id::{JobId, Revision, RunId, WorkerId};
use hera_domain::job::{JobDef, ScheduleEra};
use hera_domain::status::{Switch, VersionStatus};

use super::command::{Answer, Command, Inquiry, Reply};
use super::handle::{Chain, CommandError, SaveJob, Saved};
use super::inbox::{Message, Report, ToWorker, WorkerMessage};
use super::leader::Leader;
use super::repeats::{once, saved_before};
use super::triggers::{Asked, Ready};
use crate::access::Actor;
use crate::store::{
    AuditRecord, Batch, JobEdit, RunView, Store, StoreError, Subject, WorkerChange,
};

/// What a turn is about to commit.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) batch: Batch,
    /// Something that a worker's card shows changed.
    pub(super) workers_changed: bool,
    /// What workers are told besides the engine's own messages, after the commit.
    pub(super) to_workers: Vec<(WorkerId, ToWorker)>,
}

impl Work {
    pub(super) fn new(tick: Tick, lease_ms: i64) -> Self {
        let batch = Batch {
            seq: tick.seq,
            at: tick.now,
            lease_ms,
            ..Batch::default()
        };
        Self {
            batch,
            workers_changed: false,
            to_workers: Vec::new(),
        }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        let Batch {
            seq: _,
            at: _,
            lease_ms: _,
            decisions,
            job_edits,
            groups,
            host_groups,
            calendars,
            workers,
            rendered,
            tails,
            idempotency,
            records,
            imports,
        } = &self.batch;
        let Decisions {
            versions,
            runs,
            jobs,
            late,
            alarms,
            planned_through,
            sends: _,
        } = decisions;
        versions.is_empty()
            && runs.is_empty()
            && jobs.is_empty()
            && late.is_empty()
            && alarms.is_empty()
            && planned_through.is_none()
            && job_edits.is_empty()
            && groups.is_empty()
            && host_groups.is_empty()
            && calendars.is_empty()
            && workers.is_empty()
            && rendered.is_empty()
            && tails.is_empty()
            && idempotency.is_empty()
            && records.is_empty()
            && imports.is_empty()
    }

    /// Notes for the audit who did what.
    pub(super) fn record(
        &mut self,
        actor: &Actor,
        action: &str,
        subject: (Subject, i64),
        detail: String,
    ) {
        self.batch.records.push(AuditRecord {
            at: self.batch.at,
            actor: actor.name.clone(),
            action: action.to_owned(),
            subject: subject.0,
            subject_id: Some(subject.1),
            detail,
        });
    }
}

/// Whether the token that opened a session still counts: it may have been taken away while the
/// session was on its way here.
async fn token_counts(store: &Store, message: &WorkerMessage) -> bool {
    let Report::Open(opened) = &message.report else {
        return true;
    };
    let known = store.knows_worker_token(opened.token.clone()).await;
    let counts = known.unwrap_or_else(|error| {
        tracing::warn!(worker.id = %message.worker, %error, "a session's token could not be looked up");
        false
    });
    if !counts {
        opened.close.cancel();
    }
    counts
}

/// A message with what the database had to say of it beforehand.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) message: Message,
    trigger: Option<Box<Asked>>,
}

impl Leader {
    /// Reads what a message needs of the database. A message that is answered by that alone does
    /// not come back.
    pub(super) async fn prepare(&mut self, message: Message) -> Option<Prepared> {
        let request = match message {
            Message::Command(request) => request,
            Message::Worker(report) => {
                let counts = token_counts(&self.loader.store, &report).await;
                return counts.then(|| Prepared::plain(Message::Worker(report)));
            }
        };
        match self.look_up(&request.command).await {
            Ok(Ready::Go(trigger)) => Some(Prepared {
                message: Message::Command(request),
                trigger,
            }),
            Ok(Ready::Done(reply)) => {
                request.answer(Ok(reply));
                None
            }
            Err(error) => {
                request.answer(Err(error));
                None
            }
        }
    }

    async fn look_up(&mut self, command: &Command) -> Result<Ready, CommandError> {
        let store = self.loader.store.clone();
        match command {
            Command::Trigger(actor, run) => self.prepare_trigger(actor, run).await,
            Command::SaveJob(..)
            | Command::SaveGroup(..)
            | Command::SaveCalendar(..)
            | Command::SaveHostGroup(..) => {
                let made = saved_before(&store, command).await?;
                Ok(made.map_or(Ready::Go(None), Ready::Done))
            }
            Command::DeclareLost(_, run) if self.engine.run(*run).is_none() => {
                Err(over(*run, store.run(*run).await))
            }
            Command::Cancel(_, run) if self.engine.run(*run).is_none() => {
                match store.run(*run).await {
                    Ok(Some(found)) if self.awaits_retry(&found.run) => Ok(Ready::Go(None)),
                    found => Err(over(*run, found)),
                }
            }
            Command::DeleteJob(..)
            | Command::Switch(..)
            | Command::DeleteGroup(..)
            | Command::DeleteCalendar(..)
            | Command::DeleteHostGroup(..)
            | Command::Cancel(..)
            | Command::DeclareLost(..)
            | Command::ChangeWorker(..)
            | Command::CancelAll(_)
            | Command::Inquire(_) => Ok(Ready::Go(None)),
        }
    }

    /// A version in retry wait is given up through its last run.
    fn awaits_retry(&self, run: &Run) -> bool {
        let version = self.engine.version_by_key(run.version);
        version
            .is_some_and(|v| v.status == VersionStatus::RetryWait && v.counting_run == Some(run.id))
    }

    /// Feeds one message to the engine and notes what is to be written; the answer to a command
    /// comes back, to be sent after the commit.
    pub(super) fn apply(
        &mut self,
        prepared: &Prepared,
        tick: Tick,
        work: &mut Work,
    ) -> Option<Answer> {
        let command = match &prepared.message {
            Message::Worker(report) => {
                self.report(report, tick, work);
                return None;
            }
            Message::Command(request) => &request.command,
        };
        Some(match command {
            Command::SaveJob(actor, save, key) => once(actor, key.as_ref(), work, |work| {
                self.save_job(actor, save, tick, work)
            }),
            Command::DeleteJob(actor, job, base) => self
                .delete_job(actor, *job, *base, tick, work)
                .map(Reply::Done),
            Command::Switch(actor, job, to, chain) => self
                .switch(actor, *job, *to, *chain, tick, work)
                .map(Reply::Jobs),
            Command::SaveGroup(actor, group, base, content, key) => {
                once(actor, key.as_ref(), work, |work| {
                    self.save_group(actor, *group, *base, content, tick, work)
                })
            }
            Command::DeleteGroup(actor, group, base) => self
                .delete_group(actor, *group, *base, tick, work)
                .map(Reply::Done),
            Command::SaveCalendar(actor, calendar, base, content, key) => {
                once(actor, key.as_ref(), work, |work| {
                    self.save_calendar(actor, *calendar, *base, content, tick, work)
                })
            }
            Command::DeleteCalendar(actor, calendar, base) => self
                .delete_calendar(actor, *calendar, *base, tick, work)
                .map(Reply::Done),
            Command::SaveHostGroup(actor, group, base, content, key) => {
                once(actor, key.as_ref(), work, |work| {
                    self.save_host_group(actor, *group, *base, content, tick, work)
                })
            }
            Command::DeleteHostGroup(actor, group, base) => self
                .delete_host_group(actor, *group, *base, tick, work)
                .map(Reply::Done),
            Command::Trigger(actor, run) => {
                let asked = prepared.trigger.as_deref().cloned();
                let asked = asked.expect("a trigger is prepared before it is applied");
                self.trigger(actor, run, asked, tick, work)
                    .map(Reply::Triggered)
            }
            Command::Cancel(actor, run) => self.cancel(actor, *run, tick, work).map(Reply::Done),
            Command::DeclareLost(actor, run) => {
                self.declare_lost(actor, *run, tick, work).map(Reply::Done)
            }
            Command::ChangeWorker(actor, change) => self
                .change_worker(actor, *change, tick, work)
                .map(Reply::Done),
            Command::CancelAll(reason) => {
                let reason = reason.clone();
                let done = self.step(Event::CancelAll { reason }, tick, work);
                done.map(|_outcome| Reply::Done(()))
            }
            Command::Inquire(Inquiry::Ping) => Ok(Reply::Done(())),
            Command::Inquire(Inquiry::Versions { job, day }) => {
                self.versions(*job, *day).map(Reply::Versions)
            }
        })
    }

    pub(super) fn step(
        &mut self,
        event: Event,
        tick: Tick,
        work: &mut Work,
    ) -> Result<Outcome, CommandError> {
        Ok(self.engine.step(event, tick, &mut work.batch.decisions)?)
    }

    fn save_job(
        &mut self,
        actor: &Actor,
        save: &SaveJob,
        tick: Tick,
        work: &mut Work,
    ) -> Result<Saved<JobId>, CommandError> {
        let content = &save.content;
        self.tree().check_place(content.group_id)?;
        self.check_calendar(content)?;
        let mut wrong = content.check(&self.content_limits);
        wrong.extend(self.tree().circles_of_job(content));
        if !wrong.is_empty() {
            return Err(CommandError::Invalid(wrong));
        }
        let before = match save.id {
            None => None,
            Some(id) => Some(Arc::clone(self.job(id)?)),
        };
        let def = definition(before.as_deref(), save, || self.state.new_job_id(), actor)?;
        let saved = Saved {
            id: def.id,
            revision: def.revision,
        };
        put_job(&mut self.engine, actor, def, save, tick, work)?;
        Ok(saved)
    }

    fn delete_job(
        &mut self,
        actor: &Actor,
        job: JobId,
        base: Option<Revision>,
        tick: Tick,
        work: &mut Work,
    ) -> Result<(), CommandError> {
        let def = self.job(job)?;
        newest_is(def.revision, base)?;
        let name = def.name.clone();
        self.step(Event::DeleteJob(job), tick, work)?;
        work.record(actor, "delete", (Subject::Job, job.0), name);
        Ok(())
    }

    fn switch(
        &mut self,
        actor: &Actor,
        job: JobId,
        to: Switch,
        chain: Chain,
        tick: Tick,
        work: &mut Work,
    ) -> Result<Vec<JobId>, CommandError> {
        self.job(job)?;
        let mut jobs = match chain {
            Chain::None => Vec::new(),
            Chain::Upstream => graph::reachable(&self.upstreams(), job),
            Chain::Downstream => graph::reachable(&graph::reverse(&self.upstreams()), job),
        };
        jobs.push(job);
        jobs.retain(|id| self.job(*id).is_ok_and(|def| def.switch != to));
        self.step(
            Event::Switch {
                jobs: jobs.clone(),
                to,
            },
            tick,
            work,
        )?;
        for id in &jobs {
            work.record(actor, "switch", (Subject::Job, id.0), to.to_string());
        }
        Ok(jobs)
    }

    fn cancel(
        &mut self,
        actor: &Actor,
        run: RunId,
        tick: Tick,
        work: &mut Work,
    ) -> Result<(), CommandError> {
        let by = CancelledBy::Person(actor.name.clone());
        self.step(Event::Cancel { run, by }, tick, work)?;
        work.record(actor, "cancel", (Subject::Run, run.0), String::new());
        Ok(())
    }

    fn declare_lost(
        &mut self,
        actor: &Actor,
        run: RunId,
        tick: Tick,
        work: &mut Work,
    ) -> Result<(), CommandError> {
        let person = actor.name.clone();
        self.step(Event::DeclareLost { run, person }, tick, work)?;
        work.record(actor, "declare lost", (Subject::Run, run.0), String::new());
        Ok(())
    }

    fn change_worker(
        &mut self,
        actor: &Actor,
        change: WorkerChange,
        tick: Tick,
        work: &mut Work,
    ) -> Result<(), CommandError> {
        let worker = change.worker();
        if !self.sessions.contains(worker) {
            return Err(CommandError::NotFound(format!("worker {worker}")));
        }
        let action = match change {
            WorkerChange::Drain(_) => "drain",
            WorkerChange::Resume(_) => "resume",
            WorkerChange::RevokeToken(_) => "revoke token",
        };
        if let Some(accepting) = self.sessions.change(change) {
            let event = Event::Worker(worker, WorkerEvent::Accepting(accepting));
            self.step(event, tick, work)?;
        }
        work.batch.workers.push(change);
        work.workers_changed = true;
        work.record(actor, action, (Subject::Worker, worker.0), String::new());
        Ok(())
    }

    fn versions(&mut self, job: JobId, day: NaiveDate) -> Result<Vec<VersionView>, CommandError> {
        self.job(job)?;
        Ok(self.engine.versions_on(job, day))
    }

    fn job(&self, job: JobId) -> Result<&Arc<JobDef>, CommandError> {
        Ok(self
            .engine
            .jobs()
            .get(&job)
            .ok_or(Refusal::NoSuchJob(job))?)
    }

    fn upstreams(&self) -> graph::Upstreams {
        let edges = |def: &JobDef| {
            def.schedule()
                .edges
                .iter()
                .map(|edge| edge.upstream)
                .collect()
        };
        self.engine
            .jobs()
            .iter()
            .map(|(id, def)| (*id, edges(def)))
            .collect()
    }

    /// Whether the end that a worker reports is one that the engine will take.
    fn expects_end(&self, worker: WorkerId, event: &WorkerEvent) -> bool {
        let WorkerEvent::Finished(named, _) = event else {
            return false;
        };
        self.engine.run(named.run).is_some_and(|run| {
            run.worker == Some(worker)
                && run.nonce.as_ref() == Some(&named.nonce)
                && run.status.is_on_worker()
        })
    }

    /// Passes a worker's report on, if it comes from the worker's newest session.
    fn report(&mut self, message: &WorkerMessage, tick: Tick, work: &mut Work) {
        let worker = message.worker;
        let event = match &message.report {
            Report::Open(opened) => {
                let now = tick.now;
                let hello = self.sessions.open(worker, message.session, opened, now);
                let Some(hello) = hello else { return };
                tracing::info!(worker.id = %worker, worker.name = opened.hello.name,
                    worker.address = opened.hello.address, runs = opened.hello.inventory.len(), "a worker has connected");
                WorkerEvent::Connected(hello)
            }
            Report::Event(_) | Report::Heartbeat { .. } | Report::Finished { .. }
                if !self.sessions.is_newest(worker, message.session) =>
            {
                return;
            }
            Report::Event(event) => event.clone(),
            Report::Heartbeat { number, load } => {
                // Sent when this turn is committed, or the lease is found to hold without.
                work.to_workers.push((worker, ToWorker::Contact(*number)));
                WorkerEvent::Heartbeat(*load)
            }
            Report::Finished { event, tail } => {
                if self.expects_end(worker, event) {
                    work.batch.tails.push(tail.clone());
                }
                event.clone()
            }
        };
        self.sessions.observe(worker, &event, tick.now);
        work.workers_changed = true;
        if let Err(error) = self.step(Event::Worker(worker, event), tick, work) {
            tracing::warn!(worker.id = %worker, %error, "a worker's report was refused");
        }
    }
}

/// Why a run that is not in memory cannot be changed.
fn over(run: RunId, found: Result<Option<RunView>, StoreError>) -> CommandError {
    match found {
        Ok(Some(found)) if found.run.status.is_final() => Refusal::AlreadyFinal {
            run,
            status: found.run.status,
        }
        .into(),
        Ok(_) => CommandError::NotFound(format!("run {run}")),
        Err(error) => CommandError::Store(error.to_string()),
    }
}

impl Prepared {
    fn plain(message: Message) -> Self {
        Self {
            message,
            trigger: None,
        }
    }
}

/// Has the engine take a job's new definition, and notes what is to be written of it.
pub(super) fn put_job(
    engine: &mut Engine,
    actor: &Actor,
    def: JobDef,
    save: &SaveJob,
    tick: Tick,
    work: &mut Work,
) -> Result<(), Refusal> {
    let (id, owner, revision) = (def.id, def.owner, def.revision);
    engine.step(
        Event::SaveJob(Arc::new(def)),
        tick,
        &mut work.batch.decisions,
    )?;
    let verb = if revision.0 == 1 { "create" } else { "save" };
    let name = &save.content.name;
    let detail = format!("revision {revision} of {name}: {}", save.comment);
    work.record(actor, verb, (Subject::Job, id.0), detail);
    work.batch.job_edits.push(JobEdit {
        id,
        owner,
        revision,
        content: save.content.clone(),
        author: actor.name.clone(),
        comment: save.comment.clone(),
    });
    Ok(())
}

/// Refuses what is based on another revision than the newest one.
pub(super) fn newest_is(newest: Revision, base: Option<Revision>) -> Result<(), CommandError> {
    match base {
        Some(base) if base != newest => Err(CommandError::Stale { base, newest }),
        Some(_) | None => Ok(()),
    }
}

/// The engine's view of a job that is being saved.
pub(super) fn definition(
    before: Option<&JobDef>,
    save: &SaveJob,
    new_id: impl FnOnce() -> JobId,
    actor: &Actor,
) -> Result<JobDef, CommandError> {
    let content = &save.content;
    let revision = match (before, save.base_revision) {
        (None, _) => Revision(1),
        (Some(before), Some(base)) if base == before.revision => Revision(base.0 + 1),
        (Some(before), base) => {
            let base = base.unwrap_or_default();
            return Err(CommandError::Stale {
                base,
                newest: before.revision,
            });
        }
    };
    Ok(JobDef {
        id: before.map_or_else(new_id, |before| before.id),
        group: content.group_id,
        name: content.name.clone(),
        owner: before.map_or(actor.team, |before| before.owner),
        revision,
        switch: before.map_or(Switch::Closed, |before| before.switch),
        first_opened_at: before.and_then(|before| before.first_opened_at),
        opened_at: before.and_then(|before| before.opened_at),
        eras: vec![ScheduleEra {
            after: None,
            schedule: content.schedule.clone(),
        }],
        host_group: content.host_group_id,
        priority: content.priority,
        retry: content.retry.clone(),
        overlap: content.overlap,
        misfire: content.misfire,
        on_lost: content.on_lost,
        must_end_minutes: content.must_end_minutes,
        kill_on_timeout: content.kill_on_timeout,
    })
}
