//! A cancelled run is gone to its last process, or said not to be.

use nix::sys::signal::{Signal, kill};

use crate::admin::Admin;
use crate::worker::{Home, INSTALLATION, heard};

/// Runs a script that holds a fifo open in its most stubborn process, cancels it, and waits until
/// nobody holds the fifo.
async fn is_gone_after_a_cancel(script: &str) -> hera_proto::v1::Ended {
    is_gone(script, "auto").await
}

async fn is_gone(script: &str, groups: &str) -> hera_proto::v1::Ended {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker_with(&admin, &[&format!("hera.worker.cgroup={groups}")]);
    let (alive, ready) = (home.fifo("alive"), home.fifo("ready"));
    let script = script.replace("ALIVE", &alive).replace("READY", &ready);
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    let closed = tokio::spawn(heard(alive));
    heard(ready).await;
    session.cancel(1).await;
    // A cancel makes the worker repeat itself.
    session.accepted(1).await;
    session.started(1).await;
    let (ended, _) = session.finished(1).await;
    assert_eq!(ended.kill_confirmed, Some(true));
    tokio::time::timeout(std::time::Duration::from_secs(5), closed)
        .await
        .expect("nobody holds the fifo any more")
        .unwrap();
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_may_end_itself_in_order() {
    let script = "trap 'exit 9' INT; exec 3>ALIVE; echo > READY; while :; do sleep 0.05; done";
    assert_eq!(is_gone_after_a_cancel(script).await.exit_code, Some(9));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_ignores_everything_is_killed() {
    let script = "trap '' INT TERM HUP; exec 3>ALIVE; echo > READY; while :; do sleep 0.1; done";
    let ended = is_gone_after_a_cancel(script).await;
    assert_eq!(ended.signal, Some(Signal::SIGKILL as i32));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_left_its_session_and_its_parents_is_killed() {
    // Double fork, a new session, an emptied environment, deaf to INT and TERM.
    let script = "
        (setsid env -i /bin/bash -c \"trap '' INT TERM; exec 3>ALIVE; echo > READY
            while :; do /bin/sleep 0.1; done\" &) &
        sleep 600";
    is_gone(script, "auto").await;
    is_gone(script, "off").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_beget_others_faster_than_they_can_be_told_are_killed() {
    // Each lives for a moment, leaves a child with an emptied environment and is gone. The fifo
    // is held by whichever is alive; the first has said that it lives.
    let script = "
        trap '' INT TERM; exec 3>ALIVE
        cat > hop.sh <<'END'
trap '' INT TERM; /bin/sleep 0.01; env -i setsid /bin/bash hop.sh & disown
END
        for i in 1 2 3 4; do setsid bash hop.sh & done
        echo > READY; sleep 600";
    is_gone(script, "auto").await;
    is_gone(script, "off").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_was_stopped_does_not_hold_up_a_cancel() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let ready = home.fifo("ready");
    let mut session = admin.session(INSTALLATION).await;
    session
        .start(1, &format!("echo > {ready}; sleep 600"))
        .await;
    session.accepted(1).await;
    session.started(1).await;
    heard(ready).await;
    kill(home.runner(1), Signal::SIGSTOP).unwrap();
    session.cancel(1).await;
    session.accepted(1).await;
    session.started(1).await;
    let (ended, _) = session.finished(1).await;
    assert_eq!(ended.kill_confirmed, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_known_never_starts_after_its_cancel() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    session.cancel(1).await;
    let (ended, _) = session.finished(1).await;
    assert_eq!(ended.kill_confirmed, Some(true));
    assert!(ended.note.contains("never started"), "{}", ended.note);
    drop(session);
    worker.kill_9();

    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let mark = home.file("mark");
    session.start(1, &format!("touch {mark}")).await;
    let (ended, _) = session.finished(1).await;
    assert!(ended.note.contains("never started"), "{}", ended.note);
    assert!(!std::path::Path::new(&mark).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_goes_on_after_the_worker_was_killed_in_the_middle() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let (alive, ready, told) = (home.fifo("alive"), home.fifo("ready"), home.fifo("told"));
    let script = format!(
        "trap 'echo > {told}' INT; trap '' TERM; exec 3>{alive}; echo > {ready}
        while :; do sleep 0.1; done"
    );
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    let closed = tokio::spawn(heard(alive));
    heard(ready).await;
    session.cancel(1).await;
    heard(told).await;
    worker.kill_9();

    // The next one finishes it, although nobody asks again.
    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let ended = session.whole(1).await.0;
    assert_eq!(ended.kill_confirmed, Some(true));
    closed.await.unwrap();
}
