//! `hera-admin groups`, `workers` and `status`: the tree, the machines, and who leads.

use clap::{Args, Subcommand};
use hera_settings::{Report, Settings};
use serde_json::{Value, json};

use super::client::{Client, Remote, print_list, print_one};
use super::{refs, table};

const GROUP_COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("PATH", "/path"),
    ("KIND", "/kind"),
    ("JOBS", "/jobs"),
    ("REVISION", "/revision"),
    ("DESCRIPTION", "/description"),
];

const WORKER_COLUMNS: &[(&str, &str)] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("ADDRESS", "/address"),
    ("STATE", "/state"),
    ("RUNNING", "/running"),
    ("SLOTS", "/slots"),
    ("MEMORY", "/memory"),
    ("LOAD", "/load"),
    ("LABELS", "/labels"),
    ("VERSION", "/version"),
    ("SEEN", "/last_seen"),
];

#[derive(Debug, Args)]
pub(super) struct GroupsLine {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Option<GroupsCommand>,
}

#[derive(Debug, Subcommand)]
enum GroupsCommand {
    /// All groups by their paths (the default)
    List,
    /// One group with its config
    Show {
        /// Its id, name, or path like /group/group
        group: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct WorkersLine {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Option<WorkersCommand>,
}

#[derive(Debug, Subcommand)]
enum WorkersCommand {
    /// All workers (the default)
    List,
    /// One worker with everything
    Show {
        /// Its id or name
        worker: String,
    },
    /// Give a worker no new runs
    Drain {
        /// Its id or name
        worker: String,
    },
    /// Give a worker runs again
    Resume {
        /// Its id or name
        worker: String,
    },
    /// Take a worker's token away: it joins anew by the join token and is given another one
    RotateToken {
        /// Its id or name
        worker: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct StatusLine {
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run_groups(
    line: GroupsLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let client = line.remote.connect(load)?;
    let as_json = line.remote.json;
    match line.command.unwrap_or(GroupsCommand::List) {
        GroupsCommand::List => list_groups(&client, as_json),
        GroupsCommand::Show { group } => {
            let group = refs::group(&client, &group)?;
            print_one(&client.get(&format!("/groups/{group}"))?, as_json)
        }
    }
}

fn list_groups(client: &Client, as_json: bool) -> anyhow::Result<()> {
    let mut groups = client.all("/groups")?;
    if as_json {
        return print_list(&groups, GROUP_COLUMNS, true);
    }
    let paths = super::code::group_paths(&groups)?;
    let jobs = client.all("/jobs")?;
    let path = |group: &Value| group["id"].as_i64().and_then(|id| paths.get(&id));
    groups.sort_by(|a, b| path(a).cmp(&path(b)));
    for group in &mut groups {
        let held = jobs
            .iter()
            .filter(|job| job["group_id"] == group["id"])
            .count();
        let path = path(group).map(ToString::to_string);
        group["path"] = path.into();
        group["jobs"] = held.into();
    }
    print_list(&groups, GROUP_COLUMNS, false)
}

pub(super) fn run_workers(
    line: WorkersLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let client = line.remote.connect(load)?;
    let as_json = line.remote.json;
    let tell = |worker: &str, verb: &str| {
        let path = format!("/workers/{}/{verb}", refs::worker(&client, worker)?);
        print_one(&client.post(&path, &json!({}))?, as_json)
    };
    match line.command.unwrap_or(WorkersCommand::List) {
        WorkersCommand::List => {
            let mut workers = client.all("/workers")?;
            if !as_json {
                workers.iter_mut().for_each(in_words);
            }
            print_list(&workers, WORKER_COLUMNS, as_json)
        }
        WorkersCommand::Show { worker } => {
            let id = refs::worker(&client, &worker)?;
            let workers = client.all("/workers")?;
            let found = workers.iter().find(|worker| worker["id"] == id);
            print_one(found.unwrap_or(&Value::Null), as_json)
        }
        WorkersCommand::Drain { worker } => tell(&worker, "drain"),
        WorkersCommand::Resume { worker } => tell(&worker, "resume"),
        WorkersCommand::RotateToken { worker } => tell(&worker, "rotate-token"),
    }
}

/// What people want to know of a worker at a glance.
fn in_words(worker: &mut Value) {
    let flag = |key: &str| worker[key] == true;
    let state = match (flag("connected"), flag("accepting")) {
        (true, true) => "connected",
        (true, false) => "drained",
        (false, _) => "away",
    };
    if worker["version_skew"] == true {
        // The admin runs another one.
        worker["version"] = format!("{} (differs)", table::cell(&worker["version"])).into();
    }
    let labels = worker["labels"].as_array().cloned().unwrap_or_default();
    let labels: Vec<_> = labels.iter().filter_map(Value::as_str).collect();
    worker["labels"] = labels.join(",").into();
    let rate = worker["memory_rate"].as_f64().unwrap_or_default() * 100.0;
    let load = worker["load_per_core"].as_f64().unwrap_or_default();
    worker["memory"] = format!("{rate:.0}%").into();
    worker["load"] = format!("{load:.2}").into();
    worker["state"] = state.into();
}

pub(super) fn run_status(
    line: &StatusLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let client = line.remote.connect(load)?;
    let mut status = client.get("/status")?;
    if line.remote.json {
        return print_one(&status, true);
    }
    let leader = &status["leader"]["leader"];
    let leader = match leader["http"].as_str() {
        Some(http) => format!(
            "{} at {http}, epoch {}",
            table::cell(&leader["name"]),
            status["leader"]["epoch"]
        ),
        None => "nobody".to_owned(),
    };
    let workers = &status["workers"];
    let workers = format!(
        "{} of {} connected, {} runs on them",
        workers["connected"], workers["known"], workers["running"]
    );
    let runs = status["runs_of_last_day"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut counts = std::collections::BTreeMap::<String, i64>::new();
    for run in runs {
        *counts.entry(table::cell(&run["status"])).or_default() +=
            run["count"].as_i64().unwrap_or_default();
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    status["leader"] = leader.into();
    status["workers"] = workers.into();
    status["runs_of_last_day"] = counts.join(", ").into();
    print_one(&status, false)
}
