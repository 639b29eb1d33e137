//! `hera-run`: owns the processes of one run, whatever happens to the worker that started it.
//!
//! It leaves the worker's session, adopts what its script leaves behind, and writes down how the
//! script ended. No threads and no async here: it must be up in a millisecond.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use hera_domain::clock::{Clock, SystemClock};
use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::process::ProcessId;
use crate::rundir::{Claim, Claimed, Exit, RunDir, Spec, TOKEN_VARIABLE};

/// The exit code that shells give for a program that does not exist.
const NOT_FOUND: i32 = 127;
/// The exit code that shells give for a program that cannot be executed.
const NOT_EXECUTABLE: i32 = 126;

/// Runs what the folder's spec says and returns once its end is written down.
///
/// # Errors
/// When the folder cannot be read or written; nothing has been started then, or the script has
/// ended and cannot be reported.
pub fn run(folder: &Path) -> io::Result<()> {
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
    match dir.claim(&Claim::Runner(me))? {
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
        return dir.write_exit(&slip, &never);
    }
    let exit = match start(&dir, &spec) {
        Ok(child) => wait_for(child)?,
        Err(failed) => failed,
    };
    let exit = Exit {
        log_size: dir.log_size(),
        at_unix_ms: now(),
        ..exit
    };
    dir.write_exit(&slip, &exit)?;
    if dir.is_cancelled() {
        // The worker finds what is left through this process: stay its parent until it is gone.
        while reap()?.is_some() {}
    }
    Ok(())
}

/// Starts the script; the error is already the run's end.
fn start(dir: &RunDir, spec: &Spec) -> Result<Pid, Exit> {
    let failed = |exit_code, note: String| Exit {
        exit_code: Some(exit_code),
        note,
        ..Exit::default()
    };
    let log = open_log(dir)
        .and_then(|log| Ok((log.try_clone()?, log)))
        .map_err(|error| failed(NOT_EXECUTABLE, format!("cannot write output.log: {error}")))?;
    let [program, arguments @ ..] = spec.command.as_slice() else {
        return Err(failed(NOT_FOUND, "the command is empty".to_owned()));
    };
    let child = Command::new(program)
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
            failed(code, format!("cannot start {program}: {error}"))
        })?;
    // The worker may be gone already; the run goes on all the same.
    let _ = writeln!(io::stdout(), "{}", child.id());
    let pid = i32::try_from(child.id()).expect("a pid fits the kernel's own type");
    Ok(Pid::from_raw(pid))
}

fn open_log(dir: &RunDir) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(dir.log())
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
