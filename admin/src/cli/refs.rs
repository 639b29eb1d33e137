//! What people write for a job, a group or a worker: an id or a name.

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::client::Client;

/// The id of a job: written as such, or as its name, or as its path like `/group/group/job`.
pub(super) fn job(client: &Client, text: &str) -> anyhow::Result<i64> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let path = super::code::path(text);
    let name = path.as_ref().map_or(text, |path| path.name());
    let mut named = client.all(&format!("/jobs?name={}", encoded(name)))?;
    if let Some(path) = &path {
        let paths = group_paths(client)?;
        named.retain(|job| {
            let group = job["group_id"].as_i64().and_then(|id| paths.get(&id));
            group.is_some_and(|group| group.child(name) == *path)
        });
    }
    only(&named, "job", text)
}

/// The id of a group: written as such, or as its name.
pub(super) fn group(client: &Client, text: &str) -> anyhow::Result<i64> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    if let Some(path) = super::code::path(text) {
        let paths = group_paths(client)?;
        let found = paths.iter().find(|(_, group)| **group == path);
        return found
            .map(|(id, _)| *id)
            .with_context(|| format!("there is no group {path}"));
    }
    let mut groups = client.all("/groups")?;
    groups.retain(|group| group["name"] == text);
    only(&groups, "group", text)
}

/// The id of a worker: written as such, or as its name.
pub(super) fn worker(client: &Client, text: &str) -> anyhow::Result<i64> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let mut workers = client.all("/workers")?;
    workers.retain(|worker| worker["name"] == text);
    only(&workers, "worker", text)
}

/// Paths of all groups by id.
pub(super) fn group_paths(
    client: &Client,
) -> anyhow::Result<std::collections::BTreeMap<i64, super::code::TreePath>> {
    super::code::group_paths(&client.all("/groups")?)
}

fn only(found: &[Value], what: &str, text: &str) -> anyhow::Result<i64> {
    match found {
        [] => bail!("there is no {what} {text}"),
        [one] => one["id"].as_i64().context("the answer has no id"),
        several => {
            let ids: Vec<String> = several.iter().map(|one| one["id"].to_string()).collect();
            bail!(
                "several {what}s are named {text}: write the id, one of {}",
                ids.join(", ")
            )
        }
    }
}

/// A text as it may stand in a query.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
