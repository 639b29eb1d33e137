//! When a schedule fires next, and what its calendar makes of each time.

use std::iter;

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use hera_domain::calendar::{CalendarContent, CalendarRule, DayRule, DayVerdict};
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

/// Days in a row without one of the calendar, after which a version stays where it is.
const MOST_DAYS_OFF: usize = 366;

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
    let (cron, schedule) = (cron_of(job)?, job.schedule());
    let calendar = calendar_of(defs, schedule);
    let times = times.in_zone(schedule.timezone);
    due_after(&cron, schedule, calendar, times.now).map(|at| times.ago(at))
}

fn due_after(
    cron: &CronExpr,
    schedule: &Schedule,
    calendar: Option<(&CalendarContent, &CalendarRule)>,
    now: Timestamp,
) -> Option<Timestamp> {
    let (tz, validity) = (schedule.timezone, schedule.validity);
    let Some((content, CalendarRule { rule, .. })) = calendar else {
        return cron.fires_within(tz, validity, now).next();
    };
    let day_of = |at: Timestamp| at.with_timezone(&tz).date_naive();
    // What is moved on past now belongs to the days just before that are left out.
    let back = match rule {
        DayRule::Next => {
            let off = iter::successors(Some(day_of(now)), NaiveDate::pred_opt);
            off.take(MOST_DAYS_OFF)
                .take_while(|day| !content.holds(*day))
                .count()
        }
        DayRule::Include | DayRule::Exclude | DayRule::Previous => 0,
    };
    let from = now - TimeDelta::days(i64::try_from(back).unwrap_or_default());
    let fires = cron.fires_within(tz, validity, from).take(SEARCHED);
    fires
        .filter(|at| content.judge(*rule, day_of(*at)) != DayVerdict::Skipped)
        .map(|at| content.due_at(*rule, tz, at))
        .find(|due| *due > now)
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
        Err(error) => fragment.error = Some(visit.lang.message(&error.to_string())),
    }
    html(&fragment)
}

#[cfg(test)]
mod tests {
    use hera_domain::calendar::DayOfWeek;
    use hera_domain::zone::instant_of;

    use super::*;

    #[test]
    fn a_moved_version_is_due_where_its_calendar_says() {
        let tz = chrono_tz::Asia::Shanghai;
        let at = |day, hour| {
            let day = NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
            instant_of(tz, day.and_hms_opt(hour, 0, 0).unwrap())
        };
        let weekdays = DayOfWeek::ALL.iter().take(5).copied().collect();
        let workdays = CalendarContent {
            weekdays,
            ..CalendarContent::default()
        };
        let cron = CronExpr::parse("0 0 6 * * ?").unwrap();
        let due = |rule, now| {
            let rule = CalendarRule {
                name: String::new(),
                rule,
            };
            let schedule = Schedule {
                cron: None,
                timezone: tz,
                edges: Vec::new(),
                validity: Validity::ALWAYS,
                calendar: None,
            };
            due_after(&cron, &schedule, Some((&workdays, &rule)), now).unwrap()
        };
        // The 21st of November 2026 is a Saturday.
        let noon = at(21, 12);
        assert_eq!(due(DayRule::Include, noon), at(23, 6));
        assert_eq!(due(DayRule::Exclude, noon), at(22, 6));
        assert_eq!(due(DayRule::Next, noon), at(23, 6), "Saturday's own");
        assert_eq!(
            due(DayRule::Next, at(22, 12)),
            at(23, 6),
            "Saturday's still"
        );
        assert_eq!(due(DayRule::Previous, noon), at(23, 6), "Sunday's is over");
        assert_eq!(due(DayRule::Previous, at(27, 5)), at(27, 6));
    }
}
