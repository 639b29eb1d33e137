//! The leader's commit: everything that a batch of events decided, in one fenced transaction.

use diesel::prelude::*;
use diesel::result::Error as Diesel;
use diesel::sql_types;
use hera_domain::clock::Timestamp;
use hera_domain::engine::Decisions;
use hera_domain::id::{CommitSeq, Epoch};

use super::dialect::{self, AnyConn};
use super::instant::{At, Instant};
use super::schema::hera_lock;
use super::{
    AuditRecord, CalendarChange, GroupChange, HostGroupChange, ImportMark, JobEdit, KeyUse,
    LogTail, RenderedRun, StoreError, WorkerChange, alarms, calendars, error, groups, host_groups,
    idempotency, imports, jobs, logs, records, runs, versions, workers,
};

/// From so many rows on, rows that move alike are written together.
pub(super) const MANY: usize = 8;
/// How many ids one statement names.
pub(super) const IDS_PER_STATEMENT: usize = 1000;

/// Everything that one commit writes.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The number that this commit shall have: the one after the latest.
    pub seq: CommitSeq,
    /// Engine time of the batch.
    pub at: Timestamp,
    /// How long the lease shall last from now.
    pub lease_ms: i64,
    pub decisions: Decisions,
    /// New jobs and revisions; schedule eras and switch are taken from the decisions.
    pub job_edits: Vec<JobEdit>,
    pub groups: Vec<GroupChange>,
    pub host_groups: Vec<HostGroupChange>,
    pub calendars: Vec<CalendarChange>,
    pub workers: Vec<WorkerChange>,
    /// Scripts of the runs that are dispatched.
    pub rendered: Vec<RenderedRun>,
    /// Log ends of the runs that are final.
    pub tails: Vec<LogTail>,
    pub idempotency: Vec<KeyUse>,
    pub records: Vec<AuditRecord>,
    /// What an import made of what it read.
    pub imports: Vec<ImportMark>,
}

/// Why a commit was not written. Nothing of it was, except after `Database`: there it is unknown
/// until [`super::LeaderConnection::last_commit`] tells.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error("another admin leads now")]
    Deposed,
    /// A row is not as it was expected, or holds what no row may: the same batch will never do.
    #[error("the database holds something else than expected: {0}")]
    Conflict(String),
    #[error(transparent)]
    Database(#[from] StoreError),
}

impl From<Diesel> for CommitError {
    fn from(error: Diesel) -> Self {
        if error::is_refused(&error) {
            Self::Conflict(error.to_string())
        } else {
            Self::Database(error.into())
        }
    }
}

impl CommitError {
    /// A compare-and-set that did not find what it expected.
    pub(super) fn conflict(what: impl std::fmt::Display) -> Self {
        Self::Conflict(what.to_string())
    }
}

impl Batch {
    pub(super) fn write(&self, conn: &mut AnyConn, epoch: Epoch) -> Result<CommitSeq, CommitError> {
        self.fence(conn, epoch)?;
        host_groups::write(conn, &self.host_groups)?;
        calendars::write(conn, self.seq, &self.calendars)?;
        workers::write(conn, &self.workers)?;
        groups::write(conn, self.seq, &self.groups)?;
        jobs::write_edits(conn, self.seq, self.at, &self.job_edits)?;
        jobs::write_states(conn, self.seq, self.at, &self.decisions.jobs)?;
        versions::write(conn, &self.decisions.versions)?;
        runs::write(conn, &self.decisions.runs)?;
        runs::write_late(conn, &self.decisions.late)?;
        runs::write_rendered(conn, &self.rendered)?;
        logs::write_tails(conn, &self.tails)?;
        idempotency::write(conn, self.at, &self.idempotency)?;
        alarms::write(conn, self.at, &self.decisions.alarms)?;
        records::write(conn, &self.records)?;
        imports::write(conn, &self.imports)?;
        Ok(self.seq)
    }

    /// Whether other admins must read definitions anew.
    pub fn changes_definitions(&self) -> bool {
        !(self.decisions.jobs.is_empty()
            && self.job_edits.is_empty()
            && self.groups.is_empty()
            && self.host_groups.is_empty()
            && self.calendars.is_empty())
    }

    /// The first statement: a write, so that of two leaders only one can get past it.
    fn fence(&self, conn: &mut AnyConn, epoch: Epoch) -> Result<(), CommitError> {
        let through = self.decisions.planned_through.map(At);
        let rows = diesel::sql_query(format!(
            "UPDATE hera_lock SET commit_seq = commit_seq + 1, expires_at = {}, \
             planned_through = COALESCE(?, planned_through), \
             definitions_seq = CASE WHEN ? THEN ? ELSE definitions_seq END \
             WHERE id = 1 AND epoch = ? AND commit_seq = ?",
            dialect::now_plus_ms_sql(conn)
        ))
        .bind::<sql_types::BigInt, _>(self.lease_ms)
        .bind::<sql_types::Nullable<Instant>, _>(through)
        .bind::<sql_types::Bool, _>(self.changes_definitions())
        .bind::<sql_types::BigInt, _>(self.seq.0)
        .bind::<sql_types::BigInt, _>(epoch.0)
        .bind::<sql_types::BigInt, _>(self.seq.0 - 1)
        .execute(conn)?;
        if rows == 1 {
            return Ok(());
        }
        let (now_epoch, now_seq): (i64, i64) = hera_lock::table
            .select((hera_lock::epoch, hera_lock::commit_seq))
            .filter(hera_lock::id.eq(1))
            .first(conn)?;
        if now_epoch == epoch.0 {
            Err(CommitError::conflict(format!(
                "the latest commit is {now_seq}, so {} cannot follow",
                self.seq
            )))
        } else {
            Err(CommitError::Deposed)
        }
    }
}
