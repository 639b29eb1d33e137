//! What cannot work says so, names the thing, and says what to do.

use std::net::TcpListener;
use std::process::Command;

use hera_tests::{Backend, Ended, Installation, Options};
use serde_json::{Value, json};

/// Starts an admin that must refuse; what it said.
fn refusal(command: &mut Command) -> String {
    let ended = Ended::of(command).unwrap();
    assert!(!ended.status.success(), "it should have refused to start");
    assert_eq!(ended.stdout, "", "stdout is for answers only");
    ended.stderr
}

fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[test]
fn a_busy_port_is_named_sqlite() {
    let hera = Installation::prepare(Backend::Sqlite, Options::default()).unwrap();
    let _taken = TcpListener::bind(("127.0.0.1", hera.port())).unwrap();
    let text = refusal(&mut hera.command("hera-admin", &["serve"]));
    assert_says(&text, &[&hera.port().to_string(), "HERA_PORT"]);
}

#[test]
fn an_unwritable_data_folder_is_named_sqlite() {
    let hera = Installation::prepare(Backend::Sqlite, Options::default()).unwrap();
    // Root may write anywhere but below a file.
    let file = hera.scratch().join("a-file");
    std::fs::write(&file, "").unwrap();
    let folder = file.join("data");
    for program in ["hera-admin", "hera-worker"] {
        let text = refusal(
            hera.command(program, &["serve"])
                .env("HERA_DATA_DIR", &folder),
        );
        assert_says(&text, &[folder.to_str().unwrap(), "HERA_DATA_DIR"]);
    }
}

#[test]
fn a_wrong_mysql_password_is_told_without_the_password() {
    if !Backend::Mysql.available() {
        return;
    }
    let hera = Installation::prepare(Backend::Mysql, Options::default()).unwrap();
    let url = hera.database().url_with_wrong_password();
    let text = refusal(
        hera.command("hera-admin", &["serve"])
            .env("HERA_DATABASE_URL", &url),
    );
    assert_says(&text, &["password", "127.0.0.1"]);
    assert!(!text.contains(&url), "{text}");
}

#[test]
fn the_first_password_off_loopback_is_refused_before_anything_is_made_sqlite() {
    let options = Options::default().set("hera.insecureGrpc=true");
    let hera = Installation::prepare(Backend::Sqlite, options).unwrap();
    let open = || {
        let mut command = hera.command("hera-admin", &["serve"]);
        command.env("HERA_BIND", "0.0.0.0");
        command
    };
    let text = refusal(&mut open());
    assert_says(&text, &["first password", "HERA_ADMIN_PASSWORD"]);
    assert!(!hera.data().join("hera.db").exists(), "a database was made");
    let text = refusal(open().env("HERA_ADMIN_PASSWORD", "short"));
    assert_says(&text, &["HERA_ADMIN_PASSWORD", "at least 8"]);
}

#[test]
fn two_admins_never_share_one_sqlite_file() {
    let first = Installation::start(Backend::Sqlite, Options::quick());
    let second = Installation::prepare(Backend::Sqlite, Options::quick()).unwrap();
    let url = first.database().url(&first.data());
    let text = refusal(
        second
            .command("hera-admin", &["serve"])
            .env("HERA_DATABASE_URL", url),
    );
    assert_says(&text, &["hera.db", "another"]);
    // The first is none the worse for it.
    assert_eq!(first.api().page("/readyz").unwrap().0, 200);
}

#[test]
fn an_unknown_setting_suggests_the_nearest_sqlite() {
    let hera =
        Installation::prepare(Backend::Sqlite, Options::default().set("hera.maxMemRat=1")).unwrap();
    for program in ["hera-admin", "hera-worker"] {
        let text = refusal(&mut hera.command(program, &["serve"]));
        assert_says(&text, &["hera.maxMemRat", "did you mean hera.maxMemRate?"]);
    }
}

fn job(group: i64, schedule: &Value, script: &str) -> Value {
    json!({
        "group_id": group, "name": "bad", "description": "", "run_type": "shell",
        "script": script, "schedule": schedule, "config": {},
    })
}

#[test]
fn what_the_api_refuses_is_named_sqlite() {
    let hera = Installation::start(Backend::Sqlite, Options::quick());
    let api = hera.api();
    let group = api.create_group("bad");
    let manual = json!({"kind": "manual"});

    let refused =
        |schedule: &Value, script: &str| api.post("/jobs", &job(group, schedule, script)).unwrap();
    let cron = refused(&json!({"kind": "cron", "cron": "0 0 25 * * ?"}), "true");
    assert_eq!(cron.status, 422, "{cron:?}");
    assert_says(&cron.body["errors"].to_string(), &["cron", "25"]);

    let zdt = refused(&manual, "echo ${zdt.addDay(}");
    assert_eq!(zdt.status, 422, "{zdt:?}");
    assert_says(&zdt.body["errors"].to_string(), &["script", "zdt"]);

    let long = refused(&manual, &"x".repeat(20 << 20));
    assert!([413, 422].contains(&long.status), "{long:?}");

    let bytes = api.post_bytes("/jobs", b"{\"name\":\"\xff\xfe\"}").unwrap();
    assert_eq!(bytes.status, 400, "{bytes:?}");

    let foreign = api
        .with_token("not-a-token-of-this-place")
        .get("/jobs")
        .unwrap();
    assert_eq!(foreign.status, 401);
}

#[test]
fn a_cycle_and_a_stale_revision_are_refused_sqlite() {
    let hera = Installation::start(Backend::Sqlite, Options::quick());
    let api = hera.api();
    let group = api.create_group("bad");
    let first = api.create_job(group, "first", "true", &json!({"kind": "manual"}));
    let after = |job: i64| json!({"kind": "dependent", "dependencies": [{"job_id": job, "window": "nearest", "policy": "success"}]});
    let second = api.create_job(group, "second", "true", &after(first));

    let path = format!("/jobs/{first}");
    let mut current = api.get(&path).unwrap().ok();
    let stale = current.clone();
    current["schedule"] = after(second);
    let cycle = api.put(&path, &current).unwrap();
    assert!([409, 422].contains(&cycle.status), "{cycle:?}");
    assert_says(&cycle.body.to_string(), &["cycle", "first", "second"]);

    let mut edit = stale.clone();
    edit["description"] = json!("edited");
    api.put(&path, &edit).unwrap().ok();
    let mut late = stale;
    late["description"] = json!("edited by somebody else");
    let late = api.put(&path, &late).unwrap();
    assert_eq!(late.status, 412, "{late:?}");
    assert_eq!(api.get(&path).unwrap().ok()["description"], "edited");
}
