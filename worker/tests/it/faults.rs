//! Faults of HERA that a worker must not have.

use std::os::unix::fs::PermissionsExt;

use hera_proto::v1;
use hera_proto::v1::worker_message::Kind;

use crate::admin::{Admin, start};
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

#[tokio::test(flavor = "multi_thread")]
async fn hera_fault_security_12_what_a_run_has_is_open_and_its_secrets_go_to_every_job() {
    const SECRET: &str = "hunter2-and-3";
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let (ready, gate) = (home.fifo("ready"), home.fifo("gate"));
    let mut session = admin.session(INSTALLATION).await;
    let script = format!("PASSWORD={SECRET}; echo $PASSWORD; echo > {ready}; cat {gate}");
    let holds = v1::Start {
        secrets: vec![SECRET.to_owned()],
        ..start(1, &script)
    };
    session.say(v1::admin_message::Kind::Start(holds)).await;
    session.accepted(1).await;
    session.started(1).await;
    heard(ready).await;
    // Everybody may pass through, by a name that nobody knows, and only the owner sees anything.
    let folder = home.run_dir(1);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(folder.parent().unwrap()), 0o711);
    assert_eq!(mode(&folder), 0o711);
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        let expected = if entry.file_type().unwrap().is_dir() {
            0o700
        } else {
            0o600
        };
        assert_eq!(mode(&entry.path()), expected, "{}", entry.path().display());
    }
    // What others may read of a process, and what the next job is given.
    let look = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/comm > seen 2> /dev/null; wc -l < seen; grep -ac hunter2 seen; env";
    session.start(2, look).await;
    session.accepted(2).await;
    session.started(2).await;
    let (_, seen) = session.finished(2).await;
    let seen = String::from_utf8(seen).unwrap();
    let (lines, rest) = seen.split_once('\n').unwrap();
    assert_ne!(lines, "0", "somebody is seen");
    assert!(rest.starts_with("0\n"), "{seen}");
    assert!(
        !seen.contains(SECRET) && !seen.contains("HERA_JOIN_TOKEN"),
        "{seen}"
    );
    tell(gate).await;
    let (_, log) = session.finished(1).await;
    assert_eq!(log, b"*************\ngo\n");
}
