//! Which worker gets a run, and what becomes of runs whose worker is silent.

use super::*;
use crate::reason::Reason;

fn daily(id: i64) -> JobDef {
    job(id, Some("0 0 3 * * ?"), &[])
}

fn named(name: &str, labels: &[&str]) -> WorkerHello {
    WorkerHello {
        name: name.to_owned(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..hello()
    }
}

fn group(members: &[&str]) -> HostGroup {
    HostGroup {
        id: HostGroupId(7),
        revision: Revision(1),
        name: "gpu".to_owned(),
        description: String::new(),
        effective: true,
        everyone: false,
        members: members.iter().map(|member| (*member).to_owned()).collect(),
    }
}

/// The jobs run in the host group of labels; the worker of the bench has none.
fn labelled(jobs: &[i64]) -> Bench {
    let of_group = |id: &i64| JobDef {
        host_group: Some(HostGroupId(7)),
        ..daily(*id)
    };
    let mut bench = Bench::open(jobs.iter().map(of_group).collect());
    bench.step(Event::SaveHostGroup(group(&["label:gpu"])));
    bench
}

fn worker_of(bench: &Bench, run: &RunRef) -> WorkerId {
    bench.runs[&run.run].worker.unwrap()
}

#[test]
fn a_host_group_holds_workers_by_name_address_or_label() {
    let labels = ["gpu".to_owned()].into();
    for (member, holds) in [
        ("one", true),
        ("10.0.0.1", true),
        ("label:gpu", true),
        ("gpu", false),
        ("label:one", false),
        ("label:", false),
    ] {
        let group = group(&[member]);
        assert_eq!(group.holds("one", "10.0.0.1", &labels), holds, "{member}");
    }
}

#[test]
fn a_run_waits_for_a_worker_with_its_label_and_names_what_its_host_group_lacks() {
    let mut bench = labelled(&[1]);
    bench.until(at(3, 0));
    assert!(bench.started().is_empty());
    let lacks = bench.runs[&RunId(1)].reason.clone();
    assert!(matches!(lacks, Some(Reason::HostGroup { .. })), "{lacks:?}");
    let two = WorkerId(2);
    bench.of(two, WorkerEvent::Connected(named("two", &["gpu", "big"])));
    let run = bench.started_one();
    assert_eq!(worker_of(&bench, &run), two);
    assert_eq!(bench.runs[&run.run].reason, None);
}

#[test]
fn a_changed_host_group_is_seen_at_once_by_what_waits() {
    let mut bench = labelled(&[1]);
    bench.until(at(3, 0));
    bench.step(Event::SaveHostGroup(group(&["one"])));
    assert_eq!(worker_of(&bench, &bench.started_one()), WORKER);
}

#[test]
fn a_busy_worker_gets_one_run_in_a_warm_up_and_nobody_else_waits_for_it() {
    let mut bench = Bench::open((1..=4).map(daily).collect());
    bench.engine.limits.warm_up_ms = 30_000;
    let busy = |load_per_core| {
        WorkerEvent::Heartbeat(Load {
            load_per_core,
            ..Load::default()
        })
    };
    bench.report(busy(0.9));
    bench.until(at(3, 0));
    assert_eq!(bench.started().len(), 1);
    let two = WorkerId(2);
    bench.of(two, WorkerEvent::Connected(named("two", &[])));
    let others = bench.started();
    assert_eq!(others.len(), 3, "an idle worker is filled at once");
    assert!(others.iter().all(|run| worker_of(&bench, run) == two));

    let mut bench = Bench::open((1..=4).map(daily).collect());
    bench.engine.limits.warm_up_ms = 30_000;
    bench.report(busy(0.9));
    bench.until(at(3, 0));
    bench.until(at(3, 0) + TimeDelta::seconds(29));
    assert!(bench.started().is_empty());
    let deadline = bench.engine.next_deadline().unwrap();
    assert!(deadline <= at(3, 0) + TimeDelta::seconds(30), "{deadline}");
    bench.until(at(3, 0) + TimeDelta::seconds(30));
    assert_eq!(bench.started().len(), 1, "the warm-up is over");
    bench.report(busy(0.1));
    assert_eq!(bench.started().len(), 2, "its load is low again");
}

#[test]
fn the_worker_that_failed_a_run_is_the_last_choice_for_its_retry() {
    let mut job = daily(1);
    job.retry.count = 2;
    let mut bench = Bench::open(vec![job]);
    bench.until(at(3, 0));
    let first = bench.started_one();
    let two = WorkerId(2);
    bench.of(two, WorkerEvent::Connected(named("two", &[])));
    bench.exits(&first, 1);
    bench.until(at(3, 1));
    let second = bench.out.sends.clone();
    assert!(
        matches!(second.as_slice(), [] | [Send::Start { .. }]),
        "{second:?}"
    );
    let retry = bench.runs.values().next_back().unwrap();
    assert_eq!((retry.attempt, retry.worker), (2, Some(two)));

    let end = End {
        exit_code: Some(1),
        ..End::default()
    };
    let named = super::super::runs::run_ref(retry).unwrap();
    bench.of(WORKER, WorkerEvent::Disconnected);
    bench.of(two, WorkerEvent::Finished(named, end));
    bench.until(at(3, 2));
    let retry = bench.runs.values().next_back().unwrap();
    assert_eq!(
        (retry.attempt, retry.worker),
        (3, Some(two)),
        "there is no other"
    );
}

/// A run of a job that asks, whose worker is silent for too long.
fn unreachable() -> (Bench, RunRef) {
    let mut bench = Bench::open(vec![daily(1)]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.report(WorkerEvent::Started(run.clone()));
    let declare = Event::DeclareLost {
        run: run.run,
        person: "lin".to_owned(),
    };
    let refused = bench.try_step(declare).unwrap_err();
    assert_eq!(refused, Refusal::Reachable { run: run.run });
    bench.report(WorkerEvent::Disconnected);
    bench.until(at(3, 1));
    assert!(bench.runs[&run.run].unreachable);
    assert_eq!(bench.alarms(), [AlarmKind::WorkerUnreachable]);
    (bench, run)
}

#[test]
fn a_person_declares_an_unreachable_run_lost_and_its_late_end_is_only_noted() {
    let (mut bench, run) = unreachable();
    bench.step(Event::DeclareLost {
        run: run.run,
        person: "lin".to_owned(),
    });
    let row = &bench.runs[&run.run];
    assert_eq!((row.status, row.unreachable), (RunStatus::Lost, false));
    let person = "lin".to_owned();
    assert_eq!(row.reason, Some(Reason::DeclaredLost { person }));
    assert_eq!(bench.alarms(), [AlarmKind::RunLost]);
    assert!(bench.started().is_empty(), "its job does not say rerun");
    bench.report(WorkerEvent::Connected(hello()));
    bench.exits(&run, 0);
    assert!(bench.out.runs.is_empty() && bench.out.versions.is_empty());
    let note = Reason::EndedLate {
        exit_code: Some(0),
        signal: None,
        killed: None,
    };
    assert_eq!(bench.out.late, [LateResult { run, note }]);
}

#[test]
fn task_timeout_decides_of_an_unreachable_run_if_nobody_does() {
    let (mut bench, run) = unreachable();
    bench.until(at(14, 59));
    assert_eq!(bench.runs[&run.run].status, RunStatus::Running);
    bench.until(at(15, 0));
    assert_eq!(bench.runs[&run.run].status, RunStatus::Lost);
}

#[test]
fn what_the_job_said_at_the_dispatch_decides_whether_silence_is_loss() {
    let (mut bench, run) = {
        let mut bench = Bench::open(vec![daily(1)]);
        bench.until(at(3, 0));
        let run = bench.started_one();
        (bench, run)
    };
    let mut later = daily(1);
    later.on_lost = OnLost::Rerun;
    later.revision = Revision(2);
    bench.step(Event::SaveJob(Arc::new(later)));
    bench.report(WorkerEvent::Disconnected);
    bench.until(at(3, 1));
    let row = &bench.runs[&run.run];
    assert!(!row.fenced && row.unreachable, "its worker does not end it");
}

#[test]
fn a_run_that_its_worker_fenced_is_lost_and_runs_again() {
    let mut twice = daily(1);
    twice.on_lost = OnLost::Rerun;
    let mut bench = Bench::open(vec![twice, daily(2)]);
    bench.until(at(3, 0));
    let started = bench.started();
    for run in &started {
        bench.report(WorkerEvent::Started(run.clone()));
    }
    let end = End {
        signal: Some(9),
        kill_confirmed: Some(true),
        ..End::default()
    };
    bench.report(WorkerEvent::Finished(started[0].clone(), end.clone()));
    assert_eq!(bench.runs[&started[0].run].status, RunStatus::Lost);
    let again = bench.started_one();
    assert_eq!(bench.runs[&again.run].job, JobId(1));
    // One that may not run twice has failed.
    bench.report(WorkerEvent::Finished(started[1].clone(), end));
    assert_eq!(bench.runs[&started[1].run].status, RunStatus::Failed);
    assert!(bench.started().is_empty());
}
