//! Runs: the engine's rows, as they are, and what was executed.

use std::collections::BTreeMap;

use diesel::prelude::*;
use hera_domain::engine::{CancelledBy, Change, LateResult, Run};
use hera_domain::id::{HostGroupId, JobId, Revision, RunId, VersionKey, WorkerId};
use hera_domain::status::{RunStatus, VersionStatus};

use super::commit::{CommitError, IDS_PER_STATEMENT, MANY};
use super::dialect::{AnyConn, insert_many, replace_many};
use super::instant::At;
use super::reasons::{from_reason, to_reason};
use super::schema::{hera_run, hera_run_script, hera_version};
use super::{StoreError, corrupt, from_json, to_json, word};

/// The script of a run as it was given to its worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedRun {
    pub run: RunId,
    /// With every variable in place but the secret ones.
    pub script: String,
    /// The effective config, without the secret ones.
    pub config: BTreeMap<String, String>,
}

impl RenderedRun {
    /// How much it is to write, about.
    pub fn bytes(&self) -> usize {
        let config = self
            .config
            .iter()
            .map(|(key, value)| key.len() + value.len());
        self.script.len() + config.sum::<usize>()
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = hera_run)]
#[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct Row {
    id: i64,
    version_key: i64,
    job_id: i64,
    trigger_type: String,
    status: String,
    attempt: i32,
    priority: i16,
    host_group_id: Option<i64>,
    worker_id: Option<i64>,
    nonce: Option<String>,
    revision: Option<i64>,
    repeats: Option<i64>,
    params: Option<String>,
    operator: Option<String>,
    created_at: At,
    dispatched_at: Option<At>,
    started_at: Option<At>,
    ended_at: Option<At>,
    exit_code: Option<i32>,
    end_signal: Option<i32>,
    reason: Option<String>,
    cancelled_by_kind: Option<String>,
    cancelled_by: Option<String>,
    kill_confirmed: Option<bool>,
    fenced: bool,
    unreachable: bool,
    overdue: bool,
    cpu_ms: Option<i64>,
    peak_memory_kib: Option<i64>,
}

const PERSON: &str = "person";
const SYSTEM: &str = "system";

impl From<&Run> for Row {
    fn from(run: &Run) -> Self {
        // Taken apart so that a new field cannot be forgotten here.
        let Run {
            id,
            version,
            job,
            trigger,
            status,
            attempt,
            priority,
            host_group,
            worker,
            nonce,
            revision,
            repeats,
            params,
            operator,
            created_at,
            dispatched_at,
            started_at,
            ended_at,
            exit_code,
            signal,
            reason,
            cancelled_by,
            kill_confirmed,
            fenced,
            unreachable,
            overdue,
            cpu_ms,
            peak_memory_kib,
        } = run;
        let (by_kind, by) = match cancelled_by {
            None => (None, None),
            Some(CancelledBy::Person(name)) => (Some(PERSON.to_owned()), Some(name.clone())),
            Some(CancelledBy::System(why)) => (Some(SYSTEM.to_owned()), Some(from_reason(why))),
        };
        Self {
            id: id.0,
            version_key: version.0,
            job_id: job.0,
            trigger_type: trigger.as_str().to_owned(),
            status: status.as_str().to_owned(),
            attempt: i32::try_from(*attempt).unwrap_or(i32::MAX),
            priority: i16::from(*priority),
            host_group_id: host_group.map(|id| id.0),
            worker_id: worker.map(|id| id.0),
            nonce: nonce.clone(),
            revision: revision.map(|revision| revision.0),
            repeats: repeats.map(|run| run.0),
            params: params.as_ref().map(|params| to_json(params.as_ref())),
            operator: operator.clone(),
            created_at: At(*created_at),
            dispatched_at: dispatched_at.map(At),
            started_at: started_at.map(At),
            ended_at: ended_at.map(At),
            exit_code: *exit_code,
            end_signal: *signal,
            reason: reason.as_ref().map(from_reason),
            cancelled_by_kind: by_kind,
            cancelled_by: by,
            kill_confirmed: *kill_confirmed,
            fenced: *fenced,
            unreachable: *unreachable,
            overdue: *overdue,
            cpu_ms: *cpu_ms,
            peak_memory_kib: *peak_memory_kib,
        }
    }
}

impl TryFrom<Row> for Run {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let number = |what, value: i64| {
            u32::try_from(value).map_err(|error| corrupt(what, &value.to_string(), &error))
        };
        let by = row.cancelled_by.unwrap_or_default();
        let cancelled_by = match row.cancelled_by_kind.as_deref() {
            None => None,
            Some(PERSON) => Some(CancelledBy::Person(by)),
            Some(SYSTEM) => Some(CancelledBy::System(to_reason(&by))),
            Some(other) => {
                return Err(corrupt(
                    "hera_run.cancelled_by_kind",
                    other,
                    &"neither person nor system",
                ));
            }
        };
        Ok(Self {
            id: RunId(row.id),
            version: VersionKey(row.version_key),
            job: JobId(row.job_id),
            trigger: word(&row.trigger_type, "hera_run.trigger_type")?,
            status: word(&row.status, "hera_run.status")?,
            attempt: number("hera_run.attempt", row.attempt.into())?,
            priority: row
                .priority
                .try_into()
                .map_err(|error| corrupt("hera_run.priority", &row.priority.to_string(), &error))?,
            host_group: row.host_group_id.map(HostGroupId),
            worker: row.worker_id.map(WorkerId),
            nonce: row.nonce,
            revision: row.revision.map(Revision),
            repeats: row.repeats.map(RunId),
            params: row
                .params
                .map(|json| from_json(&json, "hera_run.params"))
                .transpose()?
                .map(std::sync::Arc::new),
            operator: row.operator,
            created_at: row.created_at.0,
            dispatched_at: row.dispatched_at.map(|at| at.0),
            started_at: row.started_at.map(|at| at.0),
            ended_at: row.ended_at.map(|at| at.0),
            exit_code: row.exit_code,
            signal: row.end_signal,
            reason: row.reason.as_deref().map(to_reason),
            cancelled_by,
            kill_confirmed: row.kill_confirmed,
            fenced: row.fenced,
            unreachable: row.unreachable,
            overdue: row.overdue,
            cpu_ms: row.cpu_ms,
            peak_memory_kib: row.peak_memory_kib,
        })
    }
}

/// Every run that is not final, and the counting runs of the versions in retry wait.
pub(super) fn load_live(conn: &mut AnyConn) -> Result<Vec<Run>, StoreError> {
    let open: Vec<&str> = RunStatus::ALL
        .iter()
        .filter(|status| !status.is_final())
        .map(|status| status.as_str())
        .collect();
    let live = hera_run::table
        .filter(hera_run::status.eq_any(&open))
        .select(Row::as_select())
        .load(conn)?;
    let to_retry = hera_run::table
        .inner_join(
            hera_version::table.on(hera_version::counting_run_id.eq(hera_run::id.nullable())),
        )
        .filter(hera_version::status.eq(VersionStatus::RetryWait.as_str()))
        .filter(hera_run::status.ne_all(&open))
        .select(Row::as_select())
        .load(conn)?;
    let mut runs: Vec<Run> = live
        .into_iter()
        .chain(to_retry)
        .map(Run::try_from)
        .collect::<Result<_, _>>()?;
    runs.sort_by_key(|run| run.id);
    Ok(runs)
}

/// The greatest id in use, 0 if none is.
pub(super) fn last_id(conn: &mut AnyConn) -> Result<i64, StoreError> {
    let last: Option<i64> = hera_run::table
        .select(diesel::dsl::max(hera_run::id))
        .first(conn)?;
    Ok(last.unwrap_or(0))
}

/// Inserts what is new and compares-and-sets what has changed: few rows one by one, many that
/// move alike together.
pub(super) fn write(
    conn: &mut AnyConn,
    changes: &BTreeMap<RunId, Change<Run, RunStatus>>,
) -> Result<(), CommitError> {
    let mut groups: BTreeMap<Option<RunStatus>, Vec<&Run>> = BTreeMap::new();
    for change in changes.values() {
        groups.entry(change.expect).or_default().push(&change.row);
    }
    for (expect, rows) in groups {
        match expect {
            None => insert(conn, &rows)?,
            Some(expect) if rows.len() < MANY => update_each(conn, expect, &rows)?,
            Some(expect) => update_together(conn, expect, &rows)?,
        }
    }
    Ok(())
}

fn insert(conn: &mut AnyConn, runs: &[&Run]) -> Result<(), CommitError> {
    let rows: Vec<Row> = runs.iter().copied().map(Row::from).collect();
    insert_many!(conn, hera_run::table, &rows)?;
    Ok(())
}

fn update_each(conn: &mut AnyConn, expect: RunStatus, runs: &[&Run]) -> Result<(), CommitError> {
    for run in runs {
        let rows = diesel::update(hera_run::table)
            .filter(hera_run::id.eq(run.id.0))
            .filter(hera_run::status.eq(expect.as_str()))
            .set(Row::from(*run))
            .execute(conn)?;
        if rows != 1 {
            return Err(CommitError::conflict(format!(
                "run {} is not {expect}",
                run.id
            )));
        }
    }
    Ok(())
}

/// Takes out the rows that are as expected, all of them, and puts them back as they shall be:
/// a few statements instead of one round trip for each row.
fn update_together(
    conn: &mut AnyConn,
    expect: RunStatus,
    runs: &[&Run],
) -> Result<(), CommitError> {
    for some in runs.chunks(IDS_PER_STATEMENT) {
        let ids: Vec<i64> = some.iter().map(|run| run.id.0).collect();
        let taken = diesel::delete(hera_run::table)
            .filter(hera_run::id.eq_any(ids))
            .filter(hera_run::status.eq(expect.as_str()))
            .execute(conn)?;
        if taken != some.len() {
            return Err(CommitError::conflict(format!(
                "of {} runs only {taken} are {expect}",
                some.len()
            )));
        }
    }
    insert(conn, runs)
}

/// Notes how runs ended that had been given up. Whether a run was is not in memory for ever, so a
/// note that fits no row is dropped.
pub(super) fn write_late(conn: &mut AnyConn, late: &[LateResult]) -> Result<(), CommitError> {
    for LateResult { run, note } in late {
        let given_up = [RunStatus::Lost.as_str(), RunStatus::Cancelled.as_str()];
        diesel::update(hera_run::table)
            .filter(hera_run::id.eq(run.run.0))
            .filter(hera_run::nonce.eq(&run.nonce))
            .filter(hera_run::status.eq_any(given_up))
            .filter(hera_run::late_result.is_null())
            .set(hera_run::late_result.eq(from_reason(note)))
            .execute(conn)?;
    }
    Ok(())
}

/// Bytes of scripts in one statement, the last one not reckoned: MariaDB takes 16 MiB.
const SCRIPT_BYTES: usize = 4 << 20;

/// Writes the scripts of dispatched runs; one that is dispatched anew (its worker had never got
/// it) has its older script replaced.
pub(super) fn write_rendered(
    conn: &mut AnyConn,
    rendered: &[RenderedRun],
) -> Result<(), CommitError> {
    let mut rest = rendered;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |run: &&RenderedRun| {
            let fits = bytes < SCRIPT_BYTES;
            bytes += run.bytes();
            fits
        };
        let (some, later) = rest.split_at(rest.iter().take_while(fits).count());
        rest = later;
        let rows: Vec<_> = some
            .iter()
            .map(|run| {
                (
                    hera_run_script::run_id.eq(run.run.0),
                    hera_run_script::script.eq(&run.script),
                    hera_run_script::config.eq(to_json(&run.config)),
                )
            })
            .collect();
        replace_many!(conn, hera_run_script::table, &rows)?;
    }
    Ok(())
}
