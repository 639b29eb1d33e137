//! Host groups as commands, and runs that are given up.

use hera_domain::host_group::HostGroupContent;
use hera_domain::id::HostGroupId;

use super::*;

fn member() -> Actor {
    Actor {
        role: Role::Member,
        ..person()
    }
}

fn group(name: &str, members: &[&str]) -> HostGroupContent {
    HostGroupContent {
        name: name.to_owned(),
        effective: true,
        members: members.iter().map(|member| (*member).to_owned()).collect(),
        ..HostGroupContent::default()
    }
}

#[tokio::test]
async fn a_changed_host_group_lets_go_what_waits_and_one_in_use_stays() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let me = person();
    let save = async |id, base, content| {
        let handle = &admin.handle;
        handle.save_host_group(&me, id, base, content).await
    };
    let made = save(None, None, group("gpu", &[])).await.unwrap();
    assert_eq!((made.id, made.revision), (HostGroupId(3), Revision(1)));
    let taken = save(None, None, group("gpu", &[])).await;
    assert!(matches!(taken, Err(CommandError::Invalid(_))), "{taken:?}");

    let mut content = content("on gpus", "true", &[]);
    content.host_group_id = Some(made.id);
    let id = job(&admin, content).await;
    let run = admin.recover(id).await.unwrap();
    assert_eq!(admin.status(run).await, RunStatus::Queued);
    let deleted = admin.handle.delete_host_group(&me, made.id, None).await;
    let Err(CommandError::Conflict(why)) = deleted else {
        panic!("a job uses it: {deleted:?}")
    };
    assert!(
        why.contains("1 job uses it") && why.contains("on gpus"),
        "{why}"
    );
    let default = admin
        .handle
        .delete_host_group(&me, HostGroupId(1), None)
        .await;
    assert!(
        matches!(default, Err(CommandError::Conflict(_))),
        "{default:?}"
    );

    let stale = save(Some(made.id), Some(Revision(7)), group("gpu", &["w1"])).await;
    assert!(
        matches!(stale, Err(CommandError::Stale { .. })),
        "{stale:?}"
    );
    save(Some(made.id), Some(Revision(1)), group("gpu", &["w1"]))
        .await
        .unwrap();
    let (named, _) = worker.started().await;
    assert_eq!(named.run, run);
    let all = db.store.host_groups().await.unwrap();
    let saved = all.iter().find(|group| group.id == made.id).unwrap();
    assert_eq!((saved.revision, saved.members.len()), (Revision(2), 1));
    let unused = HostGroupId(2);
    admin
        .handle
        .delete_host_group(&me, unused, Some(Revision(1)))
        .await
        .unwrap();
    assert!(!admin.handle.definitions().host_groups.contains_key(&unused));
    let refused = admin
        .handle
        .delete_host_group(&member(), made.id, None)
        .await;
    assert!(refused.is_err(), "members may not: {refused:?}");
    admin.stop().await;
}

#[tokio::test]
async fn a_person_gives_up_a_run_whose_worker_is_silent_and_that_is_recorded() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start_with(&db.store, |platform| platform.limits.worker_lost_ms = 200).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let id = job(&admin, content("silent", "true", &[])).await;
    let run = admin.recover(id).await.unwrap();
    worker.started().await;
    let mut notices = admin.handle.notices();
    worker
        .report(Report::Event(WorkerEvent::Disconnected))
        .await;
    loop {
        match admin.handle.declare_lost(&person(), run).await {
            Ok(()) => break,
            // Not silent for long enough yet: the next change tells.
            Err(CommandError::Refused(_)) => drop(notices.recv().await),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(admin.status(run).await, RunStatus::Lost);
    let again = admin.handle.declare_lost(&person(), run).await;
    assert!(matches!(again, Err(CommandError::Refused(_))), "{again:?}");
    let unknown = admin.handle.declare_lost(&person(), RunId(999)).await;
    assert!(
        matches!(unknown, Err(CommandError::NotFound(_))),
        "{unknown:?}"
    );
    let records = db.store.records(None, None, 100).await.unwrap().items;
    let declared = records
        .iter()
        .find(|row| row.record.action == "declare lost");
    assert_eq!(declared.unwrap().record.subject_id, Some(run.0));
    admin.stop().await;
}
