//! What simulated workers do: connect, obey, run processes and report.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::TimeDelta;

use super::machine::Dir;
use super::{Broken, Happening, SLOTS, World};
use crate::clock::Timestamp;
use crate::engine::{
    End, InventoryItem, InventoryState, Load, RunRef, Send, WorkerEvent, WorkerHello,
};
use crate::id::WorkerId;

/// Silence after which a worker ends the runs that may be started elsewhere.
const SELF_FENCE: TimeDelta = TimeDelta::seconds(50);

/// How long that may take, in milliseconds. They may start elsewhere after a silence of 60 s.
const FENCING: i64 = 9_000;

impl World {
    pub(super) fn connect(&mut self, index: usize) {
        let machine = &self.machines[index];
        let cut_off = machine.cut_off_until.is_some_and(|until| until > self.now);
        if !machine.up || machine.session.is_some() {
            return;
        }
        let Some(leader) = self
            .leader
            .filter(|leader| self.admins[*leader].alive && !cut_off)
        else {
            return self.after(1_000, Happening::Connect(index));
        };
        self.counter += 1;
        let session = self.counter;
        let Broken {
            forgets_inventory,
            denies_a_run,
            takes_sessions_for_contact,
            ..
        } = self.broken;
        let epoch = self.admins[leader].epoch;
        let unheard = self.is_unheard(index);
        let machine = &mut self.machines[index];
        machine.session = Some((session, leader));
        if takes_sessions_for_contact {
            machine.silent_since = None;
        }
        if !unheard {
            machine.epoch = machine.epoch.max(epoch);
        }
        let mut inventory = machine.inventory();
        if forgets_inventory {
            inventory.clear();
        }
        if denies_a_run {
            let live = |item: &InventoryItem| item.state == InventoryState::Live;
            let one = inventory.iter().position(live);
            one.map(|one| inventory.remove(one));
        }
        let hello = hello(machine.id, inventory);
        self.report(index, &WorkerEvent::Connected(hello));
        self.beat(index);
        // Whatever is not acknowledged is reported again on every new session.
        let dirs = self.machines[index].dirs.clone();
        for (run, dir) in dirs {
            if let Dir::Ended(end) = dir {
                self.report(index, &WorkerEvent::Finished(run, end));
            }
        }
    }

    pub(super) fn report(&mut self, index: usize, event: &WorkerEvent) {
        let Some((session, admin)) = self.machines[index].session else {
            return;
        };
        if self.is_unheard(index) {
            return;
        }
        let worker = self.machines[index].id;
        let again = self.draw(8) == 0 && !matches!(event, WorkerEvent::Connected(_));
        for _ in 0..=i32::from(again) {
            let at = self.arrival(session, true);
            let event = Box::new(event.clone());
            self.at(at, Happening::ToAdmin(admin, worker, session, event));
        }
    }

    pub(super) fn obey(&mut self, index: usize, send: Send) {
        match send {
            Send::Start { run, .. } => {
                let silent = self.machines[index].silent_since;
                if silent.is_some_and(|since| since + SELF_FENCE <= self.now) {
                    self.machines[index].held.insert(run);
                } else {
                    self.start(index, run);
                }
            }
            Send::Cancel { run, .. } => self.kill(index, run),
            Send::Ack { run, .. } => {
                let dirs = &mut self.machines[index].dirs;
                if matches!(dirs.get(&run), Some(Dir::Ended(_))) {
                    dirs.remove(&run);
                }
            }
            Send::Discard { run, .. } => {
                self.machines[index].held.remove(&run);
                if self.machines[index].dirs.remove(&run) == Some(Dir::Running) {
                    self.checker.ended(&run, &killed());
                }
            }
        }
    }

    fn start(&mut self, index: usize, run: RunRef) {
        match self.machines[index].dirs.get(&run).cloned() {
            None => {
                if self.db.runs.get(&run.run).is_some_and(|row| row.fenced) {
                    self.machines[index].fenced.insert(run.clone());
                }
                self.machines[index].dirs.insert(run.clone(), Dir::Accepted);
                self.report(index, &WorkerEvent::Accepted(run.clone()));
                let delay = 5 + self.draw(200);
                self.after(delay, Happening::ProcessStarts(index, run));
            }
            Some(Dir::Accepted | Dir::Running) => self.report(index, &WorkerEvent::Accepted(run)),
            Some(Dir::Ended(end)) => self.report(index, &WorkerEvent::Finished(run, end)),
        }
    }

    /// Whether what the worker says is lost.
    fn is_unheard(&self, index: usize) -> bool {
        let until = self.machines[index].unheard_until;
        until.is_some_and(|until| until > self.now)
    }

    /// The first heartbeat of a session. Later ones are answered as long as it lasts.
    fn beat(&mut self, index: usize) {
        let Some((session, admin)) = self.machines[index].session else {
            return;
        };
        if self.is_unheard(index) {
            return;
        }
        let (worker, sent) = (self.machines[index].id, self.now);
        let at = self.arrival(session, true);
        self.at(at, Happening::Beat(admin, worker, session, sent));
    }

    pub(super) fn deliver_beat(
        &mut self,
        index: usize,
        worker: WorkerId,
        session: u64,
        sent: Timestamp,
    ) {
        let load = hello(worker, Vec::new()).load;
        self.deliver_report(index, worker, session, WorkerEvent::Heartbeat(load));
        let admin = &mut self.admins[index];
        if admin.alive && admin.sessions.get(&worker) == Some(&session) {
            admin.beats.push((worker, session, sent));
        }
    }

    /// A leader has heard what the worker sent then. That says nothing of what came after.
    pub(super) fn answered(&mut self, index: usize, session: u64, epoch: i64, sent: Timestamp) {
        let machine = &mut self.machines[index];
        let here = machine.up && machine.session.is_some_and(|(id, _)| id == session);
        if !here || epoch < machine.epoch || machine.silent_since.is_some_and(|since| sent < since)
        {
            return;
        }
        machine.silent_since = None;
        for run in std::mem::take(&mut machine.held) {
            self.start(index, run);
        }
    }

    /// No leader answers from now on.
    pub(super) fn lose_contact(&mut self, index: usize) {
        let since = self.now;
        if self.machines[index].silent_since.is_none() {
            self.machines[index].silent_since = Some(since);
            self.at(since + SELF_FENCE, Happening::Fence(index, since));
        }
    }

    /// Ends what may be started elsewhere soon; the runners do so without the worker's program.
    pub(super) fn fence(&mut self, index: usize, since: Timestamp) {
        if self.machines[index].silent_since != Some(since) || self.broken.never_fences {
            return;
        }
        let begun = since + SELF_FENCE;
        for run in std::mem::take(&mut self.machines[index].fenced) {
            match self.machines[index].dirs.get(&run) {
                Some(Dir::Running) => {
                    // Not from now: all may have stood still meanwhile.
                    let takes = if self.broken.fences_late {
                        60_000
                    } else {
                        self.draw(FENCING)
                    };
                    let at = begun + TimeDelta::milliseconds(takes);
                    let end = self.killed();
                    self.at(at, Happening::ProcessEnds(index, run, end));
                }
                Some(Dir::Accepted) => {
                    let dirs = &mut self.machines[index].dirs;
                    dirs.insert(run.clone(), Dir::Ended(killed()));
                    self.report(index, &WorkerEvent::Finished(run, killed()));
                }
                Some(Dir::Ended(_)) | None => {}
            }
        }
    }

    /// A kill that was seen through, or one of which something may be left.
    fn killed(&mut self) -> End {
        let confirmed = self.draw(8) != 0;
        End {
            kill_confirmed: Some(confirmed),
            ..killed()
        }
    }

    fn kill(&mut self, index: usize, run: RunRef) {
        match self.machines[index].dirs.get(&run).cloned() {
            Some(Dir::Running) => {
                let delay = 20 + self.draw(3_000);
                let end = self.killed();
                self.after(delay, Happening::ProcessEnds(index, run, end));
            }
            // Never started, or unknown: its directory is a tombstone from now on.
            Some(Dir::Accepted) | None => {
                let end = End {
                    kill_confirmed: Some(true),
                    note: Some("never started: cancelled before".to_owned()),
                    ..End::default()
                };
                self.machines[index]
                    .dirs
                    .insert(run.clone(), Dir::Ended(end.clone()));
                self.report(index, &WorkerEvent::Finished(run, end));
            }
            Some(Dir::Ended(end)) => self.report(index, &WorkerEvent::Finished(run, end)),
        }
    }

    pub(super) fn process_starts(&mut self, index: usize, run: &RunRef) {
        let machine = &mut self.machines[index];
        if !machine.up || machine.dirs.get(run) != Some(&Dir::Accepted) {
            return;
        }
        machine.dirs.insert(run.clone(), Dir::Running);
        let worker = machine.id;
        self.checker.started(run, worker, &self.db);
        self.report(index, &WorkerEvent::Started(run.clone()));
        let (seconds, code) = self.fate(run);
        let end = End {
            exit_code: Some(code),
            ..End::default()
        };
        self.after(
            seconds * 1_000,
            Happening::ProcessEnds(index, run.clone(), end),
        );
    }

    pub(super) fn process_ends(&mut self, index: usize, run: &RunRef, end: &End) {
        let machine = &mut self.machines[index];
        if machine.dirs.get(run) != Some(&Dir::Running) {
            return;
        }
        let told = End {
            kill_confirmed: end
                .kill_confirmed
                .map(|confirmed| confirmed || self.broken.claims_to_have_killed),
            ..end.clone()
        };
        machine.dirs.insert(run.clone(), Dir::Ended(told.clone()));
        if end.kill_confirmed == Some(false) {
            self.checker.outlives(run);
            let goes = self.draw(300_000);
            self.after(goes, Happening::LeftoverEnds(run.clone()));
        } else {
            self.checker.ended(run, end);
        }
        self.report(index, &WorkerEvent::Finished(run.clone(), told));
    }

    /// How long a process takes and how it ends: a property of what it does, not of when.
    fn fate(&self, run: &RunRef) -> (i64, i32) {
        let Some(row) = self.db.runs.get(&run.run) else {
            return (1, 0);
        };
        let time = self
            .db
            .versions
            .get(&row.version)
            .map(|version| version.business_time);
        let mut hasher = DefaultHasher::new();
        (self.scenario.seed, row.job, time, row.attempt).hash(&mut hasher);
        let hash = hasher.finish();
        let fails = hash % 100 < self.scenario.fail_percent;
        let seconds = i64::try_from((hash >> 8) % 200).unwrap();
        (1 + seconds, i32::from(fails))
    }
}

pub(super) fn hello(worker: WorkerId, inventory: Vec<InventoryItem>) -> WorkerHello {
    WorkerHello {
        name: format!("worker{worker}"),
        address: "127.0.0.1".to_owned(),
        accepting: true,
        labels: (worker.0 % 2 == 1)
            .then(|| "gpu".to_owned())
            .into_iter()
            .collect(),
        max_runs: Some(SLOTS),
        load: Load {
            load_per_core: if worker.0 == 2 { 0.9 } else { 0.1 },
            ..Load::default()
        },
        inventory,
    }
}

fn killed() -> End {
    End {
        signal: Some(9),
        kill_confirmed: Some(true),
        ..End::default()
    }
}
