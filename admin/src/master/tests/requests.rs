//! Requests that come twice, or too late.

use super::*;

#[tokio::test]
async fn of_two_edits_from_the_same_revision_the_second_is_refused() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let id = job(&admin, content("edited", "true", &[])).await;
    let edit = |script: &str| SaveJob {
        id: Some(id),
        base_revision: Some(Revision(1)),
        content: content("edited", script, &[]),
        comment: String::new(),
    };
    let actor = person();
    let (one, two) = tokio::join!(
        admin.handle.save_job(&actor, edit("echo 1")),
        admin.handle.save_job(&actor, edit("echo 2")),
    );
    assert_eq!(one.unwrap().revision, Revision(2));
    assert!(matches!(
        two,
        Err(CommandError::Stale {
            newest: Revision(2),
            ..
        })
    ));
    admin.stop().await;
}

#[tokio::test]
async fn a_repeated_request_finds_the_first_run() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let id = job(&admin, content("keyed", "true", &[])).await;
    let request = || TriggerRun {
        job: id,
        trigger: Trigger::Manual,
        version: None,
        business_time: None,
        params: BTreeMap::new(),
        repeats: None,
        idempotency_key: Some(key("k1", "first")),
    };
    let actor = person();
    // Together in one batch, and once more afterwards.
    let (one, two) = tokio::join!(
        admin.handle.trigger(&actor, request()),
        admin.handle.trigger(&actor, request()),
    );
    let three = admin.handle.trigger(&actor, request()).await.unwrap();
    let one = one.unwrap();
    assert_eq!(three.run, one.run);
    assert_eq!(two.unwrap().run, one.run);
    // The key of one request does not answer another one.
    let other = TriggerRun {
        idempotency_key: Some(key("k1", "second")),
        ..request()
    };
    let refused = admin.handle.trigger(&actor, other).await;
    assert_eq!(for_another(refused), format!("run {}", one.run));
    admin.stop().await;
}

fn key(key: &str, fingerprint: &str) -> IdempotencyKey {
    IdempotencyKey {
        key: key.into(),
        fingerprint: fingerprint.into(),
    }
}

/// What the key of a refused request stands for.
fn for_another<T: std::fmt::Debug>(refused: Result<T, CommandError>) -> String {
    let Err(CommandError::Invalid(errors)) = refused else {
        panic!("expected a refusal and got {refused:?}")
    };
    assert_eq!(errors[0].field, "Idempotency-Key");
    let made = errors[0].message.split("which made ").nth(1).unwrap();
    made.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_made_is_not_made_again_by_the_same_request() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let (actor, name) = (person(), "keyed");
    let job = |fingerprint: &str| {
        let save = SaveJob {
            id: None,
            base_revision: None,
            content: content(name, "true", &[]),
            comment: String::new(),
        };
        let key = Some(key("k1", fingerprint));
        admin.handle.save_job_once(&actor, save, key)
    };
    let (one, two) = tokio::join!(job("first"), job("first"));
    let one = one.unwrap();
    assert_eq!(two.unwrap(), one, "together in one batch");
    assert_eq!(job("first").await.unwrap(), one, "and once more afterwards");
    assert_eq!(for_another(job("second").await), format!("job {}", one.id));

    let group = |of: &str, fingerprint: &str| {
        let content = hera_domain::group::GroupContent {
            parent_id: Some(GroupId(1)),
            name: name.into(),
            big: true,
            description: String::new(),
            config: BTreeMap::new(),
        };
        let key = Some(key(of, fingerprint));
        admin.handle.create_group(&actor, content, key)
    };
    let (one, two) = tokio::join!(group("k2", "a"), group("k2", "a"));
    let one = one.unwrap();
    assert_eq!(two.unwrap(), one);
    assert_eq!(group("k2", "a").await.unwrap(), one);
    assert_eq!(
        for_another(group("k2", "b").await),
        format!("group {}", one.id)
    );
    let other = group("k1", "first").await;
    assert!(
        matches!(other, Err(CommandError::Invalid(_))),
        "it made a job"
    );
    assert_ne!(group("k3", "a").await.unwrap(), one);

    let calendar = |fingerprint: &str| {
        let key = Some(key("k4", fingerprint));
        let content = calendars::workdays();
        admin.handle.create_calendar(&actor, content, key)
    };
    let (one, two) = tokio::join!(calendar("a"), calendar("a"));
    let one = one.unwrap();
    assert_eq!(two.unwrap(), one);
    assert_eq!(calendar("a").await.unwrap(), one);
    assert_eq!(
        for_another(calendar("b").await),
        format!("calendar {}", one.id)
    );
    admin.stop().await;
}

#[tokio::test]
async fn what_has_changed_since_is_not_deleted_unseen() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let actor = person();
    let save = SaveJob {
        id: None,
        base_revision: None,
        content: content("short-lived", "true", &[]),
        comment: String::new(),
    };
    let id = admin.handle.save_job(&actor, save).await.unwrap().id;
    let stale = admin.handle.delete_job(&actor, id, Some(Revision(2)));
    assert!(matches!(stale.await, Err(CommandError::Stale { .. })));
    let newest = admin.handle.delete_job(&actor, id, Some(Revision(1)));
    newest.await.unwrap();
    let stale = admin
        .handle
        .delete_group(&actor, GroupId(2), Some(Revision(9)));
    assert!(matches!(stale.await, Err(CommandError::Stale { .. })));
    admin.stop().await;
}
