//! A file as the API would show what it describes: every field, also those left out.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use hera_domain::check::ContentLimits;
use hera_domain::config::MASK;
use serde_json::{Map, Value, json};

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
    pub(super) fn missing(&self, there: Option<&Value>, source: &Source) -> Vec<String> {
        let has = |key: &str| there.is_some_and(|there| there["config"].get(key).is_some());
        let missing = |secret: &&WantedSecret| secret.value.is_none() && !has(&secret.key);
        let told = |secret: &WantedSecret| {
            let place = source.place(&format!("config.{}", secret.key));
            let name = secret.name.as_deref().unwrap_or_default();
            format!(
                "{place}: the secret {name} is not given; put {name}=… into a file for --secrets or into the environment"
            )
        };
        self.secrets.iter().filter(missing).map(told).collect()
    }
}

/// What a `group.yml` asks for; the root keeps its parent, which is none.
pub(super) fn group(file: &GroupFile, parent: Option<Key>, secrets: &Secrets) -> Wanted {
    let (config, secrets) = split(&file.config, secrets);
    let kind = if file.kind == "root" {
        "big"
    } else {
        file.kind
    };
    let body = json!({
        "parent_id": parent, "name": file.name, "kind": kind,
        "description": file.description, "config": config,
    });
    Wanted { body, secrets }
}

/// What the file of a job asks for, or everything that is wrong with it.
pub(super) fn job(
    file: &JobFile,
    home: Key,
    matched: &Matched<'_>,
    secrets: &Secrets,
) -> Result<Wanted, Vec<String>> {
    let mut body = file.body.clone();
    let (config, secrets) = split(&file.config, secrets);
    body.insert("config".to_owned(), config);
    body.insert("group_id".to_owned(), home.into());
    let mut wrong = Vec::new();
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
    let told = wrong.iter().map(|wrong| {
        let place = file.place(&wrong.field);
        format!("{place}: {} {}", wrong.field, wrong.message)
    });
    Err(told.collect())
}

/// The config with masks, and its secrets apart.
fn split(config: &Config, secrets: &Secrets) -> (Value, Vec<WantedSecret>) {
    let mut shown = BTreeMap::new();
    let mut apart = Vec::new();
    for (key, value) in config {
        let (text, name, given) = match value {
            ConfigValue::Text(text) if !hera_domain::config::is_secret(key) => {
                shown.insert(key.clone(), text.clone());
                continue;
            }
            ConfigValue::Text(text) => (MASK, None, Some(text.clone())),
            ConfigValue::Secret(name) => (MASK, Some(name.clone()), secrets.get(name)),
        };
        shown.insert(key.clone(), text.to_owned());
        apart.push(WantedSecret {
            key: key.clone(),
            name,
            value: given,
        });
    }
    (json!(shown), apart)
}
