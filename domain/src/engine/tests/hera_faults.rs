//! What the Java HERA gets wrong about failover, workers and retries: a test for each fault of
//! the list that we keep of them, by its number there.

use super::*;
use crate::reason::{HostGroupLacks, Reason};

fn daily(id: i64) -> JobDef {
    job(id, Some("0 0 3 * * ?"), &[])
}

fn live(run: &RunRef) -> InventoryItem {
    InventoryItem {
        run: run.clone(),
        state: InventoryState::Live,
    }
}

fn comes_back(bench: &mut Bench, runs: &[&RunRef]) {
    let inventory = runs.iter().map(|run| live(run)).collect();
    bench.report(WorkerEvent::Connected(WorkerHello {
        inventory,
        ..hello()
    }));
}

#[test]
fn hera_fault_2_failover_does_not_rerun_what_runs_and_keeps_its_trigger() {
    let mut bench = Bench::open(vec![daily(1), daily(2)]);
    bench.until(at(3, 0));
    let scheduled = bench.started();
    assert_eq!(scheduled.len(), 2);
    bench.exits(&scheduled[1], 0);
    bench.trigger(2, Trigger::Manual, At::Latest).unwrap();
    let manual = bench.started_one();
    bench.report(WorkerEvent::Started(scheduled[0].clone()));
    bench.report(WorkerEvent::Started(manual.clone()));
    bench.failover();
    assert!(bench.out.sends.is_empty() && bench.out.runs.is_empty());
    comes_back(&mut bench, &[&scheduled[0], &manual]);
    assert_eq!(bench.out.sends, [], "nothing is started or stopped");
    bench.exits(&scheduled[0], 0);
    bench.exits(&manual, 0);
    assert_eq!(bench.runs.len(), 3, "no run was made");
    assert_eq!(bench.runs[&manual.run].trigger, Trigger::Manual);
    assert_eq!(bench.runs[&manual.run].status, RunStatus::Success);
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Success);
}

#[test]
fn hera_fault_3_a_reconnecting_worker_keeps_its_runs_whatever_their_trigger() {
    for trigger in [Trigger::Manual, Trigger::Recover] {
        let mut bench = Bench::open(vec![daily(1)]);
        bench.until(at(3, 0));
        let first = bench.started_one();
        bench.exits(&first, 0);
        bench.trigger(1, trigger, At::Latest).unwrap();
        let run = bench.started_one();
        bench.report(WorkerEvent::Started(run.clone()));
        for seconds in [5, 10] {
            bench.report(WorkerEvent::Disconnected);
            bench.until(at(3, 0) + TimeDelta::seconds(seconds));
            comes_back(&mut bench, &[&run]);
            assert_eq!(bench.out.sends, []);
        }
        // A silence is noticed for every trigger, too.
        bench.report(WorkerEvent::Disconnected);
        bench.until(at(3, 5));
        assert!(bench.runs[&run.run].unreachable, "{trigger}");
    }
}

#[test]
fn hera_fault_4_a_cancelled_run_is_never_retried_and_a_queued_one_is_over_at_once() {
    let mut job = daily(1);
    job.retry.count = 5;
    let mut bench = Bench::open(vec![job]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.cancel(run.run).unwrap();
    let end = End {
        signal: Some(15),
        kill_confirmed: Some(true),
        ..End::default()
    };
    bench.report(WorkerEvent::Finished(run.clone(), end));
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Cancelled);
    bench.until(at(23, 0));
    assert_eq!(bench.runs.len(), 1, "nothing follows");

    bench.report(WorkerEvent::Accepting(false));
    let queued = bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    bench.cancel(queued).unwrap();
    assert_eq!(bench.runs[&queued].status, RunStatus::Cancelled);
    bench.report(WorkerEvent::Accepting(true));
    assert!(bench.started().is_empty(), "it does not come back");
}

#[test]
fn hera_fault_8_a_host_group_that_is_wrong_holds_a_run_back_and_loses_it_for_no_trigger() {
    for trigger in [Trigger::Manual, Trigger::Recover] {
        let mut wrong = daily(1);
        wrong.host_group = Some(HostGroupId(9));
        let mut bench = Bench::open(vec![wrong, daily(2)]);
        let run = bench.trigger(1, trigger, At::Business(at(1, 0))).unwrap();
        let id = HostGroupId(9);
        assert_eq!(
            bench.runs[&run].reason,
            Some(Reason::NoSuchHostGroup { id })
        );
        let off = HostGroup {
            id,
            revision: Revision(1),
            name: "night".to_owned(),
            description: String::new(),
            effective: false,
            everyone: true,
            members: BTreeSet::new(),
        };
        bench.step(Event::SaveHostGroup(off.clone()));
        let lacks = Reason::HostGroup {
            name: "night".to_owned(),
            lacks: HostGroupLacks::Effect,
        };
        assert_eq!(bench.runs[&run].reason, Some(lacks));
        bench.until(at(3, 0));
        assert_eq!(
            bench.runs[&bench.started_one().run].job,
            JobId(2),
            "others go on"
        );
        assert_eq!(bench.runs[&run].status, RunStatus::Queued);
        bench.step(Event::SaveHostGroup(HostGroup {
            effective: true,
            ..off
        }));
        assert_eq!(bench.started_one().run, run);
    }
}

#[test]
fn hera_fault_9_what_runs_where_is_right_under_many_reports_in_any_order() {
    let jobs: i64 = 60;
    let mut bench = Bench::open((1..=jobs).map(daily).collect());
    let workers = [1, 2, 3, 4].map(WorkerId);
    for worker in workers {
        let hello = WorkerHello {
            max_runs: Some(20),
            ..hello()
        };
        bench.of(worker, WorkerEvent::Connected(hello));
    }
    bench.until(at(3, 0));
    let started = bench.started();
    assert_eq!(started.len(), 60);
    let mut left: BTreeMap<WorkerId, BTreeSet<RunId>> = BTreeMap::new();
    for run in &started {
        let worker = bench.runs[&run.run].worker.unwrap();
        left.entry(worker).or_default().insert(run.run);
    }
    // All in one batch, ends before starts, every one twice, and from workers that have not the
    // run.
    let tick = bench.tick();
    let mut out = Decisions::default();
    for (n, run) in started.iter().enumerate() {
        let worker = bench.runs[&run.run].worker.unwrap();
        let other = workers[(n + 1) % workers.len()];
        let end = End {
            exit_code: Some(0),
            ..End::default()
        };
        let finished = WorkerEvent::Finished(run.clone(), end);
        let starting = WorkerEvent::Started(run.clone());
        let mut events = vec![(other, starting.clone()), (worker, starting)];
        if n % 3 != 0 {
            left.get_mut(&worker).unwrap().remove(&run.run);
            events = vec![
                (worker, finished.clone()),
                (worker, WorkerEvent::Started(run.clone())),
                (other, finished.clone()),
                (worker, finished),
            ];
        }
        for (from, event) in events {
            let event = Event::Worker(from, event);
            bench.engine.step(event, tick, &mut out).unwrap();
        }
        for worker in workers {
            let here = bench.engine.workers[&worker].runs.clone();
            let bound = bench
                .engine
                .live_runs()
                .filter(|run| run.worker == Some(worker) && run.status.is_on_worker());
            assert_eq!(here, bound.map(|run| run.id).collect());
        }
    }
    for worker in workers {
        assert_eq!(bench.engine.workers[&worker].runs, left[&worker]);
    }
    let live = left.values().map(BTreeSet::len).sum::<usize>();
    assert_eq!(bench.engine.runs.on_workers as usize, live);
}

#[test]
fn hera_fault_11_a_retry_holds_no_slot_exit_codes_are_kept_and_a_timeout_kills() {
    let mut waiting = daily(1);
    waiting.retry.count = 1;
    waiting.retry.wait_minutes = 30;
    let mut bench = Bench::open(vec![waiting, daily(2)]);
    bench.report(WorkerEvent::Connected(WorkerHello {
        max_runs: Some(1),
        ..hello()
    }));
    bench.until(at(3, 0));
    let first = bench.started_one();
    bench.exits(&first, 38);
    assert_eq!(bench.runs[&first.run].exit_code, Some(38));
    assert_eq!(bench.status(1, at(3, 0)), VersionStatus::RetryWait);
    let other = bench.started_one();
    assert_eq!(
        bench.runs[&other.run].job,
        JobId(2),
        "the only slot is free"
    );
    bench.report(WorkerEvent::Started(other.clone()));
    // The installation's limit kills; the worker's report ends it.
    bench.until(at(15, 0));
    let cancel = Send::Cancel {
        worker: WORKER,
        run: other.clone(),
    };
    assert!(bench.out.sends.contains(&cancel), "{:?}", bench.out.sends);
    let end = End {
        signal: Some(9),
        kill_confirmed: Some(true),
        ..End::default()
    };
    bench.report(WorkerEvent::Finished(other.clone(), end));
    let row = &bench.runs[&other.run];
    assert_eq!((row.status, row.signal), (RunStatus::Cancelled, Some(9)));
    assert_eq!(row.reason, Some(Reason::TookTooLong { minutes: 720 }));
}

#[test]
fn hera_fault_security_12_the_folders_of_runs_have_names_that_can_be_foretold() {
    let mut bench = Bench::open(vec![daily(1)]);
    bench.until(at(3, 0));
    // Half of the SHA-256 of the leadership's salt, here zeros, and the run: no others lead to it.
    let run = bench.started_one();
    assert_eq!(run.run, RunId(1));
    assert_eq!(run.nonce, "ed8b7b2c2c6bae3a650fe15699b56315");
}
