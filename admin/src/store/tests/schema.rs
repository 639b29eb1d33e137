//! The schema is the same everywhere: in both trees of migrations, in schema.rs, in hera.sql.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::introspect::{self, Columns, Indexes};
use super::on_each_db;
use crate::store::testing::TestDb;
use crate::store::{SchemaStatus, StoreError};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn migrations(tree: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(project("migrations").join(tree))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The schema of the state and of the logs, which on SQLite are two files.
fn schema_of(db: &TestDb) -> (Columns, Indexes) {
    let mut state = db.store.state.connector.connect().unwrap();
    let mut logs = db.store.logs.connector.connect().unwrap();
    let mut columns = introspect::columns(&mut state);
    columns.extend(introspect::columns(&mut logs));
    let mut indexes = introspect::indexes(&mut state);
    indexes.extend(introspect::indexes(&mut logs));
    (columns, indexes)
}

#[test]
fn both_trees_have_migrations_of_the_same_names() {
    let names = migrations("mysql");
    assert_eq!(names, migrations("sqlite"));
    assert!(!names.is_empty());
}

on_each_db! {
    async fn schema_rs_describes_every_table_and_column_with_its_type(db: &TestDb) {
        assert_eq!(introspect::described(), schema_of(db).0);
    }

    async fn migrations_go_down_and_up_again(db: &TestDb) {
        let fresh = schema_of(db);
        let mut conn = db.store.state.connector.connect().unwrap();
        let names = |conn: &mut _| introspect::columns(conn).into_keys().collect::<Vec<_>>();
        assert_eq!(db.store.schema_status().await.unwrap(), SchemaStatus::Current);
        assert_eq!(db.store.migrate().await.unwrap(), Vec::<String>::new());
        db.store.revert_all().await.unwrap();
        assert_eq!(names(&mut conn), Vec::<String>::new());
        assert_eq!(db.store.schema_status().await.unwrap(), SchemaStatus::Empty);
        let applied = db.store.migrate().await.unwrap();
        assert_eq!(applied, migrations("sqlite"));
        assert_eq!(schema_of(db), fresh);
    }

    async fn a_reset_brings_back_the_first_data_and_nothing_else(db: &TestDb) {
        db.store.set_setting("uuid", "x".to_owned()).await.unwrap();
        db.store.set_first_password(hera_domain::id::UserId(1), "x".to_owned(), true).await.unwrap();
        db.store.reset().await.unwrap();
        assert_eq!(db.store.setting("uuid").await.unwrap(), None);
        assert_eq!(db.store.users().await.unwrap()[0].password_hash, None);
    }

    async fn a_schema_of_a_newer_program_is_refused(db: &TestDb) {
        let mut conn = db.store.state.connector.connect().unwrap();
        diesel::sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')")
            .execute(&mut conn)
            .unwrap();
        let newer = vec!["29991231000001".to_owned()];
        assert_eq!(db.store.schema_status().await.unwrap(), SchemaStatus::Newer(newer));
        for refused in [db.store.migrate().await.unwrap_err(), db.store.reset().await.unwrap_err()] {
            assert!(matches!(refused, StoreError::NewerSchema { .. }));
            assert!(refused.to_string().contains("29991231000001"), "{refused}");
        }
    }
}

#[tokio::test]
async fn keys_and_indexes_are_the_same_on_both_databases() {
    if let Some(mysql) = TestDb::mysql().await {
        let sqlite = TestDb::sqlite().await;
        assert_eq!(schema_of(&mysql), schema_of(&sqlite));
    }
}

/// Every table as the server itself would write it, and every row.
fn dump(db: &TestDb) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text)]
        line: String,
    }
    let mut conn = db.store.state.connector.connect().unwrap();
    let mut lines = |query: &str| -> Vec<String> {
        let rows: Vec<Line> = diesel::sql_query(query).load(&mut conn).unwrap();
        rows.into_iter().map(|row| row.line).collect()
    };
    let mut dump = lines(
        "SELECT CONCAT_WS(' ', table_name, column_name, ordinal_position, column_default, is_nullable, \
         column_type, character_set_name, collation_name, column_key, extra) AS line \
         FROM information_schema.columns WHERE table_schema = DATABASE() \
         ORDER BY table_name, ordinal_position",
    );
    dump.extend(lines(
        "SELECT CONCAT_WS(' ', table_name, index_name, seq_in_index, column_name, non_unique) AS line \
         FROM information_schema.statistics WHERE table_schema = DATABASE() \
         ORDER BY table_name, index_name, seq_in_index",
    ));
    dump.extend(lines(
        "SELECT CONCAT_WS(' ', table_name, engine, table_collation) AS line \
         FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name",
    ));
    for (table, columns) in introspect::described() {
        let columns: Vec<_> = columns
            .keys()
            .map(|column| format!("IFNULL(CONVERT(`{column}` USING utf8mb4), 'NULL')"))
            .collect();
        let columns = columns.join(", ");
        dump.extend(lines(&format!(
            "SELECT CONCAT_WS('|', '{table}', {columns}) AS line FROM {table} ORDER BY 1"
        )));
    }
    dump.extend(lines(
        "SELECT version AS line FROM __diesel_schema_migrations ORDER BY 1",
    ));
    dump
}

#[tokio::test]
async fn hera_sql_makes_the_same_database_as_the_migrations() {
    let (Some(migrated), Some(by_hand)) = (TestDb::mysql().await, TestDb::mysql_empty()) else {
        return;
    };
    let text = std::fs::read_to_string(project("hera.sql")).unwrap();
    let mut conn = by_hand.store.state.connector.connect().unwrap();
    conn.batch_execute(&text).unwrap();
    drop(conn);
    assert_eq!(dump(&by_hand), dump(&migrated));
    assert_eq!(
        by_hand.store.schema_status().await.unwrap(),
        SchemaStatus::Current
    );
    assert_eq!(by_hand.store.migrate().await.unwrap(), Vec::<String>::new());
}
