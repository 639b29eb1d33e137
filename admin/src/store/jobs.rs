//! Jobs and their revisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::id::{CommitSeq, JobId, Revision, TeamId};
use hera_domain::job::{JobContent, JobDef, ScheduleEra};
use hera_domain::status::Switch;

use super::commit::CommitError;
use super::dialect::AnyConn;
use super::instant::At;
use super::schema::{hera_job, hera_job_revision};
use super::{Changes, Page, Store, StoreError, from_json, to_json, word};

/// A new job (revision 1) or a new revision of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEdit {
    pub id: JobId,
    pub owner: TeamId,
    pub revision: Revision,
    /// With its script.
    pub content: JobContent,
    pub author: String,
    /// Why, in the author's words.
    pub comment: String,
}

/// A job with everything that its page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredJob {
    pub def: JobDef,
    /// The newest revision, with its script.
    pub content: JobContent,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A revision of a job as it was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRevision {
    pub revision: Revision,
    pub content: JobContent,
    pub author: String,
    pub comment: String,
    pub created_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = hera_job)]
struct Row {
    id: i64,
    owner_id: i64,
    revision: i64,
    switch: String,
    first_opened_at: Option<At>,
    opened_at: Option<At>,
    eras: String,
    created_at: At,
    updated_at: At,
}

/// A revision in the history of a job: who saved it, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionHead {
    pub revision: Revision,
    pub author: String,
    pub comment: String,
    pub created_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = hera_job_revision)]
struct RevisionRow {
    revision: i64,
    content: String,
    author: String,
    comment: String,
    created_at: At,
}

impl RevisionRow {
    fn into_revision(self, script: String) -> Result<JobRevision, StoreError> {
        let mut content: JobContent = from_json(&self.content, "hera_job_revision.content")?;
        content.script = script;
        Ok(JobRevision {
            revision: Revision(self.revision),
            content,
            author: self.author,
            comment: self.comment,
            created_at: self.created_at.0,
        })
    }
}

impl Store {
    /// A job that is not deleted, with its newest content.
    pub async fn job(&self, id: JobId) -> Result<Option<StoredJob>, StoreError> {
        self.read(move |conn| {
            let row: Option<(Row, String, String)> = hera_job::table
                .inner_join(newest())
                .filter(hera_job::id.eq(id.0))
                .filter(hera_job::deleted.eq(false))
                .select((
                    Row::as_select(),
                    hera_job_revision::content,
                    hera_job_revision::script,
                ))
                .first(conn)
                .optional()?;
            row.map(|(row, json, script)| {
                let mut content: JobContent = from_json(&json, "hera_job_revision.content")?;
                content.script = script;
                let (created_at, updated_at) = (row.created_at.0, row.updated_at.0);
                Ok(StoredJob {
                    def: definition(&row, &content)?,
                    content,
                    created_at,
                    updated_at,
                })
            })
            .transpose()
        })
        .await
    }

    /// The newest contents of these jobs, scripts included; deleted ones are left out.
    pub async fn job_contents(
        &self,
        jobs: Vec<JobId>,
    ) -> Result<BTreeMap<JobId, (Revision, JobContent)>, StoreError> {
        self.read(move |conn| {
            let ids: Vec<i64> = jobs.iter().map(|id| id.0).collect();
            let rows: Vec<(i64, i64, String, String)> = hera_job::table
                .inner_join(newest())
                .filter(hera_job::id.eq_any(ids))
                .filter(hera_job::deleted.eq(false))
                .select((
                    hera_job::id,
                    hera_job::revision,
                    hera_job_revision::content,
                    hera_job_revision::script,
                ))
                .load(conn)?;
            rows.into_iter()
                .map(|(id, revision, json, script)| {
                    let mut content: JobContent = from_json(&json, "hera_job_revision.content")?;
                    content.script = script;
                    Ok((JobId(id), (Revision(revision), content)))
                })
                .collect()
        })
        .await
    }

    /// The history of a job, newest first, from before the revision `cursor` on.
    pub async fn job_revisions(
        &self,
        job: JobId,
        cursor: Option<i64>,
        limit: i64,
    ) -> Result<Page<RevisionHead>, StoreError> {
        self.read(move |conn| {
            let rows: Vec<(i64, String, String, At)> = hera_job_revision::table
                .filter(hera_job_revision::job_id.eq(job.0))
                .filter(hera_job_revision::revision.lt(cursor.unwrap_or(i64::MAX)))
                .order(hera_job_revision::revision.desc())
                .limit(limit + 1)
                .select((
                    hera_job_revision::revision,
                    hera_job_revision::author,
                    hera_job_revision::comment,
                    hera_job_revision::created_at,
                ))
                .load(conn)?;
            let heads = rows
                .into_iter()
                .map(|(revision, author, comment, created_at)| RevisionHead {
                    revision: Revision(revision),
                    author,
                    comment,
                    created_at: created_at.0,
                })
                .collect();
            Ok(Page::cut(heads, limit, |head: &RevisionHead| {
                head.revision.0
            }))
        })
        .await
    }

    /// One revision of a job, script included.
    pub async fn job_revision(
        &self,
        job: JobId,
        revision: Revision,
    ) -> Result<Option<JobRevision>, StoreError> {
        self.read(move |conn| {
            let row: Option<(RevisionRow, String)> = hera_job_revision::table
                .filter(hera_job_revision::job_id.eq(job.0))
                .filter(hera_job_revision::revision.eq(revision.0))
                .select((RevisionRow::as_select(), hera_job_revision::script))
                .first(conn)
                .optional()?;
            row.map(|(row, script)| row.into_revision(script))
                .transpose()
        })
        .await
    }
}

/// The join of a job with its newest revision.
#[diesel::dsl::auto_type(no_type_alias)]
fn newest() -> _ {
    hera_job_revision::table.on(hera_job_revision::job_id
        .eq(hera_job::id)
        .and(hera_job_revision::revision.eq(hera_job::revision)))
}

fn definition(row: &Row, content: &JobContent) -> Result<JobDef, StoreError> {
    Ok(JobDef {
        id: JobId(row.id),
        group: content.group_id,
        name: content.name.clone(),
        owner: TeamId(row.owner_id),
        revision: Revision(row.revision),
        switch: word(&row.switch, "hera_job.switch")?,
        first_opened_at: row.first_opened_at.map(|at| at.0),
        opened_at: row.opened_at.map(|at| at.0),
        eras: from_json(&row.eras, "hera_job.eras")?,
        host_group: content.host_group_id,
        priority: content.priority,
        retry: content.retry.clone(),
        overlap: content.overlap,
        misfire: content.misfire,
        on_lost: content.on_lost,
        must_end_minutes: content.must_end_minutes,
        kill_on_timeout: content.kill_on_timeout,
    })
}

/// Every job that is not deleted, without scripts.
pub(super) fn load(conn: &mut AnyConn) -> Result<BTreeMap<JobId, Arc<JobDef>>, StoreError> {
    let jobs = load_after(conn, None)?.into_iter();
    Ok(jobs.filter_map(|(id, def)| Some((id, def?))).collect())
}

/// The jobs that commits after `known` changed, deleted ones as `None`; if nothing is known, every
/// job that is not deleted.
pub(super) fn load_after(
    conn: &mut AnyConn,
    known: Option<CommitSeq>,
) -> Result<Changes<JobId, JobDef>, StoreError> {
    let mut rows = hera_job::table
        .inner_join(newest())
        .select((
            Row::as_select(),
            hera_job::deleted,
            hera_job_revision::content,
        ))
        .into_boxed();
    rows = match known {
        Some(seq) => rows.filter(hera_job::commit_seq.gt(seq.0)),
        None => rows.filter(hera_job::deleted.eq(false)),
    };
    let rows: Vec<(Row, bool, String)> = rows.load(conn)?;
    rows.into_iter()
        .map(|(row, deleted, json)| {
            if deleted {
                return Ok((JobId(row.id), None));
            }
            let content: JobContent = from_json(&json, "hera_job_revision.content")?;
            let def = definition(&row, &content)?;
            Ok((def.id, Some(Arc::new(def))))
        })
        .collect()
}

/// The greatest id ever used, deleted jobs included.
pub(super) fn last_id(conn: &mut AnyConn) -> Result<JobId, StoreError> {
    let last: Option<i64> = hera_job::table
        .select(diesel::dsl::max(hera_job::id))
        .first(conn)?;
    Ok(JobId(last.unwrap_or(0)))
}

/// Writes new jobs and revisions, in their order. Their eras and switch follow by
/// [`write_states`]; a new job that the engine says nothing about is closed.
pub(super) fn write_edits(
    conn: &mut AnyConn,
    seq: CommitSeq,
    at: Timestamp,
    edits: &[JobEdit],
) -> Result<(), CommitError> {
    let at = At(at);
    for edit in edits {
        let values = (
            hera_job::group_id.eq(edit.content.group_id.0),
            hera_job::name.eq(&edit.content.name),
            hera_job::owner_id.eq(edit.owner.0),
            hera_job::revision.eq(edit.revision.0),
            hera_job::updated_at.eq(at),
            hera_job::commit_seq.eq(seq.0),
        );
        if edit.revision.0 == 1 {
            let eras = [ScheduleEra {
                after: None,
                schedule: edit.content.schedule.clone(),
            }];
            diesel::insert_into(hera_job::table)
                .values((
                    hera_job::id.eq(edit.id.0),
                    hera_job::switch.eq(Switch::Closed.as_str()),
                    hera_job::eras.eq(to_json(&eras)),
                    hera_job::deleted.eq(false),
                    hera_job::created_at.eq(at),
                    values,
                ))
                .execute(conn)?;
        } else {
            let rows = diesel::update(hera_job::table)
                .filter(hera_job::id.eq(edit.id.0))
                .filter(hera_job::revision.eq(edit.revision.0 - 1))
                .filter(hera_job::deleted.eq(false))
                .set(values)
                .execute(conn)?;
            expect_one(
                rows,
                edit.id,
                &format!("at revision {}", edit.revision.0 - 1),
            )?;
        }
        write_revision(conn, seq, at, edit)?;
    }
    Ok(())
}

fn write_revision(
    conn: &mut AnyConn,
    seq: CommitSeq,
    at: At,
    edit: &JobEdit,
) -> Result<(), CommitError> {
    let mut content = edit.content.clone();
    let script = std::mem::take(&mut content.script);
    diesel::insert_into(hera_job_revision::table)
        .values((
            hera_job_revision::job_id.eq(edit.id.0),
            hera_job_revision::revision.eq(edit.revision.0),
            hera_job_revision::content.eq(to_json(&content)),
            hera_job_revision::script.eq(script),
            hera_job_revision::author.eq(&edit.author),
            hera_job_revision::comment.eq(&edit.comment),
            hera_job_revision::created_at.eq(at),
            hera_job_revision::commit_seq.eq(seq.0),
        ))
        .execute(conn)?;
    Ok(())
}

/// Writes what the engine decided about jobs: switch, openings, eras, deletion.
pub(super) fn write_states(
    conn: &mut AnyConn,
    seq: CommitSeq,
    at: Timestamp,
    jobs: &BTreeMap<JobId, Option<Arc<JobDef>>>,
) -> Result<(), CommitError> {
    for (id, def) in jobs {
        let job = hera_job::table
            .filter(hera_job::id.eq(id.0))
            .filter(hera_job::deleted.eq(false));
        let rows = match def {
            Some(def) => diesel::update(job)
                .set((
                    hera_job::switch.eq(def.switch.as_str()),
                    hera_job::first_opened_at.eq(def.first_opened_at.map(At)),
                    hera_job::opened_at.eq(def.opened_at.map(At)),
                    hera_job::eras.eq(to_json(&def.eras)),
                    hera_job::updated_at.eq(At(at)),
                    hera_job::commit_seq.eq(seq.0),
                ))
                .execute(conn)?,
            None => diesel::update(job)
                .set((
                    hera_job::deleted.eq(true),
                    hera_job::updated_at.eq(At(at)),
                    hera_job::commit_seq.eq(seq.0),
                ))
                .execute(conn)?,
        };
        expect_one(rows, *id, "there")?;
    }
    Ok(())
}

fn expect_one(rows: usize, job: JobId, what: &str) -> Result<(), CommitError> {
    if rows == 1 {
        Ok(())
    } else {
        Err(CommitError::conflict(format!("job {job} is not {what}")))
    }
}
