//! Commits: what is written is read back, what does not fit changes nothing.

use std::sync::Arc;

use hera_domain::engine::{Alarm, AlarmKind, CancelledBy, Change, LateResult, RunRef};
use hera_domain::id::{
    CalendarId, CommitSeq, Epoch, GroupId, HostGroupId, JobId, Revision, RunId, UserId, VersionKey,
    WorkerId,
};
use hera_domain::reason::Reason;
use hera_domain::status::{Origin, RunStatus, Trigger, VersionStatus};

use super::build::{Leader, at, decide, holder, run, version};
use super::on_each_db;
use crate::store::testing::TestDb;
use crate::store::{
    AuditRecord, CommitError, IdempotencyKey, KeyUse, LeaderState, Made, RenderedRun, RunFilter,
    Subject,
};

async fn state(db: &TestDb) -> LeaderState {
    db.store.load_snapshot(3_650).await.unwrap()
}

fn alarm(key: &str) -> Alarm {
    Alarm {
        kind: AlarmKind::RunFailed,
        dedupe_key: key.to_owned(),
        job: None,
        version: Some(VersionKey(1)),
        run: Some(RunId(1)),
        text: "跑失败了 🚨".to_owned(),
    }
}

on_each_db! {
    async fn what_came_of_a_run_that_was_given_up_is_noted_once(db: &TestDb) {
        let mut leader = Leader::of(db);
        let lost = |id| {
            let mut run = run(id, RunStatus::Lost);
            run.version = VersionKey(1);
            run.nonce = Some(format!("nonce{id}"));
            run
        };
        let mut counted = lost(2);
        counted.status = RunStatus::Success;
        let mut decisions = decide([(None, version(1, VersionStatus::Lost))], []);
        for row in [lost(1), counted, lost(3)] {
            decisions.runs.insert(row.id, Change { expect: None, row });
        }
        leader.write(decisions);
        let note = |signal| Reason::EndedLate { exit_code: None, signal: Some(signal), killed: None };
        let late = |run, nonce: &str, signal| LateResult {
            run: RunRef { run: RunId(run), nonce: nonce.to_owned() },
            note: note(signal),
        };
        let mut decisions = decide([], []);
        decisions.late = vec![
            late(1, "nonce1", 9),
            late(1, "nonce1", 15),
            late(2, "nonce2", 9),
            late(3, "another", 9),
        ];
        leader.write(decisions);
        let page = db.store.runs(RunFilter::default(), None, 10).await.unwrap();
        let noted: Vec<_> = page.items.into_iter().map(|view| (view.run.id.0, view.late_result)).collect();
        assert_eq!(noted, [(3, None), (2, None), (1, Some(note(9)))]);
    }

    async fn every_column_of_a_commit_is_read_back_as_it_was(db: &TestDb) {
        let mut leader = Leader::of(db);
        let mut full_version = version(1, VersionStatus::RetryWait);
        full_version.origin = Origin::AdHoc;
        full_version.frozen = true;
        full_version.reason = Some(Reason::said("等待 \u{1F600}"));
        full_version.last_run = Some(RunId(1));
        full_version.counting_run = Some(RunId(1));
        full_version.attempts = 3;
        full_version.retry_at = Some(at(77));
        full_version.armed_seq = Some(CommitSeq(7));
        full_version.succeeded_seq = Some(CommitSeq(8));
        full_version.alarmed = true;
        let mut full_run = run(1, RunStatus::Failed);
        full_run.trigger = Trigger::SuperRecover;
        full_run.attempt = 3;
        full_run.priority = 5;
        full_run.host_group = Some(HostGroupId(2));
        full_run.worker = Some(WorkerId(9));
        full_run.nonce = Some("abc".to_owned());
        full_run.revision = Some(Revision(4));
        full_run.params = Some(Arc::new([("day".to_owned(), "今天".to_owned())].into()));
        full_run.operator = Some("lin".to_owned());
        full_run.dispatched_at = Some(at(1));
        full_run.started_at = Some(at(2));
        full_run.ended_at = Some(at(3));
        full_run.exit_code = Some(-1);
        full_run.signal = Some(9);
        full_run.reason = Some(Reason::TookTooLong { minutes: 90 });
        full_run.cancelled_by = Some(CancelledBy::System(Reason::Closed));
        full_run.kill_confirmed = Some(false);
        full_run.fenced = true;
        full_run.unreachable = true;
        full_run.overdue = true;
        full_run.cpu_ms = Some(5_000_000_000);
        full_run.peak_memory_kib = Some(6_000_000_000);
        let mut decisions = decide([(None, full_version.clone())], [(None, full_run.clone())]);
        decisions.planned_through = Some(at(5));
        leader.write(decisions);

        let state = state(db).await;
        assert_eq!(state.seq, leader.seq);
        assert_eq!(state.snapshot.versions, [full_version.clone()]);
        // Not live, but the retry of its version takes over from it.
        assert_eq!(state.snapshot.runs, [full_run.clone()]);
        assert_eq!(state.snapshot.planned_through, Some(at(5)));
        assert_eq!((state.snapshot.last_run_id, state.snapshot.last_version_key), (1, 1));
        assert_eq!(db.store.version(full_version.id.clone()).await.unwrap(), Some(full_version));
        assert_eq!(db.store.run(RunId(1)).await.unwrap().unwrap().run, full_run);
    }

    async fn a_final_run_and_an_old_final_version_are_not_the_engine_s_any_more(db: &TestDb) {
        let mut leader = Leader::of(db);
        let mut old = version(1, VersionStatus::Success);
        old.business_time = at(-20 * 86_400);
        let mut old_but_open = version(2, VersionStatus::Waiting);
        old_but_open.business_time = at(-20 * 86_400 + 1);
        leader.write(decide(
            [(None, old), (None, old_but_open.clone())],
            [(None, run(1, RunStatus::Success))],
        ));
        let state = db.store.load_snapshot(7).await.unwrap();
        assert_eq!(state.snapshot.versions, [old_but_open]);
        assert_eq!(state.snapshot.runs, []);
        assert_eq!(state.snapshot.last_run_id, 1);
    }

    async fn hera_fault_6_a_status_that_is_not_as_expected_is_never_overwritten(db: &TestDb) {
        let mut leader = Leader::of(db);
        leader.write(decide(
            [(None, version(1, VersionStatus::Waiting))],
            [(None, run(1, RunStatus::Cancelled))],
        ));
        let before = state(db).await;
        let mut finished = run(1, RunStatus::Success);
        finished.exit_code = Some(0);
        let mut batch = leader.batch(decide(
            [(Some(VersionStatus::Waiting), version(1, VersionStatus::Success))],
            [(Some(RunStatus::Running), finished)],
        ));
        batch.decisions.planned_through = Some(at(9));
        let error = leader.conn.commit(leader.epoch, &batch).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the database holds something else than expected: run 1 is not running"
        );
        let after = state(db).await;
        assert_eq!(after.seq, before.seq);
        assert_eq!(after.snapshot.versions, before.snapshot.versions);
        assert_eq!(after.snapshot.planned_through, None);
        leader.write(decide([], []));
    }

    async fn one_row_of_many_that_is_not_as_expected_undoes_them_all(db: &TestDb) {
        let mut leader = Leader::of(db);
        let all = 1..=1_500;
        let with = |status| all.clone().map(move |n| version(n, status));
        leader.write(decide(with(VersionStatus::Waiting).map(|v| (None, v)), []));
        leader.write(decide(
            with(VersionStatus::Queued).map(|v| (Some(VersionStatus::Waiting), v)),
            [],
        ));
        let queued: Vec<_> = with(VersionStatus::Queued).collect();
        assert_eq!(state(db).await.snapshot.versions, queued);

        leader.write(decide(
            [(Some(VersionStatus::Queued), version(700, VersionStatus::Cancelled))],
            [],
        ));
        let late = leader.batch(decide(
            with(VersionStatus::Running).map(|v| (Some(VersionStatus::Queued), v)),
            [],
        ));
        let error = leader.conn.commit(leader.epoch, &late).unwrap_err();
        assert!(matches!(error, CommitError::Conflict(_)), "{error}");
        let now = state(db).await.snapshot.versions;
        assert_eq!(now.len(), 1_500);
        assert_eq!(now.iter().filter(|v| v.status == VersionStatus::Queued).count(), 1_499);
    }

    async fn a_second_row_for_the_same_instant_of_a_job_is_refused(db: &TestDb) {
        let mut leader = Leader::of(db);
        leader.write(decide([(None, version(1, VersionStatus::Waiting))], []));
        let mut twin = version(2, VersionStatus::Waiting);
        twin.business_time = version(1, VersionStatus::Waiting).business_time;
        let batch = leader.batch(decide([(None, twin)], []));
        let error = leader.conn.commit(leader.epoch, &batch).unwrap_err();
        assert!(matches!(error, CommitError::Conflict(_)), "{error}");
        assert_eq!(state(db).await.snapshot.versions.len(), 1);
    }

    async fn a_deposed_leader_commits_nothing(db: &TestDb) {
        let mut leader = Leader::of(db);
        let batch = leader.batch(decide([(None, version(1, VersionStatus::Waiting))], []));
        let old = Epoch(leader.epoch.0 - 1);
        assert!(matches!(leader.conn.commit(old, &batch), Err(CommitError::Deposed)));
        assert!(matches!(leader.conn.renew(old, 60_000), Err(CommitError::Deposed)));
        assert_eq!(state(db).await.snapshot.versions, []);
        assert_eq!(db.store.lease().await.unwrap().holder, Some(holder("a")));
    }

    async fn a_commit_whose_answer_was_lost_is_found_and_not_repeated(db: &TestDb) {
        let mut leader = Leader::of(db);
        let batch = leader.batch(decide([(None, version(1, VersionStatus::Waiting))], []));
        leader.conn.commit(leader.epoch, &batch).unwrap();
        // The leader has not heard of it and asks.
        assert_eq!(leader.conn.last_commit().unwrap(), (leader.epoch, batch.seq));
        // Even if it did not ask: the same commit again does nothing.
        let error = leader.conn.commit(leader.epoch, &batch).unwrap_err();
        assert!(matches!(error, CommitError::Conflict(_)), "{error}");
        assert_eq!(state(db).await.seq, batch.seq);
        leader.seq = batch.seq;
        leader.write(decide([(None, version(2, VersionStatus::Waiting))], []));
        assert_eq!(state(db).await.snapshot.versions.len(), 2);
    }

    async fn an_idempotency_key_stands_for_what_its_first_request_made(db: &TestDb) {
        let mut leader = Leader::of(db);
        let key = |key: &str, made| {
            let key = IdempotencyKey { key: key.to_owned(), fingerprint: "f".repeat(64) };
            KeyUse { user: UserId(1), key, made }
        };
        let first = key("Ab-1", Made::Run(RunId(1)));
        let others = [
            key("j", Made::Job(JobId(7))),
            key("g", Made::Group(GroupId(8))),
            key("c", Made::Calendar(CalendarId(9))),
        ];
        let mut batch = leader.batch(decide([], []));
        batch.idempotency.push(first.clone());
        batch.idempotency.extend(others.clone());
        leader.commit(&batch);
        let mut again = leader.batch(decide([(None, version(1, VersionStatus::Queued))], []));
        again.idempotency.push(key("Ab-1", Made::Run(RunId(2))));
        let error = leader.conn.commit(leader.epoch, &again).unwrap_err();
        assert!(matches!(error, CommitError::Conflict(_)), "{error}");
        assert_eq!(state(db).await.snapshot.versions, []);
        let find = |user, key: &str| db.store.key_use(UserId(user), key.to_owned());
        assert_eq!(find(1, "Ab-1").await.unwrap(), Some(first));
        for other in others {
            assert_eq!(find(1, &other.key.key).await.unwrap(), Some(other));
        }
        // Another user's key, and one that differs in case, are other keys.
        assert_eq!(find(2, "Ab-1").await.unwrap(), None);
        assert_eq!(find(1, "ab-1").await.unwrap(), None);
    }

    async fn an_alarm_that_is_told_twice_is_one_row(db: &TestDb) {
        let mut leader = Leader::of(db);
        for keys in [["a", "b"], ["b", "c"]] {
            let mut decisions = decide([], []);
            decisions.alarms = keys.map(alarm).into();
            leader.write(decisions);
        }
        let page = db.store.alarms(None, 10).await.unwrap();
        let keys: Vec<_> = page.items.iter().map(|row| row.alarm.dedupe_key.as_str()).collect();
        assert_eq!(keys, ["c", "b", "a"]);
        assert_eq!(page.items[2].alarm, alarm("a"));
        assert_eq!(page.items[2].delivered_at, None);
    }

    async fn a_script_of_a_mebibyte_and_its_config_are_kept_byte_by_byte(db: &TestDb) {
        let mut leader = Leader::of(db);
        let script = "echo 数据 \u{1F980} 'x' \\n \"y\";\n".repeat(1 << 16);
        assert!(script.len() > 1 << 20);
        let rendered = |script: &str| RenderedRun {
            run: RunId(1),
            script: script.to_owned(),
            config: [("表".to_owned(), "a\\b\"c".to_owned())].into(),
        };
        for script in ["an earlier dispatch", &script] {
            let mut batch = leader.batch(decide([], []));
            batch.rendered.push(rendered(script));
            leader.commit(&batch);
        }
        assert_eq!(db.store.run_script(RunId(1)).await.unwrap(), Some(rendered(&script)));
        assert_eq!(db.store.run_script(RunId(2)).await.unwrap(), None);
    }

    async fn records_of_a_commit_are_listed_by_what_they_are_about(db: &TestDb) {
        let mut leader = Leader::of(db);
        let record = |subject, id| AuditRecord {
            at: at(1),
            actor: "lin".to_owned(),
            action: "open".to_owned(),
            subject,
            subject_id: Some(id),
            detail: "关 → 开".to_owned(),
        };
        let mut batch = leader.batch(decide([], []));
        batch.records = vec![record(Subject::Job, 1), record(Subject::Job, 2), record(Subject::Group, 1)];
        leader.commit(&batch);
        let of_job = db.store.records(Some((Subject::Job, 1)), None, 10).await.unwrap();
        assert_eq!(of_job.items.len(), 1);
        assert_eq!(of_job.items[0].record, record(Subject::Job, 1));
        assert_eq!(db.store.records(None, None, 10).await.unwrap().items.len(), 3);
        let runs = db.store.runs(RunFilter::default(), None, 10).await.unwrap();
        assert_eq!((runs.items, runs.next), (vec![], None));
    }
}
