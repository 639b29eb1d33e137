//! The loop of a leader: gather, step, settle, render, commit, send.
//!
//! ```text
//! commands (web, CLI) ─┐                       ┌─▶ answers, notices, definitions
//! worker sessions ─────┼─▶ inbox ─▶ one turn ──┤
//! deadlines, renewals ─┘        (one commit)   └─▶ messages to workers
//! ```
//!
//! Whatever lies in the inbox is taken in one turn and committed at once (group commit). Nothing
//! leaves the process before its commit is durable.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hera_domain::check::ContentLimits;
use hera_domain::clock::Timestamp;
use hera_domain::engine::{
    Decisions, Engine, Event, InventoryItem, InventoryState, Run, RunRef, Send, Tick, WorkerEvent,
};
use hera_domain::id::{Epoch, RunId, WorkerId};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::clock::EngineClock;
use super::command::Answer;
use super::commands::{Prepared, Work};
use super::committer::{Committer, Failure};
use super::eligible::Eligibility;
use super::inbox::Message;
use super::publish::Publisher;
use super::render::{Renderer, Rendering, Unrendered};
use super::sessions::Sessions;
use super::state::{Loader, State};
use crate::store::WorkerChange;

/// Messages taken in one turn at most.
const GATHER: usize = 256;
/// The longest sleep; a deadline beyond it is looked at again.
const LONGEST: Duration = Duration::from_secs(60);

/// How old the lengths of the queues may be that the metrics show.
const QUEUES_EVERY: Duration = Duration::from_millis(500);

/// Why a leadership ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The process is asked to end.
    Asked,
    /// Another admin leads, or may: the lease has run out.
    Deposed,
    /// An admin is alive that shall lead rather than this one.
    HandOver,
    /// The database is away, or disagrees with memory: the next leadership starts from it.
    Reload,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Deposed => Self::Deposed,
            Failure::Away(_) | Failure::Unknown(_) | Failure::Conflict(_) => Self::Reload,
        }
    }
}

/// A leadership: from the lease's acquisition to its end.
pub(super) struct Leader {
    pub(super) engine: Engine,
    pub(super) clock: EngineClock,
    pub(super) committer: Committer,
    pub(super) state: State,
    pub(super) loader: Loader,
    pub(super) eligibility: Eligibility,
    /// By the database's clock.
    pub(super) led_since: Timestamp,
    pub(super) sessions: Sessions,
    pub(super) renderer: Renderer,
    pub(super) publisher: Publisher,
    pub(super) content_limits: ContentLimits,
}

impl Leader {
    /// Leads until asked to stop or until the lead is lost.
    pub(super) async fn run(
        &mut self,
        inbox: &mut mpsc::Receiver<Message>,
        later: &mut watch::Receiver<Epoch>,
        stop: &CancellationToken,
    ) -> Stop {
        let ended = self.lead(inbox, later, stop).await;
        self.sessions.close_all();
        self.publisher.step_down();
        match ended {
            Stop::Asked | Stop::HandOver | Stop::Reload => self.committer.release().await,
            Stop::Deposed => {}
        }
        ended
    }

    async fn lead(
        &mut self,
        inbox: &mut mpsc::Receiver<Message>,
        later: &mut watch::Receiver<Epoch>,
        stop: &CancellationToken,
    ) -> Stop {
        if let Err(ended) = self.take_over().await {
            return ended;
        }
        let mut messages = Vec::new();
        let mut queues_shown: Option<Instant> = None;
        loop {
            let wake = self.wake_at();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Stop::Asked,
                Ok(()) = later.changed() => {
                    let seen = *later.borrow_and_update();
                    return self.rise_above(seen).await;
                }
                _ = inbox.recv_many(&mut messages, GATHER) => {}
                () = tokio::time::sleep_until(wake) => {}
            }
            if let Err(ended) = self.turn(std::mem::take(&mut messages)).await {
                return ended;
            }
            if queues_shown.is_none_or(|at| at.elapsed() >= QUEUES_EVERY) {
                self.publisher.queues(&self.engine, &self.state);
                self.publisher.strain(inbox.len(), &self.loader.limits);
                let groups = &self.state.definitions.host_groups;
                if !self.eligibility.lasts(self.led_since, groups) {
                    tracing::info!("an admin of the host group for leaders is alive; handing over");
                    return Stop::HandOver;
                }
                queues_shown = Some(Instant::now());
            }
            if let Err(failure) = self.keep_lease().await {
                return failure.into();
            }
        }
    }

    /// Renews the lease when it is time, also in the middle of a long turn.
    async fn keep_lease(&mut self) -> Result<(), Failure> {
        if self.committer.renewal_is_due() {
            match self.committer.renew().await {
                Ok(database_now) => self.clock.sample(database_now),
                Err(Failure::Deposed) => return Err(Failure::Deposed),
                // The lease may still hold; it is tried again soon.
                Err(Failure::Away(_) | Failure::Unknown(_) | Failure::Conflict(_)) => {}
            }
        }
        if self.committer.lease_has_run_out() {
            tracing::warn!("the lease ran out before it could be renewed; this admin steps down");
            return Err(Failure::Deposed);
        }
        Ok(())
    }

    /// A worker has seen a leadership later than this one. If it is true that this admin leads,
    /// the database has been restored from a backup: the next leadership shall be later still.
    async fn rise_above(&mut self, seen: Epoch) -> Stop {
        match self.committer.raise(seen).await {
            Ok(()) => {
                tracing::warn!(%seen, "workers have seen a later leadership than this database knows: it was restored from a backup; leading anew, above it");
                Stop::Reload
            }
            Err(failure) => failure.into(),
        }
    }

    /// The first turn: what happened while nobody led.
    async fn take_over(&mut self) -> Result<(), Stop> {
        let tick = self.tick();
        let mut work = Work::new(tick, self.committer.lease_ms());
        self.engine.takeover(tick, &mut work.batch.decisions);
        self.finish(tick, work).await?;
        self.publisher.lead(&self.state, self.committer.epoch());
        self.publish_workers();
        Ok(())
    }

    fn wake_at(&mut self) -> Instant {
        let deadline = self.engine.next_deadline();
        let sleep = deadline.map_or(LONGEST, |at| self.clock.until(at).min(LONGEST));
        (Instant::now() + sleep).min(self.committer.renewal_at())
    }

    fn tick(&mut self) -> Tick {
        Tick {
            now: self.clock.now(),
            seq: self.committer.next_seq(),
        }
    }

    /// Takes every message in one commit. If the database refuses that, memory is loaded anew and
    /// each message gets a commit of its own, so that a bad one hurts nobody but its sender.
    async fn turn(&mut self, messages: Vec<Message>) -> Result<(), Stop> {
        let Err((failure, messages)) = self.attempt(messages).await else {
            return Ok(());
        };
        let Failure::Conflict(conflict) = failure else {
            refuse(messages, &failure);
            return Err(failure.into());
        };
        tracing::error!(%conflict, messages = messages.len(),
            "the database disagrees with memory; reloading and taking the messages one by one");
        self.reload().await?;
        for message in messages {
            let Err((failure, messages)) = self.attempt(vec![message]).await else {
                continue;
            };
            let conflicted = matches!(failure, Failure::Conflict(_));
            self.quarantine(messages, &failure);
            if !conflicted {
                return Err(failure.into());
            }
            self.reload().await?;
        }
        Ok(())
    }

    /// One turn, one commit; the messages come back if it failed.
    async fn attempt(&mut self, messages: Vec<Message>) -> Result<(), (Failure, Vec<Message>)> {
        let mut prepared = Vec::with_capacity(messages.len());
        let mut messages = messages.into_iter();
        while let Some(message) = messages.next() {
            if let Err(failure) = self.keep_lease().await {
                let taken = prepared
                    .into_iter()
                    .map(|prepared: Prepared| prepared.message);
                return Err((failure, taken.chain([message]).chain(messages).collect()));
            }
            prepared.extend(self.prepare(message).await);
        }
        let tick = self.tick();
        let mut work = Work::new(tick, self.committer.lease_ms());
        let mut answers = Vec::with_capacity(prepared.len());
        for message in &prepared {
            answers.push(self.apply(message, tick, &mut work));
        }
        match self.finish(tick, work).await {
            Ok(()) => {
                answer(prepared, answers);
                Ok(())
            }
            Err(failure) => Err((
                failure,
                prepared
                    .into_iter()
                    .map(|prepared| prepared.message)
                    .collect(),
            )),
        }
    }

    /// Settles, renders, commits and sends.
    async fn finish(&mut self, tick: Tick, mut work: Work) -> Result<(), Failure> {
        self.engine.settle(tick, &mut work.batch.decisions);
        let starts = self.render(tick, &mut work).await?;
        let writes = !work.is_empty();
        let batch = Arc::new(work.batch);
        if writes {
            let asked_at = Instant::now();
            self.committer.commit(&batch).await?;
            self.publisher.committed(&batch, &mut self.state);
            self.publisher
                .measure(&batch.decisions, &self.engine, asked_at.elapsed());
        } else if self.committer.lease_has_run_out() {
            // Without a commit nothing else proves that this admin still leads.
            return Err(Failure::Deposed);
        }
        self.send(&batch.decisions, &starts);
        for (worker, message) in work.to_workers {
            self.sessions.send(worker, message);
        }
        for change in &batch.workers {
            if let WorkerChange::RevokeToken(worker) = change {
                // Whoever came with it goes, and comes back by the join token.
                self.sessions.close(*worker);
            }
        }
        if work.workers_changed || !batch.decisions.runs.is_empty() {
            self.publish_workers();
        }
        Ok(())
    }

    /// Gives a message up that the database never takes: its sender is told, a worker's session
    /// is closed so that the worker reports anew.
    fn quarantine(&mut self, messages: Vec<Message>, failure: &Failure) {
        for message in &messages {
            match message {
                Message::Worker(report) => {
                    tracing::error!(%failure, worker.id = %report.worker, report = ?report.report,
                        "what this worker reports could not be taken; its session is closed");
                    self.sessions.close(report.worker);
                }
                Message::Command(request) => {
                    let command = request.command.name();
                    tracing::error!(%failure, command, "this command could not be taken");
                }
            }
        }
        refuse(messages, failure);
    }

    /// Forgets what memory says and takes the database's word: a takeover that keeps the sessions.
    /// What is bound to a connected worker is taken to be there still (every start was sent after
    /// its commit), until the worker reports otherwise.
    async fn reload(&mut self) -> Result<(), Stop> {
        let read = async {
            Ok((
                self.loader.load().await?,
                self.loader.store.workers().await?,
            ))
        };
        let ((engine, state), workers) = read.await.map_err(|error: anyhow::Error| {
            tracing::error!(%error, "the database cannot be read");
            Stop::Reload
        })?;
        self.sessions.restore(&workers);
        self.engine = engine;
        self.state = state;
        let tick = self.tick();
        let mut work = Work::new(tick, self.committer.lease_ms());
        self.engine.takeover(tick, &mut work.batch.decisions);
        for (worker, mut hello) in self.sessions.hellos() {
            hello.inventory = inventory(&self.engine, worker);
            let event = Event::Worker(worker, WorkerEvent::Connected(hello));
            if let Err(error) = self.step(event, tick, &mut work) {
                tracing::error!(worker.id = %worker, %error, "a session could not be kept");
                self.sessions.close(worker);
            }
        }
        if let Err(failure) = self.finish(tick, work).await {
            tracing::error!(%failure, "the database disagrees with what was just read from it");
            return Err(failure.into());
        }
        self.publisher.lead(&self.state, self.committer.epoch());
        Ok(())
    }

    /// Renders the runs that this batch dispatches. One that cannot be rendered fails here; what
    /// follows from that is decided in the next turn.
    async fn render(&mut self, tick: Tick, work: &mut Work) -> Result<Rendering, Failure> {
        let mut rendering = Rendering::default();
        for run in starts(&work.batch.decisions) {
            let rendered = self
                .renderer
                .render(&self.engine, &self.state, run, work)
                .await;
            match rendered {
                Ok(start) => rendering.add(run, start),
                Err(Unrendered::Store(error)) => return Err(error.into()),
                Err(Unrendered::Never(error)) => {
                    let failed = Event::RenderFailed { run, error };
                    if let Err(error) = self.step(failed, tick, work) {
                        tracing::error!(run.id = %run, %error, "a render error was refused");
                    }
                }
            }
        }
        Ok(rendering)
    }

    fn send(&self, decisions: &Decisions, starts: &Rendering) {
        use super::inbox::ToWorker;
        for send in &decisions.sends {
            match send {
                Send::Start { worker, run } => {
                    if let Some(start) = starts.get(run.run) {
                        self.sessions
                            .send(*worker, ToWorker::Start(Box::new(start.clone())));
                    }
                }
                Send::Cancel { worker, run } => {
                    self.sessions.send(*worker, ToWorker::Cancel(run.clone()));
                }
                Send::Ack { worker, run } => {
                    self.sessions.send(*worker, ToWorker::Ack(run.clone()));
                }
                Send::Discard { worker, run } => {
                    self.sessions.send(*worker, ToWorker::Discard(run.clone()));
                }
            }
        }
    }

    pub(super) fn publish_workers(&self) {
        self.publisher.workers(&self.sessions, &self.engine);
    }
}

/// What a worker should have, going by the database.
fn inventory(engine: &Engine, worker: WorkerId) -> Vec<InventoryItem> {
    let bound = engine
        .live_runs()
        .filter(|run| run.worker == Some(worker) && run.status.is_on_worker());
    let item = |run: &Run| {
        let nonce = run.nonce.clone()?;
        Some(InventoryItem {
            run: RunRef { run: run.id, nonce },
            state: InventoryState::Live,
        })
    };
    bound.filter_map(item).collect()
}

/// The runs to be started.
fn starts(decisions: &Decisions) -> BTreeSet<RunId> {
    let started = decisions.sends.iter().filter_map(|send| match send {
        Send::Start { run, .. } => Some(run.run),
        Send::Cancel { .. } | Send::Ack { .. } | Send::Discard { .. } => None,
    });
    started.collect()
}

fn answer(prepared: Vec<Prepared>, answers: Vec<Option<Answer>>) {
    for (prepared, answer) in prepared.into_iter().zip(answers) {
        if let (Message::Command(request), Some(answer)) = (prepared.message, answer) {
            request.answer(answer);
        }
    }
}

/// Tells the senders of commands that nothing was done.
fn refuse(messages: Vec<Message>, failure: &Failure) {
    for message in messages {
        if let Message::Command(request) = message {
            request.answer(Err(failure.to_command_error()));
        }
    }
}
