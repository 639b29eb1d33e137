//! The database: everything that is SQL, on SQLite and on MySQL or MariaDB alike.
//!
//! A [`Store`] is a pool of connections for reads and for what is not the leader's; whatever the
//! engine decides goes through the one [`LeaderConnection`], fenced. Calls are async outside and
//! closures on a blocking thread inside; only `dialect` knows which database it is.

mod admins;
mod alarms;
mod backup;
mod calendars;
mod commit;
mod definitions;
mod dialect;
mod error;
mod files;
mod groups;
mod host_groups;
mod idempotency;
mod imports;
mod instant;
mod jobs;
mod lease;
pub mod legacy;
mod logs;
mod migrate;
mod people;
mod permissions;
mod reasons;
mod records;
mod run_list;
mod runs;
mod schema;
mod settings;
mod snapshot;
mod socket;
mod target;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod versions;
mod workers;

use std::fs::{File, TryLockError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hera_domain::clock::Timestamp;
use tokio::sync::Semaphore;

pub use admins::AdminSeen;
pub use alarms::AlarmRow;
pub use calendars::CalendarChange;
pub use commit::{Batch, CommitError};
pub use definitions::DefinitionChanges;
pub use error::StoreError;
pub use files::{FileDraft, FileHead};
pub use groups::{GroupChange, GroupRevision};
pub use host_groups::HostGroupChange;
pub use idempotency::{IdempotencyKey, KeyUse, Made};
pub use imports::{Area, ImportMark};
pub use jobs::{JobEdit, JobRevision, RevisionHead, StoredJob};
pub use lease::{Holder, LeaderConnection, Lease, LeaseView};
pub use logs::{LogAppend, LogSlice, LogTail};
pub use migrate::SchemaStatus;
pub use people::{NewUser, Session, Team, Token, User};
pub use permissions::Permission;
pub use records::{AuditRecord, RecordRow, Subject};
pub use run_list::{RunCount, RunFilter, RunView};
pub use runs::RenderedRun;
pub use snapshot::LeaderState;
pub use workers::{Credential, Stranger, WorkerChange, WorkerRow, WorkerSeen};

use dialect::{AnyConn, Connector};
use target::Target;

/// A part of a list, and where the next part begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The cursor for what follows; `None` at the end.
    pub next: Option<i64>,
}

impl<T> Page<T> {
    /// Cuts what was read one row beyond the limit.
    fn cut(mut items: Vec<T>, limit: i64, key: impl Fn(&T) -> i64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = items.len() > limit;
        items.truncate(limit);
        Self {
            next: items.last().filter(|_| more).map(key),
            items,
        }
    }
}

/// What changed, by id; `None` = deleted.
type Changes<Id, Def> = Vec<(Id, Option<Arc<Def>>)>;

/// How many connections there may be, how long a call waits for one, and who connects.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    pub max: u32,
    pub min_idle: u32,
    /// Opened at once; those beyond `min_idle` are closed again if nobody needs them.
    pub initial: u32,
    pub wait: Duration,
    /// A connection that nobody used for so long is closed.
    pub idle: Duration,
    /// Whether a connection is asked for a sign of life before it is used.
    pub test_on_borrow: bool,
    /// A call that takes longer is logged.
    pub slow: Duration,
    /// For an address that names no user.
    pub user: Option<String>,
    pub password: Option<String>,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max: 16,
            min_idle: 1,
            initial: 0,
            wait: Duration::from_secs(5),
            idle: Duration::from_mins(5),
            test_on_borrow: true,
            slow: Duration::from_secs(1),
            user: None,
            password: None,
        }
    }
}

/// The database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    state: Arc<Database>,
    /// A second file on SQLite, the same database on MySQL.
    logs: Arc<Database>,
    /// The exclusive lock on a SQLite database, once taken.
    lock: Arc<Mutex<Option<File>>>,
}

/// One pool and what bounds it.
struct Database {
    connector: Connector,
    pool: diesel::r2d2::Pool<Connector>,
    /// As many as connections: whoever has one never waits for a connection for long.
    permits: Semaphore,
    /// Writers of a SQLite file take turns.
    turn: Mutex<()>,
    wait: Duration,
    slow: Duration,
}

impl Store {
    /// Connects to a database by its address; the schema may still be missing.
    pub fn open(url: &str, settings: &PoolSettings) -> Result<Self, StoreError> {
        let target = Target::parse(url, settings.user.as_deref(), settings.password.as_deref())?;
        if let Some(folder) = target.file().and_then(|file| file.parent()) {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::File {
                file: folder.to_owned(),
                source,
            })?;
        }
        let logs = Connector::logs(&target);
        let separate = logs.target() != &target;
        let state = Arc::new(Database::open(Connector::state(target), settings)?);
        let logs = if separate {
            Arc::new(Database::open(logs, settings)?)
        } else {
            state.clone()
        };
        Ok(Self {
            state,
            logs,
            lock: Arc::default(),
        })
    }

    /// Makes sure that no other admin uses a SQLite database, for as long as this store (or a
    /// clone of it) lives; on MySQL the lease does that.
    pub fn lock_exclusive(&self) -> Result<(), StoreError> {
        let Some(file) = self.state.connector.target().file() else {
            return Ok(());
        };
        let mut held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return Ok(());
        }
        let path = target::beside(file, ".lock");
        let failed = |source| StoreError::File {
            file: path.clone(),
            source,
        };
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => *held = Some(lock),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    file: file.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        Ok(())
    }

    /// Whether several admins may share the database.
    pub fn is_shared(&self) -> bool {
        self.state.connector.target().file().is_none()
    }

    /// The database in words, without the password.
    pub fn describe(&self) -> String {
        self.state.connector.target().to_string()
    }

    /// The database's clock.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        self.read(lease::database_now).await
    }

    async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut AnyConn) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        Database::run(&self.state, f).await
    }

    async fn write<T: Send + 'static>(
        &self,
        f: impl Fn(&mut AnyConn) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        Database::write(&self.state, f).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.describe()).finish()
    }
}

impl Database {
    fn open(connector: Connector, settings: &PoolSettings) -> Result<Self, StoreError> {
        // Once by hand: the pool itself would try again and again and then say only "timed out".
        drop(connector.connect()?);
        let max = settings.max.max(1);
        let pool = diesel::r2d2::Pool::builder()
            .max_size(max)
            .min_idle(Some(settings.min_idle.min(max)))
            .connection_timeout(settings.wait)
            .idle_timeout(Some(settings.idle))
            .test_on_check_out(settings.test_on_borrow)
            .build_unchecked(connector.clone());
        // Held together, so that each is another one.
        let first = (0..settings.initial.min(max)).map_while(|_| pool.get().ok());
        drop(first.collect::<Vec<_>>());
        Ok(Self {
            connector,
            pool,
            permits: Semaphore::new(max as usize),
            turn: Mutex::new(()),
            wait: settings.wait,
            slow: settings.slow,
        })
    }

    async fn run<T: Send + 'static>(
        this: &Arc<Self>,
        f: impl FnOnce(&mut AnyConn) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let wait = tokio::time::timeout(this.wait, this.permits.acquire());
        let Ok(permit) = wait.await else {
            return Err(StoreError::Busy {
                waited_ms: u64::try_from(this.wait.as_millis()).unwrap_or(u64::MAX),
            });
        };
        let _permit = permit.expect("the permits are never closed");
        let database = this.clone();
        tokio::task::spawn_blocking(move || database.run_here(f))
            .await
            .unwrap_or_else(|error| match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_cancelled) => Err(StoreError::Stopping),
            })
    }

    fn run_here<T>(
        &self,
        f: impl FnOnce(&mut AnyConn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut conn = self.pool.get().map_err(|error| StoreError::Connect {
            target: self.connector.target().to_string(),
            reason: error.to_string(),
        })?;
        let started = std::time::Instant::now();
        let result = f(&mut conn);
        let took = started.elapsed();
        if took > self.slow {
            tracing::warn!(took_ms = took.as_millis(), "slow database call");
        }
        result
    }

    async fn write<T: Send + 'static>(
        this: &Arc<Self>,
        f: impl Fn(&mut AnyConn) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = this.clone();
        Self::run(this, move |conn| database.write_here(conn, f)).await
    }

    /// One write transaction; a deadlock's victim is repeated once.
    fn write_here<T>(
        &self,
        conn: &mut AnyConn,
        f: impl Fn(&mut AnyConn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match dialect::write_tx(conn, &self.turn, &f) {
            Err(StoreError::Database(error)) if error::is_deadlock(&error) => {
                dialect::write_tx(conn, &self.turn, &f)
            }
            other => other,
        }
    }
}

/// A word of one of our enums, as the database keeps it.
fn word<T: std::str::FromStr<Err = hera_domain::status::UnknownWord>>(
    text: &str,
    what: &'static str,
) -> Result<T, StoreError> {
    text.parse().map_err(|error| corrupt(what, text, &error))
}

/// A JSON text.
fn from_json<T: serde::de::DeserializeOwned>(
    text: &str,
    what: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(what, text, &error))
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our own types with text keys can be written as JSON")
}

fn corrupt(what: &'static str, found: &str, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        what,
        found: found.chars().take(80).collect(),
        reason: reason.to_string(),
    }
}
