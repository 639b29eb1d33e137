//! What `/proc` tells about processes.

use std::collections::BTreeMap;
use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::rundir::LogIdentity;

/// A process, told from any other that may have its number later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: i32,
    /// Clock ticks since the machine's start.
    pub start_time: u64,
    pub boot_id: String,
}

/// One line of `/proc/<pid>/stat`, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) parent: i32,
    pub(crate) start_time: u64,
    /// It has ended and waits to be reaped.
    pub(crate) ended: bool,
}

impl ProcessId {
    /// The process `pid` as it is now; `None` if there is none.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn of(pid: i32) -> io::Result<Option<Self>> {
        let boot_id = boot_id()?;
        Ok(stat(pid)?.filter(|stat| !stat.ended).map(|stat| Self {
            pid,
            start_time: stat.start_time,
            boot_id,
        }))
    }

    /// Whether this very process still runs.
    ///
    /// # Errors
    /// When that cannot be known, for want of file descriptors or memory.
    pub fn is_alive(&self) -> io::Result<bool> {
        Ok(boot_id()? == self.boot_id
            && stat(self.pid)?
                .is_some_and(|stat| !stat.ended && stat.start_time == self.start_time))
    }
}

/// `None` of what is gone or somebody else's. Want of descriptors or memory is an error: who
/// cannot look has not seen that there is nothing.
fn if_there<T>(looked: Result<T, impl Into<io::Error>>) -> io::Result<Option<T>> {
    let error = match looked {
        Ok(there) => return Ok(Some(there)),
        Err(error) => error.into(),
    };
    match Errno::from_io_error(&error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Err(error),
        Some(_) | None => Ok(None),
    }
}

/// Changes with every start of the machine.
///
/// # Errors
/// When `/proc` cannot be read.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// The process `pid`, if there is one.
pub(crate) fn stat(pid: i32) -> io::Result<Option<Stat>> {
    // Bytes, because the program's name in it may be anything.
    let line = if_there(std::fs::read(format!("/proc/{pid}/stat")))?;
    Ok(line.and_then(|line| parse_stat(&line)))
}

/// Every process that can be seen.
pub(crate) fn all() -> io::Result<BTreeMap<i32, Stat>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        if let Some(pid) = name.to_str().and_then(|name| name.parse().ok())
            && let Some(stat) = stat(pid)?
        {
            all.insert(pid, stat);
        }
    }
    Ok(all)
}

/// Whether the process was started with `NAME=value` in its environment.
pub(crate) fn has_variable(pid: i32, assignment: &str) -> io::Result<bool> {
    let environ = if_there(std::fs::read(format!("/proc/{pid}/environ")))?;
    Ok(environ.is_some_and(|environ| {
        environ
            .split(|byte| *byte == 0)
            .any(|variable| variable == assignment.as_bytes())
    }))
}

/// Whether the process has this log for its output.
pub(crate) fn writes_to(pid: i32, log: &LogIdentity) -> io::Result<bool> {
    for name in ["fd/1", "fd/2"] {
        let file = if_there(std::fs::metadata(format!("/proc/{pid}/{name}")))?;
        if file.is_some_and(|file| LogIdentity::of(&file) == *log) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Signals the process that has this number and this start time, or nobody; false if another
/// user must do it.
pub(crate) fn send(pid: i32, start_time: u64, signal: Signal) -> io::Result<bool> {
    let Some(target) = Pid::from_raw(pid) else {
        return Ok(true);
    };
    let Some(descriptor) = if_there(pidfd_open(target, PidfdFlags::empty()))? else {
        return Ok(true);
    };
    if stat(pid)?.is_none_or(|stat| stat.start_time != start_time) {
        return Ok(true);
    }
    match pidfd_send_signal(&descriptor, signal) {
        Ok(()) | Err(Errno::SRCH) => Ok(true),
        Err(Errno::PERM) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The program's name stands in parentheses and may itself contain any byte.
fn parse_stat(line: &[u8]) -> Option<Stat> {
    let after_name = line.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(line.get(after_name..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    // Field 22 of the line; the state is the third.
    let start_time = fields.nth(17)?.parse().ok()?;
    Some(Stat {
        parent,
        start_time,
        ended: matches!(state, "Z" | "X" | "x"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_named_like_a_stat_line_is_read_right() {
        let line =
            b"77 (a) Z 1 (\xff) S 5 77 77 0 -1 4194304 119 0 0 0 0 0 0 0 20 0 1 0 156711 31 4";
        let expected = Stat {
            parent: 5,
            start_time: 156_711,
            ended: false,
        };
        assert_eq!(parse_stat(line), Some(expected));
    }

    #[test]
    fn who_cannot_look_has_not_seen_that_there_is_nothing() {
        let looked = |errno: Errno| if_there(Err::<(), _>(errno));
        assert_eq!(looked(Errno::SRCH).unwrap(), None);
        assert_eq!(looked(Errno::ACCESS).unwrap(), None);
        assert!(looked(Errno::MFILE).is_err());
    }

    #[test]
    fn a_process_is_itself_and_no_other_with_its_number() {
        let me = ProcessId::of(i32::try_from(std::process::id()).unwrap())
            .unwrap()
            .unwrap();
        assert!(me.is_alive().unwrap());
        let earlier = ProcessId {
            start_time: me.start_time - 1,
            ..me.clone()
        };
        let before_reboot = ProcessId {
            boot_id: "other".into(),
            ..me
        };
        assert!(!earlier.is_alive().unwrap());
        assert!(!before_reboot.is_alive().unwrap());
    }
}
