//! Workers that have ever joined: who they are, what they prove it by, and which are drained.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::result::Error as Diesel;
use hera_domain::clock::Timestamp;
use hera_domain::id::WorkerId;
use serde::{Deserialize, Serialize};

use super::commit::CommitError;
use super::dialect::{self, AnyConn};
use super::instant::At;
use super::schema::{hera_drained_worker, hera_worker, hera_worker_token};
use super::{Store, StoreError};

/// What a worker says of itself when it joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSeen {
    /// Its own random id, kept on its disk.
    pub node_id: String,
    pub name: String,
    pub address: String,
    pub version: String,
    pub labels: BTreeSet<String>,
    pub at: Timestamp,
}

/// A worker as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRow {
    pub id: WorkerId,
    pub seen: WorkerSeen,
    /// It gets no runs until a person lets it accept again.
    pub drained: bool,
}

/// What a worker shows to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The token that it was given when it joined, by its hash.
    Token { hash: String },
    /// The join token, which has been checked; `offered` is the hash of the token that it is given.
    Join { offered: String },
}

/// Why a worker is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// No worker has this token.
    UnknownToken,
    /// The token is that of another worker.
    AnothersToken,
    /// The worker of this node id has a token of its own and did not show it.
    WithoutItsToken,
}

/// What a person decides of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkerChange {
    Drain(WorkerId),
    Resume(WorkerId),
    /// Its token lets it in no more: it joins anew by the join token.
    RevokeToken(WorkerId),
}

impl WorkerChange {
    /// Whom it changes.
    pub const fn worker(self) -> WorkerId {
        match self {
            Self::Drain(worker) | Self::Resume(worker) | Self::RevokeToken(worker) => worker,
        }
    }
}

impl Store {
    /// Whether some worker has a token of this hash.
    pub async fn knows_worker_token(&self, hash: String) -> Result<bool, StoreError> {
        self.read(move |conn| Ok(holder(conn, &hash)?.is_some()))
            .await
    }

    /// Lets a worker in by what it shows, and notes what it says of itself. A token counts from
    /// its first use on: until then the join token lets the worker in and gives it another one,
    /// as the answer that held the first may have been lost.
    pub async fn admit_worker(
        &self,
        seen: WorkerSeen,
        by: Credential,
    ) -> Result<Result<WorkerId, Stranger>, StoreError> {
        self.write(move |conn| match &by {
            Credential::Token { hash } => admit_by_token(conn, &seen, hash),
            Credential::Join { offered } => admit_by_join(conn, &seen, offered),
        })
        .await
    }

    /// Notes when workers were last heard of.
    pub async fn touch_workers(
        &self,
        workers: Vec<WorkerId>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |conn| {
            let ids: Vec<i64> = workers.iter().map(|id| id.0).collect();
            diesel::update(hera_worker::table.filter(hera_worker::id.eq_any(ids)))
                .set(hera_worker::last_seen.eq(At(at)))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Every worker, by id.
    pub async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        self.read(|conn| {
            let drained: BTreeSet<i64> = hera_drained_worker::table
                .select(hera_drained_worker::worker_id)
                .load(conn)?
                .into_iter()
                .collect();
            let rows: Vec<Row> = hera_worker::table.order(hera_worker::id).load(conn)?;
            let row = |row: Row| worker(drained.contains(&row.0), row);
            Ok(rows.into_iter().map(row).collect())
        })
        .await
    }
}

type Row = (i64, String, String, String, String, String, At);

fn worker(
    drained: bool,
    (id, node_id, name, address, version, labels, last_seen): Row,
) -> WorkerRow {
    WorkerRow {
        id: WorkerId(id),
        seen: WorkerSeen {
            node_id,
            name,
            address,
            version,
            labels: labels.split_terminator(',').map(str::to_owned).collect(),
            at: last_seen.0,
        },
        drained,
    }
}

/// The worker that has the token of this hash, and its node id.
fn holder(conn: &mut AnyConn, hash: &str) -> Result<Option<(i64, String)>, Diesel> {
    let id: Option<i64> = hera_worker_token::table
        .filter(hera_worker_token::hash.eq(hash))
        .select(hera_worker_token::worker_id)
        .first(conn)
        .optional()?;
    let Some(id) = id else { return Ok(None) };
    hera_worker::table
        .find(id)
        .select((hera_worker::id, hera_worker::node_id))
        .first(conn)
        .optional()
}

fn admit_by_token(
    conn: &mut AnyConn,
    seen: &WorkerSeen,
    hash: &str,
) -> Result<Result<WorkerId, Stranger>, StoreError> {
    let Some((id, node_id)) = holder(conn, hash)? else {
        return Ok(Err(Stranger::UnknownToken));
    };
    if node_id != seen.node_id {
        return Ok(Err(Stranger::AnothersToken));
    }
    diesel::update(hera_worker_token::table.find(id))
        .set(hera_worker_token::confirmed.eq(true))
        .execute(conn)?;
    Ok(Ok(upsert(conn, seen)?))
}

fn admit_by_join(
    conn: &mut AnyConn,
    seen: &WorkerSeen,
    offered: &str,
) -> Result<Result<WorkerId, Stranger>, StoreError> {
    let known: Option<i64> = hera_worker::table
        .filter(hera_worker::node_id.eq(&seen.node_id))
        .select(hera_worker::id)
        .first(conn)
        .optional()?;
    let confirmed: Option<bool> = hera_worker_token::table
        .filter(hera_worker_token::worker_id.nullable().eq(known))
        .select(hera_worker_token::confirmed)
        .first(conn)
        .optional()?;
    if confirmed == Some(true) {
        return Ok(Err(Stranger::WithoutItsToken));
    }
    let worker = upsert(conn, seen)?;
    diesel::delete(hera_worker_token::table.find(worker.0)).execute(conn)?;
    diesel::insert_into(hera_worker_token::table)
        .values((
            hera_worker_token::worker_id.eq(worker.0),
            hera_worker_token::hash.eq(offered),
            hera_worker_token::confirmed.eq(false),
        ))
        .execute(conn)?;
    Ok(Ok(worker))
}

/// Registers a worker by its node id, or notes that it is back.
fn upsert(conn: &mut AnyConn, seen: &WorkerSeen) -> Result<WorkerId, StoreError> {
    let labels = joined(&seen.labels);
    let values = (
        hera_worker::name.eq(&seen.name),
        hera_worker::address.eq(&seen.address),
        hera_worker::version.eq(&seen.version),
        hera_worker::labels.eq(&labels),
        hera_worker::last_seen.eq(At(seen.at)),
    );
    let mine = hera_worker::table.filter(hera_worker::node_id.eq(&seen.node_id));
    if diesel::update(mine).set(values).execute(conn)? == 0 {
        diesel::insert_into(hera_worker::table)
            .values((hera_worker::node_id.eq(&seen.node_id), values))
            .execute(conn)?;
        return Ok(WorkerId(dialect::last_id(conn)?));
    }
    let id = mine.select(hera_worker::id).first(conn)?;
    Ok(WorkerId(id))
}

/// Writes the changes, in their order. Each may come twice.
pub(super) fn write(conn: &mut AnyConn, changes: &[WorkerChange]) -> Result<(), CommitError> {
    for change in changes {
        match change {
            WorkerChange::Drain(worker) => {
                resume(conn, *worker)?;
                diesel::insert_into(hera_drained_worker::table)
                    .values(hera_drained_worker::worker_id.eq(worker.0))
                    .execute(conn)?;
            }
            WorkerChange::Resume(worker) => resume(conn, *worker)?,
            WorkerChange::RevokeToken(worker) => {
                diesel::delete(hera_worker_token::table.find(worker.0)).execute(conn)?;
            }
        }
    }
    Ok(())
}

fn resume(conn: &mut AnyConn, worker: WorkerId) -> Result<(), Diesel> {
    diesel::delete(hera_drained_worker::table.find(worker.0)).execute(conn)?;
    Ok(())
}

/// A label holds no comma.
fn joined(labels: &BTreeSet<String>) -> String {
    labels.iter().cloned().collect::<Vec<_>>().join(",")
}
