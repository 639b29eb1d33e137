//! Variables in scripts: `${key}` from parameters, config and the system, `${zdt…}` and
//! `${yesterday}` from the business time.

mod builtin;
mod calendar;
mod circle;
mod date_format;
mod downloads;
mod render;
mod scan;
mod spans;
#[cfg(test)]
mod tests;
mod text;
mod zdt;

use std::collections::BTreeMap;

use chrono_tz::Tz;

pub use builtin::{RunFacts, batch_id, builtins, environment};
pub use circle::{Circle, Member, circles, circles_from, named_other};
pub use downloads::Download;
pub use render::{
    check, check_value, put_secrets_back, render, render_keeping_secrets, secrets_in,
};
pub(crate) use scan::position;

use crate::clock::Timestamp;
use crate::config::{EffectiveConfig, Origin};
use crate::job::Params;

/// What a script is rendered with.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// Of this run; they win over the config.
    pub params: &'a Params,
    pub config: &'a EffectiveConfig,
    /// See [`builtins`].
    pub builtins: BTreeMap<String, String>,
    /// The business time.
    pub base: Timestamp,
    /// The job's zone.
    pub tz: Tz,
    pub now: Timestamp,
}

/// A script with its variables filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub script: String,
    /// The files that it wants beside it, in the order it names them; they are taken out of it.
    pub downloads: Vec<Download>,
    /// The names that were left as they are, in the order of first use.
    pub warnings: Vec<Warning>,
    /// Every variable that was filled in, in the order of first use.
    pub variables: Vec<Used>,
    /// The places of both in the script, from the first to the last; none overlap.
    pub spans: Vec<Span>,
}

/// A variable that was filled in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Used {
    pub name: String,
    /// With the dates in it reckoned; masked if a name says that it is a secret.
    pub value: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub origin: Origin,
    /// How the level that won writes the key, if not by its name: with the area before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The value as it is written, if it is not the one that is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// What it would be if it were not set where it is, the next in line first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Overridden>,
}

/// A value that another one hides.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overridden {
    /// Masked if the name says that it is a secret.
    pub value: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub origin: Origin,
    /// How that level writes the key, if not by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A name that stays as it is: most belong to the shell, some are misspelt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub name: String,
    /// Where it stands in the script, or the variable whose value it stands in.
    pub position: Position,
    /// It is known, and yet only a part of another variable's value.
    pub known: bool,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            position,
            known,
        } = self;
        let why = match known {
            true => "is only a part of another variable's value",
            false => "is not known",
        };
        write!(f, "{position}: ${{{name}}} {why} and stays as it is")
    }
}

/// A stretch of a rendered script, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    pub what: Spot,
}

/// What stands in a [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// The value of a variable, by its place in [`Rendered::variables`].
    Filled(usize),
    /// A name that stays, by its place in [`Rendered::warnings`].
    Left(usize),
}

/// A place in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Position {
    /// In characters from 0.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// In characters from 1.
    pub column: usize,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a script cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct RenderError {
    pub position: Position,
    pub message: String,
}

impl RenderError {
    /// What is wrong at a byte of a script.
    fn at(script: &str, byte: usize, message: &str) -> Self {
        Self {
            position: scan::position(script, byte),
            message: message.to_owned(),
        }
    }
}
