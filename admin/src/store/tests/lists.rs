//! Lists: pages by key neither repeat nor lose a row, whatever is added meanwhile.

use hera_domain::id::{JobId, RunId, WorkerId};
use hera_domain::status::{RunStatus, Trigger, VersionStatus};
use hera_domain::version_id::VersionId;

use super::build::{Leader, at, decide, run, version};
use super::on_each_db;
use crate::store::RunFilter;
use crate::store::testing::TestDb;

/// Versions and runs 1 to `n`; odd ones succeeded, every third is manual.
fn fill(leader: &mut Leader, n: i64) {
    let runs = (1..=n).map(|n| {
        let odd = n % 2 == 1;
        let mut run = run(
            n,
            if odd {
                RunStatus::Success
            } else {
                RunStatus::Failed
            },
        );
        if n % 3 == 0 {
            run.trigger = Trigger::Manual;
        }
        run.worker = odd.then_some(WorkerId(1));
        (None, run)
    });
    let versions = (1..=n).map(|n| (None, version(n, VersionStatus::Success)));
    leader.write(decide(versions, runs));
}

async fn ids(db: &TestDb, filter: RunFilter) -> Vec<i64> {
    let page = db.store.runs(filter, None, 100).await.unwrap();
    page.items.iter().map(|view| view.run.id.0).collect()
}

on_each_db! {
    async fn pages_of_runs_go_on_where_the_last_one_ended(db: &TestDb) {
        let mut leader = Leader::of(db);
        fill(&mut leader, 10);
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = db.store.runs(RunFilter::default(), cursor, 4).await.unwrap();
            seen.extend(page.items.iter().map(|view| view.run.id.0));
            if seen.len() == 4 {
                leader.write(decide(
                    [(None, version(11, VersionStatus::Queued))],
                    [(None, run(11, RunStatus::Queued))],
                ));
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, (1..=10).rev().collect::<Vec<_>>());
        let exact = db.store.runs(RunFilter::default(), None, 11).await.unwrap();
        assert_eq!((exact.items.len(), exact.next), (11, None));
    }

    async fn runs_are_found_by_every_filter(db: &TestDb) {
        let mut leader = Leader::of(db);
        fill(&mut leader, 6);
        let all = RunFilter::default;
        let job = |id| RunFilter { job: Some(JobId(id)), ..all() };
        assert_eq!(ids(db, job(1)).await, [6, 5, 4, 3, 2, 1]);
        assert!(ids(db, job(2)).await.is_empty());
        let version = VersionId("202611200300000004".to_owned());
        assert_eq!(ids(db, RunFilter { version: Some(version), ..all() }).await, [4]);
        let statuses = vec![RunStatus::Failed, RunStatus::Lost];
        assert_eq!(ids(db, RunFilter { statuses, ..all() }).await, [6, 4, 2]);
        let manual = RunFilter { trigger: Some(Trigger::Manual), ..all() };
        assert_eq!(ids(db, manual).await, [6, 3]);
        let some = RunFilter { from: Some(at(2)), to: Some(at(5)), ..all() };
        assert_eq!(ids(db, some).await, [4, 3, 2]);
    }

    async fn a_run_is_shown_with_its_names(db: &TestDb) {
        let mut leader = Leader::of(db);
        assert_eq!(db.worker("n", "工人").await, WorkerId(1));
        fill(&mut leader, 2);
        let first = db.store.run(RunId(1)).await.unwrap().unwrap();
        assert_eq!(first.job_name, "echoTest");
        assert_eq!(first.worker_name.as_deref(), Some("工人"));
        assert_eq!(first.version, VersionId("202611200300000001".to_owned()));
        assert_eq!(first.business_time, at(1));
        let second = db.store.run(RunId(2)).await.unwrap().unwrap();
        assert_eq!(second.worker_name, None);
        assert_eq!(db.store.run(RunId(3)).await.unwrap(), None);
        let latest = db.store.latest_runs(vec![JobId(1), JobId(2)]).await.unwrap();
        assert_eq!(latest, [(JobId(1), second)].into());
    }

    async fn counts_cover_the_half_open_time(db: &TestDb) {
        let mut leader = Leader::of(db);
        fill(&mut leader, 6);
        let counts = db.store.count_runs(at(1), at(6)).await.unwrap();
        let of = |trigger, status| {
            let hit = counts.iter().find(|c| c.trigger == trigger && c.status == status);
            hit.map(|c| c.count)
        };
        assert_eq!(of(Trigger::Schedule, RunStatus::Success), Some(2));
        assert_eq!(of(Trigger::Schedule, RunStatus::Failed), Some(2));
        assert_eq!(of(Trigger::Manual, RunStatus::Success), Some(1));
        assert_eq!(of(Trigger::Manual, RunStatus::Failed), None);
        let versions = db.store.count_versions(at(1), at(6)).await.unwrap();
        assert_eq!(versions, [(VersionStatus::Success, 5)].into());
        let between = db.store.load_versions(JobId(1), at(2), at(4)).await.unwrap();
        assert_eq!(between.iter().map(|v| v.key.0).collect::<Vec<_>>(), [2, 3]);
    }

    async fn versions_of_a_time_are_found_by_where_they_stand(db: &TestDb) {
        let mut leader = Leader::of(db);
        let stand = [VersionStatus::Success, VersionStatus::Failed, VersionStatus::Waiting];
        let versions = (1..=6).map(|n| (None, version(n, stand[usize::try_from(n).unwrap() % 3])));
        leader.write(decide(versions, []));
        let found = async |statuses: &[VersionStatus], limit| {
            let rows = db.store.versions_between(at(2), at(6), statuses.to_vec(), limit).await;
            rows.unwrap().iter().map(|v| v.key.0).collect::<Vec<_>>()
        };
        assert_eq!(found(&[], 10).await, [2, 3, 4, 5]);
        assert_eq!(found(&[VersionStatus::Failed, VersionStatus::Waiting], 10).await, [2, 4, 5]);
        assert_eq!(found(&[], 2).await, [2, 3]);
    }
}
