//! Calendars as files: those in the folder `calendars`, each one calendar.
//!
//! Days stand as on the page, a run of days on a line with its note:
//! `- 2026-10-01..2026-10-07 National Day`.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use anyhow::Context as _;
use chrono::NaiveDate;
use hera_domain::calendar::{CalendarContent, DayOfWeek, parse_lines, to_lines};
use hera_domain::id::{CalendarId, Revision};
use serde::Deserialize;
use serde_json::{Value, json};

use super::emit::Fields;
use super::files::{Source, parsed, told_together};
use super::yaml::Content;

/// The folder of calendars, unless it is a group's.
pub(super) const FOLDER: &str = "calendars";

const FIELDS: [&str; 5] = ["name", "description", "weekdays", "added", "removed"];

/// The file of a calendar.
#[derive(Debug)]
pub(super) struct CalendarFile {
    pub(super) content: CalendarContent,
    pub(super) source: Rc<Source>,
}

/// A calendar that is in the admin.
#[derive(Debug)]
pub(super) struct CalendarThere {
    pub(super) id: CalendarId,
    pub(super) revision: Revision,
    pub(super) content: CalendarContent,
}

/// The calendars of the API by their names.
pub(super) fn there(items: Vec<Value>) -> anyhow::Result<BTreeMap<String, CalendarThere>> {
    let calendars = items.into_iter().map(|mut json| {
        let mut take = |key| json.get_mut(key).map(Value::take).unwrap_or_default();
        let (id, revision) = (take("id"), take("revision"));
        let fields = json.as_object_mut();
        let fields = fields.context("a calendar has fields")?;
        fields.retain(|key, _| FIELDS.contains(&key.as_str()));
        let content = CalendarContent::deserialize(json)?;
        let calendar = CalendarThere {
            id: CalendarId::deserialize(id)?,
            revision: Revision::deserialize(revision)?,
            content,
        };
        Ok((calendar.content.name.clone(), calendar))
    });
    calendars
        .collect::<anyhow::Result<_>>()
        .context("the admin shows a calendar that is none")
}

/// Reads the file of a calendar.
///
/// # Errors
/// Names everything that is wrong with it, by line.
pub(super) fn read(file: &Path) -> anyhow::Result<CalendarFile> {
    let source = parsed(file)?;
    let mut wrong = Vec::new();
    for entry in source.node.entries() {
        if !FIELDS.contains(&entry.key.as_str()) {
            let (key, place) = (entry.key.escape_debug(), source.at(entry.line));
            let known = FIELDS.join(", ");
            wrong.push(format!("{place}: a calendar has no {key}; it has {known}"));
        }
    }
    let content = CalendarContent {
        name: source.name("calendar")?,
        description: source.text("description")?.unwrap_or_default(),
        weekdays: weekdays(&source, &mut wrong).into_iter().collect(),
        added: days(&source, "added", &mut wrong),
        removed: days(&source, "removed", &mut wrong),
    };
    // What could not be read would be missed.
    if wrong.is_empty() {
        wrong.extend(content.check().into_iter().map(|error| {
            let place = source.place(&error.field);
            format!("{place}: {}: {}", error.field, error.message)
        }));
    }
    told_together(&wrong)?;
    Ok(CalendarFile { content, source })
}

fn weekdays(source: &Source, wrong: &mut Vec<String>) -> Vec<DayOfWeek> {
    let items = items(source, "weekdays", "[monday, friday]", wrong);
    let mut days = Vec::new();
    for (line, text) in items {
        match text.parse() {
            Ok(day) => days.push(day),
            Err(_unknown) => {
                let (place, text) = (source.at(line), text.escape_debug());
                let all: Vec<&str> = DayOfWeek::ALL.iter().map(|day| day.as_str()).collect();
                let all = all.join(", ");
                wrong.push(format!("{place}: weekdays: \"{text}\" is not one of {all}"));
            }
        }
    }
    days
}

fn days(source: &Source, field: &str, wrong: &mut Vec<String>) -> BTreeMap<NaiveDate, String> {
    let mut days = BTreeMap::new();
    let mut lines: BTreeMap<NaiveDate, usize> = BTreeMap::new();
    let example = "lines like `- 2026-10-01..2026-10-07 a note`";
    for (line, text) in items(source, field, example, wrong) {
        let place = source.at(line);
        match parse_lines(&text) {
            Ok(found) => {
                for (day, note) in found {
                    if let Some(before) = lines.insert(day, line) {
                        wrong.push(format!(
                            "{place}: {field}: {day} is already on line {before}; keep one of them"
                        ));
                    }
                    days.insert(day, note);
                }
            }
            Err(error) => wrong.push(format!(
                "{place}: {field}: {}; expected {example}",
                error.problem
            )),
        }
    }
    days
}

/// The texts of a list and the lines on which they stand.
fn items(
    source: &Source,
    field: &str,
    example: &str,
    wrong: &mut Vec<String>,
) -> Vec<(usize, String)> {
    let Some(entry) = source.node.entry(field) else {
        return Vec::new();
    };
    let mut odd = |line, hint| {
        let place = source.at(line);
        wrong.push(format!("{place}: {field}: expected {example}{hint}"));
    };
    let mut texts = Vec::new();
    match &entry.node.content {
        Content::List(items) => {
            for item in items {
                match (item.text(), &item.content) {
                    (Some(text), _) => texts.push((item.line, text.to_owned())),
                    // Somebody wrote a note without thinking of YAML.
                    (None, Content::Map(_)) => odd(item.line, "; what holds \": \" needs quotes"),
                    (None, Content::Plain(_) | Content::Text(_) | Content::List(_)) => {
                        odd(item.line, "");
                    }
                }
            }
        }
        // A key without a value is an empty list.
        Content::Plain(_) if entry.node.text().is_none() => {}
        Content::Plain(_) | Content::Text(_) | Content::Map(_) => odd(entry.line, ""),
    }
    texts
}

/// The document of a calendar.
pub(super) fn document(content: &CalendarContent) -> String {
    let mut fields = Fields::default();
    fields.add("name", content.name.as_str());
    if !content.description.is_empty() {
        fields.add("description", content.description.as_str());
    }
    if !content.weekdays.is_empty() {
        fields.add("weekdays", json!(content.weekdays));
    }
    for (field, days) in [("added", &content.added), ("removed", &content.removed)] {
        if !days.is_empty() {
            let lines = to_lines(days).lines().map(str::to_owned).collect();
            fields.add_lines(field, lines);
        }
    }
    fields.document()
}

/// What is compared, days as lines: so many days would be hard to read one by one.
pub(super) fn compared(content: &CalendarContent) -> Value {
    json!({
        "description": content.description,
        "weekdays": content.weekdays,
        "added": to_lines(&content.added),
        "removed": to_lines(&content.removed),
    })
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    fn read_text(text: &[u8]) -> Result<CalendarContent, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.yml");
        std::fs::write(&path, text).unwrap();
        match read(&path) {
            Ok(file) => Ok(file.content),
            Err(error) => {
                let folder = format!("{}/", folder.path().display());
                Err(format!("{error:#}").replace(&folder, ""))
            }
        }
    }

    const WORKDAYS: &str = "\
name: workdays
description: Offices are open
weekdays: [monday, tuesday, wednesday, thursday, friday]
added:
  - 2026-10-10 调休
removed:
  - 2026-10-01..2026-10-07 National Day
  - 2026-12-25
  - \"2026-12-31 early: from noon\"
";

    #[test]
    fn a_calendar_is_written_as_a_person_would() {
        let content = read_text(WORKDAYS.as_bytes()).unwrap();
        assert_eq!((content.added.len(), content.removed.len()), (1, 9));
        assert_eq!(document(&content), WORKDAYS);
    }

    #[test]
    fn what_is_wrong_with_a_calendar_is_told_with_its_line() {
        let wrong = |text: &str| read_text(text.as_bytes()).unwrap_err();
        insta::assert_snapshot!(
            [
                wrong("weekdays: [monday]\n"),
                wrong("name: a\nweekdays: [mon, friday]\ncolour: red\n"),
                wrong("name: a\nweekdays: monday\n"),
                wrong("name: a\nweekdays:\n  - monday\n  - \"friday\\nsunday\"\n"),
                wrong("name: a\nadded: 2026-10-01\nremoved:\n  2026-10-02: note\n"),
                wrong("name: a\nadded:\n  - 2026-02-30\n  - 2026-10-07..2026-10-01\n  - [x]\n  - 2026-10-01 a: b\n"),
                wrong("name: a\nadded:\n  - 2026-10-01..2026-10-03 x\n  - 2026-10-02 y\n"),
                wrong("name: a\nadded:\nremoved:\n  - 2026-10-01\n"),
                wrong("name: a\nadded:\n  - 2026-10-01\nremoved:\n  - 2026-10-01\n"),
                wrong("name: a\nid: 3\nadded:\n  - 2026-10-01\n"),
                wrong(""),
            ]
            .join("\n")
        );
    }

    prop_compose! {
        fn days()(
            days in prop::collection::btree_map(0..900_u64, "([a-z国: #'\"\\[-]{0,6})|[^\\p{Cc}]{0,20}", 0..30)
        ) -> BTreeMap<NaiveDate, String> {
            let from = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
            let days = days.into_iter();
            days.map(|(day, note)| (from + Days::new(day), note.trim().to_owned())).collect()
        }
    }

    proptest! {
        #[test]
        fn a_calendar_written_and_read_is_what_it_was(
            name in "[^\\p{Cc}]{1,20}",
            description in "[^\\p{Cc}]{0,20}|([a-z :#-]{0,4}(\n|\r\n|\t)){0,6}",
            weekdays in prop::collection::btree_set(prop::sample::select(DayOfWeek::ALL), 0..8),
            added in days(),
            removed in days(),
        ) {
            let content = CalendarContent { name, description, weekdays, added, removed };
            prop_assume!(content.check().is_empty());
            let text = document(&content);
            prop_assert_eq!(read_text(text.as_bytes()), Ok(content), "{}", text);
        }

        #[test]
        fn any_bytes_as_a_calendar_are_read_or_refused_by_line(text in texts()) {
            match read_text(&text) {
                Ok(content) => prop_assert_eq!(content.check(), vec![]),
                Err(told) => {
                    let named = |line: &str| line.starts_with("c.yml") || line.ends_with(" more");
                    prop_assert!(told.lines().all(named), "{}", told);
                }
            }
        }
    }

    /// Calendars of people in a hurry, and bytes of anything.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let fields = vec![
            "weekdays",
            "added",
            "removed",
            "description",
            "colour",
            "- a",
            "\u{feff}",
        ];
        let good = vec![
            "friday",
            "monday",
            "2026-10-01",
            "2026-10-01..2026-10-09 x",
            "2026-10-05..2026-10-06",
        ];
        let odd = vec![
            "Monday",
            "\"monday\\nfriday\"",
            "2026-10-09..2026-10-01",
            "\"2026-10-01\\n2026-10-02 \"",
            "9999-12-31",
            "-1-01-01",
            "+99999-01-01",
            "0000-12-31..0001-01-02",
            "{a: 1}",
            "[]",
            "''",
            "",
            "\0",
            "&a",
            "*a",
        ];
        let item = prop_oneof![3 => prop::sample::select(good), 1 => prop::sample::select(odd)];
        let lists = prop::collection::vec(
            (
                prop::sample::select(fields),
                prop::collection::vec(item, 0..6),
            ),
            0..4,
        );
        let text = lists.prop_map(|lists| {
            let mut text = String::from("name: a\n");
            for (field, items) in lists {
                text += &format!("{field}:\n");
                text.extend(items.iter().map(|item| format!("  - {item}\n")));
            }
            text.into_bytes()
        });
        prop_oneof![4 => text, 1 => prop::collection::vec(any::<u8>(), 0..40)]
    }
}
