//! What differs between two contents of a job.

use hera_domain::config;
use hera_domain::job::JobContent;
use similar::{ChangeTag, TextDiff};

use crate::web::i18n::Job;

/// The differences, fields first.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub fields: Vec<FieldChange>,
    pub script: Vec<DiffLine>,
}

#[derive(Debug)]
pub(super) struct FieldChange {
    pub name: &'static str,
    pub before: String,
    pub after: String,
}

#[derive(Debug)]
pub(super) struct DiffLine {
    pub class: &'static str,
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
    let edges = schedule.edges.iter();
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
        (t.cron, schedule.cron.clone().unwrap_or_default()),
        (t.timezone, schedule.timezone.to_string()),
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

/// The changed lines with three lines around each change; empty if nothing differs.
fn lines(before: &str, after: &str) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(3).iter().enumerate() {
        if index > 0 {
            lines.push(DiffLine {
                class: "skip",
                text: "⋯".to_owned(),
            });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            lines.push(DiffLine {
                class: match change.tag() {
                    ChangeTag::Delete => "del",
                    ChangeTag::Insert => "ins",
                    ChangeTag::Equal => "same",
                },
                text: change.value().trim_end_matches('\n').to_owned(),
            });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scripts_show_nothing_and_changed_ones_their_surroundings() {
        assert!(lines("a\nb\n", "a\nb\n").is_empty());
        let marks: Vec<_> = lines("a\nb\nc\n", "a\nB\nc\n")
            .into_iter()
            .map(|line| format!("{} {}", line.class, line.text))
            .collect();
        assert_eq!(marks, ["same a", "del b", "ins B", "same c"]);
    }
}
