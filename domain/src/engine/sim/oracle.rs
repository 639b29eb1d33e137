//! What semantics say of plans and edges, in the plainest words: no memory, no order of work,
//! nothing shared with the engine but the cron expressions. All jobs here live in UTC.

use chrono::{NaiveTime, TimeDelta};

use super::db::Db;
use crate::calendar::DayRule;
use crate::clock::Timestamp;
use crate::cron::CronExpr;
use crate::engine::Version;
use crate::id::JobId;
use crate::job::Schedule;
use crate::status::{Origin, Policy, VersionStatus};

/// The planned times of a job on the day of an instant.
pub(super) fn planned(db: &Db, job: JobId, at: Timestamp, depth: u32) -> Vec<Timestamp> {
    let Some(def) = db.jobs.get(&job).filter(|_| depth < 20) else {
        return Vec::new();
    };
    let start = at.date_naive().and_time(NaiveTime::MIN).and_utc();
    let end = start + TimeDelta::days(1);
    let mut times = Vec::new();
    for (index, era) in def.eras.iter().enumerate() {
        let next = def.eras.get(index + 1).and_then(|next| next.after);
        let of_schedule = scheduled(db, job, &era.schedule, start, depth);
        times.extend(of_schedule.into_iter().filter(|time| {
            era.after.is_none_or(|after| *time > after) && next.is_none_or(|until| *time <= until)
        }));
    }
    times.retain(|time| start <= *time && *time < end);
    times.sort();
    times.dedup();
    times
}

fn scheduled(
    db: &Db,
    job: JobId,
    schedule: &Schedule,
    start: Timestamp,
    depth: u32,
) -> Vec<Timestamp> {
    if let Some(cron) = &schedule.cron {
        let cron = CronExpr::parse(cron).unwrap();
        let before = start - TimeDelta::milliseconds(1);
        let fires = cron.fires_within(schedule.timezone, schedule.validity, before);
        return fires
            .take_while(|time| *time < start + TimeDelta::days(1))
            .collect();
    }
    if schedule.edges.is_empty() {
        let rows = db.versions.values().filter(|row| row.job == job);
        let started =
            rows.filter(|row| row.origin == Origin::Planned && row.counting_run.is_some());
        return started.map(|row| row.business_time).collect();
    }
    let upstreams = schedule.edges.iter().map(|edge| edge.upstream);
    let mut lists: Vec<_> = upstreams
        .map(|id| (planned(db, id, start, depth + 1), id))
        .collect();
    if lists.iter().any(|(times, _)| times.is_empty()) {
        return Vec::new();
    }
    lists.sort_by_key(|(times, id)| (times.len(), std::cmp::Reverse(times[0]), *id));
    lists.swap_remove(0).0
}

/// What the calendar does to a version of the simulation's day.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Day {
    Kept,
    Skipped,
    Tomorrow,
    Yesterday,
}

/// See [`Day`].
pub(super) fn day(db: &Db, row: &Version) -> Day {
    let today = row.business_time.date_naive();
    let holds = db.calendar.content.added.contains_key(&today);
    let def = db.jobs.get(&row.job);
    let rule = def.and_then(|def| def.schedule().calendar.as_ref());
    match (rule.map(|rule| rule.rule), holds) {
        (Some(DayRule::Include), false) | (Some(DayRule::Exclude), true) => Day::Skipped,
        (Some(DayRule::Next), false) => Day::Tomorrow,
        (Some(DayRule::Previous), false) => Day::Yesterday,
        (None, _)
        | (Some(DayRule::Include | DayRule::Next | DayRule::Previous), true)
        | (Some(DayRule::Exclude), false) => Day::Kept,
    }
}

/// When a version is due.
pub(super) fn due_at(db: &Db, row: &Version) -> Timestamp {
    let days = match day(db, row) {
        Day::Kept | Day::Skipped => 0,
        Day::Tomorrow => 1,
        Day::Yesterday => -1,
    };
    row.business_time + TimeDelta::days(days)
}

/// What speaks against starting a version by itself; none if nothing does.
pub(super) fn obstacle(db: &Db, row: &Version) -> Option<String> {
    let def = db.jobs.get(&row.job)?;
    for edge in &def.schedule().edges {
        let times = planned(db, edge.upstream, row.business_time, 0);
        let distance = |time: &Timestamp| ((*time - row.business_time).abs(), *time);
        let member = times.into_iter().min_by_key(distance);
        let name = edge.upstream;
        let Some(member) = member else {
            if edge.policy != Policy::Optional {
                return Some(format!("upstream {name} has no version that day"));
            }
            continue;
        };
        let upstream = db.version_at(edge.upstream, member);
        let satisfied = match (edge.policy, upstream) {
            (Policy::Optional, _) => true,
            (Policy::Success, Some(row)) if is_real(row) => {
                matches!(row.status, VersionStatus::Success | VersionStatus::Skipped)
            }
            (Policy::Finished, Some(row)) if is_real(row) => {
                row.status.is_final() && row.status != VersionStatus::Missed
            }
            (Policy::Success | Policy::Finished, _) => is_before_first(db, edge.upstream, member),
        };
        if !satisfied {
            let status = upstream.map(|row| row.status);
            return Some(format!("version {member} of upstream {name} is {status:?}"));
        }
    }
    None
}

fn is_real(row: &Version) -> bool {
    row.armed || row.status != VersionStatus::Waiting
}

fn is_before_first(db: &Db, job: JobId, time: Timestamp) -> bool {
    let opened = db.jobs.get(&job).and_then(|def| def.first_opened_at);
    let earlier = db.versions.values().any(|row| {
        row.job == job && row.armed && row.origin == Origin::Planned && row.business_time <= time
    });
    opened.is_none_or(|opened| opened >= time) && !earlier
}
