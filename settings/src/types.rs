//! The kinds of values that settings have.

use std::fmt;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for whoever must send or compare it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a worker is chosen among those that may run something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadBalance {
    RoundRobin,
    Random,
    LeastLoaded,
}

impl LoadBalance {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match crate::layers::canonical(word).as_str() {
            "roundrobin" => Some(Self::RoundRobin),
            "random" => Some(Self::Random),
            "leastloaded" => Some(Self::LeastLoaded),
            _ => None,
        }
    }
}

/// The command of a script type: `bin args… <script file>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptType {
    pub bin: String,
    pub args: Vec<String>,
    /// Of the script's file, with its dot.
    pub suffix: String,
}

/// Bytes of `100Mb`, `64 KB`, `1024`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (_, unit) = text.split_at(digits.len());
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}

/// YAML 1.1's words, as the Java HERA's parser took them.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1024() {
        assert_eq!(size("100Mb"), Some(100 << 20));
        assert_eq!(size("64 KB"), Some(64 << 10));
        assert_eq!(size("7"), Some(7));
        assert_eq!(size("lots"), None);
        assert_eq!(size("99999999999999999999"), None);
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
