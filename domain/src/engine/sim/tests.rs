use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::scenario::{Act, JobSpec, Scenario, anything, cut_off, harmless};
use super::{Broken, World};
use crate::clock::Timestamp;
use crate::id::JobId;
use crate::status::{OnLost, Overlap, Policy, VersionStatus};

/// As many cases as proptest is told by its environment variable; else its 256.
fn config() -> Config {
    Config {
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    }
}

fn outcome(scenario: &Scenario) -> BTreeMap<(JobId, Timestamp), VersionStatus> {
    let report = World::run(scenario, Broken::default());
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
    let rows = report.db.versions.values();
    rows.map(|row| ((row.job, row.business_time), row.status))
        .collect()
}

#[test]
fn no_promise_is_broken_whatever_people_do_and_whatever_fails() {
    let mut runner = TestRunner::new(config());
    let result = runner.run(&anything(), |scenario| {
        let report = World::run(&scenario, Broken::default());
        prop_assert!(report.violations.is_empty(), "{:#?}", report.violations);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn crashes_of_any_part_at_any_point_change_no_outcome() {
    let mut runner = TestRunner::new(config());
    let result = runner.run(&harmless(), |scenario| {
        let quiet = Scenario {
            faults: Vec::new(),
            ..scenario.clone()
        };
        prop_assert_eq!(outcome(&scenario), outcome(&quiet));
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Whether some scenario makes the checker notice that a law is broken.
fn is_noticed(broken: Broken, by: &str) -> bool {
    is_noticed_in(anything(), broken, by)
}

fn is_noticed_in(of: impl Strategy<Value = Scenario>, broken: Broken, by: &str) -> bool {
    let mut runner = TestRunner::new(Config {
        cases: 400,
        max_shrink_iters: 0,
        ..config()
    });
    let result = runner.run(&of, |scenario| {
        let report = World::run(&scenario, broken);
        let noticed = report.violations.iter().any(|text| text.contains(by));
        prop_assert!(!noticed);
        Ok(())
    });
    result.is_err()
}

#[test]
fn a_database_without_a_fence_is_noticed() {
    let broken = Broken {
        unfenced: true,
        ..Broken::default()
    };
    assert!(is_noticed(broken, "a commit failed"));
}

#[test]
fn blind_writes_of_a_stale_leader_are_noticed() {
    let broken = Broken {
        unfenced: true,
        blind_writes: true,
        ..Broken::default()
    };
    assert!(is_noticed(broken, "invariant"));
}

#[test]
fn sending_before_the_commit_is_noticed() {
    let broken = Broken {
        sends_before_commit: true,
        ..Broken::default()
    };
    assert!(is_noticed(broken, "invariant 8"));
}

#[test]
fn a_worker_that_forgets_its_runs_is_noticed() {
    let broken = Broken {
        forgets_inventory: true,
        ..Broken::default()
    };
    assert!(is_noticed(broken, "invariant 7"));
}

#[test]
fn a_worker_that_denies_a_single_run_is_noticed() {
    let broken = Broken {
        denies_a_run: true,
        ..Broken::default()
    };
    assert!(is_noticed(broken, "invariant 7"));
}

#[test]
fn a_worker_that_fences_itself_too_late_is_noticed() {
    let broken = Broken {
        fences_late: true,
        ..Broken::default()
    };
    assert!(is_noticed_in(cut_off(), broken, "invariant 2"));
}

#[test]
fn a_worker_that_takes_a_session_for_contact_is_noticed() {
    let broken = Broken {
        takes_sessions_for_contact: true,
        ..Broken::default()
    };
    assert!(is_noticed_in(cut_off(), broken, "invariant 2"));
}

#[test]
fn a_worker_that_claims_to_have_killed_what_lives_is_noticed() {
    let broken = Broken {
        claims_to_have_killed: true,
        ..Broken::default()
    };
    assert!(is_noticed(broken, "is confirmed to be gone and is alive"));
}

#[test]
fn a_worker_that_never_fences_itself_is_noticed() {
    let broken = Broken {
        never_fences: true,
        ..Broken::default()
    };
    assert!(is_noticed_in(cut_off(), broken, "invariant 2"));
}

#[test]
fn workers_that_are_cut_off_run_nothing_that_runs_elsewhere() {
    let mut runner = TestRunner::new(config());
    let result = runner.run(&cut_off(), |scenario| {
        let report = World::run(&scenario, Broken::default());
        prop_assert!(report.violations.is_empty(), "{:#?}", report.violations);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn believing_a_stale_run_directory_is_noticed() {
    let broken = Broken {
        ignores_nonces: true,
        ..Broken::default()
    };
    assert!(is_noticed(broken, "invariant 7"));
}

#[test]
fn a_leader_that_knows_no_calendar_is_noticed() {
    let broken = Broken {
        ignores_calendars: true,
        ..Broken::default()
    };
    assert!(is_noticed(broken, "invariant 3"));
}

#[test]
fn overlapping_runs_of_a_job_that_forbids_it_are_noticed() {
    let broken = Broken {
        ignores_overlap: true,
        ..Broken::default()
    };
    assert!(is_noticed(broken, "invariant 2"));
}

/// Found by the property above.
#[test]
fn a_run_by_hand_that_waits_does_not_keep_its_version_s_old_due_time() {
    let job = JobSpec {
        cron: None,
        upstreams: BTreeSet::new(),
        policy: Policy::Success,
        retries: 0,
        overlap: Overlap::Wait,
        on_lost: OnLost::Ask,
        calendar: None,
        must_end_minutes: None,
        priority: 1,
        open: true,
        labelled: true,
    };
    let by_hand = Act::Trigger {
        job: 0,
        recover: false,
        minute: None,
    };
    let scenario = Scenario {
        seed: 0,
        workers: 1,
        max_parallel: 1,
        fail_percent: 0,
        jobs: vec![job],
        acts: vec![
            (250, Act::SetCalendar { today: false }),
            (250, Act::SetHostGroup { empty: true }),
            // Moved by its calendar to the next day …
            (
                250,
                Act::Reschedule {
                    job: 0,
                    schedule: 2,
                },
            ),
            (3647, by_hand),
            // … and, while the run by hand is queued, to no other day.
            (
                3655,
                Act::Reschedule {
                    job: 0,
                    schedule: 0,
                },
            ),
        ],
        faults: Vec::new(),
    };
    let report = World::run(&scenario, Broken::default());
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
}
