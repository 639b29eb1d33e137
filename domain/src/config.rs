//! Config of groups and jobs: what a job inherits, and from where.

use std::collections::BTreeMap;

use crate::id::GroupId;

/// What is shown in place of a secret.
pub const MASK: &str = "******";

/// The longest key.
const MAX_KEY_CHARS: usize = 200;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The parameters of the run.
    Run,
    /// The job's own config.
    Job,
    /// The config of a group above it.
    Group(GroupId, String),
    /// The system's own variables.
    BuiltIn,
    /// Computed from the business time.
    Date,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run => f.write_str("run"),
            Self::Job => f.write_str("job"),
            Self::Group(id, name) => write!(f, "group {id} {name}"),
            Self::BuiltIn => f.write_str("built-in"),
            Self::Date => f.write_str("date"),
        }
    }
}

impl serde::Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One key of an effective config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigValue {
    pub value: String,
    pub origin: Origin,
    /// How the level that won writes the key: with the area before it, or plain.
    pub written: String,
}

/// The config that a job sees: per key the nearest level's value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EffectiveConfig {
    /// Nearest first; none is empty.
    values: BTreeMap<String, Vec<ConfigValue>>,
}

impl EffectiveConfig {
    /// Merges levels, the nearest one (the job's) first, the root's last. Within a level
    /// `AREA.key` beats the plain `key`.
    pub fn merge<'a>(
        levels: impl IntoIterator<Item = (Origin, &'a BTreeMap<String, String>)>,
        area: &str,
    ) -> Self {
        let mut merged = Self::default();
        for (origin, level) in levels {
            for (key, written, value) in entries(level, area) {
                let value = ConfigValue {
                    value: value.to_owned(),
                    origin: origin.clone(),
                    written: written.to_owned(),
                };
                match merged.values.get_mut(key) {
                    Some(nearer) => nearer.push(value),
                    None => {
                        merged.values.insert(key.to_owned(), vec![value]);
                    }
                }
            }
        }
        merged
    }

    /// The value of a key, with where it comes from.
    pub fn get(&self, key: &str) -> Option<&ConfigValue> {
        self.all(key).first()
    }

    /// The values of a key, the one that holds first, then those that it overrides.
    pub fn all(&self, key: &str) -> &[ConfigValue] {
        self.values.get(key).map_or(&[], Vec::as_slice)
    }

    /// Every key in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ConfigValue)> {
        self.values
            .iter()
            .filter_map(|(key, values)| Some((key.as_str(), values.first()?)))
    }
}

/// What a level says of each key, and how it writes it; of `AREA.key` and the plain `key`, which
/// it overrides, first.
pub fn entries<'a>(
    level: &'a BTreeMap<String, String>,
    area: &str,
) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let of_area = level.iter().filter_map(move |(written, value)| {
        let key = written.strip_prefix(area)?.strip_prefix('.')?;
        (!key.is_empty()).then_some((key, written.as_str(), value.as_str()))
    });
    let plain = level
        .iter()
        .map(|(key, value)| (key.as_str(), key.as_str(), value.as_str()));
    of_area.chain(plain)
}

/// Puts the stored secrets back where what is sent has their masks: shown and sent back, a secret
/// stays what it is.
pub fn unmask(sent: &mut BTreeMap<String, String>, stored: &BTreeMap<String, String>) {
    for (key, value) in sent {
        if let Some(secret) = stored.get(key).filter(|_| value == MASK && is_secret(key)) {
            value.clone_from(secret);
        }
    }
}

/// Whether the value of a key is never shown.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    key.starts_with("secret.") || key.contains(".secret.") || key.contains("password")
}

/// A value as it may be shown: masked if its key says that it is a secret.
pub fn shown<'a>(key: &str, value: &'a str) -> &'a str {
    if is_secret(key) { MASK } else { value }
}

/// A line that is no `key=value`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ConfigError {
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

/// Reads `key=value` lines. Blank lines and those that start with `#` are skipped; blanks around
/// keys and values do not count.
///
/// # Errors
/// Says which line is no `key=value`, or repeats a key.
pub fn parse_lines(text: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut values = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let error = |message: String| ConfigError {
            line: index + 1,
            message,
        };
        let Some((key, value)) = line.split_once('=') else {
            return Err(error("there is no \"=\"; write key=value".to_owned()));
        };
        let (key, value) = (key.trim(), value.trim());
        check_key(key).map_err(error)?;
        check_value(value).map_err(error)?;
        if values.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(error(format!("\"{key}\" is set twice; keep one of them")));
        }
    }
    Ok(values)
}

/// Writes what [`parse_lines`] reads.
pub fn to_lines(values: &BTreeMap<String, String>) -> String {
    values
        .iter()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect()
}

/// Whether a text may be a key.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() {
        return Err("a key is empty; name it".to_owned());
    }
    if key.chars().count() > MAX_KEY_CHARS {
        return Err(format!(
            "a key is longer than {MAX_KEY_CHARS} characters; shorten it"
        ));
    }
    let wrong = |c: &char| c.is_whitespace() || c.is_control() || "=${}".contains(*c);
    if let Some(c) = key.chars().find(wrong) {
        let (key, c) = (key.escape_debug(), c.escape_debug());
        return Err(format!("the key \"{key}\" holds \"{c}\"; leave it out"));
    }
    if key.starts_with('#') {
        return Err(format!("the key \"{key}\" starts with \"#\"; leave it out"));
    }
    Ok(())
}

/// Whether a text may be a value.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_value(value: &str) -> Result<(), String> {
    match value.chars().find(|c| c.is_control() && *c != '\t') {
        Some('\n' | '\r') => Err("a value has more than one line; put it on one".to_owned()),
        Some(c) => {
            let c = c.escape_debug();
            Err(format!(
                "a value holds the control character {c}; remove it"
            ))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn the_nearest_level_wins_per_key_and_is_named() {
        let job = level(&[("a", "1")]);
        let group = level(&[("a", "2"), ("b", "2")]);
        let root = level(&[("b", "3"), ("c", "3")]);
        let near = Origin::Group(GroupId(2), "orders".to_owned());
        let top = Origin::Group(GroupId(1), "all".to_owned());
        let merged = EffectiveConfig::merge(
            [
                (Origin::Job, &job),
                (near.clone(), &group),
                (top.clone(), &root),
            ],
            "sh",
        );
        let found: Vec<_> = merged
            .iter()
            .map(|(key, found)| (key, found.value.as_str(), &found.origin))
            .collect();
        assert_eq!(
            found,
            [
                ("a", "1", &Origin::Job),
                ("b", "2", &near),
                ("c", "3", &top)
            ]
        );
        assert_eq!(near.to_string(), "group 2 orders");
    }

    #[test]
    fn the_area_s_key_beats_the_plain_one_of_its_level_only() {
        let job = level(&[("queue", "plain")]);
        let group = level(&[
            ("queue", "g"),
            ("sh.queue", "g-sh"),
            ("sh.host", "sh1"),
            ("bj.host", "bj1"),
        ]);
        let levels = || {
            [
                (Origin::Job, &job),
                (Origin::Group(GroupId(1), "g".to_owned()), &group),
            ]
        };
        let merged = EffectiveConfig::merge(levels(), "sh");
        assert_eq!(merged.get("queue").unwrap().value, "plain");
        assert_eq!(merged.get("host").unwrap().value, "sh1");
        assert_eq!(merged.get("host").unwrap().written, "sh.host");
        let merged = EffectiveConfig::merge(levels().into_iter().skip(1), "sh");
        assert_eq!(merged.get("queue").unwrap().value, "g-sh");
        assert_eq!(EffectiveConfig::merge(levels(), "all").get("host"), None);
    }

    #[test]
    fn lines_are_read_and_a_wrong_one_is_named() {
        let text = "# comment\n\n a = 1 = 2 \nb=\r\nc.d=x y";
        let read = parse_lines(text).unwrap();
        assert_eq!(read, level(&[("a", "1 = 2"), ("b", ""), ("c.d", "x y")]));
        let error = |text: &str| parse_lines(text).unwrap_err().to_string();
        assert_eq!(
            error("a=1\nb"),
            "line 2: there is no \"=\"; write key=value"
        );
        assert_eq!(error("a=1\n=2"), "line 2: a key is empty; name it");
        assert_eq!(
            error("a b=1"),
            "line 1: the key \"a b\" holds \" \"; leave it out"
        );
        assert_eq!(
            error("a=1\na=2"),
            "line 2: \"a\" is set twice; keep one of them"
        );
    }

    #[test]
    fn secrets_are_masked() {
        assert_eq!(shown("secret.key", "x"), MASK);
        assert_eq!(shown("sh.secret.key", "x"), MASK);
        assert_eq!(shown("jdbc.Password", "x"), MASK);
        assert_eq!(shown("secretary", "x"), "x");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_and_what_it_reads_it_reads_again(text in "(?s).{0,80}") {
            if let Ok(read) = parse_lines(&text) {
                prop_assert_eq!(parse_lines(&to_lines(&read)), Ok(read));
            }
        }
    }
}
