//! Logs: whatever arrives twice, late or too much, the bytes are right.

use hera_domain::id::RunId;
use hera_domain::status::{RunStatus, VersionStatus};

use super::build::{Leader, decide, run, version};
use super::on_each_db;
use crate::store::logs::KEEP;
use crate::store::testing::TestDb;
use crate::store::{LogAppend, LogSlice, LogTail};

const RUN: RunId = RunId(1);
const MIB: usize = 1 << 20;

/// What a log would hold at these offsets: every byte tells where it stands.
fn bytes(from: usize, to: usize) -> Vec<u8> {
    (from..to)
        .map(|at| u8::try_from(at * 31 % 251).unwrap())
        .collect()
}

async fn append(db: &TestDb, from: usize, to: usize) -> usize {
    let piece = LogAppend {
        run: RUN,
        offset: from as u64,
        data: bytes(from, to).into(),
    };
    let sizes = db.store.append_logs(vec![piece]).await.unwrap();
    assert_eq!(sizes.len(), 1);
    usize::try_from(sizes[0].1).unwrap()
}

async fn read(db: &TestDb, offset: usize, limit: usize) -> LogSlice {
    db.store.read_log(RUN, offset as u64, limit).await.unwrap()
}

/// Ends the run, with the end of its log from `from` on.
fn finish(db: &TestDb, from: usize, to: usize) {
    let mut leader = Leader::of(db);
    let mut batch = leader.batch(decide(
        [(None, version(1, VersionStatus::Success))],
        [(None, run(1, RunStatus::Success))],
    ));
    batch.tails.push(LogTail {
        run: RUN,
        offset: from as u64,
        data: bytes(from, to).into(),
    });
    leader.commit(&batch);
}

on_each_db! {
    async fn pieces_that_come_twice_or_overlap_are_stored_once(db: &TestDb) {
        assert_eq!(append(db, 0, 10).await, 10);
        assert_eq!(append(db, 0, 10).await, 10);
        assert_eq!(append(db, 3, 7).await, 10);
        assert_eq!(append(db, 5, 25).await, 25);
        assert_eq!(append(db, 25, 25).await, 25);
        let all = read(db, 0, 1000).await;
        assert_eq!(all.bytes, bytes(0, 25));
        assert_eq!((all.start, all.size, all.complete, all.gap), (0, 25, false, None));
        assert_eq!(read(db, 7, 5).await.bytes, bytes(7, 12));
        assert_eq!(read(db, 25, 5).await.bytes, b"");
        assert_eq!(read(db, 99, 5).await.bytes, b"");
    }

    async fn a_piece_ahead_of_the_head_is_sent_again_from_where_the_log_ends(db: &TestDb) {
        assert_eq!(append(db, 5, 10).await, 0);
        assert_eq!(append(db, 0, 4).await, 4);
        assert_eq!(append(db, 5, 10).await, 4);
        assert_eq!(read(db, 0, 100).await.bytes, bytes(0, 4));
    }

    async fn pieces_of_many_runs_go_in_together(db: &TestDb) {
        let piece = |run, offset, text: &'static str| LogAppend {
            run: RunId(run),
            offset,
            data: text.as_bytes().into(),
        };
        let sizes = db
            .store
            .append_logs(vec![piece(1, 0, "ab"), piece(2, 0, "x"), piece(1, 2, "cd"), piece(3, 9, "?")])
            .await
            .unwrap();
        assert_eq!(sizes, [(RunId(1), 2), (RunId(2), 1), (RunId(1), 4), (RunId(3), 0)]);
        assert_eq!(db.store.read_log(RunId(1), 0, 9).await.unwrap().bytes, b"abcd");
    }

    async fn of_a_long_log_the_first_and_the_last_four_mebibytes_stay(db: &TestDb) {
        let total = 11 * MIB + 12_345;
        let mut size = 0;
        while size < total {
            size = append(db, size, (size + 300_000).min(total)).await;
        }
        let head = read(db, 0, total).await;
        let keep = usize::try_from(KEEP).unwrap();
        assert_eq!(head.bytes, bytes(0, keep));
        let gap = head.gap.unwrap();
        assert_eq!(gap.start, KEEP as u64);
        let resume = usize::try_from(gap.end).unwrap();
        // At least so much is kept, and hardly more.
        assert!((keep..keep + 65_536).contains(&(total - resume)), "{resume}");
        let middle = read(db, 5 * MIB, total).await;
        assert_eq!(middle.next(), total as u64);
        assert_eq!(middle.bytes, bytes(resume, total));
        assert_eq!((middle.start, middle.gap), (gap.end, Some(gap)));
    }

    async fn past_the_head_a_sender_may_leave_out_the_middle(db: &TestDb) {
        let keep = usize::try_from(KEEP).unwrap();
        append(db, 0, keep).await;
        append(db, keep, keep + 1000).await;
        let far = 20 * MIB;
        assert_eq!(append(db, far, far + 500).await, far + 500);
        assert_eq!(append(db, far + 500, far + 900).await, far + 900);
        let slice = read(db, keep + 10, 10_000).await;
        assert_eq!(slice.start, far as u64);
        assert_eq!(slice.bytes, bytes(far, far + 900));
        assert_eq!(slice.gap, Some(KEEP as u64..far as u64));
        assert_eq!(read(db, 0, far * 2).await.bytes, bytes(0, keep));
    }

    async fn the_end_that_came_with_the_status_completes_the_log(db: &TestDb) {
        append(db, 0, 1000).await;
        finish(db, 900, 1500);
        let all = read(db, 0, 10_000).await;
        assert_eq!(all.bytes, bytes(0, 1500));
        assert_eq!((all.size, all.complete, all.gap), (1500, true, None));
        assert_eq!(read(db, 950, 100).await.bytes, bytes(950, 1050));
        assert_eq!(read(db, 1200, 100).await.bytes, bytes(1200, 1300));
        assert_eq!(read(db, 1500, 100).await.bytes, b"");
        // The pieces may still come.
        assert_eq!(append(db, 1000, 1500).await, 1500);
        assert_eq!(read(db, 0, 10_000).await.bytes, bytes(0, 1500));
    }

    async fn what_is_missing_before_the_end_is_a_gap_until_it_comes(db: &TestDb) {
        append(db, 0, 100).await;
        finish(db, 400, 500);
        let first = read(db, 0, 10_000).await;
        assert_eq!((first.bytes, first.complete, first.gap), (bytes(0, 100), false, Some(100..400)));
        let second = read(db, 100, 10_000).await;
        assert_eq!((second.start, second.bytes), (400, bytes(400, 500)));
        append(db, 100, 400).await;
        let all = read(db, 0, 10_000).await;
        assert_eq!((all.bytes, all.complete, all.gap), (bytes(0, 500), true, None));
    }

    async fn a_silent_run_s_log_is_complete_and_empty(db: &TestDb) {
        finish(db, 0, 0);
        let all = read(db, 0, 10).await;
        assert_eq!((all.bytes.len(), all.size, all.complete), (0, 0, true));
    }

    async fn logs_of_runs_that_a_restored_database_does_not_know_are_forgotten(db: &TestDb) {
        append(db, 0, 10).await;
        db.store.load_snapshot(7).await.unwrap();
        assert_eq!(read(db, 0, 10).await.size, 0);
    }

    async fn of_two_admins_that_append_the_same_bytes_both_may_and_nothing_doubles(db: &TestDb) {
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move {
                    let mut at = 0;
                    while at < 50_000 {
                        let piece = LogAppend {
                            run: RUN,
                            offset: at,
                            data: bytes(usize::try_from(at).unwrap(), 50_000.min(usize::try_from(at).unwrap() + 777)).into(),
                        };
                        at = store.append_logs(vec![piece]).await.unwrap()[0].1;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let all = read(db, 0, 100_000).await;
        assert_eq!(all.bytes, bytes(0, 50_000));
    }
}

#[tokio::test]
async fn a_deleted_file_of_logs_is_made_again_by_the_next_start() {
    let db = TestDb::sqlite().await;
    append(&db, 0, 10).await;
    let file = db.url.strip_prefix("sqlite://").unwrap();
    for suffix in ["-logs", "-logs-wal", "-logs-shm"] {
        std::fs::remove_file(format!("{file}{suffix}")).unwrap();
    }
    let again = crate::store::Store::open(&db.url, &crate::store::PoolSettings::default()).unwrap();
    again.migrate().await.unwrap();
    let piece = LogAppend {
        run: RUN,
        offset: 0,
        data: bytes(0, 5).into(),
    };
    assert_eq!(again.append_logs(vec![piece]).await.unwrap(), [(RUN, 5)]);
}
