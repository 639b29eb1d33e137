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
            conn.run_pending_migrations(migrations(conn))
                .map(|done| done.iter().map(ToString::to_string).collect())
                .map_err(|error| StoreError::Migration(error.to_string()))
        })
        .await
    }

    /// Deletes everything and begins anew with the first data.
    pub async fn reset(&self) -> Result<(), StoreError> {
        self.alone(|conn| {
            refuse_newer(conn)?;
            let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
                StoreError::Migration(error.to_string())
            };
            conn.revert_all_migrations(migrations(conn))
                .map_err(failed)?;
            conn.run_pending_migrations(migrations(conn))
                .map_err(failed)?;
            Ok(())
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
            // The lock goes with the connection, whatever happens.
            dialect::lock_schema(&mut conn)?;
            let result = f(&mut conn)?;
            dialect::if_logs_apart(&mut conn, |conn| conn.batch_execute(SQLITE_LOGS))?;
            Ok(result)
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

fn status(conn: &mut AnyConn) -> Result<SchemaStatus, StoreError> {
    let failed =
        |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(error.to_string());
    let known: Vec<(String, String)> =
        MigrationSource::<MultiBackend>::migrations(&migrations(conn))
            .map_err(failed)?
            .iter()
            .map(|m| (m.name().version().to_string(), m.name().to_string()))
            .collect();
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
