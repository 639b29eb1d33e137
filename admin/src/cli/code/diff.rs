//! What differs between two things as the API shows them, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::matched::{Key, Matched};

/// A field and what it was and shall be; null where it is not there.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Diff {
    pub(super) field: String,
    pub(super) from: Value,
    pub(super) to: Value,
}

impl Diff {
    pub(super) fn new(
        field: impl Into<String>,
        from: impl Into<Value>,
        to: impl Into<Value>,
    ) -> Self {
        Self {
            field: field.into(),
            from: from.into(),
            to: to.into(),
        }
    }
}

/// The fields of `to` that are otherwise in `from`; what only `from` has is not looked at.
pub(super) fn diffs(from: &Value, to: &Value, names: &Matched<'_>) -> Vec<Diff> {
    let wanted = fields(to, names);
    let top: BTreeSet<&String> = to
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
        .collect();
    let mut from = from.clone();
    if let Some(fields) = from.as_object_mut() {
        fields.retain(|key, _| top.contains(key));
    }
    let was = fields(&from, names);
    let all: BTreeSet<&String> = was.keys().chain(wanted.keys()).collect();
    let value =
        |of: &BTreeMap<String, Value>, field: &String| of.get(field).cloned().unwrap_or_default();
    let both = all
        .into_iter()
        .map(|field| Diff::new(field, value(&was, field), value(&wanted, field)));
    both.filter(|diff| diff.from != diff.to).collect()
}

/// All fields by names like `schedule.cron`, those that say nothing left out.
fn fields(of: &Value, names: &Matched<'_>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (key, value) in of.as_object().into_iter().flatten() {
        match key.as_str() {
            "group_id" | "parent_id" => {
                if let Some(group) = value.as_i64() {
                    all.insert(
                        "group".to_owned(),
                        names.group_path(group).to_string().into(),
                    );
                }
            }
            _ => flatten(key, value, names, &mut all),
        }
    }
    all
}

fn flatten(field: &str, value: &Value, names: &Matched<'_>, all: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Object(inner) => {
            for (key, value) in inner {
                flatten(&format!("{field}.{key}"), value, names, all);
            }
        }
        Value::Array(edges) if field == "schedule.dependencies" => {
            // Their order says nothing.
            let edges: BTreeMap<String, Value> =
                edges.iter().map(|edge| named(edge, names)).collect();
            if !edges.is_empty() {
                all.insert(
                    field.to_owned(),
                    json!(edges.into_values().collect::<Vec<_>>()),
                );
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            all.insert(field.to_owned(), value.clone());
        }
    }
}

/// A dependency with the path of the job in place of its key.
fn named(edge: &Value, names: &Matched<'_>) -> (String, Value) {
    let key: Key = edge["job_id"].as_i64().unwrap_or_default();
    let path = names.job_path(key).to_string();
    let mut edge = edge.clone();
    if let Some(fields) = edge.as_object_mut() {
        fields.remove("job_id");
        fields.insert("job".to_owned(), path.as_str().into());
    }
    (path, edge)
}
