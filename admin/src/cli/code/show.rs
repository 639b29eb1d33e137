//! A plan in words: a line for each change, and below it what differs.

use std::collections::{BTreeMap, BTreeSet};

use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Map, Value};
use similar::TextDiff;

use super::diff::Diff;
use super::documents;
use super::plan::{Action, Change, Plan, What};
use crate::cli::table;

impl Action {
    /// The sign before a line and the word after it.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Create => ("+", "create", "created"),
            Self::Update => ("~", "update", "updated"),
            Self::Open => (">", "open", "opened"),
            Self::Close => ("x", "close", "closed"),
            Self::Invalidate => ("x", "invalidate", "invalidated"),
            Self::Delete => ("-", "delete", "deleted"),
        }
    }
}

impl What {
    fn word(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Job => "job",
            Self::Calendar => "calendar",
        }
    }
}

/// Whether who reads what is printed sees colours: not in a pipe, and not with `NO_COLOR`.
pub(super) fn has_colours() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// The same lines in colours: green for what comes, red for what goes.
pub(super) fn coloured(text: &str) -> String {
    let lines = text.split('\n').map(|line| match style(line) {
        Some(style) => format!("{style}{line}{style:#}"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// By its sign, which stands at the beginning or after the indent of what differs.
fn style(line: &str) -> Option<Style> {
    let is_head = !line.starts_with(' ');
    let sign = line.strip_prefix("      ").unwrap_or(line).chars().next()?;
    let colour = match sign {
        '+' => AnsiColor::Green,
        '-' => AnsiColor::Red,
        '~' => AnsiColor::Yellow,
        '>' | 'x' if is_head => AnsiColor::Yellow,
        '@' => AnsiColor::Cyan,
        _ => return None,
    };
    let style = colour.on_default();
    Some(if is_head { style.bold() } else { style })
}

/// The lines of one change.
pub(super) fn change(change: &Change) -> String {
    let (sign, verb, _) = change.action.words();
    let mut text = format!("{sign} {verb} {} {}", change.what.word(), change.path);
    match change.action {
        Action::Create => {
            let summary = summary(change);
            if !summary.is_empty() {
                text.push_str(&format!("  ({summary})"));
            }
        }
        Action::Update => {
            match change.jobs {
                None | Some(0) => {}
                Some(1) => text.push_str("  (1 job goes by it)"),
                Some(n) => text.push_str(&format!("  ({n} jobs go by it)")),
            }
            change.fields.iter().for_each(|diff| field(diff, &mut text));
        }
        Action::Open | Action::Close | Action::Invalidate | Action::Delete => {}
    }
    text
}

/// What a new job is, in a few words.
fn summary(change: &Change) -> String {
    let text = |path: &str| change.body.pointer(path).and_then(Value::as_str);
    let mut words: Vec<String> = Vec::new();
    match change.what {
        What::Group => words.extend(text("/kind").map(str::to_owned)),
        What::Calendar => {
            match change.body["weekdays"].as_array().map_or(0, Vec::len) {
                0 => {}
                n => words.push(format!("{} of the week", counted(n, "day"))),
            }
            for key in ["added", "removed"] {
                match change.body[key].as_object().map_or(0, Map::len) {
                    0 => {}
                    n => words.push(format!("{n} {key}")),
                }
            }
        }
        What::Job => {
            words.extend(text("/run_type").map(str::to_owned));
            if let Some(cron) = text("/schedule/cron") {
                words.push(format!("cron {cron}"));
            }
            let edges = change.body.pointer("/schedule/dependencies");
            match edges.and_then(Value::as_array).map_or(0, Vec::len) {
                0 => {}
                1 => words.push("after 1 job".to_owned()),
                n => words.push(format!("after {n} jobs")),
            }
        }
    }
    words.join(", ")
}

fn field(diff: &Diff, to: &mut String) {
    let Diff {
        field,
        from,
        to: new,
    } = diff;
    if field == "schedule.dependencies" {
        to.push_str(&format!("\n    {field}:"));
        for line in dependencies(from, new) {
            to.push_str(&format!("\n      {line}"));
        }
        return;
    }
    let (old_text, new_text) = (from.as_str().unwrap_or(""), new.as_str().unwrap_or(""));
    if old_text.contains('\n') || new_text.contains('\n') {
        to.push_str(&format!("\n    {field}:"));
        unified(old_text, new_text, to);
        return;
    }
    to.push_str(&format!("\n    {field}: {} → {}", shown(from), shown(new)));
}

/// What has become of each dependency.
fn dependencies(from: &Value, to: &Value) -> Vec<String> {
    let by_job = |edges: &Value| -> BTreeMap<String, Map<String, Value>> {
        let edges = edges.as_array().into_iter().flatten();
        edges
            .filter_map(Value::as_object)
            .map(|edge| {
                let mut rest = edge.clone();
                let job = rest.remove("job").unwrap_or_default();
                (table::cell(&job), rest)
            })
            .collect()
    };
    let (from, to) = (by_job(from), by_job(to));
    let jobs: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    jobs.into_iter()
        .filter_map(|job| match (from.get(job), to.get(job)) {
            (Some(old), Some(new)) if old == new => None,
            (Some(old), Some(new)) => Some(format!("~ {job}: {}", changes(old, new))),
            (Some(_), None) => Some(format!("- {job}")),
            (None, Some(new)) => Some(format!("+ {job}{}", unusual(new))),
            (None, None) => None,
        })
        .collect()
}

fn changes(old: &Map<String, Value>, new: &Map<String, Value>) -> String {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let value = |of: &Map<String, Value>, key: &String| shown(of.get(key).unwrap_or(&Value::Null));
    let changed = keys
        .into_iter()
        .filter(|key| old.get(*key) != new.get(*key));
    let changed = changed.map(|key| format!("{key} {} → {}", value(old, key), value(new, key)));
    changed.collect::<Vec<_>>().join(", ")
}

fn unusual(edge: &Map<String, Value>) -> String {
    let usual = documents::usual_edge();
    let rest: Vec<String> = edge
        .iter()
        .filter(|(key, value)| !value.is_null() && **value != usual[*key])
        .map(|(key, value)| format!("{key} {}", table::cell(value)))
        .collect();
    if rest.is_empty() {
        return String::new();
    }
    format!(" ({})", rest.join(", "))
}

/// A value on one line; a long one is cut.
fn shown(value: &Value) -> String {
    const MOST: usize = 100;
    if value.is_null() {
        return "(none)".to_owned();
    }
    let text = match value.as_array() {
        Some(items) if !items.iter().any(Value::is_object) => {
            let items: Vec<String> = items.iter().map(table::cell).collect();
            format!("[{}]", items.join(", "))
        }
        Some(_) | None => table::cell(value),
    };
    let text = match text.escape_debug().to_string() {
        text if text.is_empty() => return "''".to_owned(),
        text => text,
    };
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn unified(from: &str, new: &str, to: &mut String) {
    let diff = TextDiff::from_lines(from, new);
    let text = diff.unified_diff().context_radius(2).to_string();
    for line in text.lines() {
        // Ends of lines and other signs that would change how it looks.
        let line: String = line
            .chars()
            .map(|c| match c {
                '\r' => '␍',
                '\t' => c,
                c if c.is_control() => '·',
                c => c,
            })
            .collect();
        to.push_str(&format!("\n      {line}"));
    }
}

/// The line at the end.
pub(super) fn totals(plan: &Plan, done: bool) -> String {
    let mut counts: Vec<(Action, usize)> = Vec::new();
    for change in &plan.changes {
        match counts
            .iter_mut()
            .find(|(action, _)| *action == change.action)
        {
            Some((_, count)) => *count += 1,
            None => counts.push((change.action, 1)),
        }
    }
    counts.sort_unstable();
    let mut words: Vec<String> = counts
        .iter()
        .map(|(action, count)| {
            let (_, verb, past) = action.words();
            if done {
                format!("{count} {past}")
            } else {
                format!("{count} to {verb}")
            }
        })
        .collect();
    if words.is_empty() {
        words.push("nothing to change".to_owned());
    }
    let (groups, jobs) = (counted(plan.groups, "group"), counted(plan.jobs, "job"));
    let calendars = match plan.calendars {
        0 => String::new(),
        n => format!("{}, ", counted(n, "calendar")),
    };
    let words = words.join(", ");
    format!("{words}; {calendars}{groups} and {jobs} in the files")
}

pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// What the files know nothing of.
pub(super) fn left(plan: &Plan) -> impl Iterator<Item = String> {
    plan.left.iter().map(|left| {
        format!(
            "  not in the files, left alone: {} {}",
            left.what.word(),
            left.path
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_colour_of_their_sign_and_scripts_none_of_their_own() {
        let (mut text, old) = (String::from("~ update job /a"), "- x\n+ y\nz\n");
        field(&Diff::new("script", old, "- x\n+ y\nnew\n"), &mut text);
        let coloured = coloured(&text);
        let shown: Vec<(&str, bool)> = coloured
            .lines()
            .map(|line| (line, line.contains('\u{1b}')))
            .collect();
        let green = AnsiColor::Green.on_default();
        let wanted = format!("{green}      +new{green:#}");
        assert!(shown.contains(&(wanted.as_str(), true)), "{shown:?}");
        assert!(shown.contains(&("       - x", false)), "{shown:?}");
        assert!(shown[0].1 && !shown[1].1, "{shown:?}");
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), text);
    }
}
