//! What would change in an admin for it to be as the files say.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hera_domain::status::Switch;
use serde::Serialize;
use serde_json::Value;

use super::diff::{Diff, diffs};
use super::files::{Files, Source, told_together};
use super::matched::{Key, Matched};
use super::order::{self, Graph};
use super::paths::TreePath;
use super::plan_calendars;
use super::secrets::Secrets;
use super::there::{self, There};
use super::wanted::{self, Wanted};
use crate::cli::client::{Client, Refused};

/// What is done to a group, job or calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Create,
    Update,
    Open,
    Close,
    Invalidate,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum What {
    Group,
    Job,
    Calendar,
}

impl What {
    /// Where the API has its list.
    pub(super) fn list(self) -> &'static str {
        match self {
            Self::Group => "/groups",
            Self::Job => "/jobs",
            Self::Calendar => "/calendars",
        }
    }
}

/// One change, told to people and programs.
#[derive(Debug, Serialize)]
pub(super) struct Change {
    pub(super) action: Action,
    pub(super) what: What,
    /// A calendar's name.
    pub(super) path: String,
    /// Nothing for what is yet to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<i64>,
    /// Where the files say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<Diff>,
    /// How many jobs go by the calendar as yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jobs: Option<usize>,
    #[serde(skip)]
    pub(super) source: Option<Rc<Source>>,
    #[serde(skip)]
    pub(super) key: Key,
    /// What is sent, with keys in place of ids.
    #[serde(skip)]
    pub(super) body: Value,
}

/// Something of the admin that the files know nothing of.
#[derive(Debug, Serialize)]
pub(super) struct Left {
    pub(super) what: What,
    pub(super) path: String,
    pub(super) id: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct Plan {
    /// In the order in which they can be carried out.
    pub(super) changes: Vec<Change>,
    pub(super) left: Vec<Left>,
    pub(super) calendars: usize,
    pub(super) groups: usize,
    pub(super) jobs: usize,
}

/// Compares the files with the admin. Whatever is wrong with the files is told here, before
/// anything has been changed.
pub(super) fn plan(
    files: &Files,
    there: &There,
    secrets: &Secrets,
    prune: bool,
    client: &Client,
) -> anyhow::Result<Plan> {
    let matched = Matched::new(files, there)?;
    let known: Vec<i64> = matched
        .jobs
        .iter()
        .copied()
        .filter(|key| *key > 0)
        .collect();
    let whole = there::whole(client, &known)?;
    let planner = Planner {
        matched,
        whole,
        secrets,
        client,
    };
    planner.plan(prune)
}

struct Planner<'a> {
    matched: Matched<'a>,
    /// The jobs there that files mean, with scripts.
    whole: BTreeMap<i64, Value>,
    secrets: &'a Secrets,
    client: &'a Client,
}

impl Planner<'_> {
    fn plan(&self, prune: bool) -> anyhow::Result<Plan> {
        let (groups, jobs) = self.wanted()?;
        let mut strangers = self.strangers();
        strangers.extend(plan_calendars::strangers(&self.matched));
        let pruned = if prune { &strangers[..] } else { &[] };
        told_together(&plan_calendars::missing(&self.matched, pruned))?;
        let gone: BTreeSet<i64> = match prune {
            true => strangers
                .iter()
                .filter(|it| it.what == What::Job)
                .map(|it| it.id)
                .collect(),
            false => BTreeSet::new(),
        };
        let graph = self.graph(&jobs, &gone);
        let order = graph
            .order(|key| self.matched.job_path(key))
            .map_err(|circle| {
                let paths: Vec<String> = circle
                    .iter()
                    .map(|key| self.matched.job_path(*key).to_string())
                    .collect();
                anyhow::anyhow!(
                    "these jobs would depend on each other in a circle: {}",
                    paths.join(" → ")
                )
            })?;
        told_together(&order::faults(&graph, &self.matched))?;

        // The jobs that go by a calendar need it.
        let mut changes = plan_calendars::changes(&self.matched)?;
        for (index, wanted) in groups.iter().enumerate() {
            changes.extend(self.group(index, wanted)?);
        }
        let index_of: BTreeMap<Key, usize> = self
            .matched
            .jobs
            .iter()
            .enumerate()
            .map(|(index, key)| (*key, index))
            .collect();
        let in_order = || order.iter().filter_map(|key| index_of.get(key).copied());
        for index in in_order() {
            changes.extend(self.job(index, &jobs[index])?);
        }
        // What depends on others is closed before them, and opened after them.
        let switches = in_order().filter_map(|index| self.switch(index));
        let (opened, mut closed): (Vec<_>, Vec<_>) =
            switches.partition(|change| change.action == Action::Open);
        closed.reverse();
        changes.append(&mut closed);
        changes.extend(opened);
        let mut left = strangers;
        if prune {
            changes.extend(self.deletions(std::mem::take(&mut left)));
        }
        Ok(Plan {
            changes,
            left,
            calendars: self.matched.files.calendars.len(),
            groups: groups.len(),
            jobs: jobs.len(),
        })
    }

    /// What all files ask for.
    fn wanted(&self) -> anyhow::Result<(Vec<Wanted>, Vec<Wanted>)> {
        let files = self.matched.files;
        let (mut groups, mut jobs, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for (index, file) in files.groups.iter().enumerate() {
            let parent = self.matched.parents[index];
            if parent.is_some_and(|parent| self.matched.kind(parent) == "small") {
                let (place, path) = (file.source.place("kind"), &file.path);
                wrong.push(format!(
                    "{place}: {path} is in a small group: it holds jobs only"
                ));
            }
            match wanted::group(file, parent, self.secrets) {
                Ok(wanted) => {
                    let there = self.matched.there.groups.get(&self.matched.groups[index]);
                    wrong.extend(wanted.missing(
                        there.map(|group| &group.json),
                        &format!("group {}", file.path),
                        &file.source,
                    ));
                    groups.push(wanted);
                }
                Err(found) => wrong.extend(found),
            }
        }
        for (index, file) in files.jobs.iter().enumerate() {
            let home = self.matched.homes[index];
            if self.matched.kind(home) != "small" {
                let (place, group) = (file.place("name"), self.matched.group_path(home));
                wrong.push(format!(
                    "{place}: {group} is a big group: jobs live in small ones"
                ));
            }
            match wanted::job(file, home, &self.matched, self.secrets) {
                Ok(wanted) => {
                    let there = self.whole.get(&self.matched.jobs[index]);
                    wrong.extend(wanted.missing(
                        there,
                        &format!("job {}", file.path),
                        &file.source,
                    ));
                    jobs.push(wanted);
                }
                Err(found) => wrong.extend(found),
            }
        }
        told_together(&wrong)?;
        Ok((groups, jobs))
    }

    /// Groups and jobs below those of the files that no file means.
    fn strangers(&self) -> Vec<Left> {
        let there = self.matched.there;
        let tops = self.matched.files.groups.iter().zip(&self.matched.groups);
        let tops: Vec<_> = tops
            .filter(|(file, _)| file.is_top)
            .filter_map(|(_, key)| there.groups.get(key))
            .map(|group| &group.path)
            .collect();
        let covered = |path| tops.iter().any(|top| top.holds(path));
        let jobs = there
            .jobs
            .iter()
            .filter(|(id, job)| covered(&job.path) && self.matched.job_file(**id).is_none());
        let groups = there
            .groups
            .iter()
            .filter(|(id, group)| covered(&group.path) && !self.matched.has_group_file(**id));
        let left = |what| {
            move |(id, placed): (&i64, &there::Placed)| {
                let left = Left {
                    what,
                    path: placed.path.to_string(),
                    id: *id,
                };
                (placed.path.clone(), left)
            }
        };
        let mut all: Vec<_> = groups
            .map(left(What::Group))
            .chain(jobs.map(left(What::Job)))
            .collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.into_iter().map(|(_, left)| left).collect()
    }

    /// All jobs as they would be.
    fn graph(&self, jobs: &[Wanted], gone: &BTreeSet<i64>) -> Graph {
        let upstreams = |of: &Value| -> Vec<Key> {
            let edges = of["schedule"]["dependencies"].as_array();
            edges
                .into_iter()
                .flatten()
                .filter_map(|edge| edge["job_id"].as_i64())
                .collect()
        };
        let mut graph = Graph::default();
        for (id, job) in &self.matched.there.jobs {
            if !gone.contains(id) {
                graph.add(*id, upstreams(&job.json), job.json["switch"] == "open");
            }
        }
        for (index, wanted) in jobs.iter().enumerate() {
            let key = self.matched.jobs[index];
            let now = self.now(key);
            let switch = self.matched.files.jobs[index].switch.unwrap_or(now);
            graph.add(key, upstreams(&wanted.body), switch == Switch::Open);
        }
        graph
    }

    /// The switch of a job there; new ones are closed.
    fn now(&self, key: Key) -> Switch {
        let job = self.matched.there.jobs.get(&key);
        let switch = job.and_then(|job| job.json["switch"].as_str()?.parse().ok());
        switch.unwrap_or(Switch::Closed)
    }

    fn group(&self, index: usize, wanted: &Wanted) -> anyhow::Result<Option<Change>> {
        let key = self.matched.groups[index];
        let there = self.matched.there.groups.get(&key).map(|group| &group.json);
        let source = &self.matched.files.groups[index].source;
        let path = self.matched.group_path(key);
        self.change(What::Group, path, key, there, wanted, source)
    }

    fn job(&self, index: usize, wanted: &Wanted) -> anyhow::Result<Option<Change>> {
        let key = self.matched.jobs[index];
        let source = &self.matched.files.jobs[index].source;
        let there = self.whole.get(&key);
        let path = self.matched.job_path(key);
        self.change(What::Job, path, key, there, wanted, source)
    }

    fn change(
        &self,
        what: What,
        path: &TreePath,
        key: Key,
        there: Option<&Value>,
        wanted: &Wanted,
        source: &Rc<Source>,
    ) -> anyhow::Result<Option<Change>> {
        let mut fields = diffs(there.unwrap_or(&Value::Null), &wanted.body, &self.matched);
        let mut body = wanted.unmasked();
        if let Some(there) = there {
            body["revision"] = there["revision"].clone();
            fields.extend(self.new_secrets(what, there, wanted)?);
        }
        for diff in &mut fields {
            let secret = |field: &str| {
                wanted
                    .secrets
                    .iter()
                    .find(|it| format!("config.{}", it.key) == field)
            };
            if let Some(name) = secret(&diff.field).and_then(|secret| secret.name.as_ref()) {
                diff.to = format!("{{secret: {name}}}").into();
            }
        }
        let change = Change {
            action: if there.is_some() {
                Action::Update
            } else {
                Action::Create
            },
            what,
            path: path.to_string(),
            id: there.is_some().then_some(key),
            file: Some(source.path.display().to_string()),
            fields,
            jobs: None,
            source: Some(Rc::clone(source)),
            key,
            body,
        };
        Ok((there.is_none() || !change.fields.is_empty()).then_some(change))
    }

    /// The given secrets that are others than those there, which only the admin can tell: it
    /// compares before it looks at the revision, and none is numbered 0, so nothing is saved.
    fn new_secrets(&self, what: What, there: &Value, wanted: &Wanted) -> anyhow::Result<Vec<Diff>> {
        let mut diffs = Vec::new();
        for secret in &wanted.secrets {
            let (Some(value), Some(mask)) = (&secret.value, there["config"].get(&secret.key))
            else {
                continue;
            };
            let mut body = there.clone();
            body["config"][&secret.key] = value.as_str().into();
            body["revision"] = 0.into();
            let path = format!("{}/{}?if_changed=true", what.list(), there["id"]);
            match self.client.put(&path, &body) {
                Ok(_) => {}
                Err(error) => match error.downcast_ref::<Refused>() {
                    Some(Refused { status: 412, .. }) => {
                        diffs.push(Diff::new(
                            format!("config.{}", secret.key),
                            mask.clone(),
                            "another",
                        ));
                    }
                    Some(_) | None => return Err(error),
                },
            }
        }
        Ok(diffs)
    }

    fn switch(&self, index: usize) -> Option<Change> {
        let file = &self.matched.files.jobs[index];
        let key = self.matched.jobs[index];
        let (now, to) = (self.now(key), file.switch?);
        let action = match to {
            _ if now == to => return None,
            Switch::Open => Action::Open,
            Switch::Closed => Action::Close,
            Switch::Invalid => Action::Invalidate,
        };
        Some(Change {
            action,
            what: What::Job,
            path: file.path.to_string(),
            id: (key > 0).then_some(key),
            file: Some(file.source.path.display().to_string()),
            fields: Vec::new(),
            jobs: None,
            source: Some(Rc::clone(&file.source)),
            key,
            body: Value::Null,
        })
    }

    /// What nobody depends on goes first, and groups and calendars after the jobs.
    fn deletions(&self, strangers: Vec<Left>) -> Vec<Change> {
        let (jobs, rest): (Vec<_>, Vec<_>) = strangers
            .into_iter()
            .partition(|left| left.what == What::Job);
        let (mut groups, calendars): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|left| left.what == What::Group);
        let ids: BTreeSet<i64> = jobs.iter().map(|left| left.id).collect();
        let mut graph = Graph::default();
        for left in &jobs {
            let edges = self.matched.there.jobs[&left.id].json["schedule"]["dependencies"].clone();
            let edges = edges.as_array().into_iter().flatten();
            let among: Vec<Key> = edges
                .filter_map(|edge| edge["job_id"].as_i64())
                .filter(|id| ids.contains(id))
                .collect();
            graph.add(left.id, among, false);
        }
        // The jobs of a circle, should there be one, are refused one by one.
        let order = graph
            .order(|key| self.matched.job_path(key))
            .unwrap_or_default();
        let places: BTreeMap<Key, usize> = order
            .iter()
            .enumerate()
            .map(|(place, job)| (*job, place))
            .collect();
        let mut jobs = jobs;
        jobs.sort_by_key(|left| std::cmp::Reverse(places.get(&left.id).copied()));
        groups.sort_by_key(|left| {
            std::cmp::Reverse(self.matched.there.groups[&left.id].path.depth())
        });
        let gone = jobs.into_iter().chain(groups).chain(calendars);
        gone.map(|left| Change {
            action: Action::Delete,
            what: left.what,
            path: left.path,
            id: Some(left.id),
            file: None,
            fields: Vec::new(),
            jobs: None,
            source: None,
            key: left.id,
            body: Value::Null,
        })
        .collect()
    }
}
