//! Who leads: the lease row, and the one connection that renews it and commits.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;
use diesel::sql_types;
use hera_domain::clock::Timestamp;
use hera_domain::id::{CommitSeq, Epoch};

use super::commit::{Batch, CommitError};
use super::dialect::{self, AnyConn, Connector};
use super::instant::{At, Instant};
use super::schema::hera_lock;
use super::{Database, Store, StoreError};

/// How an admin that leads is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub name: String,
    /// host:port of its web.
    pub http: String,
    /// host:port for workers.
    pub connect: String,
}

/// A leadership that has been won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub epoch: Epoch,
    /// The number of the latest commit; the next one has the number after it.
    pub commit_seq: CommitSeq,
    /// The database's clock when it was won.
    pub now: Timestamp,
}

/// The lease as anybody reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseView {
    /// `None` before the first leader.
    pub holder: Option<Holder>,
    pub epoch: Epoch,
    pub commit_seq: CommitSeq,
    /// The latest commit that changed a definition.
    pub definitions_seq: CommitSeq,
    pub expires_at: Timestamp,
    /// The database's clock at the reading.
    pub now: Timestamp,
}

impl LeaseView {
    /// Whether somebody leads.
    pub fn is_live(&self) -> bool {
        self.holder.is_some() && self.expires_at > self.now
    }
}

impl Store {
    /// Who leads, or led last.
    pub async fn lease(&self) -> Result<LeaseView, StoreError> {
        self.read(view).await
    }

    /// The connection for a candidate and leader. Its calls block: use them on a blocking thread.
    pub fn leader_connection(&self) -> Result<LeaderConnection, StoreError> {
        LeaderConnection::open(self)
    }
}

/// The connection of a leader, outside the pool: renewals and commits, one after the other.
pub struct LeaderConnection {
    connector: Connector,
    conn: AnyConn,
    /// The server's number for it.
    pub(super) id: Option<i64>,
    database: Arc<Database>,
    lock: Arc<Mutex<Option<std::fs::File>>>,
}

impl LeaderConnection {
    fn open(store: &Store) -> Result<Self, StoreError> {
        let connector = store.state.connector.clone();
        let mut conn = connector.connect()?;
        Ok(Self {
            id: dialect::connection_id(&mut conn)?,
            conn,
            connector,
            database: store.state.clone(),
            lock: store.lock.clone(),
        })
    }

    /// Takes the lease if it has expired (at once on SQLite, where the held lock file proves that
    /// nobody else leads); `None` while another holds it.
    pub fn acquire(&mut self, holder: &Holder, lease_ms: i64) -> Result<Option<Lease>, StoreError> {
        self.revive()?;
        let shared = dialect::is_shared(&self.conn);
        let held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !shared && held.is_none() {
            return Err(StoreError::Unlocked(self.connector.target().to_string()));
        }
        drop(held);
        let id = self.id;
        self.end_former_holder()?;
        dialect::write_tx(&mut self.conn, &self.database.turn, |conn| {
            let seen = view(conn)?;
            if shared && seen.is_live() {
                return Ok(None);
            }
            let expired = if shared {
                format!("AND expires_at <= {}", dialect::now_sql(conn))
            } else {
                String::new()
            };
            let won = diesel::sql_query(format!(
                "UPDATE hera_lock SET holder = ?, http_address = ?, connect_address = ?, \
                 epoch = epoch + 1, expires_at = {}, connection_id = ? \
                 WHERE id = 1 AND epoch = ? {expired}",
                dialect::now_plus_ms_sql(conn),
            ))
            .bind::<sql_types::Text, _>(&holder.name)
            .bind::<sql_types::Text, _>(&holder.http)
            .bind::<sql_types::Text, _>(&holder.connect)
            .bind::<sql_types::BigInt, _>(lease_ms)
            .bind::<sql_types::Nullable<sql_types::BigInt>, _>(id)
            .bind::<sql_types::BigInt, _>(seen.epoch.0)
            .execute(conn)?;
            if won == 0 {
                return Ok(None);
            }
            let (epoch, commit_seq) = numbers(conn)?;
            Ok(Some(Lease {
                epoch,
                commit_seq,
                now: database_now(conn)?,
            }))
        })
    }

    /// Ends the connection of a leader whose lease has expired: stopped inside a transaction, it
    /// would hold the lease's row for ever.
    fn end_former_holder(&mut self) -> Result<(), StoreError> {
        if !dialect::is_shared(&self.conn) {
            return Ok(());
        }
        // In one statement: between two, another may have won.
        let expired = format!("expires_at <= {}", dialect::now_sql(&self.conn));
        let former: Option<Option<i64>> = hera_lock::table
            .select(hera_lock::connection_id)
            .filter(hera_lock::id.eq(1))
            .filter(sql::<sql_types::Bool>(&expired))
            .first(&mut self.conn)
            .optional()?;
        if let Some(former) = former.flatten().filter(|former| Some(*former) != self.id) {
            dialect::kill_connection(&mut self.conn, former);
        }
        Ok(())
    }

    /// Extends the lease and answers the database's clock; [`CommitError::Deposed`] when another
    /// has taken it.
    pub fn renew(&mut self, epoch: Epoch, lease_ms: i64) -> Result<Timestamp, CommitError> {
        self.revive()?;
        dialect::write_tx(&mut self.conn, &self.database.turn, |conn| {
            let rows = diesel::sql_query(format!(
                "UPDATE hera_lock SET expires_at = {} WHERE id = 1 AND epoch = ?",
                dialect::now_plus_ms_sql(conn)
            ))
            .bind::<sql_types::BigInt, _>(lease_ms)
            .bind::<sql_types::BigInt, _>(epoch.0)
            .execute(conn)?;
            if rows == 0 {
                return Err(CommitError::Deposed);
            }
            Ok(database_now(conn)?)
        })
    }

    /// Raises the number of a leadership that still is one; [`CommitError::Deposed`] if not.
    pub fn raise(&mut self, epoch: Epoch, to: Epoch) -> Result<(), CommitError> {
        self.revive()?;
        dialect::write_tx(&mut self.conn, &self.database.turn, |conn| {
            let mine = hera_lock::table
                .filter(hera_lock::id.eq(1))
                .filter(hera_lock::epoch.eq(epoch.0));
            let rows = diesel::update(mine)
                .set(hera_lock::epoch.eq(to.0))
                .execute(conn)?;
            if rows == 0 {
                return Err(CommitError::Deposed);
            }
            Ok(())
        })
    }

    /// Lets the lease expire now, so that another admin need not wait for it.
    pub fn release(&mut self, epoch: Epoch) -> Result<(), CommitError> {
        self.renew(epoch, 0)?;
        // Nobody needs to end this connection to take over.
        diesel::update(hera_lock::table.filter(hera_lock::epoch.eq(epoch.0)))
            .set(hera_lock::connection_id.eq(None::<i64>))
            .execute(&mut self.conn)
            .map_err(StoreError::from)?;
        Ok(())
    }

    /// Writes everything that a batch decided, or nothing of it.
    pub fn commit(&mut self, epoch: Epoch, batch: &Batch) -> Result<CommitSeq, CommitError> {
        let write = |conn: &mut AnyConn| batch.write(conn, epoch);
        match dialect::write_tx(&mut self.conn, &self.database.turn, write) {
            Err(CommitError::Database(StoreError::Database(error)))
                if super::error::is_deadlock(&error) =>
            {
                dialect::write_tx(&mut self.conn, &self.database.turn, write)
            }
            other => other,
        }
    }

    /// The leadership and number of the latest commit that the database has: what became of a
    /// commit whose answer was lost. It waits for one that is still on its way.
    pub fn last_commit(&mut self) -> Result<(Epoch, CommitSeq), StoreError> {
        self.reconnect()?;
        dialect::write_tx(&mut self.conn, &self.database.turn, |conn| {
            // A write: on MySQL it waits until the older connection's transaction has ended.
            diesel::sql_query("UPDATE hera_lock SET id = 1 WHERE id = 1").execute(conn)?;
            numbers(conn)
        })
    }

    /// Makes a new connection if the old one does not answer.
    fn revive(&mut self) -> Result<(), StoreError> {
        if self.conn.is_broken() || self.conn.ping().is_err() {
            self.reconnect()?;
        }
        Ok(())
    }

    /// Replaces the connection; the server is told to end the old one, which may be stuck inside
    /// a transaction that nobody will finish.
    fn reconnect(&mut self) -> Result<(), StoreError> {
        let mut fresh = self.connector.connect()?;
        let id = dialect::connection_id(&mut fresh)?;
        if let Some(old) = self.id {
            dialect::kill_connection(&mut fresh, old);
            diesel::update(hera_lock::table.filter(hera_lock::connection_id.eq(old)))
                .set(hera_lock::connection_id.eq(id))
                .execute(&mut fresh)?;
        }
        self.id = id;
        self.conn = fresh;
        Ok(())
    }
}

impl std::fmt::Debug for LeaderConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LeaderConnection")
            .field(self.connector.target())
            .finish()
    }
}

/// The database's clock.
pub(super) fn database_now(conn: &mut AnyConn) -> Result<Timestamp, StoreError> {
    let now = diesel::select(sql::<Instant>(dialect::now_sql(conn)));
    Ok(now.first::<At>(conn)?.0)
}

fn numbers(conn: &mut AnyConn) -> Result<(Epoch, CommitSeq), StoreError> {
    let (epoch, seq) = hera_lock::table
        .select((hera_lock::epoch, hera_lock::commit_seq))
        .filter(hera_lock::id.eq(1))
        .first::<(i64, i64)>(conn)?;
    Ok((Epoch(epoch), CommitSeq(seq)))
}

fn view(conn: &mut AnyConn) -> Result<LeaseView, StoreError> {
    type Row = (
        Option<String>,
        Option<String>,
        Option<String>,
        i64,
        i64,
        i64,
        At,
    );
    let (name, http, connect, epoch, seq, definitions, expires_at): Row = hera_lock::table
        .select((
            hera_lock::holder,
            hera_lock::http_address,
            hera_lock::connect_address,
            hera_lock::epoch,
            hera_lock::commit_seq,
            hera_lock::definitions_seq,
            hera_lock::expires_at,
        ))
        .filter(hera_lock::id.eq(1))
        .first(conn)?;
    Ok(LeaseView {
        holder: name.map(|name| Holder {
            name,
            http: http.unwrap_or_default(),
            connect: connect.unwrap_or_default(),
        }),
        epoch: Epoch(epoch),
        commit_seq: CommitSeq(seq),
        definitions_seq: CommitSeq(definitions),
        expires_at: expires_at.0,
        now: database_now(conn)?,
    })
}
