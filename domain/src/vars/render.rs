//! Filling in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use chrono::{Days, NaiveDate};

use super::circle::{Circle, Member};
use super::downloads::{self, Download, Taken, download_error};
use super::spans::spans;
use super::text::Text;
use super::zdt::{self, Moment, ZdtError};
use super::{Context, Overridden, RenderError, Rendered, Span, Spot, Used, Warning, scan};
use crate::config::{self, Origin};
use crate::zone;

/// The longest text a script may become; values are repeated where they are used.
const MAX_BYTES: usize = 4 << 20;

const YESTERDAY: &str = "yesterday";

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

/// Puts the secrets back into what [`render_keeping_secrets`] has made of a script.
///
/// # Errors
/// As [`render`].
pub fn put_secrets_back(script: &str, context: &Context<'_>) -> Result<String, RenderError> {
    let mut renderer = Renderer::new(script, context, false);
    let whole = 0..script.len();
    let filled = renderer.fill_names(std::slice::from_ref(&whole))?;
    let dated = renderer.fill_dates(&filled)?;
    Ok(renderer.fill_yesterday(&dated).text)
}

/// The values of the secrets in what [`render_keeping_secrets`] has made of a script, as
/// [`put_secrets_back`] puts them there.
///
/// # Errors
/// As [`render`].
pub fn secrets_in(script: &str, context: &Context<'_>) -> Result<BTreeSet<String>, RenderError> {
    let mut names = BTreeSet::new();
    let mut from = 0;
    while let Some(found) = scan::next_name(script, from) {
        from = found.end;
        if config::is_secret(found.inner) {
            names.insert(format!("${{{}}}", found.inner));
        }
    }
    let mut values = BTreeSet::new();
    for name in names {
        let value = put_secrets_back(&name, context)?;
        // A name that nobody has given a value stays as it is.
        if value != name {
            values.insert(value);
        }
    }
    Ok(values)
}

/// Whether every date expression of a script (or of a config value) can be read. One that is put
/// together from other variables can only be checked when it is rendered.
///
/// # Errors
/// Names the one that cannot.
pub fn check(script: &str) -> Result<(), RenderError> {
    downloads::check(script)?;
    check_value(script)
}

/// Whether the dates of a value can be reckoned. Nothing is fetched for a value: a `download[…]`
/// in it is text like any other.
///
/// # Errors
/// As [`check`], of dates.
pub fn check_value(value: &str) -> Result<(), RenderError> {
    let mut from = 0;
    while let Some(found) = scan::next_date(value, from) {
        let inner_start = value.len() - found.inner.len();
        match zdt::parse(found.inner) {
            Ok((_, length)) => from = inner_start + length,
            Err(error) if holds_variable(found.inner, error.at) => from = inner_start,
            Err(error) => {
                return Err(RenderError::at(
                    value,
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

fn member(name: &str, held: &Overridden) -> Member {
    Member {
        name: name.to_owned(),
        origin: held.origin.clone(),
        written: held.key.clone().unwrap_or_else(|| name.to_owned()),
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
    /// Which of them are secrets.
    secrets: BTreeSet<usize>,
    /// The place of each name and date among the variables.
    seen: BTreeMap<String, usize>,
    /// What has been looked up; a script may use a name a hundred thousand times.
    values: BTreeMap<String, Option<Value>>,
}

/// The value of a name.
#[derive(Clone)]
struct Value {
    text: Rc<str>,
    variable: usize,
}

impl<'a> Renderer<'a> {
    fn new(script: &'a str, context: &'a Context<'a>, keep_secrets: bool) -> Self {
        Self {
            script,
            context,
            keep_secrets,
            variables: Vec::new(),
            secrets: BTreeSet::new(),
            seen: BTreeMap::new(),
            values: BTreeMap::new(),
        }
    }

    fn render(mut self) -> Result<Rendered, RenderError> {
        let taken = self.take_downloads()?;
        let filled = self.fill_names(&taken.around)?;
        let dated = self.fill_dates(&filled)?;
        let done = self.fill_yesterday(&dated);
        let texts = taken.filled.iter().chain([&filled]);
        let (warnings, left) = self.left(texts, &done);
        let spans = spans(&done, left);
        Ok(Rendered {
            script: done.text,
            downloads: taken.downloads,
            warnings,
            variables: self.variables,
            spans,
        })
    }

    /// Takes the downloads out.
    fn take_downloads(&mut self) -> Result<Taken, RenderError> {
        let mut taken = Taken::default();
        let (mut from, mut done) = (0, 0);
        let mut bytes = 0;
        let mut places = scan::Places::of(self.script);
        while let Some(found) = downloads::next(self.script, from)? {
            from = found.whole.end;
            let start = found.whole.start;
            let filled = self.fill_names(std::slice::from_ref(&found.inner))?;
            bytes += filled.text.len();
            self.check_bytes(bytes, start)?;
            // Where a file comes from is shown to everybody.
            if self.holds_secret(&filled, 0..filled.text.len()) {
                if found.is_literal(self.script) {
                    let message = "a secret cannot stand in it; take it out";
                    return Err(self.download_error(start, message));
                }
                continue;
            }
            let dated = self.fill_dates(&filled)?;
            let inner = self.fill_yesterday(&dated).text;
            let Some(read) = downloads::read(&inner) else {
                continue;
            };
            let position = places.place(start);
            read.and_then(|(uri, name)| {
                taken.add(Download {
                    uri,
                    name,
                    position,
                })
            })
            .map_err(|message| self.download_error(start, &message))?;
            taken.around.push(done..start);
            taken.filled.push(filled);
            done = found.whole.end;
        }
        taken.around.push(done..self.script.len());
        Ok(taken)
    }

    fn download_error(&self, at: usize, message: &str) -> RenderError {
        RenderError::at(self.script, at, &download_error(message))
    }

    /// Fills in the names of some parts of the script.
    fn fill_names(&mut self, parts: &[Range<usize>]) -> Result<Text, RenderError> {
        let mut filled = Text::default();
        for part in parts {
            let script = self.script.get(..part.end).unwrap_or_default();
            let (mut done, mut from) = (part.start, part.start);
            while let Some(found) = scan::next_name(script, from) {
                from = found.end;
                let Some(value) = self.value(found.inner, found.start)? else {
                    continue;
                };
                let between = script.get(done..found.start).unwrap_or_default();
                filled.push_script(between, done);
                filled.push_value(&value.text, found.start, value.variable);
                done = found.end;
                self.check_bytes(filled.text.len(), found.start)?;
            }
            filled.push_script(script.get(done..).unwrap_or_default(), done);
            self.check_bytes(filled.text.len(), done)?;
        }
        Ok(filled)
    }

    fn check_bytes(&self, bytes: usize, at: usize) -> Result<(), RenderError> {
        if bytes <= MAX_BYTES {
            return Ok(());
        }
        let message = format!("the script grows beyond {MAX_BYTES} bytes here; use shorter values");
        Err(RenderError::at(self.script, at, &message))
    }

    fn value(&mut self, name: &str, at: usize) -> Result<Option<Value>, RenderError> {
        if let Some(known) = self.values.get(name) {
            return Ok(known.clone());
        }
        let value = self.resolve(name, at)?;
        self.values.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    /// The value of a name, followed as long as it is itself exactly one name.
    fn resolve(&mut self, name: &str, at: usize) -> Result<Option<Value>, RenderError> {
        let mut levels = self.lookup(name);
        if levels.is_empty() {
            return Ok(None);
        }
        let first = levels.remove(0);
        let overrides = levels;
        let mut path = vec![member(name, &first)];
        let mut on_path = BTreeSet::from([name.to_owned()]);
        let mut value = first.value.clone();
        while let Some(other) = scan::only_name(&value) {
            if !on_path.insert(other.to_owned()) {
                let from = path.iter().position(|seen| seen.name == other);
                let circle = Circle(path.split_off(from.unwrap_or(0)));
                let message =
                    format!("these variables name each other: {circle}; give one of them a value");
                return Err(RenderError::at(self.script, at, &message));
            }
            let Some(next) = self.lookup(other).into_iter().next() else {
                break;
            };
            path.push(member(other, &next));
            value = next.value;
        }
        let secret = path
            .iter()
            .map(|member| &member.name)
            .find(|name| config::is_secret(name));
        let shown = match secret {
            Some(_) => config::MASK.to_owned(),
            None => self.reckoned(&value),
        };
        if let (Some(secret), true) = (secret, self.keep_secrets) {
            value = format!("${{{secret}}}");
        }
        let secret = secret.is_some();
        let variable = self.note(Used {
            name: name.to_owned(),
            written: Some(first.value).filter(|written| !secret && *written != shown),
            value: shown,
            origin: first.origin,
            key: first.key,
            overrides: overrides
                .into_iter()
                .map(|hidden| Overridden {
                    value: config::shown(name, &hidden.value).to_owned(),
                    ..hidden
                })
                .collect(),
        });
        if secret {
            self.secrets.insert(variable);
        }
        Ok(Some(Value {
            text: value.into(),
            variable,
        }))
    }

    /// The values of a name with their origins, the one that wins first.
    fn lookup(&self, name: &str) -> Vec<Overridden> {
        let plain = |value: &String, origin| Overridden {
            value: value.clone(),
            origin,
            key: None,
        };
        let param = self.context.params.get(name);
        let config = self.context.config.all(name).iter();
        let config = config.map(|found| Overridden {
            value: found.value.clone(),
            origin: found.origin.clone(),
            key: Some(found.written.clone()).filter(|written| written != name),
        });
        let builtin = self.context.builtins.get(name);
        let param = param.map(|value| plain(value, Origin::Run));
        let builtin = builtin.map(|value| plain(value, Origin::BuiltIn));
        param.into_iter().chain(config).chain(builtin).collect()
    }

    /// A value as it is used: with its dates, if they stand in it whole.
    fn reckoned(&self, value: &str) -> String {
        if !value.contains("${") {
            return value.to_owned();
        }
        let mut alone = Renderer::new(value, self.context, true);
        let mut text = Text::default();
        text.push_script(value, 0);
        match alone.fill_dates(&text) {
            Ok(dated) => alone.fill_yesterday(&dated).text,
            Err(_) => value.to_owned(),
        }
    }

    /// The names that stay, once each, and the places of all in the text that is done.
    fn left<'t>(
        &self,
        filled: impl Iterator<Item = &'t Text>,
        done: &Text,
    ) -> (Vec<Warning>, Vec<Span>) {
        let mut warnings: Vec<Warning> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut script = scan::Places::of(self.script);
        for text in filled {
            let mut from = 0;
            while let Some(found) = scan::next_name(&text.text, from) {
                from = found.end;
                let name = found.inner;
                if !is_name(name) || name == YESTERDAY || places.contains_key(name) {
                    continue;
                }
                let known = !self.lookup(name).is_empty();
                if known && self.keep_secrets && config::is_secret(name) {
                    continue;
                }
                places.insert(name, warnings.len());
                warnings.push(Warning {
                    name: name.to_owned(),
                    position: script.place(text.source_of(found.start)),
                    known,
                });
            }
        }
        let mut spans = Vec::new();
        let mut from = 0;
        while let Some(found) = scan::next_name(&done.text, from) {
            from = found.end;
            spans.extend(places.get(found.inner).map(|warning| Span {
                start: found.start,
                end: found.end,
                what: Spot::Left(*warning),
            }));
        }
        (warnings, spans)
    }

    fn fill_dates(&mut self, filled: &Text) -> Result<Text, RenderError> {
        let text = filled.text.as_str();
        let moment = Moment {
            base: self.context.base,
            tz: self.context.tz,
            now: self.context.now,
        };
        let mut out = Text::default();
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
            if self.holds_secret(filled, found.start..end) {
                let message = "a secret cannot stand in it; take it out";
                return Err(self.error_in(filled, found.start, message));
            }
            let (expression, length) = parsed.map_err(place)?;
            let value = expression
                .evaluate(moment)
                .map_err(|message| self.error_in(filled, found.start, &message))?;
            out.push_part(filled, done..found.start);
            done = inner_start + length;
            let written = text.get(found.start + 2..done - 1).unwrap_or_default();
            let variable = self.note_date(written, &value);
            // A date in the value of a variable belongs to that variable.
            let holder = filled.piece_at(found.start);
            let holder = holder.and_then(|piece| piece.value_of);
            let source = filled.source_of(found.start);
            out.push_value(&value, source, holder.unwrap_or(variable));
            self.check_bytes(out.text.len(), source)?;
        }
        out.push_part(filled, done..text.len());
        self.check_bytes(out.text.len(), 0)?;
        Ok(out)
    }

    fn holds_secret(&self, text: &Text, bytes: std::ops::Range<usize>) -> bool {
        let mut pieces = text.pieces_in(bytes);
        pieces.any(|(piece, _)| piece.value_of.is_some_and(|at| self.secrets.contains(&at)))
    }

    fn fill_yesterday(&mut self, dated: &Text) -> Text {
        let today = zone::local_time(self.context.tz, self.context.base).date();
        let yesterday = today
            .checked_sub_days(Days::new(1))
            .unwrap_or(NaiveDate::MIN);
        let value = yesterday.format("%Y%m%d").to_string();
        let mut out = Text::default();
        let mut done = 0;
        let mut from = 0;
        while let Some(found) = scan::next_name(&dated.text, from) {
            from = found.end;
            if found.inner != YESTERDAY {
                continue;
            }
            out.push_part(dated, done..found.start);
            done = found.end;
            let variable = self.note_date(YESTERDAY, &value);
            let holder = dated.piece_at(found.start);
            let holder = holder.and_then(|piece| piece.value_of);
            let source = dated.source_of(found.start);
            out.push_value(&value, source, holder.unwrap_or(variable));
        }
        out.push_part(dated, done..dated.text.len());
        out
    }

    fn note_date(&mut self, written: &str, value: &str) -> usize {
        self.note(Used {
            name: written.to_owned(),
            value: value.to_owned(),
            origin: Origin::Date,
            key: None,
            written: None,
            overrides: Vec::new(),
        })
    }

    /// The place of a variable among those that are used.
    fn note(&mut self, used: Used) -> usize {
        if let Some(place) = self.seen.get(&used.name) {
            return *place;
        }
        let place = self.variables.len();
        self.seen.insert(used.name.clone(), place);
        self.variables.push(used);
        place
    }

    /// An error at a byte of the filled text, told by the place in the script it came from.
    fn error_in(&self, filled: &Text, byte: usize, message: &str) -> RenderError {
        let message = date_error(message);
        let holder = filled.piece_at(byte).and_then(|piece| piece.value_of);
        let holder = holder.and_then(|place| self.variables.get(place));
        let message = match holder {
            Some(Used { name, .. }) => format!("in the value of \"{name}\": {message}"),
            None => message,
        };
        RenderError::at(self.script, filled.source_of(byte), &message)
    }
}

/// Whether a person may have meant a variable; the rest is for the shell (`${x:-1}`, `${#list[@]}`).
fn is_name(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || "._-".contains(c))
}
