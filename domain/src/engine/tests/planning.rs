//! When versions are planned, and when they may start.

use super::*;
use crate::cron::Validity;
use crate::reason::Reason;

#[test]
fn times_outside_of_the_validity_are_not_planned() {
    let mut first = job(1, Some("0 0 * * * ?"), &[]);
    first.eras[0].schedule.validity = Validity {
        from: Some(at(2, 0)),
        until: Some(at(4, 0)),
    };
    let mut second = job(2, None, &[1]);
    second.eras[0].schedule.validity.from = Some(at(3, 0));
    let mut bench = Bench::open(vec![first, second]);
    assert_eq!(bench.times(1), [at(2, 0), at(3, 0)]);
    assert_eq!(bench.times(2), [at(3, 0)]);
    bench.until(at(1, 30));
    assert!(bench.started().is_empty());
    bench.until(at(2, 0));
    let run = bench.started_one();
    bench.exits(&run, 0);
    bench.until(at(9, 0));
    assert_eq!(bench.started().len(), 1, "only 3 o'clock is left");
}

#[test]
fn the_upstream_with_the_fewest_versions_gives_the_times() {
    let hourly = job(1, Some("0 0 * * * ?"), &[]);
    let daily = job(2, Some("0 30 2 * * ?"), &[]);
    let mut bench = Bench::open(vec![hourly, daily, job(3, None, &[1, 2])]);
    assert_eq!(bench.times(3), [at(2, 30)]);
    let versions = bench.engine.versions_on(JobId(3), at(0, 0).date_naive());
    let members: Vec<_> = versions[0]
        .edges
        .iter()
        .map(|edge| edge.member.clone().unwrap().0)
        .collect();
    // 02:00 and 03:00 are equally near: the earlier one.
    assert_eq!(members, ["202611200200000001", "202611200230000002"]);
}

#[test]
fn of_equally_many_versions_those_with_the_later_first_one_give_the_times() {
    let early = job(1, Some("0 0 1 * * ?"), &[]);
    let late = job(2, Some("0 0 5 * * ?"), &[]);
    let mut bench = Bench::open(vec![early, late, job(3, None, &[1, 2])]);
    assert_eq!(bench.times(3), [at(5, 0)]);
    let twin = job(2, Some("0 0 1 * * ?"), &[]);
    let mut bench = Bench::open(vec![
        job(1, Some("0 0 1 * * ?"), &[]),
        twin,
        job(3, None, &[2, 1]),
    ]);
    assert_eq!(bench.times(3), [at(1, 0)]);
}

#[test]
fn an_upstream_without_versions_that_day_leaves_none() {
    let sundays = job(2, Some("0 0 3 ? * SUN"), &[]);
    let mut bench = Bench::open(vec![
        job(1, Some("0 0 3 * * ?"), &[]),
        sundays,
        job(3, None, &[1, 2]),
    ]);
    assert!(bench.times(3).is_empty());
}

#[test]
fn with_a_cron_of_its_own_a_dependent_runs_at_its_times_after_its_upstreams() {
    let upstream = job(1, Some("0 0 3 * * ?"), &[]);
    let mut bench = Bench::open(vec![upstream, job(2, Some("0 0 2,4 * * ?"), &[1])]);
    assert_eq!(bench.times(2), [at(2, 0), at(4, 0)]);
    bench.until(at(2, 0));
    assert!(
        bench.started().is_empty(),
        "its upstream's 03:00 is the nearest"
    );
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.exits(&run, 0);
    let run = bench.started_one();
    bench.exits(&run, 0);
    assert_eq!(bench.status(2, at(2, 0)), VersionStatus::Success);
    bench.until(at(4, 0));
    bench.started_one();
}

#[test]
fn a_business_day_is_one_of_the_dependent_s_zone() {
    // 20:00 in UTC is 04:00 of the next day in Shanghai.
    let upstream = job(1, Some("0 0 1,20 * * ?"), &[]);
    let mut dependent = job(2, None, &[1]);
    dependent.eras[0].schedule.timezone = chrono_tz::Asia::Shanghai;
    let mut bench = Bench::open(vec![upstream, dependent]);
    let yesterday = at(20, 0) - TimeDelta::days(1);
    assert_eq!(bench.times(2), [yesterday, at(1, 0)]);
    let versions = bench.engine.versions_on(JobId(2), at(0, 0).date_naive());
    assert_eq!(versions[0].id.0, "202611200400000002");
}

#[test]
fn a_repeated_hour_makes_two_versions_with_different_ids() {
    let mut twice = job(1, Some("0 30 * * * ?"), &[]);
    twice.eras[0].schedule.timezone = chrono_tz::Europe::Berlin;
    let mut bench = Bench::open(vec![twice]);
    let day = chrono::NaiveDate::from_ymd_opt(2026, 10, 25).unwrap();
    let versions = bench.engine.versions_on(JobId(1), day);
    assert_eq!(versions.len(), 25);
    let ids: BTreeSet<_> = versions.iter().map(|version| version.id.clone()).collect();
    assert_eq!(ids.len(), 25);
    assert!(ids.contains(&crate::version_id::VersionId(
        "202610250230000001b".to_owned()
    )));
}

#[test]
fn a_new_schedule_holds_for_times_after_its_save() {
    let mut bench = Bench::open(vec![job(1, Some("0 0 2,14 * * ?"), &[])]);
    bench.until(at(2, 0));
    let run = bench.started_one();
    bench.exits(&run, 0);
    bench.now = at(12, 0);
    bench.step(Event::SaveJob(Arc::new(job(
        1,
        Some("0 0 1,15 * * ?"),
        &[],
    ))));
    assert_eq!(bench.times(1), [at(2, 0), at(15, 0)]);
    bench.until(at(14, 0));
    assert!(bench.started().is_empty());
    bench.until(at(15, 0));
    bench.started_one();
}

#[test]
fn a_time_that_came_just_before_a_save_is_not_forgotten() {
    let mut bench = Bench::open(vec![job(1, Some("0 0 2 * * ?"), &[])]);
    bench.now = at(2, 0) + TimeDelta::seconds(1);
    bench.step(Event::SaveJob(Arc::new(job(1, Some("0 0 5 * * ?"), &[]))));
    bench.started_one();
    assert_eq!(bench.status(1, at(2, 0)), VersionStatus::Queued);
}

#[test]
fn a_waiting_version_whose_time_is_gone_says_so_and_goes_on_when_it_returns() {
    let mut bench = Bench::open(vec![
        job(1, Some("0 0 3 * * ?"), &[]),
        job(2, Some("0 0 5 * * ?"), &[1]),
    ]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    // The recovery makes today's version of the dependent before it is due.
    bench.exits(&run, 0);
    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let run = bench.started_one();
    assert_eq!(bench.status(2, at(5, 0)), VersionStatus::Waiting);
    bench.exits(&run, 0);
    bench.step(Event::SaveJob(Arc::new(job(2, Some("0 0 6 * * ?"), &[1]))));
    let version = bench.out.versions.values().next().unwrap();
    assert_eq!(version.row.reason, Some(Reason::NotScheduled));
    bench.until(at(5, 0));
    assert!(bench.started().is_empty());
    bench.step(Event::SaveJob(Arc::new(job(2, Some("0 0 5 * * ?"), &[1]))));
    // Its time is before this save, whose schedule does not reach back.
    assert!(bench.started().is_empty());
}

#[test]
fn a_version_waits_for_days_and_is_then_missed_with_one_alarm() {
    let mut bench = Bench::open(vec![job(1, Some("0 0 3 20 * ?"), &[]), job(2, None, &[1])]);
    bench.until(at(3, 0));
    let run = bench.started_one();
    bench.exits(&run, 1);
    assert_eq!(bench.alarms(), [AlarmKind::RunFailed]);
    bench.until(at(3, 0) + TimeDelta::days(7));
    assert_eq!(bench.alarms(), [AlarmKind::WaitingExpired]);
    assert_eq!(bench.status(2, at(3, 0)), VersionStatus::Missed);
    bench.until(at(4, 0) + TimeDelta::days(7));
    assert!(bench.alarms().is_empty());
}

#[test]
fn times_without_a_leader_are_handled_by_the_job_s_policy() {
    for (policy, expected) in [
        (
            Misfire::RunAll,
            [VersionStatus::Queued, VersionStatus::Waiting],
        ),
        (
            Misfire::RunLatest,
            [VersionStatus::Missed, VersionStatus::Waiting],
        ),
        (
            Misfire::Skip,
            [VersionStatus::Missed, VersionStatus::Missed],
        ),
    ] {
        let mut late = job(1, Some("0 0 1,3 * * ?"), &[]);
        late.misfire = policy;
        let mut bench = Bench::open(vec![late]);
        bench.now = at(6, 0);
        let tick = bench.tick();
        bench.engine.takeover(tick, &mut bench.out);
        bench.report(WorkerEvent::Connected(hello()));
        let found = [bench.status(1, at(1, 0)), bench.status(1, at(3, 0))];
        let started = |status| {
            if status == VersionStatus::Waiting {
                VersionStatus::Queued
            } else {
                status
            }
        };
        assert_eq!(found, expected.map(started), "{policy}");
        assert_eq!(
            bench.started().len(),
            usize::from(policy != Misfire::Skip),
            "{policy}"
        );
    }
}

#[test]
fn every_time_gets_its_row_even_if_one_settle_cannot_hold_them() {
    let mut often = job(1, Some("0 * * * * ?"), &[]);
    often.overlap = Overlap::Allow;
    let mut bench = Bench::open(vec![often]);
    bench.now = at(23, 0);
    let mut rows = 0;
    for _ in 0..20 {
        bench.until(at(23, 0));
        rows += bench
            .out
            .versions
            .values()
            .filter(|change| change.expect.is_none())
            .count();
        assert!(
            bench.out.versions.len() <= 1_100,
            "{}",
            bench.out.versions.len()
        );
    }
    assert_eq!(rows, 23 * 60);
    assert_eq!(bench.out.planned_through, None, "nothing is left to write");
}

#[test]
fn a_cycle_and_an_unknown_or_too_frequent_upstream_are_refused() {
    let mut bench = Bench::open(vec![
        job(1, Some("0 0 3 * * ?"), &[]),
        job(2, None, &[1]),
        job(3, None, &[2]),
        job(4, Some("*/30 * * * * ?"), &[]),
    ]);
    let refusal = bench
        .try_step(Event::SaveJob(Arc::new(job(1, None, &[3]))))
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "job 1 (job1) cannot be saved: its dependencies form a cycle: 1 job1 → 3 job3 → 2 job2 → 1 job1"
    );
    let own = bench
        .try_step(Event::SaveJob(Arc::new(job(1, None, &[1]))))
        .unwrap_err();
    assert!(matches!(own, Refusal::Cycle { .. }), "{own}");
    let unknown = bench
        .try_step(Event::SaveJob(Arc::new(job(3, None, &[9]))))
        .unwrap_err();
    assert!(
        matches!(unknown, Refusal::NoSuchUpstream { .. }),
        "{unknown}"
    );
    let frequent = bench
        .try_step(Event::SaveJob(Arc::new(job(3, None, &[4]))))
        .unwrap_err();
    assert!(
        matches!(frequent, Refusal::TooFrequentUpstream { .. }),
        "{frequent}"
    );
    assert!(bench.out.jobs.is_empty());
}
