//! The only file that knows which database it talks to: how to connect, how a write transaction
//! begins, what the time is called, how many rows go in at once.

use std::sync::{Mutex, PoisonError};

use diesel::connection::{
    AnsiTransactionManager, LoadConnection, SimpleConnection, TransactionManager,
};
use diesel::mysql::MysqlConnection;
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::sqlite::SqliteConnection;

use super::target::Target;
use super::{StoreError, socket};

/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub(super) enum AnyConn {
    Mysql(MysqlConnection),
    Sqlite(SqliteConnection),
}

/// How long SQLite waits for another process's write.
const SQLITE_INIT: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
     PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; ";

/// Scripts and parameters are compared byte by byte; a broken connection must not wait a minute
/// for a row lock.
const MYSQL_INIT: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = 5",
];

/// Makes connections for the pool, and the leader's own.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    target: Target,
    /// Whether every commit reaches the disk before it is answered (SQLite).
    durable: bool,
}

impl Connector {
    /// A connector for the state: a commit that was answered survives a power cut.
    pub(super) fn state(target: Target) -> Self {
        Self {
            target,
            durable: true,
        }
    }

    /// A connector for run logs: a power cut may cost the last moments, no crash of a process does.
    pub(super) fn logs(target: &Target) -> Self {
        Self {
            target: target.logs(),
            durable: false,
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Opens a connection and makes it ready.
    pub(super) fn connect(&self) -> Result<AnyConn, StoreError> {
        self.try_connect().map_err(|error| StoreError::Connect {
            target: self.target.to_string(),
            reason: explain(&error),
        })
    }

    fn try_connect(&self) -> ConnectionResult<AnyConn> {
        match &self.target {
            Target::Sqlite { file } => {
                let mut conn = SqliteConnection::establish(&file.to_string_lossy())?;
                let synchronous = if self.durable { "FULL" } else { "NORMAL" };
                let init = format!("{SQLITE_INIT} PRAGMA synchronous = {synchronous};");
                conn.batch_execute(&init)
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConn::Sqlite(conn))
            }
            Target::Mysql { url } => {
                let mut conn = MysqlConnection::establish(&Target::mysql_url(url))?;
                // A sandbox may forbid it: then a dead network is noticed late, as ever.
                if let Err(error) = socket::end_when_dead(url.port().unwrap_or(3306)) {
                    tracing::debug!(%error, "database connections keep the kernel's patience");
                }
                for statement in MYSQL_INIT {
                    conn.batch_execute(statement)
                        .map_err(ConnectionError::CouldntSetupConfiguration)?;
                }
                Ok(AnyConn::Mysql(conn))
            }
        }
    }
}

impl ManageConnection for Connector {
    type Connection = AnyConn;
    type Error = ConnectionError;

    fn connect(&self) -> ConnectionResult<AnyConn> {
        self.try_connect()
    }

    fn is_valid(&self, conn: &mut AnyConn) -> Result<(), ConnectionError> {
        conn.ping()
            .map_err(ConnectionError::CouldntSetupConfiguration)
    }

    fn has_broken(&self, conn: &mut AnyConn) -> bool {
        conn.is_broken()
    }
}

/// Adds the remedy to the causes that people meet.
fn explain(error: &ConnectionError) -> String {
    let cause = error.to_string();
    let remedy = if cause.contains("Access denied") {
        "check the user and the password"
    } else if cause.contains("Unknown database") {
        "create it: CREATE DATABASE … CHARACTER SET utf8mb4"
    } else if cause.contains("Can't connect") || cause.contains("Unknown") {
        "check that the server runs there and that the host and port are right"
    } else if cause.contains("unable to open") || cause.contains("readonly") {
        "check that the folder exists and is writable"
    } else {
        return cause;
    };
    format!("{cause}; {remedy}")
}

/// Runs `f` in a transaction that writes. Writers of a SQLite file take turns at `turn`: waiting
/// on a lock is fair and exact where SQLite itself would sleep and poll.
pub(super) fn write_tx<T, E: From<diesel::result::Error>>(
    conn: &mut AnyConn,
    turn: &Mutex<()>,
    f: impl FnOnce(&mut AnyConn) -> Result<T, E>,
) -> Result<T, E> {
    type Manager = <AnyConn as Connection>::TransactionManager;
    let _turn = match conn {
        AnyConn::Sqlite(sqlite) => {
            let guard = turn.lock().unwrap_or_else(PoisonError::into_inner);
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
            Some(guard)
        }
        AnyConn::Mysql(_) => {
            Manager::begin_transaction(conn)?;
            None
        }
    };
    match f(conn) {
        Ok(value) => {
            Manager::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => {
            // The connection is thrown away if even this fails; the cause matters more.
            drop(Manager::rollback_transaction(conn));
            Err(error)
        }
    }
}

/// The database's clock as an expression.
pub(super) fn now_sql(conn: &AnyConn) -> &'static str {
    match conn {
        AnyConn::Mysql(_) => "UTC_TIMESTAMP(3)",
        AnyConn::Sqlite(_) => "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    }
}

/// The database's clock plus a bound number of milliseconds.
pub(super) fn now_plus_ms_sql(conn: &AnyConn) -> &'static str {
    match conn {
        AnyConn::Mysql(_) => "TIMESTAMPADD(MICROSECOND, 1000 * ?, UTC_TIMESTAMP(3))",
        AnyConn::Sqlite(_) => "strftime('%Y-%m-%d %H:%M:%f', 'now', (? / 1000.0) || ' seconds')",
    }
}

/// Whether the database is one that several admins may share.
pub(super) fn is_shared(conn: &AnyConn) -> bool {
    match conn {
        AnyConn::Mysql(_) => true,
        AnyConn::Sqlite(_) => false,
    }
}

/// The id that the last insert of this connection was given.
pub(super) fn last_id(conn: &mut AnyConn) -> QueryResult<i64> {
    let query = match conn {
        AnyConn::Mysql(_) => "LAST_INSERT_ID()",
        AnyConn::Sqlite(_) => "last_insert_rowid()",
    };
    diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(query)).first(conn)
}

/// Rows that go into one statement: far below SQLite's 32,766 variables and MySQL's packet.
pub(super) const ROWS_PER_INSERT: usize = 200;

/// Inserts many rows with few statements (the enum of connections cannot by itself).
macro_rules! insert_many {
    ($conn:expr, $table:expr, $rows:expr) => {
        $crate::store::dialect::per_connection!($conn, $rows, |chunk, conn| {
            diesel::insert_into($table).values(chunk).execute(conn)
        })
    };
}

/// Like `insert_many!`, but takes the place of rows with the same key.
macro_rules! replace_many {
    ($conn:expr, $table:expr, $rows:expr) => {
        $crate::store::dialect::per_connection!($conn, $rows, |chunk, conn| {
            diesel::replace_into($table).values(chunk).execute(conn)
        })
    };
}

/// Runs a statement that only the real connections can build, for slices of the rows.
macro_rules! per_connection {
    ($conn:expr, $rows:expr, |$chunk:ident, $inner:ident| $statement:expr) => {{
        let rows = $rows;
        let conn: &mut $crate::store::dialect::AnyConn = $conn;
        rows.chunks($crate::store::dialect::ROWS_PER_INSERT)
            .try_for_each(|$chunk| match conn {
                $crate::store::dialect::AnyConn::Mysql($inner) => $statement.map(drop),
                $crate::store::dialect::AnyConn::Sqlite($inner) => $statement.map(drop),
            })
    }};
}
pub(super) use {insert_many, per_connection, replace_many};

/// What the embedded migrations need of a connection.
pub(super) fn attach_logs(conn: &mut AnyConn, target: &Target) -> QueryResult<()> {
    match conn {
        AnyConn::Mysql(_) => Ok(()),
        AnyConn::Sqlite(sqlite) => {
            let logs = target.logs();
            let file = logs.file().map(|f| f.to_string_lossy().into_owned());
            diesel::sql_query("ATTACH DATABASE ? AS logs")
                .bind::<diesel::sql_types::Text, _>(file.unwrap_or_default())
                .execute(sqlite)
                .map(drop)
        }
    }
}

/// Runs `f` where the logs have a file of their own.
pub(super) fn if_logs_apart(
    conn: &mut AnyConn,
    f: impl FnOnce(&mut AnyConn) -> QueryResult<()>,
) -> QueryResult<()> {
    match conn {
        AnyConn::Mysql(_) => Ok(()),
        AnyConn::Sqlite(_) => f(conn),
    }
}

/// Lets one program at a time change a shared schema (a SQLite file has its lock file); false if
/// another one does not come to its end. The lock goes with the connection.
pub(super) fn lock_schema(conn: &mut AnyConn) -> QueryResult<bool> {
    match conn {
        AnyConn::Mysql(mysql) => {
            let locked = diesel::dsl::sql::<diesel::sql_types::BigInt>(
                "IFNULL(GET_LOCK(CONCAT(LEFT(DATABASE(), 50), '.schema'), 120), 0)",
            );
            Ok(diesel::select(locked).first::<i64>(mysql)? == 1)
        }
        AnyConn::Sqlite(_) => Ok(true),
    }
}

/// Whether a table exists.
pub(super) fn has_table(conn: &mut AnyConn, name: &str) -> QueryResult<bool> {
    let query = match conn {
        AnyConn::Mysql(_) => {
            "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
        }
        AnyConn::Sqlite(_) => {
            "SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'table' AND name = ?"
        }
    };
    diesel::sql_query(query)
        .bind::<diesel::sql_types::Text, _>(name)
        .get_result::<Count>(conn)
        .map(|count| count.n > 0)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

/// The server's number for a connection; a file has none.
pub(super) fn connection_id(conn: &mut AnyConn) -> QueryResult<Option<i64>> {
    match conn {
        AnyConn::Mysql(mysql) => diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
            "CONNECTION_ID()",
        ))
        .first(mysql)
        .map(Some),
        AnyConn::Sqlite(_) => Ok(None),
    }
}

/// Ends another connection of the same user; one that is gone already is as good.
pub(super) fn kill_connection(conn: &mut AnyConn, id: i64) {
    match conn {
        AnyConn::Mysql(mysql) => {
            drop(diesel::sql_query(format!("KILL {id}")).execute(mysql));
        }
        AnyConn::Sqlite(_) => {}
    }
}

/// Runs `f` so that all its reads see the same state.
pub(super) fn read_tx<T, E: From<diesel::result::Error>>(
    conn: &mut AnyConn,
    f: impl FnOnce(&mut AnyConn) -> Result<T, E>,
) -> Result<T, E> {
    // Of MySQL's levels only this one (for the next transaction) reads one snapshot; a SQLite
    // transaction always does.
    if let AnyConn::Mysql(mysql) = conn {
        mysql.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    }
    conn.transaction(f)
}
