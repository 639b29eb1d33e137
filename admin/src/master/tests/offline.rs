//! Changing definitions while no admin serves.

use hera_domain::engine::Limits;
use hera_domain::status::VersionStatus;

use super::*;
use crate::master::Offline;

/// What was due while nobody led is for the job's misfire policy to judge, not for a command that
/// happens to change the job first.
#[tokio::test]
async fn a_job_that_is_closed_offline_gets_no_rows_of_times_that_it_skips() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut content = content("hourly", "true", &[]);
    content.schedule.cron = Some("0 0 * * * ?".into());
    content.misfire = Misfire::Skip;
    let job = job(&admin, content).await;
    admin.stop().await;
    let ago = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-6 hours')";
    db.execute(&format!("UPDATE hera_lock SET planned_through = {ago}"));
    db.execute(&format!(
        "UPDATE hera_job SET opened_at = {ago}, first_opened_at = {ago}"
    ));

    let lead = Offline::lead(&db.store, Limits::default(), "all".into(), person());
    let mut offline = lead.await.unwrap().expect("nobody leads");
    let seq = db.store.lease().await.unwrap().commit_seq;
    offline.switch(job, Switch::Closed).unwrap();
    offline.commit().await.unwrap();
    offline.end().await;

    let known = db.store.peek_snapshot(7).await.unwrap().snapshot.versions;
    assert!(db.store.lease().await.unwrap().commit_seq > seq);
    let statuses: Vec<_> = known.iter().map(|version| version.status).collect();
    let missed = |status: &VersionStatus| *status == VersionStatus::Missed;
    assert!(statuses.iter().all(missed), "{statuses:?}");
}
