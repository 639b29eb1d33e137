//! What `/proc` tells about processes.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

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
        Ok(stat(pid).filter(|stat| !stat.ended).map(|stat| Self {
            pid,
            start_time: stat.start_time,
            boot_id,
        }))
    }

    /// Whether this very process still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        boot_id().is_ok_and(|boot| boot == self.boot_id)
            && stat(self.pid).is_some_and(|stat| !stat.ended && stat.start_time == self.start_time)
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
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    // Bytes, because the program's name in it may be anything.
    let line = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&line)
}

/// Every process that can be seen.
pub(crate) fn all() -> BTreeMap<i32, Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect()
}

/// Whether the process was started with `NAME=value` in its environment.
pub(crate) fn has_variable(pid: i32, assignment: &str) -> bool {
    std::fs::read(PathBuf::from(format!("/proc/{pid}/environ"))).is_ok_and(|environ| {
        environ
            .split(|byte| *byte == 0)
            .any(|variable| variable == assignment.as_bytes())
    })
}

/// Whether the process has this log for its output.
pub(crate) fn writes_to(pid: i32, log: &LogIdentity) -> bool {
    ["fd/1", "fd/2"]
        .iter()
        .filter_map(|name| std::fs::metadata(format!("/proc/{pid}/{name}")).ok())
        .any(|file| LogIdentity::of(&file) == *log)
}

/// Signals the process that has this number and this start time, or nobody.
pub(crate) fn send(pid: i32, start_time: u64, signal: Signal) {
    let Some(target) = Pid::from_raw(pid) else {
        return;
    };
    let Ok(descriptor) = pidfd_open(target, PidfdFlags::empty()) else {
        return;
    };
    if stat(pid).is_some_and(|stat| stat.start_time == start_time)
        && let Err(error) = pidfd_send_signal(&descriptor, signal)
    {
        tracing::debug!(
            process.pid = pid,
            "cannot signal a process of a run: {error}"
        );
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
    fn a_process_is_itself_and_no_other_with_its_number() {
        let me = ProcessId::of(i32::try_from(std::process::id()).unwrap())
            .unwrap()
            .unwrap();
        assert!(me.is_alive());
        let earlier = ProcessId {
            start_time: me.start_time - 1,
            ..me.clone()
        };
        let before_reboot = ProcessId {
            boot_id: "other".into(),
            ..me
        };
        assert!(!earlier.is_alive());
        assert!(!before_reboot.is_alive());
    }
}
