//! What the settings of the pool do.

use std::time::Duration;

use crate::store::testing::TestDb;
use crate::store::{PoolSettings, Store, StoreError};

fn open(db: &TestDb, settings: &PoolSettings) -> Store {
    Store::open(&db.url, settings).unwrap()
}

super::on_each_db! {
    async fn the_first_connections_are_opened_at_once(db: &TestDb) {
        let settings = PoolSettings {
            max: 4,
            min_idle: 1,
            initial: 3,
            ..PoolSettings::default()
        };
        let store = open(db, &settings);
        // While those are opened the pool may look for an idle one, and open one more.
        let opened = store.state.pool.state().connections;
        assert!((3..=4).contains(&opened), "{opened}");
        let fewer = open(db, &PoolSettings { max: 2, ..settings });
        assert_eq!(fewer.state.pool.state().connections, 2);
    }

    async fn who_waits_too_long_for_a_connection_is_told(db: &TestDb) {
        let settings = PoolSettings {
            max: 1,
            wait: Duration::from_millis(50),
            ..PoolSettings::default()
        };
        let store = open(db, &settings);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let busy = store.clone();
        let holder = tokio::spawn(async move {
            let hold = move |_: &mut _| {
                started.send(()).expect("the test waits");
                let _ended = held.recv();
                Ok(())
            };
            busy.read(hold).await
        });
        has_started.await.unwrap();
        let error = store.now().await.unwrap_err();
        assert!(matches!(error, StoreError::Busy { waited_ms: 50 }), "{error}");
        drop(release);
        holder.await.unwrap().unwrap();
        store.now().await.unwrap();
    }

    async fn a_connection_that_was_lost_is_replaced_before_it_is_used(db: &TestDb) {
        let settings = PoolSettings {
            max: 1,
            test_on_borrow: true,
            ..PoolSettings::default()
        };
        let store = open(db, &settings);
        let id = store.read(|conn| Ok(crate::store::dialect::connection_id(conn)?)).await.unwrap();
        let Some(id) = id else { return };
        db.execute(&format!("KILL {id}"));
        store.now().await.unwrap();
    }
}
