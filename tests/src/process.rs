//! The programs under test as processes.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{eventually, variable};

/// A running program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// What it wrote to stdout and stderr, over all its lives.
    log: PathBuf,
}

/// A program that has come to its end by itself.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn of(command: &mut Command) -> anyhow::Result<Self> {
        let output = command
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{command:?} cannot be started"))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Self {
            status: output.status,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        })
    }
}

impl Program {
    /// Starts a command; its output is appended to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let output =
            || -> std::io::Result<File> { OpenOptions::new().create(true).append(true).open(log) };
        let child = command
            .stdin(Stdio::null())
            .stdout(output()?)
            .stderr(output()?)
            .spawn()
            .with_context(|| format!("{command:?} cannot be started"))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// The end of what it wrote, for failures.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        // Already ended is what every caller wants in the end.
        let _ = kill(pid(&self.child), signal);
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Sends a signal and waits until the program has ended.
    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        eventually("the program ends", || self.child.try_wait().ok().flatten())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.has_ended() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("process ids are small"))
}

/// The folder with the programs: `HERA_TEST_BIN`, else the one of this build, which is brought up
/// to date first.
///
/// # Panics
/// When they cannot be built.
pub fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| match variable("HERA_TEST_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => build().expect("the programs can be built"),
    })
}

/// Builds the programs with the profile of this test.
fn build() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("a program lies in a folder")?;
    // A test lies in <target>/<profile>/deps, a program one folder up.
    let folder = if folder.ends_with("deps") {
        folder.parent().context("deps lies in a folder")?
    } else {
        folder
    };
    let mut command = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    command
        .args(["build", "--quiet", "--locked"])
        .args(["-p", "hera-admin", "-p", "hera-worker"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    anyhow::ensure!(command.status()?.success(), "cargo build failed");
    Ok(folder.to_owned())
}
