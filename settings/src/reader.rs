//! Takes typed values out of the layers, and collects what was read, what is wrong and what was
//! never asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Problem;
use crate::explain::Explained;
use crate::keys::{self, Key};
use crate::layers::{Entry, Layers, canonical};
use crate::origin::Origin;
use crate::resolve::{Resolved, Resolver};
use crate::types::{Secret, boolean, duration, size};

/// What a bare number of a time means, in milliseconds.
pub(crate) const MILLIS: u64 = 1;
pub(crate) const SECONDS: u64 = 1000;
pub(crate) const MINUTES: u64 = 60_000;

/// How many unknown keys are told one by one.
const MAX_UNKNOWN: usize = 50;

/// What whoever starts the program should hear of, once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The profiles that are in force.
    pub profiles: Vec<String>,
    /// Keys of Java libraries: accepted, and without any meaning here.
    pub ignored_java_keys: Vec<String>,
    /// Anything else worth a line in the log.
    pub notes: Vec<String>,
}

/// A value with its place.
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) origin: Origin,
    /// As it was written.
    key: String,
}

impl Found {
    /// Where it stands, as the start of a sentence.
    pub(crate) fn place(&self) -> String {
        self.origin.place(&self.key)
    }
}

pub(crate) struct Reader<'a> {
    resolver: Resolver<'a>,
    taken: BTreeSet<String>,
    explained: BTreeMap<String, Explained>,
    problems: Vec<Problem>,
    notes: Vec<String>,
}

/// Everything that a reading leaves behind.
pub(crate) struct Reading {
    pub(crate) report: Report,
    pub(crate) explained: Vec<Explained>,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(layers: &'a Layers, env: &'a BTreeMap<String, String>) -> Self {
        Self {
            resolver: Resolver { layers, env },
            taken: BTreeSet::new(),
            explained: BTreeMap::new(),
            problems: layers.problems.clone(),
            notes: layers.notes.clone(),
        }
    }

    /// What a setting is, its default included; `None` if it has neither.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.found(name).map(|found| found.text)
    }

    pub(crate) fn text_or_empty(&mut self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    pub(crate) fn secret(&mut self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// Whether somebody has set it.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.resolver.entry(key(name)).is_some()
    }

    /// A number within a range; the setting has a default.
    pub(crate) fn number<T>(&mut self, name: &str, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let least = *range.start();
        self.optional_number(name, range).unwrap_or(least)
    }

    pub(crate) fn optional_number<T>(&mut self, name: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.parsed(name, &expected, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    pub(crate) fn boolean(&mut self, name: &str) -> bool {
        self.parsed(name, "true or false", boolean).unwrap_or(false)
    }

    /// A time within a range of milliseconds; a bare number counts `unit` of them.
    pub(crate) fn duration(
        &mut self,
        name: &str,
        unit: u64,
        range: RangeInclusive<u64>,
    ) -> Duration {
        self.optional_duration(name, unit, range)
            .unwrap_or_default()
    }

    pub(crate) fn optional_duration(
        &mut self,
        name: &str,
        unit: u64,
        range: RangeInclusive<u64>,
    ) -> Option<Duration> {
        let words = match unit {
            MINUTES => "minutes",
            SECONDS => "seconds",
            _ => "milliseconds",
        };
        let expected = format!(
            "{words}, or a time like 500ms, 5s, 2m, from {} to {}",
            spoken(*range.start()),
            spoken(*range.end())
        );
        self.parsed(name, &expected, |text| {
            duration(text, unit).filter(|time| range.contains(&millis(*time)))
        })
    }

    /// Whole MiB; a bare number counts them.
    pub(crate) fn mebibytes(&mut self, name: &str, range: RangeInclusive<u64>) -> u64 {
        let expected = format!(
            "MiB from {} to {}, or a size like 4Gb",
            range.start(),
            range.end()
        );
        let parsed = self.parsed(name, &expected, |text| {
            let mib = size(text, 1 << 20)?.div_ceil(1 << 20);
            range.contains(&mib).then_some(mib)
        });
        parsed.unwrap_or(*range.start())
    }

    /// Words separated by any of the characters that HERA's lists use.
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.text_or_empty(name);
        text.split([',', ';', '|'])
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Whatever `parse` makes of the text. `None` from it is a problem, and the default is taken
    /// so that the reading can go on and find the others.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let found = self.found(name)?;
        if let Some(value) = parse(found.text.trim()) {
            return Some(value);
        }
        // A default that fails is made of another setting, which has its own problem then.
        if found.origin != Origin::Default {
            let value = if key(name).secret {
                "…".to_owned()
            } else {
                found.text.clone()
            };
            self.problem(Problem::Value {
                place: found.place(),
                value,
                expected: expected.to_owned(),
            });
        }
        parse(key(name).default)
    }

    /// The value and where it stands, for problems that the caller words itself.
    pub(crate) fn found(&mut self, name: &str) -> Option<Found> {
        let key = key(name);
        self.taken.extend(key.names().map(canonical));
        let (as_written, origin, resolved) = match self.resolver.entry(key) {
            Some(entry) => {
                let hidden = self.hidden(key, entry);
                let value = self.resolver.entry_value(entry);
                (entry.key.clone(), (entry.origin.clone(), hidden), value)
            }
            None => {
                let value = self.resolver.default(key);
                (key.name.to_owned(), (Origin::Default, Vec::new()), value)
            }
        };
        let (origin, hidden) = origin;
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(problem) => {
                // The default of one setting may be made of another, which is told itself.
                if origin != Origin::Default {
                    self.problem(problem);
                }
                Resolved {
                    text: String::new(),
                    secret: key.secret,
                }
            }
        };
        self.explain(key.name, &resolved, key.secret, origin.clone(), hidden);
        (!resolved.text.trim().is_empty()).then_some(Found {
            text: resolved.text,
            origin,
            key: as_written,
        })
    }

    /// Where else the setting has a value, under any of its names.
    fn hidden(&self, key: &Key, entry: &Entry) -> Vec<Origin> {
        let mut hidden = Vec::new();
        for name in key.names() {
            let Some(other) = self.resolver.layers.entries.get(&canonical(name)) else {
                continue;
            };
            hidden.extend(other.hides.clone());
            if canonical(&other.key) != canonical(&entry.key) {
                hidden.push(other.origin.clone());
            }
        }
        hidden.retain(|origin| *origin != Origin::Machine);
        hidden
    }

    /// Every `prefix.<rest>`, with the rest as it was written: those of the table with their
    /// defaults, and whatever else was set.
    pub(crate) fn family(&mut self, prefix: &'static str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for key in keys::KEYS {
            if let Some(rest) = key.name.strip_prefix(prefix) {
                found.insert(rest.to_owned(), self.text_or_empty(key.name));
            }
        }
        let layers = self.resolver.layers;
        for (name, entry) in &layers.entries {
            if !name.starts_with(&canonical(prefix))
                || self.taken.contains(name)
                || keys::is_java(&entry.key)
            {
                continue;
            }
            self.taken.insert(name.clone());
            let resolved = self.resolver.entry_value(entry).unwrap_or_else(|problem| {
                self.problem(problem);
                Resolved {
                    text: String::new(),
                    secret: false,
                }
            });
            let (origin, hidden) = (entry.origin.clone(), entry.hides.clone());
            self.explain(&entry.key, &resolved, false, origin, hidden);
            let rest: String = entry.key.chars().skip(prefix.chars().count()).collect();
            found.insert(rest, resolved.text);
        }
        found
    }

    fn explain(
        &mut self,
        key: &str,
        value: &Resolved,
        secret: bool,
        origin: Origin,
        hides: Vec<Origin>,
    ) {
        let explained = Explained {
            key: key.to_owned(),
            value: value.text.clone(),
            secret: secret || value.secret,
            origin,
            hides,
        };
        self.explained.insert(key.to_owned(), explained);
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        // A setting may be read twice; its problem is one.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// What is left behind; keys that nobody asked for are among the problems.
    pub(crate) fn finish(mut self) -> Reading {
        let layers = self.resolver.layers;
        let mut ignored = Vec::new();
        let mut unknown = 0;
        for (name, entry) in &layers.entries {
            if self.taken.contains(name) {
                continue;
            }
            // The wrong file altogether has thousands of them.
            if unknown == MAX_UNKNOWN {
                let all = "and more; is this the settings file of HERA?".to_owned();
                self.problem(Problem::Rule(all));
                break;
            }
            let nearest = keys::nearest(&entry.key);
            // A library's family of keys may hide a typo of one of ours.
            let typo = nearest.is_some_and(|(distance, _)| distance <= 1);
            if keys::is_java(&entry.key) && !typo {
                ignored.push(entry.key.clone());
            } else {
                unknown += 1;
                self.problem(Problem::UnknownKey {
                    place: entry.origin.place(&entry.key),
                    nearest: nearest.map(|(_, name)| name.to_owned()),
                });
            }
        }
        Reading {
            report: Report {
                profiles: layers.profiles.clone(),
                ignored_java_keys: ignored,
                notes: self.notes,
            },
            explained: self.explained.into_values().collect(),
            problems: self.problems,
        }
    }
}

fn key(name: &str) -> &'static Key {
    keys::find(name).expect("only settings of the table are read")
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A time in the greatest unit that it is whole in.
fn spoken(millis: u64) -> String {
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
    ];
    let whole = units
        .into_iter()
        .find(|(size, _)| millis >= *size && millis.is_multiple_of(*size));
    whole.map_or_else(
        || format!("{millis}ms"),
        |(size, unit)| format!("{}{unit}", millis / size),
    )
}
