//! An import from a real HERA schema in MariaDB, into both databases.

mod carried;
mod defects;
mod five_hundred;
mod history;
mod quartz;
mod repeated;
mod strays;
mod trouble;

use chrono_tz::Tz;
use hera_domain::check::ContentLimits;
use hera_domain::engine::Limits;
use hera_domain::id::JobId;

use super::testing::SCHEMA;
use super::{Finding, Kind, Options, Report, Severity, run};
use crate::store::testing::TestDb;
use crate::store::{Store, StoredJob, Subject};

/// A HERA with what it begins with; `None` without a server.
fn hera() -> Option<TestDb> {
    let db = TestDb::mysql_empty()?;
    db.execute(SCHEMA);
    Some(db)
}

fn options() -> Options {
    let types = ["shell", "hive", "spark", "python"].map(str::to_owned);
    Options {
        source: Some("old".to_owned()),
        closed: false,
        dry_run: false,
        with_history: false,
        timezone: Tz::Asia__Shanghai,
        area: "all".to_owned(),
        admin: "hera".to_owned(),
        limits: Limits::default(),
        content_limits: ContentLimits {
            run_types: types.into(),
            ..ContentLimits::default()
        },
    }
}

/// Imports; every row that was read must have become something.
async fn import(hera: &TestDb, store: &Store, options: Options) -> Report {
    let report = run(store, &hera.url, options).await.unwrap();
    for (kind, counts) in &report.counts {
        assert!(counts.add_up(), "{}: {counts:?}", kind.as_str());
    }
    report
}

async fn job(store: &Store, id: i64) -> StoredJob {
    store.job(JobId(id)).await.unwrap().unwrap()
}

/// The findings about a row, as `severity column: what`.
fn about(report: &Report, kind: Kind, id: i64) -> Vec<String> {
    let of = |finding: &&Finding| finding.kind == kind && finding.id == id;
    let findings = report.findings.iter().filter(of);
    findings
        .map(|f| format!("{:?} {}: {}", f.severity, f.column, f.what))
        .collect()
}

/// Both databases, as far as there are servers.
async fn targets() -> Vec<TestDb> {
    let mut targets = vec![TestDb::sqlite().await];
    targets.extend(TestDb::mysql().await);
    targets
}

fn insert_job(hera: &TestDb, id: i64, more: &[(&str, &str)]) {
    let given = |column: &str| more.iter().any(|(name, _)| *name == column);
    let defaults = [
        ("name", "'job'"),
        ("description", "'d'"),
        ("group_id", "2"),
        ("owner", "'hera'"),
        ("auto", "0"),
        ("schedule_type", "0"),
        ("cron_expression", "'0 0 3 * * ?'"),
        ("run_type", "'shell'"),
        ("script", "'echo 1'"),
        ("configs", "'{}'"),
        ("offset", "0"),
    ];
    let defaults = defaults.iter().filter(|(column, _)| !given(column));
    let (columns, values): (Vec<_>, Vec<_>) = defaults.chain(more).copied().unzip();
    let columns: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    hera.execute(&format!(
        "INSERT INTO hera_job (id, {}) VALUES ({id}, {})",
        columns.join(", "),
        values.join(", ")
    ));
}
