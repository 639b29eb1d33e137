//! `hera-run`: owns the processes of one run, whatever happens to the worker that started it.
//!
//! It leaves the worker's session, adopts what its script leaves behind, and writes down how the
//! script ended. No async here: it must be up in a millisecond. One thread keeps what the
//! script prints.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hera_domain::clock::{Clock, SystemClock};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};

use crate::cgroup::{self, Cgroup};
use crate::contact::Fence;
use crate::files;
use crate::kill::{Killed, Tree};
use crate::output::Output;
use crate::process::ProcessId;
use crate::rundir::{Claim, Claimed, Exit, RunDir, Spec, TOKEN_VARIABLE};
use crate::settings::is_for_tenants;
use crate::tenant::{self, Birth, Tenant};

/// The exit code that shells give for a program that does not exist.
const NOT_FOUND: i32 = 127;
/// The exit code that shells give for a program that cannot be executed.
const NOT_EXECUTABLE: i32 = 126;

const KILL: i32 = nix::sys::signal::Signal::SIGKILL as i32;
const CPU_TIME: i32 = nix::sys::signal::Signal::SIGXCPU as i32;

/// How often a fenced run's contact is read.
const LOOK: Duration = Duration::from_secs(1);
/// Waits are whole milliseconds, rounded down.
const ROUNDED: Duration = Duration::from_millis(1);
/// How often it is asked whether a script has ended, if it cannot be told.
const BLIND: Duration = Duration::from_millis(50);
/// How often a fenced run is looked through for what is to be killed, 20 ms apart.
const MOST_LOOKS: u32 = 250;

/// This process's own environment.
pub type Inherited = [(OsString, OsString)];

/// Runs what the folder's spec says and returns once its end is written down.
///
/// # Errors
/// When the folder cannot be read or written; nothing has been started then, or the script has
/// ended and cannot be reported.
pub fn run(folder: &Path, inherited: &Inherited) -> io::Result<()> {
    // From here on signals to the worker's group or terminal do not reach the run.
    nix::unistd::setsid()?;
    nix::sys::prctl::set_child_subreaper(true)?;
    // All paths are relative from now on: the folder may be moved while a process lingers.
    std::env::set_current_dir(folder)?;
    let dir = RunDir::new(".");
    let spec = dir
        .read_spec()?
        .ok_or_else(|| io::Error::other("there is no spec.json"))?;

    let me = ProcessId::of(nix::unistd::getpid().as_raw())?
        .ok_or_else(|| io::Error::other("/proc does not show this process"))?;
    match dir.claim(&Claim::Runner(me.clone()))? {
        Claimed::Ours => {}
        Claimed::Taken => return Ok(()),
    }
    let slip = dir.reserve_exit()?;
    if dir.is_cancelled() {
        let never = Exit {
            note: "never started: it was cancelled before".to_owned(),
            at_unix_ms: now(),
            ..Exit::default()
        };
        return dir.write_exit(&slip, &never).map(drop);
    }
    let oom_kills = machine_oom_kills();
    let mut output = None;
    let exit = match start(&dir, &spec, inherited, &mut output) {
        Ok(child) => {
            let fenced = match &spec.fence {
                Some(fence) => guard(child, fence, me, &dir, &spec),
                None => None,
            };
            let exit = wait_for(child)?;
            Exit {
                note: match &fenced {
                    Some(killed) => fenced_note(killed),
                    None => remark(&exit, &spec, oom_kills),
                },
                fenced: fenced.is_some(),
                unconfirmed: fenced.is_some_and(|killed| !killed.is_confirmed()),
                ..exit
            }
        }
        Err(failed) => failed,
    };
    let printed = output.as_ref().map(Output::settle).unwrap_or_default();
    let exit = Exit {
        log_size: printed.log_size,
        at_unix_ms: now(),
        note: with_loss(exit.note, printed.lost),
        ..exit
    };
    dir.write_exit(&slip, &exit)?;
    let all_gone = exit.fenced && !exit.unconfirmed;
    if dir.is_cancelled() && !all_gone {
        // The worker finds what is left through this process: stay its parent until it is gone.
        while reap()?.is_some() {}
    }
    if let Some(output) = output {
        output.hand_over();
    }
    Ok(())
}

fn with_loss(note: String, lost: usize) -> String {
    if lost == 0 {
        return note;
    }
    let loss = format!("the last {lost} bytes of its log found no room on the worker's disk");
    if note.is_empty() {
        loss
    } else {
        format!("{note}; {loss}")
    }
}

/// Starts the script; the error is already the run's end.
fn start(
    dir: &RunDir,
    spec: &Spec,
    inherited: &Inherited,
    output: &mut Option<Output>,
) -> Result<Pid, Exit> {
    let failed = |exit_code, note: String| Exit {
        exit_code: Some(exit_code),
        note,
        ..Exit::default()
    };
    let refused = |note: String| failed(NOT_EXECUTABLE, note);
    let (opened, log) =
        Output::open(dir).map_err(|error| refused(format!("cannot write output.log: {error}")))?;
    let output = output.insert(opened);
    if let Some(group) = &spec.cgroup {
        group
            .enter()
            .map_err(|error| refused(format!("cannot enter the run's control group: {error}")))?;
    }
    let born = match &spec.tenant {
        None => start_here(dir, spec, log),
        Some(tenant) => start_as(tenant, dir, spec, inherited, log, output),
    };
    if let Some(group) = &spec.cgroup {
        // Staying is no harm: it would be killed with its script, and the worker tells the end.
        let _ = group.leave();
    }
    let child = born.map_err(|(code, note)| failed(code, note))?;
    // The worker may be gone already; the run goes on all the same.
    let _ = writeln!(io::stdout(), "{}", child.id());
    let pid = i32::try_from(child.id()).expect("a pid fits the kernel's own type");
    Ok(Pid::from_raw(pid))
}

/// An exit code, and why there is no script.
type Unborn = (i32, String);

fn start_here(dir: &RunDir, spec: &Spec, log: (File, File)) -> Result<Child, Unborn> {
    let [program, arguments @ ..] = spec.command.as_slice() else {
        return Err((NOT_FOUND, "the command is empty".to_owned()));
    };
    // The limits hold for this process too, which needs next to nothing.
    spec.limits.apply().map_err(|error| {
        (
            NOT_EXECUTABLE,
            format!("cannot set the run's limits: {error}"),
        )
    })?;
    Command::new(program)
        .args(arguments)
        .envs(&spec.env)
        .env(TOKEN_VARIABLE, &spec.token)
        .current_dir(dir.work())
        .stdin(Stdio::null())
        .stdout(log.0)
        .stderr(log.1)
        // A group of its own, so that a script that signals its group spares the runner.
        .process_group(0)
        .spawn()
        .map_err(|error| {
            let code = if error.kind() == io::ErrorKind::NotFound {
                NOT_FOUND
            } else {
                NOT_EXECUTABLE
            };
            (code, format!("cannot start {program}: {error}"))
        })
}

/// Starts the script as the team's user.
fn start_as(
    tenant: &Tenant,
    dir: &RunDir,
    spec: &Spec,
    inherited: &Inherited,
    log: (File, File),
    output: &Output,
) -> Result<Child, Unborn> {
    let refused = |note: String| (NOT_EXECUTABLE, note);
    let folder = |error: io::Error| refused(format!("cannot prepare the run's folder: {error}"));
    let (text, birth) = birth(dir, spec, inherited).map_err(folder)?;
    // A run that may be elsewhere by then must not begin.
    let patience = spec.fence.as_ref().map_or(tenant::PATIENCE, |fence| {
        let left = fence.left(&mut fence.known()).unwrap_or_default();
        left.min(tenant::PATIENCE)
    });
    dir.open_to_tenant(true).map_err(folder)?;
    let born = tenant.run(Birth { text, ..birth }, log, patience);
    // Should the disk not take this any more, nobody but the tenant learns the folder's name.
    let _ = dir.open_to_tenant(false);
    born.map_err(|unborn| match unborn {
        tenant::Unborn::NoSudo(error) => refused(format!(
            "cannot start sudo: {error}; install it, or set hera.sudoUser: false"
        )),
        tenant::Unborn::Refused(mut sudo) => {
            let _ = sudo.wait();
            output.settle();
            let said = files::read_if_present(&dir.log()).unwrap_or_default();
            refused(tenant.refusal(&said.unwrap_or_default()))
        }
        tenant::Unborn::Failed(why) | tenant::Unborn::Late(why) => refused(why),
    })
}

/// The script's text, and all else that a tenant must know.
fn birth(dir: &RunDir, spec: &Spec, inherited: &Inherited) -> io::Result<(String, Birth)> {
    // Elsewhere "." is another folder.
    let here = RunDir::new(std::env::current_dir()?);
    let script = spec.command.last().map(PathBuf::from).unwrap_or_default();
    let suffix = script.extension().map_or_else(String::new, |suffix| {
        format!(".{}", suffix.to_string_lossy())
    });
    let text = std::fs::read_to_string(dir.script(&suffix))?;
    let text_of = |text: &OsString| text.to_string_lossy().into_owned();
    let mut env: BTreeMap<String, String> = inherited
        .iter()
        .filter(|(name, _)| is_for_tenants(name))
        .map(|(name, value)| (text_of(name), text_of(value)))
        .collect();
    env.extend(spec.env.clone());
    env.insert(TOKEN_VARIABLE.to_owned(), spec.token.clone());
    let birth = Birth {
        work: here.tenants_work(),
        script,
        text: String::new(),
        command: spec.command.clone(),
        env_files: spec.env_files.clone(),
        env,
        limits: spec.limits.clone(),
    };
    Ok((text, birth))
}

/// Reaps whatever ends until the script itself does.
fn wait_for(script: Pid) -> io::Result<Exit> {
    let (exit_code, signal) = loop {
        match reap()? {
            Some(WaitStatus::Exited(pid, code)) if pid == script => break (Some(code), None),
            Some(WaitStatus::Signaled(pid, signal, _)) if pid == script => {
                break (None, Some(signal as i32));
            }
            Some(_) => {}
            None => return Err(io::Error::other("the script is no child of the runner")),
        }
    };
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = |t: nix::sys::time::TimeVal| t.tv_sec() * 1000 + t.tv_usec() / 1000;
    Ok(Exit {
        exit_code,
        signal,
        cpu_ms: Some(time(usage.user_time()) + time(usage.system_time())),
        peak_memory_kib: Some(usage.max_rss()),
        ..Exit::default()
    })
}

/// Watches over a run that may be started elsewhere, until its script has ended, or until no
/// leader has answered for too long: then everything is killed, and it is told how that went. The
/// worker does so first, if it is there.
fn guard(script: Pid, fence: &Fence, me: ProcessId, dir: &RunDir, spec: &Spec) -> Option<Killed> {
    let mut known = fence.known();
    let pid = rustix::process::Pid::from_raw(script.as_raw());
    let mut ends = None;
    while let Some(left) = fence.left(&mut known) {
        // Want of descriptors or memory passes, and leaves nobody unguarded until it does.
        ends = ends.or_else(|| pidfd_open(pid?, PidfdFlags::empty()).ok());
        if ends_within(script, ends.as_ref(), left.min(LOOK)) {
            return None;
        }
    }
    // On a disk that takes no mark the run must end all the same: it may start elsewhere.
    drop(dir.mark_cancelled());
    Some(kill_everything(Tree::new(Some(me), dir, spec)))
}

/// Whether the script ends in this time, at most; it stays to be reaped.
fn ends_within(script: Pid, ends: Option<&OwnedFd>, time: Duration) -> bool {
    let wait = |time: Duration| PollTimeout::try_from(time + ROUNDED).unwrap_or(PollTimeout::ZERO);
    let waited = ends.map(|ends| {
        let mut descriptors = [PollFd::new(ends.as_fd(), PollFlags::POLLIN)];
        poll(&mut descriptors, wait(time))
    });
    if !matches!(waited, Some(Ok(_) | Err(Errno::EINTR))) {
        // Nothing is awaited but time.
        let _ = poll(&mut [], wait(time.min(BLIND)));
    }
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    // What is no child of ours is told by whoever reaps it.
    waitid(Id::Pid(script), flags) != Ok(WaitStatus::StillAlive)
}

fn kill_everything(mut tree: Tree) -> Killed {
    let mut empty_looks = 0;
    let mut left = Vec::new();
    for _ in 0..MOST_LOOKS {
        match tree.kill_all() {
            Ok(targets) if targets.is_empty() => empty_looks += 1,
            Ok(targets) => {
                empty_looks = 0;
                left = targets.into_keys().collect();
            }
            // Who could not look has not seen that there is nothing.
            Err(_) => empty_looks = 0,
        }
        if empty_looks == 2 {
            return if tree.is_traced() {
                Killed::Confirmed
            } else {
                Killed::Untraced
            };
        }
        // Nothing is awaited but time.
        let _ = poll(&mut [], PollTimeout::from(20_u8));
    }
    Killed::Unconfirmed(left)
}

fn fenced_note(killed: &Killed) -> String {
    let why = "ended by its runner: no leader had answered its worker for hera.selfFenceMs";
    match killed.remark() {
        Some(remark) => format!("{why}; {remark}"),
        None => why.to_owned(),
    }
}

/// What an end by a signal means, where that can be told.
fn remark(exit: &Exit, spec: &Spec, oom_kills_before: Option<u64>) -> String {
    let in_group = spec.cgroup.as_ref().map_or(0, Cgroup::oom_kills);
    if in_group > 0 {
        return "out of memory: the kernel ended the run at its limit; raise hera.worker.limits.memory, or let the script use less".to_owned();
    }
    // A shell tells of a killed child by an exit code.
    let killed = exit.signal == Some(KILL) || exit.exit_code == Some(128 + KILL);
    if killed && machine_oom_kills() > oom_kills_before {
        return "out of memory: the kernel's out-of-memory killer was at work on this machine when the script was killed".to_owned();
    }
    let seconds = spec.limits.cpu_seconds;
    let timed = exit.signal == Some(CPU_TIME) || exit.exit_code == Some(128 + CPU_TIME);
    if timed && seconds > 0 {
        return format!(
            "used more than the {seconds} s of CPU time that hera.worker.limits.cpuTime allows"
        );
    }
    String::new()
}

/// How many processes the kernel has killed for want of memory since the machine was started.
fn machine_oom_kills() -> Option<u64> {
    cgroup::value(Path::new("/proc/vmstat"), "oom_kill")
}

/// Waits for any child to end; `None` when there is none left.
fn reap() -> io::Result<Option<WaitStatus>> {
    loop {
        match waitpid(None, None) {
            Ok(status) => return Ok(Some(status)),
            Err(Errno::ECHILD) => return Ok(None),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn now() -> i64 {
    SystemClock.now().timestamp_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_guarded_although_no_descriptor_is_left_for_it() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        assert!(!ends_within(pid, None, Duration::from_secs(1)));
        let ends = rustix::process::Pid::from_raw(pid.as_raw())
            .map(|pid| pidfd_open(pid, PidfdFlags::empty()).unwrap());
        assert!(!ends_within(pid, ends.as_ref(), Duration::from_millis(1)));
        child.kill().unwrap();
        assert!(ends_within(pid, ends.as_ref(), Duration::from_secs(60)));
        assert!(ends_within(pid, None, Duration::from_secs(1)));
        // It is still there to be reaped.
        assert!(!child.wait().unwrap().success());
    }
}
