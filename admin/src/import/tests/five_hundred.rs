//! Five hundred jobs plan the times that HERA's rule gives.
//!
//! HERA's rule, worked out here from its description alone: a job by cron has one version for
//! each minute of the day in which its Quartz expression fires; a dependent job needs a version of
//! every upstream that day and has one version for each version of the base, at its time, where
//! the base is the upstream with the fewest versions, of equals the one whose first is later.
//! Between upstreams that are equal in both, HERA takes any; ours is the one with the lower id.
//! HERA's loss of dependents of dependents in its last release is a fault, and no rule. Which
//! version of the other upstreams a version waits for may differ (HERA compares ids as numbers, we
//! compare times), so only the times are compared.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, NaiveDateTime};
use hera_domain::engine::Engine;

use super::*;
use crate::import::testing::{HeraJob, generate};

const JOBS: i64 = 500;

/// Days with ends of months and years, a leap day, and four weeks in a row.
fn days() -> Vec<NaiveDate> {
    let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
    let row = (0..28).map(|n| day(2026, 12, 1) + Days::new(n));
    let others = [
        day(2026, 11, 30),
        day(2026, 12, 31),
        day(2027, 1, 1),
        day(2027, 1, 31),
        day(2027, 2, 28),
        day(2027, 3, 1),
        day(2028, 2, 29),
        day(2029, 1, 15),
    ];
    row.chain(others).collect()
}

/// The times of every job on a day, by HERA's rule.
fn by_heras_rule(jobs: &[HeraJob], day: NaiveDate) -> BTreeMap<i64, Vec<NaiveDateTime>> {
    let mut times: BTreeMap<i64, Vec<NaiveDateTime>> = BTreeMap::new();
    // The generator names only earlier jobs as upstreams.
    for job in jobs {
        let own = match &job.cron {
            Some(cron) => quartz::fires(cron, day),
            None => base(job.upstreams.iter().map(|id| (*id, &times[id]))),
        };
        times.insert(job.id, own);
    }
    times
}

fn base<'a>(upstreams: impl Iterator<Item = (i64, &'a Vec<NaiveDateTime>)>) -> Vec<NaiveDateTime> {
    let mut upstreams: Vec<_> = upstreams.collect();
    if upstreams.iter().any(|(_, times)| times.is_empty()) {
        return Vec::new();
    }
    upstreams.sort_by_key(|(id, times)| (times.len(), std::cmp::Reverse(times[0]), *id));
    upstreams[0].1.clone()
}

#[tokio::test]
async fn five_hundred_imported_jobs_plan_the_times_that_heras_rule_gives() {
    let Some(hera) = hera() else { return };
    let (statements, jobs) = generate(20_261_121, JOBS);
    statements
        .iter()
        .for_each(|statement| hera.execute(statement));
    let dependent = jobs.iter().filter(|job| job.cron.is_none()).count();
    assert!((150..350).contains(&dependent), "{dependent} are dependent");
    let expected: Vec<_> = days()
        .into_iter()
        .map(|day| (day, by_heras_rule(&jobs, day)))
        .collect();
    for target in targets().await {
        let report = import(&hera, &target.store, options()).await;
        assert_eq!(report.counts[&Kind::Job].imported, 501);
        let lost = report
            .findings
            .iter()
            .filter(|f| f.severity < Severity::Left);
        assert_eq!(lost.collect::<Vec<_>>(), Vec::<&Finding>::new());
        let snapshot = target.store.peek_snapshot(7).await.unwrap().snapshot;
        let mut engine = Engine::restore(snapshot, Limits::default());
        let mut compared = 0;
        for (day, expected) in &expected {
            for (id, expected) in expected {
                let versions = engine.versions_on(JobId(*id), *day);
                let planned: Vec<NaiveDateTime> = versions
                    .iter()
                    .map(|version| {
                        let local = version.business_time.with_timezone(&Tz::Asia__Shanghai);
                        local.naive_local()
                    })
                    .collect();
                let of = jobs.iter().find(|job| job.id == *id);
                assert_eq!(&planned, expected, "{of:?} on {day}");
                compared += planned.len();
            }
        }
        assert!(compared > 20_000, "only {compared} times were compared");
        for job in &jobs {
            let def = &engine.jobs()[&JobId(job.id)];
            assert_eq!(def.switch == hera_domain::status::Switch::Open, job.open);
        }
    }
}
