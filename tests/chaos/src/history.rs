//! What happened: the files of the tasks, the rows of the database, what was asked and answered.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use crate::database::{Database, millis};
use crate::plan::Spec;

/// What a task wrote down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    Start,
    Beat,
    /// It is done, well.
    End,
    /// It is done, not well.
    Fail,
}

/// A line of a task, in the order of its job's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub did: Did,
    pub version: String,
    pub run: i64,
    pub attempt: u32,
    /// Milliseconds since 1970 by the machine's clock, which the database shares.
    pub at: i64,
}

/// A row of `hera_version`.
#[derive(Debug, Clone, Deserialize)]
pub struct Version {
    pub id: i64,
    pub version: String,
    pub job: i64,
    pub business_time: i64,
    pub due_at: i64,
    pub origin: String,
    pub status: String,
}

/// A row of `hera_run`.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    pub id: i64,
    pub version: i64,
    pub job: i64,
    pub trigger: String,
    pub status: String,
    pub worker: Option<i64>,
    pub ended_at: Option<i64>,
    pub kill_confirmed: Option<i64>,
    pub reason: Option<String>,
}

impl Run {
    /// Whether its processes may have outlived its end in the database.
    #[must_use]
    pub fn ended_unconfirmed(&self) -> bool {
        match self.status.as_str() {
            "lost" => true,
            "cancelled" => self.kill_confirmed == Some(0),
            _ => false,
        }
    }
}

/// A row of `hera_alarm`.
#[derive(Debug, Clone, Deserialize)]
pub struct Alarm {
    pub key: String,
    pub kind: String,
    pub version: Option<i64>,
}

/// A job of the plan as it was made.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: i64,
    pub spec: Spec,
    /// Its instants are those from here …
    pub opened_at: i64,
    /// … to before here.
    pub until: i64,
}

/// A start by hand, asked for as often as it took to get an answer.
#[derive(Debug, Clone)]
pub struct ByHand {
    pub key: String,
    pub job: i64,
    /// The run of each answer.
    pub runs: Vec<i64>,
}

/// A run's log as the API gives it.
#[derive(Debug, Clone)]
pub struct Log {
    pub bytes: Vec<u8>,
    pub complete: bool,
}

/// A final status that was seen of a run while things were going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub run: i64,
    pub status: String,
}

/// All that the checker needs; it asks nobody.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub jobs: BTreeMap<i64, Job>,
    pub events: BTreeMap<i64, Vec<Event>>,
    pub versions: Vec<Version>,
    pub runs: BTreeMap<i64, Run>,
    pub alarms: Vec<Alarm>,
    pub by_hand: Vec<ByHand>,
    /// Runs whose cancellation was answered with success.
    pub cancels: Vec<i64>,
    pub seen: Vec<Seen>,
    pub logs: BTreeMap<i64, Log>,
    /// What each version that is not final is waiting for, as a person is told.
    pub waits_for: BTreeMap<i64, String>,
    /// Runs that a worker may have at the same time.
    pub slots: usize,
    /// Whether a disk was full: then runs may fail for that reason, and logs lack what was printed.
    pub disks_fill: bool,
}

impl History {
    /// Reads what the tasks of a job wrote; a job that never started has no file.
    ///
    /// # Errors
    /// When a line is none.
    pub fn read_truth(&mut self, folder: &Path) -> anyhow::Result<()> {
        for id in self.jobs.keys() {
            let text = std::fs::read_to_string(folder.join(id.to_string())).unwrap_or_default();
            let events = text
                .lines()
                .map(|line| event(line).with_context(|| line.to_owned()));
            self.events
                .insert(*id, events.collect::<anyhow::Result<_>>()?);
        }
        Ok(())
    }

    /// Reads the rows of the plan's jobs.
    ///
    /// # Errors
    /// When the database is away.
    pub fn read_rows(&mut self, database: &Database) -> anyhow::Result<()> {
        self.versions = versions(database)?;
        self.runs = runs(database)?
            .into_iter()
            .map(|run| (run.id, run))
            .collect();
        let columns = [
            ("key", "dedupe_key"),
            ("kind", "kind"),
            ("version", "version_key"),
        ];
        self.alarms = database.rows(&columns, "hera.hera_alarm ORDER BY id")?;
        Ok(())
    }
}

/// Every version there is.
///
/// # Errors
/// When the database is away.
pub fn versions(database: &Database) -> anyhow::Result<Vec<Version>> {
    let columns = [
        ("id", "id"),
        ("version", "version"),
        ("job", "job_id"),
        ("business_time", &millis("business_time")),
        ("due_at", &millis("due_at")),
        ("origin", "origin"),
        ("status", "status"),
    ];
    database.rows(&columns, "hera.hera_version ORDER BY id")
}

/// Every run there is.
///
/// # Errors
/// When the database is away.
pub fn runs(database: &Database) -> anyhow::Result<Vec<Run>> {
    let columns = [
        ("id", "id"),
        ("version", "version_key"),
        ("job", "job_id"),
        ("trigger", "trigger_type"),
        ("status", "status"),
        ("worker", "worker_id"),
        ("ended_at", &millis("ended_at")),
        ("kill_confirmed", "kill_confirmed"),
        ("reason", "reason"),
    ];
    database.rows(&columns, "hera.hera_run ORDER BY id")
}

fn event(line: &str) -> Option<Event> {
    let mut words = line.split(' ');
    let did = match words.next()? {
        "start" => Did::Start,
        "beat" => Did::Beat,
        "end" => Did::End,
        "fail" => Did::Fail,
        _ => return None,
    };
    let version = words.next()?.to_owned();
    let run = words.next()?.parse().ok()?;
    let attempt = words.next()?.parse().ok()?;
    // Seconds and microseconds, as bash tells them.
    let (seconds, micros) = words.next()?.split_once('.')?;
    let at = seconds.parse::<i64>().ok()? * 1000 + micros.parse::<i64>().ok()? / 1000;
    Some(Event {
        did,
        version,
        run,
        attempt,
        at,
    })
}
