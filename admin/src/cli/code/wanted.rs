//! A file as the API would show what it describes: every field, also those left out.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use hera_domain::check::{ContentLimits, check_values};
use hera_domain::config::{MASK, is_secret, shown};
use hera_domain::job::FieldError;
use serde_json::{Map, Value, json};

use super::documents;
use super::files::{Config, ConfigValue, GroupFile, JobFile, Source};
use super::matched::{Key, Matched};
use super::secrets::Secrets;
use crate::web::{JobBody, read_json, shown_content};

/// What a group or job shall be.
#[derive(Debug)]
pub(super) struct Wanted {
    /// As the API takes and shows it, with keys in place of ids and masks in place of secrets.
    pub(super) body: Value,
    pub(super) secrets: Vec<WantedSecret>,
}

/// A secret of the config.
#[derive(Debug)]
pub(super) struct WantedSecret {
    pub(super) key: String,
    /// How the file names it; nothing if it holds the secret itself.
    pub(super) name: Option<String>,
    /// Nothing if it was given nowhere: what is there stays.
    pub(super) value: Option<String>,
}

impl Wanted {
    /// The body with its secrets; those not given stay masked, and so what they are.
    pub(super) fn unmasked(&self) -> Value {
        let mut body = self.body.clone();
        for secret in &self.secrets {
            if let Some(value) = &secret.value {
                body["config"][&secret.key] = value.as_str().into();
            }
        }
        body
    }

    /// References that nobody gave and that the admin does not have, with where they stand.
    pub(super) fn missing(
        &self,
        there: Option<&Value>,
        what: &str,
        source: &Source,
    ) -> Vec<String> {
        let has = |key: &str| there.is_some_and(|there| there["config"].get(key).is_some());
        let missing = |secret: &&WantedSecret| secret.value.is_none() && !has(&secret.key);
        let told = |secret: &WantedSecret| {
            let place = source.place(&format!("config.{}", secret.key));
            let name = secret.name.as_deref().unwrap_or_default();
            let key = &secret.key;
            format!(
                "{place}: the {what} has no {key} in the admin, and the secret {name} is not given; put {name}=… into a file for --secrets or into the environment"
            )
        };
        self.secrets.iter().filter(missing).map(told).collect()
    }
}

/// What a `group.yml` asks for, or everything that is wrong with it.
pub(super) fn group(
    file: &GroupFile,
    parent: Option<Key>,
    secrets: &Secrets,
) -> Result<Wanted, Vec<String>> {
    let (config, secrets) = given(&file.config, secrets);
    let kind = if file.kind == "root" {
        "big"
    } else {
        file.kind
    };
    let shown: BTreeMap<&str, &str> = config
        .iter()
        .map(|(key, value)| (key.as_str(), shown(key, value)))
        .collect();
    let body = json!({
        "parent_id": parent, "name": file.name, "kind": kind,
        "description": file.description, "config": shown,
    });
    let wrong = check_values("config", &config);
    if wrong.is_empty() {
        return Ok(Wanted { body, secrets });
    }
    Err(told(&wrong, |field| file.source.place(field)))
}

/// What the file of a job asks for, or everything that is wrong with it.
pub(super) fn job(
    file: &JobFile,
    home: Key,
    matched: &Matched<'_>,
    secrets: &Secrets,
) -> Result<Wanted, Vec<String>> {
    let mut body = file.body.clone();
    let (config, secrets) = given(&file.config, secrets);
    body.insert("config".to_owned(), json!(config));
    body.insert("group_id".to_owned(), home.into());
    let mut wrong = unknown(file);
    let mut seen = BTreeSet::new();
    for (index, text) in file.upstreams.iter().enumerate() {
        let place = || file.place_of_dependency(index);
        match matched.upstream(text) {
            Ok(key) if seen.insert(key) => {
                let dependency = body
                    .get_mut("schedule")
                    .map(|schedule| &mut schedule["dependencies"][index]);
                if let Some(Value::Object(dependency)) = dependency {
                    dependency.insert("job_id".to_owned(), key.into());
                }
            }
            Ok(_) => wrong.push(format!(
                "{}: {text} is named twice; keep one of them",
                place()
            )),
            Err(error) => wrong.push(format!("{}: {error}", place())),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    match view(body, matched.there.timezone, file) {
        Ok(body) => Ok(Wanted { body, secrets }),
        Err(wrong) => Err(wrong),
    }
}

/// Fields that a job does not have.
fn unknown(file: &JobFile) -> Vec<String> {
    let keys = |of: &Value| -> BTreeSet<String> {
        of.as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.clone())
            .collect()
    };
    let defaults = documents::defaults();
    let (known, in_schedule) = (keys(&defaults), keys(&defaults["schedule"]));
    let strange = |key: &String| !known.contains(key);
    let top = keys(&Value::Object(file.body.clone()));
    let top = top.into_iter().filter(strange);
    let schedule = keys(file.body.get("schedule").unwrap_or(&Value::Null));
    let schedule = schedule
        .into_iter()
        .filter(|key| !in_schedule.contains(key));
    top.chain(schedule.map(|key| format!("schedule.{key}")))
        .map(|field| format!("{}: {field}: a job has no such field", file.place(&field)))
        .collect()
}

/// The body with every field, as far as it makes a job.
fn view(body: Map<String, Value>, timezone: Tz, file: &JobFile) -> Result<Value, Vec<String>> {
    let text = Value::Object(body).to_string();
    let wrong = match read_json::<JobBody>(text.as_bytes()) {
        Err(error) => error.fields().to_vec(),
        Ok(body) => match body.content(timezone) {
            Err(wrong) => wrong,
            Ok(content) => {
                let wrong = content.check(&ContentLimits {
                    // The admin knows its script types and its limits.
                    run_types: [content.run_type.clone()].into(),
                    script_bytes: usize::MAX,
                    task_timeout_minutes: u32::MAX,
                });
                if wrong.is_empty() {
                    return Ok(shown_content(&content));
                }
                wrong
            }
        },
    };
    Err(told(&wrong, |field| file.place(field)))
}

fn told(wrong: &[FieldError], place: impl Fn(&str) -> String) -> Vec<String> {
    let told = wrong.iter().map(|wrong| {
        let place = place(&wrong.field);
        format!("{place}: {}: {}", wrong.field, wrong.message)
    });
    told.collect()
}

/// The config with the secrets that were given and masks for the others, and all secrets apart.
fn given(config: &Config, secrets: &Secrets) -> (BTreeMap<String, String>, Vec<WantedSecret>) {
    let mut all = BTreeMap::new();
    let mut apart = Vec::new();
    for (key, value) in config {
        let (name, value) = match value {
            ConfigValue::Text(text) => (None, Some(text.clone())),
            ConfigValue::Secret(name) => (Some(name.clone()), secrets.get(name)),
        };
        let text = value.clone().unwrap_or_else(|| MASK.to_owned());
        all.insert(key.clone(), text);
        if is_secret(key) {
            apart.push(WantedSecret {
                key: key.clone(),
                name,
                value,
            });
        }
    }
    (all, apart)
}
