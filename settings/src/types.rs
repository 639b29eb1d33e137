//! The kinds of values that settings have.

use std::fmt;
use std::time::Duration;

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

/// Whether runs get control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupChoice {
    /// Where the machine lets the worker make them.
    Auto,
    Off,
}

impl CgroupChoice {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "auto" => Some(Self::Auto),
            "off" | "false" | "no" => Some(Self::Off),
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

/// Bytes of `100Mb`, `64 KB`, `1024`; a bare number counts `unit` bytes.
pub(crate) fn size(text: &str, unit: u64) -> Option<u64> {
    let (number, word) = number_and_unit(text);
    let factor: u64 = match word.to_ascii_lowercase().as_str() {
        "" => unit,
        "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        "t" | "tb" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The time of `5s`, `300 ms`, `2m`, `12h`, `7d`; a bare number counts `unit` milliseconds.
pub(crate) fn duration(text: &str, unit: u64) -> Option<Duration> {
    let (number, word) = number_and_unit(text);
    let factor: u64 = match word.to_ascii_lowercase().as_str() {
        "" => unit,
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let millis = number.parse::<u64>().ok()?.checked_mul(factor)?;
    Some(Duration::from_millis(millis))
}

/// Thousandths of a number like `2`, `1.5` or `0.25`.
pub(crate) fn thousandths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 3 || !digits(whole) || !digits(part) {
        return None;
    }
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    whole
        .parse::<u32>()
        .ok()?
        .checked_mul(1000)?
        .checked_add(part)
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (_, unit) = text.split_at(number.len());
    (number.trim(), unit)
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
        assert_eq!(size("100Mb", 1), Some(100 << 20));
        assert_eq!(size("64 KB", 1), Some(64 << 10));
        assert_eq!(size("7", 1), Some(7));
        assert_eq!(size("7", 1 << 20), Some(7 << 20));
        for wrong in [
            "lots",
            "",
            "Mb",
            "-1",
            "1.5g",
            "99999999999999999999",
            "99999999999t",
        ] {
            assert_eq!(size(wrong, 1), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_has_its_own_unit_or_that_of_its_key() {
        let millis = |text: &str, unit| duration(text, unit).map(|time| time.as_millis());
        assert_eq!(millis("3", 1000), Some(3000));
        assert_eq!(millis("3", 1), Some(3));
        assert_eq!(millis("250ms", 1000), Some(250));
        assert_eq!(millis("2 m", 1), Some(120_000));
        assert_eq!(millis("7d", 1), Some(604_800_000));
        for wrong in ["soon", "", "s", "-1s", "1 week", "18446744073709551615d"] {
            assert_eq!(millis(wrong, 1), None, "{wrong}");
        }
    }

    #[test]
    fn parts_of_cores_are_read_as_they_are_written() {
        for (text, expected) in [("2", 2000), ("1.5", 1500), ("0.25", 250), ("0", 0)] {
            assert_eq!(thousandths(text), Some(expected), "{text}");
        }
        for wrong in ["", ".5", "1.2345", "-1", "1,5", "two", "1.x", "5000000"] {
            assert_eq!(thousandths(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
