//! Versions: the engine's rows, as they are.

use std::collections::BTreeMap;

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::engine::{Change, Version};
use hera_domain::id::{CommitSeq, JobId, RunId, VersionKey};
use hera_domain::status::VersionStatus;
use hera_domain::version_id::VersionId;

use super::commit::{CommitError, IDS_PER_STATEMENT, MANY};
use super::dialect::{AnyConn, insert_many};
use super::instant::At;
use super::reasons::{from_reason, to_reason};
use super::schema::hera_version;
use super::{Store, StoreError, corrupt, word};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = hera_version)]
#[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
pub(super) struct Row {
    id: i64,
    version: String,
    job_id: i64,
    business_time: At,
    due_at: At,
    origin: String,
    armed: bool,
    frozen: bool,
    status: String,
    reason: Option<String>,
    last_run_id: Option<i64>,
    counting_run_id: Option<i64>,
    attempts: i32,
    retry_at: Option<At>,
    armed_seq: Option<i64>,
    succeeded_seq: Option<i64>,
    alarmed: bool,
    created_at: At,
    changed_at: At,
}

impl From<&Version> for Row {
    fn from(version: &Version) -> Self {
        // Taken apart so that a new field cannot be forgotten here.
        let Version {
            key,
            id,
            job,
            business_time,
            due_at,
            origin,
            armed,
            frozen,
            status,
            reason,
            last_run,
            counting_run,
            attempts,
            retry_at,
            armed_seq,
            succeeded_seq,
            alarmed,
            created_at,
            changed_at,
        } = version;
        Self {
            id: key.0,
            version: id.0.clone(),
            job_id: job.0,
            business_time: At(*business_time),
            due_at: At(*due_at),
            origin: origin.as_str().to_owned(),
            armed: *armed,
            frozen: *frozen,
            status: status.as_str().to_owned(),
            reason: reason.as_ref().map(from_reason),
            last_run_id: last_run.map(|id| id.0),
            counting_run_id: counting_run.map(|id| id.0),
            attempts: i32::try_from(*attempts).unwrap_or(i32::MAX),
            retry_at: retry_at.map(At),
            armed_seq: armed_seq.map(|seq| seq.0),
            succeeded_seq: succeeded_seq.map(|seq| seq.0),
            alarmed: *alarmed,
            created_at: At(*created_at),
            changed_at: At(*changed_at),
        }
    }
}

impl TryFrom<Row> for Version {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: VersionKey(row.id),
            id: VersionId(row.version),
            job: JobId(row.job_id),
            business_time: row.business_time.0,
            due_at: row.due_at.0,
            origin: word(&row.origin, "hera_version.origin")?,
            armed: row.armed,
            frozen: row.frozen,
            status: word(&row.status, "hera_version.status")?,
            reason: row.reason.as_deref().map(to_reason),
            last_run: row.last_run_id.map(RunId),
            counting_run: row.counting_run_id.map(RunId),
            attempts: row.attempts.try_into().map_err(|error| {
                corrupt("hera_version.attempts", &row.attempts.to_string(), &error)
            })?,
            retry_at: row.retry_at.map(|at| at.0),
            armed_seq: row.armed_seq.map(CommitSeq),
            succeeded_seq: row.succeeded_seq.map(CommitSeq),
            alarmed: row.alarmed,
            created_at: row.created_at.0,
            changed_at: row.changed_at.0,
        })
    }
}

impl Store {
    /// The versions of a job whose business time is in [from, to), in order of it.
    pub async fn load_versions(
        &self,
        job: JobId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Version>, StoreError> {
        self.read(move |conn| {
            let rows = hera_version::table
                .filter(hera_version::job_id.eq(job.0))
                .filter(hera_version::business_time.ge(At(from)))
                .filter(hera_version::business_time.lt(At(to)))
                .order(hera_version::business_time)
                .select(Row::as_select())
                .load(conn)?;
            into_versions(rows)
        })
        .await
    }

    /// The version that people call by this id.
    pub async fn version(&self, id: VersionId) -> Result<Option<Version>, StoreError> {
        self.read(move |conn| {
            hera_version::table
                .filter(hera_version::version.eq(id.as_str()))
                .select(Row::as_select())
                .first(conn)
                .optional()?
                .map(Version::try_from)
                .transpose()
        })
        .await
    }

    /// At most `limit` versions of all jobs with a business time in [from, to) that stand at one of
    /// `statuses` (none = any), in order of it.
    pub async fn versions_between(
        &self,
        from: Timestamp,
        to: Timestamp,
        statuses: Vec<VersionStatus>,
        limit: u32,
    ) -> Result<Vec<Version>, StoreError> {
        self.read(move |conn| {
            let mut query = hera_version::table
                .filter(hera_version::business_time.ge(At(from)))
                .filter(hera_version::business_time.lt(At(to)))
                .into_boxed();
            if !statuses.is_empty() {
                let words: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
                query = query.filter(hera_version::status.eq_any(words));
            }
            let rows = query
                .order((hera_version::business_time, hera_version::id))
                .limit(i64::from(limit))
                .select(Row::as_select())
                .load(conn)?;
            into_versions(rows)
        })
        .await
    }

    /// How many versions with a business time in [from, to) stand where.
    pub async fn count_versions(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeMap<VersionStatus, i64>, StoreError> {
        self.read(move |conn| {
            let rows: Vec<(String, i64)> = hera_version::table
                .filter(hera_version::business_time.ge(At(from)))
                .filter(hera_version::business_time.lt(At(to)))
                .group_by(hera_version::status)
                .select((hera_version::status, diesel::dsl::count_star()))
                .load(conn)?;
            rows.into_iter()
                .map(|(status, count)| Ok((word(&status, "hera_version.status")?, count)))
                .collect()
        })
        .await
    }
}

fn into_versions(rows: Vec<Row>) -> Result<Vec<Version>, StoreError> {
    rows.into_iter().map(Version::try_from).collect()
}

/// Every version that is not final, and the final ones with a business time from `since` on.
pub(super) fn load_live(conn: &mut AnyConn, since: Timestamp) -> Result<Vec<Version>, StoreError> {
    let open: Vec<&str> = VersionStatus::ALL
        .iter()
        .filter(|status| !status.is_final())
        .map(|status| status.as_str())
        .collect();
    let live = hera_version::table
        .filter(hera_version::status.eq_any(open))
        .filter(hera_version::business_time.lt(At(since)))
        .select(Row::as_select())
        .load(conn)?;
    let recent = hera_version::table
        .filter(hera_version::business_time.ge(At(since)))
        .select(Row::as_select())
        .load(conn)?;
    let mut versions = into_versions(live)?;
    versions.append(&mut into_versions(recent)?);
    versions.sort_by_key(|version| version.key);
    Ok(versions)
}

/// The greatest key in use, 0 if none is.
pub(super) fn last_key(conn: &mut AnyConn) -> Result<i64, StoreError> {
    let last: Option<i64> = hera_version::table
        .select(diesel::dsl::max(hera_version::id))
        .first(conn)?;
    Ok(last.unwrap_or(0))
}

/// Inserts what is new and compares-and-sets what has changed: few rows one by one, many that
/// move alike together.
pub(super) fn write(
    conn: &mut AnyConn,
    changes: &BTreeMap<VersionKey, Change<Version, VersionStatus>>,
) -> Result<(), CommitError> {
    let mut groups: BTreeMap<Option<VersionStatus>, Vec<&Version>> = BTreeMap::new();
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

fn insert(conn: &mut AnyConn, versions: &[&Version]) -> Result<(), CommitError> {
    let rows: Vec<Row> = versions.iter().copied().map(Row::from).collect();
    insert_many!(conn, hera_version::table, &rows)?;
    Ok(())
}

fn update_each(
    conn: &mut AnyConn,
    expect: VersionStatus,
    versions: &[&Version],
) -> Result<(), CommitError> {
    for version in versions {
        let rows = diesel::update(hera_version::table)
            .filter(hera_version::id.eq(version.key.0))
            .filter(hera_version::status.eq(expect.as_str()))
            .set(Row::from(*version))
            .execute(conn)?;
        if rows != 1 {
            return Err(CommitError::conflict(format!(
                "version {} is not {expect}",
                version.id
            )));
        }
    }
    Ok(())
}

/// Takes out the rows that are as expected, all of them, and puts them back as they shall be:
/// a few statements instead of one round trip for each row.
fn update_together(
    conn: &mut AnyConn,
    expect: VersionStatus,
    versions: &[&Version],
) -> Result<(), CommitError> {
    for some in versions.chunks(IDS_PER_STATEMENT) {
        let ids: Vec<i64> = some.iter().map(|version| version.key.0).collect();
        let taken = diesel::delete(hera_version::table)
            .filter(hera_version::id.eq_any(ids))
            .filter(hera_version::status.eq(expect.as_str()))
            .execute(conn)?;
        if taken != some.len() {
            return Err(CommitError::conflict(format!(
                "of {} versions only {taken} are {expect}",
                some.len()
            )));
        }
    }
    insert(conn, versions)
}
