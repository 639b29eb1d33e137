//! A MariaDB of the harness's own: a process that can be killed, in a folder that survives it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hera_tests::{Ended, Program, within};
use nix::sys::signal::Signal;
use serde::de::DeserializeOwned;

/// How long a server may take to start or to come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server, running or not.
#[derive(Debug)]
pub struct Database {
    folder: PathBuf,
    port: u16,
    server: Option<Program>,
}

impl Database {
    /// Makes the folder and starts the server.
    ///
    /// # Errors
    /// When MariaDB is missing or does not start.
    pub fn create(folder: &Path, port: u16) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let install = Ended::of(
            Command::new("mariadb-install-db")
                .args(["--no-defaults", "--skip-test-db"])
                .arg("--auth-root-authentication-method=normal")
                .args(as_root())
                .arg(format!("--datadir={}", folder.join("data").display())),
        )
        .context("MariaDB's server is needed: apt-get install mariadb-server")?;
        ensure!(install.status.success(), "{}", install.stderr);
        let mut database = Self {
            folder: folder.to_owned(),
            port,
            server: None,
        };
        database.start();
        // No rights beyond its own data: a server that only reads shall mean this user too.
        database.sql(
            "CREATE DATABASE hera CHARACTER SET utf8mb4; \
             CREATE USER 'hera'@'127.0.0.1' IDENTIFIED BY 'hera'; \
             GRANT ALL ON hera.* TO 'hera'@'127.0.0.1';",
        )?;
        Ok(database)
    }

    /// The server's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it, unless it runs, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&mut self) {
        if self.server.is_some() {
            return;
        }
        let server = Program::spawn(
            Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "mariadbd", "--no-defaults"])
                .args(as_root())
                .arg(format!("--datadir={}", self.folder.join("data").display()))
                .arg(format!("--pid-file={}", self.folder.join("pid").display()))
                .arg(format!("--socket={}", self.socket().display()))
                .arg(format!("--port={}", self.port))
                .args(["--bind-address=127.0.0.1", "--skip-log-bin"])
                .args(["--max-connections=300", "--innodb-buffer-pool-size=64M"]),
            &self.folder.join("server.log"),
        );
        self.server = Some(server.expect("mariadbd can be started"));
        within(PATIENCE, "the database answers", || {
            self.sql("SELECT 1").ok()
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }

    /// An orderly stop.
    pub fn stop(&mut self) {
        self.signal(Signal::SIGCONT);
        if let Some(mut server) = self.server.take() {
            server.end(Signal::SIGTERM);
        }
    }

    /// Sends it a signal, if it runs.
    pub fn signal(&self, signal: Signal) {
        if let Some(server) = &self.server {
            server.signal(signal);
        }
    }

    /// Runs statements as root, beside all proxies.
    ///
    /// # Errors
    /// When the server refuses or is away.
    pub fn sql(&self, statements: &str) -> anyhow::Result<String> {
        let ended = Ended::of(
            // A server that is stopped accepts connections and says nothing.
            Command::new("timeout")
                .args([
                    "10",
                    "mariadb",
                    "--no-defaults",
                    "--batch",
                    "--raw",
                    "--skip-column-names",
                ])
                .args(["--default-character-set=utf8mb4", "--connect-timeout=2"])
                .arg("--init-command=SET time_zone = '+00:00'")
                .arg(format!("--socket={}", self.socket().display()))
                .args(["--user=root", "--execute", statements]),
        )?;
        ensure!(ended.status.success(), "{statements}: {}", ended.stderr);
        Ok(ended.stdout)
    }

    /// The rows of `hera.<table>`; `columns` pairs the fields of `T` with expressions.
    ///
    /// # Errors
    /// When the server is away or the rows are others than expected.
    pub fn rows<T: DeserializeOwned>(
        &self,
        columns: &[(&str, &str)],
        from: &str,
    ) -> anyhow::Result<Vec<T>> {
        let mut object = String::new();
        for (name, expression) in columns {
            let comma = if object.is_empty() { "" } else { ", " };
            write!(object, "{comma}'{name}', {expression}")?;
        }
        let text = self.sql(&format!("SELECT JSON_OBJECT({object}) FROM {from}"))?;
        text.lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("{from}: {line}")))
            .collect()
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }
}

/// An expression for milliseconds since 1970.
#[must_use]
pub fn millis(column: &str) -> String {
    format!("CAST(ROUND(UNIX_TIMESTAMP({column}) * 1000) AS SIGNED)")
}

/// MariaDB runs as root only when told so.
fn as_root() -> Option<&'static str> {
    nix::unistd::geteuid().is_root().then_some("--user=root")
}
