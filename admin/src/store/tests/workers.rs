//! Who joins, what they come with, and who is drained.

use hera_domain::id::WorkerId;

use super::build::{Leader, at, decide};
use super::on_each_db;
use crate::store::testing::TestDb;
use crate::store::{Credential, Stranger, WorkerChange, WorkerSeen};

fn seen(node: &str, name: &str, second: i64) -> WorkerSeen {
    WorkerSeen {
        node_id: node.to_owned(),
        name: name.to_owned(),
        address: "10.0.0.1".to_owned(),
        version: "0.1.0".to_owned(),
        labels: Default::default(),
        at: at(second),
    }
}

async fn joins(db: &TestDb, seen: WorkerSeen, offered: &str) -> Result<WorkerId, Stranger> {
    let offered = offered.to_owned();
    let admitted = db.store.admit_worker(seen, Credential::Join { offered });
    admitted.await.unwrap()
}

async fn comes(db: &TestDb, seen: WorkerSeen, hash: &str) -> Result<WorkerId, Stranger> {
    let hash = hash.to_owned();
    let admitted = db.store.admit_worker(seen, Credential::Token { hash });
    admitted.await.unwrap()
}

fn change(leader: &mut Leader, change: WorkerChange) {
    let mut batch = leader.batch(decide([], []));
    batch.workers.push(change);
    leader.commit(&batch);
}

on_each_db! {
    async fn a_worker_keeps_its_id_when_it_comes_back_under_another_name(db: &TestDb) {
        let first = joins(db, seen("n1", "a", 1), "h1").await.unwrap();
        let second = joins(db, seen("n2", "a", 1), "h2").await.unwrap();
        assert_ne!(first, second);
        let renamed = WorkerSeen {
            labels: ["gpu", "大内存"].map(str::to_owned).into(),
            ..seen("n1", "b", 2)
        };
        assert_eq!(comes(db, renamed.clone(), "h1").await, Ok(first));
        db.store.touch_workers(vec![second], at(9)).await.unwrap();
        let all = db.store.workers().await.unwrap();
        assert_eq!(all[0].seen, renamed);
        assert_eq!(all[1].seen, seen("n2", "a", 9));
    }

    async fn a_token_opens_for_its_worker_alone(db: &TestDb) {
        let first = joins(db, seen("n1", "a", 1), "h1").await.unwrap();
        joins(db, seen("n2", "b", 1), "h2").await.unwrap();
        assert_eq!(comes(db, seen("n1", "a", 2), "h1").await, Ok(first));
        assert_eq!(comes(db, seen("n1", "x", 3), "h2").await, Err(Stranger::AnothersToken));
        assert_eq!(comes(db, seen("n1", "x", 3), "h3").await, Err(Stranger::UnknownToken));
        assert_eq!(comes(db, seen("n3", "x", 3), "h1").await, Err(Stranger::AnothersToken));
        // Nothing of what the refused said was written.
        let all = db.store.workers().await.unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].seen, seen("n1", "a", 2));
    }

    async fn the_join_token_opens_for_a_worker_until_it_has_used_its_own(db: &TestDb) {
        let worker = joins(db, seen("n", "a", 1), "lost on its way").await;
        assert_eq!(joins(db, seen("n", "a", 2), "arrived").await, worker);
        assert_eq!(comes(db, seen("n", "a", 3), "lost on its way").await, Err(Stranger::UnknownToken));
        assert_eq!(comes(db, seen("n", "a", 3), "arrived").await, worker);
        assert_eq!(joins(db, seen("n", "thief", 4), "h").await, Err(Stranger::WithoutItsToken));
        assert_eq!(db.store.workers().await.unwrap()[0].seen, seen("n", "a", 3));

        change(&mut Leader::of(db), WorkerChange::RevokeToken(worker.unwrap()));
        assert!(!db.store.knows_worker_token("arrived".to_owned()).await.unwrap());
        assert_eq!(comes(db, seen("n", "a", 5), "arrived").await, Err(Stranger::UnknownToken));
        assert_eq!(joins(db, seen("n", "a", 5), "new").await, worker);
        assert!(db.store.knows_worker_token("new".to_owned()).await.unwrap());
    }

    async fn a_worker_is_drained_until_it_is_resumed(db: &TestDb) {
        let worker = joins(db, seen("n", "a", 1), "h").await.unwrap();
        let mut leader = Leader::of(db);
        let drained = async || db.store.workers().await.unwrap()[0].drained;
        assert!(!drained().await);
        for _ in 0..2 {
            change(&mut leader, WorkerChange::Drain(worker));
            assert!(drained().await);
        }
        assert_eq!(comes(db, seen("n", "a", 2), "h").await, Ok(worker));
        assert!(drained().await);
        change(&mut leader, WorkerChange::Resume(worker));
        assert!(!drained().await);
    }
}
