//! Finished runs, their versions and logs.

use hera_domain::reason::Reason;
use hera_domain::status::{RunStatus, Trigger, VersionStatus};
use hera_domain::version_id::VersionId;

use super::*;
use crate::store::{RunFilter, RunView};

fn with_history() -> Options {
    Options {
        with_history: true,
        ..options()
    }
}

fn ran(hera: &TestDb, id: i64, job: i64, action: &str, trigger: i64, status: &str, log: &str) {
    hera.execute(&format!(
        "INSERT INTO hera_action_history (id, job_id, action_id, trigger_type, status, start_time, end_time, gmt_create, execute_host, operator, illustrate, log) \
         VALUES ({id}, {job}, {action}, {trigger}, '{status}', '2026-11-20 03:00:01', '2026-11-20 03:10:00', '2026-11-20 03:00:00', '10.0.0.7', 'hera', '自动调度', '{log}')"
    ));
}

/// Runs of every kind that a history holds.
fn history(hera: &TestDb) {
    let log = "<b>CONSOLE#</b>one<br>two < 3";
    ran(hera, 1, 1, "202611200300000001", 1, "failed", log);
    ran(hera, 2, 1, "202611200300000001", 1, "success", "");
    ran(hera, 3, 1, "202611200300000001", 2, "failed", "");
    ran(hera, 4, 1, "202611200400000001", 2, "success", "");
    ran(hera, 5, 99, "202611200400000099", 1, "success", "");
    ran(hera, 6, 1, "17", 1, "success", "");
    hera.execute(
        "INSERT INTO hera_action_history (id, job_id, action_id, status, start_time, gmt_create) \
         VALUES (7, 1, 202601010300000001, 'running', '2026-01-01 03:00:00', '2026-01-01 03:00:00'), \
                (8, 1, 202611210300000001, 'running', NOW(), DATE_ADD(NOW(), INTERVAL 1 DAY))",
    );
}

async fn runs(store: &Store) -> Vec<RunView> {
    let all = store.runs(RunFilter::default(), None, 99).await.unwrap();
    all.items
}

#[tokio::test]
async fn finished_runs_come_with_their_versions_and_logs() {
    for target in targets().await {
        let Some(hera) = hera() else { return };
        history(&hera);
        import(&hera, &target.store, with_history()).await;
        let runs = runs(&target.store).await;
        let shown: Vec<_> = runs
            .iter()
            .map(|view| {
                let run = &view.run;
                let version = view.version.0.as_str();
                (version, run.trigger, run.status, run.attempt)
            })
            .collect();
        let (three, four) = ("202611200300000001", "202611200400000001");
        assert_eq!(
            shown,
            [
                (four, Trigger::Manual, RunStatus::Success, 1),
                (three, Trigger::Manual, RunStatus::Failed, 3),
                (three, Trigger::Schedule, RunStatus::Success, 2),
                (three, Trigger::Schedule, RunStatus::Failed, 1),
            ]
        );
        let first = &runs[3].run;
        assert_eq!(
            first.started_at.unwrap().to_rfc3339(),
            "2026-11-19T19:00:01+00:00"
        );
        assert_eq!(
            first.reason,
            Some(Reason::RanInHera {
                host: Some("10.0.0.7".to_owned()),
                note: Some("自动调度".to_owned())
            })
        );
        let log = target.store.read_log(first.id, 0, 1000).await.unwrap();
        assert_eq!(
            String::from_utf8(log.bytes).unwrap(),
            "CONSOLE#one\ntwo < 3"
        );
        let version = VersionId(three.to_owned());
        let version = target.store.version(version).await.unwrap().unwrap();
        assert_eq!(
            version.status,
            VersionStatus::Success,
            "a manual run decides nothing"
        );
        assert!(!version.armed);
        // And the engine takes it all in.
        target.store.load_snapshot(7).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_finished_run_is_named_or_comes_later() {
    for target in targets().await {
        let Some(hera) = hera() else { return };
        history(&hera);
        let report = import(&hera, &target.store, with_history()).await;
        let counts = report.counts[&Kind::Run];
        assert_eq!((counts.imported, counts.refused), (4, 3));
        let said = about(&report, Kind::Run, 0);
        for text in [
            "job 99 is missing",
            "names no time",
            "never ended",
            "not all finished",
        ] {
            assert!(
                said.iter().any(|line| line.contains(text)),
                "{text}: {said:?}"
            );
        }
        // The one that ran comes when it has ended, and nothing twice.
        hera.execute(
            "UPDATE hera_action_history SET status = 'success', end_time = NOW() WHERE id = 8",
        );
        let report = import(&hera, &target.store, with_history()).await;
        assert_eq!(report.counts[&Kind::Run].read, 1);
        assert_eq!(runs(&target.store).await.len(), 5);
    }
}

#[tokio::test]
async fn logs_beyond_a_packet_of_mysql_come_with_both_ends() {
    for target in targets().await {
        let Some(hera) = hera() else { return };
        for id in 1..=6 {
            ran(&hera, id, 1, "202611200300000001", 1, "failed", "");
        }
        hera.execute(
            "UPDATE hera_action_history SET log = CONCAT('first', REPEAT('数', 1700000), id)",
        );
        import(&hera, &target.store, with_history()).await;
        let runs = runs(&target.store).await;
        assert_eq!(runs.len(), 6);
        for view in runs {
            let log = target.store.read_log(view.run.id, 0, 8 << 20).await;
            let log = String::from_utf8(log.unwrap().bytes).unwrap();
            assert!(log.starts_with("first数") && log.len() < 5 << 20);
            assert!(log.ends_with(&format!("数{}", view.run.attempt)));
        }
    }
}
