//! Faults of HERA that a worker must not have.

use hera_proto::v1::worker_message::Kind;

use crate::admin::Admin;
use crate::worker::{Home, INSTALLATION, heard, tell};

#[tokio::test(flavor = "multi_thread")]
async fn hera_fault_exit_codes_are_flattened_so_that_38_means_nothing() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    for (run, code) in [(1, 0), (2, 1), (3, 38), (4, 255)] {
        session.start(run, &format!("exit {code}")).await;
        assert_eq!(session.whole(run).await.0.exit_code, Some(code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hera_fault_a_timeout_forgets_the_process_instead_of_ending_it() {
    // Must-end with kill, taskTimeout and a person reach the worker in the same word.
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let (alive, ready) = (home.fifo("alive"), home.fifo("ready"));
    let mut session = admin.session(INSTALLATION).await;
    let script = format!(
        "exec 3>{alive}; trap '' INT TERM; (setsid sleep 600 &) ; echo > {ready}; sleep 600; sleep 600"
    );
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    let closed = tokio::spawn(heard(alive));
    heard(ready).await;
    session.cancel(1).await;
    session.accepted(1).await;
    session.started(1).await;
    let (ended, _) = session.finished(1).await;
    assert_eq!(ended.kill_confirmed, Some(true));
    closed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hera_fault_much_output_that_nobody_reads_stops_the_script() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let (written, gate) = (home.fifo("written"), home.fifo("gate"));
    let mut session = admin.session(INSTALLATION).await;
    let script = format!(
        "head -c 33554432 /dev/zero; head -c 33554432 /dev/zero >&2; echo all > {written}; cat {gate}; exit 6"
    );
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    // Nothing is read from the session, and then there is no worker at all.
    assert_eq!(heard(written).await, "all\n");
    drop(session);
    worker.kill_9();
    tell(gate).await;

    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let ended = loop {
        match session.report().await {
            Kind::Finished(finished) => break finished,
            Kind::Accepted(_) | Kind::Started(_) => {}
            other
            @ (Kind::Hello(_) | Kind::Refused(_) | Kind::LogChunk(_) | Kind::Heartbeat(_)) => {
                panic!("{other:?}")
            }
        }
    };
    assert_eq!(ended.ended.unwrap().exit_code, Some(6));
    assert_eq!(ended.log_size, (64 << 20) + 3);
}
