//! What can go wrong with the database, in words for people.

use std::path::PathBuf;

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "{url} is no database address: {reason}. Write sqlite:///absolute/path, sqlite://relative/path or mysql://user:password@host:port/database"
    )]
    Url { url: String, reason: String },
    #[error("cannot reach {target}: {reason}")]
    Connect { target: String, reason: String },
    #[error(
        "{} is in use by another hera-admin. Stop that one first, or give this one another data folder or a MySQL database",
        file.display()
    )]
    Locked { file: PathBuf },
    #[error("cannot use {}: {source}. Check that the folder exists and is writable", file.display())]
    File {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "the database has a newer schema than this program (it knows no {}). Install the program that upgraded it, or a newer one", unknown.join(", ")
    )]
    NewerSchema { unknown: Vec<String> },
    #[error("the schema cannot be brought up to date: {0}")]
    Migration(Box<dyn std::error::Error + Send + Sync>),
    #[error("{0} was not locked, so that nobody may lead on it")]
    Unlocked(String),
    #[error("every connection to the database is busy; it was waited for {waited_ms} ms")]
    Busy { waited_ms: u64 },
    #[error("{what} holds {found}, which this program does not understand: {reason}")]
    Corrupt {
        what: &'static str,
        found: String,
        reason: String,
    },
    #[error("{0} is taken already")]
    Taken(String),
    #[error("the database refused: {0}")]
    Database(#[from] Diesel),
    #[error("a database call was dropped because the program is stopping")]
    Stopping,
}

impl StoreError {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Busy { .. } => true,
            Self::Database(error @ Diesel::DatabaseError(..)) => !is_refused(error),
            // The connection was lost inside a transaction, perhaps while it was being committed.
            Self::Database(
                Diesel::RollbackErrorOnCommit { .. } | Diesel::BrokenTransactionManager,
            ) => true,
            Self::Database(_)
            | Self::Url { .. }
            | Self::Locked { .. }
            | Self::File { .. }
            | Self::NewerSchema { .. }
            | Self::Migration(_)
            | Self::Unlocked(_)
            | Self::Corrupt { .. }
            | Self::Taken(_)
            | Self::Stopping => false,
        }
    }
}

/// Whether a statement failed because its key exists.
pub(super) fn is_duplicate(error: &Diesel) -> bool {
    matches!(
        error,
        Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _)
    )
}

/// Whether a statement failed for what it says: it will fail again however often it is repeated.
/// Anything else may be the server's trouble (MySQL's client reports a lost one as "unknown").
pub(super) fn is_refused(error: &Diesel) -> bool {
    // MySQL's words where diesel has no kind; its error numbers are not passed on.
    const VALUES: [&str; 4] = [
        "Data too long",
        "Out of range value",
        "Incorrect string value",
        "Incorrect datetime value",
    ];
    let Diesel::DatabaseError(kind, info) = error else {
        return matches!(
            error,
            Diesel::SerializationError(_) | Diesel::QueryBuilderError(_)
        );
    };
    matches!(
        kind,
        DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
    ) || VALUES.iter().any(|words| info.message().starts_with(words))
}

/// Whether a transaction was given up so that another could go on.
pub(super) fn is_deadlock(error: &Diesel) -> bool {
    let Diesel::DatabaseError(kind, info) = error else {
        return false;
    };
    matches!(kind, DatabaseErrorKind::SerializationFailure)
        || info.message().contains("Deadlock found")
}
