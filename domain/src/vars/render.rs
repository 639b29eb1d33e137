//! Filling in.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use super::zdt::{self, Moment, ZdtError};
use super::{Context, RenderError, Rendered, Used, scan};
use crate::config::{self, Origin};
use crate::zone;

/// The longest text a script may become; values are repeated where they are used.
const MAX_BYTES: usize = 4 << 20;

/// Fills in the variables of a script.
///
/// # Errors
/// Names the date expression that cannot be read, or the variables that name each other.
pub fn render(script: &str, context: &Context<'_>) -> Result<Rendered, RenderError> {
    Renderer::new(script, context, false).render()
}

/// As [`render`], but `${secret.…}` stays: what may be kept and shown.
///
/// # Errors
/// As [`render`].
pub fn render_keeping_secrets(
    script: &str,
    context: &Context<'_>,
) -> Result<Rendered, RenderError> {
    Renderer::new(script, context, true).render()
}

/// Whether every date expression of a script (or of a config value) can be read. One that is put
/// together from other variables can only be checked when it is rendered.
///
/// # Errors
/// Names the one that cannot.
pub fn check(script: &str) -> Result<(), RenderError> {
    let mut from = 0;
    while let Some(found) = scan::next_date(script, from) {
        let inner_start = script.len() - found.inner.len();
        match zdt::parse(found.inner) {
            Ok((_, length)) => from = inner_start + length,
            Err(error) if holds_variable(found.inner, error.at) => from = inner_start,
            Err(error) => {
                return Err(error_at(
                    script,
                    inner_start + error.at,
                    &date_error(&error.message),
                ));
            }
        }
    }
    Ok(())
}

/// Whether what cannot be read at this place holds a variable, and so may be right once that is
/// filled in: `${n}`, `-${n}`, `"${pattern}"`.
fn holds_variable(inner: &str, at: usize) -> bool {
    let wrong = inner.get(at..).unwrap_or_default();
    let quoted = wrong.chars().next().filter(|c| matches!(c, '"' | '\''));
    let part = match quoted.and_then(|quote| wrong.get(1..)?.split_once(quote)) {
        Some((text, _)) => return scan::next_name(text, 0).is_some(),
        None => wrong.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '+'),
    };
    scan::next_name(part, 0).is_some_and(|found| found.start == 0)
}

fn error_at(script: &str, byte: usize, message: &str) -> RenderError {
    RenderError {
        position: scan::position(script, byte),
        message: message.to_owned(),
    }
}

fn date_error(message: &str) -> String {
    format!("in this ${{zdt…}}: {message}")
}

struct Renderer<'a> {
    script: &'a str,
    context: &'a Context<'a>,
    keep_secrets: bool,
    variables: Vec<Used>,
    seen: BTreeSet<String>,
}

/// A stretch of the text between the passes, and where it comes from.
struct Piece {
    /// Its first byte in the text.
    start: usize,
    /// Its first byte in the script, or that of the variable it is the value of.
    source: usize,
    /// The variable it is the value of.
    value_of: Option<String>,
    secret: bool,
}

/// The value of a name.
struct Value {
    text: String,
    secret: bool,
}

/// A script whose `${key}` are filled in.
struct Filled {
    text: String,
    pieces: Vec<Piece>,
}

impl Filled {
    fn push_script(&mut self, text: &str, source: usize) {
        self.pieces.push(Piece {
            start: self.text.len(),
            source,
            value_of: None,
            secret: false,
        });
        self.text.push_str(text);
    }

    fn push_value(&mut self, value: &Value, source: usize, name: &str) {
        self.pieces.push(Piece {
            start: self.text.len(),
            source,
            value_of: Some(name.to_owned()),
            secret: value.secret,
        });
        self.text.push_str(&value.text);
    }

    /// The end of the line that a byte stands in.
    fn line_end(&self, byte: usize) -> usize {
        let rest = self.text.get(byte..).unwrap_or_default();
        byte + rest.find('\n').unwrap_or(rest.len())
    }

    fn holds_secret(&self, bytes: std::ops::Range<usize>) -> bool {
        let mut secrets = self.pieces.iter().filter(|piece| piece.secret);
        secrets.any(|piece| bytes.contains(&piece.start))
    }
}

impl<'a> Renderer<'a> {
    fn new(script: &'a str, context: &'a Context<'a>, keep_secrets: bool) -> Self {
        Self {
            script,
            context,
            keep_secrets,
            variables: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    fn render(mut self) -> Result<Rendered, RenderError> {
        let filled = self.fill_names()?;
        let warnings = self.warnings(&filled.text);
        let dated = self.fill_dates(&filled)?;
        let script = self.fill_yesterday(&dated);
        Ok(Rendered {
            script,
            warnings,
            variables: self.variables,
        })
    }

    fn fill_names(&mut self) -> Result<Filled, RenderError> {
        let mut filled = Filled {
            text: String::new(),
            pieces: Vec::new(),
        };
        let mut done = 0;
        let mut from = 0;
        while let Some(found) = scan::next_name(self.script, from) {
            from = found.end;
            let Some(value) = self.resolve(found.inner, found.start)? else {
                continue;
            };
            let between = self.script.get(done..found.start).unwrap_or_default();
            filled.push_script(between, done);
            filled.push_value(&value, found.start, found.inner);
            done = found.end;
            if filled.text.len() > MAX_BYTES {
                let message =
                    format!("the script grows beyond {MAX_BYTES} bytes here; use shorter values");
                return Err(error_at(self.script, found.start, &message));
            }
        }
        filled.push_script(self.script.get(done..).unwrap_or_default(), done);
        Ok(filled)
    }

    /// The value of a name, followed as long as it is itself exactly one name.
    fn resolve(&mut self, name: &str, at: usize) -> Result<Option<Value>, RenderError> {
        let mut path = vec![name.to_owned()];
        let Some((mut value, origin)) = self.lookup(name) else {
            return Ok(None);
        };
        while let Some(other) = scan::only_name(&value) {
            if let Some(first) = path.iter().position(|seen| seen == other) {
                let circle = path[first..].iter().map(String::as_str).chain([other]);
                let circle: Vec<_> = circle.collect();
                let message = format!(
                    "these variables name each other: {}; give one of them a value",
                    circle.join(" → ")
                );
                return Err(error_at(self.script, at, &message));
            }
            let Some((next, _)) = self.lookup(other) else {
                break;
            };
            path.push(other.to_owned());
            value = next;
        }
        let secret = path.iter().find(|name| config::is_secret(name));
        if let (Some(secret), true) = (secret, self.keep_secrets) {
            value = format!("${{{secret}}}");
        }
        let shown = secret.map_or(value.as_str(), |_| config::MASK).to_owned();
        let secret = secret.is_some();
        self.note(name, shown, origin);
        Ok(Some(Value {
            text: value,
            secret,
        }))
    }

    fn lookup(&self, name: &str) -> Option<(String, Origin)> {
        if let Some(value) = self.context.params.get(name) {
            return Some((value.clone(), Origin::Run));
        }
        if let Some(found) = self.context.config.get(name) {
            return Some((found.value.clone(), found.origin.clone()));
        }
        let value = self.context.builtins.get(name)?;
        Some((value.clone(), Origin::BuiltIn))
    }

    /// One sentence for each name that stays.
    fn warnings(&self, text: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut seen = BTreeSet::new();
        let mut from = 0;
        while let Some(found) = scan::next_name(text, from) {
            from = found.end;
            let name = found.inner;
            let kept = self.keep_secrets && config::is_secret(name);
            if !is_name(name) || name == "yesterday" || kept || !seen.insert(name) {
                continue;
            }
            warnings.push(if self.lookup(name).is_some() {
                format!("${{{name}}} is only a part of another variable's value and stays as it is")
            } else {
                format!("${{{name}}} is not known and stays as it is")
            });
        }
        warnings
    }

    fn fill_dates(&mut self, filled: &Filled) -> Result<String, RenderError> {
        let text = filled.text.as_str();
        let moment = Moment {
            base: self.context.base,
            tz: self.context.tz,
            now: self.context.now,
        };
        let mut out = String::new();
        let mut done = 0;
        while let Some(found) = scan::next_date(text, done) {
            let inner_start = text.len() - found.inner.len();
            let place =
                |error: ZdtError| self.error_in(filled, inner_start + error.at, &error.message);
            let parsed = zdt::parse(found.inner);
            let end = match &parsed {
                Ok((_, length)) => inner_start + length,
                Err(error) => filled.line_end(inner_start + error.at),
            };
            // What a date says, and what is said of it, is shown to everybody.
            if filled.holds_secret(found.start..end) {
                let message = "a secret cannot stand in it; take it out";
                return Err(self.error_in(filled, found.start, message));
            }
            let (expression, length) = parsed.map_err(place)?;
            let value = expression
                .evaluate(moment)
                .map_err(|message| self.error_in(filled, found.start, &message))?;
            out.push_str(text.get(done..found.start).unwrap_or_default());
            out.push_str(&value);
            done = inner_start + length;
            let written = text.get(found.start + 2..done - 1).unwrap_or_default();
            self.note(written, value, Origin::Date);
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Ok(out)
    }

    fn fill_yesterday(&mut self, text: &str) -> String {
        const YESTERDAY: &str = "${yesterday}";
        if !text.contains(YESTERDAY) {
            return text.to_owned();
        }
        let today = zone::local_time(self.context.tz, self.context.base).date();
        let yesterday = today
            .checked_sub_days(Days::new(1))
            .unwrap_or(NaiveDate::MIN);
        let value = yesterday.format("%Y%m%d").to_string();
        let text = text.replace(YESTERDAY, &value);
        self.note("yesterday", value, Origin::Date);
        text
    }

    fn note(&mut self, name: &str, value: String, origin: Origin) {
        if self.seen.insert(name.to_owned()) {
            self.variables.push(Used {
                name: name.to_owned(),
                value,
                origin,
            });
        }
    }

    /// An error at a byte of the filled text, told by the place in the script it came from.
    fn error_in(&self, filled: &Filled, byte: usize, message: &str) -> RenderError {
        let piece = filled.pieces.iter().rfind(|piece| piece.start <= byte);
        let message = date_error(message);
        match piece {
            Some(Piece {
                source,
                value_of: Some(name),
                ..
            }) => error_at(
                self.script,
                *source,
                &format!("in the value of \"{name}\": {message}"),
            ),
            Some(Piece {
                start,
                source,
                value_of: None,
                ..
            }) => error_at(self.script, source + (byte - start), &message),
            None => error_at(self.script, 0, &message),
        }
    }
}

/// Whether a person may have meant a variable; the rest is for the shell (`${x:-1}`, `${#list[@]}`).
fn is_name(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || "._-".contains(c))
}
