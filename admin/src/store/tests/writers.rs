//! Many at a time: nothing is lost and nobody is turned away.

use hera_domain::status::VersionStatus;

use super::build::{Leader, at, decide, version};
use super::on_each_db;
use crate::store::testing::TestDb;
use crate::store::{AuditRecord, Batch, LeaderConnection, Subject};

on_each_db! {
    async fn eight_writers_beside_the_leader_lose_nothing(db: &TestDb) {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let store = db.store.clone();
                tokio::spawn(async move {
                    for n in 0..25 {
                        let record = AuditRecord {
                            at: at(n),
                            actor: format!("writer {writer}"),
                            action: "write".to_owned(),
                            subject: Subject::Job,
                            subject_id: Some(n),
                            detail: String::new(),
                        };
                        store.record(record).await.unwrap();
                    }
                })
            })
            .collect();
        let mut leader = Leader::of(db);
        let leading = tokio::task::spawn_blocking(move || {
            for n in 1..=50 {
                leader.write(decide([(None, version(n, VersionStatus::Waiting))], []));
            }
        });
        for writer in writers {
            writer.await.unwrap();
        }
        leading.await.unwrap();
        let page = db.store.records(None, None, 1000).await.unwrap();
        assert_eq!(page.items.len(), 200);
        let state = db.store.load_snapshot(3_650).await.unwrap();
        assert_eq!(state.snapshot.versions.len(), 50);
    }

    /// The counter that every leader's fence is: compared and set, never read and written.
    async fn leaders_that_race_for_one_number_get_it_once(db: &TestDb) {
        let leader = Leader::of(db);
        let (epoch, seq) = (leader.epoch, leader.seq);
        let mut racers: Vec<_> = (1..=8)
            .map(|n| {
                let batch = leader.batch(decide([(None, version(n, VersionStatus::Waiting))], []));
                (db.store.leader_connection().unwrap(), batch)
            })
            .collect();
        let mut won = 0;
        std::thread::scope(|scope| {
            let race = |(conn, batch): &mut (LeaderConnection, Batch)| conn.commit(epoch, batch);
            let running: Vec<_> =
                racers.iter_mut().map(|racer| scope.spawn(move || race(racer))).collect();
            for racer in running {
                won += i32::from(racer.join().unwrap().is_ok());
            }
        });
        assert_eq!(won, 1);
        let state = db.store.load_snapshot(3_650).await.unwrap();
        assert_eq!((state.seq.0, state.snapshot.versions.len()), (seq.0 + 1, 1));
    }
}
