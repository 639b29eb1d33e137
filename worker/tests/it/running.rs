//! From a start to its end.

use std::collections::HashMap;

use hera_proto::v1;
use hera_proto::v1::admin_message::Kind as Said;
use hera_proto::v1::worker_message::Kind;

use crate::admin::{Admin, run_ref, start};
use crate::worker::{Home, INSTALLATION, Worker, heard, tell};

#[tokio::test(flavor = "multi_thread")]
async fn a_script_runs_and_its_log_and_end_are_reported() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    session
        .start(1, "echo out; echo err >&2; pwd; echo $HERA_JOB_ID; cat")
        .await;
    let (ended, log) = session.whole(1).await;
    assert_eq!((ended.exit_code, ended.signal), (Some(0), None));
    assert_eq!(ended.kill_confirmed, None);
    assert!(ended.peak_memory_kib.unwrap() > 0 && ended.cpu_ms.is_some());
    let work = home.run_dir(1).join("work");
    assert_eq!(
        String::from_utf8(log).unwrap(),
        format!("out\nerr\n{}\n7\n", work.display())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_and_signals_are_told_apart() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, "exit 37").await;
    assert_eq!(session.whole(1).await.0.exit_code, Some(37));
    session.start(2, "kill -SEGV $$").await;
    let ended = session.whole(2).await.0;
    assert_eq!((ended.exit_code, ended.signal), (None, Some(11)));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_runs_and_windows_lines_are_mended() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let script = v1::Start {
        run_type: "python".to_owned(),
        ..start(1, "import os\r\nprint(os.environ['NAME'])\r\n")
    };
    let env = HashMap::from([("NAME".to_owned(), "赫拉".to_owned())]);
    session.say(Said::Start(v1::Start { env, ..script })).await;
    assert_eq!(session.whole(1).await.1, "赫拉\n".as_bytes());
    session
        .start(2, "if true; then\r\n  echo yes\r\nfi\r\n")
        .await;
    assert_eq!(session.whole(2).await.1, b"yes\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_join_token_does_not_reach_scripts() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, "env | grep -c HERA_JOIN_TOKEN").await;
    assert_eq!(session.whole(1).await.1, b"0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_script_type_is_refused_with_the_key_to_set() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let run_type = "cobol".to_owned();
    session
        .say(Said::Start(v1::Start {
            run_type,
            ..start(1, "")
        }))
        .await;
    let Kind::Refused(refused) = session.report().await else {
        panic!("it is refused");
    };
    assert_eq!(refused.run, Some(run_ref(1)));
    assert!(
        refused.reason.contains("hera.job.cobol.bin"),
        "{}",
        refused.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_the_reason_of_a_refusal() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let runs = home.data().join(INSTALLATION).join("runs");
    std::fs::remove_dir(&runs).unwrap();
    std::fs::write(&runs, "in the way").unwrap();
    session.start(1, "true").await;
    let Kind::Refused(refused) = session.report().await else {
        panic!("it is refused");
    };
    assert!(
        refused.reason.contains("HERA_DATA_DIR"),
        "{}",
        refused.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_comes_twice_runs_once() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let (marks, gate) = (home.file("marks"), home.fifo("gate"));
    let script = format!("echo ran >> {marks}; cat {gate}");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &script).await;
    session.accepted(1).await;
    let first = session.started(1).await;
    session.start(1, &script).await;
    session.accepted(1).await;
    assert_eq!(session.started(1).await, first);
    tell(gate).await;
    session.finished(1).await;
    // Late, after everything has been acknowledged.
    session.start(1, &script).await;
    assert_eq!(session.finished(1).await.0.exit_code, Some(0));
    assert_eq!(std::fs::read_to_string(marks).unwrap(), "ran\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_a_former_leader_is_ignored() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    session
        .say(Said::Start(v1::Start {
            epoch: 9,
            ..start(1, "true")
        }))
        .await;
    session.whole(1).await;
    session
        .say(Said::Start(v1::Start {
            epoch: 8,
            ..start(2, "true")
        }))
        .await;
    worker.logged("former leader");
    session
        .say(Said::Start(v1::Start {
            epoch: 9,
            ..start(3, "true")
        }))
        .await;
    session.whole(3).await;
    assert!(!home.run_dir(2).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_left_behind_by_a_script_does_not_hold_up_its_end() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let (gate, done) = (home.fifo("gate"), home.fifo("done"));
    let mut session = admin.session(INSTALLATION).await;
    // It prints more than a pipe holds when nobody is there to read.
    let script = format!(
        "setsid bash -c 'cat {gate}; exec 3>{done}; head -c 300000 /dev/zero && echo bye >&3' &
        echo over"
    );
    session.start(1, &script).await;
    assert_eq!(session.whole(1).await.1, b"over\n");
    tell(gate).await;
    assert_eq!(heard(done).await, "bye\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_opens_its_output_anew_loses_nothing_of_its_log() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let script =
        "echo one; echo two > /dev/stderr; echo three > /dev/stdout; echo four >> /dev/stderr
        python3 -c 'import os; os.ftruncate(1, 0)' 2> /dev/null; echo five";
    session.start(1, script).await;
    assert_eq!(session.whole(1).await.1, b"one\ntwo\nthree\nfour\nfive\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_cannot_be_started_is_the_reason_of_a_refusal_and_leaves_nothing() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let bin = |program: &str| home.path().join(program);
    for program in ["hera-worker", "hera-run"] {
        let built = std::path::Path::new(env!("CARGO_BIN_EXE_hera-worker"));
        std::fs::copy(built.with_file_name(program), bin(program)).unwrap();
    }
    let mut command = std::process::Command::new(bin("hera-worker"));
    command.arg("serve").current_dir(home.path());
    let settled = home.command(&admin.address.to_string());
    for (name, value) in settled.get_envs() {
        command.env(name, value.unwrap());
    }
    let _worker = Worker::spawn(command);
    let mut session = admin.session(INSTALLATION).await;
    std::fs::remove_file(bin("hera-run")).unwrap();
    for _ in 0..2 {
        session.start(1, "echo never").await;
        let reason = loop {
            match session.report().await {
                Kind::Accepted(_) => {}
                Kind::Refused(refused) => break refused.reason,
                other @ (Kind::Hello(_)
                | Kind::Started(_)
                | Kind::Finished(_)
                | Kind::LogChunk(_)
                | Kind::Heartbeat(_)) => panic!("{other:?}"),
            }
        };
        assert!(reason.contains("cannot start"), "{reason}");
        assert!(reason.contains("hera-run"), "{reason}");
        let runs = home.run_dir(1);
        assert!(!runs.exists());
    }
}
