//! How runs ended, by their files, their rows, their logs and the answers that people got.

use std::collections::BTreeSet;

use super::{Facts, Law, Violation, violation};
use crate::history::Did;

pub(super) fn final_stays(facts: &Facts<'_>) -> Vec<Violation> {
    let changed = facts.history.seen.iter().filter(|seen| {
        facts
            .history
            .runs
            .get(&seen.run)
            .is_none_or(|run| run.status != seen.status)
    });
    changed
        .map(|seen| {
            let now = facts
                .history
                .runs
                .get(&seen.run)
                .map_or("gone", |run| &run.status);
            violation(
                Law::FinalStays,
                format!("run {} was {} and is {now}", seen.run, seen.status),
            )
        })
        .collect()
}

pub(super) fn once_and_counted(facts: &Facts<'_>) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let mut say = |text: String| wrong.push(violation(Law::OnceAndCounted, text));
    for (id, trace) in &facts.runs {
        let name = facts.name(trace.job);
        let (starts, ends, fails) = (
            trace.count(Did::Start),
            trace.count(Did::End),
            trace.count(Did::Fail),
        );
        if starts != 1 {
            say(format!("run {id} of \"{name}\" started {starts} times"));
        }
        if ends + fails > 1 {
            say(format!(
                "run {id} of \"{name}\" ended {} times",
                ends + fails
            ));
        }
        match facts.history.runs.get(id) {
            None => say(format!("run {id} of \"{name}\" has no row")),
            Some(run) => {
                let counted = match run.status.as_str() {
                    "success" => ends == 1,
                    "failed" => fails == 1 || facts.failed_of_its_disk(run),
                    // It may have come to its end while somebody took it for dead or cancelled it.
                    "cancelled" | "lost" => true,
                    _ => false,
                };
                if !counted {
                    say(format!(
                        "run {id} of \"{name}\" is {} and wrote {starts} starts, {ends} ends, {fails} failures",
                        run.status
                    ));
                }
            }
        }
    }
    for run in facts
        .rows()
        .filter(|run| matches!(run.status.as_str(), "success" | "failed"))
    {
        if !facts.runs.contains_key(&run.id) && !facts.failed_of_its_disk(run) {
            say(format!(
                "run {} of \"{}\" is {} and never started: {:?}",
                run.id,
                facts.name(run.job),
                run.status,
                run.reason
            ));
        }
    }
    wrong
}

pub(super) fn log_is_whole(facts: &Facts<'_>) -> Vec<Violation> {
    let mut wrong = Vec::new();
    for (id, log) in &facts.history.logs {
        let Some(run) = facts.history.runs.get(id) else {
            continue;
        };
        let Some(job) = facts.history.jobs.get(&run.job) else {
            continue;
        };
        let output = job.spec.output(*id);
        let stored = &log.bytes;
        let whole =
            matches!(run.status.as_str(), "success" | "failed") && facts.runs.contains_key(id);
        let beats = facts.runs.get(id).map_or(0, |trace| trace.count(Did::Beat));
        let least = if run.ended_unconfirmed() { 0 } else { beats };
        let fault = if facts.history.disks_fill {
            // What a script printed onto a full disk is gone; nothing else may stand there.
            if pieces_of(stored, output.as_bytes()) {
                continue;
            }
            "is not what it wrote"
        } else if !output.as_bytes().starts_with(stored) {
            "is not what it wrote"
        } else if whole && stored.len() != output.len() {
            "is cut off"
        } else if !whole
            && stored
                .split(|byte| *byte == b'\n')
                .filter(|line| line.starts_with(b"beat"))
                .count()
                < least
        {
            "lacks lines that it wrote before it was killed"
        } else if whole && !log.complete {
            "is called incomplete"
        } else {
            continue;
        };
        wrong.push(violation(
            Law::LogIsWhole,
            format!(
                "the log of run {id} ({}) of \"{}\" {fault}: {} of {} bytes",
                run.status,
                job.spec.name,
                stored.len(),
                output.len()
            ),
        ));
    }
    wrong
}

pub(super) fn answers_hold(facts: &Facts<'_>) -> Vec<Violation> {
    let mut wrong = Vec::new();
    for asked in &facts.history.by_hand {
        let runs: BTreeSet<i64> = asked.runs.iter().copied().collect();
        if runs.len() > 1 {
            wrong.push(violation(
                Law::AnswersHold,
                format!("request {} was answered with runs {runs:?}", asked.key),
            ));
        }
        for run in runs {
            if facts
                .history
                .runs
                .get(&run)
                .is_none_or(|row| row.job != asked.job)
            {
                wrong.push(violation(
                    Law::AnswersHold,
                    format!(
                        "request {} was answered with run {run}, which is not there",
                        asked.key
                    ),
                ));
            }
        }
    }
    for run in &facts.history.cancels {
        let status = facts
            .history
            .runs
            .get(run)
            .map_or("gone", |run| &run.status);
        // It may have ended before the request reached it.
        if !matches!(status, "cancelled" | "success" | "failed") {
            wrong.push(violation(
                Law::AnswersHold,
                format!("the cancelled run {run} is {status}"),
            ));
        }
    }
    wrong
}

/// Whether every whole line of a log but those beside a gap is one of the output, in its order.
fn pieces_of(stored: &[u8], output: &[u8]) -> bool {
    let mut lines = output.split(|byte| *byte == b'\n');
    let whole = stored
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"beat"));
    whole
        .into_iter()
        .all(|line| lines.any(|printed| printed == line))
}
