//! The two databases that everything is tested on.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::variable;

/// Which kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Mysql,
}

impl Backend {
    /// Whether tests can run on it here. A missing MariaDB is only accepted where nobody insists.
    ///
    /// # Panics
    /// When `HERA_REQUIRE_MYSQL` is set and there is no `HERA_TEST_MYSQL_URL`.
    pub fn available(self) -> bool {
        let available = self == Self::Sqlite || variable("HERA_TEST_MYSQL_URL").is_some();
        if !available {
            assert!(
                variable("HERA_REQUIRE_MYSQL").is_none(),
                "HERA_REQUIRE_MYSQL is set, and HERA_TEST_MYSQL_URL is not"
            );
            eprintln!("skipped: HERA_TEST_MYSQL_URL is not set (tests/mariadb.sh starts a server)");
        }
        available
    }
}

/// A database of one installation; dropped with it.
#[derive(Debug)]
pub enum TestDatabase {
    /// The file in the data folder that an admin makes unless it is told otherwise.
    Sqlite,
    Mysql {
        server: Server,
        name: String,
    },
}

impl TestDatabase {
    /// Makes a database.
    ///
    /// # Errors
    /// When the server does not let it be made.
    pub fn create(backend: Backend) -> anyhow::Result<Self> {
        if backend == Backend::Sqlite {
            return Ok(Self::Sqlite);
        }
        let url = variable("HERA_TEST_MYSQL_URL").context("HERA_TEST_MYSQL_URL is not set")?;
        let server = Server::parse(&url)?;
        let name = format!("hera_process_{:08x}", rand::random::<u32>());
        server.execute(&format!("CREATE DATABASE {name}"))?;
        Ok(Self::Mysql { server, name })
    }

    /// What `HERA_DATABASE_URL` shall be.
    pub fn url(&self, data: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", data.join("hera.db").display()),
            Self::Mysql { server, name } => server.url(&server.password, name),
        }
    }

    /// The address, user and password as HERA's files write them.
    pub fn druid(&self) -> [String; 3] {
        match self {
            Self::Sqlite => ["sqlite://data/hera.db", "root", "change-me"].map(ToOwned::to_owned),
            Self::Mysql { server, name } => [
                format!("jdbc:mysql://{}:{}/{name}", server.host, server.port),
                server.user.clone(),
                server.password.clone(),
            ],
        }
    }

    /// The same with a password that the server does not take.
    ///
    /// # Panics
    /// On SQLite, which knows no passwords.
    pub fn url_with_wrong_password(&self) -> String {
        match self {
            Self::Sqlite => unreachable!("SQLite has no passwords"),
            Self::Mysql { server, name } => server.url("wrong", name),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Self::Mysql { server, name } = self
            && let Err(error) = server.execute(&format!("DROP DATABASE {name}"))
        {
            eprintln!("{name} stays behind: {error:#}");
        }
    }
}

/// Where the server is and how it is entered.
#[derive(Debug)]
pub struct Server {
    user: String,
    password: String,
    host: String,
    port: String,
}

impl Server {
    fn parse(url: &str) -> anyhow::Result<Self> {
        let parts = || {
            let rest = url.strip_prefix("mysql://")?;
            let (credentials, rest) = rest.split_once('@')?;
            let (user, password) = credentials.split_once(':')?;
            let (address, _) = rest.split_once('/')?;
            let (host, port) = address.split_once(':')?;
            Some([user, password, host, port].map(ToOwned::to_owned))
        };
        let Some([user, password, host, port]) = parts() else {
            bail!("HERA_TEST_MYSQL_URL is not mysql://user:password@host:port/database");
        };
        Ok(Self {
            user,
            password,
            host,
            port,
        })
    }

    fn url(&self, password: &str, database: &str) -> String {
        let Self {
            user, host, port, ..
        } = self;
        format!("mysql://{user}:{password}@{host}:{port}/{database}")
    }

    fn execute(&self, statement: &str) -> anyhow::Result<()> {
        let output = Command::new("mariadb")
            .arg("--no-defaults")
            .args(["--host", &self.host, "--port", &self.port])
            .args(["--user", &self.user])
            .arg(format!("--password={}", self.password))
            .args(["--execute", statement])
            .output()
            .context("the client program `mariadb` cannot be started")?;
        ensure!(
            output.status.success(),
            "{statement}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}
