//! What a new leader begins with.

use hera_domain::engine::Snapshot;
use hera_domain::group::GroupDef;
use hera_domain::id::{CalendarId, CommitSeq, GroupId, HostGroupId, JobId};

use diesel::prelude::*;

use super::dialect::{self, AnyConn};
use super::instant::At;
use super::schema::{hera_calendar, hera_group, hera_host_group, hera_lock};
use super::settings::{Numbered, last_given};
use super::{Store, StoreError, calendars, groups, host_groups, jobs, lease, runs, versions};

/// The engine's snapshot and what the master itself keeps beside it.
#[derive(Debug, Clone)]
pub struct LeaderState {
    /// The commit that all of this is as of.
    pub seq: CommitSeq,
    /// The latest commit that changed a definition.
    pub definitions_seq: CommitSeq,
    pub snapshot: Snapshot,
    pub groups: Vec<GroupDef>,
    /// The greatest ids ever given, deleted ones included.
    pub last_job: JobId,
    pub last_group: GroupId,
    pub last_host_group: HostGroupId,
    pub last_calendar: CalendarId,
}

impl Store {
    /// Reads everything that a leader needs, as of one instant: versions that are not final, and
    /// the final ones of the last `waiting_days` + 2 days (further back after a long standstill).
    pub async fn load_snapshot(&self, waiting_days: i64) -> Result<LeaderState, StoreError> {
        let state = self.peek_snapshot(waiting_days).await?;
        self.drop_logs_after(state.snapshot.last_run_id).await?;
        Ok(state)
    }

    /// The same for somebody who does not lead: nothing is tidied up.
    pub async fn peek_snapshot(&self, waiting_days: i64) -> Result<LeaderState, StoreError> {
        self.read(move |conn| dialect::read_tx(conn, |conn| load(conn, waiting_days)))
            .await
    }
}

fn load(conn: &mut AnyConn, waiting_days: i64) -> Result<LeaderState, StoreError> {
    let (seq, definitions_seq, through): (i64, i64, Option<At>) = hera_lock::table
        .filter(hera_lock::id.eq(1))
        .select((
            hera_lock::commit_seq,
            hera_lock::definitions_seq,
            hera_lock::planned_through,
        ))
        .first(conn)?;
    let reach = chrono::TimeDelta::days(waiting_days + 2);
    let since = lease::database_now(conn)? - reach;
    // Times that no leader has seen yet may have rows of people's making.
    let since = through.map_or(since, |At(through)| since.min(through));
    let last_group: Option<i64> = hera_group::table
        .select(diesel::dsl::max(hera_group::id))
        .first(conn)?;
    let last_host_group: Option<i64> = hera_host_group::table
        .select(diesel::dsl::max(hera_host_group::id))
        .first(conn)?;
    let last_calendar: Option<i64> = hera_calendar::table
        .select(diesel::dsl::max(hera_calendar::id))
        .first(conn)?;
    let last_host_group = last_given(conn, Numbered::HostGroup, last_host_group)?;
    let last_calendar = last_given(conn, Numbered::Calendar, last_calendar)?;
    Ok(LeaderState {
        seq: CommitSeq(seq),
        definitions_seq: CommitSeq(definitions_seq),
        groups: groups::load(conn)?,
        last_job: jobs::last_id(conn)?,
        last_group: GroupId(last_group.unwrap_or(0)),
        last_host_group: HostGroupId(last_host_group),
        last_calendar: CalendarId(last_calendar),
        snapshot: Snapshot {
            jobs: jobs::load(conn)?,
            host_groups: host_groups::load(conn)?,
            calendars: calendars::load(conn)?,
            versions: versions::load_live(conn, since)?,
            runs: runs::load_live(conn)?,
            planned_through: through.map(|at| at.0),
            last_version_key: versions::last_key(conn)?,
            last_run_id: runs::last_id(conn)?,
            salt: rand::random(),
        },
    })
}
