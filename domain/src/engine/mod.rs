//! The engine decides what runs when. It is a state machine without I/O: the master feeds it
//! events and the time, writes its [`Decisions`] in one transaction and only then sends.
//!
//! A batch is any number of [`Engine::step`]s and one [`Engine::settle`] with the same tick and
//! the same decisions, then one commit. If the commit fails the engine is thrown away and made
//! again from the database.

mod agenda;
mod calendars;
mod deadlines;
mod decision;
mod event;
mod jobs;
mod plan;
mod queue;
mod ready;
mod record;
mod rows;
mod runs;
#[cfg(test)]
mod sim;
mod state;
#[cfg(test)]
mod tests;
mod trigger;
mod views;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

pub use decision::{Alarm, AlarmKind, Change, Decisions, LateResult, Outcome, Refusal, Send};
pub use event::{
    At, End, Event, InventoryItem, InventoryState, Load, Repeated, RunRef, Tick, TriggerRequest,
    WorkerEvent, WorkerHello,
};
pub use record::{CancelledBy, HostGroup, LABEL, Limits, Run, Snapshot, Version};
pub use trigger::Recall;
pub use views::{EdgeView, QueueDepth, VersionView};

use crate::calendar::CalendarDef;
use crate::clock::Timestamp;
use crate::id::{HostGroupId, JobId, RunId, VersionKey, WorkerId};
use crate::job::JobDef;

crate::text_enum::text_enum! {
    /// How a worker is chosen among those that can take a run (HERA's `loadBalance`).
    Balance {
        RoundRobin = "roundrobin",
        Random = "random",
        LeastLoaded = "least-loaded",
    }
}

/// Rows that one settle adds to a batch at most; what is left follows at once in the next one.
const MAX_INSERTS: usize = 1_000;

/// How often `planned_through` is written down when nothing else happens.
const PLANNED_THROUGH_EVERY: TimeDelta = TimeDelta::seconds(10);

/// Cron times that are not older than this at a takeover are on time.
const ON_TIME: TimeDelta = TimeDelta::seconds(60);

/// See the module.
#[derive(Debug)]
pub struct Engine {
    limits: Limits,
    salt: [u8; 16],
    jobs: BTreeMap<JobId, Arc<JobDef>>,
    /// Who depends on a job, by the schedules in force.
    dependents: BTreeMap<JobId, BTreeSet<JobId>>,
    host_groups: BTreeMap<HostGroupId, HostGroup>,
    /// By name, as schedules name them.
    calendars: BTreeMap<String, Arc<CalendarDef>>,
    plan: plan::Plan,
    rows: rows::Rows,
    runs: state::Runs,
    ended: state::Ended,
    agenda: agenda::Agenda,
    timers: BTreeSet<(Timestamp, state::Timer)>,
    /// Versions whose readiness must be judged again.
    touched: BTreeSet<VersionKey>,
    queue: queue::Queue,
    workers: BTreeMap<WorkerId, workers::Worker>,
    last_key: VersionKey,
    last_run: RunId,
    planned_through: Option<Timestamp>,
    planned_through_written: Option<Timestamp>,
    /// Cron times up to here had no leader.
    misfire_until: Option<Timestamp>,
    /// A settle was cut short by the bound on rows.
    unsettled: bool,
    /// Old rows that were loaded on purpose.
    recalled: BTreeSet<VersionKey>,
    forgotten_at: Option<Timestamp>,
}

/// What a step works with: its time, and where its decisions go.
struct Batch<'a> {
    tick: Tick,
    out: &'a mut Decisions,
    /// Rows added by this settle.
    inserted: usize,
}

impl<'a> Batch<'a> {
    fn new(tick: Tick, out: &'a mut Decisions) -> Self {
        Self {
            tick,
            out,
            inserted: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.inserted >= MAX_INSERTS
    }

    /// Tells people; `event` tells this event from others of its kind.
    fn alarm(
        &mut self,
        kind: AlarmKind,
        event: impl std::fmt::Display,
        about: (Option<JobId>, Option<VersionKey>, Option<RunId>),
        text: String,
    ) {
        self.out.alarms.push(Alarm {
            kind,
            dedupe_key: format!("{kind}:{event}"),
            job: about.0,
            version: about.1,
            run: about.2,
            text,
        });
    }
}

impl Engine {
    /// Takes in what the database holds. Nothing is decided yet.
    pub fn restore(snapshot: Snapshot, limits: Limits) -> Self {
        let mut engine = Self {
            limits,
            salt: snapshot.salt,
            jobs: snapshot.jobs,
            dependents: BTreeMap::new(),
            host_groups: snapshot.host_groups,
            calendars: named(snapshot.calendars),
            plan: plan::Plan::default(),
            rows: rows::Rows::default(),
            runs: state::Runs::default(),
            ended: state::Ended::default(),
            agenda: agenda::Agenda::default(),
            timers: BTreeSet::new(),
            touched: BTreeSet::new(),
            queue: queue::Queue::default(),
            workers: BTreeMap::new(),
            last_key: VersionKey(snapshot.last_version_key),
            last_run: RunId(snapshot.last_run_id),
            planned_through: snapshot.planned_through,
            planned_through_written: snapshot.planned_through,
            misfire_until: None,
            unsettled: true,
            recalled: BTreeSet::new(),
            forgotten_at: None,
        };
        engine.restore_dependents();
        for version in snapshot.versions {
            engine.remember_version(version);
        }
        for run in snapshot.runs {
            if run.status.is_final() {
                engine.runs.retrying.insert(run.version, run);
            } else {
                engine.remember_run(run);
            }
        }
        engine.restore_agenda();
        engine
    }

    /// Once after [`Engine::restore`]: every worker is silent since now, and cron times that no
    /// leader was there to start are handled by their jobs' policies in the settles that follow.
    pub fn takeover(&mut self, tick: Tick, out: &mut Decisions) {
        let batch = Batch::new(tick, out);
        self.misfire_until = Some(batch.tick.now - ON_TIME);
        self.forget_ancient_times(batch.tick.now);
        self.await_workers(batch.tick.now);
    }

    /// A key for a version that somebody else writes; no other version will have it.
    pub fn new_version_key(&mut self) -> VersionKey {
        self.last_key = self.last_key.next();
        self.last_key
    }

    /// An id for a run that somebody else writes; no other run will have it.
    pub fn new_run_id(&mut self) -> RunId {
        self.last_run = self.last_run.next();
        self.last_run
    }

    /// Takes in an event. A refused one has changed nothing.
    pub fn step(
        &mut self,
        event: Event,
        tick: Tick,
        out: &mut Decisions,
    ) -> Result<Outcome, Refusal> {
        let batch = &mut Batch::new(tick, out);
        self.unsettled = true;
        match event {
            Event::SaveJob(def) => self.save_job(&def, batch)?,
            Event::DeleteJob(job) => self.delete_job(job, batch)?,
            Event::Switch { jobs, to } => self.switch(&jobs, to, batch)?,
            Event::SaveHostGroup(group) => {
                self.host_groups.insert(group.id, group);
            }
            Event::DeleteHostGroup(group) => {
                self.host_groups.remove(&group);
            }
            Event::SaveCalendar(calendar) => self.save_calendar(&calendar),
            Event::DeleteCalendar(calendar) => self.delete_calendar(calendar),
            Event::Trigger(request) => return self.trigger(request, batch),
            Event::Cancel { run, by } => self.cancel(run, by, batch)?,
            Event::DeclareLost { run, person } => self.declare_lost(run, person, batch)?,
            Event::CancelAll { reason } => self.cancel_all(&reason, batch),
            Event::Recall(versions) => self.recall(versions),
            Event::RenderFailed { run, error } => self.render_failed(run, error, batch),
            Event::Worker(worker, event) => self.worker_event(worker, event, batch),
        }
        Ok(Outcome::Done)
    }

    /// Ends a batch: what has become due, ready, late or possible is decided.
    pub fn settle(&mut self, tick: Tick, out: &mut Decisions) {
        let batch = &mut Batch::new(tick, out);
        self.unsettled = false;
        self.timers_came(batch);
        let all_passed = self.pass_time(batch);
        let all_judged = self.judge_touched(batch);
        let all_dispatched = self.dispatch(batch);
        self.unsettled = !(all_passed && all_judged && all_dispatched);
        self.write_planned_through(batch);
        self.forget_old_rows(tick.now);
    }

    /// When [`Engine::settle`] must be called even if no event comes; in the past if the last
    /// settle was cut short.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.unsettled {
            return Some(Timestamp::MIN_UTC);
        }
        let timer = self.timers.first().map(|(at, _)| *at);
        let written = self.planned_through_written;
        let plan = self.agenda.next();
        let write = plan.and(written).map(|at| at + PLANNED_THROUGH_EVERY);
        [timer, plan, write].into_iter().flatten().min()
    }

    fn write_planned_through(&mut self, batch: &mut Batch<'_>) {
        let reached = self.planned_up_to(batch.tick.now);
        self.planned_through = Some(reached);
        let old = self.planned_through_written;
        let is_old = old.is_none_or(|written| reached - written >= PLANNED_THROUGH_EVERY);
        let advanced = old.is_none_or(|written| reached > written);
        if is_old || (advanced && batch.inserted > 0) {
            self.planned_through_written = Some(reached);
            batch.out.planned_through = Some(reached);
        }
    }
}

fn named(calendars: Vec<Arc<CalendarDef>>) -> BTreeMap<String, Arc<CalendarDef>> {
    let named = calendars.into_iter();
    named.map(|def| (def.content.name.clone(), def)).collect()
}
