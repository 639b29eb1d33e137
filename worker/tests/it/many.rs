//! Many runs at once.

use std::collections::BTreeSet;

use hera_proto::v1::worker_message::Kind;

use crate::admin::{Admin, Connection};
use crate::worker::{Home, INSTALLATION};

const RUNS: i64 = 200;

/// Follows the session until this many runs have ended, and acknowledges them.
async fn until_ended(session: &mut Connection, ended: &mut BTreeSet<i64>, enough: usize) {
    while ended.len() < enough {
        match session.report().await {
            Kind::Finished(finished) => {
                let run = finished.run.unwrap().run_id;
                assert_eq!(finished.ended.unwrap().exit_code, Some(0), "run {run}");
                assert_eq!(finished.tail, format!("{run}\n").as_bytes());
                session.ack(run).await;
                ended.insert(run);
            }
            Kind::Accepted(_) | Kind::Started(_) => {}
            other
            @ (Kind::Hello(_) | Kind::Refused(_) | Kind::LogChunk(_) | Kind::Heartbeat(_)) => {
                panic!("{other:?}")
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_amid_two_hundred_runs_loses_none_and_doubles_none() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let marks = home.file("marks");
    let script = |run: i64| format!("echo {run} >> {marks}; sleep 0.2; echo {run}");
    let mut session = admin.session(INSTALLATION).await;
    for run in 1..=RUNS {
        session.start(run, &script(run)).await;
    }
    let mut ended = BTreeSet::new();
    until_ended(&mut session, &mut ended, 20).await;
    worker.kill_9();

    // As the engine does: what the inventory does not name is sent again.
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let there: BTreeSet<i64> = session
        .inventory()
        .into_iter()
        .map(|(run, _)| run)
        .collect();
    for run in (1..=RUNS).filter(|run| !ended.contains(run) && !there.contains(run)) {
        session.start(run, &script(run)).await;
    }
    until_ended(&mut session, &mut ended, 200).await;
    let marks = std::fs::read_to_string(marks).unwrap();
    let mut marks: Vec<i64> = marks.lines().map(|line| line.parse().unwrap()).collect();
    marks.sort_unstable();
    assert_eq!(marks, (1..=RUNS).collect::<Vec<_>>());
}
