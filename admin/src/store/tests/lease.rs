//! The lease: one holder at a time, and what becomes of the ones before.

use hera_domain::status::{RunStatus, VersionStatus};

use super::build::{Leader, decide, holder, run, version};
use super::on_each_db;
use crate::store::dialect;
use crate::store::testing::TestDb;
use crate::store::{CommitError, LeaderConnection, PoolSettings, Store, StoreError};

on_each_db! {
    async fn every_takeover_has_a_greater_epoch_and_commits_go_on_counting(db: &TestDb) {
        let mut first = Leader::of(db);
        first.write(decide([], []));
        first.conn.release(first.epoch).unwrap();
        let mut second = Leader::of(db);
        assert!(second.epoch > first.epoch);
        assert_eq!(second.seq, first.seq);

        let batch = first.batch(decide([(None, version(1, VersionStatus::Waiting))], []));
        let stale = first.conn.commit(first.epoch, &batch);
        assert!(matches!(stale, Err(CommitError::Deposed)));
        assert!(matches!(first.conn.renew(first.epoch, 1), Err(CommitError::Deposed)));
        second.write(decide([], []));
    }

    async fn a_renewal_extends_the_lease_and_has_no_number(db: &TestDb) {
        let mut leader = Leader::of(db);
        let before = db.store.lease().await.unwrap();
        let now = leader.conn.renew(leader.epoch, 600_000).unwrap();
        let after = db.store.lease().await.unwrap();
        assert_eq!(after.commit_seq, before.commit_seq);
        // The clock is read after the renewal, so that less may be left, never more.
        let left = (after.expires_at - now).num_milliseconds();
        assert!((500_000..=600_000).contains(&left), "{left}");
        assert!(after.is_live() && after.now >= now);
        // A commit renews too.
        leader.write(decide([], []));
        let later = db.store.lease().await.unwrap();
        assert!(later.expires_at < after.expires_at && later.is_live());
    }

    async fn the_leader_goes_on_after_its_connection_was_lost(db: &TestDb) {
        let mut leader = Leader::of(db);
        leader.write(decide([], []));
        leader.conn.last_commit().unwrap();
        leader.conn.renew(leader.epoch, 60_000).unwrap();
        leader.write(decide([(None, version(1, VersionStatus::Waiting))], []));
        assert_eq!(leader.conn.last_commit().unwrap(), (leader.epoch, leader.seq));
    }
}

#[tokio::test]
async fn on_mysql_a_live_lease_is_not_taken_and_an_expired_one_is_by_one_of_many() {
    let Some(db) = TestDb::mysql().await else {
        return;
    };
    let mut leader = Leader::of(&db);
    let mut other = db.store.leader_connection().unwrap();
    assert_eq!(other.acquire(&holder("b"), 60_000).unwrap(), None);
    leader.conn.release(leader.epoch).unwrap();
    let conns = (0..8).map(|_| db.store.leader_connection().unwrap());
    let mut conns: Vec<_> = conns.collect();
    let won = std::thread::scope(|scope| {
        let race = |conn: &mut LeaderConnection| conn.acquire(&holder("b"), 60_000).unwrap();
        let racers: Vec<_> = conns
            .iter_mut()
            .map(|conn| scope.spawn(move || race(conn)))
            .collect();
        let mut leases = Vec::new();
        for racer in racers {
            leases.extend(racer.join().unwrap());
        }
        leases.len()
    });
    assert_eq!(won, 1);
}

/// Repeated with patience, such a commit would stop the leader for ever.
#[tokio::test]
async fn on_mysql_a_text_that_is_too_long_is_the_batch_s_fault_and_not_the_server_s() {
    let Some(db) = TestDb::mysql().await else {
        return;
    };
    let mut leader = Leader::of(&db);
    let mut long = run(1, RunStatus::Queued);
    long.operator = Some("x".repeat(101));
    let batch = leader.batch(decide([], [(None, long)]));
    let error = leader.conn.commit(leader.epoch, &batch).unwrap_err();
    assert!(matches!(error, CommitError::Conflict(_)), "{error:?}");
}

#[tokio::test]
async fn on_mysql_a_leader_whose_connection_is_cut_learns_that_nothing_was_written_and_repeats() {
    let Some(db) = TestDb::mysql().await else {
        return;
    };
    let mut leader = Leader::of(&db);
    let batch = leader.batch(decide([(None, version(1, VersionStatus::Waiting))], []));
    let mut other = db.store.state.connector.connect().unwrap();
    dialect::kill_connection(&mut other, leader.conn.id.unwrap());
    let error = leader.conn.commit(leader.epoch, &batch).unwrap_err();
    assert!(
        matches!(&error, CommitError::Database(cause) if cause.is_temporary()),
        "{error:?}"
    );
    assert_eq!(
        leader.conn.last_commit().unwrap(),
        (leader.epoch, leader.seq)
    );
    leader.commit(&batch);
    // A renewal mends the connection by itself.
    dialect::kill_connection(&mut other, leader.conn.id.unwrap());
    leader.conn.renew(leader.epoch, 60_000).unwrap();
    leader.write(decide([], []));
}

/// The write that fences waits for the row: of two leaders only one can be inside at a time.
#[tokio::test]
async fn on_mysql_a_lost_answer_waits_for_the_commit_that_is_on_its_way() {
    use diesel::prelude::*;
    let Some(db) = TestDb::mysql().await else {
        return;
    };
    let mut leader = Leader::of(&db);
    let mut stuck = db.store.state.connector.connect().unwrap();
    let seq = leader.seq.0;
    diesel::sql_query("BEGIN").execute(&mut stuck).unwrap();
    diesel::sql_query("UPDATE hera_lock SET commit_seq = commit_seq + 1")
        .execute(&mut stuck)
        .unwrap();
    let asked = std::thread::spawn(move || leader.conn.last_commit().unwrap().1);
    diesel::sql_query("COMMIT").execute(&mut stuck).unwrap();
    assert_eq!(asked.join().unwrap().0, seq + 1);
}

#[tokio::test]
async fn a_second_admin_on_one_sqlite_file_is_refused_by_name() {
    let db = TestDb::sqlite().await;
    let other = Store::open(&db.url, &PoolSettings::default()).unwrap();
    let error = other.lock_exclusive().unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }));
    let text = error.to_string();
    assert!(
        text.contains("hera.db is in use by another hera-admin"),
        "{text}"
    );
    // Without the lock it cannot lead either.
    let mut conn = other.leader_connection().unwrap();
    assert!(conn.acquire(&holder("b"), 60_000).is_err());
    // A second time by the same store is no second admin.
    db.store.lock_exclusive().unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let error = Store::open("sqlite:///proc/none/hera.db", &PoolSettings::default()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("/proc/none") && text.contains("writable"),
        "{text}"
    );
}

#[tokio::test]
async fn a_wrong_password_and_a_silent_server_are_told_without_the_password() {
    let open = |url: &str| {
        Store::open(url, &PoolSettings::default())
            .unwrap_err()
            .to_string()
    };
    let text = open("mysql://lin:geheim@127.0.0.1:9/hera");
    assert!(
        text.starts_with("cannot reach MySQL at 127.0.0.1:9, database hera, user lin")
            && text.contains("check that the server runs"),
        "{text}"
    );
    assert!(!text.contains("geheim"), "{text}");
    let Some(db) = TestDb::mysql().await else {
        return;
    };
    let mut url = url::Url::parse(&db.url).unwrap();
    url.set_password(Some("geheim")).unwrap();
    let text = open(url.as_str());
    assert!(text.contains("check the user and the password"), "{text}");
    assert!(!text.contains("geheim"), "{text}");
}
