//! Where a value was written.

use std::fmt;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// What this machine says, e.g. its time zone.
    Machine,
    /// A line of the file, of a document for a profile or for all.
    File {
        path: String,
        line: usize,
        profile: Option<String>,
    },
    /// An environment variable.
    Variable(String),
    /// An argument of `--set`.
    Set,
}

impl Origin {
    /// Says where a value of `key` stands, as the start of a sentence.
    pub(crate) fn place(&self, key: &str) -> String {
        match self {
            Self::Default | Self::Machine => key.to_owned(),
            Self::File { path, line, .. } => format!("{path}:{line}: {key}"),
            Self::Variable(name) => name.clone(),
            Self::Set => format!("--set {key}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Machine => f.write_str("this machine"),
            Self::File {
                path,
                line,
                profile: None,
            } => write!(f, "{path}:{line}"),
            Self::File {
                path,
                line,
                profile: Some(profile),
            } => write!(f, "{path}:{line} (profile {profile})"),
            Self::Variable(name) => f.write_str(name),
            Self::Set => f.write_str("--set"),
        }
    }
}
