//! When a schedule fires next, and what its calendar makes of each time.

use std::iter;

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use hera_domain::calendar::{CalendarContent, CalendarRule, DayRule, DayVerdict};
use hera_domain::clock::Timestamp;
use hera_domain::cron::{CronError, CronExpr, Validity};
use hera_domain::job::{JobDef, Schedule};
use hera_domain::zone::instant_of;
use serde::Deserialize;

use super::job_edit::calendar_rule;
use super::parts::{Ago, At, Times};
use super::run_dialog::local;
use super::visit::{Visit, html};
use crate::master::Definitions;
use crate::web::error::{Error, Result};

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
            let before = iter::successors(day_of(now).pred_opt(), NaiveDate::pred_opt);
            let off = before.take_while(|day| !content.holds(*day));
            off.take(MOST_DAYS_OFF).count() + 1
        }
        DayRule::Include | DayRule::Exclude | DayRule::Previous => 0,
    };
    let mut from = now - TimeDelta::days(i64::try_from(back).unwrap_or_default());
    let mut first: Option<Timestamp> = None;
    // Of every day the first fire that is due after now; moved ones may overtake each other, but
    // only on the day they are due.
    for _ in 0..2 * MOST_DAYS_OFF {
        let Some(at) = cron.fires_within(tz, validity, from).next() else {
            break;
        };
        let day = day_of(at);
        let end = day.succ_opt().map_or(now, |next| {
            instant_of(tz, next.and_time(NaiveTime::MIN)) - TimeDelta::milliseconds(1)
        });
        let due = content.due_at(*rule, tz, at);
        from = end.max(at);
        if content.judge(*rule, day) == DayVerdict::Skipped {
            continue;
        }
        if due <= now {
            from = from.min(at + (now - due));
        } else if first.is_some_and(|first| day_of(first) < day_of(due)) {
            break;
        } else {
            first = Some(first.map_or(due, |first| first.min(due)));
        }
    }
    first
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

    use super::*;

    const TZ: Tz = chrono_tz::Asia::Shanghai;

    fn at(day: u32, hour: u32) -> Timestamp {
        let day = NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        instant_of(TZ, day.and_hms_opt(hour, 0, 0).unwrap())
    }

    /// When a cron is due next by working days, by looking for it and by trying every fire.
    fn both(cron: &str, rule: DayRule, now: Timestamp) -> [Option<Timestamp>; 2] {
        let cron = CronExpr::parse(cron).unwrap();
        let workdays = CalendarContent {
            weekdays: DayOfWeek::ALL.iter().take(5).copied().collect(),
            ..CalendarContent::default()
        };
        let by = CalendarRule {
            name: String::new(),
            rule,
        };
        let schedule = Schedule {
            cron: None,
            timezone: TZ,
            edges: Vec::new(),
            validity: Validity::ALWAYS,
            calendar: None,
        };
        let found = due_after(&cron, &schedule, Some((&workdays, &by)), now);
        let tried = cron.fires(TZ, now - TimeDelta::days(5));
        let tried = tried.take_while(|at| *at < now + TimeDelta::days(10));
        let kept = tried.filter(|at| {
            let day = at.with_timezone(&TZ).date_naive();
            workdays.judge(rule, day) != DayVerdict::Skipped
        });
        let due = kept.map(|at| workdays.due_at(rule, TZ, at));
        [found, due.filter(|due| *due > now).min()]
    }

    #[test]
    fn a_moved_version_is_due_where_its_calendar_says() {
        // The 21st of November 2026 is a Saturday.
        let due = |cron, rule, now| both(cron, rule, now)[0].unwrap();
        let six = "0 0 6 * * ?";
        assert_eq!(due(six, DayRule::Include, at(21, 12)), at(23, 6));
        assert_eq!(due(six, DayRule::Exclude, at(21, 12)), at(22, 6));
        assert_eq!(due(six, DayRule::Previous, at(21, 12)), at(23, 6));
        let saturdays = "0 0 18 ? * SAT";
        assert_eq!(due(saturdays, DayRule::Next, at(23, 10)), at(23, 18));
        let minutes = "0 * * * * ?";
        assert_eq!(due(minutes, DayRule::Include, at(21, 0)), at(23, 0));
    }

    #[test]
    fn the_next_due_time_is_the_earliest_of_all() {
        for cron in [
            "0 0 6 * * ?",
            "0 0 18 ? * SAT",
            "0 0 18,23 ? * SAT,MON",
            "0 0 0/5 * * ?",
            "0 0/7 9 * * ?",
        ] {
            for rule in DayRule::ALL {
                for hours in (0..14 * 24).step_by(5) {
                    let now = at(14, 1) + TimeDelta::hours(hours);
                    let [found, tried] = both(cron, *rule, now);
                    assert_eq!(found, tried, "{cron} {rule} after {now}");
                }
            }
        }
    }
}
