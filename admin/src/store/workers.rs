//! Workers that have ever joined.

use std::collections::BTreeSet;

use diesel::prelude::*;
use hera_domain::clock::Timestamp;
use hera_domain::id::WorkerId;

use super::dialect;
use super::instant::At;
use super::schema::hera_worker;
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
}

impl Store {
    /// Registers a worker by its node id, or notes that it is back.
    pub async fn upsert_worker(&self, seen: WorkerSeen) -> Result<WorkerId, StoreError> {
        self.write(move |conn| {
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
        type Row = (i64, String, String, String, String, String, At);
        self.read(|conn| {
            let rows: Vec<Row> = hera_worker::table.order(hera_worker::id).load(conn)?;
            Ok(rows
                .into_iter()
                .map(
                    |(id, node_id, name, address, version, labels, last_seen)| WorkerRow {
                        id: WorkerId(id),
                        seen: WorkerSeen {
                            node_id,
                            name,
                            address,
                            version,
                            labels: labels.split_terminator(',').map(str::to_owned).collect(),
                            at: last_seen.0,
                        },
                    },
                )
                .collect())
        })
        .await
    }
}

/// A label holds no comma.
fn joined(labels: &BTreeSet<String>) -> String {
    labels.iter().cloned().collect::<Vec<_>>().join(",")
}
