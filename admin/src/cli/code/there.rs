//! What is in the admin now: its groups and jobs by path, its calendars by name.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use chrono_tz::Tz;
use serde_json::Value;

use super::calendars::{self, CalendarThere};
use super::paths::TreePath;
use crate::cli::client::Client;

/// Requests that are under way at once.
const AT_ONCE: usize = 8;

/// The groups and jobs of an admin, without scripts and configs of jobs.
#[derive(Debug)]
pub(super) struct There {
    /// That of jobs that name none.
    pub(super) timezone: Tz,
    pub(super) root: i64,
    pub(super) groups: BTreeMap<i64, Placed>,
    pub(super) jobs: BTreeMap<i64, Placed>,
    pub(super) calendars: BTreeMap<String, CalendarThere>,
    group_ids: BTreeMap<TreePath, Vec<i64>>,
    job_ids: BTreeMap<TreePath, Vec<i64>>,
    /// How many jobs have a name.
    names: BTreeMap<String, Vec<i64>>,
}

/// Something of the API and where it stands.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) path: TreePath,
    pub(super) json: Value,
}

impl There {
    pub(super) fn read(client: &Client) -> anyhow::Result<Self> {
        let status = client.get("/status")?;
        let timezone = status["timezone"]
            .as_str()
            .and_then(|name| name.parse().ok());
        let groups = client.all("/groups")?;
        let jobs = client.all("/jobs")?;
        let mut there = Self::of(timezone.unwrap_or(Tz::UTC), groups, jobs)?;
        there.calendars = calendars::there(client.all("/calendars")?)?;
        Ok(there)
    }

    pub(super) fn of(timezone: Tz, groups: Vec<Value>, jobs: Vec<Value>) -> anyhow::Result<Self> {
        let root = groups.iter().find(|group| group["parent_id"].is_null());
        let root = root.map(id).transpose()?;
        let root =
            root.context("the admin has no root group; was its database made by hera-admin?")?;
        let paths = group_paths(&groups)?;
        let groups = groups.into_iter().map(|json| {
            let id = id(&json)?;
            let path = paths[&id].clone();
            Ok((id, Placed { path, json }))
        });
        let groups: BTreeMap<i64, Placed> = groups.collect::<anyhow::Result<_>>()?;
        let jobs = jobs.into_iter().map(|json| {
            let group = json["group_id"].as_i64().and_then(|id| groups.get(&id));
            let group = group.context("a job is in a group that the admin does not show")?;
            let name = json["name"].as_str().context("a job has no name")?;
            let path = group.path.child(name);
            Ok((id(&json)?, Placed { path, json }))
        });
        let jobs: BTreeMap<i64, Placed> = jobs.collect::<anyhow::Result<_>>()?;
        let mut names: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (id, job) in &jobs {
            names
                .entry(job.path.name().to_owned())
                .or_default()
                .push(*id);
        }
        Ok(Self {
            timezone,
            root,
            group_ids: by_path(&groups),
            job_ids: by_path(&jobs),
            groups,
            jobs,
            calendars: BTreeMap::new(),
            names,
        })
    }

    /// The group of a path.
    pub(super) fn group(&self, path: &TreePath) -> anyhow::Result<Option<i64>> {
        only("groups", path, self.group_ids.get(path))
    }

    /// The job of a path.
    pub(super) fn job(&self, path: &TreePath) -> anyhow::Result<Option<i64>> {
        only("jobs", path, self.job_ids.get(path))
    }

    /// The group of this name in a group.
    pub(super) fn group_in(&self, parent: i64, name: &str) -> anyhow::Result<Option<i64>> {
        match self.groups.get(&parent) {
            Some(parent) => self.group(&parent.path.child(name)),
            None => Ok(None),
        }
    }

    /// The job of this name in a group.
    pub(super) fn job_in(&self, group: i64, name: &str) -> anyhow::Result<Option<i64>> {
        match self.groups.get(&group) {
            Some(group) => self.job(&group.path.child(name)),
            None => Ok(None),
        }
    }

    /// The jobs of this name.
    pub(super) fn named(&self, name: &str) -> &[i64] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// How a dependency names a job: by its name where that is enough, else by its path.
    pub(super) fn reference(&self, job: i64) -> String {
        let Some(job) = self.jobs.get(&job) else {
            return job.to_string();
        };
        let name = job.path.name();
        if self.named(name).len() == 1 && !name.starts_with('/') {
            name.to_owned()
        } else {
            job.path.to_string()
        }
    }

    /// Groups or jobs that share their path with another one.
    pub(super) fn doubles(&self) -> impl Iterator<Item = (&'static str, &TreePath)> {
        let groups = self.group_ids.iter().map(|it| ("groups", it));
        let jobs = self.job_ids.iter().map(|it| ("jobs", it));
        let all = groups.chain(jobs);
        all.filter(|(_, (_, ids))| ids.len() > 1)
            .map(|(what, (path, _))| (what, path))
    }
}

/// Jobs with scripts and configs.
pub(super) fn whole(client: &Client, jobs: &[i64]) -> anyhow::Result<BTreeMap<i64, Value>> {
    let share = jobs.len().div_ceil(AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = jobs
            .chunks(share)
            .map(|jobs| {
                scope.spawn(|| -> anyhow::Result<Vec<(i64, Value)>> {
                    jobs.iter()
                        .map(|id| Ok((*id, client.get(&format!("/jobs/{id}"))?)))
                        .collect()
                })
            })
            .collect();
        let mut all = BTreeMap::new();
        for thread in threads {
            let jobs = thread.join();
            all.extend(jobs.map_err(|_panic| anyhow::anyhow!("reading the jobs broke off"))??);
        }
        Ok(all)
    })
}

pub(super) fn id(json: &Value) -> anyhow::Result<i64> {
    json["id"].as_i64().context("the answer has no id")
}

/// Paths of groups by their ids.
pub(in crate::cli) fn group_paths(groups: &[Value]) -> anyhow::Result<BTreeMap<i64, TreePath>> {
    let by_id = groups.iter().map(|group| Ok((id(group)?, group)));
    let by_id: BTreeMap<i64, &Value> = by_id.collect::<anyhow::Result<_>>()?;
    let paths = by_id
        .keys()
        .map(|id| Ok((*id, path_of_group(&by_id, *id)?)));
    paths.collect()
}

fn path_of_group(groups: &BTreeMap<i64, &Value>, group: i64) -> anyhow::Result<TreePath> {
    let (mut names, mut at) = (Vec::new(), group);
    while let Some(parent) = groups
        .get(&at)
        .and_then(|group| group["parent_id"].as_i64())
    {
        names.push(groups[&at]["name"].as_str().unwrap_or_default());
        at = parent;
        if names.len() > groups.len() {
            bail!("group {group} is above itself");
        }
    }
    let path = TreePath::default();
    Ok(names.iter().rev().fold(path, |path, name| path.child(name)))
}

fn by_path(placed: &BTreeMap<i64, Placed>) -> BTreeMap<TreePath, Vec<i64>> {
    let mut ids: BTreeMap<TreePath, Vec<i64>> = BTreeMap::new();
    for (id, placed) in placed {
        ids.entry(placed.path.clone()).or_default().push(*id);
    }
    ids
}

fn only(what: &str, path: &TreePath, ids: Option<&Vec<i64>>) -> anyhow::Result<Option<i64>> {
    match ids.map_or(&[][..], Vec::as_slice) {
        [] => Ok(None),
        [id] => Ok(Some(*id)),
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            let ids = ids.join(" and ");
            bail!(
                "the admin has two {what} {path} ({ids}): rename one of them, for files know them by their path"
            )
        }
    }
}
