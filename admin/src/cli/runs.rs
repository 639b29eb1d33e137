//! `hera-admin runs` and `logs`: what ran, what runs, and what it wrote.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use hera_settings::{Report, Settings};
use serde_json::{Value, json};

use super::client::{Client, Remote, print_list, print_one};
use super::live::{self, Patience};
use super::{End, refs, table};

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
pub(super) struct RunsLine {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Option<RunsCommand>,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// The latest runs, newest first (the default)
    List(ListArgs),
    /// One run with everything
    Show { run: i64 },
    /// What a run executed: its script with the variables in place
    Script { run: i64 },
    /// Wait for a run's end; ends with 3 if that is no success, with 4 after --timeout
    Wait {
        run: i64,
        #[command(flatten)]
        patience: Patience,
    },
    /// Ask to end a run
    Cancel {
        run: i64,
        /// Wait until it has ended
        #[arg(long, short)]
        wait: bool,
        #[command(flatten)]
        patience: Patience,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only those of this job: its id, name, or path like /group/job
    #[arg(long)]
    job: Option<String>,
    /// One status or several, separated by commas
    #[arg(long)]
    status: Option<String>,
    /// Only those of this version
    #[arg(long)]
    version: Option<String>,
    /// schedule, manual, recover, …
    #[arg(long)]
    trigger: Option<String>,
    /// Created at or after this instant, as 2026-11-20T03:00:00Z
    #[arg(long)]
    from: Option<String>,
    /// Created before this instant
    #[arg(long)]
    to: Option<String>,
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

#[derive(Debug, Args)]
pub(super) struct LogsLine {
    #[command(flatten)]
    remote: Remote,
    /// The run
    #[arg(required_unless_present = "job")]
    run: Option<i64>,
    /// The latest run of this job instead: its id, name, or path like /group/job
    #[arg(long, conflicts_with = "run")]
    job: Option<String>,
    /// Go on until the run has ended; ends with 3 if that is no success, with 4 after --timeout
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    patience: Patience,
}

pub(super) fn run(
    line: RunsLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<End> {
    let client = line.remote.connect(load)?;
    let as_json = line.remote.json;
    let latest = RunsCommand::List(ListArgs {
        job: None,
        status: None,
        version: None,
        trigger: None,
        from: None,
        to: None,
        limit: 50,
    });
    match line.command.unwrap_or(latest) {
        RunsCommand::List(args) => print_list(&list(&client, &args)?, RUN_COLUMNS, as_json)?,
        RunsCommand::Show { run } => print_one(&client.get(&format!("/runs/{run}"))?, as_json)?,
        RunsCommand::Script { run } => {
            let script = client.get(&format!("/runs/{run}/script"))?;
            match script["script"].as_str() {
                Some(text) if !as_json => table::say(text.trim_end_matches('\n'))?,
                Some(_) | None => print_one(&script, as_json)?,
            }
        }
        RunsCommand::Wait { run, patience } => {
            let end = live::follow(&client, run, false, patience)?;
            print_one(&client.get(&format!("/runs/{run}"))?, as_json)?;
            return Ok(end);
        }
        RunsCommand::Cancel {
            run,
            wait,
            patience,
        } => {
            let done = client.post(&format!("/runs/{run}/cancel"), &json!({}))?;
            if !wait {
                return print_one(&done, as_json).map(|()| End::Done);
            }
            let end = live::follow(&client, run, false, patience)?;
            let run = client.get(&format!("/runs/{run}"))?;
            print_one(&run, as_json)?;
            // That it was cancelled is what was asked for.
            return Ok(if run["status"] == "cancelled" {
                End::Done
            } else {
                end
            });
        }
    }
    Ok(End::Done)
}

fn list(client: &Client, args: &ListArgs) -> anyhow::Result<Vec<Value>> {
    let mut path = format!("/runs?limit={}", args.limit);
    if let Some(job) = &args.job {
        path.push_str(&format!("&job_id={}", refs::job(client, job)?));
    }
    for (name, value) in [
        ("status", &args.status),
        ("version", &args.version),
        ("trigger", &args.trigger),
        ("from", &args.from),
        ("to", &args.to),
    ] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", refs::encoded(value)));
        }
    }
    Ok(client.get(&path)?["items"]
        .as_array()
        .cloned()
        .unwrap_or_default())
}

pub(super) fn logs(
    line: &LogsLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<End> {
    let client = line.remote.connect(load)?;
    let run = match (&line.job, line.run) {
        (Some(job), _) => latest(&client, job)?,
        (None, Some(run)) => run,
        (None, None) => bail!("say which run, or --job"),
    };
    if line.follow {
        return live::follow(&client, run, true, line.patience);
    }
    let mut answer = client.open(&format!("/runs/{run}/log"))?;
    let mut log = answer.body_mut().as_reader();
    match std::io::copy(&mut log, &mut std::io::stdout()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("the log broke off")
        }
        Ok(_) | Err(_) => Ok(End::Done),
    }
}

fn latest(client: &Client, job: &str) -> anyhow::Result<i64> {
    let id = refs::job(client, job)?;
    let runs = client.get(&format!("/runs?limit=1&job_id={id}"))?;
    runs["items"][0]["id"]
        .as_i64()
        .with_context(|| format!("job {job} has not run yet"))
}
