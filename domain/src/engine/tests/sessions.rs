//! What workers report, and what happens when they come back or do not.

use super::*;
use crate::reason::Reason;

fn daily() -> JobDef {
    job(1, Some("0 0 3 20 * ?"), &[])
}

fn back_with(bench: &mut Bench, inventory: Vec<InventoryItem>) {
    bench.report(WorkerEvent::Connected(WorkerHello {
        inventory,
        ..hello()
    }));
}

fn live(run: &RunRef) -> InventoryItem {
    InventoryItem {
        run: run.clone(),
        state: InventoryState::Live,
    }
}

fn ended(run: &RunRef, code: i32) -> InventoryItem {
    let end = End {
        exit_code: Some(code),
        ..End::default()
    };
    InventoryItem {
        run: run.clone(),
        state: InventoryState::Ended(end),
    }
}

#[test]
fn a_run_that_never_arrived_is_sent_again_with_the_same_nonce() {
    let mut bench = Bench::open(vec![daily()]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    back_with(&mut bench, Vec::new());
    assert_eq!(bench.started(), [run]);
    assert!(bench.out.runs.is_empty());
}

#[test]
fn a_run_that_ended_meanwhile_is_final_with_its_report_which_brings_the_log() {
    let mut bench = Bench::open(vec![daily()]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.report(WorkerEvent::Disconnected);
    back_with(&mut bench, vec![ended(&run, 0)]);
    assert!(bench.out.runs.is_empty());
    assert_eq!(bench.out.sends, []);

    let end = End {
        exit_code: Some(0),
        ..End::default()
    };
    bench.report(WorkerEvent::Finished(run.clone(), end));
    assert_eq!(bench.run_row(run.run).status, RunStatus::Success);
    let ack = Send::Ack {
        worker: WORKER,
        run,
    };
    assert_eq!(bench.out.sends, [ack]);
}

#[test]
fn a_running_run_that_its_worker_denies_is_lost() {
    let mut bench = Bench::open(vec![daily()]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.report(WorkerEvent::Started(run.clone()));
    back_with(&mut bench, Vec::new());
    let row = bench.run_row(run.run);
    assert_eq!(row.status, RunStatus::Lost);
    assert_eq!(
        row.reason,
        Some(Reason::WorkerForgot {
            worker: "one".to_owned()
        })
    );
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Lost);
    assert_eq!(bench.alarms(), [AlarmKind::RunLost]);
}

#[test]
fn another_nonce_is_never_believed() {
    let mut bench = Bench::open(vec![daily()]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    let stale = RunRef {
        nonce: "00000000000000000000000000000000".to_owned(),
        ..run.clone()
    };
    back_with(&mut bench, vec![live(&run), live(&stale)]);
    let discard = Send::Discard {
        worker: WORKER,
        run: stale.clone(),
    };
    assert_eq!(bench.out.sends, [discard]);
    bench.exits(&stale, 0);
    assert_eq!(
        bench.engine.run(run.run).unwrap().status,
        RunStatus::Dispatched
    );
}

#[test]
fn a_report_that_comes_twice_is_acknowledged_twice_and_counts_once() {
    let mut bench = Bench::open(vec![daily()]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.exits(&run, 0);
    bench.exits(&run, 1);
    assert!(bench.out.runs.is_empty() && bench.out.versions.is_empty());
    assert!(matches!(bench.out.sends.as_slice(), [Send::Ack { .. }]));
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Success);
}

#[test]
fn runs_of_a_silent_worker_are_unreachable_until_it_returns() {
    let mut bench = Bench::open(vec![daily()]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.report(WorkerEvent::Started(run.clone()));
    bench.report(WorkerEvent::Disconnected);
    bench.until(at(3, 0) + TimeDelta::seconds(60));
    assert!(bench.run_row(run.run).unreachable);
    assert_eq!(bench.alarms(), [AlarmKind::WorkerUnreachable]);
    bench.until(at(4, 0));
    assert!(bench.alarms().is_empty());
    back_with(&mut bench, vec![live(&run)]);
    assert!(!bench.run_row(run.run).unreachable);
    bench.exits(&run, 0);
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Success);
}

#[test]
fn a_job_that_may_run_twice_goes_to_another_worker_when_its_own_is_silent() {
    let mut twice = daily();
    twice.on_lost = OnLost::Rerun;
    let mut bench = Bench::open(vec![twice]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.report(WorkerEvent::Disconnected);
    let other = WorkerId(2);
    bench.step(Event::Worker(other, WorkerEvent::Connected(hello())));
    bench.until(at(3, 1));
    assert_eq!(bench.run_row(run.run).status, RunStatus::Lost);
    let again = bench.started_one();
    assert_eq!(bench.run_row(again.run).worker, Some(other));
    // It is killed when its worker returns, and what came of it is only noted.
    back_with(&mut bench, vec![live(&run)]);
    assert!(matches!(bench.out.sends.as_slice(), [Send::Cancel { .. }]));
    let end = End {
        signal: Some(9),
        kill_confirmed: Some(true),
        ..End::default()
    };
    bench.report(WorkerEvent::Finished(run.clone(), end));
    assert!(bench.out.runs.is_empty());
    let note = Reason::EndedLate {
        exit_code: None,
        signal: Some(9),
        killed: Some(true),
    };
    assert_eq!(bench.out.late, [LateResult { run, note }]);
}

#[test]
fn a_cancel_reaches_a_silent_worker_when_it_returns_or_is_given_up() {
    for returns in [true, false] {
        let mut bench = Bench::open(vec![daily()]);
        bench.until(at(3, 0));
        let run = bench.started_one();
        bench.report(WorkerEvent::Started(run.clone()));
        bench.report(WorkerEvent::Disconnected);
        bench.cancel(run.run).unwrap();
        if returns {
            back_with(&mut bench, vec![live(&run)]);
            assert!(matches!(bench.out.sends.as_slice(), [Send::Cancel { .. }]));
            assert_eq!(
                bench.engine.run(run.run).unwrap().status,
                RunStatus::Running
            );
        } else {
            bench.until(at(3, 1));
            let row = bench.run_row(run.run);
            assert_eq!(
                (row.status, row.kill_confirmed),
                (RunStatus::Cancelled, Some(false))
            );
        }
    }
}

#[test]
fn after_a_restore_every_worker_is_silent_from_then_on() {
    let mut bench = Bench::open(vec![daily()]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    let row = bench.run_row(run.run).clone();
    let version = bench.out.versions[&row.version].row.clone();
    let snapshot = Snapshot {
        jobs: bench.engine.jobs().clone(),
        versions: vec![version],
        runs: vec![row],
        last_run_id: 1,
        last_version_key: 1,
        planned_through: Some(at(3, 0)),
        ..Snapshot::default()
    };
    bench.engine = Engine::restore(snapshot, Limits::default());
    bench.now = at(5, 0);
    let tick = bench.tick();
    bench.engine.takeover(tick, &mut bench.out);
    bench.until(at(5, 0));
    assert!(bench.out.runs.is_empty());
    bench.until(at(5, 1));
    assert!(bench.run_row(run.run).unreachable);
}

#[test]
fn nothing_goes_to_a_worker_that_is_full_draining_or_overloaded() {
    let full = WorkerHello {
        max_runs: Some(0),
        ..hello()
    };
    let draining = WorkerHello {
        accepting: false,
        ..hello()
    };
    let overloaded = WorkerHello {
        load: Load {
            memory_total_mib: 8_000,
            memory_rate: 0.95,
            load_per_core: 0.1,
            cores: 4,
            ..Load::default()
        },
        ..hello()
    };
    let out_of_room = WorkerHello {
        load: full_disk(),
        ..hello()
    };
    for unfit in [full, draining, overloaded, out_of_room] {
        let mut bench = Bench::open(vec![daily()]);
        bench.engine.limits.max_memory_rate = 0.8;
        bench.report(WorkerEvent::Connected(unfit));
        bench.until(at(3, 0));
        assert!(bench.started().is_empty());
        bench.report(WorkerEvent::Connected(hello()));
        bench.started_one();
    }
}

fn full_disk() -> Load {
    Load {
        disk_free_mib: 7,
        disk_full: true,
        ..Load::default()
    }
}

#[test]
fn a_disk_that_fills_up_alarms_once_and_so_does_its_room() {
    let mut bench = Bench::open(vec![daily()]);
    let changes = [
        (full_disk(), 1),
        (full_disk(), 0),
        (Load::default(), 1),
        (Load::default(), 0),
        (full_disk(), 1),
    ];
    for (load, alarms) in changes {
        bench.report(WorkerEvent::Heartbeat(load));
        assert_eq!(bench.alarms(), vec![AlarmKind::Storage; alarms]);
    }
}
