//! `hera-admin apply DIR`: groups and jobs from files, in the running admin as they are there.
//!
//! Every file is checked before anything is changed, and what is wrong is named by file and line.
//! The admin compares: it alone knows the secrets that are never shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use chrono_tz::Tz;
use clap::Args;
use hera_domain::check::ContentLimits;
use hera_domain::job::FieldError;
use hera_settings::{Report, Settings};
use serde_json::{Value, json};

use super::client::{Client, Refused, Remote};
use super::plan_files::{self, GroupFiles, JobFile};
use super::{jobs, table};
use crate::web::{JobBody, read_json};

#[derive(Debug, Args)]
pub(super) struct ApplyLine {
    #[command(flatten)]
    remote: Remote,
    /// The folder: a folder with a group.yml is a group, other .yml files in it are its jobs
    folder: PathBuf,
    /// A value for the config of the topmost groups; may be given several times
    #[arg(long = "define", value_name = "KEY=VALUE", value_parser = jobs::pair)]
    defines: Vec<(String, String)>,
}

/// Creates what is missing, updates what differs, opens what shall be open. Doing it again
/// changes nothing.
pub(super) fn run(
    line: &ApplyLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let mut groups = plan_files::read(&line.folder)?;
    if groups.is_empty() {
        bail!("there is no group.yml below {}", line.folder.display());
    }
    for top in &mut groups {
        top.group.config.extend(line.defines.iter().cloned());
    }
    let order = plan_files::in_order(&groups)?;
    let mut apply = Apply::new(
        line.remote.connect(load)?,
        order.iter().map(|job| job.name.clone()).collect(),
    )?;
    for job in &order {
        apply.check(job)?;
    }
    let root = apply.root()?;
    for group in &groups {
        apply.group(root, group)?;
    }
    for job in &order {
        let group = *apply
            .places
            .get(&job.path)
            .context("every job's file lies in a group's folder")?;
        apply.job(group, job)?;
    }
    for job in order.iter().filter(|job| job.open) {
        apply.open(job)?;
    }
    table::say(&format!(
        "{} groups and jobs are as in the files",
        apply.seen
    ))
}

struct Apply {
    client: Client,
    groups: Vec<Value>,
    jobs: Vec<Value>,
    /// The group of each job's file.
    places: BTreeMap<PathBuf, i64>,
    /// The jobs of the files, by name.
    ids: BTreeMap<String, i64>,
    /// All of them, also those that were not seen yet.
    names: BTreeSet<String>,
    seen: usize,
}

impl Apply {
    fn new(client: Client, names: BTreeSet<String>) -> anyhow::Result<Self> {
        Ok(Self {
            groups: client.all("/groups")?,
            jobs: client.all("/jobs")?,
            client,
            places: BTreeMap::new(),
            ids: BTreeMap::new(),
            names,
            seen: 0,
        })
    }

    fn root(&self) -> anyhow::Result<i64> {
        let root = self
            .groups
            .iter()
            .find(|group| group["parent_id"].is_null());
        root.and_then(|root| root["id"].as_i64())
            .context("the admin has no root group; was its database made by hera-admin?")
    }

    fn group(&mut self, parent: i64, files: &GroupFiles) -> anyhow::Result<()> {
        let wanted = json!({
            "parent_id": parent, "name": files.group.name, "kind": files.group.kind,
            "description": files.group.description, "config": files.group.config,
        });
        let there = self
            .groups
            .iter()
            .find(|group| group["parent_id"] == parent && group["name"] == wanted["name"]);
        let name = &files.group.name;
        let group = match there {
            None => {
                let made = self.client.post("/groups", &wanted);
                told("created", "group", name, made)
            }
            Some(group) => self.put("group", &format!("/groups/{}", group["id"]), group, wanted),
        };
        let group = group.map_err(|error| placed(error, |field| files.place(field)))?;
        self.seen += 1;
        let id = group["id"].as_i64().context("the answer has no id")?;
        for job in &files.jobs {
            self.places.insert(job.path.clone(), id);
        }
        for child in &files.groups {
            self.group(id, child)?;
        }
        Ok(())
    }

    fn job(&mut self, group: i64, file: &JobFile) -> anyhow::Result<()> {
        let name = &file.name;
        let wanted = self.body(group, file)?;
        let there = self
            .jobs
            .iter()
            .find(|job| job["group_id"] == group && job["name"] == name.as_str());
        let job = match there {
            None => {
                let made = self.client.post("/jobs", &wanted);
                told("created", "job", name, made)
            }
            Some(job) => self.put("job", &format!("/jobs/{}", job["id"]), job, wanted),
        };
        let job = job.map_err(|error| placed(error, |field| file.place(field)))?;
        let id = job["id"].as_i64().context("the answer has no id")?;
        self.seen += 1;
        self.ids.insert(name.clone(), id);
        Ok(())
    }

    /// Brings what is there to what is wanted; the admin makes no revision if they are equal.
    fn put(&self, what: &str, path: &str, there: &Value, wanted: Value) -> anyhow::Result<Value> {
        let mut body = wanted;
        body["revision"] = there["revision"].clone();
        let name = body["name"].as_str().unwrap_or_default().to_owned();
        let saved = self.client.put(&format!("{path}?if_changed=true"), &body);
        match saved {
            Ok(saved) if saved["revision"] == there["revision"] => Ok(saved),
            saved => told("updated", what, &name, saved),
        }
    }

    /// Whether a file makes a job, as far as that can be said without making it.
    fn check(&self, file: &JobFile) -> anyhow::Result<()> {
        for upstream in &file.upstreams {
            let here = self.names.contains(upstream);
            if !here && let Err(error) = self.upstream(upstream) {
                bail!("{}: {error}", file.place_of_dependency(upstream));
            }
        }
        let mut body = Value::Object(file.body.clone());
        body["group_id"] = 1.into();
        for index in 0..file.upstreams.len() {
            // Any ids will do, as long as they differ.
            body["schedule"]["dependencies"][index]["job_id"] = (index + 1).into();
        }
        let wrong = match read_json::<JobBody>(&serde_json::to_vec(&body)?) {
            Err(error) => error.fields().to_vec(),
            Ok(body) => match body.content(Tz::UTC) {
                Err(wrong) => wrong,
                Ok(content) => content.check(&ContentLimits {
                    // The admin knows its script types and its limits.
                    run_types: [content.run_type.clone()].into(),
                    script_bytes: usize::MAX,
                    task_timeout_minutes: u32::MAX,
                }),
            },
        };
        if wrong.is_empty() {
            return Ok(());
        }
        let told = |e: &FieldError| format!("{}: {} {}", file.place(&e.field), e.field, e.message);
        bail!("{}", wrong.iter().map(told).collect::<Vec<_>>().join("\n"))
    }

    /// The body of the API for a file, with ids in place of names.
    fn body(&self, group: i64, file: &JobFile) -> anyhow::Result<Value> {
        let mut body = Value::Object(file.body.clone());
        body["group_id"] = group.into();
        for (index, upstream) in file.upstreams.iter().enumerate() {
            let id = self
                .upstream(upstream)
                .with_context(|| file.place_of_dependency(upstream))?;
            body["schedule"]["dependencies"][index]["job_id"] = id.into();
        }
        Ok(body)
    }

    /// A job by its name: one of the files, or the only one of that name in the admin.
    fn upstream(&self, name: &str) -> anyhow::Result<i64> {
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        let mut named = self.jobs.iter().filter(|job| job["name"] == name);
        match (named.next(), named.next()) {
            (Some(job), None) => job["id"].as_i64().context("a job has no id"),
            (Some(_), Some(_)) => bail!("several jobs are named {name}"),
            (None, _) => bail!("there is no job named {name}, here or in the files"),
        }
    }

    fn open(&self, file: &JobFile) -> anyhow::Result<()> {
        let id = self.ids.get(&file.name).context("every job was seen")?;
        let is_open = self
            .jobs
            .iter()
            .any(|job| job["id"] == *id && job["switch"] == "open");
        if is_open {
            return Ok(());
        }
        let opened = self.client.post(&format!("/jobs/{id}/open"), &json!({}));
        told("opened", "job", &file.name, opened)
            .map(drop)
            .map_err(|error| placed(error, |_| file.place("open")))
    }
}

fn told(
    verb: &str,
    what: &str,
    name: &str,
    answer: anyhow::Result<Value>,
) -> anyhow::Result<Value> {
    let answer = answer.with_context(|| format!("{what} {name} could not be {verb}"))?;
    table::say(&format!("{verb} {what} {name}"))?;
    Ok(answer)
}

/// An error of the admin with the place in the files that it is about.
fn placed(error: anyhow::Error, place: impl Fn(&str) -> String) -> anyhow::Error {
    let Some(refused) = error.downcast_ref::<Refused>() else {
        return error;
    };
    if refused.errors.is_empty() {
        return error.context(place("name"));
    }
    let wrong = refused.errors.iter();
    let told = wrong.map(|e| format!("{}: {} {}", place(&e.field), e.field, e.message));
    anyhow::anyhow!("{}", told.collect::<Vec<_>>().join("\n"))
}
