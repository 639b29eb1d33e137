//! When a schedule fires next, and what its calendar makes of each time.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono_tz::Tz;
use hera_domain::calendar::{CalendarContent, CalendarRule, DayVerdict};
use hera_domain::clock::Timestamp;
use hera_domain::cron::{CronError, CronExpr, Validity};
use hera_domain::job::{JobDef, Schedule};
use serde::Deserialize;

use super::job_edit::calendar_rule;
use super::parts::{Ago, At, Times};
use super::run_dialog::local;
use super::visit::{Visit, html};
use crate::master::Definitions;
use crate::web::error::{Error, Result};

/// Fires looked through for one that the calendar does not leave out.
const SEARCHED: usize = 400;

/// A time at which a cron fires.
#[derive(Debug)]
pub(super) struct Fire {
    pub at: At,
    pub ago: Ago,
    /// The calendar leaves it out.
    pub off: bool,
    /// What the calendar does to it.
    pub note: Option<String>,
}

/// The cron of a job, if it has one.
pub(super) fn cron_of(job: &JobDef) -> Option<CronExpr> {
    let cron = job.schedule().cron.as_deref();
    cron.and_then(|cron| CronExpr::parse(cron).ok())
}

/// The next fires of a job, absolute in its zone.
pub(super) fn fires(
    defs: &Definitions,
    schedule: &Schedule,
    times: Times,
    count: usize,
) -> Vec<Fire> {
    let cron = schedule.cron.as_deref();
    let Some(Ok(cron)) = cron.map(CronExpr::parse) else {
        return Vec::new();
    };
    let times = times.in_zone(schedule.timezone);
    let calendar = calendar_of(defs, schedule);
    cron.fires_within(schedule.timezone, schedule.validity, times.now)
        .take(count)
        .map(|at| fire(at, calendar, times))
        .collect()
}

/// When a job by cron is due next.
pub(super) fn next_due(defs: &Definitions, job: &JobDef, times: Times) -> Option<Ago> {
    let schedule = job.schedule();
    let cron = cron_of(job)?;
    let times = times.in_zone(schedule.timezone);
    let calendar = calendar_of(defs, schedule);
    let due = |at: Timestamp| match calendar {
        Some((content, rule)) => {
            let day = at.with_timezone(&schedule.timezone).date_naive();
            let kept = content.judge(rule.rule, day) != DayVerdict::Skipped;
            kept.then(|| content.due_at(rule.rule, schedule.timezone, at))
        }
        None => Some(at),
    };
    let mut fires = cron.fires_within(schedule.timezone, schedule.validity, times.now);
    let due = fires.by_ref().take(SEARCHED).find_map(due);
    due.map(|at| times.ago(at))
}

/// What a calendar does to a version of a schedule, in words; nothing if it is as planned.
pub(super) fn calendar_note(
    defs: &Definitions,
    schedule: &Schedule,
    at: Timestamp,
    times: Times,
) -> Option<String> {
    let calendar = calendar_of(defs, schedule)?;
    let says = fire(at, Some(calendar), times.in_zone(schedule.timezone)).note?;
    Some(times.lang.by_calendar(&calendar.0.name, &says))
}

fn calendar_of<'a>(
    defs: &'a Definitions,
    schedule: &'a Schedule,
) -> Option<(&'a CalendarContent, &'a CalendarRule)> {
    let rule = schedule.calendar.as_ref()?;
    let calendar = defs.calendar_named(&rule.name)?;
    Some((&calendar.content, rule))
}

fn fire(at: Timestamp, calendar: Option<(&CalendarContent, &CalendarRule)>, times: Times) -> Fire {
    let day = at.with_timezone(&times.zone).date_naive();
    let verdict = calendar.map_or(DayVerdict::AsPlanned, |(content, rule)| {
        content.judge(rule.rule, day)
    });
    let note = calendar.and_then(|(content, _)| content.note(day));
    Fire {
        at: times.at(at),
        ago: times.ago(at),
        off: verdict == DayVerdict::Skipped,
        note: times.lang.day_verdict(verdict, note),
    }
}

/// What a schedule means, read back while it is typed.
#[derive(Debug, Template)]
#[template(path = "job/fires.html")]
pub(super) struct FiresFragment {
    pub error: Option<String>,
    /// The expression in words.
    pub words: Option<String>,
    pub fires: Vec<Fire>,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    cron: String,
    #[serde(default)]
    timezone: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    calendar: String,
    #[serde(default)]
    day_rule: String,
}

impl Typed {
    /// The schedule, as far as it can be read already.
    fn schedule(&self, default: Tz) -> Schedule {
        let timezone = self.timezone.parse().unwrap_or(default);
        Schedule {
            cron: Some(self.cron.trim().to_owned()),
            timezone,
            edges: Vec::new(),
            validity: Validity {
                from: local(&self.from, timezone),
                until: local(&self.until, timezone),
            },
            calendar: calendar_rule(&self.calendar, &self.day_rule),
        }
    }
}

/// `GET /schedule/fires?cron=&timezone=…`, with the fields of the form.
pub(super) async fn show(visit: Visit, query: web::Query<Typed>) -> Result<HttpResponse> {
    let mut fragment = FiresFragment {
        error: None,
        words: None,
        fires: Vec::new(),
    };
    if query.cron.trim().is_empty() {
        return html(&fragment);
    }
    let schedule = query.schedule(visit.state.settings.timezone);
    let (defs, times) = (visit.state.master.definitions(), visit.times());
    // An expression may fire once in four years: looking for it is work for another thread.
    let read = web::block(move || {
        let cron = CronExpr::parse(schedule.cron.as_deref().unwrap_or_default())?;
        Ok::<_, CronError>((cron.words(), fires(&defs, &schedule, times, 5)))
    });
    match read.await.map_err(|e| Error::Internal(e.into()))? {
        Ok((words, fires)) => {
            fragment.words = Some(visit.lang.cron(&words));
            fragment.error = fires.is_empty().then(|| visit.t().job.no_fires.to_owned());
            fragment.fires = fires;
        }
        Err(error) => fragment.error = Some(error.to_string()),
    }
    html(&fragment)
}
