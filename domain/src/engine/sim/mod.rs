//! A simulated installation: leaders, a database, workers and a network between them, with every
//! fault that a seed can draw. The engine under test is the real one; everything else here obeys
//! the laws of the house, unless a test breaks one on purpose to see that the checker notices.

mod check;
mod db;
mod faults;
mod machine;
mod oracle;
mod scenario;
mod tests;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{TimeDelta, TimeZone, Utc};

use self::check::Checker;
use self::db::{Db, Refused};
use self::faults::Crash;
use self::machine::Machine;
use self::scenario::{Act, Fault, Scenario};
use super::{
    Decisions, End, Engine, Event, HostGroup, InventoryItem, InventoryState, Limits, RunRef, Send,
    Snapshot, Tick, WorkerEvent,
};
use crate::calendar::CalendarDef;
use crate::clock::Timestamp;
use crate::id::{CommitSeq, WorkerId};

/// Slots of every worker.
const SLOTS: u32 = 3;

/// Laws that a test breaks on purpose.
#[derive(Debug, Clone, Copy, Default)]
struct Broken {
    unfenced: bool,
    blind_writes: bool,
    sends_before_commit: bool,
    forgets_inventory: bool,
    denies_a_run: bool,
    never_fences: bool,
    fences_late: bool,
    takes_sessions_for_contact: bool,
    claims_to_have_killed: bool,
    ignores_nonces: bool,
    ignores_overlap: bool,
    ignores_calendars: bool,
}

/// A candidate that led once.
struct Admin {
    engine: Engine,
    epoch: i64,
    seq: i64,
    alive: bool,
    took_over: bool,
    sessions: BTreeMap<WorkerId, u64>,
    inbox: Vec<Event>,
    /// Heartbeats to be answered: whose, in which session, when sent.
    beats: Vec<(WorkerId, u64, Timestamp)>,
    crash: Option<Crash>,
    /// What it began with and all that it was told and decided, to be replayed.
    snapshot: Snapshot,
    log: Log,
    /// The same of before it loaded its memory anew.
    past: Vec<(Snapshot, Log)>,
}

type Log = Vec<(Tick, Vec<Event>, Decisions)>;

/// What is under way.
#[derive(Debug, Clone)]
enum Happening {
    Elect,
    Wake(usize),
    Connect(usize),
    ToAdmin(usize, WorkerId, u64, Box<WorkerEvent>),
    /// A heartbeat that was sent then.
    Beat(usize, WorkerId, u64, Timestamp),
    /// The answer to it, by the leader of this epoch.
    Answer(usize, u64, i64, Timestamp),
    /// A worker has had no contact since then, and that was long ago.
    Fence(usize, Timestamp),
    /// An admin notices that a session is over.
    Gone(usize, WorkerId, u64),
    ToWorker(usize, u64, i64, Send),
    ProcessStarts(usize, RunRef),
    ProcessEnds(usize, RunRef, End),
    /// What could not be killed is gone after all.
    LeftoverEnds(RunRef),
    Act(Act),
    Fault(Fault),
    Heal,
    End,
}

struct World {
    now: Timestamp,
    random: u64,
    scenario: Scenario,
    broken: Broken,
    limits: Limits,
    db: Db,
    checker: Checker,
    admins: Vec<Admin>,
    leader: Option<usize>,
    machines: Vec<Machine>,
    coming: BTreeMap<(Timestamp, u64), Happening>,
    counter: u64,
    /// When the last message of a stream arrives: streams keep their order.
    streams: BTreeMap<(u64, bool), Timestamp>,
    fails_to_render: bool,
    /// The database refuses the next batch.
    refuses: bool,
    healed: bool,
}

/// Time zero of a simulation; its day is the business day of everything in it.
fn midnight() -> Timestamp {
    Utc.with_ymd_and_hms(2026, 11, 20, 0, 0, 0).unwrap()
}

/// What a simulation came to.
struct Report {
    violations: Vec<String>,
    db: Db,
}

impl World {
    fn run(scenario: &Scenario, broken: Broken) -> Report {
        let mut world = Self::new(scenario, broken);
        while let Some(((at, _), happening)) = world.coming.pop_first() {
            world.now = world.now.max(at);
            if !world.checker.violations.is_empty() {
                break;
            }
            if matches!(happening, Happening::End) {
                break;
            }
            world.happen(happening);
        }
        if world.checker.violations.is_empty() {
            world.checker.at_rest(&world.db, world.now);
            world.replay();
        }
        Report {
            violations: world.checker.violations,
            db: world.db,
        }
    }

    fn new(scenario: &Scenario, broken: Broken) -> Self {
        let mut world = Self {
            now: midnight() + TimeDelta::minutes(55),
            random: scenario.seed,
            scenario: scenario.clone(),
            broken,
            limits: scenario.limits(),
            db: scenario.database(),
            checker: Checker::default(),
            admins: Vec::new(),
            leader: None,
            machines: (1..=scenario.workers)
                .map(|id| Machine::new(WorkerId(id)))
                .collect(),
            coming: BTreeMap::new(),
            counter: 0,
            streams: BTreeMap::new(),
            fails_to_render: false,
            refuses: false,
            healed: false,
        };
        world.db.unfenced = broken.unfenced;
        world.db.blind_writes = broken.blind_writes;
        world.checker.overlap = world
            .db
            .jobs
            .values()
            .map(|def| (def.id, def.overlap))
            .collect();
        if broken.ignores_overlap {
            world.db.jobs = scenario::jobs_that_overlap(&world.db.jobs);
        }
        world.db.hides_calendar = broken.ignores_calendars;
        world.after(0, Happening::Elect);
        for machine in 0..world.machines.len() {
            world.after(100, Happening::Connect(machine));
        }
        for (second, act) in &scenario.acts {
            world.after(second * 1_000, Happening::Act(act.clone()));
        }
        for (second, fault) in &scenario.faults {
            world.after(second * 1_000, Happening::Fault(fault.clone()));
        }
        world.after(5_400_000, Happening::Heal);
        world
    }

    fn draw(&mut self, below: i64) -> i64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let high = i64::try_from(self.random >> 33).unwrap();
        high % below
    }

    fn after(&mut self, ms: i64, happening: Happening) {
        self.at(self.now + TimeDelta::milliseconds(ms), happening);
    }

    fn at(&mut self, at: Timestamp, happening: Happening) {
        self.counter += 1;
        self.coming.insert((at, self.counter), happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Elect => self.elect(),
            Happening::Wake(admin) => self.wake(admin),
            Happening::Connect(machine) => self.connect(machine),
            Happening::ToAdmin(admin, worker, session, event) => {
                self.deliver_report(admin, worker, session, *event);
            }
            Happening::Beat(admin, worker, session, sent) => {
                self.deliver_beat(admin, worker, session, sent);
            }
            Happening::Answer(machine, session, epoch, sent) => {
                self.answered(machine, session, epoch, sent);
            }
            Happening::Fence(machine, since) => self.fence(machine, since),
            Happening::Gone(admin, worker, session) => self.gone(admin, worker, session),
            Happening::ToWorker(machine, session, epoch, send) => {
                let machine_is_there = self.machines[machine].up
                    && self.machines[machine]
                        .session
                        .is_some_and(|(id, _)| id == session);
                if machine_is_there && epoch >= self.machines[machine].epoch {
                    self.obey(machine, send);
                }
            }
            Happening::ProcessStarts(machine, run) => self.process_starts(machine, &run),
            Happening::ProcessEnds(machine, run, end) => self.process_ends(machine, &run, &end),
            Happening::LeftoverEnds(run) => self.checker.ended(&run, &End::default()),
            Happening::Act(act) => self.act(&act),
            Happening::Fault(fault) => self.fault(&fault),
            Happening::Heal => self.heal(),
            Happening::End => {}
        }
    }

    fn elect(&mut self) {
        if self
            .leader
            .is_some_and(|leader| self.admins[leader].alive && self.is_current(leader))
        {
            return;
        }
        self.db.epoch += 1;
        let snapshot = self.db.snapshot(self.now, &self.limits);
        let admin = Admin {
            engine: Engine::restore(snapshot.clone(), self.limits.clone()),
            epoch: self.db.epoch,
            seq: self.db.commit_seq,
            alive: true,
            took_over: false,
            sessions: BTreeMap::new(),
            inbox: Vec::new(),
            beats: Vec::new(),
            crash: None,
            snapshot,
            log: Vec::new(),
            past: Vec::new(),
        };
        self.admins.push(admin);
        let leader = self.admins.len() - 1;
        self.leader = Some(leader);
        self.after(0, Happening::Wake(leader));
    }

    fn is_current(&self, admin: usize) -> bool {
        self.admins[admin].epoch == self.db.epoch
    }

    fn wake(&mut self, index: usize) {
        let admin = &self.admins[index];
        let due = admin
            .engine
            .next_deadline()
            .is_some_and(|at| at <= self.now);
        if admin.alive && (due || !admin.inbox.is_empty() || admin.crash.is_some()) {
            self.batch(index);
        }
    }

    fn batch(&mut self, index: usize) {
        let tick = Tick {
            now: self.now,
            seq: CommitSeq(self.admins[index].seq + 1),
        };
        let fails_to_render = self.fails_to_render;
        let admin = &mut self.admins[index];
        let mut events = std::mem::take(&mut admin.inbox);
        let beats = std::mem::take(&mut admin.beats);
        let mut out = Decisions::default();
        if !admin.took_over {
            admin.took_over = true;
            admin.engine.takeover(tick, &mut out);
        }
        for event in &events {
            // A refused command changes nothing; that is checked elsewhere.
            let _ = admin.engine.step(event.clone(), tick, &mut out);
        }
        admin.engine.settle(tick, &mut out);
        let starts = out.sends.iter().find_map(|send| match send {
            Send::Start { run, .. } => Some(run.run),
            Send::Cancel { .. } | Send::Ack { .. } | Send::Discard { .. } => None,
        });
        if let Some(run) = starts.filter(|_| fails_to_render) {
            self.fails_to_render = false;
            let error = "no such variable".to_owned();
            let event = Event::RenderFailed { run, error };
            let _ = admin.engine.step(event.clone(), tick, &mut out);
            events.push(event);
        }
        admin.log.push((tick, events, out.clone()));
        self.carry_out(index, tick, &out);
        self.answer(index, beats);
    }

    /// After the turn that took them, and inside the lease only.
    fn answer(&mut self, index: usize, beats: Vec<(WorkerId, u64, Timestamp)>) {
        if !self.admins[index].alive || !self.is_current(index) {
            return;
        }
        let epoch = self.admins[index].epoch;
        for (worker, session, sent) in beats {
            let machine = usize::try_from(worker.0 - 1).unwrap();
            let at = self.arrival(session, false);
            self.at(at, Happening::Answer(machine, session, epoch, sent));
        }
    }

    /// Persists the decisions, then acts on them; dies where it has to.
    fn carry_out(&mut self, index: usize, tick: Tick, out: &Decisions) {
        // It dies where that can hurt: in a batch that decides something.
        let crash = self.admins[index].crash.filter(|_| !out.runs.is_empty());
        if self.broken.sends_before_commit {
            self.send_all(index, out);
        }
        if crash == Some(Crash::BeforeCommit) {
            return self.admin_dies(index);
        }
        if self.refuses && !out.runs.is_empty() && self.is_current(index) {
            self.refuses = false;
            return self.reload(index);
        }
        let calendar = self.new_calendar(index);
        let host_group = self.new_host_group(index);
        if *out != Decisions::default() || calendar.is_some() || host_group.is_some() {
            let before = self.rows_before(out);
            match self.db.commit(self.admins[index].epoch, out) {
                Ok(()) => {}
                Err(Refused::Fenced) => return self.admin_dies(index),
                Err(Refused::Mismatch(text)) => {
                    self.checker
                        .violations
                        .push(format!("a commit failed: {text}"));
                    return self.admin_dies(index);
                }
            }
            self.admins[index].seq = self.db.commit_seq;
            self.db.calendar = calendar.unwrap_or_else(|| self.db.calendar.clone());
            self.db
                .host_groups
                .extend(host_group.map(|group| (group.id, group)));
            self.checker
                .committed(&before, &self.db, out, tick, &self.limits);
        }
        if crash == Some(Crash::AfterCommit) {
            return self.admin_dies(index);
        }
        if !self.broken.sends_before_commit {
            self.send_all(index, out);
        }
        if crash == Some(Crash::AfterSend) {
            return self.admin_dies(index);
        }
        if let Some(at) = self.admins[index].engine.next_deadline() {
            // In the end time passes quickly: a leader may be late with its deadlines.
            let lateness = TimeDelta::seconds(if self.healed { 30 } else { 0 });
            self.at(at.max(self.now + lateness), Happening::Wake(index));
        }
    }

    /// The calendar as the newest batch of a leader has it, if that is about it.
    fn new_calendar(&self, index: usize) -> Option<Arc<CalendarDef>> {
        let (_, events, _) = self.admins[index].log.last()?;
        let mut newest = None;
        for event in events {
            if let Event::SaveCalendar(calendar) = event {
                newest = Some(calendar.clone());
            }
        }
        newest
    }

    fn new_host_group(&self, index: usize) -> Option<HostGroup> {
        let (_, events, _) = self.admins[index].log.last()?;
        let mut newest = None;
        for event in events {
            if let Event::SaveHostGroup(group) = event {
                newest = Some(group.clone());
            }
        }
        newest
    }

    /// The database has refused a batch: the leader loads its memory anew, keeps its sessions, and
    /// gives each event a batch of its own.
    fn reload(&mut self, index: usize) {
        let snapshot = self.db.snapshot(self.now, &self.limits);
        let engine = Engine::restore(snapshot.clone(), self.limits.clone());
        let admin = &mut self.admins[index];
        let refused = admin.log.pop().map(|(_, events, _)| events);
        let connected = admin.sessions.keys().map(|worker| {
            let hello = workers::hello(*worker, bound(&engine, *worker));
            Event::Worker(*worker, WorkerEvent::Connected(hello))
        });
        admin.inbox = connected.collect();
        let log = std::mem::take(&mut admin.log);
        admin
            .past
            .push((std::mem::replace(&mut admin.snapshot, snapshot), log));
        admin.engine = engine;
        admin.took_over = false;
        self.batch(index);
        for event in refused.into_iter().flatten() {
            if self.admins[index].alive && !matches!(event, Event::RenderFailed { .. }) {
                self.admins[index].inbox.push(event);
                self.batch(index);
            }
        }
    }

    /// The rows that the decisions change, as they are.
    fn rows_before(&self, out: &Decisions) -> Db {
        let versions = out
            .versions
            .keys()
            .filter_map(|key| self.db.versions.get_key_value(key));
        let runs = out
            .runs
            .keys()
            .filter_map(|id| self.db.runs.get_key_value(id));
        Db {
            versions: versions.map(|(key, row)| (*key, row.clone())).collect(),
            runs: runs.map(|(id, row)| (*id, row.clone())).collect(),
            outbox: self.db.outbox.clone(),
            ..Db::default()
        }
    }

    fn send_all(&mut self, index: usize, out: &Decisions) {
        let epoch = self.admins[index].epoch;
        for send in &out.sends {
            let (Send::Start { worker, .. }
            | Send::Cancel { worker, .. }
            | Send::Ack { worker, .. }
            | Send::Discard { worker, .. }) = send;
            let Some(session) = self.admins[index].sessions.get(worker).copied() else {
                continue;
            };
            let machine = usize::try_from(worker.0 - 1).unwrap();
            let at = self.arrival(session, false);
            self.at(
                at,
                Happening::ToWorker(machine, session, epoch, send.clone()),
            );
        }
    }

    /// When a message sent now arrives: after a while, and after those sent before it.
    fn arrival(&mut self, session: u64, up: bool) -> Timestamp {
        let delay = if self.draw(10) == 0 { 3_000 } else { 20 };
        let at = self.now + TimeDelta::milliseconds(1 + self.draw(delay));
        let last = self.streams.entry((session, up)).or_insert(at);
        *last = at.max(*last);
        *last
    }

    fn deliver_report(
        &mut self,
        index: usize,
        worker: WorkerId,
        session: u64,
        mut event: WorkerEvent,
    ) {
        if self.broken.ignores_nonces {
            self.forge_nonces(&mut event);
        }
        let admin = &mut self.admins[index];
        if !admin.alive {
            return;
        }
        let newest = admin.sessions.get(&worker).copied().unwrap_or_default();
        if matches!(event, WorkerEvent::Connected(_)) && session > newest {
            admin.sessions.insert(worker, session);
        } else if session != newest {
            return;
        }
        admin.inbox.push(Event::Worker(worker, event));
        let delay = self.draw(30);
        self.after(delay, Happening::Wake(index));
    }

    /// A leader that looks at ids only takes any nonce for its own.
    fn forge_nonces(&self, event: &mut WorkerEvent) {
        let forge = |run: &mut RunRef| {
            let row = self.db.runs.get(&run.run);
            if let Some(nonce) = row.and_then(|row| row.nonce.clone()) {
                run.nonce = nonce;
            }
        };
        match event {
            WorkerEvent::Connected(hello) => {
                hello
                    .inventory
                    .iter_mut()
                    .for_each(|item| forge(&mut item.run));
            }
            WorkerEvent::Accepted(run)
            | WorkerEvent::Started(run)
            | WorkerEvent::Finished(run, _)
            | WorkerEvent::Refused(run, _) => forge(run),
            WorkerEvent::Disconnected | WorkerEvent::Heartbeat(_) | WorkerEvent::Accepting(_) => {}
        }
    }

    /// Law: same snapshot, events and times, same decisions.
    fn replay(&mut self) {
        let leaders = self.admins.iter();
        let memories = leaders.flat_map(|admin| {
            let past = admin.past.iter().map(|(snapshot, log)| (snapshot, log));
            past.chain([(&admin.snapshot, &admin.log)])
        });
        let otherwise = memories.filter_map(|(from, log)| replayed(from, log, &self.limits));
        if let Some(tick) = otherwise.min_by_key(|tick| tick.seq) {
            let text = format!("invariant 10: batch {} decides otherwise", tick.seq);
            self.checker.violations.push(text);
        }
    }
}

/// What a worker has, going by the database.
fn bound(engine: &Engine, worker: WorkerId) -> Vec<InventoryItem> {
    let runs = engine
        .live_runs()
        .filter(|run| run.worker == Some(worker) && run.status.is_on_worker());
    let item = |run: &super::Run| {
        Some(InventoryItem {
            run: RunRef {
                run: run.id,
                nonce: run.nonce.clone()?,
            },
            state: InventoryState::Live,
        })
    };
    runs.filter_map(item).collect()
}

/// The first batch that comes out otherwise when it is done again.
fn replayed(snapshot: &Snapshot, log: &Log, limits: &Limits) -> Option<Tick> {
    let mut engine = Engine::restore(snapshot.clone(), limits.clone());
    for (number, (tick, events, decided)) in log.iter().enumerate() {
        let mut out = Decisions::default();
        if number == 0 {
            engine.takeover(*tick, &mut out);
        }
        let (rendering, events): (Vec<_>, Vec<_>) = events
            .iter()
            .cloned()
            .partition(|event| matches!(event, Event::RenderFailed { .. }));
        for event in events {
            let _ = engine.step(event, *tick, &mut out);
        }
        engine.settle(*tick, &mut out);
        for event in rendering {
            let _ = engine.step(event, *tick, &mut out);
        }
        if out != *decided {
            return Some(*tick);
        }
    }
    None
}
