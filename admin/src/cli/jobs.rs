//! `hera-admin jobs`: the jobs of a running admin from a shell.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use hera_settings::{Report, Settings};
use serde_json::{Map, Value, json};

use super::client::{Client, Remote, print_list, print_one};
use super::live::{self, Patience};
use super::{End, refs, table};

const JOB_COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("GROUP", "/group"),
    ("SWITCH", "/switch"),
    ("SCHEDULE", "/schedule/kind"),
    ("CRON", "/schedule/cron"),
    ("REVISION", "/revision"),
];

const REVISION_COLUMNS: &[(&str, &str)] = &[
    ("REVISION", "/revision"),
    ("AUTHOR", "/author"),
    ("CREATED", "/created_at"),
    ("COMMENT", "/comment"),
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
    /// All jobs, or those that are asked for (the default)
    List(ListArgs),
    /// One job with everything
    Show {
        /// Its id, name, or path like /group/job
        job: String,
    },
    /// The revisions of a job, newest first
    History {
        /// Its id, name, or path like /group/job
        job: String,
    },
    /// Open a job: its versions start by themselves
    Open(SwitchArgs),
    /// Close a job
    Close(SwitchArgs),
    /// Put a job out of use
    Invalidate(SwitchArgs),
    /// Delete a closed job that no job depends on
    Delete {
        /// Its id, name, or path like /group/job
        job: String,
    },
    /// Start a job by hand
    Run(RunArgs),
}

#[derive(Debug, Default, Args)]
struct ListArgs {
    /// Only those whose name holds this text
    text: Option<String>,
    /// Only those of this group: its id, name, or path like /group/group
    #[arg(long)]
    group: Option<String>,
    /// Only open, closed or invalid ones
    #[arg(long)]
    switch: Option<String>,
}

#[derive(Debug, Args)]
struct SwitchArgs {
    /// Its id, name, or path like /group/job
    job: String,
    /// none, upstream or downstream
    #[arg(long, default_value = "none")]
    chain: String,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Its id, name, or path like /group/job
    job: String,
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
    /// Wait for the run's end; ends with 3 if that is no success, with 4 after --timeout
    #[arg(long, short)]
    wait: bool,
    /// Print the log as it is written, and wait as --wait does
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    patience: Patience,
}

pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("\"{text}\" is no KEY=VALUE")),
    }
}

pub(super) fn run(
    line: JobsLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<End> {
    let client = line.remote.connect(load)?;
    let as_json = line.remote.json;
    let switch = |args: &SwitchArgs, verb: &str| {
        let path = format!("/jobs/{}/{verb}", refs::job(&client, &args.job)?);
        let done = client.post(&path, &json!({ "chain": args.chain }))?;
        print_one(&done, as_json)
    };
    match line
        .command
        .unwrap_or(JobsCommand::List(ListArgs::default()))
    {
        JobsCommand::List(args) => list(&client, &args, as_json),
        JobsCommand::Show { job } => {
            let job = refs::job(&client, &job)?;
            print_one(&client.get(&format!("/jobs/{job}"))?, as_json)
        }
        JobsCommand::History { job } => {
            let job = refs::job(&client, &job)?;
            let revisions = client.all(&format!("/jobs/{job}/revisions"))?;
            print_list(&revisions, REVISION_COLUMNS, as_json)
        }
        JobsCommand::Open(args) => switch(&args, "open"),
        JobsCommand::Close(args) => switch(&args, "close"),
        JobsCommand::Invalidate(args) => switch(&args, "invalidate"),
        JobsCommand::Delete { job } => {
            let job = refs::job(&client, &job)?;
            client.delete(&format!("/jobs/{job}"))?;
            print_one(&json!({ "deleted": job }), as_json)
        }
        JobsCommand::Run(args) => return start(&client, args, as_json),
    }?;
    Ok(End::Done)
}

fn list(client: &Client, args: &ListArgs, as_json: bool) -> anyhow::Result<()> {
    let mut path = "/jobs?".to_owned();
    if let Some(group) = &args.group {
        path.push_str(&format!("group_id={}&", refs::group(client, group)?));
    }
    if let Some(switch) = &args.switch {
        path.push_str(&format!("switch={}&", refs::encoded(switch)));
    }
    let mut jobs = client.all(path.trim_end_matches(['?', '&']))?;
    if let Some(text) = &args.text {
        let text = text.to_lowercase();
        jobs.retain(|job| table::cell(&job["name"]).to_lowercase().contains(&text));
    }
    if !as_json {
        let paths = refs::group_paths(client)?;
        for job in &mut jobs {
            let group = job["group_id"].as_i64().and_then(|id| paths.get(&id));
            job["group"] = group.map(ToString::to_string).into();
        }
    }
    print_list(&jobs, JOB_COLUMNS, as_json)
}

fn start(client: &Client, args: RunArgs, as_json: bool) -> anyhow::Result<End> {
    let params: Map<String, Value> = args
        .params
        .into_iter()
        .map(|(k, v)| (k, v.into()))
        .collect();
    let body = json!({
        "trigger": args.trigger, "version": args.version,
        "business_time": args.business_time, "params": params,
    });
    let job = refs::job(client, &args.job)?;
    let made = client.post(&format!("/jobs/{job}/runs"), &body)?;
    let run = made["run_id"]
        .as_i64()
        .context("the answer has no run_id")?;
    if !args.wait && !args.follow {
        print_one(&made, as_json)?;
        return Ok(End::Done);
    }
    if args.follow {
        eprintln!(
            "hera-admin: run {run} of version {}",
            table::cell(&made["version"])
        );
        return live::follow(client, run, true, args.patience);
    }
    let end = live::follow(client, run, false, args.patience)?;
    print_one(&client.get(&format!("/runs/{run}"))?, as_json)?;
    Ok(end)
}
