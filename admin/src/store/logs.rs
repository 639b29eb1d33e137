//! Logs of runs: bytes by offset, the first and the last [`KEEP`] of each.
//!
//! The stored part of a log is [0, size), but for one gap [`dropped_from`, `dropped_to`) once it
//! has grown beyond head and tail. Appends are compared-and-set on the size, so that whatever
//! arrives twice, late or from two admins is stored once. The very end of a log comes with the
//! commit of the run's final status ([`LogTail`]); readers join the two.

use diesel::prelude::*;
use hera_domain::id::RunId;
use hera_domain::status::RunStatus;

use super::commit::CommitError;
use super::dialect::{AnyConn, insert_many, replace_many};
use super::schema::{hera_run, hera_run_log, hera_run_log_chunk, hera_run_tail};
use super::{Database, Store, StoreError, error, word};

/// How much of the beginning is kept, and how much of the end.
pub(super) const KEEP: i64 = 4 << 20;
/// Longer pieces are cut, so that old ones can be dropped bit by bit.
const CHUNK: i64 = 64 << 10;

/// A piece of a run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAppend {
    pub run: RunId,
    pub offset: u64,
    pub data: bytes::Bytes,
}

/// The end of a final run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTail {
    pub run: RunId,
    /// Where `data` begins; it reaches to the end of the log.
    pub offset: u64,
    pub data: bytes::Bytes,
}

/// A part of a run's log as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSlice {
    pub bytes: Vec<u8>,
    /// Where `bytes` begins: the offset that was asked for, or what comes after a gap.
    pub start: u64,
    /// The size of the whole log as far as it is known.
    pub size: u64,
    /// Whether the run has ended and all that is kept of its log is stored.
    pub complete: bool,
    /// What is missing between the offset that was asked for and `start`, or right after `bytes`.
    pub gap: Option<std::ops::Range<u64>>,
}

impl LogSlice {
    /// The offset to go on from.
    pub fn next(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Store {
    /// Stores pieces of logs, all in one transaction; answers for each how long its log is now.
    /// A piece that does not begin where its log ends is cut or refused, and the answer says from
    /// where to send again. Past the head a piece may leave a gap.
    pub async fn append_logs(
        &self,
        appends: Vec<LogAppend>,
    ) -> Result<Vec<(RunId, u64)>, StoreError> {
        Database::write(&self.logs, move |conn| {
            appends
                .iter()
                .map(|append| Ok((append.run, from_db(append_one(conn, append)?))))
                .collect()
        })
        .await
    }

    /// Reads at most `limit` bytes of a run's log from `offset` on.
    pub async fn read_log(
        &self,
        run: RunId,
        offset: u64,
        limit: usize,
    ) -> Result<LogSlice, StoreError> {
        // The end first: what is appended meanwhile can only add to it.
        let end = self.read(move |conn| load_end(conn, run)).await?;
        Database::run(&self.logs, move |conn| {
            conn.transaction(|conn| read(conn, run, &end, to_db(offset), limit))
        })
        .await
    }

    /// Forgets logs of runs that the database does not have (it was restored from a backup, its
    /// file of logs was not).
    pub(super) async fn drop_logs_after(&self, last_run: i64) -> Result<(), StoreError> {
        Database::write(&self.logs, move |conn| {
            diesel::delete(hera_run_log_chunk::table)
                .filter(hera_run_log_chunk::run_id.gt(last_run))
                .execute(conn)?;
            diesel::delete(hera_run_log::table)
                .filter(hera_run_log::run_id.gt(last_run))
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = hera_run_log)]
#[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
struct Head {
    run_id: i64,
    size: i64,
    dropped_from: Option<i64>,
    dropped_to: Option<i64>,
}

fn to_db(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

fn from_db(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

fn length(data: &[u8]) -> i64 {
    i64::try_from(data.len()).unwrap_or(i64::MAX)
}

fn load_head(conn: &mut AnyConn, run: RunId) -> QueryResult<Head> {
    let head = hera_run_log::table
        .filter(hera_run_log::run_id.eq(run.0))
        .select(Head::as_select())
        .first(conn)
        .optional()?;
    Ok(head.unwrap_or(Head {
        run_id: run.0,
        size: 0,
        dropped_from: None,
        dropped_to: None,
    }))
}

/// Stores what of `append` is new, and answers the size of the log.
fn append_one(conn: &mut AnyConn, append: &LogAppend) -> Result<i64, StoreError> {
    let head = load_head(conn, append.run)?;
    let offset = to_db(append.offset);
    if offset > head.size && head.size < KEEP {
        return Ok(head.size);
    }
    let known = usize::try_from(head.size - offset).unwrap_or(0);
    let Some(fresh) = append.data.get(known..).filter(|data| !data.is_empty()) else {
        return Ok(head.size);
    };
    let start = offset.max(head.size);
    let after = after_append(head, start, length(fresh));
    if !replace_head(conn, head, after)? {
        // Another admin was faster; its size tells the sender where to go on.
        return Ok(load_head(conn, append.run)?.size);
    }
    insert_chunks(conn, append.run, start, fresh)?;
    if let (Some(from), Some(to)) = (after.dropped_from, after.dropped_to)
        && head.dropped_to != after.dropped_to
    {
        diesel::delete(hera_run_log_chunk::table)
            .filter(hera_run_log_chunk::run_id.eq(append.run.0))
            .filter(hera_run_log_chunk::start.ge(from))
            .filter(hera_run_log_chunk::start.lt(to))
            .execute(conn)?;
    }
    Ok(after.size)
}

/// The head of a log to which `len` bytes were added at `start`. What is dropped ends at a multiple
/// of [`CHUNK`], which no stored piece crosses, or where a sender left the middle out.
fn after_append(head: Head, start: i64, len: i64) -> Head {
    let size = start + len;
    let mut dropped_to = head.dropped_to;
    if start > head.size {
        // A gap: only one is kept, so what was between head and gap goes too.
        dropped_to = Some(start);
    }
    let oldest = (size - KEEP).div_euclid(CHUNK) * CHUNK;
    if oldest > dropped_to.unwrap_or(KEEP) {
        dropped_to = Some(oldest);
    }
    Head {
        size,
        dropped_from: dropped_to.map(|_| KEEP),
        dropped_to,
        ..head
    }
}

/// Sets the head if it still is what it was; a log's first head is inserted.
fn replace_head(conn: &mut AnyConn, old: Head, new: Head) -> Result<bool, StoreError> {
    let rows = diesel::update(hera_run_log::table)
        .filter(hera_run_log::run_id.eq(old.run_id))
        .filter(hera_run_log::size.eq(old.size))
        .set(new)
        .execute(conn)?;
    if rows == 1 || old.size > 0 {
        return Ok(rows == 1);
    }
    match diesel::insert_into(hera_run_log::table)
        .values(new)
        .execute(conn)
    {
        Ok(_) => Ok(true),
        Err(error) if error::is_duplicate(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Cuts the bytes at every multiple of [`CHUNK`] (the head's end is one) and stores the pieces.
fn insert_chunks(
    conn: &mut AnyConn,
    run: RunId,
    start: i64,
    data: &[u8],
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    let (mut at, mut rest) = (start, data);
    while !rest.is_empty() {
        let room = usize::try_from(CHUNK - at % CHUNK).unwrap_or(usize::MAX);
        let (piece, after) = rest.split_at(room.min(rest.len()));
        rows.push((
            hera_run_log_chunk::run_id.eq(run.0),
            hera_run_log_chunk::start.eq(at),
            hera_run_log_chunk::data.eq(piece),
        ));
        at += length(piece);
        rest = after;
    }
    insert_many!(conn, hera_run_log_chunk::table, &rows)?;
    Ok(())
}

/// Writes the ends of logs with the commit of the runs' final statuses.
pub(super) fn write_tails(conn: &mut AnyConn, tails: &[LogTail]) -> Result<(), CommitError> {
    let rows: Vec<_> = tails
        .iter()
        .map(|tail| {
            (
                hera_run_tail::run_id.eq(tail.run.0),
                hera_run_tail::start.eq(to_db(tail.offset)),
                hera_run_tail::data.eq(tail.data.as_ref()),
            )
        })
        .collect();
    replace_many!(conn, hera_run_tail::table, &rows)?;
    Ok(())
}

/// What the main database knows of a log's end.
struct End {
    /// Whether the run is final.
    ended: bool,
    tail: Option<(i64, Vec<u8>)>,
}

fn load_end(conn: &mut AnyConn, run: RunId) -> Result<End, StoreError> {
    let status: Option<String> = hera_run::table
        .filter(hera_run::id.eq(run.0))
        .select(hera_run::status)
        .first(conn)
        .optional()?;
    let tail = hera_run_tail::table
        .filter(hera_run_tail::run_id.eq(run.0))
        .select((hera_run_tail::start, hera_run_tail::data))
        .first(conn)
        .optional()?;
    let ended = match status {
        Some(status) => word::<RunStatus>(&status, "hera_run.status")?.is_final(),
        None => false,
    };
    Ok(End { ended, tail })
}

fn read(
    conn: &mut AnyConn,
    run: RunId,
    end: &End,
    offset: i64,
    limit: usize,
) -> Result<LogSlice, StoreError> {
    let head = load_head(conn, run)?;
    let size = end
        .tail
        .as_ref()
        .map_or(0, |(start, data)| start + length(data))
        .max(head.size);
    // What is not stored: what was dropped, and what never came before the end did.
    let dropped = head.dropped_from.zip(head.dropped_to);
    let missing = end
        .tail
        .as_ref()
        .filter(|(start, _)| *start > head.size)
        .map(|(start, _)| (head.size, *start));
    let gaps: Vec<(i64, i64)> = dropped.into_iter().chain(missing).collect();
    let range = |(from, to): (i64, i64)| from_db(from)..from_db(to);
    let over = gaps
        .iter()
        .find(|(from, to)| (*from..*to).contains(&offset));
    let start = over.map_or(offset, |(_, to)| *to).min(size.max(offset));
    let next_gap = gaps.iter().find(|(from, _)| *from >= start);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let stop = start
        .saturating_add(limit)
        .min(next_gap.map_or(size, |(from, _)| *from));
    let mut bytes = read_chunks(conn, run, start, stop.min(head.size))?;
    if let Some((tail_start, data)) = &end.tail {
        let from = (start + length(&bytes)).max(*tail_start);
        let cut = |at: i64| {
            usize::try_from(at - tail_start)
                .unwrap_or(0)
                .min(data.len())
        };
        // Only what adjoins: a tail that is still ahead of the stored bytes is a gap.
        if from == start + length(&bytes) && from < stop {
            bytes.extend_from_slice(&data[cut(from)..cut(stop)]);
        }
    }
    let at = start + length(&bytes);
    Ok(LogSlice {
        complete: end.ended && missing.is_none(),
        gap: over
            .or(next_gap.filter(|(from, _)| *from == at))
            .copied()
            .map(range),
        bytes,
        start: from_db(start),
        size: from_db(size),
    })
}

/// The stored bytes of [start, stop).
fn read_chunks(
    conn: &mut AnyConn,
    run: RunId,
    start: i64,
    stop: i64,
) -> Result<Vec<u8>, StoreError> {
    if start >= stop {
        return Ok(Vec::new());
    }
    let pieces: Vec<(i64, Vec<u8>)> = hera_run_log_chunk::table
        .filter(hera_run_log_chunk::run_id.eq(run.0))
        // No piece is longer than this, so none that reaches into the range begins earlier.
        .filter(hera_run_log_chunk::start.gt(start - CHUNK))
        .filter(hera_run_log_chunk::start.lt(stop))
        .order(hera_run_log_chunk::start)
        .select((hera_run_log_chunk::start, hera_run_log_chunk::data))
        .load(conn)?;
    let mut bytes = Vec::new();
    for (at, data) in pieces {
        let cut = |to: i64| usize::try_from(to - at).unwrap_or(0).min(data.len());
        bytes.extend_from_slice(&data[cut(start)..cut(stop)]);
    }
    Ok(bytes)
}
