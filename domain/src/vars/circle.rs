//! Keys of a config whose values lead back to themselves.

use std::collections::BTreeMap;

use super::scan;
use crate::config::{EffectiveConfig, Origin};

/// Variables each of which is exactly the next one's name, the last one the first one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle(pub Vec<Member>);

/// A variable of a [`Circle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub origin: Origin,
    /// How its level writes the key: with the area before it, or plain.
    pub written: String,
}

impl Circle {
    /// Whether a level has a part in it.
    pub fn touches(&self, origin: &Origin) -> bool {
        self.0.iter().any(|member| member.origin == *origin)
    }
}

/// `a (job) → b (group 3 orders) → a`.
impl std::fmt::Display for Circle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for Member { name, origin, .. } in &self.0 {
            write!(f, "{name} ({origin}) → ")?;
        }
        let first = self.0.first();
        f.write_str(first.map_or("", |member| &member.name))
    }
}

/// The name that a value is exactly one `${name}` of: only such values make circles.
pub fn named_other(value: &str) -> Option<&str> {
    scan::only_name(value)
}

/// Every circle of a config, each once. A script that uses one of the keys cannot be rendered,
/// unless the parameters of its run break the circle.
pub fn circles(config: &EffectiveConfig) -> Vec<Circle> {
    let found = circles_from(config.iter().map(|(key, _)| key), |name| {
        config.get(name).map(|held| held.value.as_str())
    });
    let member = |name: &str| {
        let held = config.get(name)?;
        Some(Member {
            name: name.to_owned(),
            origin: held.origin.clone(),
            written: held.written.clone(),
        })
    };
    let circle = |names: Vec<&str>| Circle(names.into_iter().filter_map(member).collect());
    found.into_iter().map(circle).collect()
}

/// The circles that lie on the ways from these names, each once.
pub fn circles_from<'a>(
    starts: impl Iterator<Item = &'a str>,
    value: impl Fn(&str) -> Option<&'a str>,
) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    // The number of the walk on which a key was met: a key that is met again on the same walk
    // closes a circle, and what was met on an earlier one leads to nothing new.
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    for (walk, start) in starts.enumerate() {
        let mut path = Vec::new();
        let mut next = Some(start);
        while let Some((name, value)) = next.and_then(|name| Some((name, value(name)?))) {
            match met.get(name) {
                Some(earlier) if *earlier == walk => {
                    let from = path.iter().position(|met| *met == name);
                    found.push(path.split_off(from.unwrap_or(0)));
                    break;
                }
                Some(_) => break,
                None => {}
            }
            met.insert(name, walk);
            path.push(name);
            next = scan::only_name(value);
        }
    }
    found
}
