//! A plan in words: a line for each change, and below it what differs.

use serde_json::Value;
use similar::TextDiff;

use super::diff::Diff;
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
        }
    }
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
        Action::Update => change.fields.iter().for_each(|diff| field(diff, &mut text)),
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
        for (sign, edge) in moved(from, new).into_iter().chain(moved_in(from, new)) {
            to.push_str(&format!("\n      {sign} {}", edge_text(edge)));
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

/// Dependencies that go, with their sign.
fn moved<'a>(from: &'a Value, to: &Value) -> Vec<(&'static str, &'a Value)> {
    let kept = |edge: &&Value| !edges(to).contains(edge);
    edges(from)
        .iter()
        .filter(kept)
        .map(|edge| ("-", edge))
        .collect()
}

/// Dependencies that come, with their sign.
fn moved_in<'a>(from: &Value, to: &'a Value) -> Vec<(&'static str, &'a Value)> {
    let known = |edge: &&Value| !edges(from).contains(edge);
    edges(to)
        .iter()
        .filter(known)
        .map(|edge| ("+", edge))
        .collect()
}

fn edges(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn edge_text(edge: &Value) -> String {
    let job = edge["job"].as_str().unwrap_or_default();
    let rest = edge.as_object().into_iter().flatten();
    let rest: Vec<String> = rest
        .filter(|(key, _)| *key != "job")
        .map(|(key, value)| format!("{key} {}", table::cell(value)))
        .collect();
    format!("{job} ({})", rest.join(", "))
}

/// A value on one line; a long one is cut.
fn shown(value: &Value) -> String {
    const MOST: usize = 100;
    if value.is_null() {
        return "(none)".to_owned();
    }
    let text = match table::cell(value) {
        text if text.is_empty() => return "''".to_owned(),
        text => text.escape_debug().to_string(),
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
    let (groups, jobs) = (plan.groups, plan.jobs);
    format!(
        "{}; {groups} groups and {jobs} jobs in the files",
        words.join(", ")
    )
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
