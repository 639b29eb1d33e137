//! Scripts that run as their team's user. Needs root, to make users and a rule of sudo's for the
//! time of a test; without it the tests say so and pass.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use hera_proto::v1;
use hera_proto::v1::admin_message::Kind as Said;
use hera_proto::v1::worker_message::Kind;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, User, geteuid};

use crate::admin::{Admin, Connection, run_ref, start};
use crate::worker::{Home, INSTALLATION, Worker, heard};

/// Programs that change the users' files refuse to work beside each other.
static USERS: Mutex<()> = Mutex::new(());

/// A user for the time of a test.
struct Somebody(String);

impl Somebody {
    /// `None` on a machine where nobody can be made.
    fn new(role: &str) -> Option<Self> {
        if !geteuid().is_root() || Command::new("sudo").arg("-V").output().is_err() {
            eprintln!("skipped: needs root and sudo");
            return None;
        }
        let name = format!("hera{role}{}", std::process::id());
        let _turn = USERS.lock().unwrap_or_else(PoisonError::into_inner);
        let made = Command::new("/usr/sbin/useradd")
            .args(["--system", "--no-create-home", "--user-group", &name])
            .status();
        assert!(made.unwrap().success(), "useradd {name}");
        Some(Self(name))
    }

    fn ids(&self) -> (Uid, Gid) {
        let user = User::from_name(&self.0).unwrap().unwrap();
        (user.uid, user.gid)
    }
}

impl Drop for Somebody {
    fn drop(&mut self) {
        let _turn = USERS.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = Command::new("/usr/sbin/userdel")
            .arg("--force")
            .arg(&self.0)
            .output();
    }
}

/// Lets a user run hera-run's helper as another, and nothing else.
struct Rule(PathBuf);

impl Rule {
    fn new(who: &Somebody, as_whom: &Somebody, helper: &Path) -> Self {
        let path = Path::new("/etc/sudoers.d").join(&who.0);
        let rule = format!(
            "{} ALL=({}) NOPASSWD: {} tenant\n",
            who.0,
            as_whom.0,
            helper.display()
        );
        std::fs::write(&path, rule).unwrap();
        mode(&path, 0o440);
        Self(path)
    }
}

impl Drop for Rule {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A worker that runs as `who`, from a folder that everybody can reach.
fn worker(home: &Home, admin: &Admin, who: Option<&Somebody>) -> Worker {
    Worker::spawn(worker_command(home, admin, who))
}

fn worker_command(home: &Home, admin: &Admin, who: Option<&Somebody>) -> Command {
    mode(home.path(), 0o755);
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for program in ["hera-worker", "hera-run"] {
        let built = Path::new(env!("CARGO_BIN_EXE_hera-worker")).with_file_name(program);
        std::fs::copy(built, bin.join(program)).unwrap();
    }
    let mut command = Command::new(bin.join("hera-worker"));
    command.args(["serve", "--set", "hera.sudoUser=true"]);
    let settled = home.command(&admin.address.to_string());
    command.current_dir(home.path());
    for (name, value) in settled.get_envs() {
        command.env(name, value.unwrap());
    }
    command
        .env("AWS_SECRET_ACCESS_KEY", "the worker's own")
        .env("HADOOP_CONF_DIR", "/etc/hadoop");
    if let Some(who) = who {
        let (uid, gid) = who.ids();
        std::fs::create_dir(home.data()).unwrap();
        chown(home.data(), Some(uid.as_raw()), Some(gid.as_raw())).unwrap();
        command.uid(uid.as_raw()).gid(gid.as_raw());
    }
    command
}

/// Where programs are, with a sudo that does something else first, in the moment in which a run's
/// folder is made ready.
fn path_with_interrupted_sudo(home: &Home, first: &str) -> String {
    let folder = home.path().join("between");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("sudo");
    let script = format!("#!/bin/bash\n{first}\nPATH=${{PATH#*:}} exec sudo \"$@\"\n");
    std::fs::write(&file, script).unwrap();
    mode(&file, 0o755);
    format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", folder.display())
}

async fn start_for(session: &Connection, run: i64, team: &str, script: &str) {
    let start = v1::Start {
        team: team.to_owned(),
        ..start(run, script)
    };
    session.say(Said::Start(start)).await;
}

/// What a script can see and do as its team.
const LOOK_AROUND: &str = "id -un; stat -c '%a %U' .; echo $HOME $USER $HADOOP_CONF_DIR; \
    env | grep -c AWS_SECRET; cat ../../spec.json ../../script.sh 2>/dev/null | wc -c; \
    ls -d ../* ../../* 2>/dev/null | wc -l; \
    echo $HERA_JOB_ID; echo anew > /dev/stderr; read -r line || echo nothing to read; exit 5";

async fn looks_around(home: &Home, session: &mut Connection, team: &Somebody) {
    start_for(session, 1, &team.0, LOOK_AROUND).await;
    let (ended, log) = session.whole(1).await;
    let name = &team.0;
    let expected = format!(
        "{name}\n700 {name}\n/home/{name} {name} /etc/hadoop\n0\n0\n0\n7\nanew\nnothing to read\n"
    );
    assert_eq!(String::from_utf8(log).unwrap(), expected);
    assert_eq!((ended.exit_code, ended.note.as_str()), (Some(5), ""));
    assert!(ended.cpu_ms.is_some() && ended.peak_memory_kib.unwrap() > 0);
    // The tenant's folder goes when the end has been acknowledged.
    session.obeyed().await;
    cleared(home, 1).await;
    assert!(!home.run_dir(1).exists());
}

/// Leaves a tree that is closed to its owner and deeper than any path may be long.
const CLUTTER: &str = r#"
    mkdir -p closed/below/deep; touch closed/below/file; ln -s / closed/below/link; mkfifo closed/fifo
    ( cd closed/below/deep; for i in $(seq 300); do mkdir -p a_name_that_is_long/and_another_one; \
      cd -P a_name_that_is_long/and_another_one; done )
    chmod 000 closed/below/deep closed/below closed .; exit 3
"#;

async fn leaves_nothing(home: &Home, session: &mut Connection, team: &Somebody) {
    start_for(session, 3, &team.0, CLUTTER).await;
    let (ended, log) = session.whole(3).await;
    assert_eq!(
        ended.exit_code,
        Some(3),
        "{}",
        String::from_utf8_lossy(&log)
    );
    session.obeyed().await;
    cleared(home, 3).await;
}

/// Waits until what a tenant had of a run is gone.
async fn cleared(home: &Home, run: i64) {
    let ended = home.data().join(INSTALLATION).join("ended");
    let ended = ended.join(home.run_dir(run).file_name().unwrap());
    tokio::time::timeout(crate::admin::PATIENCE, async {
        while !ended.exists() || ended.join("tenant").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the tenant's folder is removed");
}

/// Double-forked, setsid'ed, with an emptied environment and without, deaf to INT and TERM.
async fn kills_everything(home: &Home, session: &mut Connection, team: &Somebody) {
    let (alive, ready) = (home.fifo("alive"), home.fifo("ready"));
    for fifo in [&alive, &ready] {
        mode(Path::new(fifo), 0o666);
    }
    let deaf = format!("trap '' INT TERM; exec 3>{alive}; while :; do /bin/sleep 0.1; done");
    let script = format!(
        "exec 3>{alive}; (setsid env -i /bin/bash -c \"{deaf}\" &) & (setsid bash -c \"{deaf}\" &) &
        trap '' INT TERM; echo > {ready}; while :; do sleep 0.1; done"
    );
    start_for(session, 2, &team.0, &script).await;
    session.accepted(2).await;
    session.started(2).await;
    let closed = tokio::spawn(heard(alive));
    heard(ready).await;
    session.cancel(2).await;
    session.accepted(2).await;
    session.started(2).await;
    let (ended, _) = session.finished(2).await;
    assert_eq!(ended.kill_confirmed, Some(true), "{}", ended.note);
    assert_eq!(ended.signal, Some(9));
    closed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_runs_as_its_team_and_sees_nothing_of_the_worker() {
    let Some(team) = Somebody::new("team") else {
        return;
    };
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = worker(&home, &admin, None);
    let mut session = admin.session(INSTALLATION).await;
    looks_around(&home, &mut session, &team).await;
    kills_everything(&home, &mut session, &team).await;
    leaves_nothing(&home, &mut session, &team).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_root_runs_and_kills_scripts_of_a_team_by_one_rule_of_sudo() {
    let (Some(service), Some(team)) = (Somebody::new("svc"), Somebody::new("own")) else {
        return;
    };
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _rule = Rule::new(&service, &team, &home.path().join("bin/hera-run"));
    let _worker = worker(&home, &admin, Some(&service));
    let mut session = admin.session(INSTALLATION).await;
    looks_around(&home, &mut session, &team).await;
    kills_everything(&home, &mut session, &team).await;
    leaves_nothing(&home, &mut session, &team).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_without_root_ends_all_of_a_fenced_run_of_a_team() {
    let (Some(service), Some(team)) = (Somebody::new("fsvc"), Somebody::new("fown")) else {
        return;
    };
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _rule = Rule::new(&service, &team, &home.path().join("bin/hera-run"));
    let mut command = worker_command(&home, &admin, Some(&service));
    command.args(["--set", "hera.selfFenceMs=3000"]);
    let worker = Worker::spawn(command);
    let (alive, ready) = (home.fifo("alive"), home.fifo("ready"));
    for fifo in [&alive, &ready] {
        mode(Path::new(fifo), 0o666);
    }
    let deaf = format!("trap '' INT TERM; exec 3>{alive}; while :; do /bin/sleep 0.1; done");
    let fenced = v1::Start {
        self_fence: true,
        team: team.0.clone(),
        ..start(
            1,
            &format!("(setsid env -i /bin/bash -c \"{deaf}\" &) & echo > {ready}; {deaf}"),
        )
    };
    let mut session = admin.session(INSTALLATION).await;
    session.say(Said::Start(fenced)).await;
    session.accepted(1).await;
    session.started(1).await;
    let closed = tokio::spawn(heard(alive));
    heard(ready).await;
    worker.signal(Signal::SIGSTOP);
    closed.await.unwrap();
    let runner = home.runner(1);
    let ended = async {
        // Its parent, which has been stopped, cannot reap it.
        let stat = || std::fs::read_to_string(format!("/proc/{runner}/stat")).unwrap();
        while !stat().contains(") Z ") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::admin::PATIENCE, ended)
        .await
        .expect("its runner writes down the end");
    worker.signal(Signal::SIGCONT);
    let (_, ended) = session.next_end().await;
    assert_eq!(
        (ended.signal, ended.kill_confirmed),
        (Some(9), Some(true)),
        "{}",
        ended.note
    );
    assert!(
        ended.note.contains("no leader had answered"),
        "{}",
        ended.note
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hides_its_files_by_habit_still_lets_a_team_through() {
    let Some(team) = Somebody::new("mask") else {
        return;
    };
    let (home, mut admin) = (Home::new(), Admin::start().await);
    std::fs::create_dir(home.data()).unwrap();
    let plain = worker_command(&home, &admin, None);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\""]);
    command.arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap());
    }
    command.current_dir(home.path());
    let _worker = Worker::spawn(command);
    let mut session = admin.session(INSTALLATION).await;
    start_for(&session, 1, &team.0, "echo through").await;
    assert_eq!(session.whole(1).await.1, b"through\n");
}

/// Tries, as somebody who knows the name of a run's folder, all that would hurt, and tells what
/// could be done. `$1` is the folder.
const ATTACK: &str = r#"
    try() { "$@" 2> /dev/null && echo "could: ${*/#$run/RUN}"; }
    run=$1
    for file in spec.json script.sh output.log; do
        try cat $run/$file; try mv $run/$file $run/mine; try rm -f $run/$file
    done
    for file in exit exit.new cancel pid.1 masks mine; do
        try ln -s /etc/passwd $run/$file; try mkfifo $run/$file; try touch $run/$file
    done
    try ls $run; try mkdir $run/work
    mkdir -p $run/tenant/junk/below; touch $run/tenant/file; mkfifo $run/tenant/fifo
    true
"#;

#[tokio::test(flavor = "multi_thread")]
async fn hera_fault_security_12_the_folder_of_a_run_is_open_to_everybody() {
    let (Some(team), Some(thief)) = (Somebody::new("open"), Somebody::new("thief")) else {
        return;
    };
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let (attack, told) = (home.file("attack"), home.file("told"));
    std::fs::write(&attack, ATTACK).unwrap();
    let (uid, runs) = (thief.ids().0, home.run_dir(1));
    let runs = runs.parent().unwrap().display();
    let path = path_with_interrupted_sudo(
        &home,
        &format!(
            "for run in {runs}/*; do {{ stat -c '%A %n' $run $run/*; pwd
            setpriv --reuid={uid} --clear-groups bash {attack} $run; }} >> {told} 2>&1; done"
        ),
    );
    let mut command = worker_command(&home, &admin, None);
    let _worker = Worker::spawn({
        command.env("PATH", path);
        command
    });
    let mut session = admin.session(INSTALLATION).await;
    let script = "cat /proc/self/cgroup; echo the end";
    start_for(&session, 1, &team.0, script).await;
    let (ended, log) = session.whole(1).await;
    let (log, told) = (
        String::from_utf8(log).unwrap(),
        std::fs::read_to_string(told).unwrap(),
    );
    assert_eq!(ended.exit_code, Some(0), "{} {log} {told}", ended.note);
    assert!(log.ends_with("the end\n"), "{log}");
    assert!(!told.contains("could: "), "{told}");
    // Nothing of the worker's is open to others, and what is open keeps what one has put there.
    let name = run_ref(1).nonce;
    let modes: Vec<_> = told.lines().filter(|line| line.contains(&name)).collect();
    assert!(modes.len() > 5, "{told}");
    for line in modes {
        let expected = match line {
            _ if line.ends_with("/tenant") => "drwx-wx-wt",
            _ if line.ends_with(&name) => "drwx--x--x",
            _ => "-rw-------",
        };
        assert!(line.starts_with(expected), "{line}");
    }
    // The name is told by no command line of sudo's, no folder of a process, and no group.
    assert!(told.contains("\n/\n"), "{told}");
    assert!(!log.contains(&name), "{log}");
    session.obeyed().await;
    cleared(&home, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_or_a_right_that_is_missing_is_named_with_the_remedy() {
    let (Some(service), Some(team)) = (Somebody::new("bare"), Somebody::new("else")) else {
        return;
    };
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = worker(&home, &admin, Some(&service));
    let mut session = admin.session(INSTALLATION).await;
    start_for(&session, 1, "nobody-of-this-name", "true").await;
    let Kind::Refused(refused) = session.report().await else {
        panic!("it is refused");
    };
    assert_eq!(refused.run, Some(run_ref(1)));
    assert!(
        refused.reason.contains("useradd nobody-of-this-name"),
        "{}",
        refused.reason
    );
    start_for(&session, 2, "root", "true").await;
    let Kind::Refused(refused) = session.report().await else {
        panic!("it is refused");
    };
    assert!(
        refused.reason.contains("never run as \"root\""),
        "{}",
        refused.reason
    );

    start_for(&session, 3, &team.0, "echo never").await;
    session.accepted(3).await;
    let ended = session.finished(3).await.0;
    assert_eq!(ended.exit_code, Some(126));
    let rule = format!("{} ALL=({}) NOPASSWD: ", service.0, team.0);
    assert!(ended.note.contains(&rule), "{}", ended.note);
    // A helper of the worker's own user needs no sudo.
    start_for(&session, 4, &service.0, "id -un").await;
    assert_eq!(
        session.whole(4).await.1,
        format!("{}\n", service.0).as_bytes()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_closed_to_the_team_is_named() {
    let Some(team) = Somebody::new("out") else {
        return;
    };
    let (home, mut admin) = (Home::new(), Admin::start().await);
    let _worker = worker(&home, &admin, None);
    let mut session = admin.session(INSTALLATION).await;
    mode(&home.data(), 0o700);
    start_for(&session, 1, &team.0, "echo never").await;
    session.accepted(1).await;
    let (ended, log) = session.finished(1).await;
    assert_eq!((ended.exit_code, log), (Some(126), Vec::new()));
    let remedy = format!("chmod o+x {}", home.data().display());
    assert!(ended.note.contains(&remedy), "{}", ended.note);
}
