//! What persons decide of workers, and what followers go by.

use super::*;
use crate::store::WorkerChange;

#[tokio::test]
async fn a_token_that_is_taken_away_ends_its_session_and_the_one_on_its_way() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let open = admin.worker(1, Vec::new()).await;
    let revoke = WorkerChange::RevokeToken(open.id);
    admin.handle.change_worker(&person(), revoke).await.unwrap();
    open.close.cancelled().await;
    let late = admin.session(open.id, 2, Vec::new()).await;
    late.close.cancelled().await;

    let mut again = admin.worker(3, Vec::new()).await;
    let id = job(&admin, content("works", "true", &[])).await;
    admin.recover(id).await.unwrap();
    again.started().await;
    admin.stop().await;
}

/// Else a follower would wait in vain for definitions as new as the latest run.
#[tokio::test]
async fn definitions_are_as_new_as_the_latest_change_of_one_also_for_the_next_leader() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let id = job(&admin, content("works", "true", &[])).await;
    let before = admin.handle.definitions().seq;
    let run = admin.recover(id).await.unwrap();
    let (named, _) = worker.started().await;
    worker.finish(&named, 0).await;
    worker.acknowledged(&named).await;
    assert_eq!(admin.status(run).await, RunStatus::Success);
    let lease = db.store.lease().await.unwrap();
    assert!(lease.commit_seq > before);
    assert_eq!(
        (lease.definitions_seq, admin.handle.definitions().seq),
        (before, before)
    );
    admin.stop().await;

    let admin = Admin::start(&db.store).await;
    assert_eq!(admin.handle.definitions().seq, before);
    admin.stop().await;
}
