//! A HERA of 500 jobs becomes an installation, and that one becomes another by its files.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use hera_admin::import::testing::{SCHEMA, generate};
use hera_admin::store::testing::TestDb;
use hera_tests::{Backend, Ended, Installation, Options, Program, pause};
use serde_json::Value;

const JOBS: i64 = 500;

mod an_imported_hera_goes_into_an_empty_installation_by_its_files {
    #[test]
    fn sqlite() {
        super::export_and_apply(hera_tests::Backend::Sqlite);
    }

    #[test]
    fn mysql() {
        super::export_and_apply(hera_tests::Backend::Mysql);
    }
}

/// A HERA with 500 jobs; `None` without a server.
fn hera() -> Option<TestDb> {
    let db = TestDb::mysql_empty()?;
    db.execute(SCHEMA);
    let (statements, _) = generate(20_261_121, JOBS);
    statements
        .iter()
        .for_each(|statement| db.execute(statement));
    Some(db)
}

fn prepared(backend: Backend) -> Installation {
    let installation = Installation::prepare(backend, Options::quick()).unwrap();
    installation.cli(&["db", "init"]).unwrap();
    installation
}

/// Every file below a folder with what it holds.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else {
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    files
}

fn export(installation: &Installation) -> BTreeMap<String, String> {
    let folder = installation.scratch().join("export");
    installation
        .cli(&["export", folder.to_str().unwrap()])
        .unwrap();
    files(&folder)
}

fn export_and_apply(backend: Backend) {
    if !backend.available() {
        return;
    }
    let Some(hera) = hera() else { return };
    let mut one = prepared(backend);
    let report = one.cli(&["import-hera", &hera.url, "--json"]).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["counts"]["job"]["imported"], JOBS + 1, "{report}");
    one.start_admin();
    let exported = export(&one);
    assert!(exported.len() > 500, "{} files", exported.len());

    let mut two = prepared(backend);
    two.start_admin();
    let folder = one.scratch().join("export");
    two.cli(&["apply", folder.to_str().unwrap()]).unwrap();
    // Nothing is left to do, and it writes the same files, to the byte.
    let plan = Ended::of(&mut two.command("hera-admin", &["plan", folder.to_str().unwrap()]));
    let plan = plan.unwrap();
    assert_eq!(
        plan.status.code(),
        Some(0),
        "{}{}",
        plan.stdout,
        plan.stderr
    );
    let again = export(&two);
    assert_eq!(
        again.keys().collect::<Vec<_>>(),
        exported.keys().collect::<Vec<_>>()
    );
    for (name, text) in &exported {
        assert_eq!(&again[name], text, "{name}");
    }
}

/// Killed at any moment and repeated, an import ends as if it had not been.
#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let Some(hera) = hera() else { return };
    let mut whole = prepared(Backend::Sqlite);
    let began = Instant::now();
    whole.cli(&["import-hera", &hera.url]).unwrap();
    let takes = began.elapsed();
    let mut killed = prepared(Backend::Sqlite);
    let mut lives = 0;
    for eighths in 1..=6 {
        let log = killed.scratch().join("import.out");
        let mut command = killed.command("hera-admin", &["import-hera", &hera.url]);
        let mut import = Program::spawn(&mut command, &log).unwrap();
        pause(takes * eighths / 8);
        lives += i32::from(!import.has_ended());
        import.kill();
    }
    assert!(lives > 0, "every import ended before it was killed");
    killed.cli(&["import-hera", &hera.url]).unwrap();
    whole.start_admin();
    killed.start_admin();
    assert_eq!(export(&killed), export(&whole));
    let again = killed.api().get("/jobs?limit=1").unwrap().ok();
    assert_eq!(again["items"][0]["id"], 1, "{again}");
}
