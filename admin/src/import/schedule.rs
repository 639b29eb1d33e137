//! HERA's schedule of a job as one of ours.

use chrono_tz::Tz;
use hera_domain::cron::{CronExpr, CronKind, Validity};
use hera_domain::job::{Edge, Schedule};
use hera_domain::status::{Policy, Window};

use super::jobs::World;
use super::report::{Notes, Severity};
use crate::store::legacy::LegacyJob;

/// When a job runs; everything that is not as it was is noted. `None` of both cron and edges is a
/// job that only people start.
pub(super) fn schedule(job: &LegacyJob, world: &World, notes: &mut Notes<'_>) -> Schedule {
    let mut schedule = Schedule {
        cron: None,
        timezone: world.timezone,
        edges: Vec::new(),
        validity: Validity::ALWAYS,
        calendar: None,
    };
    match job.schedule_type.unwrap_or(0) {
        0 => {
            schedule.cron = cron(job.cron_expression.as_deref().unwrap_or_default(), notes);
            if !job.dependencies_text().is_empty() {
                let what = "a job by cron names dependencies, which HERA ignores";
                notes.add(Severity::Note, "dependencies", what, "");
            }
        }
        1 => schedule.edges = edges(job, world, notes),
        other => {
            let what = format!("{other} is no schedule type; the job is started by people only");
            let todo = "give it a schedule, then open it";
            notes.add(Severity::Closed, "schedule_type", what, todo);
        }
    }
    schedule
}

/// HERA plans by the minute: each minute in which the expression fires is one version, at its
/// beginning. So the seconds become 0, whatever they were.
fn cron(written: &str, notes: &mut Notes<'_>) -> Option<String> {
    const TODO: &str = "write the times it shall run at, then open it";
    let column = "cron_expression";
    let fields: Vec<&str> = written.split_whitespace().collect();
    let understood = match CronExpr::parse(written.trim()) {
        Ok(cron) if cron.kind() == CronKind::Quartz => {
            // Some take both days; Quartz takes one, and `?` for the other.
            let days = [fields.get(3), fields.get(5)];
            match days.iter().filter(|day| **day == Some(&"?")).count() {
                1 => Ok(()),
                _ => Err(
                    "Quartz wants ? for exactly one of the two days: HERA never ran it".to_owned(),
                ),
            }
        }
        Ok(_) => Err(format!(
            "it has {} fields, and Quartz takes six or seven: HERA never ran it",
            fields.len()
        )),
        Err(error) => Err(error.to_string()),
    };
    match (understood, fields.split_first()) {
        (Ok(()), Some((seconds, others))) => {
            if *seconds != "0" {
                let what = format!(
                    "HERA drops the seconds ({seconds}): at most one version a minute, at its beginning"
                );
                notes.add(Severity::Note, column, what, "");
            }
            Some(format!("0 {}", others.join(" ")))
        }
        (Err(why), Some(_)) => {
            let what = format!("\"{}\" is refused: {why}", written.escape_debug());
            notes.add(Severity::Closed, column, what, TODO);
            None
        }
        (_, None) => {
            notes.add(Severity::Closed, column, "the cron is empty", TODO);
            None
        }
    }
}

fn edges(job: &LegacyJob, world: &World, notes: &mut Notes<'_>) -> Vec<Edge> {
    const TODO: &str = "put its dependencies right, then open it";
    let column = "dependencies";
    let mut edges: Vec<Edge> = Vec::new();
    for written in job.dependencies_text().split(',').map(str::trim) {
        if written.is_empty() {
            continue;
        }
        let lost = match written.parse::<i64>() {
            Err(_) => format!("\"{}\" is no job's id", written.escape_debug()),
            Ok(id) if world.circular.contains(&(job.id, id)) => {
                format!("depends on {id} in a circle: HERA never planned it")
            }
            Ok(id) => match world.jobs.get(&id) {
                Some(known) if known.deleted => format!("depends on {id}, which HERA has deleted"),
                None => format!("depends on {id}, which is missing"),
                Some(known) => {
                    let upstream = known.new;
                    if edges.iter().all(|edge| edge.upstream != upstream) {
                        edges.push(Edge {
                            upstream,
                            window: Window::Nearest,
                            policy: Policy::Success,
                        });
                    }
                    continue;
                }
            },
        };
        let what = format!("{lost}; it is carried over without");
        notes.add(Severity::Closed, column, what, TODO);
    }
    if edges.is_empty() {
        let what = "no dependency is left; the job is started by people only";
        notes.add(Severity::Closed, column, what, TODO);
    }
    edges
}

/// The zone that HERA's clock is read in.
pub(super) fn zone_note(zone: Tz) -> String {
    format!(
        "HERA's crons mean the clock of its server; they are read in {zone} (hera.timezone, or the machine's)"
    )
}
