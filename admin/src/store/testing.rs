//! Databases for tests: each test has its own, gone when it ends.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::SimpleConnection;
use hera_domain::clock::from_millis;
use hera_domain::id::WorkerId;

use super::dialect::Connector;
use super::target::Target;
use super::{Credential, PoolSettings, Store, WorkerSeen};

/// Where the tests find a server: a URL with a user who may create databases.
pub const MYSQL_URL: &str = "HERA_TEST_MYSQL_URL";
/// Set to 1, tests fail that find no server.
pub const REQUIRE_MYSQL: &str = "HERA_REQUIRE_MYSQL";

/// The hash of the token that a worker of the tests has.
pub fn token_of(node: &str) -> String {
    format!("the hash of {node}'s token")
}

/// A worker that has joined.
pub async fn worker(store: &Store, node: &str, name: &str) -> WorkerId {
    let seen = WorkerSeen {
        node_id: node.to_owned(),
        name: name.to_owned(),
        address: "127.0.0.1".to_owned(),
        version: "0".to_owned(),
        labels: BTreeSet::new(),
        at: from_millis(0),
    };
    let offered = token_of(node);
    let admitted = store.admit_worker(seen, Credential::Join { offered }).await;
    let admitted = admitted.expect("the database answers");
    admitted.expect("a node that never came with its token may join again")
}

/// A migrated database of a test's own.
#[derive(Debug)]
pub struct TestDb {
    pub store: Store,
    pub url: String,
    /// Undoes everything.
    remove: Remove,
}

#[derive(Debug)]
enum Remove {
    Folder(std::path::PathBuf),
    Database { server: String, name: String },
}

impl TestDb {
    /// A SQLite file in a temporary folder, migrated and locked.
    pub async fn sqlite() -> Self {
        let folder = std::env::temp_dir().join(unique_name());
        let url = format!("sqlite://{}", folder.join("hera.db").display());
        let store = Store::open(&url, &PoolSettings::default()).expect("a temporary file opens");
        store.lock_exclusive().expect("nobody else knows the file");
        store.migrate().await.expect("the migrations fit");
        Self {
            store,
            url,
            remove: Remove::Folder(folder),
        }
    }

    /// A database of its own on the server of [`MYSQL_URL`], migrated; `None` (and a word on
    /// stderr) without one.
    pub async fn mysql() -> Option<Self> {
        let db = Self::mysql_empty()?;
        db.store.migrate().await.expect("the migrations fit");
        Some(db)
    }

    /// A worker that has joined.
    pub async fn worker(&self, node: &str, name: &str) -> WorkerId {
        worker(&self.store, node, name).await
    }

    /// Like [`TestDb::mysql`], but with nothing in it.
    #[expect(
        clippy::disallowed_methods,
        clippy::panic,
        reason = "tests are told by their environment where the server is"
    )]
    pub fn mysql_empty() -> Option<Self> {
        let Ok(server) = std::env::var(MYSQL_URL) else {
            if std::env::var(REQUIRE_MYSQL).is_ok_and(|value| value == "1") {
                panic!("{REQUIRE_MYSQL} is set, but {MYSQL_URL} is not: start tests/mariadb.sh");
            }
            eprintln!("skipped on MySQL: {MYSQL_URL} is not set");
            return None;
        };
        let name = unique_name();
        on_server(
            &server,
            &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
        );
        let mut url = url::Url::parse(&server).expect("the server's address is a URL");
        url.set_path(&name);
        let url = String::from(url);
        let store = Store::open(&url, &PoolSettings::default()).expect("the database opens");
        Some(Self {
            store,
            url,
            remove: Remove::Database { server, name },
        })
    }
}

impl TestDb {
    /// Changes something behind everybody's back.
    pub fn execute(&self, statement: &str) {
        self.connect()
            .batch_execute(statement)
            .expect("the statement is right");
    }

    /// Likewise, on a connection that is kept for as long as what comes back.
    pub fn hold(&self, statement: &str) -> impl Sized + use<> {
        let mut conn = self.connect();
        conn.batch_execute(statement)
            .expect("the statement is right");
        conn
    }

    /// Cuts the leader's connection, wherever it is.
    pub fn cut_leader_off(&self) {
        use super::schema::hera_lock;
        use diesel::prelude::*;
        let mut conn = self.connect();
        let leader = hera_lock::table
            .select(hera_lock::connection_id)
            .first::<Option<i64>>(&mut conn)
            .expect("the lease has its row");
        if let Some(id) = leader {
            super::dialect::kill_connection(&mut conn, id);
        }
    }

    fn connect(&self) -> super::dialect::AnyConn {
        let target = Target::parse(&self.url, None, None).expect("the address is ours");
        Connector::state(target)
            .connect()
            .expect("the database answers")
    }
}

fn unique_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(
        "hera_test_{}_{}_{:08x}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed),
        rand::random::<u32>(),
    )
}

fn on_server(server: &str, statement: &str) {
    let mut url = url::Url::parse(server).expect("the server's address is a URL");
    url.set_path("mysql");
    let target = Target::parse(url.as_str(), None, None).expect("the server's address is ours");
    let mut conn = Connector::state(target)
        .connect()
        .expect("the server answers");
    conn.batch_execute(statement)
        .expect("the user may create and drop databases");
}

impl Drop for TestDb {
    fn drop(&mut self) {
        match &self.remove {
            Remove::Folder(folder) => drop(std::fs::remove_dir_all(folder)),
            Remove::Database { server, name } => {
                on_server(server, &format!("DROP DATABASE {name}"));
            }
        }
    }
}
