//! A runner that is killed leaves orphans: they are found, or it is said that they may not be.

use nix::sys::signal::{Signal, kill};

use crate::admin::Admin;
use crate::worker::{Home, INSTALLATION, Worker, heard};

/// Double fork, a new session, an emptied environment, deaf; it holds a fifo and has `output` for
/// its output. Then the runner is killed.
async fn orphaned(groups: &str, output: &str) -> (hera_proto::v1::Ended, Hidden) {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker_with(&admin, &[&format!("hera.worker.cgroup={groups}")]);
    let (alive, ready, pid) = (home.fifo("alive"), home.fifo("ready"), home.file("pid"));
    let script = format!(
        "(setsid env -i /bin/bash -c \"trap '' INT TERM; exec 3>{alive}; cd /; echo \\$\\$ > {pid}
            echo > {ready}; while :; do /bin/sleep 0.1; done\" {output} &) &
        sleep 600"
    );
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    let closed = tokio::spawn(heard(alive));
    heard(ready).await;
    kill(home.runner(1), Signal::SIGKILL).unwrap();
    let (ended, _) = session.finished(1).await;
    assert!(
        ended.note.contains("the runner disappeared"),
        "{}",
        ended.note
    );
    let pid = std::fs::read_to_string(pid)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let hidden = Hidden {
        pid,
        closed,
        _worker: worker,
    };
    (ended, hidden)
}

/// The process that hid.
struct Hidden {
    pid: i32,
    closed: tokio::task::JoinHandle<String>,
    _worker: Worker,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_in_the_runs_control_group_is_killed() {
    let (ended, hidden) = orphaned("auto", ">/dev/null 2>&1").await;
    if ended.kill_confirmed == Some(false) {
        // This machine has no control groups for us; what then is proven is the next test.
        kill(nix::unistd::Pid::from_raw(hidden.pid), Signal::SIGKILL).unwrap();
        return;
    }
    hidden.closed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_that_writes_the_runs_log_is_killed_without_control_groups_too() {
    let (ended, hidden) = orphaned("off", "").await;
    hidden.closed.await.unwrap();
    assert_eq!(ended.kill_confirmed, Some(false), "another may have hidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_that_cannot_be_traced_is_no_confirmed_end() {
    let (ended, hidden) = orphaned("off", ">/dev/null 2>&1").await;
    assert_eq!(ended.kill_confirmed, Some(false));
    assert!(ended.note.contains("could not be found"), "{}", ended.note);
    kill(nix::unistd::Pid::from_raw(hidden.pid), Signal::SIGKILL).unwrap();
}
