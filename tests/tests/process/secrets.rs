//! What a script is given in confidence and prints all the same.

use hera_tests::Installation;
use serde_json::json;

on_each_database!(a_secret_that_a_script_prints_is_in_no_log);

const SECRET: &str = "hunter2-3-4";

fn a_secret_that_a_script_prints_is_in_no_log(hera: &mut Installation) {
    let api = hera.api();
    let script = "set -x\necho the word is ${alias}\nsleep 0.5\nprintf '%s' \"${secret.word}\"";
    let job = json!({
        "group_id": api.create_group("confidence"), "name": "talkative", "description": "", "run_type": "shell",
        "script": script, "schedule": {"kind": "manual"},
        "config": {"secret.word": SECRET, "alias": "${secret.word}"},
    });
    let job = api.post("/jobs", &job).unwrap().ok()["id"]
        .as_i64()
        .unwrap();
    api.post(&format!("/jobs/{job}/open"), &json!({}))
        .unwrap()
        .ok();
    let run = api.recover(job);
    let mut seen = String::new();
    let mut stream = api.stream(run).unwrap();
    while let Some(message) = stream.next_message().unwrap() {
        seen.push_str(&message.data);
        if message.event == "end" {
            break;
        }
    }
    assert_eq!(api.finished(run)["status"], "success");
    let log = String::from_utf8(api.log(run)).unwrap();
    let mask = "*".repeat(SECRET.len());
    assert_eq!(
        log,
        format!(
            "+ echo the word is {mask}\nthe word is {mask}\n+ sleep 0.5\n+ printf %s {mask}\n{mask}"
        )
    );
    assert!(seen.contains(&mask) && !seen.contains(SECRET), "{seen}");
}
