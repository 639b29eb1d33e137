//! What the tasks' own files show: when they ran, beside whom, and after what.

use std::collections::BTreeMap;

use super::{Facts, Law, Trace, Violation, violation};
use crate::history::Did;

/// The database's clock in milliseconds against bash's in microseconds.
const ROUNDING: i64 = 2;

pub(super) fn no_overlap(facts: &Facts<'_>) -> Vec<Violation> {
    let mut by_job: BTreeMap<i64, Vec<(i64, &Trace<'_>)>> = BTreeMap::new();
    for (run, trace) in &facts.runs {
        by_job.entry(trace.job).or_default().push((*run, trace));
    }
    let mut wrong = Vec::new();
    for (job, mut runs) in by_job {
        let alone = facts
            .history
            .jobs
            .get(&job)
            .is_some_and(|job| job.spec.overlap != "allow");
        runs.sort_by_key(|(_, trace)| trace.first);
        for (place, (id, run)) in runs.iter().enumerate() {
            // Given up by a person or cancelled on a silent worker; one that was lost of itself has
            // been ended in time by its worker or runner.
            let fenced = facts
                .history
                .jobs
                .get(&job)
                .is_some_and(|job| job.spec.on_lost == "rerun");
            let unconfirmed =
                facts.history.runs.get(id).is_some_and(|run| {
                    run.ended_unconfirmed() && !(fenced && run.status == "lost")
                });
            // Later ones that began before the last sign of this one.
            for (other, later) in runs
                .iter()
                .skip(place + 1)
                .take_while(|(_, later)| later.first < run.last)
            {
                let same = version(run) == version(later);
                if !unconfirmed && (alone || same) {
                    wrong.push(violation(
                        Law::NoOverlap,
                        format!(
                            "run {other} of \"{}\" began while run {id} went on",
                            facts.name(job)
                        ),
                    ));
                }
            }
        }
    }
    wrong
}

fn version<'a>(trace: &Trace<'a>) -> Option<&'a str> {
    trace.events.first().map(|event| event.version.as_str())
}

pub(super) fn nothing_early(facts: &Facts<'_>) -> Vec<Violation> {
    let versions: BTreeMap<i64, _> = facts.history.versions.iter().map(|v| (v.id, v)).collect();
    // When each version of a job first came to a good end.
    let mut ended: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    for (run, trace) in &facts.runs {
        let version = facts
            .history
            .runs
            .get(run)
            .and_then(|run| versions.get(&run.version));
        let end = trace.events.iter().find(|event| event.did == Did::End);
        if let (Some(version), Some(end)) = (version, end) {
            let at = ended
                .entry((facts.name(trace.job), version.business_time))
                .or_insert(end.at);
            *at = end.at.min(*at);
        }
    }
    let mut wrong = Vec::new();
    for (id, trace) in &facts.runs {
        let Some(run) = facts
            .history
            .runs
            .get(id)
            .filter(|run| run.trigger == "schedule")
        else {
            continue;
        };
        let (Some(version), Some(job)) = (
            versions.get(&run.version),
            facts.history.jobs.get(&trace.job),
        ) else {
            continue;
        };
        let started = trace.started_at();
        if started + ROUNDING < version.due_at {
            wrong.push(violation(
                Law::NothingEarly,
                format!(
                    "run {id} of \"{}\" started at {started}, due at {}",
                    job.spec.name, version.due_at
                ),
            ));
        }
        for upstream in job.spec.upstreams() {
            let before = ended
                .get(&(upstream, version.business_time))
                .is_some_and(|end| *end <= started);
            if !before {
                wrong.push(violation(
                    Law::NothingEarly,
                    format!(
                        "run {id} of \"{}\" started before \"{upstream}\" of {} had ended",
                        job.spec.name, version.version
                    ),
                ));
            }
        }
    }
    wrong
}

pub(super) fn slots_hold(facts: &Facts<'_>) -> Vec<Violation> {
    // (worker, moment, +1 or -1, run)
    let mut steps = Vec::new();
    for (id, trace) in &facts.runs {
        let Some(run) = facts
            .history
            .runs
            .get(id)
            .filter(|run| !run.ended_unconfirmed())
        else {
            continue;
        };
        let Some(worker) = run.worker else { continue };
        steps.push((worker, trace.started_at(), 1_i64, *id));
        steps.push((worker, trace.last_at(), -1, *id));
    }
    // An end before a start of the same moment.
    steps.sort_unstable();
    let mut wrong = Vec::new();
    let mut at_once: BTreeMap<i64, i64> = BTreeMap::new();
    for (worker, moment, step, run) in steps {
        let now = at_once.entry(worker).or_default();
        *now += step;
        if step > 0 && usize::try_from(*now).is_ok_and(|now| now > facts.history.slots) {
            wrong.push(violation(
                Law::SlotsHold,
                format!(
                    "with run {run} worker {worker} had {now} runs at {moment}, and has {} slots",
                    facts.history.slots
                ),
            ));
        }
    }
    wrong
}

pub(super) fn cancelled_stays_cancelled(facts: &Facts<'_>) -> Vec<Violation> {
    let mut wrong = Vec::new();
    for run in facts.rows().filter(|run| run.status == "cancelled") {
        let (Some(trace), Some(ended_at)) = (facts.runs.get(&run.id), run.ended_at) else {
            continue;
        };
        let limit = ended_at + 50;
        if trace.started_at() > limit {
            let text = format!(
                "run {} of \"{}\" was cancelled at {ended_at} and started at {}",
                run.id,
                facts.name(run.job),
                trace.started_at()
            );
            wrong.push(violation(Law::CancelledStaysCancelled, text));
        } else if !run.ended_unconfirmed() && trace.last_at() > limit {
            let text = format!(
                "run {} of \"{}\" was cancelled, confirmed, at {ended_at} and went on at {}",
                run.id,
                facts.name(run.job),
                trace.last_at()
            );
            wrong.push(violation(Law::CancelledStaysCancelled, text));
        }
    }
    wrong
}
