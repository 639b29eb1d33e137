//! What differs between two contents of a job.

use hera_domain::config;
use hera_domain::job::{JobContent, Schedule};
use similar::{Change, ChangeTag, DiffTag, TextDiff};

use super::job::day_rule_word;
use crate::web::i18n::Job;

/// The differences, fields first.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub fields: Vec<FieldChange>,
    pub script: Vec<DiffRow>,
}

#[derive(Debug)]
pub(super) struct FieldChange {
    pub name: &'static str,
    pub before: String,
    pub after: String,
}

/// A line before beside the line after; with neither, equal lines were left out.
#[derive(Debug, Default)]
pub(super) struct DiffRow {
    pub before: Option<DiffLine>,
    pub after: Option<DiffLine>,
}

/// A line of a script, in pieces.
#[derive(Debug)]
pub(super) struct DiffLine {
    pub number: usize,
    pub changed: bool,
    pub pieces: Vec<Piece>,
}

/// A piece of a line; `marked` if just this changed.
#[derive(Debug)]
pub(super) struct Piece {
    pub marked: bool,
    pub text: String,
}

/// Compares two contents.
pub(super) fn between(before: &JobContent, after: &JobContent, t: &'static Job) -> Changes {
    let fields = facts(before, t)
        .into_iter()
        .zip(facts(after, t))
        .filter(|((_, before), (_, after))| before != after)
        .map(|((name, before), (_, after))| FieldChange {
            name,
            before,
            after,
        })
        .collect();
    Changes {
        fields,
        script: lines(&before.script, &after.script),
    }
}

/// Every field but the script as text, in the order of the page. Destructured, so that a new
/// field cannot be forgotten here.
fn facts(content: &JobContent, t: &'static Job) -> Vec<(&'static str, String)> {
    let JobContent {
        group_id,
        name,
        description,
        run_type,
        script: _,
        schedule,
        config,
        host_group_id,
        priority,
        retry,
        overlap,
        misfire,
        on_lost,
        must_end_minutes,
        kill_on_timeout,
        expected_end,
        areas,
        labels,
        alarm_level,
        cron_period,
        cron_interval,
        // Of no page yet: they act later.
        followers: _,
        resources: _,
        pool: _,
    } = content;
    let Schedule {
        cron,
        timezone,
        edges,
        validity,
        calendar,
    } = schedule;
    let calendar = calendar.as_ref().map(|rule| {
        let word = day_rule_word(rule.rule, t);
        format!("{} – {word}", rule.name)
    });
    let edges = edges.iter();
    let edges: Vec<_> = edges.map(|edge| edge.upstream.to_string()).collect();
    let config = config
        .iter()
        .map(|(key, value)| format!("{key}={}", config::shown(key, value)))
        .collect::<Vec<_>>();
    vec![
        (t.job, name.clone()),
        (t.group, group_id.to_string()),
        (t.description, description.clone()),
        (t.run_type, run_type.clone()),
        (t.cron, cron.clone().unwrap_or_default()),
        (t.timezone, timezone.to_string()),
        (t.valid_from, text(validity.from.as_ref())),
        (t.valid_until, text(validity.until.as_ref())),
        (t.calendar, calendar.unwrap_or_default()),
        (t.dependencies, edges.join(", ")),
        (t.config_own, config.join("\n")),
        (t.host_group, text(host_group_id.as_ref())),
        (t.priority, priority.to_string()),
        (t.retries, retry.count.to_string()),
        (t.retry_wait, retry.wait_minutes.to_string()),
        (t.overlap, overlap.to_string()),
        (t.misfire, misfire.to_string()),
        (t.on_lost, on_lost.to_string()),
        (t.must_end, text(must_end_minutes.as_ref())),
        (t.kill_on_timeout, kill_on_timeout.to_string()),
        (t.expected_end, text(expected_end.as_ref())),
        (t.areas, areas.join(", ")),
        (t.labels, labels.join(", ")),
        (t.alarm_level, alarm_level.to_string()),
        (t.batch_period, text(cron_period.as_ref())),
        (t.batch_interval, text(cron_interval.as_ref())),
    ]
}

fn text(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// Lines this alike are shown as one line that was edited.
const ALIKE: f32 = 0.5;

/// The changed lines with three lines around each change; empty if nothing differs.
pub(super) fn lines(before: &str, after: &str) -> Vec<DiffRow> {
    let diff = TextDiff::from_lines(before, after);
    let mut rows = Vec::new();
    for (index, group) in diff.grouped_ops(3).iter().enumerate() {
        if index > 0 {
            rows.push(DiffRow::default());
        }
        for op in group {
            let changes: Vec<_> = diff.iter_changes(op).collect();
            match op.tag() {
                DiffTag::Equal => rows.extend(changes.iter().map(unchanged)),
                DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
                    rows.extend(replaced(&changes));
                }
            }
        }
    }
    rows
}

fn unchanged(change: &Change<&str>) -> DiffRow {
    let line = |index: Option<usize>| {
        index.map(|index| DiffLine {
            number: index + 1,
            changed: false,
            pieces: vec![Piece::new(false, change.value())],
        })
    };
    DiffRow {
        before: line(change.old_index()),
        after: line(change.new_index()),
    }
}

/// Removed lines beside those that came in their place.
fn replaced(changes: &[Change<&str>]) -> Vec<DiffRow> {
    let of = |tag: ChangeTag| changes.iter().filter(move |change| change.tag() == tag);
    let (mut removed, mut added) = (of(ChangeTag::Delete), of(ChangeTag::Insert));
    let mut rows = Vec::new();
    loop {
        let (before, after) = (removed.next(), added.next());
        if before.is_none() && after.is_none() {
            return rows;
        }
        let (left, right) = pieces(
            before.map_or("", Change::value),
            after.map_or("", Change::value),
        );
        let line = |index: Option<usize>, pieces| {
            index.map(|index| DiffLine {
                number: index + 1,
                changed: true,
                pieces,
            })
        };
        rows.push(DiffRow {
            before: line(before.and_then(Change::old_index), left),
            after: line(after.and_then(Change::new_index), right),
        });
    }
}

/// Both lines in pieces; what changed within lines that are alike is marked.
fn pieces(before: &str, after: &str) -> (Vec<Piece>, Vec<Piece>) {
    // The end of the line is alike in all of them and says nothing.
    let (before, after) = (before.trim_end_matches('\n'), after.trim_end_matches('\n'));
    let words = TextDiff::from_words(before, after);
    if words.ratio() < ALIKE {
        let whole = |text: &str| vec![Piece::new(false, text)];
        return (whole(before), whole(after));
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for change in words.iter_all_changes() {
        let piece = |marked| Piece::new(marked, change.value());
        match change.tag() {
            ChangeTag::Equal => {
                left.push(piece(false));
                right.push(piece(false));
            }
            ChangeTag::Delete => left.push(piece(true)),
            ChangeTag::Insert => right.push(piece(true)),
        }
    }
    (left, right)
}

impl Piece {
    fn new(marked: bool, text: &str) -> Self {
        let text = text.trim_end_matches('\n').to_owned();
        Self { marked, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line in one word: its number, `!` if it changed, what is marked in brackets.
    fn told(line: Option<&DiffLine>) -> String {
        let Some(line) = line else { return "-".into() };
        let piece = |piece: &Piece| match piece.marked {
            true => format!("[{}]", piece.text),
            false => piece.text.clone(),
        };
        let text: String = line.pieces.iter().map(piece).collect();
        let mark = if line.changed { "!" } else { "" };
        format!("{}{mark} {text}", line.number)
    }

    fn rows(before: &str, after: &str) -> Vec<(String, String)> {
        let rows = lines(before, after);
        let row = |row: &DiffRow| (told(row.before.as_ref()), told(row.after.as_ref()));
        rows.iter().map(row).collect()
    }

    fn pair(left: &str, right: &str) -> (String, String) {
        (left.to_owned(), right.to_owned())
    }

    #[test]
    fn equal_scripts_show_nothing_and_changed_ones_their_surroundings() {
        assert!(rows("a\nb\n", "a\nb\n").is_empty());
        let expected = [pair("1 a", "1 a"), pair("2! b", "2! B"), pair("3 c", "3 c")];
        assert_eq!(rows("a\nb\nc\n", "a\nB\nc\n"), expected);
    }

    #[test]
    fn a_line_that_was_edited_shows_which_words() {
        let found = rows("select a from t where x\n", "select b from t where x\n");
        let expected = pair(
            "1! select [a] from t where x",
            "1! select [b] from t where x",
        );
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_line_without_a_partner_stands_beside_nothing_and_far_changes_leave_a_gap() {
        let before: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let after = format!("0\n{}", before.replace("20\n", ""));
        let found = rows(&before, &after);
        assert_eq!(found.first(), Some(&pair("-", "1! 0")));
        assert_eq!(found.last(), Some(&pair("20! 20", "-")));
        assert!(found.contains(&pair("-", "-")), "{found:?}");
    }
}
