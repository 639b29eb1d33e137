//! Finding an admin, and being let in.

use std::process::Stdio;

use hera_proto::v1::worker_message::Kind;
use tokio_stream::StreamExt;

use crate::admin::{Admin, PATIENCE};
use crate::worker::{Home, INSTALLATION, Worker, tell};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_keeps_its_id_and_gets_a_new_incarnation() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, "true").await;
    session.whole(1).await;
    let first = session.hello;
    worker.kill_9();
    let _worker = home.worker(&admin);
    let second = admin.session(INSTALLATION).await.hello;
    assert_eq!(first.node_id, second.node_id);
    assert_ne!(first.incarnation, second.incarnation);
    assert_eq!((second.name.as_str(), second.epoch), ("w1", 1));
    assert!(second.load.unwrap().memory_total_mib > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_carry_the_load() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let message = tokio::time::timeout(PATIENCE, session.inbox.next()).await;
    let Some(Kind::Heartbeat(load)) = message.unwrap().unwrap().unwrap().kind else {
        panic!("nothing but heartbeats is due");
    };
    assert!(load.cores > 0 && load.memory_rate > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_named_and_tried_again() {
    let (home, admin) = (Home::new(), Admin::start().await);
    let mut command = home.command(&admin.address.to_string());
    command.env("HERA_JOIN_TOKEN", "another-token-for-tests");
    command.env("HERA_LOG", "debug");
    let worker = Worker::spawn(command);
    worker.logged("does not let this worker in: wrong token");
    worker.logged("does not let this worker in: wrong token");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_admins_that_cannot_be_had_each_is_told_once() {
    let home = Home::new();
    // Nobody listens there.
    let mut command = home.command("127.0.0.1:1,127.0.0.1:2");
    command.env("HERA_LOG", "debug");
    let worker = Worker::spawn(command);
    let told: Vec<_> = (0..6).map(|_| worker.logged("cannot reach it")).collect();
    let loud = told.iter().filter(|line| line.contains("WARN")).count();
    assert_eq!(loud, 2, "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_comes_with_the_token_it_was_given_until_it_is_given_another() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let mut joining = admin.hello().await;
    assert_eq!(
        (joining.token.as_deref(), &*joining.hello.installation),
        (None, "")
    );
    joining.welcome_with(INSTALLATION, 1, "its own").await;
    let mut session = admin.hello().await;
    assert_eq!(session.token.as_deref(), Some("its own"));
    assert_eq!(session.hello.installation, INSTALLATION);
    session.welcome(INSTALLATION, 1).await;
    session.start(1, "echo here").await;
    assert_eq!(session.whole(1).await.1, b"here\n");
    worker.kill_9();

    let _worker = home.worker(&admin);
    let mut revoked = admin.hello().await;
    assert_eq!(revoked.token.as_deref(), Some("its own"));
    revoked.welcome_with(INSTALLATION, 1, "another").await;
    let session = admin.hello().await;
    assert_eq!(session.token.as_deref(), Some("another"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_any_token_says_what_to_set() {
    let (home, admin) = (Home::new(), Admin::start().await);
    let mut command = home.command(&admin.address.to_string());
    command.env_remove("HERA_JOIN_TOKEN");
    Worker::spawn(command).logged("set HERA_JOIN_TOKEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_are_tried_in_turn() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = format!("{},{}", closed.local_addr().unwrap(), admin.address);
    drop(closed);
    let worker = Worker::spawn(home.command(&addresses));
    worker.logged("cannot reach it");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, "echo here").await;
    assert_eq!(session.whole(1).await.1, b"here\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_leader_is_not_obeyed() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    drop(admin.session(INSTALLATION).await);
    let mut newest = admin.hello().await;
    newest.welcome(INSTALLATION, 5).await;
    worker.logged("epoch=5");
    drop(newest);
    let mut stale = admin.hello().await;
    assert_eq!(stale.hello.epoch, 5);
    stale.welcome(INSTALLATION, 4).await;
    worker.logged("it is a former leader");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_do_not_share_a_folder() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    admin.session(INSTALLATION).await;
    let mut second = home.command(&admin.address.to_string());
    let output = second.stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("another hera-worker uses the folder"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_new_session_is_told_that_a_live_run_has_started() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &format!("cat {gate}")).await;
    session.accepted(1).await;
    // This admin goes before it hears of the start: for the next one it is news.
    let mut first = None;
    for _ in 0..3 {
        drop(session);
        session = admin.session(INSTALLATION).await;
        assert_eq!(session.inventory(), [(1, false)]);
        session.accepted(1).await;
        let started = session.started(1).await;
        assert_eq!(*first.get_or_insert_with(|| started.clone()), started);
    }
    tell(gate).await;
    session.finished(1).await;
}
