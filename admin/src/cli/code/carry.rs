//! Carries a plan out.
//!
//! Which order of changes the admin accepts depends on more than the files: what it refuses for
//! its present state is tried again after the rest, until nothing moves any more.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::matched::Key;
use super::plan::{Action, Change, Plan, What};
use super::there::id;
use crate::cli::client::{Client, Refused};

pub(super) struct Carry<'a> {
    client: &'a Client,
    /// Why, for the history of the jobs.
    comment: &'a str,
    /// What was made, by the key it had before.
    groups: BTreeMap<Key, i64>,
    jobs: BTreeMap<Key, i64>,
}

impl<'a> Carry<'a> {
    pub(super) fn new(client: &'a Client, comment: &'a str) -> Self {
        Self {
            client,
            comment,
            groups: BTreeMap::new(),
            jobs: BTreeMap::new(),
        }
    }

    /// Makes every change; `tell` hears of each that has been made, and of what the admin warns of.
    pub(super) fn out(
        &mut self,
        plan: &Plan,
        mut tell: impl FnMut(&Change, &[String]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut open: Vec<&Change> = plan.changes.iter().collect();
        loop {
            let (mut refused, mut errors) = (Vec::new(), Vec::new());
            let before = open.len();
            for change in open {
                match self.one(change) {
                    Ok(warnings) => tell(change, &warnings)?,
                    Err(error) if may_pass(&error) => {
                        refused.push(change);
                        errors.push(told(change, &error));
                    }
                    Err(error) => return Err(error.context(about(change))),
                }
            }
            if refused.is_empty() {
                return Ok(());
            }
            if refused.len() == before {
                bail!("{}", errors.join("\n"));
            }
            open = refused;
        }
    }

    fn one(&mut self, change: &Change) -> anyhow::Result<Vec<String>> {
        match (change.action, change.what) {
            (Action::Create | Action::Update, What::Group) => return self.save_group(change),
            (Action::Create | Action::Update, What::Job) => return self.save_job(change),
            (Action::Create | Action::Update, What::Calendar) => {
                self.save(change, &change.body)?;
            }
            (Action::Open, _) => self.switch(change.key, "open")?,
            (Action::Close, _) => self.switch(change.key, "close")?,
            (Action::Invalidate, _) => self.switch(change.key, "invalidate")?,
            (Action::Delete, what) => {
                if what == What::Job {
                    self.switch(change.key, "close")?;
                }
                let path = format!("{}/{}", what.list(), change.key);
                self.client.delete(&path)?;
            }
        }
        Ok(Vec::new())
    }

    fn save_group(&mut self, change: &Change) -> anyhow::Result<Vec<String>> {
        let mut body = change.body.clone();
        if let Some(parent) = body["parent_id"].as_i64() {
            body["parent_id"] = made(&self.groups, parent)?.into();
        }
        let saved = self.save(change, &body)?;
        self.groups.insert(change.key, id(&saved)?);
        Ok(warnings(&saved))
    }

    fn save_job(&mut self, change: &Change) -> anyhow::Result<Vec<String>> {
        let mut body = change.body.clone();
        let home = body["group_id"].as_i64().context("a job has a group")?;
        body["group_id"] = made(&self.groups, home)?.into();
        body["comment"] = self.comment.into();
        let edges = body["schedule"]["dependencies"].as_array_mut();
        for edge in edges.into_iter().flatten() {
            let upstream = edge["job_id"].as_i64().context("a dependency has a job")?;
            edge["job_id"] = made(&self.jobs, upstream)?.into();
        }
        let saved = self.save(change, &body)?;
        self.jobs.insert(change.key, id(&saved)?);
        Ok(warnings(&saved))
    }

    fn save(&self, change: &Change, body: &Value) -> anyhow::Result<Value> {
        let path = change.what.list();
        match change.id {
            None => self.client.post(path, body),
            Some(id) => self
                .client
                .put(&format!("{path}/{id}?if_changed=true"), body),
        }
    }

    fn switch(&self, job: Key, verb: &str) -> anyhow::Result<()> {
        let job = made(&self.jobs, job)?;
        self.client
            .post(&format!("/jobs/{job}/{verb}"), &json!({}))?;
        Ok(())
    }
}

fn warnings(saved: &Value) -> Vec<String> {
    let warnings = saved["warnings"].as_array().into_iter().flatten();
    warnings
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// What a change needs is not there yet.
#[derive(Debug, thiserror::Error)]
#[error("what it needs could not be made")]
struct NotYet;

fn made(ids: &BTreeMap<Key, i64>, key: Key) -> anyhow::Result<i64> {
    if key > 0 {
        return Ok(key);
    }
    Ok(*ids.get(&key).ok_or(NotYet)?)
}

/// Whether the same may work later.
fn may_pass(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Refused>() {
        Some(refused) => matches!(refused.status, 409 | 422),
        None => error.is::<NotYet>(),
    }
}

fn about(change: &Change) -> String {
    match &change.source {
        Some(source) => format!("{}: {}", source.path.display(), change.path),
        None => change.path.clone(),
    }
}

/// The admin's words with the place in the files that they are about.
fn told(change: &Change, error: &anyhow::Error) -> String {
    let wrong = error
        .downcast_ref::<Refused>()
        .map_or(&[][..], |refused| &refused.errors);
    match &change.source {
        Some(source) if !wrong.is_empty() => {
            let lines = wrong.iter().map(|wrong| {
                let place = source.place(&wrong.field);
                format!("{place}: {}: {}", wrong.field, wrong.message)
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Some(_) | None => format!("{}: {error}", about(change)),
    }
}
