//! `${zdt…}`: dates in scripts, as a chain of methods that ends in a value.
//!
//! HERA hands these to a template engine that can call anything; here they are a small language of
//! their own. Everything but the reading of dates is checked when an expression is parsed.

mod eval;
mod lexer;
mod parser;

use chrono_tz::Tz;

use super::calendar::Field;
use super::date_format::Pattern;
use crate::clock::Timestamp;

pub(super) use parser::parse;

/// What is wrong, and where: in bytes from the start of the text that was parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ZdtError {
    pub(super) at: usize,
    pub(super) message: String,
}

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zdt {
    steps: Vec<Step>,
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Add(Field, i32),
    Set(Field, i32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Output {
    Format(Pattern),
    Get(Field),
    Seconds,
    Millis,
    NowMillis,
    Today,
    Reformat {
        text: String,
        from: Pattern,
        to: Pattern,
    },
}

/// What an expression is evaluated with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// The version's business time.
    pub(super) base: Timestamp,
    /// The job's zone.
    pub(super) tz: Tz,
    pub(super) now: Timestamp,
}

/// Whether an expression starts at `${zdt`, given what follows that. A name that merely begins
/// like one, and what only a shell can read (`${zdt:-x}`), is none.
pub(super) fn starts(rest: &str) -> bool {
    match rest.chars().next() {
        None => true,
        Some(c) => c.is_whitespace() || matches!(c, '.' | '}' | '('),
    }
}
