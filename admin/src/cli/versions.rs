//! `hera-admin versions` and `why`: the plan of a day, and what a version waits for.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use clap::Args;
use hera_domain::version_id::VersionId;
use hera_settings::{Report, Settings};
use serde_json::{Value, json};

use super::client::{Client, Remote, print_list};
use super::{refs, table};

/// So many waiting versions are looked at.
const MOST: usize = 50;

const VERSION_COLUMNS: &[(&str, &str)] = &[
    ("VERSION", "/version"),
    ("STATUS", "/status"),
    ("DUE", "/due_at"),
    ("RUN", "/last_run_id"),
    ("WAITS FOR", "/waits_for"),
    ("REASON", "/reason"),
];

#[derive(Debug, Args)]
pub(super) struct VersionsLine {
    #[command(flatten)]
    remote: Remote,
    /// The job: its id, name, or path like /group/job
    job: String,
    /// The business day, as 2026-11-20; today if not given
    #[arg(long)]
    date: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct WhyLine {
    #[command(flatten)]
    remote: Remote,
    /// The version, as 202611200600000012
    version: String,
}

pub(super) fn run(
    line: &VersionsLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let client = line.remote.connect(load)?;
    let mut path = format!("/jobs/{}/versions", refs::job(&client, &line.job)?);
    if let Some(date) = &line.date {
        path.push_str(&format!("?date={}", refs::encoded(date)));
    }
    let mut versions = client.all(&path)?;
    for version in versions.iter_mut().filter(|_| !line.remote.json) {
        let waits = version["ready"].as_array().into_iter().flatten();
        let waits = waits.filter(|edge| edge["satisfied"] == false);
        let jobs: Vec<String> = waits.map(|edge| edge["job_id"].to_string()).collect();
        if version["frozen"] == true {
            version["status"] = format!("{}, frozen", table::cell(&version["status"])).into();
        }
        version["waits_for"] = jobs.join(", ").into();
    }
    print_list(&versions, VERSION_COLUMNS, line.remote.json)
}

pub(super) fn why(
    line: &WhyLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let client = line.remote.connect(load)?;
    let jobs = client.all("/jobs")?.into_iter();
    let mut search = Search {
        jobs: jobs
            .filter_map(|job| Some((job["id"].as_i64()?, job)))
            .collect(),
        client: &client,
        seen: BTreeSet::new(),
    };
    let answer = search.explain(&line.version)?;
    let answer = answer.with_context(|| format!("there is no version {}", line.version))?;
    if line.remote.json {
        return table::say(&serde_json::to_string_pretty(&answer)?);
    }
    told(&answer, "", "")
        .iter()
        .try_for_each(|line| table::say(line))
}

struct Search<'a> {
    client: &'a Client,
    jobs: BTreeMap<i64, Value>,
    seen: BTreeSet<String>,
}

impl Search<'_> {
    /// A version, its last run and, below it, the versions that it waits for.
    fn explain(&mut self, version: &str) -> anyhow::Result<Option<Value>> {
        let (job, day) = parts(version)?;
        let versions = self
            .client
            .all(&format!("/jobs/{job}/versions?date={day}"))?;
        let found = versions
            .into_iter()
            .find(|other| other["version"] == version);
        let Some(mut found) = found else {
            return Ok(None);
        };
        let definition = self.jobs.get(&job).unwrap_or(&Value::Null);
        found["job"] = json!({
            "id": job, "name": definition["name"], "switch": definition["switch"],
        });
        if let Some(run) = found["last_run_id"].as_i64() {
            found["last_run"] = self.client.get(&format!("/runs/{run}"))?;
        }
        let is_enough = !self.seen.insert(version.to_owned()) || self.seen.len() > MOST;
        for edge in found["ready"].as_array_mut().into_iter().flatten() {
            let job = edge["job_id"].as_i64().and_then(|id| self.jobs.get(&id));
            edge["job_name"] = job.map(|job| job["name"].clone()).into();
            let upstream = edge["version"].as_str().map(str::to_owned);
            if let Some(upstream) = upstream.filter(|_| edge["satisfied"] != true && !is_enough) {
                edge["why"] = self.explain(&upstream)?.into();
            }
        }
        Ok(Some(found))
    }
}

/// The job and the business day that a version's id names.
fn parts(version: &str) -> anyhow::Result<(i64, chrono::NaiveDate)> {
    let day = VersionId(version.to_owned()).local_day();
    let job = version.get(12..).map(|rest| {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest.get(..digits).and_then(|digits| digits.parse().ok())
    });
    match (job.flatten(), day) {
        (Some(job), Some(day)) => Ok((job, day)),
        (_, _) => bail!("\"{version}\" is no version; write one like 202611200600000012"),
    }
}

/// The lines of a version; `lead` stands before the first one, `indent` before the others.
fn told(version: &Value, lead: &str, indent: &str) -> Vec<String> {
    let text = |path: &str| version.pointer(path).map(table::cell).unwrap_or_default();
    let frozen = if version["frozen"] == true {
        ", frozen"
    } else {
        ""
    };
    let mut lines = vec![format!(
        "{lead}{} {}: {}{frozen}, due {}",
        text("/version"),
        text("/job/name"),
        text("/status"),
        table::short_time(&text("/due_at")),
    )];
    if text("/job/switch") != "open" {
        lines.push(format!("{indent}  the job is {}", text("/job/switch")));
    }
    if !text("/reason").is_empty() {
        lines.push(format!("{indent}  {}", text("/reason")));
    }
    if let Some(run) = version.get("last_run").filter(|run| run.is_object()) {
        lines.push(format!("{indent}  {}", of_run(run)));
    }
    for edge in version["ready"].as_array().into_iter().flatten() {
        let indent = format!("{indent}  ");
        if edge["why"].is_object() {
            lines.extend(told(&edge["why"], &format!("{indent}✗ "), &indent));
        } else {
            lines.push(format!("{indent}{}", of_edge(edge)));
        }
    }
    lines
}

fn of_run(run: &Value) -> String {
    let mut line = format!("run {} {}", run["id"], table::cell(&run["status"]));
    for (word, key) in [
        ("exit", "exit_code"),
        ("signal", "signal"),
        ("on", "worker"),
    ] {
        if !run[key].is_null() {
            line.push_str(&format!(", {word} {}", table::cell(&run[key])));
        }
    }
    if let Some(reason) = run["reason"].as_str() {
        line.push_str(&format!(": {reason}"));
    }
    line
}

fn of_edge(edge: &Value) -> String {
    let mark = if edge["satisfied"] == true {
        "✓"
    } else {
        "✗"
    };
    let name = table::cell(&edge["job_name"]);
    match edge["version"].as_str() {
        Some(version) => format!("{mark} {version} {name}"),
        None => format!("{mark} {name}: no version that day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_s_id_names_job_and_day() {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        assert_eq!(parts("202611200600000012").unwrap(), (12, day));
        assert_eq!(
            parts("2026112006001234567-30b-1").unwrap(),
            (1_234_567, day)
        );
        for wrong in [
            "",
            "12",
            "20261120060",
            "202613200600000012",
            "20261120060名",
        ] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_chain_of_waiting_versions_is_told() {
        let answer = json!({
            "version": "202611200600000002", "status": "waiting", "frozen": false,
            "due_at": "2026-11-20T06:00:00.000Z", "reason": null,
            "job": {"id": 2, "name": "report", "switch": "open"},
            "ready": [
                {"job_id": 3, "version": "202611200600000003", "job_name": "users", "satisfied": true, "window": "nearest", "policy": "success"},
                {"job_id": 5, "version": null, "job_name": "rare", "satisfied": false, "window": "nearest", "policy": "success"},
                {"job_id": 4, "version": "202611200500000004", "satisfied": false, "window": "nearest", "policy": "success", "why": {
                    "version": "202611200500000004", "status": "failed", "frozen": false, "due_at": "2026-11-20T05:00:00.000Z",
                    "job": {"id": 4, "name": "orders", "switch": "closed"}, "ready": [],
                    "last_run": {"id": 9, "status": "failed", "exit_code": 3, "worker": "w1", "reason": "no space"},
                }},
            ],
        });
        insta::assert_snapshot!(told(&answer, "", "").join("\n"), @r"
        202611200600000002 report: waiting, due 2026-11-20T06:00:00Z
          ✓ 202611200600000003 users
          ✗ rare: no version that day
          ✗ 202611200500000004 orders: failed, due 2026-11-20T05:00:00Z
            the job is closed
            run 9 failed, exit 3, on w1: no space
        ");
    }
}
