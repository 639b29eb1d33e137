//! Times: every instant comes back as it went in.

use hera_domain::clock::from_millis;
use hera_domain::id::JobId;
use hera_domain::reason::Reason;
use hera_domain::status::VersionStatus;

use super::build::{Leader, decide, version};
use super::on_each_db;
use crate::store::testing::TestDb;

on_each_db! {
    /// MariaDB takes a TIMESTAMP parameter outside 1970 to 2038 for NULL.
    async fn times_of_other_centuries_keep_their_milliseconds_and_are_found(db: &TestDb) {
        let mut leader = Leader::of(db);
        let times = [-1_353_000_000_123, 1_795_000_000_001, 2_600_000_000_456, 4_800_000_000_999];
        let versions: Vec<_> = (1..)
            .zip(times)
            .map(|(n, ms)| {
                let mut version = version(n, VersionStatus::Queued);
                version.business_time = from_millis(ms);
                version.retry_at = Some(from_millis(ms));
                version
            })
            .collect();
        leader.write(decide(versions.iter().cloned().map(|version| (None, version)), []));
        let found = |from, to| db.store.load_versions(JobId(1), from_millis(from), from_millis(to));
        assert_eq!(found(times[0], times[3] + 1).await.unwrap(), versions);
        assert_eq!(found(times[1], times[3]).await.unwrap(), versions[1..3]);
    }

    /// libmariadb has mangled NULL times and long texts of a first row before.
    async fn null_times_and_long_texts_survive_many_readings(db: &TestDb) {
        let mut leader = Leader::of(db);
        let mut long = version(1, VersionStatus::Waiting);
        let text = "长".repeat(20_000);
        long.reason = Some(Reason::Said { text });
        let mut short = version(2, VersionStatus::Waiting);
        short.retry_at = Some(short.due_at);
        let both = [long, short];
        leader.write(decide(both.iter().cloned().map(|version| (None, version)), []));
        let (from, to) = (both[0].business_time, from_millis(i64::MAX / 4_000_000));
        for _ in 0..300 {
            assert_eq!(db.store.load_versions(JobId(1), from, to).await.unwrap(), both);
        }
    }
}
