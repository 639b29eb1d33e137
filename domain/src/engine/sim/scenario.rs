//! What a simulation is drawn from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::db::Db;
use super::faults::Crash;
use super::midnight;
use crate::calendar::{CalendarContent, CalendarDef, CalendarRule, DayRule};
use crate::engine::{Balance, HostGroup, Limits};
use crate::id::{CalendarId, GroupId, HostGroupId, JobId, Revision, TeamId};
use crate::job::{Edge, JobDef, RetryPolicy, Schedule, ScheduleEra};
use crate::status::{Misfire, OnLost, Overlap, Policy, Switch, Window};

/// Everything is planned within an hour.
const CRONS: [&str; 5] = [
    "0 0 1 * * ?",
    "0 0/10 1 * * ?",
    "0 5,25 1 * * ?",
    "0 30 1 * * ?",
    "15 0/15 1 * * ?",
];

const CALENDAR: &str = "days";

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub seed: u64,
    pub workers: i64,
    pub max_parallel: u32,
    pub fail_percent: u64,
    pub jobs: Vec<JobSpec>,
    /// By seconds after the start.
    pub acts: Vec<(i64, Act)>,
    pub faults: Vec<(i64, Fault)>,
}

#[derive(Debug, Clone)]
pub(super) struct JobSpec {
    pub cron: Option<usize>,
    /// Indexes of jobs before it.
    pub upstreams: BTreeSet<usize>,
    pub policy: Policy,
    pub retries: u32,
    pub overlap: Overlap,
    pub on_lost: OnLost,
    pub calendar: Option<DayRule>,
    pub must_end_minutes: Option<u32>,
    pub priority: u8,
    pub open: bool,
    /// Whether it runs on workers with a label only.
    pub labelled: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Act {
    Trigger {
        job: usize,
        recover: bool,
        minute: Option<i64>,
    },
    Cancel(usize),
    CancelAll,
    /// Gives up a run that is unreachable, if one is.
    DeclareLost,
    /// Whether the host group of labels holds anybody.
    SetHostGroup {
        empty: bool,
    },
    Switch {
        job: usize,
        open: bool,
    },
    SwitchAll {
        open: bool,
    },
    Reschedule {
        job: usize,
        schedule: u8,
    },
    /// Whether the calendar holds the day of the simulation.
    SetCalendar {
        today: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Fault {
    CrashLeader(Crash),
    Depose,
    BreakSession(usize),
    CutOff(usize, i64),
    /// What a worker says is lost for so long.
    Unheard(usize, i64),
    /// Made by the one before it.
    Heard(usize),
    KillProgram(usize, i64),
    KillMachine(usize, i64),
    /// Made by the two before it.
    Restart(usize),
    Jump(i64),
    PlantStale(usize, usize),
    FailToRender,
    /// The database refuses the leader's next batch.
    Refuse,
}

impl Scenario {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            max_parallel: self.max_parallel,
            warm_up_ms: if self.seed.is_multiple_of(2) {
                0
            } else {
                20_000
            },
            balance: [Balance::RoundRobin, Balance::Random, Balance::LeastLoaded]
                [usize::try_from(self.seed % 3).unwrap()],
            ..Limits::default()
        }
    }

    /// The installation before the first leader.
    pub(super) fn database(&self) -> Db {
        let opened = midnight() - TimeDelta::days(2);
        let mut jobs: BTreeMap<JobId, Arc<JobDef>> = BTreeMap::new();
        for (index, spec) in self.jobs.iter().enumerate() {
            let upstreams = || spec.upstreams.iter().filter(|up| **up < index);
            let all_open = upstreams().all(|up| jobs[&job_id(*up)].switch == Switch::Open);
            let open = spec.open && all_open;
            let edge = |up: &usize| Edge {
                upstream: job_id(*up),
                window: Window::Nearest,
                policy: spec.policy,
            };
            // Only the fifth may be manual-only.
            let lonely = upstreams().next().is_none() && index != 4;
            let cron = spec.cron.or(lonely.then_some(index));
            let schedule = Schedule {
                cron: cron.map(|cron| CRONS[cron % CRONS.len()].to_owned()),
                timezone: chrono_tz::UTC,
                edges: upstreams().map(edge).collect(),
                validity: crate::cron::Validity::ALWAYS,
                calendar: spec.calendar.map(in_the_calendar),
            };
            let def = JobDef {
                id: job_id(index),
                group: GroupId(1),
                name: format!("job{index}"),
                owner: TeamId(1),
                revision: Revision(1),
                switch: if open { Switch::Open } else { Switch::Closed },
                first_opened_at: open.then_some(opened),
                opened_at: open.then_some(opened),
                eras: vec![ScheduleEra {
                    after: None,
                    schedule,
                }],
                host_group: spec.labelled.then_some(LABELLED),
                priority: spec.priority,
                retry: RetryPolicy {
                    count: spec.retries,
                    wait_minutes: spec.retries,
                    exit_codes: Vec::new(),
                },
                overlap: spec.overlap,
                misfire: Misfire::RunAll,
                on_lost: spec.on_lost,
                must_end_minutes: spec.must_end_minutes,
                kill_on_timeout: spec.must_end_minutes == Some(1),
            };
            jobs.insert(def.id, Arc::new(def));
        }
        let everyone = HostGroup {
            id: HostGroupId(1),
            revision: Revision(1),
            name: "default".to_owned(),
            description: String::new(),
            effective: true,
            everyone: true,
            members: BTreeSet::new(),
        };
        Db {
            jobs,
            host_groups: BTreeMap::from([(everyone.id, everyone), (LABELLED, labelled(false))]),
            calendar: calendar(self.seed.is_multiple_of(2)),
            planned_through: Some(midnight()),
            ..Db::default()
        }
    }
}

pub(super) const LABELLED: HostGroupId = HostGroupId(2);

/// The host group of every other worker.
pub(super) fn labelled(empty: bool) -> HostGroup {
    let label = (!empty).then(|| "label:gpu".to_owned());
    HostGroup {
        id: LABELLED,
        revision: Revision(1),
        name: "labelled".to_owned(),
        description: String::new(),
        effective: true,
        everyone: false,
        members: label.into_iter().collect(),
    }
}

/// The jobs as a leader sees them that does not care about overlap.
pub(super) fn jobs_that_overlap(
    jobs: &BTreeMap<JobId, Arc<JobDef>>,
) -> BTreeMap<JobId, Arc<JobDef>> {
    let allow = |def: &Arc<JobDef>| {
        let mut def = JobDef::clone(def);
        def.overlap = Overlap::Allow;
        (def.id, Arc::new(def))
    };
    jobs.values().map(allow).collect()
}

/// The calendar of every job that has one: the days around that of the simulation, and perhaps
/// that day itself.
pub(super) fn calendar(today: bool) -> Arc<CalendarDef> {
    let around = if today { -1..=1 } else { -1..=-1 };
    let days = around.chain([1]).map(|n| midnight() + TimeDelta::days(n));
    Arc::new(CalendarDef {
        id: CalendarId(1),
        revision: Revision(1),
        content: CalendarContent {
            name: CALENDAR.to_owned(),
            added: days.map(|at| (at.date_naive(), String::new())).collect(),
            ..CalendarContent::default()
        },
    })
}

fn in_the_calendar(rule: DayRule) -> CalendarRule {
    CalendarRule {
        name: CALENDAR.to_owned(),
        rule,
    }
}

/// Another schedule for a job: a cron, or dependent on some job before it.
pub(super) fn schedule_number(number: u8, job: JobId) -> Schedule {
    let number = usize::from(number);
    let index = usize::try_from(job.0 - 1).unwrap();
    let dependent = number >= CRONS.len() && index > 0;
    let edge = || Edge {
        upstream: job_id(number % index),
        window: Window::Nearest,
        policy: Policy::Success,
    };
    Schedule {
        cron: (!dependent).then(|| CRONS[number % CRONS.len()].to_owned()),
        timezone: chrono_tz::UTC,
        edges: if dependent { vec![edge()] } else { Vec::new() },
        validity: crate::cron::Validity::ALWAYS,
        calendar: DayRule::ALL.get(number % 7).copied().map(in_the_calendar),
    }
}

fn job_id(index: usize) -> JobId {
    JobId(i64::try_from(index).unwrap() + 1)
}

fn job() -> impl Strategy<Value = JobSpec> {
    let when = (
        prop::option::weighted(0.4, 0..CRONS.len()),
        prop::collection::btree_set(0..6_usize, 0..4),
        prop::sample::select(vec![
            Policy::Success,
            Policy::Success,
            Policy::Finished,
            Policy::Optional,
        ]),
    );
    let how = (
        0..3_u32,
        prop::sample::select(vec![Overlap::Wait, Overlap::Allow, Overlap::Skip]),
        prop::sample::select(vec![OnLost::Ask, OnLost::Ask, OnLost::Rerun]),
        prop::option::weighted(0.3, prop::sample::select(DayRule::ALL)),
        prop::option::weighted(0.3, 1..5_u32),
        1..=5_u8,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.2),
    );
    (when, how).prop_map(|((cron, upstreams, policy), how)| {
        let (retries, overlap, on_lost, calendar, must_end_minutes, priority, open, labelled) = how;
        JobSpec {
            cron,
            upstreams,
            policy,
            retries,
            overlap,
            on_lost,
            calendar,
            must_end_minutes,
            priority,
            open,
            labelled,
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    let job = || 0..6_usize;
    prop_oneof![
        4 => (job(), any::<bool>(), prop::option::of((55..140_i64).prop_map(|n| n / 5 * 5)))
            .prop_map(|(job, recover, minute)| Act::Trigger { job, recover, minute }),
        4 => (0..9_usize).prop_map(Act::Cancel),
        1 => Just(Act::CancelAll),
        2 => Just(Act::DeclareLost),
        1 => any::<bool>().prop_map(|empty| Act::SetHostGroup { empty }),
        2 => (job(), any::<bool>()).prop_map(|(job, open)| Act::Switch { job, open }),
        1 => any::<bool>().prop_map(|open| Act::SwitchAll { open }),
        2 => (job(), 0..12_u8).prop_map(|(job, schedule)| Act::Reschedule { job, schedule }),
        2 => any::<bool>().prop_map(|today| Act::SetCalendar { today }),
    ]
}

fn crash() -> impl Strategy<Value = Crash> {
    prop::sample::select(vec![
        Crash::BeforeCommit,
        Crash::AfterCommit,
        Crash::AfterSend,
    ])
}

/// Faults that may change how runs end.
fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => harmless_fault(),
        1 => (0..3_usize, 1..300_i64).prop_map(|(m, s)| Fault::KillMachine(m, s)),
        1 => (0..3_usize, 70..900_i64).prop_map(|(m, s)| Fault::CutOff(m, s)),
        1 => (0..3_usize, 20..300_i64).prop_map(|(m, s)| Fault::Unheard(m, s)),
        1 => (1..3_000_i64).prop_map(Fault::Jump),
        1 => Just(Fault::FailToRender),
    ]
}

/// Faults after which everything ends as if nothing had happened.
fn harmless_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => crash().prop_map(Fault::CrashLeader),
        2 => Just(Fault::Depose),
        2 => Just(Fault::Refuse),
        3 => (0..3_usize).prop_map(Fault::BreakSession),
        2 => (0..3_usize, 1..40_i64).prop_map(|(m, s)| Fault::CutOff(m, s)),
        2 => (0..3_usize, 1..40_i64).prop_map(|(m, s)| Fault::Unheard(m, s)),
        3 => (0..3_usize, 1..40_i64).prop_map(|(m, s)| Fault::KillProgram(m, s)),
        1 => (0..3_usize, 0..9_usize).prop_map(|(m, run)| Fault::PlantStale(m, run)),
    ]
}

/// Seconds after the start at which something happens: while versions run.
fn moment() -> impl Strategy<Value = i64> {
    250..5_000_i64
}

fn frame() -> impl Strategy<Value = Scenario> {
    let jobs = prop::collection::vec(job(), 1..7);
    (any::<u64>(), 1..4_i64, 1..8_u32, 0..40_u64, jobs).prop_map(
        |(seed, workers, max_parallel, fail_percent, jobs)| Scenario {
            seed,
            workers,
            max_parallel,
            fail_percent,
            jobs,
            acts: Vec::new(),
            faults: Vec::new(),
        },
    )
}

/// Anything people do and anything that breaks.
pub(super) fn anything() -> impl Strategy<Value = Scenario> {
    let acts = prop::collection::vec((moment(), act()), 0..10);
    let faults = prop::collection::vec((moment(), any_fault()), 0..16);
    (frame(), acts, faults).prop_map(|(frame, acts, faults)| Scenario {
        acts,
        faults,
        ..frame
    })
}

/// Nobody touches anything, and only faults that lose nothing.
pub(super) fn harmless() -> impl Strategy<Value = Scenario> {
    let faults = prop::collection::vec((moment(), harmless_fault()), 1..16);
    (frame(), faults).prop_map(|(mut frame, faults)| {
        for job in &mut frame.jobs {
            job.on_lost = OnLost::Ask;
            job.must_end_minutes = None;
        }
        Scenario { faults, ..frame }
    })
}

/// Jobs that may run twice, and workers that are out of reach for longer than that is waited for.
pub(super) fn cut_off() -> impl Strategy<Value = Scenario> {
    let fault = prop_oneof![
        3 => (0..3_usize, 50..400_i64).prop_map(|(m, s)| Fault::CutOff(m, s)),
        2 => (0..3_usize, 20..200_i64).prop_map(|(m, s)| Fault::Unheard(m, s)),
        1 => (0..3_usize, 1..80_i64).prop_map(|(m, s)| Fault::KillProgram(m, s)),
        1 => Just(Fault::Depose),
        1 => crash().prop_map(Fault::CrashLeader),
    ];
    let faults = prop::collection::vec((250..3_000_i64, fault), 4..24);
    (frame(), faults).prop_map(|(mut frame, faults)| {
        for job in &mut frame.jobs {
            job.on_lost = OnLost::Rerun;
        }
        Scenario { faults, ..frame }
    })
}
