//! A worker without contact ends what may be started elsewhere, and nothing else.

use std::time::Duration;

use hera_proto::v1;
use hera_proto::v1::admin_message::Kind as Said;
use hera_proto::v1::worker_message::Kind;

use nix::sys::signal::kill;

use crate::admin::{Admin, Connection, PATIENCE, run_ref, start};
use crate::worker::{Home, INSTALLATION, Worker, heard};

const FENCED: i64 = 1;
const FREE: i64 = 2;
const LATE: i64 = 3;

/// A worker that runs one script which may be started elsewhere and one which may not.
async fn two_runs(admin: &mut Admin, home: &Home, fence_ms: u64) -> (Connection, Worker) {
    let mut command = home.command(&admin.address.to_string());
    command.args(["--set", &format!("hera.selfFenceMs={fence_ms}")]);
    let worker = Worker::spawn(command);
    let mut session = admin.session(INSTALLATION).await;
    let fenced = v1::Start {
        self_fence: true,
        ..start(FENCED, "trap '' INT TERM; sleep 600 & wait")
    };
    session.say(Said::Start(fenced)).await;
    session.accepted(FENCED).await;
    session.started(FENCED).await;
    session.start(FREE, "sleep 600").await;
    session.accepted(FREE).await;
    session.started(FREE).await;
    (session, worker)
}

#[tokio::test]
async fn without_contact_a_fenced_run_is_killed_and_reported_and_the_others_go_on() {
    let mut admin = Admin::start().await;
    let home = Home::new();
    let (mut session, _worker) = two_runs(&mut admin, &home, 2_000).await;
    let (ended, _) = session.finished(FENCED).await;
    assert_eq!(ended.kill_confirmed, Some(true));
    assert!(ended.note.contains("no contact"), "{}", ended.note);
    assert!(home.run_dir(FREE).exists());
    // What is ordered now may be an old order: it waits for an answer of the leader.
    session.start(LATE, "true").await;
    let silence = tokio::time::timeout(Duration::from_millis(500), session.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    let Kind::Accepted(accepted) = session.next_in_contact(1).await else {
        panic!("it is accepted once the leader has answered");
    };
    assert_eq!(accepted.run, Some(run_ref(LATE)));
    session.started(LATE).await;
    session.finished(LATE).await;
    session.cancel(FREE).await;
    session.whole(FREE).await;
}

#[tokio::test]
async fn answered_heartbeats_keep_a_fenced_run_alive_but_not_those_of_a_former_leader() {
    let mut admin = Admin::start().await;
    let home = Home::new();
    let (mut session, _worker) = two_runs(&mut admin, &home, 6_000).await;
    // Beats come every 3 s: without answers the run would end before the third.
    let in_contact = session.next_in_contact(1);
    let kept = tokio::time::timeout(Duration::from_secs(8), in_contact).await;
    assert!(kept.is_err(), "{kept:?}");
    // An order of epoch 2 makes the leader of epoch 1 a former one.
    let order = v1::Start {
        epoch: 2,
        run_type: "nothing that exists".to_owned(),
        ..start(9999, "")
    };
    session.say(Said::Start(order)).await;
    loop {
        match session.next_in_contact(1).await {
            Kind::Finished(finished) => {
                assert_eq!(finished.run.unwrap().run_id, FENCED);
                break;
            }
            Kind::LogChunk(chunk) => session.store(chunk).await,
            Kind::Hello(_)
            | Kind::Accepted(_)
            | Kind::Started(_)
            | Kind::Refused(_)
            | Kind::Heartbeat(_) => {}
        }
    }
    session.cancel(FREE).await;
}

#[tokio::test]
async fn a_fenced_run_ends_in_time_also_if_its_worker_is_gone() {
    let mut admin = Admin::start().await;
    let home = Home::new();
    let (session, worker) = two_runs(&mut admin, &home, 3_000).await;
    let (fenced, free) = (home.runner(FENCED), home.runner(FREE));
    worker.kill_9();
    drop(session);
    // The runner ends when its script and all else is gone.
    let gone = async {
        while kill(fenced, None).is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("it ends by itself");
    assert!(kill(free, None).is_ok(), "the other one goes on");
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let (run, ended) = session.next_end().await;
    assert_eq!(run, FENCED);
    assert_eq!((ended.signal, ended.kill_confirmed), (Some(9), Some(true)));
    assert!(
        ended.note.contains("no leader had answered"),
        "{}",
        ended.note
    );
    session.cancel(FREE).await;
    assert_eq!(session.next_end().await.0, FREE);
}

#[tokio::test]
async fn a_worker_that_is_started_again_counts_on_from_the_last_contact() {
    let mut admin = Admin::start().await;
    let home = Home::new();
    let (session, worker) = two_runs(&mut admin, &home, 50_000).await;
    worker.kill_9();
    drop(session);
    // As if a leader had answered last when the machine was started.
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let kept = serde_json::json!({"boot_id": boot_id.trim(), "since_boot_ms": 0});
    std::fs::write(home.data().join("contact.json"), kept.to_string()).unwrap();
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let mut reports = Vec::new();
    while reports.len() < 5 {
        match session.report().await {
            Kind::Finished(finished) => reports.push(("finished", finished.run)),
            Kind::Accepted(accepted) => reports.push(("accepted", accepted.run)),
            Kind::Started(started) => reports.push(("started", started.run)),
            other
            @ (Kind::Hello(_) | Kind::Refused(_) | Kind::LogChunk(_) | Kind::Heartbeat(_)) => {
                panic!("{other:?}")
            }
        }
    }
    let finished: Vec<_> = reports
        .iter()
        .filter(|(what, _)| *what == "finished")
        .collect();
    assert_eq!(finished, [&("finished", Some(run_ref(FENCED)))]);
    session.ack(FENCED).await;
    session.cancel(FREE).await;
    session.whole(FREE).await;
}

#[tokio::test]
async fn a_fence_takes_away_the_patience_of_a_cancel() {
    let mut admin = Admin::start().await;
    let home = Home::new();
    let sets = [
        "hera.selfFenceMs=2000",
        "hera.worker.patience.interrupt=600",
    ];
    let _worker = home.worker_with(&admin, &sets);
    let mut session = admin.session(INSTALLATION).await;
    let ready = home.fifo("ready");
    let fenced = v1::Start {
        self_fence: true,
        ..start(
            FENCED,
            &format!("trap '' INT TERM; echo > {ready}; sleep 600 & wait"),
        )
    };
    session.say(Said::Start(fenced)).await;
    session.accepted(FENCED).await;
    session.started(FENCED).await;
    heard(ready).await;
    session.cancel(FENCED).await;
    let (ended, _) = session.whole(FENCED).await;
    assert_eq!((ended.signal, ended.kill_confirmed), (Some(9), Some(true)));
}

#[tokio::test]
async fn an_end_by_the_runner_of_a_stopped_worker_is_told_as_one_that_nobody_asked_for() {
    let mut admin = Admin::start().await;
    let home = Home::new();
    let (mut session, worker) = two_runs(&mut admin, &home, 3_000).await;
    let fenced = home.runner(FENCED);
    worker.signal(nix::sys::signal::Signal::SIGSTOP);
    let exit = home.run_dir(FENCED).join("exit");
    let written = async {
        while std::fs::read(&exit).map_or(true, |bytes| !bytes.contains(&b'}')) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, written)
        .await
        .expect("its runner ends it");
    worker.signal(nix::sys::signal::Signal::SIGCONT);
    let (ended, _) = session.finished(FENCED).await;
    assert_eq!((ended.signal, ended.kill_confirmed), (Some(9), Some(true)));
    assert!(kill(fenced, None).is_err(), "its runner has ended");
    session.cancel(FREE).await;
    session.whole(FREE).await;
}
