//! `hera-admin jobs`, `runs` and `logs`: the API from a shell.

use std::io::{BufRead as _, BufReader, Write as _};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use hera_settings::{Report, Settings};
use serde_json::{Map, Value, json};

use super::client::{Client, Remote, print_list, print_one};
use super::table;

const JOB_COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("GROUP", "/group_id"),
    ("SWITCH", "/switch"),
    ("SCHEDULE", "/schedule/kind"),
    ("CRON", "/schedule/cron"),
    ("REVISION", "/revision"),
];

const RUN_COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("JOB", "/job_id"),
    ("NAME", "/job_name"),
    ("VERSION", "/version"),
    ("TRIGGER", "/trigger"),
    ("STATUS", "/status"),
    ("WORKER", "/worker"),
    ("STARTED", "/started_at"),
    ("ENDED", "/ended_at"),
    ("EXIT", "/exit_code"),
];

#[derive(Debug, Args)]
pub(super) struct JobsLine {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Option<JobsCommand>,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// All jobs, or those of a group (the default)
    List {
        #[arg(long)]
        group: Option<i64>,
    },
    /// One job with everything
    Show { job: i64 },
    /// Open a job: its versions start by themselves
    Open(SwitchArgs),
    /// Close a job
    Close(SwitchArgs),
    /// Put a job out of use
    Invalidate(SwitchArgs),
    /// Start a job by hand
    Run {
        job: i64,
        /// manual tells nobody; recover counts and starts what depends on it
        #[arg(long, default_value = "manual")]
        trigger: String,
        #[arg(long, conflicts_with = "business_time")]
        version: Option<String>,
        /// As 2026-11-20T03:00:00Z
        #[arg(long)]
        business_time: Option<String>,
        /// A value that overlays the config; may be given several times
        #[arg(long = "param", value_name = "KEY=VALUE", value_parser = pair)]
        params: Vec<(String, String)>,
    },
}

#[derive(Debug, Args)]
struct SwitchArgs {
    job: i64,
    /// none, upstream or downstream
    #[arg(long, default_value = "none")]
    chain: String,
}

#[derive(Debug, Args)]
pub(super) struct RunsLine {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Option<RunsCommand>,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// The latest runs, newest first (the default)
    List {
        #[arg(long)]
        job: Option<i64>,
        /// One status or several, separated by commas
        #[arg(long)]
        status: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// One run with everything
    Show { run: i64 },
    /// Ask to end a run
    Cancel { run: i64 },
}

#[derive(Debug, Args)]
pub(super) struct LogsLine {
    #[command(flatten)]
    remote: Remote,
    run: i64,
    /// Go on until the run has ended
    #[arg(long, short)]
    follow: bool,
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("\"{text}\" is no KEY=VALUE")),
    }
}

pub(super) fn run_jobs(
    line: JobsLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let client = line.remote.connect(load)?;
    let as_json = line.remote.json;
    let switch = |args: &SwitchArgs, verb: &str| {
        let path = format!("/jobs/{}/{verb}", args.job);
        let done = client.post(&path, &json!({ "chain": args.chain }))?;
        print_one(&done, as_json)
    };
    match line.command.unwrap_or(JobsCommand::List { group: None }) {
        JobsCommand::List { group } => {
            let path =
                group.map_or_else(|| "/jobs".to_owned(), |id| format!("/jobs?group_id={id}"));
            print_list(&client.all(&path)?, JOB_COLUMNS, as_json)
        }
        JobsCommand::Show { job } => print_one(&client.get(&format!("/jobs/{job}"))?, as_json),
        JobsCommand::Open(args) => switch(&args, "open"),
        JobsCommand::Close(args) => switch(&args, "close"),
        JobsCommand::Invalidate(args) => switch(&args, "invalidate"),
        JobsCommand::Run {
            job,
            trigger,
            version,
            business_time,
            params,
        } => {
            let params: Map<String, Value> =
                params.into_iter().map(|(k, v)| (k, v.into())).collect();
            let body = json!({
                "trigger": trigger, "version": version,
                "business_time": business_time, "params": params,
            });
            print_one(&client.post(&format!("/jobs/{job}/runs"), &body)?, as_json)
        }
    }
}

pub(super) fn run_runs(
    line: RunsLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let client = line.remote.connect(load)?;
    let as_json = line.remote.json;
    let latest = RunsCommand::List {
        job: None,
        status: None,
        limit: 50,
    };
    match line.command.unwrap_or(latest) {
        RunsCommand::List { job, status, limit } => {
            let mut path = format!("/runs?limit={limit}");
            if let Some(job) = job {
                path.push_str(&format!("&job_id={job}"));
            }
            if let Some(status) = status {
                path.push_str(&format!("&status={status}"));
            }
            let page = client.get(&path)?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            print_list(&items, RUN_COLUMNS, as_json)
        }
        RunsCommand::Show { run } => print_one(&client.get(&format!("/runs/{run}"))?, as_json),
        RunsCommand::Cancel { run } => {
            let done = client.post(&format!("/runs/{run}/cancel"), &json!({}))?;
            print_one(&done, as_json)
        }
    }
}

pub(super) fn run_logs(
    line: &LogsLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let client = line.remote.connect(load)?;
    if line.follow {
        return follow(&client, line.run);
    }
    let mut answer = client.open(&format!("/runs/{}/log", line.run))?;
    let mut log = answer.body_mut().as_reader();
    std::io::copy(&mut log, &mut std::io::stdout()).context("the log broke off")?;
    Ok(())
}

/// Copies the text of the live log; a run that failed makes the command fail.
fn follow(client: &Client, run: i64) -> anyhow::Result<()> {
    let answer = client.open(&format!("/runs/{run}/log/stream"))?;
    let mut kind = String::new();
    let mut data: Vec<String> = Vec::new();
    for line in BufReader::new(answer.into_body().into_reader()).lines() {
        let line = line.context("the log broke off")?;
        if let Some(name) = line.strip_prefix("event: ") {
            name.clone_into(&mut kind);
        } else if let Some(text) = line.strip_prefix("data: ") {
            data.push(text.to_owned());
        } else if line.is_empty() {
            let text = data.join("\n");
            data.clear();
            match kind.as_str() {
                "log" => {
                    let mut out = std::io::stdout();
                    out.write_all(text.as_bytes())?;
                    out.flush()?;
                }
                "end" => return ended(&text),
                _ => {}
            }
        }
    }
    bail!("the admin closed the stream before run {run} ended")
}

fn ended(end: &str) -> anyhow::Result<()> {
    let end: Value = serde_json::from_str(end).unwrap_or_default();
    match table::cell(&end["status"]).as_str() {
        "success" => Ok(()),
        status => bail!("the run ended as {status}"),
    }
}
