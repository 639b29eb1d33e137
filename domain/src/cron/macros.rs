//! Macros: names for common expressions, `@every 1m30s`, `@at 2026-11-21 08:00`.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Tz;

use super::CronError;
use super::field::YEARS;
use super::parse::{Parsed, Word};
use crate::clock::Timestamp;
use crate::zone::instant_of;

const NAMED: [(&str, &str); 5] = [
    ("@hourly", "0 0 * * * ?"),
    ("@daily", "0 0 0 * * ?"),
    ("@weekly", "0 0 0 ? * SUN"),
    ("@monthly", "0 0 0 1 * ?"),
    ("@yearly", "0 0 0 1 1 ?"),
];

/// The units of an interval, in the order in which they are written.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// More than a year is better said with a calendar.
const LONGEST: i64 = 366 * 86_400;

/// When `@at` fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Written with an offset to UTC.
    Instant(Timestamp),
    /// Written without: what the clock of the schedule's zone shows.
    Local(NaiveDateTime),
}

impl Moment {
    /// The instant in a zone; a time that a gap leaves out is the first instant after it.
    pub fn at(self, tz: Tz) -> Timestamp {
        match self {
            Self::Instant(at) => at,
            Self::Local(local) => instant_of(tz, local),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(at) => write!(f, "{}", at.format("%F %T UTC")),
            Self::Local(at) => write!(f, "{}", at.format("%F %T")),
        }
    }
}

/// Reads a macro; a macro that names an expression is that expression.
pub(super) fn parse(
    words: &[Word],
    read_expression: impl Fn(&str) -> Result<Parsed, CronError>,
) -> Result<Parsed, CronError> {
    let [first, rest @ ..] = words else {
        return Err(CronError::new(0, "a macro is missing"));
    };
    let name = first.text().to_ascii_lowercase();
    match (&*name, rest) {
        ("@every", []) => Err(CronError::new(
            first.end(),
            "an interval must follow \"@every\", as in \"@every 1h30m\"",
        )),
        ("@every", [interval, extra @ ..]) => {
            ends(extra)?;
            Ok(Parsed::Every(read_interval(interval)?))
        }
        ("@at", []) => Err(CronError::new(
            first.end(),
            "a time must follow \"@at\", as in \"@at 2026-11-21 08:00\"",
        )),
        ("@at", [both, extra @ ..]) if both.chars.iter().any(|c| matches!(c, 'T' | 't')) => {
            ends(extra)?;
            read_moment(both.start, &both.text())
        }
        ("@at", [date]) => read_moment(date.start, &date.text()),
        ("@at", [date, time, extra @ ..]) => {
            ends(extra)?;
            read_moment(date.start, &format!("{}T{}", date.text(), time.text()))
        }
        (name, extra) => {
            let named = NAMED.iter().find(|(known, _)| *known == name);
            let Some((_, expression)) = named else {
                let known = NAMED.map(|(known, _)| known).join(", ");
                let name = first.text();
                let message = format!("\"{name}\" is no macro; use one of {known}, @every and @at");
                return Err(CronError::new(first.start, message));
            };
            ends(extra)?;
            read_expression(expression)
        }
    }
}

fn ends(extra: &[Word]) -> Result<(), CronError> {
    extra.first().map_or(Ok(()), |word| {
        let message = "nothing may follow a macro; remove the rest";
        Err(CronError::new(word.start, message))
    })
}

fn read_interval(word: &Word) -> Result<TimeDelta, CronError> {
    let error = |at: usize, message: &str| Err(CronError::new(word.start + at, message));
    let (mut at, mut total, mut units) = (0, 0_i64, &UNITS[..]);
    while at < word.chars.len() {
        let rest = word.chars.iter().skip(at);
        let digits: String = rest.take_while(|c| c.is_ascii_digit()).collect();
        let Ok(number) = digits.parse::<u32>() else {
            return error(
                at,
                "write an interval as numbers and units, as in \"1h30m\"",
            );
        };
        let unit = word.chars.get(at + digits.len());
        let place = units
            .iter()
            .position(|(letter, _)| unit.is_some_and(|unit| unit.eq_ignore_ascii_case(letter)));
        let Some(place) = place else {
            let message =
                "one of the units d, h, m and s must stand here, each once, in this order";
            return error(at + digits.len(), message);
        };
        let (found, smaller) = units.split_at(place + 1);
        total += found
            .last()
            .map_or(0, |(_, seconds)| i64::from(number) * seconds);
        units = smaller;
        at += digits.len() + 1;
    }
    if total == 0 || total > LONGEST {
        return error(0, "an interval is at least 1s and at most 366d long");
    }
    Ok(TimeDelta::seconds(total))
}

fn read_moment(position: usize, text: &str) -> Result<Parsed, CronError> {
    let text = text.to_ascii_uppercase().replace('Z', "+00:00");
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok());
    let instant = ["%Y-%m-%dT%H:%M%:z", "%Y-%m-%dT%H:%M:%S%:z"]
        .iter()
        .find_map(|format| DateTime::parse_from_str(&text, format).ok());
    let moment = local
        .map(Moment::Local)
        .or_else(|| instant.map(|at| Moment::Instant(at.to_utc())));
    let shown = local.or_else(|| instant.map(|at| at.naive_utc()));
    match (moment, shown) {
        (Some(moment), Some(shown))
            if YEARS.contains(&shown.year().unsigned_abs()) && shown.nanosecond() == 0 =>
        {
            Ok(Parsed::At(moment))
        }
        _ => Err(CronError::new(
            position,
            "write a time of the years 1970 to 2099 as \"2026-11-21 08:00\", with seconds and an offset to UTC if needed (\"2026-11-21T08:00:00+08:00\")",
        )),
    }
}
