//! The promises of the scheduler, held against a history. It asks nobody and changes nothing.

mod ends;
mod plan;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::history::{Did, Event, History, Run};

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub law: Law,
    /// Whom it hit, with the ids that find it.
    pub text: String,
}

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// Each instant of a plan has one row.
    OneRowPerInstant,
    /// Attempts of a version, and runs of a job that wants it so, come one after the other.
    NoOverlap,
    /// Nothing starts before its time and its upstreams.
    NothingEarly,
    /// A worker never has more runs than slots.
    SlotsHold,
    /// A final status of a run stays.
    FinalStays,
    /// What is due is final, or says what it waits for.
    NothingHangs,
    /// What has been cancelled does not start.
    CancelledStaysCancelled,
    /// One alarm for each event, none without.
    OneAlarmPerEvent,
    /// It ends as it would have without faults.
    SameEnd,
    /// The stored log is what the process wrote.
    LogIsWhole,
    /// A run happens once, and its end is counted.
    OnceAndCounted,
    /// What was answered is kept, and done once.
    AnswersHold,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.law, self.text)
    }
}

/// Everything that was not kept.
pub fn check(history: &History) -> Vec<Violation> {
    let facts = Facts::of(history);
    let laws = [
        plan::one_row_per_instant,
        plan::nothing_hangs,
        plan::same_end,
        plan::one_alarm_per_event,
        tasks::no_overlap,
        tasks::nothing_early,
        tasks::slots_hold,
        tasks::cancelled_stays_cancelled,
        ends::final_stays,
        ends::once_and_counted,
        ends::log_is_whole,
        ends::answers_hold,
    ];
    laws.iter().flat_map(|law| law(&facts)).collect()
}

/// A history with its indexes.
struct Facts<'a> {
    history: &'a History,
    /// What each run wrote, in order.
    runs: BTreeMap<i64, Trace<'a>>,
}

/// What one run wrote.
#[derive(Debug, Clone)]
struct Trace<'a> {
    job: i64,
    /// The places of its lines in its job's file.
    first: usize,
    last: usize,
    events: Vec<&'a Event>,
}

impl Trace<'_> {
    fn count(&self, did: Did) -> usize {
        self.events.iter().filter(|event| event.did == did).count()
    }

    fn started_at(&self) -> i64 {
        self.events.first().map_or(0, |event| event.at)
    }

    fn last_at(&self) -> i64 {
        self.events.last().map_or(0, |event| event.at)
    }
}

impl<'a> Facts<'a> {
    fn of(history: &'a History) -> Self {
        let mut runs: BTreeMap<i64, Trace<'a>> = BTreeMap::new();
        for (job, events) in &history.events {
            for (place, event) in events.iter().enumerate() {
                let trace = runs.entry(event.run).or_insert_with(|| Trace {
                    job: *job,
                    first: place,
                    last: place,
                    events: Vec::new(),
                });
                trace.last = place;
                trace.events.push(event);
            }
        }
        Self { history, runs }
    }

    /// The runs of the plan's jobs.
    fn rows(&self) -> impl Iterator<Item = &'a Run> {
        let jobs = &self.history.jobs;
        self.history
            .runs
            .values()
            .filter(|run| jobs.contains_key(&run.job))
    }

    /// Whether a run failed of a full disk, and says so.
    fn failed_of_its_disk(&self, run: &Run) -> bool {
        let says = |reason: &String| reason.contains("space left") || reason.contains("disk");
        self.history.disks_fill && run.status == "failed" && run.reason.as_ref().is_some_and(says)
    }

    fn name(&self, job: i64) -> &'a str {
        self.history
            .jobs
            .get(&job)
            .map_or("?", |job| &job.spec.name)
    }
}

fn violation(law: Law, text: impl Into<String>) -> Violation {
    Violation {
        law,
        text: text.into(),
    }
}
