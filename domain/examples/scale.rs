//! How long the engine takes with many jobs, half of them cron jobs of one hour and half of them
//! dependents in chains, diamonds and fan-ins. Prints a table.
//!
//! `cargo run --release -p hera-domain --example scale -- 100000`
#![expect(clippy::unwrap_used, reason = "a measurement for people")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, TimeZone, Utc};
use hera_domain::clock::Timestamp;
use hera_domain::engine::{
    Decisions, End, Engine, Event, HostGroup, Limits, Load, RunRef, Send, Snapshot, Tick, Version,
    WorkerEvent, WorkerHello,
};
use hera_domain::id::{
    CommitSeq, GroupId, HostGroupId, JobId, Revision, TeamId, VersionKey, WorkerId,
};
use hera_domain::job::{Edge, JobDef, RetryPolicy, Schedule, ScheduleEra};
use hera_domain::status::{
    Misfire, OnLost, Origin, Overlap, Policy, Switch, VersionStatus, Window,
};
use hera_domain::version_id::VersionId;

const WORKER: WorkerId = WorkerId(1);
const DAY: TimeDelta = TimeDelta::days(1);

fn three() -> Timestamp {
    Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap()
}

/// Of each twenty jobs ten have a cron; the others hang below them.
fn edges(job: i64) -> Vec<i64> {
    let first = job - job % 20;
    let above: &[i64] = match job % 20 {
        10 => &[0, 1],
        11 | 12 => &[10],
        13 => &[11, 12],
        14 => &[13],
        15 => &[14],
        16 => &[15],
        17 => &[16],
        18 => &[2, 3, 4, 5, 6, 7, 8, 9],
        19 => &[17, 18],
        _ => &[],
    };
    above.iter().map(|place| first + place).collect()
}

fn job(id: i64, cron: &str) -> JobDef {
    let edges = edges(id);
    let edge = |upstream: &i64| Edge {
        upstream: JobId(*upstream),
        window: Window::Nearest,
        policy: Policy::Success,
    };
    let opened = three() - DAY * 30;
    JobDef {
        id: JobId(id),
        group: GroupId(1),
        name: format!("job {id}"),
        owner: TeamId(1),
        revision: Revision(1),
        switch: Switch::Open,
        first_opened_at: Some(opened),
        opened_at: Some(opened),
        eras: vec![ScheduleEra {
            after: None,
            schedule: Schedule {
                cron: edges.is_empty().then(|| cron.to_owned()),
                timezone: chrono_tz::Asia::Shanghai,
                edges: edges.iter().map(edge).collect(),
                validity: hera_domain::cron::Validity::ALWAYS,
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

/// Yesterday's versions, all well.
fn yesterday(id: i64) -> Version {
    let time = three() - DAY;
    Version {
        key: VersionKey(id),
        id: VersionId(format!("202611191100{id:06}")),
        job: JobId(id),
        business_time: time,
        due_at: time,
        origin: Origin::Planned,
        armed: true,
        frozen: false,
        status: VersionStatus::Success,
        reason: None,
        last_run: None,
        counting_run: None,
        attempts: 1,
        retry_at: None,
        armed_seq: Some(CommitSeq(1)),
        succeeded_seq: Some(CommitSeq(1)),
        alarmed: false,
        created_at: time,
        changed_at: time,
    }
}

fn snapshot(jobs: i64) -> Snapshot {
    let everyone = HostGroup {
        id: HostGroupId(1),
        revision: Revision(1),
        description: String::new(),
        name: "all".into(),
        effective: true,
        everyone: true,
        members: [].into(),
    };
    // 11:00 in Shanghai is 03:00 UTC.
    let defs = (1..=jobs).map(|id| (JobId(id), Arc::new(job(id, "0 0 11 * * ?"))));
    Snapshot {
        calendars: Vec::new(),
        jobs: defs.collect(),
        host_groups: BTreeMap::from([(HostGroupId(1), everyone)]),
        versions: (1..=jobs).map(yesterday).collect(),
        runs: Vec::new(),
        planned_through: Some(three() - TimeDelta::minutes(1)),
        last_version_key: jobs,
        last_run_id: 0,
        salt: [0; 16],
    }
}

struct Bench {
    engine: Engine,
    now: Timestamp,
    seq: i64,
    sent: Vec<RunRef>,
}

/// One line of the table.
struct Line {
    batches: u32,
    total: Duration,
    longest: Duration,
    rows: usize,
}

impl Bench {
    fn batch(&mut self, events: Vec<Event>, line: &mut Line) {
        self.seq += 1;
        let tick = Tick {
            now: self.now,
            seq: CommitSeq(self.seq),
        };
        let mut out = Decisions::default();
        let began = Instant::now();
        for event in events {
            self.engine.step(event, tick, &mut out).unwrap();
        }
        self.engine.settle(tick, &mut out);
        let took = began.elapsed();
        line.batches += 1;
        line.total += took;
        line.longest = line.longest.max(took);
        line.rows += out.versions.len() + out.runs.len();
        self.sent
            .extend(out.sends.into_iter().filter_map(|send| match send {
                Send::Start { run, .. } => Some(run),
                Send::Cancel { .. } | Send::Ack { .. } | Send::Discard { .. } => None,
            }));
    }

    /// Takes the events, then settles until nothing is left to do.
    fn measure(&mut self, what: &str, batches: Vec<Vec<Event>>) {
        let mut line = Line {
            batches: 0,
            total: Duration::ZERO,
            longest: Duration::ZERO,
            rows: 0,
        };
        for events in batches {
            self.batch(events, &mut line);
        }
        while self.engine.next_deadline().is_some_and(|at| at <= self.now) {
            self.batch(Vec::new(), &mut line);
        }
        print(what, &line);
    }

    fn finish(&mut self, runs: usize) -> Vec<Event> {
        let count = runs.min(self.sent.len());
        let end = |run: RunRef| {
            let end = End {
                exit_code: Some(0),
                ..End::default()
            };
            Event::Worker(WORKER, WorkerEvent::Finished(run, end))
        };
        self.sent.drain(..count).map(end).collect()
    }
}

fn print(what: &str, line: &Line) {
    println!(
        "{what:<44} {:>6} batches {:>9.1} ms, longest {:>8.1} ms, {:>7} rows, {:>5} MiB",
        line.batches,
        line.total.as_secs_f64() * 1e3,
        line.longest.as_secs_f64() * 1e3,
        line.rows,
        resident_mib()
    );
}

fn resident_mib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok());
    pages.unwrap_or_default() * 4 / 1024
}

fn main() {
    let jobs = std::env::args()
        .nth(1)
        .map_or(100_000, |n| n.parse().unwrap());
    let data = snapshot(jobs);
    println!("{jobs} jobs; before: {} MiB", resident_mib());
    let began = Instant::now();
    let engine = Engine::restore(data, Limits::default());
    let restored = Line {
        batches: 1,
        total: began.elapsed(),
        longest: began.elapsed(),
        rows: 0,
    };
    let mut bench = Bench {
        engine,
        now: three() - TimeDelta::seconds(30),
        seq: 1,
        sent: Vec::new(),
    };
    print("restore", &restored);
    let tick = Tick {
        now: bench.now,
        seq: CommitSeq(1),
    };
    bench.engine.takeover(tick, &mut Decisions::default());
    bench.measure("first settles after a takeover", Vec::new());
    let hello = WorkerHello {
        name: "w".into(),
        address: "127.0.0.1".into(),
        accepting: true,
        labels: Default::default(),
        max_runs: Some(2_000),
        load: Load::default(),
        inventory: Vec::new(),
    };
    let hello = Event::Worker(WORKER, WorkerEvent::Connected(hello));
    bench.measure("a worker connects", vec![vec![hello]]);
    bench.now = three();
    bench.measure("everything becomes due", Vec::new());
    for round in 1..=4 {
        let mut batches = Vec::new();
        for _ in 0..5 {
            batches.push(bench.finish(500));
        }
        bench.now += TimeDelta::seconds(1);
        bench.measure(&format!("2,500 runs finish, round {round}"), batches);
    }
    let middle = jobs / 2 - jobs / 2 % 20;
    let edit = Event::SaveJob(Arc::new(job(middle, "0 30 11 * * ?")));
    bench.now += TimeDelta::seconds(1);
    bench.measure("a schedule is edited", vec![vec![edit]]);
    let finished = bench.finish(500);
    bench.now += TimeDelta::seconds(1);
    bench.measure("500 runs finish after that", vec![finished]);
    bench.now += DAY;
    bench.measure("the next day becomes due", Vec::new());
}
