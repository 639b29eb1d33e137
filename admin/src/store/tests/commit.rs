//! Commits: what is written is read back, what does not fit changes nothing.

use hera_domain::id::{Epoch, RunId};
use hera_domain::status::{RunStatus, VersionStatus};

use super::build::{Leader, at, decide, holder, run, version};
use super::on_each_db;
use crate::store::testing::TestDb;
use crate::store::{CommitError, RunFilter};

on_each_db! {
    async fn a_commit_is_read_back_as_it_was(db: &TestDb) {
        let mut leader = Leader::of(db);
        let mut decisions = decide(
            [(None, version(1, VersionStatus::Queued))],
            [(None, run(1, RunStatus::Queued))],
        );
        decisions.planned_through = Some(at(5));
        leader.write(decisions);

        let state = db.store.load_snapshot(3_650).await.unwrap();
        assert_eq!(state.seq, leader.seq);
        assert_eq!(state.snapshot.versions, [version(1, VersionStatus::Queued)]);
        assert_eq!(state.snapshot.runs, [run(1, RunStatus::Queued)]);
        assert_eq!(state.snapshot.planned_through, Some(at(5)));
        assert_eq!(state.snapshot.last_run_id, 1);
        let page = db.store.runs(RunFilter::default(), None, 10).await.unwrap();
        assert_eq!(page.items[0].job_name, "echoTest");
        assert_eq!(db.store.run(RunId(1)).await.unwrap().unwrap(), page.items[0]);
    }

    async fn a_deposed_leader_commits_nothing(db: &TestDb) {
        let mut leader = Leader::of(db);
        let batch = leader.batch(decide([(None, version(1, VersionStatus::Waiting))], []));
        let old = Epoch(leader.epoch.0 - 1);
        assert!(matches!(leader.conn.commit(old, &batch), Err(CommitError::Deposed)));
        assert!(matches!(leader.conn.renew(old, 60_000), Err(CommitError::Deposed)));
        let state = db.store.load_snapshot(3_650).await.unwrap();
        assert_eq!(state.snapshot.versions, []);
        assert_eq!(db.store.lease().await.unwrap().holder, Some(holder("a")));
    }
}
