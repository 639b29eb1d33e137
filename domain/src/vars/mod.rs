//! Variables in scripts: `${key}` from parameters, config and the system, `${zdt…}` and
//! `${yesterday}` from the business time.

mod builtin;
mod calendar;
mod date_format;
mod render;
mod scan;
#[cfg(test)]
mod tests;
mod zdt;

use std::collections::BTreeMap;

use chrono_tz::Tz;

pub use builtin::{RunFacts, batch_id, builtins, environment};
pub use render::{check, render, render_keeping_secrets};
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
    /// What was left as it is, one sentence each.
    pub warnings: Vec<String>,
    /// Every variable that was filled in, in the order of first use.
    pub variables: Vec<Used>,
}

/// A variable that was filled in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Used {
    pub name: String,
    /// Masked if the name says that it is a secret.
    pub value: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub origin: Origin,
}

/// A place in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Position {
    /// In characters from 0.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// In characters from 1.
    pub column: usize,
}

/// Why a script cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", .position.line, .position.column)]
pub struct RenderError {
    pub position: Position,
    pub message: String,
}
