//! What is wrong with the settings, all of it at once.

use std::fmt;

/// One thing that is wrong, with its remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is no YAML.
    #[error("{path}:{line}: {message}")]
    Syntax {
        path: String,
        line: usize,
        message: String,
    },
    /// A value of the wrong kind.
    #[error("{place} is {value:?}: expected {expected}")]
    Value {
        place: String,
        value: String,
        expected: String,
    },
    /// A key that nothing reads.
    #[error("{place} is not a known setting{}", suggestion(nearest.as_deref()))]
    UnknownKey {
        place: String,
        nearest: Option<String>,
    },
    /// `${…}` that leads nowhere, or in a circle.
    #[error("{place} refers to ${{{name}}}, {why}")]
    Reference {
        place: String,
        name: String,
        why: String,
    },
    /// Values that do not go together, or an argument that says nothing.
    #[error("{0}")]
    Rule(String),
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; remove it".to_owned(),
        |key| format!("; did you mean {key}?"),
    )
}

/// Why the settings cannot be used: every problem that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(pub Vec<Problem>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}
