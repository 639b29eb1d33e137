//! File, environment and `--set` laid over each other, by one spelling of each key.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use crate::error::{Origin, Problem, SettingsError};
use crate::yaml::{self, Document};

/// Everything that settings are made of.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Path (for messages) and text of the file.
    pub file: Option<(String, String)>,
    /// `--profile`.
    pub profile: Option<String>,
    /// The arguments of `--set`.
    pub sets: Vec<String>,
    /// The whole environment; only the `HERA_…` variables of [`ENVIRONMENT`] and what a
    /// `${NAME}` refers to are looked at.
    pub env: BTreeMap<String, String>,
    /// What `hera.timezone` is unless it is set.
    pub machine_timezone: Tz,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            file: None,
            profile: None,
            sets: Vec::new(),
            env: BTreeMap::new(),
            machine_timezone: Tz::UTC,
        }
    }
}

/// The environment variables and the keys they stand for.
pub(crate) const ENVIRONMENT: &[(&str, &str)] = &[
    ("HERA_ADMIN_ADDRESS", "hera.adminAddress"),
    ("HERA_ADMIN_PASSWORD", "hera.adminPassword"),
    ("HERA_ADVERTISE", "hera.advertise"),
    ("HERA_BIND", "server.address"),
    ("HERA_CONNECT_PORT", "hera.connectPort"),
    ("HERA_DATABASE_URL", "datasource.url"),
    ("HERA_DATA_DIR", "hera.dataDir"),
    ("HERA_JOIN_TOKEN", "hera.joinToken"),
    ("HERA_LOG", "logging.filter"),
    ("HERA_PORT", "server.port"),
    ("HERA_TIMEZONE", "hera.timezone"),
    ("HERA_WORKER_NAME", "hera.workerName"),
];

/// One value and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The key as it was written.
    pub(crate) key: String,
    pub(crate) text: String,
    pub(crate) origin: Origin,
    /// 0 base, 1 profile, 2 environment, 3 `--set`.
    pub(crate) layer: u8,
}

/// All values by canonical key.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    pub(crate) entries: BTreeMap<String, Entry>,
    pub(crate) profiles: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// The spelling that all spellings of a key share.
pub(crate) fn canonical(key: &str) -> String {
    key.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}

impl Layers {
    /// Lays the sources over each other.
    pub(crate) fn of(sources: &Sources) -> Result<Self, SettingsError> {
        let mut layers = Self::default();
        let documents = match &sources.file {
            Some((path, text)) => yaml::documents(path, text)?,
            None => Vec::new(),
        };
        let path = sources.file.as_ref().map_or("", |(path, _)| path.as_str());
        for document in documents.iter().filter(|d| d.profiles.is_none()) {
            layers.add_document(path, document, 0)?;
        }
        layers.choose_profiles(sources, &documents)?;
        for profile in layers.profiles.clone() {
            let chosen = |d: &&Document| d.profiles.iter().flatten().any(|p| *p == profile);
            for document in documents.iter().filter(chosen) {
                layers.add_document(path, document, 1)?;
            }
        }
        for (name, key) in ENVIRONMENT {
            if let Some(value) = sources.env.get(*name).filter(|value| !value.is_empty()) {
                layers.put(
                    (*key).to_owned(),
                    value.clone(),
                    Origin::Env((*name).to_owned()),
                    2,
                );
            }
        }
        for argument in &sources.sets {
            let Some((key, value)) = argument.split_once('=') else {
                return Err(Problem::Rule(format!(
                    "--set {argument}: expected key=value, e.g. --set hera.heartBeat=3"
                ))
                .into());
            };
            layers.put(
                key.trim().to_owned(),
                value.to_owned(),
                Origin::Set(argument.clone()),
                3,
            );
        }
        Ok(layers)
    }

    fn put(&mut self, key: String, text: String, origin: Origin, layer: u8) {
        let entry = Entry {
            text,
            origin,
            layer,
            key,
        };
        self.entries.insert(canonical(&entry.key), entry);
    }

    fn add_document(
        &mut self,
        path: &str,
        document: &Document,
        layer: u8,
    ) -> Result<(), SettingsError> {
        let mut seen = BTreeMap::new();
        for pair in &document.pairs {
            if let Some(first) = seen.insert(canonical(&pair.key), pair.line) {
                return Err(Problem::Rule(format!(
                    "{path}:{}: {} is written a second time (first in line {first}); keep one",
                    pair.line, pair.key
                ))
                .into());
            }
            let origin = Origin::File {
                path: path.to_owned(),
                line: pair.line,
            };
            self.put(pair.key.clone(), pair.text.clone(), origin, layer);
        }
        Ok(())
    }

    /// `--profile`, then `HERA_PROFILE`, then the file's own choice. A profile asked for by hand
    /// must exist: a typo would quietly start another installation's database.
    fn choose_profiles(
        &mut self,
        sources: &Sources,
        documents: &[Document],
    ) -> Result<(), SettingsError> {
        let in_file = self.entries.remove("spring.profiles.active");
        let by_hand = sources
            .profile
            .clone()
            .or_else(|| sources.env.get("HERA_PROFILE").cloned())
            .filter(|profile| !profile.trim().is_empty());
        let must_exist = by_hand.is_some();
        let wanted = by_hand.or(in_file.map(|entry| entry.text));
        self.profiles = yaml::names(&wanted.unwrap_or_default());

        let known: Vec<&str> = documents
            .iter()
            .flat_map(|d| d.profiles.iter().flatten())
            .map(String::as_str)
            .collect();
        for profile in &self.profiles {
            if known.contains(&profile.as_str()) {
                continue;
            }
            let there_are = if known.is_empty() {
                "the settings have no profiles".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            };
            let message = format!("no document is for profile {profile}: {there_are}");
            if must_exist {
                return Err(Problem::Rule(message).into());
            }
            self.notes.push(message);
        }
        Ok(())
    }
}
