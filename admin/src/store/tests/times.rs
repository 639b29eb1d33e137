//! Times: every instant comes back as it went in.

use hera_domain::clock::from_millis;
use hera_domain::id::JobId;
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
}
