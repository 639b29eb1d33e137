//! A job of HERA's as one of ours: pure, and every difference noted.

use std::collections::BTreeMap;

use hera_domain::id::TeamId;
use hera_domain::job::{JobContent, Resource, RetryPolicy};
use hera_domain::status::{Misfire, OnLost, Overlap, Switch};

use super::config::{self, Config};
use super::jobs::World;
use super::report::{Notes, Severity};
use super::schedule::schedule;
use super::tree::{self, Key, Tree};
use super::variables;
use crate::store::legacy::LegacyJob;

/// HERA's priority of a job that names none.
const PRIORITY: u8 = 3;
const LOOK: &str = "put it right, then open it";

/// A job as it shall be here.
#[derive(Debug, Clone)]
pub(super) struct Mapped {
    pub(super) content: JobContent,
    pub(super) owner: TeamId,
    /// HERA's switch.
    pub(super) switch: Switch,
    /// Keys whose values HERA sealed: what stands here stays.
    pub(super) secrets: Vec<String>,
}

/// Maps a job. What makes it unfit to run is noted as [`Severity::Closed`].
pub(super) fn map(
    job: &LegacyJob,
    group: Key,
    tree: &Tree,
    world: &World,
    notes: &mut Notes<'_>,
) -> Mapped {
    let mut config = own_config(job, notes);
    let (retry, priority) = (retry(&mut config, notes), priority(&mut config, notes));
    let content = JobContent {
        group_id: world.group(group),
        name: tree::name(notes, job.name.as_deref(), "job", job.id),
        description: description(job, notes),
        run_type: job
            .run_type
            .clone()
            .unwrap_or_default()
            .trim()
            .to_lowercase(),
        script: job.script.clone().unwrap_or_default(),
        schedule: schedule(job, world, notes),
        host_group_id: host_group(job, world, notes),
        priority,
        retry,
        overlap: if job.repeat_run == Some(1) {
            Overlap::Allow
        } else {
            Overlap::Wait
        },
        misfire: Misfire::RunAll,
        on_lost: OnLost::Ask,
        must_end_minutes: must_end(job, world, notes),
        kill_on_timeout: false,
        expected_end: expected_end(job, notes),
        areas: areas(job, world, notes),
        labels: labels(job),
        alarm_level: alarm_level(job, notes),
        cron_period: cron_period(job, notes),
        cron_interval: job
            .cron_interval
            .and_then(|shift| i32::try_from(shift).ok()),
        followers: world.followers.get(&job.id).cloned().unwrap_or_default(),
        resources: resources(job, group, tree, notes),
        pool: None,
        config: std::mem::take(&mut config.values),
    };
    note_leftovers(job, notes);
    check(&content, world, notes);
    variables::check(&content, group, tree, world, notes);
    Mapped {
        owner: world.owner(job.owner.as_deref(), notes),
        switch: switch(job, notes),
        secrets: config.secrets,
        content,
    }
}

/// What the leader would say at a save. The script and the config are kept as they are all the
/// same: the job stays closed, and a person puts them right.
fn check(content: &JobContent, world: &World, notes: &mut Notes<'_>) {
    for wrong in content.check(&world.limits) {
        let column = match wrong.field.as_str() {
            "run_type" => "run_type",
            "script" => "script",
            "resources" => "resources",
            field if field.starts_with("config") => "configs",
            _ => "",
        };
        let what = format!("{} {}", wrong.field, wrong.message);
        let todo = match column {
            "run_type" => {
                "configure hera.job.<type>.bin, or change the type; then import again or open it"
            }
            _ => LOOK,
        };
        notes.add(Severity::Closed, column, what, todo);
    }
}

fn own_config(job: &LegacyJob, notes: &mut Notes<'_>) -> Config {
    let config = Config::read(job.configs.as_deref());
    for what in &config.lost {
        notes.add(Severity::Closed, "configs", what, LOOK);
    }
    for what in &config.changed {
        notes.add(Severity::Altered, "configs", what, "");
    }
    for (what, todo) in config.inert() {
        notes.add(Severity::Altered, "configs", what, todo);
    }
    config
}

fn number(
    config: &mut Config,
    key: &str,
    range: std::ops::RangeInclusive<u32>,
    notes: &mut Notes<'_>,
) -> Option<u32> {
    let text = config.remove(key)?;
    let number = text.trim().parse().ok().filter(|n| range.contains(n));
    if number.is_none() && !text.trim().is_empty() {
        let what = format!(
            "{key} is \"{}\", which is no number of {} to {}; it is left out",
            text.escape_debug(),
            range.start(),
            range.end()
        );
        notes.add(Severity::Altered, "configs", what, "");
    }
    number
}

fn priority(config: &mut Config, notes: &mut Notes<'_>) -> u8 {
    let level = number(config, "run.priority.level", 1..=5, notes);
    level
        .and_then(|level| u8::try_from(level).ok())
        .unwrap_or(PRIORITY)
}

fn retry(config: &mut Config, notes: &mut Notes<'_>) -> RetryPolicy {
    RetryPolicy {
        count: number(config, "roll.back.times", 0..=10, notes).unwrap_or(0),
        wait_minutes: number(config, "roll.back.wait.time", 0..=1440, notes).unwrap_or(0),
        exit_codes: Vec::new(),
    }
}

fn description(job: &LegacyJob, notes: &mut Notes<'_>) -> String {
    const CHARS: usize = 2000;
    let written = job.description.as_deref().unwrap_or_default();
    let allowed = |c: &char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    let kept: String = written.chars().filter(allowed).take(CHARS).collect();
    if kept != written {
        let what = "the description is too long or holds control characters; it is shortened";
        notes.add(Severity::Altered, "description", what, "");
    }
    kept
}

fn host_group(
    job: &LegacyJob,
    world: &World,
    notes: &mut Notes<'_>,
) -> Option<hera_domain::id::HostGroupId> {
    let id = job.host_group_id.filter(|id| *id != 0)?;
    let known = world.host_groups.get(&id).copied();
    if known.is_none() {
        let what = format!(
            "host group {id} is missing, so that HERA failed its runs; here it has the default one"
        );
        notes.add(Severity::Closed, "host_group_id", what, LOOK);
    }
    known
}

fn must_end(job: &LegacyJob, world: &World, notes: &mut Notes<'_>) -> Option<u32> {
    let minutes = job.must_end_minute.filter(|minutes| *minutes > 0)?;
    let most = world.limits.task_timeout_minutes;
    let kept = u32::try_from(minutes).unwrap_or(most).min(most);
    if i64::from(kept) != minutes {
        let what = format!("{minutes} minutes are more than the task timeout; it is now {kept}");
        notes.add(Severity::Altered, "must_end_minute", what, "");
    }
    Some(kept)
}

fn expected_end(job: &LegacyJob, notes: &mut Notes<'_>) -> Option<String> {
    let minutes = job.estimated_end_hour.filter(|minutes| *minutes != 0)?;
    if (1..1440).contains(&minutes) {
        return Some(format!("{:02}:{:02}", minutes / 60, minutes % 60));
    }
    let what = format!("{minutes} is no minute of a day; no end is expected");
    notes.add(Severity::Altered, "estimated_end_hour", what, "");
    None
}

/// The words of a list with commas, each once.
fn words(list: Option<&str>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in list.unwrap_or_default().split([',', '，']).map(str::trim) {
        if !word.is_empty() && words.iter().all(|known| known != word) {
            words.push(word.to_owned());
        }
    }
    words
}

fn labels(job: &LegacyJob) -> Vec<String> {
    words(job.biz_label.as_deref())
}

fn areas(job: &LegacyJob, world: &World, notes: &mut Notes<'_>) -> Vec<String> {
    let mut areas = Vec::new();
    for word in words(job.area_id.as_deref()) {
        match word.parse().ok().and_then(|id: i64| world.areas.get(&id)) {
            Some(name) => areas.push(name.clone()),
            None => {
                let what = format!("there is no area {word}; it is left out");
                notes.add(Severity::Closed, "area_id", what, LOOK);
            }
        }
    }
    areas
}

fn alarm_level(job: &LegacyJob, notes: &mut Notes<'_>) -> u8 {
    // HERA takes a missing one for the loudest.
    let level = job.alarm_level.unwrap_or(2);
    let kept = u8::try_from(level.clamp(0, 2)).unwrap_or(2);
    if i64::from(kept) != level {
        let what = format!("{level} is no alarm level; it is now {kept}");
        notes.add(Severity::Altered, "offset", what, "");
    }
    kept
}

fn cron_period(job: &LegacyJob, notes: &mut Notes<'_>) -> Option<String> {
    const PERIODS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "other"];
    let period = job.cron_period.as_deref().unwrap_or_default().trim();
    if period.is_empty() {
        return None;
    }
    if PERIODS.contains(&period) {
        return Some(period.to_owned());
    }
    let what = format!("\"{}\" is no period; it is left out", period.escape_debug());
    notes.add(Severity::Altered, "cron_period", what, "");
    None
}

/// The job's own files and those of the groups above it, which are kept at the job here.
fn resources(job: &LegacyJob, group: Key, tree: &Tree, notes: &mut Notes<'_>) -> Vec<Resource> {
    let (mut all, lost) = config::resources(job.resources.as_deref());
    for what in lost {
        notes.add(Severity::Closed, "resources", what, LOOK);
    }
    for node in tree.chain(group) {
        for resource in &node.resources {
            if all.iter().all(|known| known.name != resource.name) {
                all.push(resource.clone());
            }
        }
    }
    all
}

fn switch(job: &LegacyJob, notes: &mut Notes<'_>) -> Switch {
    match job.auto.unwrap_or(0) {
        0 => Switch::Closed,
        1 => Switch::Open,
        2 => Switch::Invalid,
        other => {
            let what = format!("{other} is neither open, closed nor invalid; it is closed");
            notes.add(Severity::Altered, "auto", what, "");
            Switch::Closed
        }
    }
}

/// Columns that HERA keeps and does not read.
fn note_leftovers(job: &LegacyJob, notes: &mut Notes<'_>) {
    let columns: BTreeMap<&'static str, &Option<String>> = [
        ("pre_processors", &job.pre_processors),
        ("post_processors", &job.post_processors),
        ("timezone", &job.timezone),
        ("cycle", &job.cycle),
    ]
    .into();
    for (column, value) in columns {
        let text = value.as_deref().unwrap_or_default().trim();
        if !matches!(text.to_lowercase().as_str(), "" | "[]" | "null" | "none") {
            let what = format!(
                "HERA does not act on this column ({}); it is not carried over",
                config::excerpt(text)
            );
            notes.add(Severity::Note, column, what, "");
        }
    }
}

impl LegacyJob {
    pub(super) fn dependencies_text(&self) -> &str {
        self.dependencies.as_deref().unwrap_or_default().trim()
    }
}
