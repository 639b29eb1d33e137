//! Scripts outlive the worker, and their ends are told by the next one.

use nix::sys::signal::{Signal, kill};

use hera_proto::v1;
use hera_proto::v1::admin_message::Kind as Said;

use crate::admin::{Admin, PATIENCE, run_ref};
use crate::worker::{Home, INSTALLATION, heard, tell};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_the_middle_of_a_run_adopts_it_again() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let (gate, marks) = (home.fifo("gate"), home.file("marks"));
    let script = format!("echo ran >> {marks}; echo one; cat {gate} >/dev/null; echo two; exit 5");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    worker.kill_9();

    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), [(1, false)]);
    tell(gate).await;
    let (ended, log) = session.whole(1).await;
    assert_eq!(ended.exit_code, Some(5));
    assert_eq!(log, b"one\ntwo\n");
    assert_eq!(std::fs::read_to_string(marks).unwrap(), "ran\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_while_the_worker_was_away_is_told_until_it_is_acknowledged() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &format!("cat {gate}; exit 3")).await;
    session.accepted(1).await;
    session.started(1).await;
    worker.kill_9();
    tell(gate).await;
    until_exit_is_written(&home, 1).await;

    let _worker = home.worker(&admin);
    let session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), [(1, true)]);
    drop(session);
    let mut session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), [(1, true)]);
    let (ended, log) = session.whole(1).await;
    assert_eq!((ended.exit_code, log), (Some(3), b"go\n".to_vec()));
    session.obeyed().await;
    drop(session);
    assert_eq!(admin.session(INSTALLATION).await.inventory(), []);
}

/// `exit` appears by a rename; the runner has nobody to tell.
pub(crate) async fn until_exit_is_written(home: &Home, run: i64) {
    let exit = home.run_dir(run).join("exit");
    tokio::time::timeout(PATIENCE, async {
        while !exit.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the runner writes down the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_leaves_the_scripts_running() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let mut worker = home.worker(&admin);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &format!("cat {gate}")).await;
    session.accepted(1).await;
    session.started(1).await;
    let told = std::time::Instant::now();
    worker.signal(Signal::SIGTERM);
    assert!(worker.exit().success());
    assert!(told.elapsed() < std::time::Duration::from_secs(2));

    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), [(1, false)]);
    tell(gate).await;
    assert_eq!(session.whole(1).await.1, b"go\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_ends_the_scripts_and_reports_them_before_it_exits() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let mut worker = home.worker(&admin);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &format!("cat {gate}")).await;
    session.accepted(1).await;
    session.started(1).await;
    worker.signal(Signal::SIGINT);
    let (ended, _) = session.finished(1).await;
    assert_eq!(ended.kill_confirmed, Some(true));
    assert!(ended.note.contains("told to stop"), "{}", ended.note);
    assert!(worker.exit().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_runner_was_killed_is_reported_and_its_processes_are_gone() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let (alive, ready) = (home.fifo("alive"), home.fifo("ready"));
    let mut session = admin.session(INSTALLATION).await;
    // The fifo is closed when the last process of the script is gone.
    session
        .start(1, &format!("exec 3>{alive}; echo > {ready}; sleep 600"))
        .await;
    session.accepted(1).await;
    session.started(1).await;
    let closed = tokio::spawn(heard(alive));
    heard(ready).await;
    kill(home.runner(1), Signal::SIGKILL).unwrap();
    let (ended, _) = session.finished(1).await;
    assert_eq!((ended.exit_code, ended.signal), (None, None));
    assert!(
        ended.note.contains("the runner disappeared"),
        "{}",
        ended.note
    );
    closed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_claim_a_power_failure_has_emptied_is_told_as_gone() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &format!("cat {gate}")).await;
    session.accepted(1).await;
    session.started(1).await;
    drop(session);
    worker.kill_9();
    let lost = home.run_dir(2);
    std::fs::create_dir(&lost).unwrap();
    let spec = std::fs::read_to_string(home.run_dir(1).join("spec.json")).unwrap();
    let mut spec: serde_json::Value = serde_json::from_str(&spec).unwrap();
    for (name, value) in [("boot_id", "of another start"), ("token", "of no process")] {
        spec[name] = value.into();
    }
    spec["cgroup"] = serde_json::Value::Null;
    std::fs::write(lost.join("spec.json"), spec.to_string()).unwrap();
    std::fs::write(lost.join("pid"), "").unwrap();

    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    let (run, ended) = session.next_end().await;
    assert_eq!(run, 2);
    assert!(
        ended.note.contains("the runner disappeared"),
        "{}",
        ended.note
    );
    tell(gate).await;
    assert_eq!(session.next_end().await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_no_runner_took_is_denied_and_may_be_started_again() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &format!("cat {gate}")).await;
    session.accepted(1).await;
    session.started(1).await;
    worker.kill_9();
    // As if the worker had died before it started the runner of a second run.
    let copied = home.run_dir(2);
    std::fs::create_dir(&copied).unwrap();
    std::fs::copy(home.run_dir(1).join("spec.json"), copied.join("spec.json")).unwrap();

    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), [(1, false)]);
    tell(gate).await;
    session.whole(1).await;
    session.start(2, "echo again").await;
    assert_eq!(session.whole(2).await.1, b"again\n");
}

/// A file of a run's folder that cannot be read until it is mended.
struct Unreadable {
    file: std::path::PathBuf,
    aside: std::path::PathBuf,
}

impl Unreadable {
    fn spec(home: &Home, run: i64) -> Self {
        let file = home.run_dir(run).join("spec.json");
        let aside = home.path().join(format!("spec-{run}"));
        std::fs::rename(&file, &aside).unwrap();
        std::os::unix::fs::symlink(&file, &file).unwrap();
        Self { file, aside }
    }

    fn mend(self) {
        std::fs::rename(self.aside, self.file).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_folder_cannot_be_read_is_not_denied_and_adopted_once_it_can() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let (gate, marks) = (home.fifo("gate"), home.file("marks"));
    let script = format!("echo ran >> {marks}; cat {gate} >/dev/null; exit 5");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &script).await;
    session.accepted(1).await;
    session.started(1).await;
    worker.kill_9();
    let unreadable = Unreadable::spec(&home, 1);

    let worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), [(1, false)]);
    worker.logged("cannot take in");
    // Nor is it started once more.
    session.start(1, &script).await;
    session.obeyed().await;
    unreadable.mend();
    session.accepted(1).await;
    session.started(1).await;
    tell(gate).await;
    assert_eq!(session.finished(1).await.0.exit_code, Some(5));
    assert_eq!(std::fs::read_to_string(marks).unwrap(), "ran\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_a_run_whose_folder_cannot_be_read_holds_once_it_can() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, "sleep 600").await;
    session.accepted(1).await;
    session.started(1).await;
    worker.kill_9();
    let unreadable = Unreadable::spec(&home, 1);

    let _worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    session.cancel(1).await;
    session.obeyed().await;
    unreadable.mend();
    let (run, ended) = session.next_end().await;
    assert_eq!((run, ended.kill_confirmed), (1, Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_never_began_is_denied_as_soon_as_its_folder_says_so() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let worker = home.worker(&admin);
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, "true").await;
    session.whole(1).await;
    session.obeyed().await;
    worker.kill_9();
    // As if the worker had died before it started the runner of another run.
    let ended = home.data().join(INSTALLATION).join("ended");
    let ended = ended.join(home.run_dir(1).file_name().unwrap());
    std::fs::create_dir(home.run_dir(2)).unwrap();
    std::fs::copy(ended.join("spec.json"), home.run_dir(2).join("spec.json")).unwrap();
    let unreadable = Unreadable::spec(&home, 2);

    let _worker = home.worker(&admin);
    let session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), [(2, false)]);
    unreadable.mend();
    // It comes back by itself.
    let mut session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), []);
    session.start(2, "echo again").await;
    assert_eq!(session.whole(2).await.1, b"again\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ended_here_is_not_run_again_although_its_end_cannot_be_read() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let marks = home.file("marks");
    let script = format!("echo ran >> {marks}");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &script).await;
    session.whole(1).await;
    session.obeyed().await;
    let exit = home.ended_dir(1).join("exit");
    std::fs::remove_file(&exit).unwrap();
    std::fs::create_dir(&exit).unwrap();
    // A message from before the acknowledgement, late.
    session.start(1, &script).await;
    let (ended, _) = session.finished(1).await;
    assert!(ended.note.contains("ended here before"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(marks).unwrap(), "ran\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_another_installation_are_never_told() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let gate = home.fifo("gate");
    let mut session = admin.session(INSTALLATION).await;
    session.start(1, &format!("cat {gate}")).await;
    session.accepted(1).await;
    session.started(1).await;
    drop(session);
    // The database was reset: same addresses, same token, another installation, ids from 1 again.
    let other = "99999999-8888-7777-6666-555555555555";
    let mut session = admin.session(other).await;
    assert_eq!(session.inventory(), []);
    session.start(1, "echo mine").await;
    assert_eq!(session.whole(1).await.1, b"mine\n");
    drop(session);
    // And back: it is as it was.
    let mut session = admin.session(INSTALLATION).await;
    assert_eq!(session.inventory(), [(1, false)]);
    tell(gate).await;
    assert_eq!(session.whole(1).await.1, b"go\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_the_admin_does_not_know_is_stopped_and_not_told() {
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = home.worker(&admin);
    let (alive, ready) = (home.fifo("alive"), home.fifo("ready"));
    let mut session = admin.session(INSTALLATION).await;
    session
        .start(1, &format!("exec 3>{alive}; echo > {ready}; sleep 600"))
        .await;
    session.accepted(1).await;
    session.started(1).await;
    let closed = tokio::spawn(heard(alive));
    heard(ready).await;
    let run = Some(run_ref(1));
    session
        .say(Said::Discard(v1::Discard { run, epoch: 1 }))
        .await;
    closed.await.unwrap();
    // The next thing that is told is this, not an end of the run.
    session.start(2, "true").await;
    session.whole(2).await;
    session.obeyed().await;
    drop(session);
    // The worker looks twice before it believes that everything is gone.
    tokio::time::timeout(PATIENCE, async {
        while !admin.session(INSTALLATION).await.inventory().is_empty() {}
    })
    .await
    .expect("the run is forgotten");
}
