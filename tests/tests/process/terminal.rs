//! What somebody on call does from a terminal.

use std::io::Read as _;
use std::process::Stdio;

use hera_tests::{Backend, Ended, Installation, Options, eventually};
use serde_json::{Value, json};

fn ends(hera: &Installation, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = Ended::of(&mut hera.command("hera-admin", arguments)).unwrap();
    (
        ended.status.code(),
        format!("{}{}", ended.stdout, ended.stderr),
    )
}

fn read(hera: &Installation, arguments: &[&str]) -> Value {
    let said = hera.cli(&[arguments, &["--json"]].concat()).unwrap();
    serde_json::from_str(&said).unwrap()
}

#[test]
fn a_night_on_call_is_spent_in_a_terminal() {
    let hera = Installation::start(Backend::Sqlite, Options::quick());
    let group = hera.api().create_group("night 夜");
    let manual = json!({"kind": "manual"});
    hera.api().create_job(group, "good", "echo done\n", &manual);
    let bad = hera
        .api()
        .create_job(group, "bad", "echo oh; exit 3\n", &manual);
    let slow = hera
        .api()
        .create_job(group, "slow", "echo begun; sleep 600\n", &manual);
    let after = json!({"kind": "dependent", "dependencies": [{"job_id": bad}]});
    hera.api().create_job(group, "after", "true\n", &after);

    let (status, told) = ends(&hera, &["jobs", "list", "OO", "--group", "night 夜"]);
    assert_eq!(status, Some(0), "{told}");
    assert!(
        told.contains("/night 夜") && told.contains("good") && !told.contains("bad"),
        "{told}"
    );
    let (status, told) = ends(&hera, &["jobs", "show", "/night 夜/good"]);
    assert!(status == Some(0) && told.contains("echo done"), "{told}");
    let (status, told) = ends(&hera, &["jobs", "show", "nobody"]);
    assert_eq!(
        (status, told.as_str()),
        (Some(1), "hera-admin: there is no job nobody\n")
    );
    assert_eq!(
        ends(&hera, &["jobs", "sow", "good"]).0,
        Some(1),
        "2 is plan's"
    );

    // The status of a run is the command's.
    let (status, told) = ends(&hera, &["jobs", "run", "good", "--follow"]);
    assert!(status == Some(0) && told.contains("done\n"), "{told}");
    let (status, told) = ends(
        &hera,
        &["jobs", "run", "bad", "--trigger", "recover", "--wait"],
    );
    assert_eq!(status, Some(3), "{told}");
    assert!(
        told.contains("exit_code") && told.contains("ended as failed"),
        "{told}"
    );
    let (status, told) = ends(&hera, &["jobs", "run", "slow", "--wait", "--timeout", "1s"]);
    assert_eq!(status, Some(4), "{told}");
    let run = read(&hera, &["runs", "list", "--job", "slow"])[0]["id"]
        .as_i64()
        .unwrap();
    let run = run.to_string();
    let (status, told) = ends(&hera, &["runs", "cancel", &run, "--wait"]);
    assert!(status == Some(0) && told.contains("cancelled"), "{told}");
    assert_eq!(ends(&hera, &["runs", "wait", &run]).0, Some(3));
    assert_eq!(hera.cli(&["logs", "--job", "good"]).unwrap(), "done\n");
    assert!(
        hera.cli(&["runs", "script", &run])
            .unwrap()
            .starts_with("echo begun")
    );

    // Why does the dependent wait? Because of the run that failed.
    let versions = read(&hera, &["versions", "after"]);
    let version = versions[0]["version"].as_str().unwrap().to_owned();
    let (status, told) = ends(&hera, &["why", &version]);
    assert!(
        status == Some(0) && told.contains("✗ ") && told.contains("bad: failed"),
        "{told}"
    );
    assert!(told.contains("exit 3, on w1"), "{told}");

    hera.cli(&["workers", "drain", "w1"]).unwrap();
    assert!(hera.cli(&["workers"]).unwrap().contains("drained"));
    hera.cli(&["workers", "resume", "w1"]).unwrap();
    assert!(hera.cli(&["groups"]).unwrap().contains("/night 夜"));
    let status = hera.cli(&["status"]).unwrap();
    assert!(
        status.contains("1 of 1 connected") && status.contains("1 failed"),
        "{status}"
    );
    assert!(
        hera.cli(&["jobs", "history", &slow.to_string()])
            .unwrap()
            .contains("REVISION")
    );
}

#[test]
fn a_log_is_followed_through_a_restart_of_the_admin() {
    let mut hera = Installation::start(Backend::Sqlite, Options::quick());
    let go_on = hera.scratch().join("go-on");
    let script = format!(
        "echo before; until [ -e '{}' ]; do sleep 0.1; done; echo after\n",
        go_on.display()
    );
    let group = hera.api().create_group("g");
    let job = hera
        .api()
        .create_job(group, "long", &script, &json!({"kind": "manual"}));
    let run = hera.api().recover(job).to_string();
    hera.api().wait_for_log(run.parse().unwrap(), "before");
    let token = std::fs::read_to_string(hera.scratch().join("token")).unwrap();
    let mut follower = hera
        .command(
            "hera-admin",
            &["logs", &run, "--follow", "--token", token.trim()],
        )
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = follower.stdout.take().unwrap();
    let mut begun = [0; 7];
    out.read_exact(&mut begun).unwrap();
    hera.kill_admin();
    hera.start_admin();
    std::fs::write(&go_on, "").unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!((&begun, rest.as_str()), (b"before\n", "after\n"));
    let status = eventually("the command ends", || follower.try_wait().unwrap());
    assert!(status.success(), "{status}");
}
