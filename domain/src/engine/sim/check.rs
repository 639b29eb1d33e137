//! The checker: looks at every commit and every process, and remembers what breaks a promise.

use std::collections::{BTreeMap, BTreeSet};

use super::db::Db;
use super::oracle;
use super::scenario::LABELLED;
use crate::clock::Timestamp;
use crate::engine::{Alarm, Decisions, End, Limits, Run, RunRef, Tick, Version};
use crate::id::{JobId, VersionKey, WorkerId};
use crate::reason::Reason;
use crate::status::{Origin, Overlap, RunStatus, Switch, Trigger, VersionStatus};

/// A process that a worker started.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub run: RunRef,
    pub version: VersionKey,
    pub job: JobId,
    pub worker: WorkerId,
    pub ended: Option<End>,
    /// KILL did not end it; its worker knows, or has not seen that it did.
    pub outlives: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Checker {
    pub violations: Vec<String>,
    pub processes: Vec<Process>,
    /// What people said about overlapping, whatever the engine was told.
    pub overlap: BTreeMap<JobId, Overlap>,
}

impl Checker {
    fn broken(&mut self, number: u8, text: impl std::fmt::Display) {
        if self.violations.len() < 20 {
            self.violations.push(format!("invariant {number}: {text}"));
        }
    }

    /// Looks at a commit that was applied: `before` and `after` it.
    pub(super) fn committed(
        &mut self,
        before: &Db,
        after: &Db,
        decisions: &Decisions,
        tick: Tick,
        limits: &Limits,
    ) {
        for change in decisions.versions.values() {
            if let Some(old) = before.versions.get(&change.row.key) {
                self.version_changed(old, &change.row, decisions);
            }
            self.skips_are_right(before, after, &change.row, tick);
        }
        if decisions
            .versions
            .values()
            .any(|change| change.expect.is_none())
        {
            self.no_instant_twice(after);
        }
        for change in decisions.runs.values() {
            let old = before.runs.get(&change.row.id);
            self.run_changed(old, &change.row, after, tick, limits);
        }
        self.failures_are_told(before, after, decisions);
        for alarm in &decisions.alarms {
            if before.outbox.contains_key(&alarm.dedupe_key)
                && !alarm.dedupe_key.starts_with("no_worker")
            {
                self.broken(9, format!("{} is told twice", alarm.dedupe_key));
            }
        }
    }

    /// Only the calendar skips here, and only what would have started.
    fn skips_are_right(&mut self, before: &Db, after: &Db, row: &Version, tick: Tick) {
        let old = before.versions.get(&row.key).map(|old| old.status);
        if row.status != VersionStatus::Skipped || old == Some(row.status) {
            return;
        }
        let off = oracle::day(after, row) == oracle::Day::Skipped;
        // An upstream that ended in this commit may have started again in it.
        let again =
            |up: &Version| up.status == VersionStatus::Queued && up.armed_seq == Some(tick.seq);
        let upstreams = after.jobs[&row.job].schedule().edges.iter();
        let mut ups = upstreams.flat_map(|edge| after.versions_of(edge.upstream));
        let obstacle = oracle::obstacle(after, row).filter(|_| !ups.any(again));
        if !off || row.due_at > tick.now || obstacle.is_some() {
            let id = &row.id;
            self.broken(3, format!("version {id} is skipped: {off} {obstacle:?}"));
        }
    }

    /// The last failure of a counting run of an open job is told once.
    fn failures_are_told(&mut self, before: &Db, after: &Db, decisions: &Decisions) {
        for change in decisions.versions.values() {
            let row = &change.row;
            let old = before.versions.get(&row.key).map(|old| old.status);
            let failed = row.status == VersionStatus::Failed && old != Some(row.status);
            let open = after
                .jobs
                .get(&row.job)
                .is_some_and(|def| def.switch == Switch::Open);
            if !failed || !open || row.origin == Origin::AdHoc {
                continue;
            }
            let about = |alarm: &&Alarm| alarm.run == row.counting_run;
            let told = decisions.alarms.iter().filter(about).count();
            if told != 1 {
                self.broken(
                    9,
                    format!("the failure of version {} is told {told} times", row.id),
                );
            }
        }
    }

    fn version_changed(&mut self, old: &Version, new: &Version, decisions: &Decisions) {
        if old.job != new.job || old.business_time != new.business_time {
            self.broken(1, format!("version {} became another", old.id));
        }
        if !old.status.is_final() || old.status == new.status || new.origin == Origin::AdHoc {
            return;
        }
        let mut runs = decisions.runs.values();
        let restarted = runs.any(|change| {
            change.expect.is_none() && change.row.version == new.key && change.row.trigger.counts()
        });
        if !restarted {
            let (from, to) = (old.status, new.status);
            self.broken(
                5,
                format!("version {} went from {from} to {to} without a run", old.id),
            );
        }
    }

    fn no_instant_twice(&mut self, db: &Db) {
        let mut seen = BTreeSet::new();
        for instant in db.instants() {
            if !seen.insert(instant) {
                self.broken(1, format!("two rows for {instant:?}"));
            }
        }
    }

    fn run_changed(
        &mut self,
        old: Option<&Run>,
        new: &Run,
        after: &Db,
        tick: Tick,
        limits: &Limits,
    ) {
        if let Some(old) = old
            && old.status.is_final()
            && old != new
        {
            self.broken(5, format!("run {} was {} and changed", old.id, old.status));
        }
        let was = old.map(|run| run.status);
        if new.status == RunStatus::Dispatched && was != Some(RunStatus::Dispatched) {
            self.dispatched(new, after, tick, limits);
        }
        if matches!(new.status, RunStatus::Success | RunStatus::Failed) && was != Some(new.status) {
            self.result_is_real(new);
        }
        if new.status == RunStatus::Lost {
            self.loss_is_real(new);
        }
        self.kill_is_real(new);
    }

    fn dispatched(&mut self, run: &Run, db: &Db, tick: Tick, limits: &Limits) {
        let id = run.id;
        let Some(row) = db.versions.get(&run.version) else {
            return self.broken(1, format!("run {id} has no version"));
        };
        if run.trigger == Trigger::Schedule {
            if row.due_at > tick.now {
                self.broken(3, format!("run {id} of version {} is not due", row.id));
            }
            let first = db
                .runs
                .values()
                .all(|other| other.version != row.key || other.id == id || !other.trigger.counts());
            let day = oracle::day(db, row);
            if day == oracle::Day::Skipped && run.attempt == 1 {
                self.broken(3, format!("run {id}: the calendar leaves {} out", row.id));
            }
            if first && oracle::due_at(db, row) > tick.now {
                let due = row.due_at;
                self.broken(3, format!("version {} is due at {due}: {day:?}", row.id));
            }
            if let Some(obstacle) = oracle::obstacle(db, row) {
                self.broken(3, format!("run {id} of version {}: {obstacle}", row.id));
            }
            if db
                .jobs
                .get(&row.job)
                .is_some_and(|def| def.switch != Switch::Open)
            {
                self.broken(3, format!("run {id}: job {} is closed", row.job));
            }
        }
        let group = db.jobs.get(&run.job).and_then(|def| def.host_group);
        let labelled = run.worker.is_some_and(|worker| worker.0 % 2 == 1);
        if group == Some(LABELLED) && (!labelled || db.host_groups[&LABELLED].members.is_empty()) {
            self.broken(4, format!("run {id} is not on a worker of its host group"));
        }
        let on_worker = |other: &&Run| other.status.is_on_worker();
        let all = db.runs.values().filter(on_worker).count();
        let here = db
            .runs
            .values()
            .filter(on_worker)
            .filter(|other| other.worker == run.worker);
        if all > limits.max_parallel as usize || here.count() > super::SLOTS as usize {
            self.broken(4, format!("run {id} exceeds a limit"));
        }
        let mut siblings = db
            .runs
            .values()
            .filter(on_worker)
            .filter(|other| other.id != id);
        let serial = self
            .overlap
            .get(&run.job)
            .is_some_and(|overlap| *overlap != Overlap::Allow);
        let rival =
            siblings.find(|other| other.version == run.version || (serial && other.job == run.job));
        if let Some(rival) = rival {
            let rival = rival.id;
            self.broken(
                2,
                format!("run {id} is dispatched while {rival} is on a worker"),
            );
        }
    }

    /// A success or a failure of a started run is what its own process came to.
    fn result_is_real(&mut self, run: &Run) {
        let Some(nonce) = &run.nonce else {
            return;
        };
        let mut processes = self.processes.iter();
        let process = processes.find(|p| p.run.run == run.id && p.run.nonce == *nonce);
        let ended = process.and_then(|process| process.ended.as_ref());
        if ended.is_none_or(|end| end.exit_code != run.exit_code) {
            let (id, status) = (run.id, run.status);
            self.broken(
                7,
                format!("run {id} is {status}, but its process never ended so"),
            );
        }
    }

    /// A worker may only deny a run that is not there.
    fn loss_is_real(&mut self, run: &Run) {
        let denied = matches!(run.reason, Some(Reason::WorkerForgot { .. }));
        let alive = self.processes.iter().any(|p| p.run.run == run.id);
        if denied && alive {
            self.broken(7, format!("run {} is lost, but its worker has it", run.id));
        }
    }

    /// Looks at a process as it starts.
    pub(super) fn started(&mut self, run: &RunRef, worker: WorkerId, db: &Db) {
        let id = run.run;
        let Some(row) = db.runs.get(&id) else {
            return self.broken(
                8,
                format!("a process of run {id}, which is not in the database"),
            );
        };
        let ours = row.worker == Some(worker) && row.nonce.as_ref() == Some(&run.nonce);
        if !ours || !row.status.is_on_worker() {
            let status = row.status;
            self.broken(
                8,
                format!("a process of run {id} starts, which is {status}"),
            );
        }
        if self.processes.iter().any(|process| process.run == *run) {
            self.broken(2, format!("run {id} starts twice"));
        }
        let serial = self
            .overlap
            .get(&row.job)
            .is_some_and(|overlap| *overlap != Overlap::Allow);
        let rival = self.processes.iter().find(|other| {
            let same = other.version == row.version || (serial && other.job == row.job);
            same && other.ended.is_none() && !given_up(db, other)
        });
        if let Some(rival) = rival {
            let rival = rival.run.run;
            self.broken(
                2,
                format!("a process of run {id} starts while one of {rival} is alive"),
            );
        }
        self.processes.push(Process {
            run: run.clone(),
            version: row.version,
            job: row.job,
            worker,
            ended: None,
            outlives: false,
        });
    }

    pub(super) fn ended(&mut self, run: &RunRef, end: &End) {
        let mut processes = self.processes.iter_mut();
        if let Some(process) = processes.find(|p| p.run == *run && p.ended.is_none()) {
            process.ended = Some(end.clone());
        }
    }

    /// A process is still there after its run was killed.
    pub(super) fn outlives(&mut self, run: &RunRef) {
        let mut processes = self.processes.iter_mut();
        if let Some(process) = processes.find(|p| p.run == *run && p.ended.is_none()) {
            process.outlives = true;
        }
    }

    /// An end that is shown as confirmed has left nothing.
    fn kill_is_real(&mut self, run: &Run) {
        let of_run = |p: &&Process| p.run.run == run.id && run.nonce.as_ref() == Some(&p.run.nonce);
        let alive = self
            .processes
            .iter()
            .filter(of_run)
            .any(|p| p.ended.is_none());
        if run.kill_confirmed == Some(true) && alive {
            let id = run.id;
            self.broken(2, format!("run {id} is confirmed to be gone and is alive"));
        }
    }

    /// What outlived its kill is told: by the run itself, or by a note if it was given up before.
    fn leftovers_are_told(&mut self, db: &Db) {
        let outlived = self.processes.iter().filter(|p| p.outlives);
        let untold = outlived.filter(|process| {
            let id = process.run.run;
            let shown = db.runs.get(&id).and_then(|run| run.kill_confirmed) == Some(false);
            let noted = db.late.get(&id).is_some_and(|note| {
                matches!(
                    note,
                    Reason::EndedLate {
                        killed: Some(false),
                        ..
                    }
                )
            });
            !shown && !noted
        });
        let untold: Vec<_> = untold.map(|process| process.run.run).collect();
        for id in untold {
            self.broken(2, format!("nobody is told that run {id} outlived its kill"));
        }
    }

    /// Faults have stopped and time has passed: nothing may be stuck.
    pub(super) fn at_rest(&mut self, db: &Db, now: Timestamp) {
        for run in db.runs.values().filter(|run| !run.status.is_final()) {
            // Of a job whose runs may not overlap, the others wait for the first one.
            let behind = |other: &&Run| {
                let serial = self.overlap.get(&run.job) != Some(&Overlap::Allow);
                serial && other.job == run.job && other.status == RunStatus::Queued
            };
            let mut first = db.runs.values().filter(behind);
            let explained = run.status == RunStatus::Queued
                && (run.reason.is_some()
                    || first.any(|other| other.reason.is_some())
                    || db
                        .versions
                        .get(&run.version)
                        .is_some_and(|row| oracle::obstacle(db, row).is_some()));
            if !explained {
                let (id, status) = (run.id, run.status);
                self.broken(6, format!("run {id} is still {status}: {:?}", run.reason));
            }
        }
        for row in db.versions.values() {
            let waits = row.status == VersionStatus::Waiting && row.armed;
            let planned = row.origin == Origin::Planned;
            if waits && planned && row.due_at != oracle::due_at(db, row) {
                let (id, due) = (&row.id, row.due_at);
                self.broken(3, format!("version {id} waits for {due}"));
            }
        }
        for row in db
            .versions
            .values()
            .filter(|row| row.due_at <= now && !row.status.is_final())
        {
            let queued = matches!(row.status, VersionStatus::Queued | VersionStatus::RetryWait)
                && row.reason.is_some();
            let waits = row.status == VersionStatus::Waiting
                && (row.reason.is_some() || !row.armed || oracle::obstacle(db, row).is_some());
            let has_run = db
                .runs
                .values()
                .any(|run| run.version == row.key && !run.status.is_final());
            if !queued && !waits && !has_run {
                let (id, status) = (&row.id, row.status);
                self.broken(6, format!("version {id} is {status} for no reason"));
            }
        }
        for run in db.late.keys().filter_map(|run| db.runs.get(run)) {
            if !matches!(run.status, RunStatus::Lost | RunStatus::Cancelled) {
                let (id, status) = (run.id, run.status);
                self.broken(5, format!("run {id}, which is {status}, has a late result"));
            }
        }
        self.leftovers_are_told(db);
        self.nothing_was_forgotten(db, now);
    }

    /// Every time that has come of an open job has its row. A new schedule may change what the
    /// plan of a dependent would have been earlier that day, but makes no versions of the past.
    fn nothing_was_forgotten(&mut self, db: &Db, now: Timestamp) {
        let eras = db.jobs.values().flat_map(|def| &def.eras);
        let edited = eras.filter_map(|era| era.after).max();
        for def in db.jobs.values().filter(|def| def.switch == Switch::Open) {
            let since = def.opened_at.max(edited);
            let mut times = oracle::planned(db, def.id, now, 0);
            times.retain(|time| *time <= now && Some(*time) > since);
            for time in times {
                if db.version_at(def.id, time).is_none() {
                    self.broken(7, format!("job {} has no version for {time}", def.id));
                }
            }
        }
    }
}

/// Whether the leader has written a run off without knowing that its process is gone, or it could
/// not know: no fence ends what KILL does not.
fn given_up(db: &Db, process: &Process) -> bool {
    let Some(run) = db.runs.get(&process.run.run) else {
        return true;
    };
    match run.status {
        // Lost for silence alone is gone: its worker has ended it.
        RunStatus::Lost => {
            let by_decision = matches!(
                run.reason,
                Some(Reason::DeclaredLost { .. } | Reason::TookTooLong { .. })
            );
            by_decision || process.outlives
        }
        RunStatus::Cancelled => run.kill_confirmed != Some(true),
        RunStatus::Queued
        | RunStatus::Dispatched
        | RunStatus::Running
        | RunStatus::Success
        | RunStatus::Failed => false,
    }
}
