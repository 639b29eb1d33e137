//! Takes typed values out of the layers, collects what is wrong, and knows what was never asked
//! for: the calls of [`crate::read`] are the table of known keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::error::Problem;
use crate::layers::{Entry, Layers, canonical};
use crate::types::{Secret, boolean};

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

/// Keys of the Java HERA, and beginnings of keys of its libraries, that mean nothing here.
const JAVA: &[&str] = &[
    "aliYun.",
    "clean.path",
    "druid.",
    "hera.aws_emr_type",
    "hera.emr",
    "hera.job.script-echo",
    "hera.jobCacheDay",
    "hera.keyPath",
    "hera.scanRate",
    "hera.schedule-group",
    "india.",
    "logging.config",
    "logging.file",
    "logging.pattern.",
    "management.",
    "mybatis.",
    "mybatis-plus.",
    "pagehelper.",
    "server.tomcat.",
    "spring.aop.",
    "spring.application.",
    "spring.datasource.",
    "spring.devtools.",
    "spring.freemarker.",
    "spring.http.encoding.",
    "spring.jackson.",
    "spring.jmx.",
    "spring.main.",
    "spring.messages.",
    "spring.mvc.",
    "spring.output.",
    "spring.resources.",
    "swagger.",
];

pub(crate) struct Reader<'a> {
    layers: &'a Layers,
    env: &'a BTreeMap<String, String>,
    /// As they are documented, for suggestions.
    known: Vec<&'static str>,
    taken: BTreeSet<String>,
    problems: Vec<Problem>,
    notes: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(layers: &'a Layers, env: &'a BTreeMap<String, String>) -> Self {
        Self {
            layers,
            env,
            known: Vec::new(),
            taken: BTreeSet::new(),
            problems: Vec::new(),
            notes: layers.notes.clone(),
        }
    }

    /// The value of the first of several names for one setting; a higher layer goes before an
    /// earlier name.
    pub(crate) fn text(&mut self, names: &[&'static str]) -> Option<String> {
        self.entry(names).map(|(_, text)| text)
    }

    pub(crate) fn text_or(&mut self, names: &[&'static str], default: &str) -> String {
        self.text(names).unwrap_or_else(|| default.to_owned())
    }

    pub(crate) fn secret(&mut self, names: &[&'static str]) -> Option<Secret> {
        self.text(names).map(Secret::new)
    }

    /// A number within a range.
    pub(crate) fn number<T>(
        &mut self,
        names: &[&'static str],
        range: RangeInclusive<T>,
        default: T,
    ) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        self.optional_number(names, range).unwrap_or(default)
    }

    pub(crate) fn optional_number<T>(
        &mut self,
        names: &[&'static str],
        range: RangeInclusive<T>,
    ) -> Option<T>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.parsed(names, &expected, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    pub(crate) fn boolean(&mut self, names: &[&'static str], default: bool) -> bool {
        self.parsed(names, "true or false", boolean)
            .unwrap_or(default)
    }

    /// Words separated by any of the characters that HERA's lists use.
    pub(crate) fn list(&mut self, names: &[&'static str]) -> Vec<String> {
        let text = self.text(names).unwrap_or_default();
        text.split([',', ';', '|'])
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Whatever `parse` makes of the text; `None` from it is a problem.
    pub(crate) fn parsed<T>(
        &mut self,
        names: &[&'static str],
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let (entry, text) = self.entry(names)?;
        let value = parse(text.trim());
        if value.is_none() {
            self.problems.push(Problem::Value {
                place: entry.origin.place(&entry.key),
                value: text,
                expected: expected.to_owned(),
            });
        }
        value
    }

    /// The value and where it stands, for problems that the caller words itself.
    pub(crate) fn entry(&mut self, names: &[&'static str]) -> Option<(&'a Entry, String)> {
        let mut best: Option<&'a Entry> = None;
        for name in names {
            self.known.push(name);
            let key = canonical(name);
            if let Some(entry) = self.layers.entries.get(&key)
                && best.is_none_or(|best| entry.layer > best.layer)
            {
                best = Some(entry);
            }
            self.taken.insert(key);
        }
        let entry = best?;
        let text = self.resolve(entry, &entry.text, &mut vec![canonical(&entry.key)])?;
        (!text.trim().is_empty()).then_some((entry, text))
    }

    /// Every `prefix.<rest> = value`, with the rest as it was written.
    pub(crate) fn map(&mut self, prefix: &'static str) -> BTreeMap<String, String> {
        let start = canonical(prefix);
        let mut found = BTreeMap::new();
        for (key, entry) in &self.layers.entries {
            if !key.starts_with(&start) || is_java(&entry.key) {
                continue;
            }
            self.taken.insert(key.clone());
            let rest: String = entry.key.chars().skip(prefix.chars().count()).collect();
            let text = self.resolve(entry, &entry.text, &mut vec![key.clone()]);
            found.insert(rest, text.unwrap_or_default());
        }
        found
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The report, and every problem; keys that nobody asked for are among them.
    pub(crate) fn finish(mut self) -> (Report, Vec<Problem>) {
        let mut ignored = Vec::new();
        for (key, entry) in &self.layers.entries {
            if self.taken.contains(key) {
                continue;
            }
            let nearest = self.nearest(key);
            // A library's family of keys may hide a typo of one of ours.
            let typo = nearest.is_some_and(|(distance, _)| distance <= 1);
            if is_java(&entry.key) && !typo {
                ignored.push(entry.key.clone());
            } else {
                self.problems.push(Problem::UnknownKey {
                    place: entry.origin.place(&entry.key),
                    nearest: nearest.map(|(_, name)| name.to_owned()),
                });
            }
        }
        let report = Report {
            profiles: self.layers.profiles.clone(),
            ignored_java_keys: ignored,
            notes: self.notes,
        };
        (report, self.problems)
    }

    /// The documented key that is least different, unless all are too different to be meant.
    fn nearest(&self, key: &str) -> Option<(usize, &'static str)> {
        let furthest = key.len() / 3;
        self.known
            .iter()
            .map(|name| (strsim::osa_distance(key, &canonical(name)), *name))
            .min()
            .filter(|(distance, _)| *distance <= furthest)
    }

    /// Replaces `${other.key}`, `${ENV_NAME}` and `${name:default}`; `path` holds the keys that
    /// are being resolved.
    fn resolve(&mut self, entry: &Entry, text: &str, path: &mut Vec<String>) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((reference, after)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            let (name, default) = match reference.split_once(':') {
                Some((name, default)) => (name.trim(), Some(default)),
                None => (reference.trim(), None),
            };
            out.push_str(&self.referred(entry, name, default, path)?);
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    fn referred(
        &mut self,
        entry: &Entry,
        name: &str,
        default: Option<&str>,
        path: &mut Vec<String>,
    ) -> Option<String> {
        let key = canonical(name);
        let why = if path.contains(&key) {
            "which refers back to it"
        } else if let Some(other) = self.layers.entries.get(&key) {
            path.push(key);
            let text = self.resolve(entry, &other.text, path);
            path.pop();
            return text;
        } else if let Some(value) = self.env.get(name) {
            return Some(value.clone());
        } else if let Some(default) = default {
            return Some(default.to_owned());
        } else {
            "which is neither a setting nor an environment variable"
        };
        self.problems.push(Problem::Reference {
            place: entry.origin.place(&entry.key),
            name: name.to_owned(),
            why,
        });
        None
    }
}

fn is_java(key: &str) -> bool {
    let key = canonical(key);
    // logging.level.<a Java package>; our own targets have no dots.
    let package = key.strip_prefix("logging.level.");
    package.is_some_and(|target| target.contains('.'))
        || JAVA.iter().any(|java| key.starts_with(&canonical(java)))
}
