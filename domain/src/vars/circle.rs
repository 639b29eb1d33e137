//! Keys of a config whose values lead back to themselves.

use std::collections::BTreeMap;

use super::scan;
use crate::config::{EffectiveConfig, Origin};

/// Variables each of which is exactly the next one's name, the last one the first one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle(pub Vec<(String, Origin)>);

impl Circle {
    /// Whether a level has a part in it.
    pub fn touches(&self, origin: &Origin) -> bool {
        self.0.iter().any(|(_, of)| of == origin)
    }
}

/// `a (job) → b (group 3 orders) → a`.
impl std::fmt::Display for Circle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, origin) in &self.0 {
            write!(f, "{name} ({origin}) → ")?;
        }
        let first = self.0.first();
        f.write_str(first.map_or("", |(name, _)| name))
    }
}

/// Whether a value is exactly one `${name}`: only such values make circles.
pub fn names_another(value: &str) -> bool {
    scan::only_name(value).is_some()
}

/// Every circle of a config, each once. A script that uses one of the keys cannot be rendered,
/// unless the parameters of its run break the circle.
pub fn circles(config: &EffectiveConfig) -> Vec<Circle> {
    let mut found = Vec::new();
    // The number of the walk on which a key was met: a key that is met again on the same walk
    // closes a circle, and what was met on an earlier one leads to nothing new.
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    for (walk, (start, _)) in config.iter().enumerate() {
        let mut path = Vec::new();
        let mut next = Some(start);
        while let Some((name, value)) = next.and_then(|name| Some((name, config.get(name)?))) {
            match met.get(name) {
                Some(earlier) if *earlier == walk => {
                    let from = path.iter().position(|(met, _)| *met == name);
                    let circle = path.iter().skip(from.unwrap_or(0));
                    let circle = circle.map(|(name, origin): &(&str, &Origin)| {
                        ((*name).to_owned(), (*origin).clone())
                    });
                    found.push(Circle(circle.collect()));
                    break;
                }
                Some(_) => break,
                None => {}
            }
            met.insert(name, walk);
            path.push((name, &value.origin));
            next = scan::only_name(&value.value);
        }
    }
    found
}
