//! HERA's schedule of a job as one of ours.

use chrono::FixedOffset;
use hera_domain::cron::Validity;
use hera_domain::job::{Edge, Schedule};
use hera_domain::status::{Policy, Window};

use super::jobs::World;
use super::lenient::{as_quartz_reads, takes};
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
    const COLUMN: &str = "cron_expression";
    if written.trim().is_empty() {
        let todo = "write the times it shall run at, then open it";
        notes.add(Severity::Closed, COLUMN, "the cron is empty", todo);
        return None;
    }
    match takes(written) {
        Ok(()) => {
            let (seconds, others) = split_seconds(written);
            if seconds != "0" {
                let what = format!(
                    "HERA drops the seconds ({seconds}): at most one version a minute, at its beginning"
                );
                notes.add(Severity::Note, COLUMN, what, "");
            }
            Some(format!("0 {others}"))
        }
        Err(why) => {
            let read = as_quartz_reads(written).map(|read| format!("0 {}", split_seconds(&read).1));
            let mut what = format!("\"{}\" is refused: {why}", written.escape_debug());
            let todo = match &read {
                Some(read) => {
                    what.push_str(&format!(
                        ". HERA's Quartz reads it as \"{read}\", which it has here"
                    ));
                    "check that these are the times that are meant, then open it"
                }
                None => "write the times it shall run at, then open it",
            };
            notes.add(Severity::Closed, COLUMN, what, todo);
            read
        }
    }
}

/// The first field and the others, one space between each two.
fn split_seconds(expression: &str) -> (&str, String) {
    let mut fields = expression.split_whitespace();
    let seconds = fields.next().unwrap_or_default();
    (seconds, fields.collect::<Vec<_>>().join(" "))
}

fn edges(job: &LegacyJob, world: &World, notes: &mut Notes<'_>) -> Vec<Edge> {
    const REMEDY: &str = "put its dependencies right, then open it";
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
        notes.add(Severity::Closed, column, what, REMEDY);
    }
    if edges.is_empty() {
        let what = "no dependency is left; the job is started by people only";
        notes.add(Severity::Closed, column, what, REMEDY);
    }
    edges
}

/// What HERA writes for a zone: `GMT+8:00`.
pub(super) fn offset(zone: &str) -> Option<FixedOffset> {
    let text = zone
        .trim()
        .trim_start_matches("GMT")
        .trim_start_matches("UTC");
    let (sign, text) = match text.split_at_checked(1)? {
        ("+", text) => (1, text),
        ("-", text) => (-1, text),
        _ => return None,
    };
    let (hours, minutes) = text.split_once(':').unwrap_or((text, "0"));
    let minutes = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
    FixedOffset::east_opt(sign * minutes * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_of_heras_is_an_offset() {
        let hours = |zone| offset(zone).map(|offset| offset.local_minus_utc() / 60);
        assert_eq!(hours("GMT+8:00"), Some(480));
        assert_eq!(hours("GMT-03:30"), Some(-210));
        assert_eq!(hours("UTC+1"), Some(60));
        for zone in ["", "CST", "GMT", "GMT+x", "GMT+99:00"] {
            assert_eq!(hours(zone), None, "{zone}");
        }
    }
}
