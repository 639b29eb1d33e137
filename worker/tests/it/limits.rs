//! What a run may use, and what is said when it wanted more.

use std::path::Path;

use hera_proto::v1;

use crate::admin::Admin;
use crate::worker::{Home, INSTALLATION};

/// The end and the log of one script under these settings.
async fn whole(script: &str, sets: &[&str]) -> (v1::Ended, String) {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker_with(&admin, sets);
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, script).await;
    let (ended, log) = session.whole(1).await;
    (ended, String::from_utf8(log).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn open_files_and_processes_are_limited() {
    let sets = [
        "hera.worker.limits.openFiles=64",
        "hera.worker.limits.processes=4321",
        "hera.worker.cgroup=off",
    ];
    let (_, log) = whole("ulimit -n; ulimit -u", &sets).await;
    assert_eq!(log, "64\n4321\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_spins_is_ended_and_told_why() {
    let (ended, _) = whole("while :; do :; done", &["hera.worker.limits.cpuTime=1s"]).await;
    assert_eq!(ended.signal, Some(nix::libc::SIGXCPU));
    assert!(
        ended.note.contains("hera.worker.limits.cpuTime"),
        "{}",
        ended.note
    );
    assert!(ended.cpu_ms.unwrap() >= 900, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited_for_each_process_without_control_groups() {
    let sets = ["hera.worker.limits.memory=100", "hera.worker.cgroup=off"];
    let (ended, log) = whole("python3 -c 'print(len(b\"x\" * (300 << 20)))'", &sets).await;
    assert_eq!(ended.exit_code, Some(1));
    assert!(log.contains("MemoryError"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_kernel_kills_for_want_of_memory_is_told_as_such() {
    // On a machine whose groups limit memory in the old way the script goes into one by itself,
    // and dies as if the whole machine were short of it.
    let old = Path::new("/sys/fs/cgroup/memory");
    let group = old.join(format!("hera-test-{}", std::process::id()));
    let (prelude, sets) = if std::fs::create_dir(&group).is_ok() {
        let group = group.display();
        let prelude = format!(
            "echo 40M > {group}/memory.limit_in_bytes; echo $$ > {group}/cgroup.procs; exec "
        );
        (prelude, vec![])
    } else if std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers")
        .is_ok_and(|offered| offered.contains("memory") && nix::unistd::geteuid().is_root())
    {
        (String::new(), vec!["hera.worker.limits.memory=40"])
    } else {
        eprintln!("skipped: this user cannot limit memory");
        return;
    };
    let script = format!("{prelude}python3 -c 'print(len(b\"x\" * (300 << 20)))'");
    let (ended, _) = whole(&script, &sets).await;
    let _ = std::fs::remove_dir(&group);
    assert_eq!(ended.signal, Some(nix::libc::SIGKILL));
    assert!(ended.note.starts_with("out of memory"), "{}", ended.note);
    assert_eq!(ended.kill_confirmed, None, "nobody has cancelled it");
}
