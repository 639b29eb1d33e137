//! HERA's own `application.yml` starts the product: nothing but it says where the database is, on
//! which ports, and where files go.

use hera_tests::{Backend, Ended, Installation, Options};
use serde_json::{Value, json};

/// With comments removed, as HERA ships it.
const HERA: &str = include_str!("../../../settings/tests/data/hera-application.yml");
/// Where HERA keeps its files.
const FOLDER: &str = "/opt/logs/spring-boot";

mod heras_own_file_starts_the_product {
    #[test]
    fn sqlite() {
        super::starts(hera_tests::Backend::Sqlite);
    }

    #[test]
    fn mysql() {
        super::starts(hera_tests::Backend::Mysql);
    }
}

/// The file with this installation's values in the place of HERA's; its keys are the same.
fn with_values_of(hera: &Installation) -> String {
    let [url, user, password] = hera.database().druid();
    // JDBC's parameters stay, as HERA writes them.
    let address = if url.starts_with("sqlite:") {
        (HERA.lines())
            .find_map(|line| line.trim().strip_prefix("url: "))
            .unwrap()
    } else {
        "jdbc:mysql://localhost:3306/hera"
    };
    let mut text = HERA.to_owned();
    for (old, new) in [
        (address, url.as_str()),
        ("username: root", &format!("username: {user}")),
        ("password: change-me", &format!("password: {password}")),
        ("port: 8080", &format!("port: {}", hera.port())),
        (
            "connectPort : 9887",
            &format!("connectPort : {}", hera.connect_port()),
        ),
        (FOLDER, hera.scratch().join("spring-boot").to_str().unwrap()),
    ] {
        assert!(text.contains(old), "{old} is not in HERA's file");
        text = text.replacen(old, new, usize::MAX);
    }
    text
}

fn starts(backend: Backend) {
    if !backend.available() {
        return;
    }
    let options = Options {
        file: Some(with_values_of),
        // HERA's limits would make the test wait for a busy machine.
        ..Options::default()
            .set("hera.maxMemRate=0")
            .set("hera.maxCpuLoadPerCore=0")
    };
    let hera = Installation::start(backend, options);

    let api = hera.api();
    let group = api.create_group("from a file");
    let job = api.create_job(
        group,
        "echo",
        "echo read from a file",
        &json!({"kind": "manual"}),
    );
    let run = api.recover(job);
    let ended = api.finished(run);
    assert_eq!(ended["status"], "success", "{ended}");
    assert_eq!(api.log(run), b"read from a file\n");
    assert_eq!(api.get("/status").unwrap().ok()["env"], "dev");

    // downloadDir and logging.path are one folder in HERA's file.
    let folder = hera.scratch().join("spring-boot");
    let names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for program in ["admin", "worker"] {
        let is_log = |name: &&String| name.starts_with(program) && name.ends_with(".log");
        let log = names.iter().find(is_log).expect("a log of each program");
        let log = std::fs::read_to_string(folder.join(log)).unwrap();
        let told = log.lines().filter(|line| line.contains("hera.scanRate"));
        assert_eq!(told.count(), 1, "ignored keys are named once: {log}");
    }
    explains_itself(&hera);
}

/// `config check` on the same file.
fn explains_itself(hera: &Installation) {
    let text = hera.cli(&["config", "check", "--json"]).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let setting = |key: &str| {
        let all = told["settings"].as_array().unwrap();
        let found = all.iter().find(|setting| setting["key"] == key);
        found.expect("every setting is told").clone()
    };
    let port = setting("server.port");
    assert_eq!(port["value"], hera.port().to_string());
    assert_eq!(port["origin"]["kind"], "file");
    let line = 1 + HERA
        .lines()
        .position(|line| line.contains("port: 8080"))
        .unwrap();
    assert_eq!(port["origin"]["line"], line);
    assert_eq!(setting("hera.maxMemRate")["origin"]["kind"], "set");
    assert_eq!(setting("hera.maxMemRate")["over"][0]["kind"], "file");
    assert_eq!(setting("hera.timezone")["origin"]["name"], "HERA_TIMEZONE");
    assert_eq!(setting("hera.leaseMs")["origin"]["kind"], "default");
    let password = setting("datasource.password");
    assert_eq!(password["secret"], true);
    let [_, _, secret] = hera.database().druid();
    assert_ne!(password["value"], secret);
    assert_eq!(told["problems"], json!([]));

    let wrong = &["config", "check", "--set", "hera.maxMemRat=1"];
    let ended = Ended::of(&mut hera.command("hera-admin", wrong)).unwrap();
    assert!(!ended.status.success());
    assert!(
        ended.stdout.contains("did you mean hera.maxMemRate?"),
        "{}",
        ended.stdout
    );
}
