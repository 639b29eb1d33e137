//! The versions of all jobs of one day: what the numbers of the home page count.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{Days, NaiveDate, TimeDelta};
use hera_domain::engine::Version;
use hera_domain::status::VersionStatus;
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::parts::{At, Chip, why};
use super::schedule::is_bad;
use super::visit::{Visit, html};
use crate::access::Right;
use crate::master::Definitions;
use crate::store::RunView;
use crate::web::BASE;
use crate::web::error::{Error, Result};

/// More are not shown; the filters make it fewer.
const SHOWN: u32 = 500;

/// The list.
#[derive(Debug, Template)]
#[template(path = "versions/page.html")]
pub(super) struct DayPage {
    pub frame: Frame,
    pub date: NaiveDate,
    pub today: String,
    pub previous: String,
    pub next: String,
    /// The chosen statuses, for the form that chooses another day.
    pub status: String,
    pub all_href: String,
    pub chips: Vec<CountChip>,
    pub rows: Vec<DayRow>,
    pub can_operate: bool,
}

/// A status with how many stand at it; a click adds it to the chosen ones or takes it away.
#[derive(Debug)]
pub(super) struct CountChip {
    pub status: Chip,
    pub count: i64,
    pub href: String,
    pub on: bool,
}

#[derive(Debug)]
pub(super) struct DayRow {
    pub id: String,
    pub job_id: i64,
    pub job_name: String,
    pub job_href: String,
    pub status: Chip,
    pub due: At,
    pub why: String,
    pub bad: bool,
    pub run: Option<i64>,
}

/// The filter as the address says it.
#[derive(Deserialize)]
pub(super) struct Filter {
    date: Option<NaiveDate>,
    /// Statuses with commas between.
    #[serde(default)]
    status: String,
}

/// The address of the list.
pub(super) fn href(date: Option<NaiveDate>, statuses: &[VersionStatus]) -> String {
    let words: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
    let pairs = [
        date.map(|date| format!("date={date}")),
        (!words.is_empty()).then(|| format!("status={}", words.join(","))),
    ];
    let pairs: Vec<_> = pairs.into_iter().flatten().collect();
    match pairs.is_empty() {
        true => format!("{BASE}/versions"),
        false => format!("{BASE}/versions?{}", pairs.join("&")),
    }
}

/// `GET /versions?date=&status=`.
pub(super) async fn list(visit: Visit, query: web::Query<Filter>) -> Result<HttpResponse> {
    let chosen = statuses(&query.status)?;
    let zone = visit.state.settings.timezone;
    let day = query
        .date
        .unwrap_or_else(|| visit.state.clock.now().with_timezone(&zone).date_naive());
    let start = hera_domain::cron::day_start(zone, day);
    let end = day
        .checked_add_days(Days::new(1))
        .map_or(start + TimeDelta::days(1), |next| {
            hera_domain::cron::day_start(zone, next)
        });
    let store = &visit.state.store;
    let counts = store.count_versions(start, end).await?;
    let rows = store.versions_between(start, end, chosen.clone(), SHOWN);
    let rows = rows.await?;
    let failed = rows.iter().filter(|row| is_bad(row.status));
    let runs = store
        .latest_runs(failed.map(|row| row.job).collect())
        .await?;
    let defs = visit.state.master.definitions();
    let beside = |days: Option<NaiveDate>| href(days.or(Some(day)), &chosen);
    html(&DayPage {
        frame: visit.frame(Section::Home),
        date: day,
        today: href(None, &chosen),
        previous: beside(day.checked_sub_days(Days::new(1))),
        next: beside(day.checked_add_days(Days::new(1))),
        status: query.status.clone(),
        all_href: href(query.date, &[]),
        chips: chips(&visit, query.date, &chosen, &counts),
        rows: rows
            .iter()
            .map(|row| line(&visit, &defs, row, runs.get(&row.job)))
            .collect(),
        can_operate: visit.may(Right::Operate),
    })
}

fn statuses(words: &str) -> Result<Vec<VersionStatus>> {
    words
        .split(',')
        .filter(|word| !word.is_empty())
        .map(|word| {
            word.parse()
                .map_err(|e| Error::Malformed(format!("status: {e}")))
        })
        .collect()
}

/// The statuses that occur on the day or are chosen.
fn chips(
    visit: &Visit,
    date: Option<NaiveDate>,
    chosen: &[VersionStatus],
    counts: &BTreeMap<VersionStatus, i64>,
) -> Vec<CountChip> {
    VersionStatus::ALL
        .iter()
        .copied()
        .filter(|status| chosen.contains(status) || counts.contains_key(status))
        .map(|status| {
            let on = chosen.contains(&status);
            let kept = chosen.iter().copied().filter(|other| *other != status);
            let next: Vec<_> = kept.chain((!on).then_some(status)).collect();
            CountChip {
                status: Chip::version(status, false, visit.lang),
                count: counts.get(&status).copied().unwrap_or(0),
                href: href(date, &next),
                on,
            }
        })
        .collect()
}

fn line(visit: &Visit, defs: &Definitions, version: &Version, run: Option<&RunView>) -> DayRow {
    // A version says why it waits; why it failed is said by its run.
    let run = run.filter(|view| version.last_run == Some(view.run.id));
    let reason = version.reason.as_ref();
    let job = defs.jobs.get(&version.job);
    DayRow {
        id: version.id.to_string(),
        job_id: version.job.0,
        job_name: job.map_or_else(|| version.job.to_string(), |job| job.name.clone()),
        job_href: format!("{BASE}/schedule/jobs/{}", version.job),
        status: Chip::version(version.status, version.frozen, visit.lang),
        due: visit.times().at(version.due_at),
        why: reason
            .map(|reason| visit.lang.reason(reason))
            .or(run.map(|view| why(&view.run, visit.lang)))
            .unwrap_or_default(),
        bad: is_bad(version.status),
        run: version.last_run.map(|run| run.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_filter() {
        let chosen = statuses("waiting,retry_wait").unwrap();
        assert_eq!(
            href(None, &chosen),
            "/hera/versions?status=waiting,retry_wait"
        );
        let day = NaiveDate::from_ymd_opt(2026, 11, 20);
        assert_eq!(
            href(day, &chosen),
            "/hera/versions?date=2026-11-20&status=waiting,retry_wait"
        );
        assert_eq!(href(None, &[]), "/hera/versions");
        assert!(statuses("green").is_err());
    }
}
