//! Groups and their revisions.

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::id::{CommitSeq, GroupId, Revision};

use super::commit::CommitError;
use super::dialect::AnyConn;
use super::instant::At;
use super::schema::{hera_group, hera_group_revision};
use super::{Store, StoreError, from_json, to_json};

/// A new group, a new revision of one, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupChange {
    pub id: GroupId,
    /// 1 for a new group; the revision after the newest for an edit; the newest for a deletion.
    pub revision: Revision,
    /// `None` = deleted.
    pub content: Option<GroupContent>,
    pub author: String,
    pub at: Timestamp,
}

/// A revision of a group as it was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRevision {
    pub revision: Revision,
    pub content: GroupContent,
    pub author: String,
    pub created_at: Timestamp,
}

impl Store {
    /// The revisions of a group, newest first.
    pub async fn group_revisions(&self, group: GroupId) -> Result<Vec<GroupRevision>, StoreError> {
        type Row = (i64, String, String, At);
        self.read(move |conn| {
            let rows: Vec<Row> = hera_group_revision::table
                .filter(hera_group_revision::group_id.eq(group.0))
                .order(hera_group_revision::revision.desc())
                .select((
                    hera_group_revision::revision,
                    hera_group_revision::content,
                    hera_group_revision::author,
                    hera_group_revision::created_at,
                ))
                .load(conn)?;
            rows.into_iter()
                .map(|(revision, content, author, created_at)| {
                    Ok(GroupRevision {
                        revision: Revision(revision),
                        content: from_json(&content, "hera_group_revision.content")?,
                        author,
                        created_at: created_at.0,
                    })
                })
                .collect()
        })
        .await
    }
}

/// Every group that is not deleted.
pub(super) fn load(conn: &mut AnyConn) -> Result<Vec<GroupDef>, StoreError> {
    let rows: Vec<(i64, i64, String)> = hera_group::table
        .inner_join(
            hera_group_revision::table.on(hera_group_revision::group_id
                .eq(hera_group::id)
                .and(hera_group_revision::revision.eq(hera_group::revision))),
        )
        .filter(hera_group::deleted.eq(false))
        .order(hera_group::id)
        .select((
            hera_group::id,
            hera_group::revision,
            hera_group_revision::content,
        ))
        .load(conn)?;
    rows.into_iter()
        .map(|(id, revision, content)| {
            Ok(GroupDef {
                id: GroupId(id),
                revision: Revision(revision),
                content: from_json(&content, "hera_group_revision.content")?,
            })
        })
        .collect()
}

/// Writes the changes, in their order.
pub(super) fn write(
    conn: &mut AnyConn,
    seq: CommitSeq,
    changes: &[GroupChange],
) -> Result<(), CommitError> {
    for change in changes {
        match &change.content {
            Some(content) => save(conn, seq, change, content)?,
            None => delete(conn, change)?,
        }
    }
    Ok(())
}

fn save(
    conn: &mut AnyConn,
    seq: CommitSeq,
    change: &GroupChange,
    content: &GroupContent,
) -> Result<(), CommitError> {
    let at = At(change.at);
    let values = (
        hera_group::parent_id.eq(content.parent_id.map(|id| id.0)),
        hera_group::name.eq(&content.name),
        hera_group::big.eq(content.big),
        hera_group::revision.eq(change.revision.0),
        hera_group::updated_at.eq(at),
    );
    if change.revision.0 == 1 {
        diesel::insert_into(hera_group::table)
            .values((
                hera_group::id.eq(change.id.0),
                hera_group::deleted.eq(false),
                hera_group::created_at.eq(at),
                values,
            ))
            .execute(conn)?;
    } else {
        let rows = diesel::update(hera_group::table)
            .filter(hera_group::id.eq(change.id.0))
            .filter(hera_group::revision.eq(change.revision.0 - 1))
            .filter(hera_group::deleted.eq(false))
            .set(values)
            .execute(conn)?;
        expect_one(rows, change)?;
    }
    diesel::insert_into(hera_group_revision::table)
        .values((
            hera_group_revision::group_id.eq(change.id.0),
            hera_group_revision::revision.eq(change.revision.0),
            hera_group_revision::content.eq(to_json(content)),
            hera_group_revision::author.eq(&change.author),
            hera_group_revision::created_at.eq(at),
            hera_group_revision::commit_seq.eq(seq.0),
        ))
        .execute(conn)?;
    Ok(())
}

fn delete(conn: &mut AnyConn, change: &GroupChange) -> Result<(), CommitError> {
    let rows = diesel::update(hera_group::table)
        .filter(hera_group::id.eq(change.id.0))
        .filter(hera_group::revision.eq(change.revision.0))
        .filter(hera_group::deleted.eq(false))
        .set((
            hera_group::deleted.eq(true),
            hera_group::updated_at.eq(At(change.at)),
        ))
        .execute(conn)?;
    expect_one(rows, change)
}

fn expect_one(rows: usize, change: &GroupChange) -> Result<(), CommitError> {
    if rows == 1 {
        return Ok(());
    }
    Err(CommitError::conflict(format!(
        "group {} is not at the revision before {}",
        change.id, change.revision
    )))
}
