//! Replaces `${other.key}`, `${ENVIRONMENT_VARIABLE}` and `${name:default}` in values.
//!
//! Everything about it is bounded: values that double each other a few dozen times would fill any
//! memory, and a chain of references any stack.

use std::collections::BTreeMap;

use crate::error::Problem;
use crate::keys::{self, Key, SCRIPT_TYPES};
use crate::layers::{Entry, Layers, canonical};
use crate::origin::Origin;

/// The longest value; a password or a list of hosts is far shorter.
const MAX_BYTES: usize = 64 * 1024;
/// How many references one value may lead to, in all.
const MAX_REFERENCES: usize = 1_000;
/// How many references may lead on to each other.
const MAX_DEPTH: usize = 32;

/// A value with nothing left to replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) text: String,
    /// Whether a secret went into it.
    pub(crate) secret: bool,
}

pub(crate) struct Resolver<'a> {
    pub(crate) layers: &'a Layers,
    pub(crate) env: &'a BTreeMap<String, String>,
}

/// One value on its way.
struct Walk<'a> {
    from: &'a Resolver<'a>,
    /// The keys that are being resolved.
    path: Vec<String>,
    references: usize,
    secret: bool,
}

/// A reference that cannot be replaced, and why.
struct Dead {
    name: String,
    why: String,
}

impl<'a> Resolver<'a> {
    /// The entry that holds for a setting: of the highest layer, then of the first name. An empty
    /// value leaves the default, but for script types: no arguments instead of the usual ones.
    pub(crate) fn entry(&self, key: &Key) -> Option<&'a Entry> {
        let mut best: Option<&Entry> = None;
        for name in key.names() {
            if let Some(entry) = self.layers.entries.get(&canonical(name))
                && (!entry.text.trim().is_empty() || key.name.starts_with(SCRIPT_TYPES))
                && best.is_none_or(|best| entry.layer > best.layer)
            {
                best = Some(entry);
            }
        }
        best
    }

    /// The value of an entry.
    pub(crate) fn entry_value(&self, entry: &Entry) -> Result<Resolved, Problem> {
        if entry.literal {
            return Ok(Resolved {
                text: entry.text.clone(),
                secret: false,
            });
        }
        self.value(&entry.key, &entry.origin, &entry.text)
    }

    /// The default of a setting.
    pub(crate) fn default(&self, key: &Key) -> Result<Resolved, Problem> {
        self.value(key.name, &Origin::Default, key.default)
    }

    fn value(&self, key: &str, origin: &Origin, text: &str) -> Result<Resolved, Problem> {
        let mut walk = Walk {
            from: self,
            path: vec![chief(key)],
            references: 0,
            secret: false,
        };
        match walk.replace(text) {
            Ok(text) => Ok(Resolved {
                text,
                secret: walk.secret,
            }),
            Err(Dead { name, why }) => Err(Problem::Reference {
                place: origin.place(key),
                name,
                why,
            }),
        }
    }
}

/// One spelling for all names of a setting.
fn chief(name: &str) -> String {
    canonical(keys::find(name).map_or(name, |key| key.name))
}

impl Walk<'_> {
    fn replace(&mut self, text: &str) -> Result<String, Dead> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            // `$${` is how a value says `${` itself.
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
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
            let value = self.referred(name, default)?;
            if out.len() + value.len() > MAX_BYTES {
                return Err(dead(name, "which makes the value longer than 64 KiB"));
            }
            out.push_str(&value);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn referred(&mut self, name: &str, default: Option<&str>) -> Result<String, Dead> {
        let from = self.from;
        let own = chief(name);
        self.references += 1;
        if self.references > MAX_REFERENCES || self.path.len() > MAX_DEPTH {
            return Err(dead(name, "one of too many that lead on to each other"));
        }
        if self.path.contains(&own) {
            return Err(dead(name, &format!("a loop: {}", self.circle(&own))));
        }
        let key = keys::find(name);
        let entry = match key {
            Some(key) => from.entry(key),
            None => from.layers.entries.get(&own),
        };
        self.secret |= key.is_some_and(|key| key.secret);
        let text = match (entry, key) {
            (Some(entry), _) if entry.literal => return Ok(entry.text.clone()),
            (Some(entry), _) => entry.text.as_str(),
            (None, Some(key)) if !key.default.is_empty() => key.default,
            (None, _) => {
                let variable = from.env.get(name).map(String::as_str);
                let value = variable.or(default).ok_or_else(|| {
                    dead(
                        name,
                        "which is neither a setting nor an environment variable",
                    )
                })?;
                return Ok(value.to_owned());
            }
        };
        self.path.push(own);
        let value = self.replace(text);
        self.path.pop();
        value
    }

    /// The keys of a loop, in the order in which they refer to each other.
    fn circle(&self, back_to: &str) -> String {
        let name = |key: &String| keys::find(key).map_or(key.clone(), |key| key.name.to_owned());
        let start = self.path.iter().position(|key| key == back_to).unwrap_or(0);
        let mut names: Vec<String> = self.path.iter().skip(start).map(name).collect();
        names.push(name(&back_to.to_owned()));
        names.join(" → ")
    }
}

fn dead(name: &str, why: &str) -> Dead {
    Dead {
        name: name.to_owned(),
        why: why.to_owned(),
    }
}
