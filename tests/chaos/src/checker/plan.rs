//! What the plan demands: the rows, how they end, and who is told.

use std::collections::BTreeMap;

use super::{Facts, Law, Violation, violation};
use crate::history::{Job, Version};

/// Instants of a job's own cron, reckoned without the product.
fn instants(job: &Job) -> Vec<i64> {
    let Some((seconds, first)) = job.spec.rhythm() else {
        return Vec::new();
    };
    let step = i64::from(seconds) * 1000;
    let offset = i64::from(first) * 1000;
    let mut at = (job.opened_at - offset).div_euclid(step) * step + offset;
    while at <= job.opened_at {
        at += step;
    }
    std::iter::successors(Some(at), |at| Some(at + step))
        .take_while(|at| *at < job.until)
        .collect()
}

/// Instants of a job: its own, or those of the first job that it waits for.
fn due(facts: &Facts<'_>, job: &Job) -> Vec<i64> {
    let named = |name: &str| {
        facts
            .history
            .jobs
            .values()
            .find(|job| job.spec.name == name)
    };
    match job.spec.upstreams().first().and_then(|name| named(name)) {
        Some(upstream) => due(facts, upstream)
            .into_iter()
            .filter(|at| *at > job.opened_at)
            .collect(),
        None => instants(job),
    }
}

pub(super) fn one_row_per_instant(facts: &Facts<'_>) -> Vec<Violation> {
    let mut rows: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    for version in &facts.history.versions {
        *rows
            .entry((version.job, version.business_time))
            .or_default() += 1;
    }
    let mut wrong = Vec::new();
    for job in facts.history.jobs.values() {
        let due = due(facts, job);
        for at in &due {
            match rows.get(&(job.id, *at)).copied().unwrap_or_default() {
                1 => {}
                n => wrong.push(violation(
                    Law::OneRowPerInstant,
                    format!(
                        "job {} \"{}\" has {n} rows of instant {at}",
                        job.id, job.spec.name
                    ),
                )),
            }
        }
        let planned = facts
            .history
            .versions
            .iter()
            .filter(|v| v.job == job.id && v.origin == "planned");
        wrong.extend(
            planned
                .filter(|v| !due.contains(&v.business_time))
                .map(|v| {
                    let text = format!(
                        "job {} \"{}\" has version {}, which no instant stands for",
                        job.id, job.spec.name, v.version
                    );
                    violation(Law::OneRowPerInstant, text)
                }),
        );
    }
    wrong
}

const FINAL: [&str; 6] = [
    "success",
    "failed",
    "cancelled",
    "lost",
    "skipped",
    "missed",
];

pub(super) fn nothing_hangs(facts: &Facts<'_>) -> Vec<Violation> {
    let mut wrong = Vec::new();
    for version in versions(facts) {
        let hangs = match version.status.as_str() {
            status if FINAL.contains(&status) => continue,
            "waiting" => match facts.history.waits_for.get(&version.id) {
                Some(reason) if !reason.is_empty() => upstreams_succeeded(facts, version),
                _ => true,
            },
            _ => true,
        };
        if hangs {
            wrong.push(violation(
                Law::NothingHangs,
                format!(
                    "version {} of \"{}\" is {} although nothing is in its way",
                    version.version,
                    facts.name(version.job),
                    version.status
                ),
            ));
        }
    }
    for run in facts
        .rows()
        .filter(|run| matches!(run.status.as_str(), "queued" | "dispatched" | "running"))
    {
        let text = format!(
            "run {} of \"{}\" is still {}: {:?}",
            run.id,
            facts.name(run.job),
            run.status,
            run.reason
        );
        wrong.push(violation(Law::NothingHangs, text));
    }
    wrong
}

pub(super) fn same_end(facts: &Facts<'_>) -> Vec<Violation> {
    let mut wrong = Vec::new();
    for version in versions(facts).filter(|version| version.origin == "planned") {
        let Some(job) = facts.history.jobs.get(&version.job) else {
            continue;
        };
        let expected = if job.spec.succeeds() {
            "success"
        } else {
            "failed"
        };
        let cancelled = version.status == "cancelled" && job.spec.cancelled;
        let excused = cancelled
            || (version.status == "failed"
                && facts
                    .rows()
                    .any(|run| run.version == version.id && facts.failed_of_its_disk(run)));
        if version.status != expected && !excused {
            wrong.push(violation(
                Law::SameEnd,
                format!(
                    "version {} of \"{}\" ended {} instead of {expected}",
                    version.version, job.spec.name, version.status
                ),
            ));
        }
    }
    wrong
}

pub(super) fn one_alarm_per_event(facts: &Facts<'_>) -> Vec<Violation> {
    let mut failures: BTreeMap<i64, usize> = BTreeMap::new();
    let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
    for alarm in &facts.history.alarms {
        *keys.entry(&alarm.key).or_default() += 1;
        if let Some(version) = alarm.version.filter(|_| alarm.kind == "run_failed") {
            *failures.entry(version).or_default() += 1;
        }
    }
    let twice = keys.iter().filter(|(_, n)| **n > 1);
    let mut wrong: Vec<Violation> = twice
        .map(|(key, n)| {
            violation(
                Law::OneAlarmPerEvent,
                format!("alarm {key} is there {n} times"),
            )
        })
        .collect();
    for version in versions(facts) {
        let expected = usize::from(version.status == "failed" && version.origin == "planned");
        let found = failures.get(&version.id).copied().unwrap_or_default();
        if found != expected {
            wrong.push(violation(
                Law::OneAlarmPerEvent,
                format!(
                    "version {} of \"{}\" is {} and has {found} alarms of its failure",
                    version.version,
                    facts.name(version.job),
                    version.status
                ),
            ));
        }
    }
    wrong
}

fn versions<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Version> {
    let jobs = &facts.history.jobs;
    facts
        .history
        .versions
        .iter()
        .filter(|version| jobs.contains_key(&version.job))
}

/// Whether all that a version waits for has succeeded.
fn upstreams_succeeded(facts: &Facts<'_>, version: &Version) -> bool {
    let Some(job) = facts.history.jobs.get(&version.job) else {
        return false;
    };
    job.spec.upstreams().iter().all(|name| {
        facts.history.versions.iter().any(|upstream| {
            facts.name(upstream.job) == *name
                && upstream.business_time == version.business_time
                && upstream.status == "success"
        })
    })
}
