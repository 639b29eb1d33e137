//! Groups and their revisions.

use std::sync::Arc;

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::id::{CommitSeq, GroupId, Revision};

use super::commit::CommitError;
use super::dialect::AnyConn;
use super::instant::At;
use super::schema::{hera_group, hera_group_revision};
use super::{Changes, Store, StoreError, from_json, to_json};

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
    let groups = load_after(conn, None)?.into_iter();
    Ok(groups
        .filter_map(|(_, def)| def.map(Arc::unwrap_or_clone))
        .collect())
}

/// The groups that commits after `known` changed, deleted ones as `None`; if nothing is known,
/// every group that is not deleted.
pub(super) fn load_after(
    conn: &mut AnyConn,
    known: Option<CommitSeq>,
) -> Result<Changes<GroupId, GroupDef>, StoreError> {
    let mut rows = hera_group::table
        .inner_join(
            hera_group_revision::table.on(hera_group_revision::group_id
                .eq(hera_group::id)
                .and(hera_group_revision::revision.eq(hera_group::revision))),
        )
        .order(hera_group::id)
        .select((
            hera_group::id,
            hera_group::revision,
            hera_group::deleted,
            hera_group_revision::content,
        ))
        .into_boxed();
    rows = match known {
        Some(seq) => rows.filter(hera_group::commit_seq.gt(seq.0)),
        None => rows.filter(hera_group::deleted.eq(false)),
    };
    let rows: Vec<(i64, i64, bool, String)> = rows.load(conn)?;
    rows.into_iter()
        .map(|(id, revision, deleted, content)| {
            let id = GroupId(id);
            if deleted {
                return Ok((id, None));
            }
            let def = GroupDef {
                id,
                revision: Revision(revision),
                content: from_json(&content, "hera_group_revision.content")?,
            };
            Ok((id, Some(Arc::new(def))))
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
            None => delete(conn, seq, change)?,
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
        hera_group::commit_seq.eq(seq.0),
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

fn delete(conn: &mut AnyConn, seq: CommitSeq, change: &GroupChange) -> Result<(), CommitError> {
    let rows = diesel::update(hera_group::table)
        .filter(hera_group::id.eq(change.id.0))
        .filter(hera_group::revision.eq(change.revision.0))
        .filter(hera_group::deleted.eq(false))
        .set((
            hera_group::deleted.eq(true),
            hera_group::updated_at.eq(At(change.at)),
            hera_group::commit_seq.eq(seq.0),
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
