//! What a database says of its own schema, in the same words for both.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::store::dialect::{self, AnyConn};

/// Table → column → type in the words of schema.rs.
pub(super) type Columns = BTreeMap<String, BTreeMap<String, String>>;
/// (table, index, unique, columns in order); a primary key is the index `PRIMARY`.
pub(super) type Indexes = BTreeSet<(String, String, bool, String)>;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    tbl: String,
    #[diesel(sql_type = Text)]
    col: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    nullable: i64,
    /// Its place in the primary key, counted from 1; 0 outside.
    #[diesel(sql_type = BigInt)]
    pk: i64,
}

#[derive(QueryableByName)]
struct Index {
    #[diesel(sql_type = Text)]
    tbl: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    uniq: i64,
    #[diesel(sql_type = Text)]
    cols: String,
}

const MYSQL_COLUMNS: &str = "SELECT table_name AS tbl, column_name AS col, \
     CAST(data_type AS CHAR) AS kind, is_nullable = 'YES' AS nullable, 0 AS pk \
     FROM information_schema.columns \
     WHERE table_schema = DATABASE() AND table_name LIKE 'hera%'";
const SQLITE_COLUMNS: &str = "SELECT m.name AS tbl, c.name AS col, c.type AS kind, \
     c.\"notnull\" = 0 AS nullable, c.pk AS pk \
     FROM sqlite_master m JOIN pragma_table_info(m.name) c \
     WHERE m.type = 'table' AND m.name LIKE 'hera%'";
const MYSQL_INDEXES: &str = "SELECT table_name AS tbl, index_name AS name, \
     MAX(non_unique) = 0 AS uniq, \
     CAST(GROUP_CONCAT(column_name ORDER BY seq_in_index) AS CHAR) AS cols \
     FROM information_schema.statistics \
     WHERE table_schema = DATABASE() AND table_name LIKE 'hera%' \
     GROUP BY table_name, index_name";
const SQLITE_INDEXES: &str = "SELECT tbl, name, uniq, GROUP_CONCAT(col) AS cols FROM ( \
     SELECT m.name AS tbl, i.name AS name, i.\"unique\" AS uniq, c.name AS col \
     FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) c \
     WHERE m.type = 'table' AND m.name LIKE 'hera%' AND i.origin = 'c' \
     ORDER BY m.name, i.name, c.seqno) GROUP BY tbl, name, uniq";

fn load_columns(conn: &mut AnyConn) -> Vec<Column> {
    let query = if dialect::is_shared(conn) {
        MYSQL_COLUMNS
    } else {
        SQLITE_COLUMNS
    };
    diesel::sql_query(query).load(conn).unwrap()
}

/// The word of schema.rs for a type of a database.
fn word(column: &Column) -> String {
    let word = match column.kind.to_ascii_lowercase().as_str() {
        "bigint" => "BigInt",
        // SQLite's row id.
        "integer" if column.pk == 1 => "BigInt",
        "int" | "integer" => "Integer",
        "smallint" => "SmallInt",
        "tinyint" | "boolean" => "Bool",
        "varchar" | "text" | "mediumtext" => "Text",
        "mediumblob" | "blob" => "Binary",
        "datetime" | "timestamp" => "Instant",
        other => panic!("{}.{} has the type {other}", column.tbl, column.col),
    };
    if column.nullable == 1 {
        format!("Nullable<{word}>")
    } else {
        word.to_owned()
    }
}

pub(super) fn columns(conn: &mut AnyConn) -> Columns {
    let mut tables = Columns::new();
    for column in load_columns(conn) {
        let word = word(&column);
        tables
            .entry(column.tbl)
            .or_default()
            .insert(column.col, word);
    }
    tables
}

pub(super) fn indexes(conn: &mut AnyConn) -> Indexes {
    let shared = dialect::is_shared(conn);
    let query = if shared {
        MYSQL_INDEXES
    } else {
        SQLITE_INDEXES
    };
    let rows: Vec<Index> = diesel::sql_query(query).load(conn).unwrap();
    let mut indexes: Indexes = rows
        .into_iter()
        .map(|row| (row.tbl, row.name, row.uniq == 1, row.cols))
        .collect();
    if !shared {
        let mut keys: BTreeMap<String, BTreeMap<i64, String>> = BTreeMap::new();
        for column in load_columns(conn)
            .into_iter()
            .filter(|column| column.pk > 0)
        {
            keys.entry(column.tbl)
                .or_default()
                .insert(column.pk, column.col);
        }
        for (table, key) in keys {
            let cols: Vec<_> = key.into_values().collect();
            indexes.insert((table, "PRIMARY".to_owned(), true, cols.join(",")));
        }
    }
    indexes
}

/// The tables as schema.rs describes them.
pub(super) fn described() -> Columns {
    let mut tables = Columns::new();
    let mut table = String::new();
    for line in include_str!("../schema.rs").lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            table = name.to_owned();
        } else if let Some((column, kind)) = line.split_once(" -> ") {
            let kind = kind.trim_end_matches(',').to_owned();
            tables
                .entry(table.clone())
                .or_default()
                .insert(column.to_owned(), kind);
        }
    }
    tables
}
