//! Why a version or a run stands where it stands: facts with their particulars, which pages
//! phrase in the reader's language. [`Display`](fmt::Display) is the English sentence.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::id::HostGroupId;
use crate::status::Misfire;

/// Characters of a text from outside that are kept.
const SAID_CHARS: usize = 4000;

/// Why a version or a run waits, was skipped, missed, cancelled or lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// What a worker or the rendering of the script said, in its own words.
    Said { text: String },
    /// The version is frozen.
    Frozen,
    /// Its job is closed.
    Closed,
    /// Its job's schedule no longer has this time.
    NotScheduled,
    /// Its time had passed when its job was opened; a run by hand has made its row.
    Passed,
    /// It has waited longer than a version may.
    WaitedTooLong { days: i64 },
    /// Its job was closed when it was due, and for too long to run it now.
    ClosedTooLong { hours: i64 },
    /// Nobody led when it was due, and that was too long ago to run it now.
    NoLeaderTooLong { hours: i64 },
    /// Nobody led when it was due, and its job says not to run it then.
    NoLeader { policy: Misfire },
    /// Its job was deleted.
    JobDeleted,
    /// A person cancelled it.
    CancelledBy { person: String },
    /// The installation was stopped with all its runs.
    Stopped,
    /// It took longer than its job or the installation allows.
    TookTooLong { minutes: i64 },
    /// Its calendar was changed while it was queued.
    CalendarChanged,
    /// What its calendar does to its day.
    Calendar {
        name: String,
        day: NaiveDate,
        /// What the calendar says about that day.
        note: Option<String>,
        does: CalendarDoes,
    },
    /// The host group that it shall run in is not known.
    NoSuchHostGroup { id: HostGroupId },
    /// Its host group can take nothing.
    HostGroup { name: String, lacks: HostGroupLacks },
    /// It ran in HERA, whose history was imported.
    RanInHera {
        host: Option<String>,
        /// What HERA noted on it.
        note: Option<String>,
    },
    /// Its worker came back without it.
    WorkerForgot { worker: String },
    /// Its worker has not been heard of for too long.
    WorkerSilent { worker: String },
    /// A person gave it up while its worker was silent.
    DeclaredLost { person: String },
    /// It ended after it had been given up.
    EndedLate {
        exit_code: Option<i32>,
        signal: Option<i32>,
        /// Set if its worker killed it: whether every process is known to be gone.
        killed: Option<bool>,
    },
}

/// What a calendar does to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarDoes {
    /// It leaves the day out, which is one of its own.
    SkipsOwn,
    /// It leaves the day out, which is none of its own.
    SkipsOther,
    /// It makes it due on another day.
    Moves(NaiveDate),
    /// It has no day to move it to within a year.
    Stays,
}

/// What a host group lacks to take runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostGroupLacks {
    /// It is switched off.
    Effect,
    /// It has no workers.
    Workers,
    /// None of its workers is connected and accepts runs.
    AcceptingWorkers,
}

impl Reason {
    /// What somebody outside said, cut to 4000 characters.
    pub fn said(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if let Some((end, _)) = text.char_indices().nth(SAID_CHARS) {
            text.truncate(end);
        }
        Self::Said { text }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said { text } => f.write_str(text),
            Self::Frozen => f.write_str("frozen"),
            Self::Closed => f.write_str("closed"),
            Self::NotScheduled => f.write_str("no longer scheduled"),
            Self::Passed => f.write_str(
                "its time had passed when the job was opened: it does not start by itself, recover it",
            ),
            Self::WaitedTooLong { days } => write!(f, "waited {days} days"),
            Self::ClosedTooLong { hours } => {
                write!(f, "its job was closed for more than {hours} hours")
            }
            Self::NoLeaderTooLong { hours } => write!(
                f,
                "no admin led at its time, and that was more than {hours} hours ago"
            ),
            Self::NoLeader { policy } => write!(
                f,
                "no admin led at its time, and the job's policy for that is {policy}"
            ),
            Self::JobDeleted => f.write_str("its job was deleted"),
            Self::CancelledBy { person } => write!(f, "cancelled by {person}"),
            Self::Stopped => f.write_str("the installation was stopped"),
            Self::TookTooLong { minutes } if minutes % 60 == 0 && *minutes > 60 => {
                write!(f, "took longer than {} hours", minutes / 60)
            }
            Self::TookTooLong { minutes } => write!(f, "took longer than {minutes} minutes"),
            Self::CalendarChanged => f.write_str("its calendar was changed"),
            Self::Calendar {
                name,
                day,
                note,
                does,
            } => calendar(f, name, *day, note.as_deref(), *does),
            Self::NoSuchHostGroup { id } => write!(f, "there is no host group {id}"),
            Self::HostGroup { name, lacks } => match lacks {
                HostGroupLacks::Effect => write!(f, "host group {name} is switched off"),
                HostGroupLacks::Workers => write!(f, "host group {name} has no workers"),
                HostGroupLacks::AcceptingWorkers => {
                    write!(
                        f,
                        "no worker of host group {name} is connected and accepts runs"
                    )
                }
            },
            Self::RanInHera { host, note } => {
                f.write_str("it ran in HERA")?;
                [host, note]
                    .into_iter()
                    .flatten()
                    .try_for_each(|part| write!(f, ", {part}"))
            }
            Self::WorkerForgot { worker } => write!(f, "worker {worker} no longer knows this run"),
            Self::WorkerSilent { worker } => write!(f, "worker {worker} is silent"),
            Self::DeclaredLost { person } => write!(f, "declared lost by {person}"),
            Self::EndedLate {
                exit_code,
                signal,
                killed,
            } => ended_late(f, *exit_code, *signal, *killed),
        }
    }
}

fn ended_late(
    f: &mut fmt::Formatter<'_>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    killed: Option<bool>,
) -> fmt::Result {
    f.write_str("after it was given up, its worker ")?;
    match (killed, exit_code, signal) {
        (Some(true), _, _) => f.write_str("killed it"),
        (Some(false), _, _) => f.write_str("killed it, but not all of its processes"),
        (None, Some(code), _) => write!(f, "reported its end with exit code {code}"),
        (None, None, Some(signal)) => write!(f, "reported its end by signal {signal}"),
        (None, None, None) => f.write_str("reported that it is gone"),
    }
}

fn calendar(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    day: NaiveDate,
    note: Option<&str>,
    does: CalendarDoes,
) -> fmt::Result {
    let note = note.map_or_else(String::new, |note| format!(" ({note})"));
    match does {
        CalendarDoes::SkipsOwn => write!(f, "{day} is a day of calendar {name}{note}"),
        CalendarDoes::SkipsOther => write!(f, "{day} is no day of calendar {name}{note}"),
        CalendarDoes::Moves(to) => write!(f, "calendar {name} moves it from {day}{note} to {to}"),
        CalendarDoes::Stays => write!(
            f,
            "calendar {name} has no day to move it to within a year: it stays at {day}"
        ),
    }
}
