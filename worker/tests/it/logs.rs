//! What scripts write arrives byte for byte, whatever the admin does.

use std::collections::BTreeMap;

use hera_proto::v1;
use hera_proto::v1::worker_message::Kind;

use crate::admin::{Admin, start};
use crate::restarting::until_exit_is_written;
use crate::worker::{Home, INSTALLATION, heard, tell};

fn keeping_secret(run: i64, secret: &str, script: &str) -> v1::admin_message::Kind {
    v1::admin_message::Kind::Start(v1::Start {
        secrets: vec![secret.to_owned()],
        ..start(run, script)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_output_arrives_byte_for_byte() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let file = home.file("random");
    let script = format!("head -c 3000000 /dev/urandom | tee {file}");
    session.start(1, &script).await;
    let (_, log) = session.whole(1).await;
    assert!(log == std::fs::read(file).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_log_keeps_head_and_tail() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let file = home.file("random");
    let script = format!("head -c 20000000 /dev/urandom | tee {file}");
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    // This admin takes leaps, as the real one does. The log may have begun to come before the start
    // was told.
    let mut pieces = BTreeMap::from([(0, session.stored(1))]);
    let finished = loop {
        match session.next().await {
            Kind::LogChunk(chunk) => {
                let end = chunk.offset + i64::try_from(chunk.data.len()).unwrap();
                pieces.insert(chunk.offset, chunk.data);
                let ack = v1::LogAck {
                    run: chunk.run,
                    size: end,
                };
                session.say(v1::admin_message::Kind::LogAck(ack)).await;
            }
            Kind::Finished(finished) => break finished,
            other @ (Kind::Hello(_)
            | Kind::Accepted(_)
            | Kind::Started(_)
            | Kind::Refused(_)
            | Kind::Heartbeat(_)) => panic!("{other:?}"),
        }
    };
    pieces.insert(finished.tail_offset, finished.tail);
    let written = std::fs::read(file).unwrap();
    let (mut head, mut leaps, mut end) = (0, 0, 0_i64);
    for (offset, data) in pieces {
        let at = usize::try_from(offset).unwrap();
        assert!(
            written[at..at + data.len()] == data,
            "the bytes at {offset} differ"
        );
        leaps += usize::from(offset > end);
        end = offset + i64::try_from(data.len()).unwrap();
        if leaps == 0 {
            head = end;
        }
    }
    assert!(head >= hera_proto::LOG_KEEP_BYTES);
    assert_eq!(end, 20_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_that_stores_everything_gets_all_of_a_huge_log() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let file = home.file("random");
    let script = format!("head -c 20000000 /dev/urandom | tee {file}");
    session.start(1, &script).await;
    let (_, log) = session.whole(1).await;
    assert!(log == std::fs::read(file).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_breaks_in_the_middle_of_a_log_is_continued() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let (file, half, gate) = (home.file("random"), home.fifo("half"), home.fifo("gate"));
    let script = format!(
        "head -c 700000 /dev/urandom | tee {file}; echo . > {half}; cat {gate} > /dev/null
        head -c 700000 /dev/urandom | tee -a {file}"
    );
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    heard(half).await;
    // Takes two chunks, leaves the others unanswered, and breaks the stream.
    for _ in 0..2 {
        let Kind::LogChunk(chunk) = session.next().await else {
            panic!("a chunk is next");
        };
        session.store(chunk).await;
    }
    let logs = session.logs();
    let mut session = admin.session(INSTALLATION).await.with_logs(logs);
    assert_eq!(session.inventory(), [(1, false)]);
    tell(gate).await;
    let (_, log) = session.whole(1).await;
    assert!(log == std::fs::read(file).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_that_stores_nothing_slows_neither_scripts_nor_reports() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let done = home.fifo("done");
    let script = format!("head -c 20000000 /dev/zero; echo all > {done}");
    session.start(1, &script).await;
    // Not one chunk is answered, and the script is through all the same.
    assert_eq!(heard(done).await, "all\n");
    session
        .say(v1::admin_message::Kind::Start(start(2, "echo small")))
        .await;
    let mut unanswered = 0;
    let finished = loop {
        match session.next().await {
            Kind::LogChunk(chunk) => unanswered += chunk.data.len(),
            Kind::Finished(finished) => break finished,
            Kind::Accepted(_) | Kind::Started(_) => {}
            other @ (Kind::Hello(_) | Kind::Refused(_) | Kind::Heartbeat(_)) => panic!("{other:?}"),
        }
    };
    assert_eq!(finished.run.unwrap().run_id, 2);
    assert_eq!(finished.tail, b"small\n");
    assert!(unanswered <= hera_proto::LOG_WINDOW_BYTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_leaves_the_machine_in_no_byte_of_a_log() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let (half, gate) = (home.fifo("half"), home.fifo("gate"));
    // Across the edges of chunks, in two writes with a worker's death between, and as the last word.
    let script = format!(
        "for n in $(seq 40000); do printf 'hunter2 '; done; printf hunt; echo . > {half}
        cat {gate} > /dev/null; echo er2; printf 'and hunter2'"
    );
    let mut session = admin.session(INSTALLATION).await;
    session.say(keeping_secret(1, "hunter2", &script)).await;
    session.accepted(1).await;
    session.started(1).await;
    heard(half).await;
    let begun = 40_000 * 8;
    loop {
        let Kind::LogChunk(chunk) = session.next().await else {
            panic!("a chunk is next");
        };
        let end = usize::try_from(chunk.offset).unwrap() + chunk.data.len();
        assert!(end <= begun, "what may begin a secret is told");
        session.store(chunk).await;
        if end == begun {
            break;
        }
    }
    let logs = session.logs();
    worker.kill_9();
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await.with_logs(logs);
    tell(gate).await;
    let (_, log) = session.whole(1).await;
    let expected = format!("{}*******\nand *******", "******* ".repeat(40_000));
    assert!(log == expected.as_bytes());

    // Nor does it stay.
    session.obeyed().await;
    let ended = home.data().join(INSTALLATION).join("ended");
    let ended = ended.join(home.run_dir(1).file_name().unwrap());
    tokio::time::timeout(crate::admin::PATIENCE, async {
        while !ended.exists() || ended.join("masks").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the secrets go");
    let kept = std::fs::read(ended.join("output.log")).unwrap();
    assert!(kept == expected.as_bytes());
    assert!(!ended.join("script.sh").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_told_although_its_log_can_no_longer_be_read() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let sizes = [(1, 200_000), (2, 20_000)];
    let gates = sizes.map(|(run, _)| home.fifo(&format!("gate{run}")));
    for ((run, size), gate) in sizes.into_iter().zip(&gates) {
        let script = format!("read line < {gate}; head -c {size} /dev/zero; exit 7");
        session.start(run, &script).await;
        session.accepted(run).await;
        session.started(run).await;
    }
    drop(session);
    worker.kill_9();
    for gate in gates {
        tell(gate).await;
    }
    for (run, _) in sizes {
        until_exit_is_written(&home, run).await;
        let log = home.run_dir(run).join("output.log");
        std::fs::remove_file(&log).unwrap();
        std::os::unix::fs::symlink(&log, &log).unwrap();
    }
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    for _ in sizes {
        let (run, ended) = session.next_end().await;
        let (_, size) = sizes.into_iter().find(|(of, _)| *of == run).unwrap();
        assert_eq!(ended.exit_code, Some(7));
        let note = format!("the last {size} bytes of its log could not be read on its worker");
        assert_eq!(ended.note, note);
    }
}
