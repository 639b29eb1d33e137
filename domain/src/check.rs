//! Whether what a person wrote makes a job: everything that can be said without other jobs.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveTime;

use crate::config::{check_key, check_value};
use crate::cron::CronExpr;
use crate::job::{FieldError, JobContent, ScheduleKind};
use crate::vars;

const NAME_CHARS: usize = 200;
const DESCRIPTION_CHARS: usize = 2000;
const MAX_RETRIES: u32 = 10;
const MAX_WAIT_MINUTES: u32 = 24 * 60;
const MAX_EDGES: usize = 1000;
const MAX_CONFIG_KEYS: usize = 1000;
const MAX_VALUE_BYTES: usize = 64 << 10;
const MAX_WORDS: usize = 100;
const PERIODS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "other"];

/// What an installation allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentLimits {
    /// The script types that are configured.
    pub run_types: BTreeSet<String>,
    pub script_bytes: usize,
    /// No job runs longer, so none may set a later alarm.
    pub task_timeout_minutes: u32,
}

impl Default for ContentLimits {
    fn default() -> Self {
        Self {
            run_types: ["shell", "python"].map(str::to_owned).into(),
            script_bytes: 1 << 20,
            task_timeout_minutes: 12 * 60,
        }
    }
}

impl JobContent {
    /// Everything that is wrong, by field; nothing if it makes a job.
    pub fn check(&self, limits: &ContentLimits) -> Vec<FieldError> {
        let mut found = Findings(Vec::new());
        self.check_texts(&mut found);
        self.check_script(limits, &mut found);
        self.check_schedule(&mut found);
        found.0.extend(check_values("config", &self.config));
        self.check_numbers(limits, &mut found);
        found.0
    }

    fn check_texts(&self, found: &mut Findings) {
        if self.name.trim().is_empty() {
            found.add("name", "is blank; give the job a name");
        }
        check_chars("name", &self.name, NAME_CHARS, |_| false, found);
        let lines = |c| matches!(c, '\n' | '\r' | '\t');
        check_chars(
            "description",
            &self.description,
            DESCRIPTION_CHARS,
            lines,
            found,
        );
        if self.schedule.validity.is_empty() {
            let message = "is not after the start: no time would be left";
            found.add("schedule.until", message);
        }
        if self.schedule.calendar.is_some() && self.schedule.kind() == ScheduleKind::Manual {
            let message = "does not belong to the kind manual: nothing is planned";
            found.add("schedule.calendar", message);
        }
        self.check_companions(found);
        for (field, words) in [("areas", &self.areas), ("labels", &self.labels)] {
            if words.len() > MAX_WORDS {
                let message = format!("holds {}; keep at most {MAX_WORDS}", words.len());
                found.add(field, message);
            }
            for word in words {
                if word.trim().is_empty() {
                    found.add(field, "holds a blank one; remove it");
                }
                check_chars(field, word, NAME_CHARS, |_| false, found);
            }
        }
    }

    /// Who follows it, and what its runs use.
    fn check_companions(&self, found: &mut Findings) {
        for (field, count) in [
            ("followers", self.followers.len()),
            ("resources", self.resources.len()),
        ] {
            if count > MAX_WORDS {
                found.add(field, format!("holds {count}; keep at most {MAX_WORDS}"));
            }
        }
        for resource in &self.resources {
            if resource.name.trim().is_empty() || resource.name.contains(['/', '\0']) {
                let name = resource.name.escape_debug();
                found.add("resources", format!("\"{name}\" is no name of a file"));
            }
            check_chars("resources", &resource.name, NAME_CHARS, |_| false, found);
            check_chars(
                "resources",
                &resource.uri,
                DESCRIPTION_CHARS,
                |_| false,
                found,
            );
        }
        if let Some(pool) = &self.pool {
            check_chars("pool", pool, NAME_CHARS, |_| false, found);
        }
    }

    fn check_script(&self, limits: &ContentLimits, found: &mut Findings) {
        if !limits.run_types.contains(&self.run_type) {
            let known: Vec<&str> = limits.run_types.iter().map(String::as_str).collect();
            let message = format!(
                "\"{}\" is not one of {}",
                self.run_type.escape_debug(),
                known.join(", ")
            );
            found.add("run_type", message);
        }
        let (bytes, most) = (self.script.len(), limits.script_bytes);
        if bytes > most {
            let message =
                format!("has {bytes} bytes and may have {most}; move data or code into a file");
            found.add("script", message);
            return;
        }
        let wrong = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if let Some((at, c)) = self.script.char_indices().find(|(_, c)| wrong(*c)) {
            let place = vars::position(&self.script, at);
            let message = format!(
                "line {}, column {}: holds the control character {}; remove it",
                place.line,
                place.column,
                c.escape_unicode()
            );
            found.add("script", message);
        }
        if let Err(error) = vars::check(&self.script) {
            found.add("script", error.to_string());
        }
    }

    fn check_schedule(&self, found: &mut Findings) {
        if let Some(Err(error)) = self.schedule.cron.as_deref().map(CronExpr::parse) {
            found.add("schedule.cron", error.to_string());
        }
        let edges = &self.schedule.edges;
        if edges.len() > MAX_EDGES {
            let message = format!(
                "names {} jobs; keep at most {MAX_EDGES}, or put a job between",
                edges.len()
            );
            found.add("schedule.dependencies", message);
        }
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<_> = edges
            .iter()
            .map(|edge| edge.upstream)
            .filter(|upstream| !seen.insert(*upstream))
            .collect();
        for upstream in twice {
            let message = format!("names job {upstream} twice; keep one of them");
            found.add("schedule.dependencies", message);
        }
        let end = self.expected_end.as_deref();
        if let Some(text) = end.filter(|text| !is_time_of_day(text)) {
            let message = format!(
                "\"{}\" is no time of day; write one like 08:30",
                text.escape_debug()
            );
            found.add("expected_end", message);
        }
        let period = self.cron_period.as_deref();
        if let Some(text) = period.filter(|text| !PERIODS.contains(text)) {
            let message = format!(
                "\"{}\" is not one of {}",
                text.escape_debug(),
                PERIODS.join(", ")
            );
            found.add("cron_period", message);
        }
    }

    fn check_numbers(&self, limits: &ContentLimits, found: &mut Findings) {
        let must_end = self.must_end_minutes.unwrap_or(1);
        for (field, value, least, most) in [
            ("priority", self.priority.into(), 1, 5),
            ("retries", self.retry.count, 0, MAX_RETRIES),
            (
                "retry_wait_minutes",
                self.retry.wait_minutes,
                0,
                MAX_WAIT_MINUTES,
            ),
            ("must_end_minutes", must_end, 1, limits.task_timeout_minutes),
            ("alarm_level", self.alarm_level.into(), 0, 2),
        ] {
            if !(least..=most).contains(&value) {
                found.add(
                    field,
                    format!("{value} is out of range; use {least} to {most}"),
                );
            }
        }
        let codes = &self.retry.exit_codes;
        if let Some(code) = codes.iter().find(|code| !(1..=255).contains(*code)) {
            found.add(
                "retry_exit_codes",
                format!("{code} is out of range; use 1 to 255"),
            );
        }
    }
}

/// Everything that is wrong with the config of a job or a group, or with the parameters of a run:
/// `field` says which. A key is named by `field.key`.
pub fn check_values(field: &str, values: &BTreeMap<String, String>) -> Vec<FieldError> {
    let mut found = Findings(Vec::new());
    if values.len() > MAX_CONFIG_KEYS {
        let message = format!("has {} keys; keep at most {MAX_CONFIG_KEYS}", values.len());
        found.add(field, message);
    }
    for (key, value) in values {
        if let Err(message) = check_key(key) {
            found.add(field, message);
            continue;
        }
        let field = format!("{field}.{key}");
        if value.len() > MAX_VALUE_BYTES {
            let message = format!(
                "has {} bytes and may have {MAX_VALUE_BYTES}; shorten it",
                value.len()
            );
            found.add(&field, message);
        } else if let Err(message) = check_value(value) {
            found.add(&field, message);
        } else if let Err(error) = vars::check_value(value) {
            found.add(&field, error.to_string());
        }
    }
    found.0
}

struct Findings(Vec<FieldError>);

impl Findings {
    fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }
}

fn check_chars(
    field: &str,
    text: &str,
    most: usize,
    also_allowed: impl Fn(char) -> bool,
    found: &mut Findings,
) {
    let count = text.chars().count();
    if count > most {
        found.add(
            field,
            format!("has {count} characters and may have {most}; shorten it"),
        );
    }
    let wrong = |c: &char| c.is_control() && !also_allowed(*c);
    if let Some(c) = text.chars().find(wrong) {
        let c = c.escape_unicode();
        found.add(field, format!("holds the control character {c}; remove it"));
    }
}

fn is_time_of_day(text: &str) -> bool {
    text.len() == 5 && NaiveTime::parse_from_str(text, "%H:%M").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{GroupId, JobId};
    use crate::job::{Edge, RetryPolicy, Schedule};
    use crate::status::{Misfire, OnLost, Overlap, Policy, Window};

    fn content() -> JobContent {
        JobContent {
            group_id: GroupId(1),
            name: "orders 订单".to_owned(),
            description: "two\nlines".to_owned(),
            run_type: "shell".to_owned(),
            script: "echo ${zdt.addDay(-1).format(\"yyyyMMdd\")}\r\n\techo $HOME".to_owned(),
            schedule: Schedule {
                cron: Some("0 0 3 * * ?".to_owned()),
                timezone: chrono_tz::UTC,
                edges: Vec::new(),
                validity: crate::cron::Validity::ALWAYS,
                calendar: None,
            },
            config: [("a.b".to_owned(), "1".to_owned())].into(),
            host_group_id: None,
            priority: 3,
            retry: RetryPolicy::default(),
            overlap: Overlap::Wait,
            misfire: Misfire::RunAll,
            on_lost: OnLost::Ask,
            must_end_minutes: Some(60),
            kill_on_timeout: true,
            expected_end: Some("08:30".to_owned()),
            areas: vec!["all".to_owned()],
            labels: Vec::new(),
            alarm_level: 0,
            cron_period: Some("day".to_owned()),
            cron_interval: Some(-1),
            followers: Vec::new(),
            resources: Vec::new(),
            pool: None,
        }
    }

    /// What is found after one change to a job that is right.
    fn after(change: impl FnOnce(&mut JobContent)) -> Vec<String> {
        let mut content = content();
        change(&mut content);
        let found = content.check(&ContentLimits::default());
        found
            .into_iter()
            .map(|error| format!("{}: {}", error.field, error.message))
            .collect()
    }

    fn edge(job: i64) -> Edge {
        Edge {
            upstream: JobId(job),
            window: Window::Nearest,
            policy: Policy::Success,
        }
    }

    #[test]
    fn a_job_that_is_right_has_no_findings() {
        assert_eq!(after(|_| {}), [] as [&str; 0]);
    }

    #[test]
    fn names_are_neither_blank_nor_long_nor_strange() {
        assert_eq!(
            after(|c| c.name = " ".to_owned()),
            ["name: is blank; give the job a name"]
        );
        assert_eq!(
            after(|c| c.name = "名".repeat(201)),
            ["name: has 201 characters and may have 200; shorten it"]
        );
        assert_eq!(
            after(|c| c.name = "a\u{7}".to_owned()),
            ["name: holds the control character \\u{7}; remove it"]
        );
        assert_eq!(
            after(|c| c.labels = vec![String::new()]),
            ["labels: holds a blank one; remove it"]
        );
    }

    #[test]
    fn a_script_is_bounded_clean_and_its_dates_can_be_read() {
        assert_eq!(
            after(|c| c.script = "x".repeat((1 << 20) + 1)),
            ["script: has 1048577 bytes and may have 1048576; move data or code into a file"]
        );
        assert_eq!(
            after(|c| c.script = "a\nb\0".to_owned()),
            ["script: line 2, column 2: holds the control character \\u{0}; remove it"]
        );
        assert_eq!(
            after(|c| c.script = "a\nb ${zdt.format(1)}".to_owned()),
            ["script: line 2, column 16: in this ${zdt…}: expected a text in quotes and found 1"]
        );
        assert_eq!(
            after(|c| c.run_type = "perl".to_owned()),
            ["run_type: \"perl\" is not one of python, shell"]
        );
    }

    #[test]
    fn a_schedule_can_be_read_and_names_no_job_twice() {
        assert_eq!(
            after(|c| c.schedule.cron = Some("0 0 25 * * ?".to_owned())),
            ["schedule.cron: hours: 25 is out of range; use 0 to 23 (at character 5)"]
        );
        assert_eq!(
            after(|c| c.schedule.edges = [1, 2, 1, 1].map(edge).to_vec()),
            ["schedule.dependencies: names job 1 twice; keep one of them"]
        );
        assert_eq!(
            after(|c| c.schedule.edges = (0..1001).map(edge).collect()),
            ["schedule.dependencies: names 1001 jobs; keep at most 1000, or put a job between"]
        );
        for wrong in ["8:30", "24:00", "08:60", "08:30:00", "ab:cd"] {
            assert_eq!(
                after(|c| c.expected_end = Some(wrong.to_owned())),
                [format!(
                    "expected_end: \"{wrong}\" is no time of day; write one like 08:30"
                )]
            );
        }
        assert_eq!(
            after(|c| c.cron_period = Some("week".to_owned())),
            ["cron_period: \"week\" is not one of year, month, day, hour, minute, second, other"]
        );
    }

    #[test]
    fn config_keys_and_values_are_checked_one_by_one() {
        let with = |key: &str, value: &str| {
            after(|c| {
                c.config.insert(key.to_owned(), value.to_owned());
            })
        };
        assert_eq!(
            with("a b", ""),
            ["config: the key \"a b\" holds \" \"; leave it out"]
        );
        assert_eq!(
            with("k", "1\n2"),
            ["config.k: a value has more than one line; put it on one"]
        );
        assert_eq!(
            with("k", "${zdt.x()}")
                .first()
                .and_then(|text| text.get(..34)),
            Some("config.k: line 1, column 7: in thi")
        );
        assert_eq!(
            with("k", "download[]"),
            [] as [&str; 0],
            "nothing is fetched"
        );
    }

    #[test]
    fn numbers_have_ranges() {
        assert_eq!(
            after(|c| {
                c.priority = 6;
                c.alarm_level = 3;
                c.must_end_minutes = Some(721);
                c.retry = RetryPolicy {
                    count: 11,
                    wait_minutes: 1441,
                    exit_codes: vec![1, 0],
                };
            }),
            [
                "priority: 6 is out of range; use 1 to 5",
                "retries: 11 is out of range; use 0 to 10",
                "retry_wait_minutes: 1441 is out of range; use 0 to 1440",
                "must_end_minutes: 721 is out of range; use 1 to 720",
                "alarm_level: 3 is out of range; use 0 to 2",
                "retry_exit_codes: 0 is out of range; use 1 to 255"
            ]
        );
    }
}
