//! The database of a HERA that people come from: read, never written.
//!
//! HERA grew columns over its releases and never had a version number in its schema, so what is
//! there is asked of `information_schema`; a column that is missing reads as NULL and is named by
//! [`LegacyHera::missing`]. Everything is read in one read-only transaction, in pages by id.

mod rows;

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::StoreError;
use super::dialect::{AnyConn, Connector};
use super::target::Target;

pub use rows::{
    LegacyArea, LegacyFile, LegacyFileHead, LegacyGroup, LegacyHost, LegacyHostGroup, LegacyJob,
    LegacyJobHead, LegacyLog, LegacyMonitor, LegacyPermission, LegacyPerson, LegacyRow, LegacyRun,
    LegacyTeam,
};

/// One snapshot, whatever HERA does meanwhile, and the server's word that nothing is written.
const BEGIN: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

/// What no HERA is without.
const REQUIRED: [(&str, &str); 9] = [
    ("hera_group", "id"),
    ("hera_group", "name"),
    ("hera_group", "parent"),
    ("hera_group", "directory"),
    ("hera_job", "id"),
    ("hera_job", "name"),
    ("hera_job", "group_id"),
    ("hera_job", "script"),
    ("hera_job", "cron_expression"),
];

/// Why a HERA cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LegacyError {
    #[error(
        "{0}. HERA keeps its data in MySQL: name its database as mysql://user:password@host:port/database"
    )]
    NotMysql(String),
    #[error(transparent)]
    Connect(StoreError),
    #[error("{0} is a database of this program, not one of HERA")]
    Ours(String),
    #[error(
        "{target} holds no HERA: {missing} is missing, or the user may not see it. Check the database's name, and that the user has SELECT on it"
    )]
    NotHera { target: String, missing: String },
    #[error("{table} of {target} cannot be read: {source}. The user needs SELECT on it")]
    Read {
        target: String,
        table: &'static str,
        source: diesel::result::Error,
    },
}

/// A connection to a HERA's database. Its calls block: use it on a blocking thread.
pub struct LegacyHera {
    conn: AnyConn,
    target: String,
    source: String,
    columns: BTreeMap<String, BTreeSet<String>>,
}

impl LegacyHera {
    /// Connects, and makes sure that it is a HERA.
    pub fn open(url: &str) -> Result<Self, LegacyError> {
        let target = Target::parse(url, None, None).map_err(not_reached)?;
        let shown = target.to_string();
        let Some(source) = target.place() else {
            return Err(LegacyError::NotMysql(format!("{shown} is no HERA")));
        };
        let mut conn = Connector::state(target).connect().map_err(not_reached)?;
        let read = |table, source| LegacyError::Read {
            target: shown.clone(),
            table,
            source,
        };
        for statement in BEGIN {
            conn.batch_execute(statement)
                .map_err(|error| read("the schema", error))?;
        }
        let columns = columns(&mut conn).map_err(|error| read("the schema", error))?;
        let hera = Self {
            conn,
            source,
            columns,
            target: shown,
        };
        hera.check()?;
        Ok(hera)
    }

    fn check(&self) -> Result<(), LegacyError> {
        if self.columns.contains_key("hera_job_revision") {
            return Err(LegacyError::Ours(self.target.clone()));
        }
        let missing = REQUIRED
            .iter()
            .find(|(table, column)| !self.has(table, column));
        match missing {
            None => Ok(()),
            Some((table, column)) => Err(LegacyError::NotHera {
                target: self.target.clone(),
                missing: if self.columns.contains_key(*table) {
                    format!("the column {table}.{column}")
                } else {
                    format!("the table {table}")
                },
            }),
        }
    }

    /// The database in words, without the password.
    pub fn describe(&self) -> &str {
        &self.target
    }

    /// What tells this database from another: host, port and name.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether there is such a table.
    pub fn has_table(&self, table: &str) -> bool {
        self.columns.contains_key(table)
    }

    fn has(&self, table: &str, column: &str) -> bool {
        let columns = self.columns.get(table);
        columns.is_some_and(|columns| columns.contains(column))
    }

    /// The columns of a row that this HERA does not have.
    pub fn missing<R: LegacyRow>(&self) -> Vec<&'static str> {
        let columns = R::COLUMNS.iter().map(|(_, column, _)| *column);
        columns
            .filter(|column| !self.has(R::TABLE, column))
            .collect()
    }

    /// Up to `limit` rows with ids after `after`, by id; none if there is no such table.
    pub fn page<R: LegacyRow>(&mut self, after: i64, limit: i64) -> Result<Vec<R>, LegacyError> {
        if !self.has_table(R::TABLE) {
            return Ok(Vec::new());
        }
        let rule = format!("`{0}` > {after} ORDER BY `{0}` LIMIT {limit}", R::KEY);
        self.load(&rule)
    }

    /// The rows with these ids.
    pub fn named<R: LegacyRow>(&mut self, ids: &[i64]) -> Result<Vec<R>, LegacyError> {
        if ids.is_empty() || !self.has_table(R::TABLE) {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let rule = format!("`{0}` IN ({1}) ORDER BY `{0}`", R::KEY, ids.join(", "));
        self.load(&rule)
    }

    fn load<R: LegacyRow>(&mut self, rule: &str) -> Result<Vec<R>, LegacyError> {
        let query = self.select::<R>(rule);
        R::load(self, query).map_err(|source| self.unread(R::TABLE, source))
    }

    /// How many rows a table has; `None` if there is no such table.
    pub fn count(&mut self, table: &'static str) -> Result<Option<i64>, LegacyError> {
        if !self.has_table(table) {
            return Ok(None);
        }
        let count: Count = diesel::sql_query(format!("SELECT COUNT(*) AS n FROM `{table}`"))
            .get_result(&mut self.conn)
            .map_err(|source| self.unread(table, source))?;
        Ok(Some(count.n))
    }

    /// Every column by the name of its field; one that is missing is NULL.
    fn select<R: LegacyRow>(&self, rule: &str) -> String {
        let columns = R::COLUMNS.iter().map(|(field, column, kind)| {
            let there = self.has(R::TABLE, column);
            match (kind, there) {
                (Kind::Number, true) => format!("CAST(`{column}` AS SIGNED) AS `{field}`"),
                (Kind::Text, true) => format!("CONVERT(`{column}` USING utf8mb4) AS `{field}`"),
                (Kind::Number, false) => format!("CAST(NULL AS SIGNED) AS `{field}`"),
                (Kind::Text, false) => format!("CAST(NULL AS CHAR) AS `{field}`"),
            }
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let (table, key) = (R::TABLE, R::KEY);
        format!("SELECT CAST(`{key}` AS SIGNED) AS `id`, {columns} FROM `{table}` WHERE {rule}")
    }

    fn unread(&self, table: &'static str, source: diesel::result::Error) -> LegacyError {
        LegacyError::Read {
            target: self.target.clone(),
            table,
            source,
        }
    }
}

/// The store's remedies are for a database of our own: to create it, or to take SQLite.
fn not_reached(error: StoreError) -> LegacyError {
    if let StoreError::Url { url, reason } = error {
        return LegacyError::NotMysql(format!("{url} is no database address: {reason}"));
    }
    if let StoreError::Connect { target, reason } = &error
        && reason.contains("Unknown database")
    {
        return LegacyError::NotHera {
            target: target.clone(),
            missing: "the database".to_owned(),
        };
    }
    LegacyError::Connect(error)
}

impl std::fmt::Debug for LegacyHera {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LegacyHera").field(&self.target).finish()
    }
}

/// How a column is read: HERA's integers are of every width, its texts of every character set.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Number,
    Text,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    t: String,
    #[diesel(sql_type = Text)]
    c: String,
}

fn columns(conn: &mut AnyConn) -> QueryResult<BTreeMap<String, BTreeSet<String>>> {
    let found: Vec<Column> = diesel::sql_query(
        "SELECT CONVERT(table_name USING utf8mb4) AS t, CONVERT(column_name USING utf8mb4) AS c \
         FROM information_schema.columns WHERE table_schema = DATABASE()",
    )
    .load(conn)?;
    let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for column in found {
        let table = columns.entry(column.t.to_lowercase()).or_default();
        table.insert(column.c.to_lowercase());
    }
    Ok(columns)
}
