//! `hera-admin db`: the database's life outside the server's.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use hera_settings::{Database, Settings};

use super::table::say;
use crate::store::{PoolSettings, SchemaStatus, Store};

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Create the schema and the first data in an empty database
    Init,
    /// Apply the migrations that are missing; stop the admin before
    Upgrade,
    /// Delete everything and begin anew; stop the admin before
    Reset {
        /// Really
        #[arg(long)]
        yes: bool,
    },
    /// Say how the schema stands against this program's
    Status,
    /// Write a copy of a SQLite database, also while the admin runs
    Backup {
        /// The new file; by default beside the database
        file: Option<PathBuf>,
    },
}

/// Connects to the configured database.
///
/// # Errors
/// When it cannot be reached.
pub fn open_store(settings: &Settings) -> anyhow::Result<Store> {
    let url = match &settings.database {
        Database::Sqlite(path) => format!("sqlite://{}", path.display()),
        mysql @ Database::Mysql { .. } => mysql.mysql_url().context("it is a MySQL address")?,
    };
    let pool = PoolSettings {
        max: settings.pool.max_active,
        min_idle: settings.pool.min_idle,
        initial: settings.pool.initial_size,
        idle: settings.pool.min_evictable_idle,
        test_on_borrow: settings.pool.test_on_borrow,
        wait: settings.pool.max_wait,
        slow: settings.pool.slow_sql,
        user: None,
        password: None,
    };
    Ok(Store::open(&url, &pool)?)
}

/// Connects for one command, which needs one connection.
fn open_briefly(settings: &Settings) -> anyhow::Result<Store> {
    let mut settings = settings.clone();
    settings.pool.initial_size = 0;
    open_store(&settings)
}

/// Connects to a database whose schema is this program's.
pub(super) async fn open_ready(settings: &Settings) -> anyhow::Result<Store> {
    let store = open_briefly(settings)?;
    match store.schema_status().await? {
        SchemaStatus::Current => Ok(store),
        SchemaStatus::Empty => bail!(
            "{} is empty; create its schema with `hera-admin db init`",
            store.describe()
        ),
        SchemaStatus::Behind(_) => bail!(
            "the schema of {} is older than this program; run `hera-admin db upgrade`",
            store.describe()
        ),
        SchemaStatus::Newer(_) => bail!(
            "the schema of {} is newer than this program; install the program that made it",
            store.describe()
        ),
    }
}

pub(super) async fn run(command: DbCommand, settings: &Settings) -> anyhow::Result<()> {
    let store = open_briefly(settings)?;
    match command {
        DbCommand::Init | DbCommand::Upgrade => {
            // Only an upgrade changes what a running admin stands on.
            if let DbCommand::Upgrade = command {
                store.lock_exclusive()?;
            }
            let applied = store.migrate().await?;
            if applied.is_empty() {
                say("nothing to do: the schema is up to date")?;
            }
            for name in applied {
                say(&format!("applied {name}"))?;
            }
        }
        DbCommand::Reset { yes: false } => bail!(
            "this deletes every group, job, run and user in {}; say --yes if that is wanted",
            store.describe()
        ),
        DbCommand::Reset { yes: true } => {
            store.lock_exclusive()?;
            store.reset().await?;
            say(&format!("{} has its first data again", store.describe()))?;
        }
        DbCommand::Status => say(&match store.schema_status().await? {
            SchemaStatus::Empty => "empty: run `hera-admin db init`".to_owned(),
            SchemaStatus::Current => "current".to_owned(),
            SchemaStatus::Behind(missing) => format!("behind, missing {}", missing.join(", ")),
            SchemaStatus::Newer(unknown) => format!("newer, with {}", unknown.join(", ")),
        })?,
        DbCommand::Backup { file } => {
            let Database::Sqlite(database) = &settings.database else {
                bail!("back a MySQL database up with mysqldump --single-transaction");
            };
            let file = file.unwrap_or_else(|| {
                let mut name = database.as_os_str().to_owned();
                name.push(".backup");
                name.into()
            });
            if file.exists() {
                bail!(
                    "{} is there already; move it away or name another file",
                    file.display()
                );
            }
            store.backup(file.clone()).await?;
            say(&file.display().to_string())?;
        }
    }
    Ok(())
}
