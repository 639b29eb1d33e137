//! The rules of the engine, one by one.

mod calendars;
mod hera_faults;
mod planning;
mod runs;
mod sessions;
mod triggers;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{TimeDelta, TimeZone, Utc};

use super::*;
use crate::id::{CommitSeq, GroupId, Revision, TeamId};
use crate::job::{Edge, RetryPolicy, Schedule, ScheduleEra};
use crate::status::*;

const WORKER: WorkerId = WorkerId(1);

/// A business day in UTC; jobs are opened the day before.
fn at(hour: u32, minute: u32) -> Timestamp {
    Utc.with_ymd_and_hms(2026, 11, 20, hour, minute, 0).unwrap()
}

fn job(id: i64, cron: Option<&str>, upstreams: &[i64]) -> JobDef {
    let edge = |id: &i64| Edge {
        upstream: JobId(*id),
        window: Window::Nearest,
        policy: Policy::Success,
    };
    JobDef {
        id: JobId(id),
        group: GroupId(1),
        name: format!("job{id}"),
        owner: TeamId(1),
        revision: Revision(1),
        switch: Switch::Closed,
        first_opened_at: None,
        opened_at: None,
        eras: vec![ScheduleEra {
            after: None,
            schedule: Schedule {
                cron: cron.map(str::to_owned),
                timezone: chrono_tz::UTC,
                edges: upstreams.iter().map(edge).collect(),
                validity: crate::cron::Validity::ALWAYS,
                calendar: None,
            },
        }],
        host_group: None,
        priority: 3,
        retry: RetryPolicy::default(),
        overlap: Overlap::Wait,
        misfire: Misfire::RunAll,
        on_lost: OnLost::Ask,
        must_end_minutes: None,
        kill_on_timeout: false,
    }
}

/// An engine with its clock and its last decisions.
struct Bench {
    engine: Engine,
    now: Timestamp,
    seq: i64,
    out: Decisions,
    /// What would be in the database.
    versions: BTreeMap<VersionKey, Version>,
    runs: BTreeMap<RunId, Run>,
}

impl Bench {
    /// Jobs that were opened the day before, and one worker.
    fn open(jobs: Vec<JobDef>) -> Self {
        let opened = at(0, 0) - TimeDelta::days(1);
        let everyone = HostGroup {
            id: HostGroupId(1),
            revision: Revision(1),
            name: "default".to_owned(),
            description: String::new(),
            effective: true,
            everyone: true,
            members: BTreeSet::new(),
        };
        let open = |mut job: JobDef| {
            job.switch = Switch::Open;
            job.first_opened_at = Some(opened);
            job.opened_at = Some(opened);
            (job.id, Arc::new(job))
        };
        let snapshot = Snapshot {
            jobs: jobs.into_iter().map(open).collect(),
            host_groups: BTreeMap::from([(everyone.id, everyone)]),
            planned_through: Some(at(0, 0)),
            ..Snapshot::default()
        };
        let mut bench = Self {
            engine: Engine::restore(snapshot, Limits::default()),
            now: at(0, 0),
            seq: 0,
            out: Decisions::default(),
            versions: BTreeMap::new(),
            runs: BTreeMap::new(),
        };
        bench.step(Event::Worker(WORKER, WorkerEvent::Connected(hello())));
        bench
    }

    fn tick(&self) -> Tick {
        Tick {
            now: self.now,
            seq: CommitSeq(self.seq),
        }
    }

    /// One event in a batch of its own.
    fn try_step(&mut self, event: Event) -> Result<Outcome, Refusal> {
        self.seq += 1;
        self.out = Decisions::default();
        let outcome = self.engine.step(event, self.tick(), &mut self.out);
        self.engine.settle(self.tick(), &mut self.out);
        self.commit();
        outcome
    }

    fn commit(&mut self) {
        let versions = self.out.versions.iter();
        self.versions
            .extend(versions.map(|(key, change)| (*key, change.row.clone())));
        let runs = self.out.runs.iter();
        self.runs
            .extend(runs.map(|(id, change)| (*id, change.row.clone())));
    }

    /// Another leader takes over with what the database holds.
    fn failover(&mut self) {
        let retrying = |run: &Run| {
            let row = &self.versions[&run.version];
            row.status == VersionStatus::RetryWait && row.counting_run == Some(run.id)
        };
        let runs = self.runs.values();
        let snapshot = Snapshot {
            jobs: self.engine.jobs().clone(),
            host_groups: self.engine.host_groups.clone(),
            versions: self.versions.values().cloned().collect(),
            runs: runs
                .filter(|run| !run.status.is_final() || retrying(run))
                .cloned()
                .collect(),
            planned_through: Some(self.now),
            last_version_key: self.versions.keys().last().map_or(0, |key| key.0),
            last_run_id: self.runs.keys().last().map_or(0, |id| id.0),
            salt: [9; 16],
            ..Snapshot::default()
        };
        self.engine = Engine::restore(snapshot, self.engine.limits.clone());
        self.seq += 1;
        self.out = Decisions::default();
        self.engine.takeover(self.tick(), &mut self.out);
        self.engine.settle(self.tick(), &mut self.out);
        self.commit();
    }

    fn of(&mut self, worker: WorkerId, event: WorkerEvent) {
        self.step(Event::Worker(worker, event));
    }

    fn step(&mut self, event: Event) -> Outcome {
        self.try_step(event).unwrap()
    }

    /// Time passes.
    fn until(&mut self, now: Timestamp) {
        self.now = now;
        self.seq += 1;
        self.out = Decisions::default();
        self.engine.settle(self.tick(), &mut self.out);
        self.commit();
    }

    /// The runs that this batch sends to the worker.
    fn started(&self) -> Vec<RunRef> {
        let start = |send: &Send| match send {
            Send::Start { run, .. } => Some(run.clone()),
            Send::Cancel { .. } | Send::Ack { .. } | Send::Discard { .. } => None,
        };
        self.out.sends.iter().filter_map(start).collect()
    }

    fn started_one(&self) -> RunRef {
        let started = self.started();
        assert_eq!(started.len(), 1, "{started:?}");
        started[0].clone()
    }

    fn report(&mut self, event: WorkerEvent) {
        self.step(Event::Worker(WORKER, event));
    }

    fn exits(&mut self, run: &RunRef, code: i32) {
        let end = End {
            exit_code: Some(code),
            ..End::default()
        };
        self.report(WorkerEvent::Started(run.clone()));
        self.report(WorkerEvent::Finished(run.clone(), end));
    }

    fn trigger(&mut self, job: i64, trigger: Trigger, at: At) -> Result<RunId, Refusal> {
        let outcome = self.try_step(Event::Trigger(TriggerRequest {
            job: JobId(job),
            trigger,
            at,
            params: None,
            repeats: None,
            operator: Some("hera".to_owned()),
        }))?;
        match outcome {
            Outcome::Triggered { run, .. } => Ok(run),
            Outcome::Done => panic!("a trigger answers with its run"),
        }
    }

    fn switch(&mut self, jobs: &[i64], to: Switch) -> Result<Outcome, Refusal> {
        let jobs = jobs.iter().map(|id| JobId(*id)).collect();
        self.try_step(Event::Switch { jobs, to })
    }

    fn cancel(&mut self, run: RunId) -> Result<Outcome, Refusal> {
        let by = CancelledBy::Person("hera".to_owned());
        self.try_step(Event::Cancel { run, by })
    }

    /// The business times of a job on the business day.
    fn times(&mut self, job: i64) -> Vec<Timestamp> {
        let versions = self.engine.versions_on(JobId(job), at(0, 0).date_naive());
        versions
            .iter()
            .map(|version| version.business_time)
            .collect()
    }

    fn alarms(&self) -> Vec<AlarmKind> {
        self.out.alarms.iter().map(|alarm| alarm.kind).collect()
    }

    fn run_row(&self, run: RunId) -> &Run {
        &self.out.runs[&run].row
    }

    fn status(&mut self, job: i64, time: Timestamp) -> VersionStatus {
        let day = time.date_naive();
        let versions = self.engine.versions_on(JobId(job), day);
        let version = versions.iter().find(|v| v.business_time == time);
        version.map_or(VersionStatus::Planned, |v| v.status)
    }
}

fn hello() -> WorkerHello {
    WorkerHello {
        name: "one".to_owned(),
        address: "127.0.0.1".to_owned(),
        accepting: true,
        labels: BTreeSet::new(),
        max_runs: Some(10),
        load: Load::default(),
        inventory: Vec::new(),
    }
}

#[test]
fn a_cron_job_runs_at_its_time_and_its_dependent_after_it() {
    let mut bench = Bench::open(vec![job(1, Some("0 0 3 * * ?"), &[]), job(2, None, &[1])]);
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Planned);
    bench.until(at(2, 59));
    assert!(bench.started().is_empty());
    bench.until(at(3, 0));
    let run = bench.started_one();
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Queued);
    assert_eq!(bench.status(2, at(3, 0)), VersionStatus::Waiting);
    bench.exits(&run, 0);
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Success);
    let run = bench.started_one();
    bench.exits(&run, 0);
    assert_eq!(bench.status(2, at(3, 0)), VersionStatus::Success);
    assert!(bench.out.alarms.is_empty());
}
