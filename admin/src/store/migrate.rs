//! Bringing the schema up to date.

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::dialect::{self, AnyConn, MultiBackend};
use super::{Store, StoreError};

const MYSQL: EmbeddedMigrations = embed_migrations!("../migrations/mysql");
const SQLITE: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
/// Also run when the file of logs is gone: it may be deleted to free space.
const SQLITE_LOGS: &str =
    include_str!("../../../migrations/sqlite/2026-11-20-000004_run_logs/up.sql");

/// How the schema stands against this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaStatus {
    /// Nothing of ours is there.
    Empty,
    /// These migrations are still to come.
    Behind(Vec<String>),
    Current,
    /// A newer program has been here; these are unknown to this one.
    Newer(Vec<String>),
}

impl Store {
    /// Creates the schema and the first data, or applies what is missing; answers the names of
    /// the migrations that were applied.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        self.alone(|conn| {
            refuse_newer(conn)?;
            let done: Vec<String> = conn
                .run_pending_migrations(migrations(conn))
                .map_err(StoreError::Migration)?
                .iter()
                .map(ToString::to_string)
                .collect();
            dialect::if_logs_apart(conn, |conn| conn.batch_execute(SQLITE_LOGS))?;
            let names = known(conn)?.into_iter();
            Ok(names
                .filter(|(version, _)| done.contains(version))
                .map(|(_, name)| name)
                .collect())
        })
        .await
    }

    /// Deletes everything and begins anew with the first data.
    pub async fn reset(&self) -> Result<(), StoreError> {
        self.revert_all().await?;
        self.migrate().await.map(drop)
    }

    /// Leaves nothing of the schema.
    pub(super) async fn revert_all(&self) -> Result<(), StoreError> {
        self.alone(|conn| {
            refuse_newer(conn)?;
            conn.revert_all_migrations(migrations(conn))
                .map(drop)
                .map_err(StoreError::Migration)
        })
        .await
    }

    /// How the schema stands.
    pub async fn schema_status(&self) -> Result<SchemaStatus, StoreError> {
        self.read(status).await
    }

    /// Runs `f` on a connection of its own while no other admin migrates.
    async fn alone<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut AnyConn) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connector = self.state.connector.clone();
        let database = self.state.clone();
        let work = move || {
            let mut conn = connector.connect()?;
            dialect::attach_logs(&mut conn, connector.target())?;
            let _turn = database
                .turn
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if !dialect::lock_schema(&mut conn)? {
                let why = "another hera-admin has been changing it for two minutes; see what it does, then try again";
                return Err(StoreError::Migration(why.into()));
            }
            f(&mut conn)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or(Err(StoreError::Stopping))
    }
}

fn migrations(conn: &AnyConn) -> EmbeddedMigrations {
    if dialect::is_shared(conn) {
        MYSQL
    } else {
        SQLITE
    }
}

fn refuse_newer(conn: &mut AnyConn) -> Result<(), StoreError> {
    match status(conn)? {
        SchemaStatus::Newer(unknown) => Err(StoreError::NewerSchema { unknown }),
        SchemaStatus::Empty | SchemaStatus::Behind(_) | SchemaStatus::Current => Ok(()),
    }
}

/// Version and name of every migration of this program, in order.
fn known(conn: &AnyConn) -> Result<Vec<(String, String)>, StoreError> {
    let all = MigrationSource::<MultiBackend>::migrations(&migrations(conn))
        .map_err(StoreError::Migration)?;
    let mut known: Vec<_> = all
        .iter()
        .map(|m| (m.name().version().to_string(), m.name().to_string()))
        .collect();
    known.sort();
    Ok(known)
}

fn status(conn: &mut AnyConn) -> Result<SchemaStatus, StoreError> {
    let known = known(conn)?;
    let applied: Vec<String> = if dialect::has_table(conn, "__diesel_schema_migrations")? {
        diesel::dsl::sql::<diesel::sql_types::Text>(
            "SELECT version FROM __diesel_schema_migrations ORDER BY version",
        )
        .load(conn)?
    } else {
        Vec::new()
    };
    let unknown: Vec<String> = applied
        .iter()
        .filter(|version| known.iter().all(|(known, _)| known != *version))
        .cloned()
        .collect();
    let missing: Vec<String> = known
        .iter()
        .filter(|(version, _)| !applied.contains(version))
        .map(|(_, name)| name.clone())
        .collect();
    Ok(if !unknown.is_empty() {
        SchemaStatus::Newer(unknown)
    } else if applied.is_empty() {
        SchemaStatus::Empty
    } else if missing.is_empty() {
        SchemaStatus::Current
    } else {
        SchemaStatus::Behind(missing)
    })
}
