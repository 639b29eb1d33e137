//! What the leader does when the database or another admin is in its way.

use super::*;

/// Makes every commit fail that notes something done by mallory: a row that no table may hold.
const NOT_BY_MALLORY: &str = "CREATE TRIGGER no_mallory BEFORE INSERT ON hera_record \
     WHEN NEW.actor = 'mallory' BEGIN \
     INSERT INTO hera_setting (name, value) VALUES ('mallory', NULL); END";

/// Makes every commit fail as a full disk does.
const DISK_FULL: &str = "CREATE TRIGGER disk_full BEFORE UPDATE ON hera_lock \
     WHEN NEW.commit_seq > OLD.commit_seq BEGIN \
     SELECT RAISE(ABORT, 'database or disk is full'); END";

fn save(name: &str) -> SaveJob {
    SaveJob {
        id: None,
        base_revision: None,
        content: content(name, "true", &[]),
        comment: String::new(),
    }
}

fn mallory() -> Actor {
    Actor {
        name: "mallory".into(),
        ..person()
    }
}

async fn wait_for_status(admin: &Admin, run: RunId, status: RunStatus) {
    let mut notices = admin.handle.notices();
    let reached = async {
        while admin.status(run).await != status {
            // One that fell behind reads the state anew, too.
            drop(notices.recv().await);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached)
        .await
        .expect("the run gets there");
}

#[tokio::test]
async fn a_message_that_the_database_refuses_hurts_nobody_but_its_sender() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let id = job(&admin, content("runs", "true", &[])).await;
    let run = admin.recover(id).await.unwrap();
    let (named, _) = worker.started().await;
    db.execute(NOT_BY_MALLORY);

    let (lin, evil) = (person(), mallory());
    let (before, refused, after, ()) = tokio::join!(
        admin.handle.save_job(&lin, save("before")),
        admin.handle.save_job(&evil, save("refused")),
        admin.handle.save_job(&lin, save("after")),
        worker.finish(&named, 0),
    );
    assert!(
        matches!(refused, Err(CommandError::Store(_))),
        "{refused:?}"
    );
    worker.acknowledged(&named).await;
    assert_eq!(admin.status(run).await, RunStatus::Success);
    let definitions = admin.handle.definitions();
    let name = |id| definitions.jobs.get(&id).map(|job| job.name.clone());
    assert_eq!(name(before.unwrap().id).as_deref(), Some("before"));
    assert_eq!(name(after.unwrap().id).as_deref(), Some("after"));
    assert_eq!(
        definitions
            .jobs
            .values()
            .filter(|job| job.name == "refused")
            .count(),
        0
    );
    assert!(!worker.close.is_cancelled(), "the session is kept");
    let again = admin.recover(id).await.unwrap();
    let (named, _) = worker.started().await;
    assert_eq!(named.run, again);
    admin.stop().await;
}

#[tokio::test]
async fn a_row_changed_behind_the_leader_s_back_is_believed() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let first = job(&admin, content("one", "true", &[])).await;
    let second = job(&admin, content("two", "true", &[])).await;
    admin.recover(first).await.unwrap();
    let (one, _) = worker.started().await;
    admin.recover(second).await.unwrap();
    let (two, _) = worker.started().await;
    wait_for_status(&admin, two.run, RunStatus::Running).await;
    db.execute(&format!(
        "UPDATE hera_run SET status = 'lost' WHERE id = {}",
        one.run
    ));

    worker.finish(&one, 0).await;
    worker.finish(&two, 0).await;
    // The database says that it is over: the report is of no interest any more.
    worker.acknowledged(&one).await;
    worker.acknowledged(&two).await;
    assert_eq!(admin.status(one.run).await, RunStatus::Lost);
    assert_eq!(admin.status(two.run).await, RunStatus::Success);
    assert!(!worker.close.is_cancelled(), "the session is kept");
    admin.stop().await;
}

#[tokio::test]
async fn a_silent_worker_s_runs_are_lost_also_if_memory_was_loaded_anew_meanwhile() {
    let db = TestDb::sqlite().await;
    let admin =
        Admin::start_with(&db.store, |platform| platform.limits.worker_lost_ms = 1_000).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let mut rerun = content("rerun", "true", &[]);
    rerun.on_lost = OnLost::Rerun;
    let id = job(&admin, rerun).await;
    let run = admin.recover(id).await.unwrap();
    let (_, _) = worker.started().await;
    wait_for_status(&admin, run, RunStatus::Running).await;
    db.execute(NOT_BY_MALLORY);
    worker
        .report(Report::Event(WorkerEvent::Disconnected))
        .await;
    let refused = admin.handle.save_job(&mallory(), save("refused")).await;
    assert!(
        matches!(refused, Err(CommandError::Store(_))),
        "{refused:?}"
    );
    wait_for_status(&admin, run, RunStatus::Lost).await;
    admin.stop().await;
}

#[tokio::test]
async fn a_heartbeat_is_answered_by_its_number_while_the_lease_holds_and_not_after() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let beat = |number| Report::Heartbeat {
        number,
        load: hera_domain::engine::Load::default(),
    };
    worker.report(beat(7)).await;
    assert_eq!(worker.next().await, ToWorker::Contact(7));
    db.execute("UPDATE hera_lock SET epoch = epoch + 1, holder = 'two'");
    worker.close.cancelled().await;
    // Whatever was answered before it was noticed, nothing is from here on.
    while worker.messages.try_recv().is_ok() {}
    let message = WorkerMessage {
        worker: worker.id,
        session: worker.session,
        report: beat(8),
    };
    drop(worker.inbox.send(Message::Worker(message)).await);
    admin.stop().await;
    assert!(worker.messages.try_recv().is_err());
}

#[tokio::test]
async fn a_deposed_leader_closes_its_sessions_and_a_later_one_goes_on() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let id = job(&admin, content("goes on", "true", &[])).await;
    let run = admin.recover(id).await.unwrap();
    let (named, _) = worker.started().await;
    wait_for_status(&admin, run, RunStatus::Running).await;
    let epoch = admin.handle.leader().epoch;
    let mut leader = admin.handle.watch_leader();
    db.execute("UPDATE hera_lock SET epoch = epoch + 1, holder = 'two'");

    leader.wait_for(|view| !view.is_self).await.unwrap();
    worker.close.cancelled().await;
    let refused = admin.handle.save_job(&person(), save("nobody leads")).await;
    assert!(
        matches!(refused, Err(CommandError::NoLeader)),
        "{refused:?}"
    );
    leader
        .wait_for(|view| view.is_self && view.epoch.0 > epoch.0 + 1)
        .await
        .unwrap();
    assert!(worker.inbox.is_closed(), "the old inbox is gone");

    let live = InventoryItem {
        run: named.clone(),
        state: InventoryState::Live,
    };
    let mut worker = admin.worker(2, vec![live]).await;
    worker.finish(&named, 0).await;
    worker.acknowledged(&named).await;
    assert_eq!(admin.status(run).await, RunStatus::Success);
    admin.stop().await;
}

#[tokio::test]
async fn after_a_full_disk_the_leader_comes_back_by_itself() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start_with(&db.store, |platform| {
        platform.lease_for = Duration::from_millis(800);
        platform.renew_every = Duration::from_millis(100);
    })
    .await;
    let worker = admin.worker(1, Vec::new()).await;
    let id = job(&admin, content("kept", "true", &[])).await;
    let mut leader = admin.handle.watch_leader();
    db.execute(DISK_FULL);

    let refused = admin.recover(id).await;
    assert!(
        matches!(
            refused,
            Err(CommandError::Unanswered(_) | CommandError::NoLeader)
        ),
        "{refused:?}"
    );
    leader.wait_for(|view| !view.is_self).await.unwrap();
    worker.close.cancelled().await;
    db.execute("DROP TRIGGER disk_full");
    leader.wait_for(|view| view.is_self).await.unwrap();
    let mut worker = admin.worker(2, Vec::new()).await;
    let run = admin.recover(id).await.unwrap();
    let (named, _) = worker.started().await;
    assert_eq!(named.run, run, "what was refused left nothing behind");
    admin.stop().await;
}

/// Past its lease another admin may lead: workers must look for that one.
#[tokio::test]
async fn a_leader_that_hangs_in_a_reading_lets_its_workers_go_when_its_lease_is_over() {
    let Some(db) = TestDb::mysql().await else {
        return;
    };
    let admin = Admin::start_with(&db.store, |platform| {
        platform.lease_for = Duration::from_millis(800);
        platform.renew_every = Duration::from_millis(100);
    })
    .await;
    let worker = admin.worker(1, Vec::new()).await;
    let mut leader = admin.handle.watch_leader();
    let locked = db.hold("LOCK TABLES hera_run WRITE");
    let cancelled = admin.handle.cancel(&person(), RunId(99)).await;
    assert!(
        matches!(cancelled, Err(CommandError::NoLeader)),
        "{cancelled:?}"
    );
    worker.inbox.closed().await;
    drop(locked);
    leader.wait_for(|view| !view.is_self).await.unwrap();
    leader.wait_for(|view| view.is_self).await.unwrap();
    admin.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_again_and_again_loses_no_command_and_doubles_none() {
    let Some(db) = TestDb::mysql().await else {
        return;
    };
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let id = job(&admin, content("runs", "true", &[])).await;
    for round in 0..20 {
        let actor = person();
        let names: Vec<_> = (0..5).map(|n| format!("job {round}.{n}")).collect();
        let saves = names
            .iter()
            .map(|name| admin.handle.save_job(&actor, save(name)));
        let cut = async { db.cut_leader_off() };
        let (saved, ()) = tokio::join!(futures_util::future::join_all(saves), cut);
        for saved in saved {
            saved.unwrap();
        }
        let run = admin.recover(id).await.unwrap();
        let (named, _) = worker.started().await;
        assert_eq!(named.run, run);
        worker.finish(&named, 0).await;
        loop {
            if let ToWorker::Ack(acknowledged) = worker.next().await {
                assert_eq!(acknowledged, named);
                break;
            }
        }
    }
    let mut names: Vec<_> = admin
        .handle
        .definitions()
        .jobs
        .values()
        .map(|job| job.name.clone())
        .collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "a job was made twice");
    assert!(!worker.close.is_cancelled(), "the session is kept");
    admin.stop().await;
}
