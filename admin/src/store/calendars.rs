//! Calendars.

use std::sync::Arc;

use diesel::prelude::*;
use hera_domain::calendar::{CalendarContent, CalendarDef};
use hera_domain::clock::Timestamp;
use hera_domain::id::{CalendarId, CommitSeq, Revision};

use super::commit::CommitError;
use super::dialect::AnyConn;
use super::instant::At;
use super::schema::hera_calendar;
use super::settings::{Numbered, note_given};
use super::{StoreError, from_json, to_json};

/// A new calendar, a changed one, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarChange {
    pub id: CalendarId,
    /// 1 for a new calendar; the revision after the newest for an edit; the newest for a deletion.
    pub revision: Revision,
    /// `None` = deleted.
    pub content: Option<CalendarContent>,
    pub author: String,
    pub at: Timestamp,
}

/// Every calendar, by id.
pub(super) fn load(conn: &mut AnyConn) -> Result<Vec<Arc<CalendarDef>>, StoreError> {
    let rows: Vec<(i64, i64, String)> = hera_calendar::table
        .order(hera_calendar::id)
        .select((
            hera_calendar::id,
            hera_calendar::revision,
            hera_calendar::content,
        ))
        .load(conn)?;
    rows.into_iter()
        .map(|(id, revision, content)| {
            Ok(Arc::new(CalendarDef {
                id: CalendarId(id),
                revision: Revision(revision),
                content: from_json(&content, "hera_calendar.content")?,
            }))
        })
        .collect()
}

/// Writes the changes, in their order.
pub(super) fn write(
    conn: &mut AnyConn,
    seq: CommitSeq,
    changes: &[CalendarChange],
) -> Result<(), CommitError> {
    for change in changes {
        note_given(conn, Numbered::Calendar, change.id.0)?;
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
    change: &CalendarChange,
    content: &CalendarContent,
) -> Result<(), CommitError> {
    let values = (
        hera_calendar::name.eq(&content.name),
        hera_calendar::revision.eq(change.revision.0),
        hera_calendar::content.eq(to_json(content)),
        hera_calendar::author.eq(&change.author),
        hera_calendar::updated_at.eq(At(change.at)),
        hera_calendar::commit_seq.eq(seq.0),
    );
    if change.revision.0 == 1 {
        diesel::insert_into(hera_calendar::table)
            .values((hera_calendar::id.eq(change.id.0), values))
            .execute(conn)?;
        return Ok(());
    }
    let rows = diesel::update(hera_calendar::table)
        .filter(hera_calendar::id.eq(change.id.0))
        .filter(hera_calendar::revision.eq(change.revision.0 - 1))
        .set(values)
        .execute(conn)?;
    expect_one(rows, change)
}

fn delete(conn: &mut AnyConn, change: &CalendarChange) -> Result<(), CommitError> {
    let rows = diesel::delete(hera_calendar::table)
        .filter(hera_calendar::id.eq(change.id.0))
        .filter(hera_calendar::revision.eq(change.revision.0))
        .execute(conn)?;
    expect_one(rows, change)
}

fn expect_one(rows: usize, change: &CalendarChange) -> Result<(), CommitError> {
    if rows == 1 {
        return Ok(());
    }
    Err(CommitError::conflict(format!(
        "calendar {} is not at the revision before {}",
        change.id, change.revision
    )))
}
