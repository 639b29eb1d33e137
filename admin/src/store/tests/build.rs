//! Small constructors for rows.

use std::collections::BTreeMap;

use hera_domain::clock::{Timestamp, from_millis};
use hera_domain::engine::{Change, Decisions, Run, Version};
use hera_domain::id::{CommitSeq, Epoch, JobId, RunId, VersionKey};
use hera_domain::status::{Origin, RunStatus, Trigger, VersionStatus};
use hera_domain::version_id::VersionId;

use crate::store::testing::TestDb;
use crate::store::{Batch, Holder, LeaderConnection};

/// An instant with a fraction, so that lost milliseconds show.
pub(super) fn at(seconds: i64) -> Timestamp {
    from_millis(1_795_000_000_123 + seconds * 1000)
}

/// A version of job 1, planned for second `n`.
pub(super) fn version(n: i64, status: VersionStatus) -> Version {
    Version {
        key: VersionKey(n),
        id: VersionId(format!("2026112003{n:08}")),
        job: JobId(1),
        business_time: at(n),
        due_at: at(n),
        origin: Origin::Planned,
        armed: true,
        frozen: false,
        status,
        reason: None,
        last_run: None,
        counting_run: None,
        attempts: 0,
        retry_at: None,
        armed_seq: None,
        succeeded_seq: None,
        alarmed: false,
        created_at: at(n),
        changed_at: at(n),
    }
}

/// The first run of version `n`.
pub(super) fn run(n: i64, status: RunStatus) -> Run {
    Run {
        id: RunId(n),
        version: VersionKey(n),
        job: JobId(1),
        trigger: Trigger::Schedule,
        status,
        attempt: 1,
        priority: 3,
        host_group: None,
        worker: None,
        nonce: None,
        revision: None,
        repeats: None,
        params: None,
        operator: None,
        created_at: at(n),
        dispatched_at: None,
        started_at: None,
        ended_at: None,
        exit_code: None,
        signal: None,
        reason: None,
        cancelled_by: None,
        kill_confirmed: None,
        fenced: false,
        unreachable: false,
        overdue: false,
        cpu_ms: None,
        peak_memory_kib: None,
    }
}

/// Decisions that write these rows, each with the status it must have before.
pub(super) fn decide(
    versions: impl IntoIterator<Item = (Option<VersionStatus>, Version)>,
    runs: impl IntoIterator<Item = (Option<RunStatus>, Run)>,
) -> Decisions {
    Decisions {
        versions: versions
            .into_iter()
            .map(|(expect, row)| (row.key, Change { expect, row }))
            .collect::<BTreeMap<_, _>>(),
        runs: runs
            .into_iter()
            .map(|(expect, row)| (row.id, Change { expect, row }))
            .collect(),
        ..Decisions::default()
    }
}

/// A leader with its next commit number.
pub(super) struct Leader {
    pub(super) conn: LeaderConnection,
    pub(super) epoch: Epoch,
    pub(super) seq: CommitSeq,
}

impl Leader {
    /// Takes the lease, which must be free.
    pub(super) fn of(db: &TestDb) -> Self {
        let mut conn = db.store.leader_connection().unwrap();
        let lease = conn.acquire(&holder("a"), 60_000).unwrap().unwrap();
        Self {
            conn,
            epoch: lease.epoch,
            seq: lease.commit_seq,
        }
    }

    /// A batch with the next number.
    pub(super) fn batch(&self, decisions: Decisions) -> Batch {
        Batch {
            seq: CommitSeq(self.seq.0 + 1),
            at: at(0),
            lease_ms: 60_000,
            decisions,
            ..Batch::default()
        }
    }

    /// Commits a batch that must succeed.
    pub(super) fn commit(&mut self, batch: &Batch) {
        self.seq = self.conn.commit(self.epoch, batch).unwrap();
    }

    /// Commits decisions that must be accepted.
    pub(super) fn write(&mut self, decisions: Decisions) {
        let batch = self.batch(decisions);
        self.commit(&batch);
    }
}

pub(super) fn holder(name: &str) -> Holder {
    Holder {
        name: name.to_owned(),
        http: format!("{name}:8080"),
        connect: format!("{name}:9887"),
    }
}
