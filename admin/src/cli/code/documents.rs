//! Groups and jobs of the API as documents: what is as by default is left out, and secrets are
//! named.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use hera_domain::config::is_secret;
use hera_domain::status::{Policy, Window};
use serde_json::{Map, Value, json};

use super::emit::Fields;
use super::paths::TreePath;
use super::there::There;
use crate::web::{JobBody, shown_content};

/// Names for secrets: of a place and a key.
pub(super) type SecretNames = BTreeMap<(TreePath, String), String>;

/// What a file says otherwise than the API.
const SAID_OTHERWISE: [&str; 4] = ["group_id", "script", "schedule", "config"];

/// Every field of a job of which nothing is said.
pub(super) fn defaults() -> Value {
    let body = json!({
        "group_id": 1, "name": "", "run_type": "", "schedule": {"kind": "manual"},
    });
    let body: Option<JobBody> = serde_json::from_value(body).ok();
    let content = body.and_then(|body| body.content(Tz::UTC).ok());
    shown_content(&content.expect("the least that makes a body is one"))
}

/// The document of a group.
pub(super) fn group(
    path: &TreePath,
    group: &Value,
    parent: Option<&TreePath>,
    secrets: &SecretNames,
) -> String {
    let text = |key: &str| group[key].as_str().unwrap_or_default();
    let mut fields = Fields::default();
    fields.add("name", text("name"));
    fields.add(
        "kind",
        if path.depth() == 0 {
            "root"
        } else {
            text("kind")
        },
    );
    if let Some(parent) = parent.filter(|parent| parent.depth() > 0) {
        fields.add("parent", parent.to_string());
    }
    if !text("description").is_empty() {
        fields.add("description", text("description"));
    }
    add_config(&mut fields, path, group, secrets);
    fields.document()
}

/// The document of a job; `script` is the name of the file that holds it.
pub(super) fn job(
    path: &TreePath,
    job: &Value,
    script: Option<&str>,
    there: &There,
    defaults: &Value,
    secrets: &SecretNames,
) -> String {
    let mut rest = job.as_object().cloned().unwrap_or_default();
    rest.retain(|key, value| match defaults.get(key) {
        // Not of the content of a job: its id, its warnings.
        None => false,
        Some(_) if SAID_OTHERWISE.contains(&key.as_str()) => false,
        Some(usual) => matches!(key.as_str(), "name" | "run_type") || value != usual,
    });
    let mut fields = Fields::default();
    for key in ["name", "description", "run_type"] {
        if let Some(value) = rest.remove(key) {
            fields.add(key, value);
        }
    }
    if let Some(script) = script {
        fields.add("script_file", script);
    }
    fields.add_fields(
        "schedule",
        schedule_fields(&job["schedule"], there, defaults),
    );
    add_config(&mut fields, path, job, secrets);
    fields.add_ordered(rest, &[]);
    match job["switch"].as_str() {
        Some("invalid") => fields.add("invalid", true),
        other => fields.add("open", other == Some("open")),
    }
    fields.document()
}

fn schedule_fields(schedule: &Value, there: &There, defaults: &Value) -> Fields {
    let mut rest = schedule.as_object().cloned().unwrap_or_default();
    let edges = rest.remove("dependencies").unwrap_or_default();
    // The zone is always said: its default is another one in another installation.
    rest.retain(|key, value| {
        matches!(key.as_str(), "kind" | "timezone") || *value != defaults["schedule"][key]
    });
    let mut fields = Fields::default();
    fields.add_ordered(rest, &["kind", "cron", "timezone", "from", "until"]);
    let edges: Vec<Fields> = edges
        .as_array()
        .into_iter()
        .flatten()
        .map(|edge| edge_fields(edge, there))
        .collect();
    if !edges.is_empty() {
        fields.add_list("dependencies", edges);
    }
    fields
}

/// What a dependency asks that says nothing.
pub(super) fn usual_edge() -> Value {
    json!({"window": Window::Nearest, "policy": Policy::Success})
}

fn edge_fields(edge: &Value, there: &There) -> Fields {
    let usual = usual_edge();
    let mut rest: Map<String, Value> = edge.as_object().cloned().unwrap_or_default();
    let job = rest
        .remove("job_id")
        .and_then(|id| id.as_i64())
        .unwrap_or_default();
    rest.retain(|key, value| !value.is_null() && *value != usual[key]);
    let mut fields = Fields::default();
    fields.add("job", there.reference(job));
    fields.add_ordered(rest, &["window", "policy"]);
    fields
}

fn add_config(fields: &mut Fields, path: &TreePath, of: &Value, secrets: &SecretNames) {
    let mut config = Fields::default();
    for (key, value) in of["config"].as_object().into_iter().flatten() {
        match secrets.get(&(path.clone(), key.clone())) {
            Some(name) => config.add_reference(key, "secret", name.clone()),
            None => config.add(key, value.clone()),
        }
    }
    if !config.is_empty() {
        fields.add_fields("config", config);
    }
}

/// Names all secrets of these places: as they are named already, else by place and key.
pub(super) fn secret_names<'a>(
    places: impl Iterator<Item = (&'a TreePath, &'a Value)>,
    known: &SecretNames,
) -> SecretNames {
    let mut wanted = Vec::new();
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for (path, of) in places {
        let config = of["config"].as_object().into_iter().flatten();
        for (key, _) in config.filter(|(key, _)| is_secret(key)) {
            let place = (path.clone(), key.clone());
            let name = derived(path, key);
            *uses.entry(name.0.clone()).or_default() += 1;
            wanted.push((place, name));
        }
    }
    let named = wanted.into_iter().map(|(place, (name, is_exact))| {
        let name = match known.get(&place) {
            Some(known) => known.clone(),
            None if is_exact && uses[&name] == 1 => name,
            None => format!("{name}_{}", mark(&place)),
        };
        (place, name)
    });
    named.collect()
}

/// A name that can be a variable's, and whether it says all that place and key say.
fn derived(path: &TreePath, key: &str) -> (String, bool) {
    let place = if path.depth() == 0 {
        "root"
    } else {
        path.name()
    };
    let key = key.strip_prefix("secret.").unwrap_or(key);
    let mut name = "SECRET".to_owned();
    let mut is_exact = true;
    for c in format!("_{place}_{key}").chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_uppercase());
        } else {
            is_exact &= c.is_ascii();
            if !name.ends_with('_') {
                name.push('_');
            }
        }
    }
    (name.trim_end_matches('_').to_owned(), is_exact)
}

/// A few digits that tell places apart, the same in every installation.
fn mark((path, key): &(TreePath, String)) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{path}\n{key}"));
    digest
        .iter()
        .take(3)
        .map(|byte| format!("{byte:02X}"))
        .collect()
}
