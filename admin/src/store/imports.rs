//! What an import from HERA remembers: what became of which row.

use std::collections::BTreeSet;

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::id::{GroupId, JobId, Revision, TeamId, UserId};

use super::dialect::{self, AnyConn, replace_many};
use super::instant::At;
use super::schema::{hera_area, hera_group, hera_import, hera_job, hera_team};
use super::{NewUser, Store, StoreError, people};

/// What a row of a HERA became here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportMark {
    /// Which HERA.
    pub source: String,
    pub kind: String,
    pub old_id: i64,
    pub new_id: i64,
    /// Of what was written.
    pub fingerprint: String,
    /// The revision that was written, of things that have revisions.
    pub revision: Option<Revision>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = hera_import)]
struct Row {
    source: String,
    kind: String,
    old_id: i64,
    new_id: i64,
    fingerprint: String,
    revision: Option<i64>,
}

impl From<&ImportMark> for Row {
    fn from(mark: &ImportMark) -> Self {
        Self {
            source: mark.source.clone(),
            kind: mark.kind.clone(),
            old_id: mark.old_id,
            new_id: mark.new_id,
            fingerprint: mark.fingerprint.clone(),
            revision: mark.revision.map(|revision| revision.0),
        }
    }
}

impl From<Row> for ImportMark {
    fn from(row: Row) -> Self {
        Self {
            source: row.source,
            kind: row.kind,
            old_id: row.old_id,
            new_id: row.new_id,
            fingerprint: row.fingerprint,
            revision: row.revision.map(Revision),
        }
    }
}

impl Store {
    /// The HERAs that have been imported from.
    pub async fn import_sources(&self) -> Result<Vec<String>, StoreError> {
        self.read(|conn| {
            let sources = hera_import::table
                .select(hera_import::source)
                .distinct()
                .order(hera_import::source);
            Ok(sources.load(conn)?)
        })
        .await
    }

    /// Everything that is remembered of a HERA.
    pub async fn import_marks(&self, source: String) -> Result<Vec<ImportMark>, StoreError> {
        self.read(move |conn| {
            let rows: Vec<Row> = hera_import::table
                .filter(hera_import::source.eq(source))
                .select(Row::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(ImportMark::from).collect())
        })
        .await
    }
}

impl Store {
    /// Every id that a job or a group has or had: none of them is given again.
    pub async fn used_ids(&self) -> Result<(BTreeSet<JobId>, BTreeSet<GroupId>), StoreError> {
        self.read(|conn| {
            let jobs: Vec<i64> = hera_job::table.select(hera_job::id).load(conn)?;
            let groups: Vec<i64> = hera_group::table.select(hera_group::id).load(conn)?;
            Ok((
                jobs.into_iter().map(JobId).collect(),
                groups.into_iter().map(GroupId).collect(),
            ))
        })
        .await
    }
}

/// A region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    pub id: i64,
    pub name: String,
    pub timezone: Option<String>,
}

/// What is not the leader's: each with its mark, whose new id is filled in here.
impl Store {
    /// Every area, by id.
    pub async fn areas(&self) -> Result<Vec<Area>, StoreError> {
        self.read(|conn| {
            let rows: Vec<(i64, String, Option<String>)> =
                hera_area::table.order(hera_area::id).load(conn)?;
            let area = |(id, name, timezone)| Area { id, name, timezone };
            Ok(rows.into_iter().map(area).collect())
        })
        .await
    }

    /// Makes an area, or writes over the one of this id.
    pub async fn import_area(
        &self,
        id: Option<i64>,
        name: String,
        timezone: Option<String>,
        mark: ImportMark,
    ) -> Result<ImportMark, StoreError> {
        self.write(move |conn| {
            let values = (hera_area::name.eq(&name), hera_area::timezone.eq(&timezone));
            let id = match id {
                Some(id) => {
                    diesel::update(hera_area::table.find(id))
                        .set(values)
                        .execute(conn)?;
                    id
                }
                None => {
                    diesel::insert_into(hera_area::table)
                        .values(values)
                        .execute(conn)?;
                    dialect::last_id(conn)?
                }
            };
            remember(conn, &mark, id)
        })
        .await
    }

    /// Makes a team, or renames the one of this id.
    pub async fn import_team(
        &self,
        id: Option<TeamId>,
        name: String,
        at: Timestamp,
        mark: ImportMark,
    ) -> Result<ImportMark, StoreError> {
        self.write(move |conn| {
            let id = match id {
                Some(id) => {
                    diesel::update(hera_team::table.find(id.0))
                        .set(hera_team::name.eq(&name))
                        .execute(conn)?;
                    id.0
                }
                None => {
                    diesel::insert_into(hera_team::table)
                        .values((hera_team::name.eq(&name), hera_team::created_at.eq(At(at))))
                        .execute(conn)?;
                    dialect::last_id(conn)?
                }
            };
            remember(conn, &mark, id)
        })
        .await
    }

    /// Makes a user, or writes over the one of this id but for the password.
    pub async fn import_user(
        &self,
        id: Option<UserId>,
        new: NewUser,
        at: Timestamp,
        mark: ImportMark,
    ) -> Result<ImportMark, StoreError> {
        self.write(move |conn| {
            let id = match id {
                Some(id) => {
                    people::update(conn, id, &new)?;
                    id
                }
                None => people::insert(conn, &new, at)?,
            };
            remember(conn, &mark, id.0)
        })
        .await
    }
}

fn remember(conn: &mut AnyConn, mark: &ImportMark, new_id: i64) -> Result<ImportMark, StoreError> {
    let mark = ImportMark {
        new_id,
        ..mark.clone()
    };
    write(conn, std::slice::from_ref(&mark))?;
    Ok(mark)
}

/// Remembers what was written in the same transaction.
pub(super) fn write(conn: &mut AnyConn, marks: &[ImportMark]) -> QueryResult<()> {
    let rows: Vec<Row> = marks.iter().map(Row::from).collect();
    replace_many!(conn, hera_import::table, &rows)
}
