//! `hera-admin apply DIR`: groups and jobs from files, in the running admin as they are there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use chrono_tz::Tz;
use clap::Args;
use hera_domain::job::JobContent;
use hera_settings::{Report, Settings};
use serde_json::{Value, json};

use super::client::{Client, Remote};
use super::plan_files::{self, GroupFiles, JobFile};
use super::{jobs, table};
use crate::web::JobBody;

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
    let mut apply = Apply::new(line.remote.connect(load)?)?;
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
    /// Of jobs that name none.
    timezone: Tz,
    groups: Vec<Value>,
    jobs: Vec<Value>,
    /// The group of each job's file.
    places: BTreeMap<PathBuf, i64>,
    /// The jobs of the files, by name.
    ids: BTreeMap<String, i64>,
    seen: usize,
}

impl Apply {
    fn new(client: Client) -> anyhow::Result<Self> {
        let status = client.get("/status")?;
        let timezone = status["timezone"]
            .as_str()
            .and_then(|name| name.parse().ok());
        Ok(Self {
            timezone: timezone.unwrap_or(Tz::UTC),
            groups: client.all("/groups")?,
            jobs: client.all("/jobs")?,
            client,
            places: BTreeMap::new(),
            ids: BTreeMap::new(),
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
                told("created", "group", name, made)?
            }
            Some(group) if holds(group, &wanted) => group.clone(),
            Some(group) => {
                let mut body = wanted.clone();
                body["revision"] = group["revision"].clone();
                let saved = self.client.put(&format!("/groups/{}", group["id"]), &body);
                told("updated", "group", name, saved)?
            }
        };
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
        let id = match there.and_then(|job| job["id"].as_i64()) {
            None => {
                let made = self.client.post("/jobs", &wanted);
                let job = told("created", "job", name, made)?;
                job["id"].as_i64().context("the answer has no id")?
            }
            Some(id) => {
                let present = self.client.get(&format!("/jobs/{id}"))?;
                if self.content(&present, file)? != self.content(&wanted, file)? {
                    let mut body = wanted;
                    body["revision"] = present["revision"].clone();
                    let saved = self.client.put(&format!("/jobs/{id}"), &body);
                    told("updated", "job", name, saved)?;
                }
                id
            }
        };
        self.seen += 1;
        self.ids.insert(name.clone(), id);
        Ok(())
    }

    /// The body of the API for a file, with ids in place of names.
    fn body(&self, group: i64, file: &JobFile) -> anyhow::Result<Value> {
        let mut body = Value::Object(file.body.clone());
        body["group_id"] = group.into();
        for (index, upstream) in file.upstreams.iter().enumerate() {
            let id = self
                .upstream(upstream)
                .with_context(|| format!("{} depends on {upstream}", file.path.display()))?;
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

    /// What a job's JSON means, defaults filled in, so that two of them can be compared.
    fn content(&self, json: &Value, file: &JobFile) -> anyhow::Result<JobContent> {
        let body: JobBody = serde_json::from_value(json.clone())
            .with_context(|| format!("{} is not as expected", file.path.display()))?;
        body.content(self.timezone).map_err(|wrong| {
            let wrong: Vec<_> = wrong
                .iter()
                .map(|e| format!("{} {}", e.field, e.message))
                .collect();
            anyhow::anyhow!("{}: {}", file.path.display(), wrong.join("; "))
        })
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
        told("opened", "job", &file.name, opened)?;
        Ok(())
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

/// Whether a group has everything that is wanted.
fn holds(group: &Value, wanted: &Value) -> bool {
    wanted
        .as_object()
        .is_some_and(|wanted| wanted.iter().all(|(key, value)| group[key] == *value))
}
