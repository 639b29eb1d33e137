//! Which end a run is told to have had.

use super::*;

fn a_run(dir: RunDir) -> (Run, Spec) {
    let key = v1::RunRef {
        run_id: 1,
        nonce: "0".repeat(32),
    };
    let key = hera_proto::run_ref(Some(key)).unwrap();
    let spec = serde_json::from_str(
        r#"{"job_id": 1, "job_name": "", "version": "", "trigger": "", "attempt": 1,
            "command": [], "env": {}, "token": "t", "boot_id": "b"}"#,
    );
    (Run::new(key, dir, Phase::Accepted), spec.unwrap())
}

#[tokio::test]
async fn what_has_ended_by_itself_is_not_killed_because_a_fence_comes_too() {
    let folder = tempfile::tempdir().unwrap();
    let (run, spec) = a_run(RunDir::new(folder.path()));
    let child = Command::new("true").spawn().unwrap();
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    let runner = Runner::born(child, Ok(None));
    // Nobody has told this process of the end yet.
    while crate::process::stat(pid)
        .unwrap()
        .is_some_and(|stat| !stat.ended)
    {
        std::thread::yield_now();
    }
    run.request_stop(StopReason::Fenced);
    let over = watch(&run, runner, &spec, KillPatience::default(), |_| {}).await;
    assert_eq!(over.killed, None);
    let end = Exit {
        exit_code: Some(0),
        ..Exit::default()
    };
    run.dir
        .write_exit(&run.dir.reserve_exit().unwrap(), &end)
        .unwrap();
    let told = conclude(&run, &spec, over, KillPatience::default(), 0).await;
    assert_eq!(
        (told.ended.exit_code, told.ended.note),
        (Some(0), String::new())
    );
    assert_eq!(told.ended.kill_confirmed, None);
}

#[tokio::test]
async fn a_kill_of_which_the_runner_cannot_be_told_is_not_confirmed_without_a_group() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    // Nothing can be written there.
    std::fs::create_dir(folder.path().join("cancel")).unwrap();
    let (run, spec) = a_run(dir);
    let child = Command::new("sleep").arg("0.3").spawn().unwrap();
    let runner = Runner::born(child, Ok(None));
    run.request_stop(StopReason::Cancelled);
    let over = watch(&run, runner, &spec, KillPatience::default(), |_| {}).await;
    assert_eq!(over.killed, Some(Killed::Untraced));
}

#[tokio::test]
async fn an_end_that_cannot_be_read_for_a_moment_is_told_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    let end = Exit {
        exit_code: Some(37),
        ..Exit::default()
    };
    let slip = dir.reserve_exit().unwrap();
    assert_eq!(dir.write_exit(&slip, &end).unwrap(), Claimed::Ours);
    // A link is not read.
    let (there, elsewhere) = (folder.path().join("exit"), folder.path().join("aside"));
    std::fs::rename(&there, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &there).unwrap();
    let (run, spec) = a_run(dir);
    let patience = KillPatience::default();
    let mended = async { std::fs::rename(&elsewhere, &there).unwrap() };
    // Joined in this order: the first look is before the mending.
    let (told, ()) = tokio::join!(conclude(&run, &spec, Over::default(), patience, 0), mended);
    assert_eq!(told.ended.exit_code, Some(37), "{}", told.ended.note);
    assert_eq!(run.dir.read_exit().unwrap(), Some(end));
}

#[tokio::test]
async fn a_runner_that_cannot_be_looked_at_is_followed_all_the_same() {
    let child = Command::new("sh")
        .args(["-c", "echo 7"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let unreadable = Err(io::Error::from(io::ErrorKind::OutOfMemory));
    let mut runner = Runner::born(child, unreadable);
    assert!(matches!(
        next_word(&mut runner.announced).await,
        Word::Script(7)
    ));
    runner.process.gone().await;
}

#[test]
fn what_a_runner_could_not_see_is_not_told_as_confirmed() {
    let exit = |unconfirmed| Exit {
        fenced: true,
        unconfirmed,
        ..Exit::default()
    };
    for unconfirmed in [false, true] {
        let told = ending(exit(unconfirmed), None, None).ended.kill_confirmed;
        assert_eq!(told, Some(!unconfirmed));
    }
}
