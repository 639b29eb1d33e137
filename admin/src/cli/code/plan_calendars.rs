//! What would change of the calendars. They are the whole installation's: only who administers it
//! may change them.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::{Value, json};

use super::calendars::{CalendarFile, CalendarThere, compared};
use super::diff::diffs;
use super::matched::Matched;
use super::plan::{Action, Change, Left, Plan, What};
use crate::access::{Right, Role};
use crate::cli::client::Client;
use crate::cli::table;

/// How many calendars a message names.
const NAMED: usize = 5;

/// Those to be made or saved, by name.
pub(super) fn changes(matched: &Matched<'_>) -> anyhow::Result<Vec<Change>> {
    let mut files: Vec<_> = matched.files.calendars.iter().collect();
    files.sort_by(|a, b| a.content.name.cmp(&b.content.name));
    let changes = files.into_iter().map(|file| change(matched, file));
    changes.filter_map(Result::transpose).collect()
}

fn change(matched: &Matched<'_>, file: &CalendarFile) -> anyhow::Result<Option<Change>> {
    let CalendarFile { content, source } = file;
    let there = matched.there.calendars.get(&content.name);
    let was = there.map_or(Value::Null, |there| compared(&there.content));
    let fields = diffs(&was, &compared(content), matched);
    let mut body = serde_json::to_value(content)?;
    if let Some(there) = there {
        if fields.is_empty() {
            return Ok(None);
        }
        body["revision"] = json!(there.revision);
    }
    Ok(Some(Change {
        action: match there {
            Some(_) => Action::Update,
            None => Action::Create,
        },
        what: What::Calendar,
        path: content.name.clone(),
        id: there.map(|there| there.id.0),
        file: Some(source.path.display().to_string()),
        fields,
        jobs: there.map(|_| users(matched, &content.name)),
        source: Some(Rc::clone(source)),
        key: there.map_or(0, |there| there.id.0),
        body,
    }))
}

/// How many jobs of the admin go by a calendar.
fn users(matched: &Matched<'_>, name: &str) -> usize {
    let jobs = matched.there.jobs.values();
    jobs.filter(|job| job.json["schedule"]["calendar"]["name"] == name)
        .count()
}

/// Calendars that no file has. Files that do not begin at the root say nothing of them.
pub(super) fn strangers(matched: &Matched<'_>) -> Vec<Left> {
    let files = matched.files;
    if !files.groups.iter().any(|group| group.path.depth() == 0) {
        return Vec::new();
    }
    let in_files: BTreeSet<&str> = names(&files.calendars).collect();
    let there = matched.there.calendars.values();
    let strange = there.filter(|there| !in_files.contains(there.content.name.as_str()));
    strange.map(left).collect()
}

fn left(there: &CalendarThere) -> Left {
    Left {
        what: What::Calendar,
        path: there.content.name.clone(),
        id: there.id.0,
    }
}

/// Jobs of the files whose schedules go by a calendar that will not be there.
pub(super) fn missing(matched: &Matched<'_>, gone: &[Left]) -> Vec<String> {
    let gone: BTreeSet<&str> = gone
        .iter()
        .filter(|left| left.what == What::Calendar)
        .map(|left| left.path.as_str())
        .collect();
    let in_files: BTreeSet<&str> = names(&matched.files.calendars).collect();
    let mut wrong = Vec::new();
    for job in &matched.files.jobs {
        let name = job.body.get("schedule").map(|it| &it["calendar"]["name"]);
        let Some(name) = name.and_then(Value::as_str) else {
            continue;
        };
        if in_files.contains(name) {
            continue;
        }
        let place = job.place("schedule.calendar.name");
        let shown = name.escape_debug();
        if gone.contains(name) {
            wrong.push(format!(
                "{place}: the calendar \"{shown}\" is not in the files, and --prune cannot delete it: {} goes by it",
                job.path
            ));
        } else if !matched.there.calendars.contains_key(name) {
            wrong.push(format!(
                "{place}: there is no calendar \"{shown}\", here or in the files; write one into the folder calendars"
            ));
        }
    }
    wrong
}

fn names(files: &[CalendarFile]) -> impl Iterator<Item = &str> {
    files.iter().map(|file| file.content.name.as_str())
}

/// Why this client may not carry out what the plan has of calendars; nothing if it may, or need
/// not.
pub(super) fn forbidden(plan: &Plan, client: &Client) -> anyhow::Result<Option<String>> {
    let changes = plan.changes.iter();
    let changes = changes.filter(|change| change.what == What::Calendar);
    let names: Vec<&str> = changes.map(|change| change.path.as_str()).collect();
    let Some(text) = named(&names) else {
        return Ok(None);
    };
    let session = client.get("/session")?;
    let user = &session["user"];
    let role = user["role"].as_str().and_then(Role::of_word);
    if role.is_some_and(|role| role.has(Right::Administer)) {
        return Ok(None);
    }
    let who = table::cell(&user["name"]);
    Ok(Some(format!(
        "{text}, which {who} may not do: calendars are the whole installation's. Take the token of an administrator, or have one change them first"
    )))
}

fn named(names: &[&str]) -> Option<String> {
    let more = match names.len() {
        0..=NAMED => String::new(),
        n => format!(" and {} more", n - NAMED),
    };
    let listed: Vec<&str> = names.iter().copied().take(NAMED).collect();
    let listed = listed.join(", ");
    match names {
        [] => None,
        [_] => Some(format!("the calendar {listed} would change")),
        _ => Some(format!("the calendars {listed}{more} would change")),
    }
}
