//! `hera-run tenant`: what is done as the tenant. It has the tenant's rights and no others.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{AccessFlags, User, access, getuid};
use rustix::process::Signal;

use super::{Answer, Birth, Request, own_name};
use crate::script::find_program;
use crate::{files, process, removal};

/// Does what comes through standard input. Returns unless it has become a script.
///
/// # Errors
/// When nobody speaks to it as the worker does.
pub fn serve() -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut request = Vec::new();
    (&socket).read_to_end(&mut request)?;
    let done = match serde_json::from_slice(&request)? {
        Request::Run(birth) => Err(become_script(&birth, &socket)),
        Request::Carriers(assignment) => carriers(&assignment).map(Answer::Carriers),
        Request::Signal(targets, signal) => send(&targets, signal),
        Request::Empty(folder) => removal::empty(&folder).map(|()| Answer::Done),
    };
    let answer = done.unwrap_or_else(|error| Answer::Failed(error.to_string()));
    say(&socket, &answer)
}

fn say(mut socket: &UnixStream, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    socket.write_all(&line)
}

/// Does not return if all goes well.
fn become_script(birth: &Birth, socket: &UnixStream) -> io::Error {
    match prepare(birth).and_then(|command| Ok((command, say(socket, &Answer::Ready)?))) {
        Ok((mut command, ())) => {
            // Nobody listens any more: what is said now stands in the log.
            let error = command.exec();
            eprintln!("cannot start {}: {error}", birth.command.join(" "));
            std::process::exit(126)
        }
        Err(error) => error,
    }
}

fn prepare(birth: &Birth) -> io::Result<Command> {
    let [program, arguments @ ..] = birth.command.as_slice() else {
        return Err(io::Error::other("the command is empty"));
    };
    let user = own_name();
    let path = birth.env.get("PATH").map(OsStr::new);
    if find_program(program, path).is_none() {
        return Err(io::Error::other(format!(
            "{user} finds no program {program:?} to start"
        )));
    }
    for file in &birth.env_files {
        File::open(file).map_err(|error| {
            io::Error::other(format!(
                "{user} cannot read the env file {}: {error}",
                file.display()
            ))
        })?;
    }
    DirBuilder::new()
        .mode(0o700)
        .create(&birth.work)
        .map_err(|error| explain(&user, &birth.work, &error))?;
    files::write_private(&birth.script, birth.text.as_bytes())?;
    birth.limits.apply()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(&birth.env)
        .envs(home())
        .current_dir(&birth.work)
        .stdin(Stdio::null());
    Ok(command)
}

/// Why a folder of the worker's cannot be used: most often one above it is closed to others.
fn explain(user: &str, folder: &Path, error: &io::Error) -> io::Error {
    let above: Vec<&Path> = folder.ancestors().skip(1).collect();
    let closed = above
        .iter()
        .rev()
        .find(|folder| access(**folder, AccessFlags::X_OK).is_err());
    io::Error::other(match closed {
        Some(closed) => {
            let closed = closed.display();
            format!(
                "{user} cannot enter {closed}; open it (chmod o+x {closed}), or set hera.workDir to a folder that every user can reach"
            )
        }
        None => format!("{user} cannot make {}: {error}", folder.display()),
    })
}

/// What a login would set.
fn home() -> Vec<(&'static str, String)> {
    let Ok(Some(user)) = User::from_uid(getuid()) else {
        return Vec::new();
    };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    vec![
        ("HOME", text(&user.dir)),
        ("SHELL", text(&user.shell)),
        ("LOGNAME", user.name.clone()),
        ("USER", user.name),
    ]
}

fn carriers(assignment: &str) -> io::Result<Vec<i32>> {
    let mut carriers = Vec::new();
    for pid in process::all()?.into_keys() {
        if process::has_variable(pid, assignment)? {
            carriers.push(pid);
        }
    }
    Ok(carriers)
}

fn send(targets: &BTreeMap<i32, u64>, signal: i32) -> io::Result<Answer> {
    let signal = Signal::from_named_raw(signal)
        .ok_or_else(|| io::Error::other(format!("there is no signal {signal}")))?;
    for (pid, start) in targets {
        process::send(*pid, *start, signal)?;
    }
    Ok(Answer::Done)
}
