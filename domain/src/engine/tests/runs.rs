//! Retry, cancel, overlap, order and limits.

use super::*;
use crate::reason::Reason;

fn retrying(count: u32) -> JobDef {
    let mut job = job(1, Some("0 0 3 * * ?"), &[]);
    job.retry = RetryPolicy {
        count,
        wait_minutes: 5,
        exit_codes: Vec::new(),
    };
    job
}

#[test]
fn a_failed_run_is_tried_again_after_its_wait_and_alarms_when_no_attempt_is_left() {
    let mut bench = Bench::open(vec![retrying(1)]);
    bench.until(at(3, 0));
    let first = bench.started_one();
    bench.exits(&first, 7);
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::RetryWait);
    assert!(bench.alarms().is_empty());
    assert_eq!(
        bench.engine.next_deadline(),
        Some(at(3, 0) + TimeDelta::seconds(10))
    );
    bench.until(at(3, 5));
    let second = bench.started_one();
    assert_ne!(second.run, first.run);
    assert_eq!(bench.run_row(second.run).attempt, 2);
    bench.exits(&second, 7);
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Failed);
    assert_eq!(bench.alarms(), [AlarmKind::RunFailed]);
}

#[test]
fn only_listed_exit_codes_are_tried_again() {
    let mut picky = retrying(3);
    picky.retry.exit_codes = vec![75];
    let mut bench = Bench::open(vec![picky]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.exits(&run, 75);
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::RetryWait);
    bench.until(at(3, 5));
    let run = bench.started_one();
    bench.exits(&run, 1);
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Failed);
}

#[test]
fn a_retry_keeps_its_trigger_over_a_restart() {
    let mut bench = Bench::open(vec![retrying(1)]);
    bench.until(at(4, 0));
    let run = bench.started_one();
    bench.exits(&run, 0);
    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let run = bench.started_one();
    bench.exits(&run, 1);
    let failed = bench.run_row(run.run).clone();
    let version = bench.out.versions[&failed.version].row.clone();
    let snapshot = Snapshot {
        jobs: bench.engine.jobs().clone(),
        versions: vec![version],
        runs: vec![failed],
        planned_through: Some(at(4, 0)),
        last_version_key: 1,
        last_run_id: run.run.0,
        ..Snapshot::default()
    };
    bench.engine = Engine::restore(snapshot, Limits::default());
    bench.until(at(4, 5));
    let retry = bench.out.runs.values().next().unwrap();
    assert_eq!(
        (retry.row.trigger, retry.row.attempt),
        (Trigger::Recover, 2)
    );
    assert_eq!(retry.row.operator.as_deref(), Some("hera"));
}

#[test]
fn a_recovery_after_a_failure_is_told_once() {
    let mut bench = Bench::open(vec![retrying(0)]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.exits(&run, 1);
    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let run = bench.started_one();
    bench.exits(&run, 0);
    assert_eq!(bench.alarms(), [AlarmKind::Recovered]);
    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let run = bench.started_one();
    bench.exits(&run, 0);
    assert!(bench.alarms().is_empty());
}

#[test]
fn cancel_works_in_every_state_and_a_cancelled_run_is_never_tried_again() {
    let mut bench = Bench::open(vec![retrying(5)]);
    bench.report(WorkerEvent::Accepting(false));
    bench.until(at(3, 0));
    let queued = *bench.out.runs.keys().next().unwrap();
    bench.cancel(queued).unwrap();
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Cancelled);
    let refusal = bench.cancel(queued).unwrap_err();
    assert_eq!(refusal.to_string(), "run 1 is cancelled already");

    bench.report(WorkerEvent::Accepting(true));
    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let run = bench.started_one();
    bench.cancel(run.run).unwrap();
    let cancel = Send::Cancel {
        worker: WORKER,
        run: run.clone(),
    };
    assert_eq!(bench.out.sends, [cancel]);
    let end = End {
        signal: Some(15),
        kill_confirmed: Some(true),
        ..End::default()
    };
    bench.report(WorkerEvent::Finished(run.clone(), end));
    assert_eq!(bench.run_row(run.run).status, RunStatus::Cancelled);
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Cancelled);

    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let run = bench.started_one();
    bench.exits(&run, 1);
    bench.cancel(run.run).unwrap();
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Cancelled);
    bench.until(at(9, 0));
    assert!(bench.started().is_empty());
}

#[test]
fn a_run_that_ends_well_before_its_cancel_arrives_has_succeeded() {
    let mut bench = Bench::open(vec![retrying(1)]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.cancel(run.run).unwrap();
    bench.exits(&run, 0);
    assert_eq!(bench.run_row(run.run).status, RunStatus::Success);
}

#[test]
fn runs_of_a_job_wait_for_each_other_unless_they_may_overlap() {
    for (overlap, together) in [(Overlap::Wait, 1), (Overlap::Allow, 3)] {
        let mut slow = job(1, Some("0 0 1,2,3 * * ?"), &[]);
        slow.overlap = overlap;
        let mut bench = Bench::open(vec![slow]);
        bench.until(at(3, 0));
        let mut running = bench.started();
        assert_eq!(running.len(), together);
        let mut order = Vec::new();
        while let Some(run) = running.pop() {
            order.push(run.run);
            bench.exits(&run, 0);
            running.extend(bench.started());
        }
        assert_eq!(order.len(), 3);
        assert!(overlap == Overlap::Allow || order.is_sorted(), "{order:?}");
    }
}

#[test]
fn higher_priority_goes_first_until_the_lower_has_waited_long_enough() {
    let mut low = job(1, Some("0 0 1 * * ?"), &[]);
    low.priority = 1;
    let mut high = job(2, Some("0 5 1 * * ?"), &[]);
    high.priority = 3;
    let mut later = job(3, Some("0 30 1 * * ?"), &[]);
    later.priority = 3;
    let mut bench = Bench::open(vec![low, high, later]);
    bench.report(WorkerEvent::Connected(WorkerHello {
        max_runs: Some(1),
        accepting: false,
        ..hello()
    }));
    for time in [at(1, 0), at(1, 5), at(1, 30)] {
        bench.until(time);
    }
    bench.report(WorkerEvent::Accepting(true));
    let mut order = Vec::new();
    while let [run] = bench.started().as_slice() {
        let run = run.clone();
        order.push(bench.engine.run(run.run).unwrap().job.0);
        bench.exits(&run, 0);
    }
    assert_eq!(order, [2, 1, 3]);
}

#[test]
fn no_lane_starves_another() {
    let mut jobs: Vec<_> = (1..=12)
        .map(|id| job(id, Some("0 0 1 * * ?"), &[]))
        .collect();
    jobs.extend((13..=16).map(|id| job(id, None, &[])));
    let mut bench = Bench::open(jobs);
    bench.report(WorkerEvent::Connected(WorkerHello {
        max_runs: Some(6),
        accepting: false,
        ..hello()
    }));
    bench.until(at(1, 0));
    for id in 13..=16 {
        bench.trigger(id, Trigger::Manual, At::Latest).unwrap();
    }
    bench.report(WorkerEvent::Accepting(true));
    let started = bench.started();
    let manual = started
        .iter()
        .filter(|run| bench.run_row(run.run).trigger == Trigger::Manual);
    assert_eq!((started.len(), manual.count()), (6, 2), "8 to 4 by weight");
}

#[test]
fn the_installation_s_limit_is_kept() {
    let jobs = (1..=9)
        .map(|id| job(id, Some("0 0 1 * * ?"), &[]))
        .collect();
    let mut bench = Bench::open(jobs);
    bench.engine.limits.max_parallel = 4;
    bench.until(at(1, 0));
    let started = bench.started();
    assert_eq!(started.len(), 4);
    bench.exits(&started[0], 0);
    assert_eq!(bench.started().len(), 1);
}

#[test]
fn an_unusable_host_group_keeps_its_runs_queued_with_the_reason_and_alarms() {
    let mut lost = job(1, Some("0 0 1 * * ?"), &[]);
    lost.host_group = Some(HostGroupId(7));
    let mut bench = Bench::open(vec![lost, job(2, Some("0 0 1 * * ?"), &[])]);
    bench.until(at(1, 0));
    assert_eq!(bench.started().len(), 1, "the other host group goes on");
    let reasons: Vec<_> = bench
        .out
        .runs
        .values()
        .filter_map(|run| run.row.reason.clone())
        .collect();
    let id = HostGroupId(7);
    assert_eq!(reasons, [Reason::NoSuchHostGroup { id }]);
    bench.until(at(1, 5));
    assert!(bench.out.runs.is_empty(), "said once");
    bench.until(at(1, 10));
    assert_eq!(bench.alarms(), [AlarmKind::NoWorker]);
    let spark = HostGroup {
        id: HostGroupId(7),
        revision: Revision(1),
        description: String::new(),
        name: "spark".to_owned(),
        effective: true,
        everyone: false,
        members: BTreeSet::from(["one".to_owned()]),
    };
    bench.step(Event::SaveHostGroup(spark));
    let run = bench.started_one();
    assert_eq!(bench.run_row(run.run).reason, None);
}

#[test]
fn a_run_that_takes_too_long_alarms_once_and_is_killed_if_the_job_says_so() {
    let mut slow = job(1, Some("0 0 1 * * ?"), &[]);
    slow.must_end_minutes = Some(30);
    slow.kill_on_timeout = true;
    let mut bench = Bench::open(vec![slow]);
    bench.until(at(1, 0));
    let run = bench.started_one();
    bench.report(WorkerEvent::Started(run.clone()));
    bench.until(at(1, 30));
    assert_eq!(bench.alarms(), [AlarmKind::MustEndExceeded]);
    assert!(matches!(bench.out.sends.as_slice(), [Send::Cancel { .. }]));
    bench.until(at(2, 30));
    assert!(bench.alarms().is_empty() && bench.out.sends.is_empty());
}

#[test]
fn a_run_that_cannot_be_rendered_fails_before_anything_is_sent() {
    let mut bench = Bench::open(vec![retrying(3)]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    let error = "a malformed date".to_owned();
    let tick = bench.tick();
    let event = Event::RenderFailed {
        run: run.run,
        error,
    };
    bench.engine.step(event, tick, &mut bench.out).unwrap();
    assert!(bench.out.sends.is_empty());
    let change = &bench.out.runs[&run.run];
    assert_eq!(
        (change.expect, change.row.status),
        (None, RunStatus::Failed)
    );
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Failed);
}

#[test]
fn a_failed_version_starts_again_when_its_upstream_has_succeeded_since() {
    let mut bench = Bench::open(vec![job(1, Some("0 0 3 * * ?"), &[]), job(2, None, &[1])]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.exits(&run, 0);
    let run = bench.started_one();
    bench.exits(&run, 1);
    assert!(bench.started().is_empty(), "once per upstream success");
    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let run = bench.started_one();
    assert_eq!(bench.status(2, at(3, 0)), VersionStatus::Failed);
    bench.exits(&run, 0);
    let run = bench.started_one();
    assert_eq!(bench.run_row(run.run).job, JobId(2));
    bench.exits(&run, 0);
    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let run = bench.started_one();
    bench.exits(&run, 0);
    assert!(bench.started().is_empty(), "a success is not repeated");
}
