//! What goes wrong in a simulated installation, and what people do to it.

use std::sync::Arc;

use chrono::TimeDelta;

use super::machine::Dir;
use super::scenario::{Act, Fault, calendar, labelled, schedule_number};
use super::{Happening, World, midnight};
use crate::engine::{At, CancelledBy, End, Event, RunRef, TriggerRequest, WorkerEvent};
use crate::id::{JobId, RunId, WorkerId};
use crate::reason::Reason;
use crate::status::{Switch, Trigger};

/// A stream that carried nothing for so long, not even a sign of life, is given up.
const KEEPALIVE: TimeDelta = TimeDelta::seconds(30);

/// Where a leader dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    BeforeCommit,
    AfterCommit,
    AfterSend,
}

impl World {
    pub(super) fn fault(&mut self, fault: &Fault) {
        match fault {
            Fault::CrashLeader(crash) => {
                if let Some(leader) = self.leader.filter(|leader| self.admins[*leader].alive) {
                    self.admins[leader].crash = Some(*crash);
                }
            }
            Fault::Depose => self.depose(),
            Fault::BreakSession(machine) => self.break_session(machine % self.machines.len()),
            Fault::CutOff(machine, seconds) => {
                let machine = machine % self.machines.len();
                let until = self.now + TimeDelta::seconds(*seconds);
                self.machines[machine].cut_off_until = Some(until);
                self.break_session(machine);
            }
            Fault::Unheard(machine, seconds) => {
                self.unheard(machine % self.machines.len(), *seconds);
            }
            Fault::Heard(machine) => self.heard(*machine),
            Fault::KillProgram(machine, seconds) => {
                let machine = machine % self.machines.len();
                self.break_session(machine);
                self.machines[machine].up = false;
                self.restart_after(machine, *seconds);
            }
            Fault::KillMachine(machine, seconds) => {
                let machine = machine % self.machines.len();
                self.break_session(machine);
                self.machines[machine].die();
                let worker = self.machines[machine].id;
                let gone = self.checker.processes.iter_mut();
                for process in gone.filter(|p| p.worker == worker && p.ended.is_none()) {
                    process.ended = Some(End::default());
                }
                self.restart_after(machine, *seconds);
            }
            Fault::Restart(machine) => self.restart(*machine),
            Fault::Jump(seconds) => self.jump(TimeDelta::seconds(*seconds)),
            Fault::PlantStale(machine, run) => {
                self.plant_stale(machine % self.machines.len(), *run);
            }
            Fault::FailToRender => self.fails_to_render = true,
            Fault::Refuse => self.refuses = true,
        }
    }

    /// Everything stands still for a while. Streams do not survive long ones, and what was under
    /// way on them is lost.
    fn jump(&mut self, by: TimeDelta) {
        self.now += by;
        if by > KEEPALIVE {
            for machine in 0..self.machines.len() {
                self.break_session(machine);
            }
        }
    }

    /// Another admin takes over while the leader does not know yet.
    fn depose(&mut self) {
        let Some(old) = self.leader.take() else {
            return;
        };
        self.happen(Happening::Elect);
        for machine in 0..self.machines.len() {
            if self.machines[machine]
                .session
                .is_some_and(|(_, admin)| admin == old)
            {
                // The old leader's lease ran out before the new one could begin.
                self.lose_contact(machine);
                let patience = self.draw(10_000);
                let worker = self.machines[machine].id;
                let session = self.machines[machine].session.map_or(0, |(id, _)| id);
                self.after(patience, Happening::Gone(old, worker, session));
            }
        }
    }

    /// What a worker says gets lost, while it hears all that is said to it. In the end the stream
    /// breaks, for something of it is missing.
    fn unheard(&mut self, machine: usize, seconds: i64) {
        let until = self.now + TimeDelta::seconds(seconds);
        self.machines[machine].unheard_until = Some(until);
        self.lose_contact(machine);
        if let Some((session, admin)) = self.machines[machine].session {
            let worker = self.machines[machine].id;
            let notices = self.draw(20_000);
            self.after(notices, Happening::Gone(admin, worker, session));
        }
        self.at(until, Happening::Fault(Fault::Heard(machine)));
    }

    fn heard(&mut self, machine: usize) {
        let until = self.machines[machine].unheard_until;
        if until.is_some_and(|until| until <= self.now) {
            self.machines[machine].unheard_until = None;
            self.break_session(machine);
        }
    }

    fn restart_after(&mut self, machine: usize, seconds: i64) {
        let at = self.now + TimeDelta::seconds(seconds);
        self.machines[machine].cut_off_until = Some(at);
        self.at(at, Happening::Fault(Fault::Restart(machine)));
    }

    /// A run directory from before a reset of the database: same id, another nonce, a result.
    fn plant_stale(&mut self, machine: usize, number: usize) {
        let worker = self.machines[machine].id;
        let runs = self
            .db
            .runs
            .values()
            .filter(|run| run.status.is_on_worker());
        let here: Vec<RunId> = runs
            .filter(|run| run.worker == Some(worker))
            .map(|run| run.id)
            .collect();
        if here.is_empty() {
            return;
        }
        let stale = RunRef {
            run: here[number % here.len()],
            nonce: "0123456789abcdef0123456789abcdef".to_owned(),
        };
        let end = End {
            exit_code: Some(0),
            ..End::default()
        };
        self.machines[machine]
            .dirs
            .insert(stale.clone(), Dir::Ended(end.clone()));
        self.report(machine, &WorkerEvent::Finished(stale, end));
    }

    pub(super) fn admin_dies(&mut self, index: usize) {
        self.admins[index].alive = false;
        for machine in 0..self.machines.len() {
            if self.machines[machine]
                .session
                .is_some_and(|(_, admin)| admin == index)
            {
                self.lose_contact(machine);
                // What it sent before may still arrive.
                let worker = self.machines[machine].id;
                let session = self.machines[machine].session.map_or(0, |(id, _)| id);
                let notices = self.draw(2_000);
                self.after(notices, Happening::Gone(index, worker, session));
            }
        }
        if self.leader == Some(index) {
            self.leader = None;
            let delay = 1_000 + self.draw(7_000);
            self.after(delay, Happening::Elect);
        }
    }

    pub(super) fn break_session(&mut self, machine: usize) {
        self.lose_contact(machine);
        self.machines[machine].held.clear();
        let Some((session, admin)) = self.machines[machine].session.take() else {
            return;
        };
        let worker = self.machines[machine].id;
        let notices = self.draw(5_000);
        self.after(notices, Happening::Gone(admin, worker, session));
        let back = 100 + self.draw(3_000);
        self.after(back, Happening::Connect(machine));
    }

    pub(super) fn gone(&mut self, admin: usize, worker: WorkerId, session: u64) {
        let machine = usize::try_from(worker.0 - 1).unwrap();
        if self.machines[machine]
            .session
            .is_some_and(|(id, _)| id == session)
        {
            self.break_session(machine);
        }
        let admin_row = &mut self.admins[admin];
        if admin_row.alive && admin_row.sessions.get(&worker) == Some(&session) {
            admin_row.sessions.remove(&worker);
            admin_row
                .inbox
                .push(Event::Worker(worker, WorkerEvent::Disconnected));
            self.after(0, Happening::Wake(admin));
        }
    }

    /// The faults are over: every part comes back.
    pub(super) fn heal(&mut self) {
        self.healed = true;
        self.after(2 * 3_600_000, Happening::End);
        for machine in 0..self.machines.len() {
            self.machines[machine].cut_off_until = None;
            if self.machines[machine].unheard_until.is_some() {
                self.machines[machine].unheard_until = Some(self.now);
                self.heard(machine);
            }
            if !self.machines[machine].up {
                self.restart(machine);
            }
        }
        if self.leader.is_none_or(|leader| !self.admins[leader].alive) {
            self.after(0, Happening::Elect);
        }
    }

    pub(super) fn restart(&mut self, machine: usize) {
        if self.machines[machine].up {
            return;
        }
        self.machines[machine].up = true;
        self.machines[machine].adopt();
        self.after(10, Happening::Connect(machine));
    }

    pub(super) fn act(&mut self, act: &Act) {
        let Some(leader) = self.leader.filter(|leader| self.admins[*leader].alive) else {
            return;
        };
        let event = match act {
            Act::Trigger {
                job,
                recover,
                minute,
            } => self.trigger_event(*job, *recover, *minute),
            Act::Cancel(number) => {
                let live: Vec<_> = self
                    .db
                    .runs
                    .values()
                    .filter(|run| !run.status.is_final())
                    .collect();
                if live.is_empty() {
                    return;
                }
                let run = live[number % live.len()].id;
                let by = CancelledBy::Person("hera".to_owned());
                Event::Cancel { run, by }
            }
            Act::DeclareLost => {
                let mut runs = self.db.runs.values();
                let Some(run) = runs.find(|run| run.unreachable) else {
                    return;
                };
                Event::DeclareLost {
                    run: run.id,
                    person: "hera".to_owned(),
                }
            }
            Act::SetHostGroup { empty } => Event::SaveHostGroup(labelled(*empty)),
            Act::CancelAll => Event::CancelAll {
                reason: Reason::Stopped,
            },
            Act::Switch { job, open } => Event::Switch {
                jobs: vec![self.job(*job)],
                to: if *open { Switch::Open } else { Switch::Closed },
            },
            Act::SwitchAll { open } => Event::Switch {
                jobs: self.db.jobs.keys().copied().collect(),
                to: if *open { Switch::Open } else { Switch::Closed },
            },
            Act::Reschedule { job, schedule } => {
                let job = self.job(*job);
                let Some(def) = self.db.jobs.get(&job) else {
                    return;
                };
                let mut def = crate::job::JobDef::clone(def);
                def.revision.0 += 1;
                def.eras.truncate(1);
                def.eras[0].schedule = schedule_number(*schedule, job);
                Event::SaveJob(Arc::new(def))
            }
            Act::SetCalendar { today } => Event::SaveCalendar(calendar(*today)),
        };
        self.admins[leader].inbox.push(event);
        self.after(0, Happening::Wake(leader));
    }

    fn job(&self, number: usize) -> JobId {
        let jobs: Vec<_> = self.db.jobs.keys().copied().collect();
        jobs[number % jobs.len()]
    }

    fn trigger_event(&self, job: usize, recover: bool, minute: Option<i64>) -> Event {
        let trigger = if recover {
            Trigger::Recover
        } else {
            Trigger::Manual
        };
        let at = minute.map_or(At::Latest, |minute| {
            At::Business(midnight() + TimeDelta::minutes(minute))
        });
        Event::Trigger(TriggerRequest {
            job: self.job(job),
            trigger,
            at,
            params: None,
            repeats: None,
            operator: Some("hera".to_owned()),
        })
    }
}
