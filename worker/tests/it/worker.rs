//! A hera-worker process in a folder of its own.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::admin::{Admin, PATIENCE, TOKEN};

pub(crate) const INSTALLATION: &str = "11111111-2222-3333-4444-555555555555";

/// A folder that outlives its workers.
pub(crate) struct Home {
    folder: TempDir,
}

/// A running worker; killed when dropped.
pub(crate) struct Worker {
    process: Child,
    log: mpsc::Receiver<String>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder, as scripts need it.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn fifo(&self, name: &str) -> String {
        let path = self.file(name);
        nix::unistd::mkfifo(path.as_str(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        path
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn run_dir(&self, run: i64) -> PathBuf {
        let runs = self.data().join(INSTALLATION).join("runs");
        runs.join(format!("{run}-{run:032x}"))
    }

    /// Where it lies once its end has been acknowledged.
    pub(crate) fn ended_dir(&self, run: i64) -> PathBuf {
        let runs = self.data().join(INSTALLATION).join("ended");
        runs.join(format!("{run}-{run:032x}"))
    }

    /// The process that owns a started run.
    pub(crate) fn runner(&self, run: i64) -> Pid {
        let claim = std::fs::read_to_string(self.run_dir(run).join("pid")).unwrap();
        let claim: serde_json::Value = serde_json::from_str(&claim).unwrap();
        let pid = claim["runner"]["pid"].as_i64().unwrap();
        Pid::from_raw(i32::try_from(pid).unwrap())
    }

    pub(crate) fn worker(&self, admin: &Admin) -> Worker {
        Worker::spawn(self.command(&admin.address.to_string()))
    }

    /// With `--set` of each.
    pub(crate) fn worker_with(&self, admin: &Admin, sets: &[&str]) -> Worker {
        let mut command = self.command(&admin.address.to_string());
        for set in sets {
            command.args(["--set", set]);
        }
        Worker::spawn(command)
    }

    pub(crate) fn command(&self, admin: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hera-worker"));
        command
            .arg("serve")
            .current_dir(self.path())
            .env("HERA_ADMIN_ADDRESS", admin)
            .env("HERA_JOIN_TOKEN", TOKEN)
            .env("HERA_DATA_DIR", self.data())
            .env("HERA_WORKER_NAME", "w1")
            .env("HERA_LOG", "hera_worker=debug");
        command
    }
}

/// Waits until a group that was killed has no process left.
fn until_empty(events: &Path) {
    loop {
        let Ok(mut file) = std::fs::File::open(events) else {
            return;
        };
        let mut text = String::new();
        if file.read_to_string(&mut text).is_err() || text.contains("populated 0") {
            return;
        }
        let mut changed = [PollFd::new(file.as_fd(), PollFlags::POLLPRI)];
        if poll(&mut changed, 5_000_u16) != Ok(1) {
            return;
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        clear_groups(&self.data());
    }
}

/// A killed worker leaves its control groups, and what runs in them.
pub(crate) fn clear_groups(data: &Path) {
    let node = std::fs::read_to_string(data.join("worker.json")).unwrap_or_default();
    let node: serde_json::Value = serde_json::from_str(&node).unwrap_or_default();
    let Some(id) = node["node_id"].as_str() else {
        return;
    };
    for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        let groups = Path::new(root).join(format!("hera-{id}"));
        let _ = std::fs::write(groups.join("cgroup.kill"), "1");
        until_empty(&groups.join("cgroup.events"));
        for entry in std::fs::read_dir(&groups).into_iter().flatten().flatten() {
            let _ = std::fs::remove_dir(entry.path());
        }
        let _ = std::fs::remove_dir(&groups);
    }
}

impl Worker {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let (lines, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                eprintln!("worker: {line}");
                let _ = lines.send(line);
            }
        });
        Self { process, log }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// As the kernel's out-of-memory killer does.
    pub(crate) fn kill_9(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn exit(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Waits until the worker logs a line with this in it.
    pub(crate) fn logged(&self, text: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("nothing logged with {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until a script opens the fifo and closes it; what it wrote.
pub(crate) async fn heard(fifo: String) -> String {
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        std::fs::File::open(fifo)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    });
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("a script speaks")
        .unwrap()
}

/// Lets a script go on that reads from the fifo.
pub(crate) async fn tell(fifo: String) {
    let write = tokio::task::spawn_blocking(move || std::fs::write(fifo, "go\n").unwrap());
    tokio::time::timeout(PATIENCE, write)
        .await
        .expect("a script listens")
        .unwrap();
}
