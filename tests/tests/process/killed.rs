//! `kill -9` in the middle of a long script: the same process goes on, its log is whole, the run
//! succeeds, once.

use hera_tests::{Installation, Program, eventually};
use serde_json::json;

on_each_database!(
    a_killed_worker_finds_its_script_again,
    a_killed_admin_finds_its_run_again,
    a_drained_worker_stays_drained_until_it_is_resumed,
    a_worker_whose_token_is_taken_away_joins_anew,
    a_run_directory_from_before_a_reset_is_never_believed,
    a_database_from_a_backup_leads_above_what_workers_have_seen,
);

const LINES: usize = 200;

/// Twenty seconds of numbered lines; `$$` shows whether it was the same process throughout.
fn slow_script(hera: &Installation) -> String {
    format!(
        "echo started $$ >> {0}/starts\nfor i in $(seq {LINES}); do echo \"line $i of $$\"; sleep 0.1; done\n",
        hera.scratch().display()
    )
}

fn a_killed_worker_finds_its_script_again(hera: &mut Installation) {
    let run = start_slow_job(hera);
    hera.api().wait_for_log(run, "line 40 ");
    hera.kill_worker();
    hera.start_worker();
    went_on_as_if_nothing_had_happened(hera, run);
}

fn a_killed_admin_finds_its_run_again(hera: &mut Installation) {
    let run = start_slow_job(hera);
    hera.api().wait_for_log(run, "line 40 ");
    hera.kill_admin();
    hera.start_admin();
    went_on_as_if_nothing_had_happened(hera, run);
}

fn a_drained_worker_stays_drained_until_it_is_resumed(hera: &mut Installation) {
    let worker = |hera: &Installation| hera.api().get("/workers").unwrap().ok()["items"][0].clone();
    let id = worker(hera)["id"].as_i64().unwrap();
    let tell = |hera: &Installation, what: &str| {
        let path = format!("/workers/{id}/{what}");
        hera.api().post(&path, &json!({})).unwrap().ok();
    };
    tell(hera, "drain");
    hera.kill_both();
    hera.start_both();
    let back = worker(hera);
    assert_eq!(
        (&back["connected"], &back["accepting"]),
        (&json!(true), &json!(false))
    );
    let group = hera.api().create_group("drained");
    let job = hera
        .api()
        .create_job(group, "waits", "true", &json!({"kind": "manual"}));
    let run = hera.api().recover(job);
    eventually("the run says what it waits for", || {
        let reason = hera.api().run(run)["reason"].as_str()?.to_owned();
        reason
            .contains("is connected and accepts runs")
            .then_some(())
    });
    tell(hera, "resume");
    assert_eq!(hera.api().finished(run)["status"], "success");
}

fn a_worker_whose_token_is_taken_away_joins_anew(hera: &mut Installation) {
    let token = |hera: &Installation| {
        let node = std::fs::read(hera.data().join("worker.json")).unwrap();
        let node: serde_json::Value = serde_json::from_slice(&node).unwrap();
        node["token"].as_str().unwrap().to_owned()
    };
    let before = token(hera);
    let run = start_slow_job(hera);
    hera.api().wait_for_log(run, "line 10 ");
    let name = hera.api().get("/workers").unwrap().ok()["items"][0]["name"].clone();
    let name = name.as_str().unwrap();
    hera.cli(&["workers", "rotate-token", name]).unwrap();
    eventually("the worker has joined anew", || {
        (token(hera) != before).then_some(())
    });
    went_on_as_if_nothing_had_happened(hera, run);

    // From then on it does without the join token.
    hera.kill_worker();
    let join = hera.cli(&["token", "join"]).unwrap();
    assert_eq!(join.trim(), "a join token of the tests");
    let mut command = hera.command("hera-worker", &["serve"]);
    command.env_remove("HERA_JOIN_TOKEN");
    let _worker = Program::spawn(&mut command, &hera.scratch().join("again.out")).unwrap();
    let job = hera.api().run(run)["job_id"].as_i64().unwrap();
    let again = hera.api().recover(job);
    hera.api().wait_for_log(again, "line 10 ");
}

fn start_slow_job(hera: &Installation) -> i64 {
    let group = hera.api().create_group("slow");
    let script = slow_script(hera);
    let job = hera
        .api()
        .create_job(group, "slow", &script, &json!({"kind": "manual"}));
    hera.api().recover(job)
}

fn went_on_as_if_nothing_had_happened(hera: &Installation, run: i64) {
    let ended = hera.api().finished(run);
    assert_eq!(ended["status"], "success", "{ended}");
    assert_eq!(ended["exit_code"], 0);
    assert_eq!(ended["attempt"], 1);

    let starts = std::fs::read_to_string(hera.scratch().join("starts")).unwrap();
    let pid = starts.trim().strip_prefix("started ").unwrap();
    assert!(pid.parse::<u32>().is_ok(), "started once: {starts:?}");
    let expected: String = (1..=LINES)
        .map(|i| format!("line {i} of {pid}\n"))
        .collect();
    let log = hera.api().log(run);
    assert_eq!(String::from_utf8_lossy(&log), expected);

    let runs = hera.api().runs(&format!("job_id={}", ended["job_id"]));
    assert_eq!(runs.len(), 1, "{runs:?}");
}

fn a_run_directory_from_before_a_reset_is_never_believed(hera: &mut Installation) {
    let script = |text: &str| format!("echo {text}; sleep 1; echo {text} again");
    let group = hera.api().create_group("before");
    let manual = json!({"kind": "manual"});
    let job = hera
        .api()
        .create_job(group, "before", &script("from before"), &manual);
    let stale = hera.api().recover(job);
    hera.api().wait_for_log(stale, "from before");
    // Its end is never reported, so its directory stays.
    hera.kill_both();
    hera.cli(&["db", "reset", "--yes"]).unwrap();

    hera.start_admin();
    hera.new_token();
    hera.start_worker();
    let group = hera.api().create_group("after");
    let job = hera
        .api()
        .create_job(group, "after", &script("from after"), &manual);
    let fresh = hera.api().recover(job);
    assert_eq!(
        fresh, stale,
        "the ids must collide for this to prove anything"
    );
    let ended = hera.api().finished(fresh);
    assert_eq!(ended["status"], "success", "{ended}");
    let log = hera.api().log(fresh);
    assert_eq!(
        String::from_utf8_lossy(&log),
        "from after\nfrom after again\n"
    );
    assert_eq!(hera.api().runs("").len(), 1);
}

/// A restored database has an older number of leadership than the workers have obeyed; below
/// theirs they would take every command for one of a former leader.
fn a_database_from_a_backup_leads_above_what_workers_have_seen(hera: &mut Installation) {
    hera.kill_worker();
    let file = hera.data().join("worker.json");
    let node = std::fs::read(&file).unwrap();
    let mut node: serde_json::Value = serde_json::from_slice(&node).unwrap();
    node["epoch"] = json!(40);
    std::fs::write(&file, node.to_string()).unwrap();
    hera.start_worker();
    let leader = hera.api().get("/leader").unwrap().ok();
    assert!(leader["epoch"].as_i64().unwrap() > 40, "{leader}");
    let group = hera.api().create_group("restored");
    let manual = json!({"kind": "manual"});
    let job = hera.api().create_job(group, "restored", "true", &manual);
    let run = hera.api().recover(job);
    assert_eq!(hera.api().finished(run)["status"], "success");
}
