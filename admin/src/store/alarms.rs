//! The outbox of alarms: one row per event, written with its cause.

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::engine::{Alarm, AlarmKind};
use hera_domain::id::{JobId, RunId, VersionKey};

use super::commit::CommitError;
use super::dialect::AnyConn;
use super::instant::At;
use super::schema::hera_alarm;
use super::{Page, Store, StoreError, error, word};

/// An alarm in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRow {
    pub id: i64,
    pub alarm: Alarm,
    pub created_at: Timestamp,
    pub delivered_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = hera_alarm)]
struct Row {
    id: i64,
    dedupe_key: String,
    kind: String,
    job_id: Option<i64>,
    version_key: Option<i64>,
    run_id: Option<i64>,
    text: String,
    created_at: At,
    delivered_at: Option<At>,
}

impl TryFrom<Row> for AlarmRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            alarm: Alarm {
                kind: word::<AlarmKind>(&row.kind, "hera_alarm.kind")?,
                dedupe_key: row.dedupe_key,
                job: row.job_id.map(JobId),
                version: row.version_key.map(VersionKey),
                run: row.run_id.map(RunId),
                text: row.text,
            },
            created_at: row.created_at.0,
            delivered_at: row.delivered_at.map(|at| at.0),
        })
    }
}

impl Store {
    /// Alarms, newest first, from before `cursor` (an id) on.
    pub async fn alarms(
        &self,
        cursor: Option<i64>,
        limit: i64,
    ) -> Result<Page<AlarmRow>, StoreError> {
        self.read(move |conn| {
            let rows: Vec<Row> = hera_alarm::table
                .filter(hera_alarm::id.lt(cursor.unwrap_or(i64::MAX)))
                .order(hera_alarm::id.desc())
                .limit(limit + 1)
                .select(Row::as_select())
                .load(conn)?;
            let rows: Vec<AlarmRow> = rows
                .into_iter()
                .map(AlarmRow::try_from)
                .collect::<Result<_, _>>()?;
            Ok(Page::cut(rows, limit, |row| row.id))
        })
        .await
    }
}

/// Writes the alarms; one that is there already (by its key) is the same event told again.
pub(super) fn write(
    conn: &mut AnyConn,
    at: Timestamp,
    alarms: &[Alarm],
) -> Result<(), CommitError> {
    for alarm in alarms {
        let inserted = diesel::insert_into(hera_alarm::table)
            .values((
                hera_alarm::dedupe_key.eq(&alarm.dedupe_key),
                hera_alarm::kind.eq(alarm.kind.as_str()),
                hera_alarm::job_id.eq(alarm.job.map(|id| id.0)),
                hera_alarm::version_key.eq(alarm.version.map(|key| key.0)),
                hera_alarm::run_id.eq(alarm.run.map(|id| id.0)),
                hera_alarm::text.eq(&alarm.text),
                hera_alarm::created_at.eq(At(at)),
            ))
            .execute(conn);
        match inserted {
            Err(error) if !error::is_duplicate(&error) => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}
