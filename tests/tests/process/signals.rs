//! The two ways to stop: SIGTERM leaves the scripts running, SIGINT ends them too.

use hera_tests::{Installation, eventually};
use nix::sys::signal::Signal;
use serde_json::json;

on_each_database!(
    a_restart_by_sigterm_leaves_the_script_running,
    a_stop_by_sigint_cancels_the_run_for_the_system,
);

fn start_job(hera: &Installation, script: &str) -> i64 {
    let group = hera.api().create_group("signals");
    let job = hera
        .api()
        .create_job(group, "signalled", script, &json!({"kind": "manual"}));
    let run = hera.api().recover(job);
    hera.api().wait_for_log(run, "begun");
    run
}

fn a_restart_by_sigterm_leaves_the_script_running(hera: &mut Installation) {
    let run = start_job(hera, "echo begun; sleep 3; echo done");
    assert!(hera.worker().end(Signal::SIGTERM).success());
    assert!(hera.admin().end(Signal::SIGTERM).success());
    hera.admin_is_gone();
    hera.worker_is_gone();
    hera.start_both();
    let ended = hera.api().finished(run);
    assert_eq!(ended["status"], "success", "{ended}");
    assert_eq!(hera.api().log(run), b"begun\ndone\n");
}

fn a_stop_by_sigint_cancels_the_run_for_the_system(hera: &mut Installation) {
    let pid_file = hera.scratch().join("pid");
    let script = format!("echo $$ > {}; echo begun; sleep 600", pid_file.display());
    let run = start_job(hera, &script);
    assert!(hera.admin().end(Signal::SIGINT).success());
    assert!(hera.worker().end(Signal::SIGINT).success());
    hera.admin_is_gone();
    hera.worker_is_gone();
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let alive = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
    eventually("the script is gone", || (!alive.exists()).then_some(()));

    hera.start_both();
    let ended = hera.api().finished(run);
    assert_eq!(ended["status"], "cancelled", "{ended}");
}
