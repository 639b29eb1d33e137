//! One installation: a data folder, a database, an admin and a worker.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::api::Api;
use crate::backend::{Backend, TestDatabase};
use crate::eventually;
use crate::process::{Ended, Program, programs};

/// What a test wants otherwise than usual.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--set` arguments of both programs.
    pub sets: Vec<String>,
    /// The `application.yml` of both; with it only what the tests share comes from the environment.
    pub file: Option<fn(&Installation) -> String>,
}

impl Options {
    /// Timings that let a test see a takeover within a second.
    #[must_use]
    pub fn quick() -> Self {
        let sets = [
            "hera.leaseMs=1500",
            "hera.renewMs=300",
            "hera.heartBeatMs=500",
        ];
        Self {
            sets: sets.map(ToOwned::to_owned).to_vec(),
            ..Self::default()
        }
    }

    /// One more `--set`.
    #[must_use]
    pub fn set(mut self, assignment: &str) -> Self {
        self.sets.push(assignment.to_owned());
        self
    }
}

/// An admin beside the first one.
#[derive(Debug)]
pub struct AnotherAdmin {
    pub program: Program,
    /// With the installation's token.
    pub api: Api,
    pub port: u16,
    pub connect_port: u16,
}

/// A running installation.
#[derive(Debug)]
pub struct Installation {
    // Dropped in this order: the processes before the database and the folder.
    worker: Option<Program>,
    admin: Option<Program>,
    api: Api,
    database: TestDatabase,
    port: u16,
    connect_port: u16,
    options: Options,
    folder: TempDir,
}

impl Installation {
    /// Starts an admin and a worker and waits until they have met.
    ///
    /// # Panics
    /// When that fails.
    pub fn start(backend: Backend, options: Options) -> Self {
        let mut installation = Self::prepare(backend, options).expect("a place to install");
        installation.start_admin();
        installation.start_worker();
        installation
    }

    /// Makes the place, starts nothing.
    ///
    /// # Errors
    /// When there is no place.
    pub fn prepare(backend: Backend, options: Options) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("hera-test-").tempdir()?;
        let (port, connect_port) = (free_port()?, free_port()?);
        let installation = Self {
            worker: None,
            admin: None,
            api: Api::new(&format!("http://127.0.0.1:{port}/hera"), "none yet"),
            database: TestDatabase::create(backend)?,
            port,
            connect_port,
            options,
            folder,
        };
        if let Some(file) = installation.options.file {
            let path = installation.scratch().join("application.yml");
            std::fs::write(path, file(&installation))?;
        }
        Ok(installation)
    }

    /// The client, with a token of the first user.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder that is the test's own.
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// The database.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The port of pages and API.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port of workers.
    pub fn connect_port(&self) -> u16 {
        self.connect_port
    }

    /// A command of one of the programs in this installation's environment.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(programs().join(program));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("HERA_PROFILE")
            .env("HERA_JOIN_TOKEN", "a join token of the tests")
            .env("HERA_WORKER_NAME", "w1")
            .env("HERA_TIMEZONE", "UTC");
        for set in &self.options.sets {
            command.args(["--set", set]);
        }
        if self.options.file.is_some() {
            return without_variables(command);
        }
        command
            .env("HERA_PORT", self.port.to_string())
            .env("HERA_CONNECT_PORT", self.connect_port.to_string())
            .env("HERA_BIND", "127.0.0.1")
            .env("HERA_DATA_DIR", self.data())
            .env("HERA_DATABASE_URL", self.database.url(&self.data()))
            .env(
                "HERA_ADMIN_ADDRESS",
                format!("127.0.0.1:{}", self.connect_port),
            )
            .env("HERA_LOG", "info");
        command
    }

    /// Runs a command of `hera-admin` to its end; its stdout.
    ///
    /// # Errors
    /// When it fails.
    pub fn cli(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let ended = Ended::of(&mut self.command("hera-admin", arguments))?;
        ensure!(
            ended.status.success(),
            "hera-admin {arguments:?}: {}{}",
            ended.stdout,
            ended.stderr
        );
        Ok(ended.stdout)
    }

    /// Starts the admin and waits until it is ready.
    ///
    /// # Panics
    /// When it ends or takes too long.
    pub fn start_admin(&mut self) {
        let log = self.folder.path().join("admin.out");
        let mut admin = Program::spawn(&mut self.command("hera-admin", &["serve"]), &log)
            .expect("hera-admin can be started");
        eventually("the admin is ready", || {
            assert!(
                !admin.has_ended(),
                "the admin ended:\n{}",
                admin.last_words()
            );
            let (status, _) = self.api.page("/readyz").ok()?;
            (status == 200).then_some(())
        });
        self.admin = Some(admin);
        if !self.folder.path().join("token").exists() {
            self.log_in().expect("a token can be made");
        }
    }

    fn log_in(&mut self) -> anyhow::Result<()> {
        let token = self.cli(&["token", "create", "--user", "hera", "--name", "tests"])?;
        std::fs::write(self.folder.path().join("token"), token.trim())?;
        self.api = self.api.with_token(token.trim());
        Ok(())
    }

    /// Makes a new token, after the database was emptied.
    ///
    /// # Panics
    /// When that fails.
    pub fn new_token(&mut self) {
        self.log_in().expect("a token can be made");
    }

    /// Starts one more admin on the same database, with a data folder and ports of its own, and
    /// waits until it is ready. Only on a database that can be shared.
    ///
    /// # Panics
    /// When it ends or takes too long.
    pub fn start_another_admin(&self) -> AnotherAdmin {
        self.start_another_admin_at("127.0.0.1")
    }

    /// Likewise, known to the others by this address of the machine.
    ///
    /// # Panics
    /// When it ends or takes too long.
    pub fn start_another_admin_at(&self, advertise: &str) -> AnotherAdmin {
        let port = free_port().expect("a port");
        let connect_port = free_port().expect("a port");
        let folder = self.folder.path().join(format!("admin-{port}"));
        let mut command = self.command("hera-admin", &["serve"]);
        command
            .env("HERA_PORT", port.to_string())
            .env("HERA_CONNECT_PORT", connect_port.to_string())
            .env("HERA_ADVERTISE", advertise)
            .env("HERA_BIND", advertise)
            .env("HERA_DATA_DIR", &folder);
        let log = self.folder.path().join(format!("admin-{port}.out"));
        let mut program = Program::spawn(&mut command, &log).expect("hera-admin can be started");
        let api = self.api.at(&format!("http://{advertise}:{port}/hera"));
        eventually("the other admin is ready", || {
            assert!(!program.has_ended(), "it ended:\n{}", program.last_words());
            let (status, _) = api.page("/readyz").ok()?;
            (status == 200).then_some(())
        });
        AnotherAdmin {
            program,
            api,
            port,
            connect_port,
        }
    }

    /// Starts the worker and waits until it is connected.
    ///
    /// # Panics
    /// When it ends or takes too long.
    pub fn start_worker(&mut self) {
        let mut worker = self.spawn_worker();
        eventually("the worker is connected", || {
            assert!(
                !worker.has_ended(),
                "the worker ended:\n{}",
                worker.last_words()
            );
            (self.api.connected_workers().ok()? > 0).then_some(())
        });
        self.worker = Some(worker);
    }

    /// Starts both without waiting for the one before the other.
    ///
    /// # Panics
    /// When they take too long.
    pub fn start_both(&mut self) {
        let worker = self.spawn_worker();
        self.start_admin();
        self.worker = Some(worker);
        eventually("the worker is connected", || {
            (self.api.connected_workers().ok()? > 0).then_some(())
        });
    }

    /// Starts the worker and waits for nothing.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn_worker(&self) -> Program {
        let log = self.folder.path().join("worker.out");
        Program::spawn(&mut self.command("hera-worker", &["serve"]), &log)
            .expect("hera-worker can be started")
    }

    /// `kill -9` of the admin.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill_admin(&mut self) {
        self.admin.take().expect("the admin runs").kill();
    }

    /// `kill -9` of the worker; what it runs goes on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill_worker(&mut self) {
        self.worker.take().expect("the worker runs").kill();
    }

    /// `kill -9` of both at the same moment.
    ///
    /// # Panics
    /// When one does not run.
    pub fn kill_both(&mut self) {
        let admin = self.admin.take().expect("the admin runs");
        let worker = self.worker.take().expect("the worker runs");
        admin.signal(Signal::SIGKILL);
        worker.signal(Signal::SIGKILL);
        admin.kill();
        worker.kill();
    }

    /// The admin's process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn admin(&mut self) -> &mut Program {
        self.admin.as_mut().expect("the admin runs")
    }

    /// The worker's process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn worker(&mut self) -> &mut Program {
        self.worker.as_mut().expect("the worker runs")
    }

    /// Forgets an admin that has ended by itself.
    pub fn admin_is_gone(&mut self) {
        self.admin = None;
    }

    /// Forgets a worker that has ended by itself.
    pub fn worker_is_gone(&mut self) {
        self.worker = None;
    }

    /// What both programs wrote, for failures.
    pub fn last_words(&self) -> String {
        let words = |program: &Option<Program>| program.as_ref().map(Program::last_words);
        format!(
            "admin:\n{}\nworker:\n{}",
            words(&self.admin).unwrap_or_default(),
            words(&self.worker).unwrap_or_default()
        )
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.last_words());
        }
        // Nothing that a test started may outlive it: SIGINT ends the running scripts too.
        if let Some(worker) = &mut self.worker
            && !worker.has_ended()
        {
            worker.end(Signal::SIGINT);
        }
    }
}

/// Leaves it to the file what the shell of whoever runs the tests may say.
fn without_variables(mut command: Command) -> Command {
    for name in [
        "HERA_PORT",
        "HERA_CONNECT_PORT",
        "HERA_BIND",
        "HERA_ADVERTISE",
        "HERA_DATA_DIR",
        "HERA_DATABASE_URL",
        "HERA_ADMIN_ADDRESS",
        "HERA_ADMIN_PASSWORD",
        "HERA_LOG",
    ] {
        command.env_remove(name);
    }
    command
}

/// The pipeline that comes with the product.
///
/// # Panics
/// Never in a checkout of the project.
pub fn example_folder() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples"))
        .canonicalize()
        .expect("the examples are part of the project")
}

/// A port that nobody listens on, below those that outgoing connections take: it must still be
/// free when an admin is started again.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    (0..100)
        .map(|_| rand::random_range(10_000..20_000))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no free port")
}
