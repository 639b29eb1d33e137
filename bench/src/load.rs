//! The two scenarios, and the bare loop that each is compared with.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use hera_tests::{Installation, PATIENCE, within};
use serde_json::{Value, json};

/// What one round of a scenario took.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    /// From the first start to the last end.
    pub(crate) took: Duration,
    /// The same number of `bash -c true`, one after the other.
    pub(crate) bare: Duration,
    /// One latency per task, sorted.
    pub(crate) latencies: Vec<Duration>,
}

/// `tasks` jobs that wait for one: all start when it has succeeded. Latency: due to start.
pub(crate) fn fan_out(hera: &Installation, round: usize, tasks: usize) -> anyhow::Result<Round> {
    let api = hera.api();
    let group = api.create_group(&format!("fan{round}"));
    let cron = json!({"kind": "cron", "cron": "0 0 0 * * ?"});
    let root = api.create_job(group, &format!("fan{round}_root"), "true", &cron);
    let jobs: Vec<i64> = (0..tasks)
        .map(|i| api.create_job(group, &format!("fan{round}_{i}"), "true", &after(root)))
        .collect();
    let bare = bare_loop(tasks)?;
    let run = api.recover(root);
    let root = api.finished(run);
    let runs = wait_for_all(hera, &jobs)?;

    let due = time(&root, "ended_at")?;
    let mut latencies = Vec::new();
    let mut last_end = due;
    for run in &runs {
        latencies.push(between(due, time(run, "started_at")?));
        last_end = last_end.max(time(run, "ended_at")?);
    }
    latencies.sort();
    Ok(Round {
        took: between(due, last_end),
        bare,
        latencies,
    })
}

/// `length` jobs, each after the one before. Latency: end to the next one's start.
pub(crate) fn chain(hera: &Installation, round: usize, length: usize) -> anyhow::Result<Round> {
    let api = hera.api();
    let group = api.create_group(&format!("chain{round}"));
    let cron = json!({"kind": "cron", "cron": "0 0 0 * * ?"});
    let mut jobs = vec![api.create_job(group, &format!("chain{round}_0"), "true", &cron)];
    for i in 1..length {
        let schedule = after(jobs[i - 1]);
        jobs.push(api.create_job(group, &format!("chain{round}_{i}"), "true", &schedule));
    }
    let bare = bare_loop(length)?;
    api.recover(jobs[0]);
    let runs = wait_for_all(hera, &jobs)?;

    let mut latencies = Vec::new();
    for pair in runs.windows(2) {
        latencies.push(between(
            time(&pair[0], "ended_at")?,
            time(&pair[1], "started_at")?,
        ));
    }
    latencies.sort();
    let first = time(runs.first().context("a chain has a task")?, "started_at")?;
    let last = time(runs.last().context("a chain has a task")?, "ended_at")?;
    Ok(Round {
        took: between(first, last),
        bare,
        latencies,
    })
}

fn after(job: i64) -> Value {
    let edge = json!({"job_id": job, "window": "nearest", "policy": "success"});
    json!({"kind": "dependent", "dependencies": [edge]})
}

/// Waits for the one run of each job, in the order of the jobs.
fn wait_for_all(hera: &Installation, jobs: &[i64]) -> anyhow::Result<Vec<Value>> {
    let last = jobs.last().context("no jobs")?;
    let query = format!("job_id={last}");
    within(PATIENCE * 5, "the last task ends", || {
        let run = hera.api().runs(&query).first().cloned()?;
        (run["status"] == "success").then_some(())
    });
    jobs.iter()
        .map(|job| {
            let run = within(PATIENCE, "a task has a run", || {
                hera.api().runs(&format!("job_id={job}")).first().cloned()
            });
            let run = hera
                .api()
                .finished(run["id"].as_i64().context("a run has an id")?);
            ensure!(run["status"] == "success", "{run}");
            Ok(run)
        })
        .collect()
}

fn bare_loop(times: usize) -> anyhow::Result<Duration> {
    let start = Instant::now();
    for _ in 0..times {
        let status = Command::new("bash").args(["-c", "true"]).status()?;
        ensure!(status.success(), "bash -c true failed");
    }
    Ok(start.elapsed())
}

fn time(run: &Value, field: &str) -> anyhow::Result<DateTime<Utc>> {
    let text = run[field]
        .as_str()
        .with_context(|| format!("{field} is missing in {run}"))?;
    Ok(text.parse()?)
}

fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}
