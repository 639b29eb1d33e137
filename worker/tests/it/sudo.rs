//! A sudo that hangs, because what it asks for users does not answer. A stand-in that changes no
//! user, so that no right is needed; the worker is not root, for root needs no sudo to kill.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hera_proto::v1;
use hera_proto::v1::admin_message::Kind as Said;
use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};

use crate::admin::{Admin, Connection, PATIENCE, start};
use crate::worker::{Home, INSTALLATION, Worker};

/// Somebody whom every machine knows.
const TEAM: &str = "daemon";

/// More than the threads in which a worker may wait for something.
const MANY: i64 = 20;

/// Every user on a machine that tests run as root on.
const NOBODY: u32 = 65_534;

struct Sudo {
    home: Home,
}

impl Sudo {
    fn new() -> Self {
        let home = Home::new();
        let open = |path: &Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        open(home.path());
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for program in ["hera-worker", "hera-run"] {
            let built = Path::new(env!("CARGO_BIN_EXE_hera-worker")).with_file_name(program);
            std::fs::copy(built, bin.join(program)).unwrap();
        }
        // `-n -u <team> --` come first. When the test is over, so is the file.
        let hang = home.file("hang");
        let text =
            format!("#!/bin/sh\nwhile [ -e {hang} ]; do sleep 0.2; done\nshift 4\nexec \"$@\"\n");
        std::fs::write(bin.join("sudo"), text).unwrap();
        open(&bin.join("sudo"));
        Self { home }
    }

    fn worker(&self, admin: &Admin, sets: &[&str]) -> Worker {
        let home = &self.home;
        let bin = home.path().join("bin");
        let mut command = Command::new(bin.join("hera-worker"));
        let settled = home.command(&admin.address.to_string());
        for (name, value) in settled.get_envs() {
            command.env(name, value.unwrap());
        }
        command
            .current_dir(home.path())
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .args(["serve", "--set", "hera.sudoUser=true"])
            .args(["--set", "hera.worker.cgroup=off"]);
        for set in sets {
            command.args(["--set", set]);
        }
        if geteuid().is_root() {
            std::fs::create_dir_all(home.data()).unwrap();
            chown(home.data(), Some(NOBODY), Some(NOBODY)).unwrap();
            command.uid(NOBODY).gid(NOBODY);
        }
        Worker::spawn(command)
    }

    fn hangs(&self) {
        std::fs::write(self.home.file("hang"), "").unwrap();
    }
}

/// The team whose scripts need no sudo.
fn own_team() -> String {
    let me = geteuid();
    let me = if me.is_root() { NOBODY.into() } else { me };
    User::from_uid(me).unwrap().unwrap().name
}

async fn start_for(session: &mut Connection, run: i64, team: &str, fenced: bool) {
    let start = v1::Start {
        team: team.to_owned(),
        self_fence: fenced,
        ..start(run, "exec sleep 600")
    };
    session.say(Said::Start(start)).await;
    session.accepted(run).await;
    session.started(run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sudo_that_hangs_holds_up_no_kill() {
    let (sudo, mut admin) = (Sudo::new(), Admin::start().await);
    let _worker = sudo.worker(&admin, &[]);
    let mut session = admin.session(INSTALLATION).await;
    for run in 1..=MANY {
        start_for(&mut session, run, TEAM, false).await;
    }
    let own = MANY + 1;
    start_for(&mut session, own, &own_team(), false).await;
    sudo.hangs();
    for run in 1..=own {
        session.cancel(run).await;
    }
    let (first, ended) = session.next_end().await;
    assert_eq!((first, ended.kill_confirmed), (own, Some(true)));
    for _ in 1..=MANY {
        // Nobody could look through the tenant's other processes.
        let (run, ended) = session.next_end().await;
        assert_eq!(ended.kill_confirmed, Some(false), "run {run}");
        assert!(ended.note.contains("sudo did not answer"), "{}", ended.note);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sudo_that_hangs_holds_up_no_fence() {
    let (sudo, mut admin) = (Sudo::new(), Admin::start().await);
    let _worker = sudo.worker(&admin, &["hera.selfFenceMs=6000"]);
    let mut session = admin.session(INSTALLATION).await;
    for run in 1..=MANY {
        start_for(&mut session, run, TEAM, false).await;
    }
    let own = MANY + 1;
    start_for(&mut session, own, &own_team(), true).await;
    sudo.hangs();
    for run in 1..=MANY {
        session.cancel(run).await;
    }
    let fenced = async {
        loop {
            let (run, ended) = session.next_end().await;
            if run == own {
                return ended;
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, fenced).await.unwrap();
    assert_eq!(ended.kill_confirmed, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_says_so_when_it_cannot_know_that_everything_is_gone() {
    let (sudo, mut admin) = (Sudo::new(), Admin::start().await);
    let worker = sudo.worker(&admin, &["hera.selfFenceMs=3000"]);
    let mut session = admin.session(INSTALLATION).await;
    start_for(&mut session, 1, TEAM, true).await;
    sudo.hangs();
    worker.signal(Signal::SIGSTOP);
    let exit = sudo.home.run_dir(1).join("exit");
    let written = async {
        while std::fs::read(&exit).map_or(true, |bytes| !bytes.contains(&b'}')) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, written)
        .await
        .expect("its runner ends it");
    worker.signal(Signal::SIGCONT);
    let (_, ended) = session.next_end().await;
    assert_eq!((ended.signal, ended.kill_confirmed), (Some(9), Some(false)));
    assert!(ended.note.contains("sudo did not answer"), "{}", ended.note);
}
