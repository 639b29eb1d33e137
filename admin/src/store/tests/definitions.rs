//! Groups, jobs, host groups, settings, workers: what is saved comes back, stale edits do not.

use std::sync::Arc;

use hera_domain::engine::HostGroup;
use hera_domain::group::GroupContent;
use hera_domain::id::{GroupId, HostGroupId, JobId, Revision, TeamId};
use hera_domain::job::{JobContent, ScheduleEra};
use hera_domain::status::Switch;

use super::build::{Leader, at, decide};
use super::on_each_db;
use crate::store::testing::TestDb;
use crate::store::{CommitError, GroupChange, HostGroupChange, JobEdit, StoredJob};

async fn echo_test(db: &TestDb) -> StoredJob {
    db.store.job(JobId(1)).await.unwrap().unwrap()
}

fn edit(id: i64, revision: i64, content: &JobContent) -> JobEdit {
    JobEdit {
        id: JobId(id),
        owner: TeamId(1),
        revision: Revision(revision),
        content: content.clone(),
        author: "lin".to_owned(),
        comment: "因为 🙂".to_owned(),
    }
}

fn group(parent: Option<i64>, name: &str) -> GroupContent {
    GroupContent {
        parent_id: parent.map(GroupId),
        name: name.to_owned(),
        big: false,
        description: String::new(),
        config: [("key".to_owned(), "值".to_owned())].into(),
    }
}

on_each_db! {
    async fn the_first_data_is_what_an_installation_begins_with(db: &TestDb) {
        let state = db.store.load_snapshot(7).await.unwrap();
        assert!(state.groups[0].content.big && state.groups[0].content.parent_id.is_none());
        assert_eq!(state.snapshot.host_groups[&HostGroupId(1)].name, "默认组");
        assert!(state.snapshot.host_groups[&HostGroupId(1)].everyone);
        assert_eq!(state.snapshot.host_groups[&HostGroupId(2)].name, "spark组");
        let job = echo_test(db).await;
        assert_eq!((job.def.name.as_str(), job.def.switch), ("echoTest", Switch::Closed));
        assert_eq!(
            job.content.script,
            "echo \"hello ${name}, business day ${zdt.format(\"yyyy-MM-dd\")}\"\n"
        );
        assert_eq!(state.snapshot.jobs[&JobId(1)].as_ref(), &job.def);
        assert_eq!(job.def.schedule(), &job.content.schedule);
        let hera = db.store.user_by_name("hera".to_owned()).await.unwrap().unwrap();
        assert_eq!((hera.password_hash, hera.must_change_password), (None, true));
    }

    async fn a_job_keeps_its_revisions_and_its_script_of_a_mebibyte(db: &TestDb) {
        let mut leader = Leader::of(db);
        let mut content = echo_test(db).await.content;
        content.name = "统计".to_owned();
        content.script = "select '\u{1F4A9}', 1;\n".repeat(1 << 16);
        let mut batch = leader.batch(decide([], []));
        batch.job_edits.push(edit(7, 1, &content));
        content.priority = 5;
        batch.job_edits.push(edit(7, 2, &content));
        leader.commit(&batch);

        let job = db.store.job(JobId(7)).await.unwrap().unwrap();
        assert_eq!(job.content, content);
        assert_eq!((job.def.revision, job.def.priority), (Revision(2), 5));
        let newest = db.store.job_revisions(JobId(7), None, 1).await.unwrap();
        assert_eq!(newest.items[0].comment, "因为 🙂");
        assert_eq!(newest.next, Some(2));
        let older = db.store.job_revisions(JobId(7), newest.next, 1).await.unwrap();
        assert_eq!(older.items.iter().map(|r| r.revision.0).collect::<Vec<_>>(), [1]);
        assert_eq!(older.next, None);
        let first = db.store.job_revision(JobId(7), Revision(1)).await.unwrap().unwrap();
        assert_eq!(first.content.priority, 1);
        assert_eq!(db.store.load_snapshot(7).await.unwrap().last_job, JobId(7));
        let contents = db.store.job_contents(vec![JobId(7), JobId(8)]).await.unwrap();
        assert_eq!(contents, [(JobId(7), (Revision(2), content))].into());
    }

    async fn an_edit_of_a_revision_that_is_not_the_newest_is_refused(db: &TestDb) {
        let mut leader = Leader::of(db);
        let content = echo_test(db).await.content;
        for revision in [1, 3] {
            let mut batch = leader.batch(decide([], []));
            batch.job_edits.push(edit(1, revision, &content));
            let error = leader.conn.commit(leader.epoch, &batch).unwrap_err();
            assert!(matches!(error, CommitError::Conflict(_)), "{error}");
        }
        assert_eq!(db.store.job_revisions(JobId(1), None, 9).await.unwrap().items.len(), 1);
    }

    async fn the_engine_s_word_on_switch_and_eras_is_kept_and_a_deleted_job_is_gone(db: &TestDb) {
        let mut leader = Leader::of(db);
        let mut def = echo_test(db).await.def;
        let mut newer = def.schedule().clone();
        newer.cron = None;
        def.switch = Switch::Open;
        def.first_opened_at = Some(at(1));
        def.opened_at = Some(at(2));
        def.eras.push(ScheduleEra { after: Some(at(3)), schedule: newer });
        let mut decisions = decide([], []);
        decisions.jobs.insert(JobId(1), Some(Arc::new(def.clone())));
        leader.write(decisions);
        assert_eq!(echo_test(db).await.def, def);

        let mut decisions = decide([], []);
        decisions.jobs.insert(JobId(1), None);
        leader.write(decisions.clone());
        assert_eq!(db.store.job(JobId(1)).await.unwrap(), None);
        let state = db.store.load_snapshot(7).await.unwrap();
        assert!(state.snapshot.jobs.is_empty());
        // Its id is never given again, and nobody deletes it twice.
        assert_eq!(state.last_job, JobId(1));
        let batch = leader.batch(decisions);
        let error = leader.conn.commit(leader.epoch, &batch).unwrap_err();
        assert!(matches!(error, CommitError::Conflict(_)), "{error}");
    }

    async fn a_group_is_made_changed_and_deleted_by_its_revision(db: &TestDb) {
        let mut leader = Leader::of(db);
        let change = |revision, content| GroupChange {
            id: GroupId(9),
            revision: Revision(revision),
            content,
            author: "lin".to_owned(),
            at: at(1),
        };
        for groups in [
            vec![change(1, Some(group(Some(1), "one")))],
            vec![change(2, Some(group(Some(2), "two")))],
        ] {
            let mut batch = leader.batch(decide([], []));
            batch.groups = groups;
            leader.commit(&batch);
        }
        let mut stale = leader.batch(decide([], []));
        stale.groups = vec![change(2, Some(group(Some(1), "late")))];
        let error = leader.conn.commit(leader.epoch, &stale).unwrap_err();
        assert!(matches!(error, CommitError::Conflict(_)), "{error}");
        let state = db.store.load_snapshot(7).await.unwrap();
        let mine = state.groups.iter().find(|g| g.id == GroupId(9)).unwrap();
        assert_eq!((mine.revision, &mine.content), (Revision(2), &group(Some(2), "two")));
        assert_eq!(db.store.group_revisions(GroupId(9)).await.unwrap().len(), 2);

        let mut batch = leader.batch(decide([], []));
        batch.groups = vec![change(2, None)];
        leader.commit(&batch);
        let state = db.store.load_snapshot(7).await.unwrap();
        assert!(state.groups.iter().all(|g| g.id != GroupId(9)));
        assert_eq!(state.last_group, GroupId(9));
    }

    async fn a_host_group_is_saved_with_its_members_and_deleted(db: &TestDb) {
        let mut leader = Leader::of(db);
        let mut mine = HostGroup {
            id: HostGroupId(3),
            revision: Revision(1),
            name: "gpu".to_owned(),
            description: "有显卡".to_owned(),
            effective: true,
            everyone: false,
            members: ["a", "10.0.0.1", "label:gpu"].map(str::to_owned).into(),
        };
        for change in [
            HostGroupChange::Save(mine.clone()),
            HostGroupChange::Save({
                mine.members.remove("a");
                mine.name = "GPU".to_owned();
                mine.revision = Revision(2);
                mine.clone()
            }),
            HostGroupChange::Delete(HostGroupId(2), Revision(1)),
        ] {
            let mut batch = leader.batch(decide([], []));
            batch.host_groups.push(change);
            leader.commit(&batch);
        }
        let all = db.store.host_groups().await.unwrap();
        assert_eq!(all.iter().map(|g| g.id.0).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(all[1], mine);
        for stale in [HostGroupChange::Save(mine.clone()), HostGroupChange::Delete(HostGroupId(3), Revision(1))] {
            let mut batch = leader.batch(decide([], []));
            batch.host_groups.push(stale);
            let error = leader.conn.commit(leader.epoch, &batch);
            assert!(matches!(error, Err(CommitError::Conflict(_))), "{error:?}");
        }
        let mut batch = leader.batch(decide([], []));
        batch.host_groups.push(HostGroupChange::Delete(HostGroupId(3), Revision(2)));
        leader.commit(&batch);
        let state = db.store.load_snapshot(7).await.unwrap();
        assert_eq!(state.last_host_group, HostGroupId(3), "an id is given once");
    }

    async fn of_two_first_starts_both_get_the_same_setting(db: &TestDb) {
        let mine = db.store.setting_or("uuid", "one".to_owned()).await.unwrap();
        let theirs = db.store.setting_or("uuid", "two".to_owned()).await.unwrap();
        assert_eq!((mine.as_str(), theirs.as_str()), ("one", "one"));
        db.store.set_setting("uuid", "three".to_owned()).await.unwrap();
        db.store.set_setting("other", "four".to_owned()).await.unwrap();
        assert_eq!(db.store.setting("uuid").await.unwrap().as_deref(), Some("three"));
        assert_eq!(db.store.setting("other").await.unwrap().as_deref(), Some("four"));
        assert_eq!(db.store.setting("none").await.unwrap(), None);
    }
}
