//! File, environment and `--set` laid over each other, by one spelling of each key.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use crate::error::{Problem, SettingsError};
use crate::keys::{ACTIVE_PROFILES, KEYS};
use crate::origin::Origin;
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
    /// The whole environment; only the variables of [`KEYS`], `HERA_PROFILE` and what a
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

impl Sources {
    /// An environment variable that says something.
    fn variable(&self, name: &str) -> Option<&String> {
        self.env.get(name).filter(|value| !value.trim().is_empty())
    }
}

/// Which source a value is from; the greater wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    Machine,
    Base,
    Profile,
    Environment,
    Set,
}

/// One value and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The key as it was written.
    pub(crate) key: String,
    pub(crate) text: String,
    pub(crate) origin: Origin,
    pub(crate) layer: Layer,
    /// Whether `${…}` in it stays as it is: a password may contain anything.
    pub(crate) literal: bool,
    /// The values that this one hides, the nearest last.
    pub(crate) hides: Vec<Origin>,
}

/// All values by canonical key.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    pub(crate) entries: BTreeMap<String, Entry>,
    pub(crate) profiles: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) problems: Vec<Problem>,
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
        let zone = sources.machine_timezone.name();
        layers.put("hera.timezone", zone, Origin::Machine, Layer::Machine);

        let (path, documents) = match &sources.file {
            Some((path, text)) => (path.as_str(), yaml::documents(path, text)?),
            None => ("", Vec::new()),
        };
        for document in documents.iter().filter(|d| d.profiles.is_none()) {
            layers.add_document(path, document, None);
        }
        let sets = layers.read_sets(&sources.sets);
        layers.choose_profiles(sources, &sets, &documents);
        for profile in layers.profiles.clone() {
            let chosen = |d: &&Document| d.profiles.iter().flatten().any(|p| *p == profile);
            for document in documents.iter().filter(chosen) {
                layers.add_document(path, document, Some(&profile));
            }
        }
        layers.add_environment(sources);
        for (key, value) in &sets {
            if canonical(key) != ACTIVE_PROFILES {
                layers.put(key, value, Origin::Set, Layer::Set);
            }
        }
        Ok(layers)
    }

    fn put(&mut self, key: &str, text: &str, origin: Origin, layer: Layer) {
        let entry = Entry {
            key: key.to_owned(),
            text: text.to_owned(),
            literal: matches!(origin, Origin::Variable(_)),
            origin,
            layer,
            hides: Vec::new(),
        };
        self.put_entry(entry);
    }

    fn put_entry(&mut self, mut entry: Entry) {
        let key = canonical(&entry.key);
        if let Some(hidden) = self.entries.remove(&key) {
            entry.hides = hidden.hides;
            entry.hides.push(hidden.origin);
        }
        self.entries.insert(key, entry);
    }

    fn add_document(&mut self, path: &str, document: &Document, profile: Option<&str>) {
        let mut seen = BTreeMap::new();
        for pair in &document.pairs {
            let key = canonical(&pair.key);
            if profile.is_some() && key == ACTIVE_PROFILES {
                self.problems.push(Problem::Rule(format!(
                    "{path}:{}: {} chooses profiles and cannot stand in the document of one; move it to a document without spring.profiles",
                    pair.line, pair.key
                )));
                continue;
            }
            if let Some(first) = seen.insert(key, pair.line) {
                self.problems.push(Problem::Rule(format!(
                    "{path}:{}: {} is written a second time (first in line {first}); keep one",
                    pair.line, pair.key
                )));
                continue;
            }
            let origin = Origin::File {
                path: path.to_owned(),
                line: pair.line,
                profile: profile.map(ToOwned::to_owned),
            };
            let layer = match profile {
                None => Layer::Base,
                Some(_) => Layer::Profile,
            };
            self.put(&pair.key, &pair.text, origin, layer);
        }
    }

    /// The keys and values of all `--set`.
    fn read_sets(&mut self, arguments: &[String]) -> Vec<(String, String)> {
        let mut sets = Vec::new();
        for argument in arguments {
            match argument.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() => {
                    sets.push((key.trim().to_owned(), value.to_owned()));
                }
                _ => self.problems.push(Problem::Rule(format!(
                    "--set {argument}: expected key=value, e.g. --set hera.heartBeat=3"
                ))),
            }
        }
        sets
    }

    fn add_environment(&mut self, sources: &Sources) {
        for key in KEYS {
            let Some(name) = key.variable else { continue };
            let Some(value) = sources.variable(name) else {
                continue;
            };
            let origin = Origin::Variable(name.to_owned());
            self.put(key.name, value, origin.clone(), Layer::Environment);
            if key.name != "hera.dataDir" {
                continue;
            }
            // The environment's folder is for everything, so that installations run side by side.
            for inside in KEYS {
                let by_folder = ["hera.workDir", "logging.path"].contains(&inside.name);
                if by_folder {
                    self.put_entry(Entry {
                        key: inside.name.to_owned(),
                        text: inside.default.to_owned(),
                        origin: origin.clone(),
                        layer: Layer::Environment,
                        literal: false,
                        hides: Vec::new(),
                    });
                }
            }
        }
    }

    /// `--profile` or `--set`, then `HERA_PROFILE`, then the file's own choice. A profile asked
    /// for by hand must exist: a typo would quietly start another installation's database.
    fn choose_profiles(
        &mut self,
        sources: &Sources,
        sets: &[(String, String)],
        documents: &[Document],
    ) {
        let in_file = self.entries.remove(ACTIVE_PROFILES);
        let in_sets = sets
            .iter()
            .rfind(|(key, _)| canonical(key) == ACTIVE_PROFILES);
        let by_hand = sources
            .profile
            .as_ref()
            .or(in_sets.map(|(_, value)| value))
            .or(sources.variable("HERA_PROFILE"))
            .filter(|profile| !profile.trim().is_empty());
        let wanted = by_hand.or(in_file.as_ref().map(|entry| &entry.text));
        for profile in wanted.map(|names| yaml::names(names)).unwrap_or_default() {
            if !self.profiles.contains(&profile) {
                self.profiles.push(profile);
            }
        }

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
            if by_hand.is_some() {
                self.problems.push(Problem::Rule(message));
            } else {
                self.notes.push(message);
            }
        }
    }
}
