//! Calendars: what is skipped, what is moved, and what a changed calendar changes. The business
//! day of these tests, the 20th, is a Friday.

use chrono::Days;

use super::*;
use crate::calendar::{CalendarContent, CalendarDef, CalendarRule, DayOfWeek, DayRule};
use crate::id::CalendarId;

fn on(day: u32, hour: u32) -> Timestamp {
    Utc.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap()
}

/// Monday to Friday without these days of November.
fn workdays(without: &[u32]) -> Event {
    let off = without
        .iter()
        .map(|day| (on(*day, 0).date_naive(), "festival".to_owned()));
    Event::SaveCalendar(Arc::new(CalendarDef {
        id: CalendarId(1),
        revision: Revision(1),
        content: CalendarContent {
            name: "workdays".to_owned(),
            weekdays: DayOfWeek::ALL[..5].iter().copied().collect(),
            removed: off.collect(),
            ..CalendarContent::default()
        },
    }))
}

fn daily(id: i64, rule: DayRule) -> JobDef {
    let mut job = job(id, Some("0 0 3 * * ?"), &[]);
    job.eras[0].schedule.calendar = Some(CalendarRule {
        name: "workdays".to_owned(),
        rule,
    });
    job
}

fn bench(rule: DayRule, without: &[u32]) -> Bench {
    let mut bench = Bench::open(vec![daily(1, rule), job(2, None, &[1])]);
    bench.step(workdays(without));
    bench
}

impl Bench {
    fn view(&mut self, job: i64, time: Timestamp) -> VersionView {
        let versions = self.engine.versions_on(JobId(job), time.date_naive());
        versions
            .into_iter()
            .find(|v| v.business_time == time)
            .unwrap()
    }
}

#[test]
fn a_day_that_is_left_out_is_skipped_when_it_comes_and_dependents_go_on() {
    let mut bench = bench(DayRule::Include, &[20]);
    bench.until(on(20, 2));
    assert_eq!(
        bench.status(1, on(20, 3)),
        VersionStatus::Planned,
        "not yet"
    );
    bench.until(on(20, 3));
    let skipped = bench.view(1, on(20, 3));
    assert_eq!(skipped.status, VersionStatus::Skipped);
    assert_eq!(
        skipped.reason.map(|reason| reason.to_string()).as_deref(),
        Some("2026-11-20 is no day of calendar workdays (festival)")
    );
    let run = bench.started_one();
    assert_eq!(bench.run_row(run.run).job, JobId(2));
}

#[test]
fn what_would_be_skipped_waits_for_its_upstreams_first() {
    let mut second = job(2, None, &[1]);
    second.eras[0].schedule.calendar = Some(CalendarRule {
        name: "workdays".to_owned(),
        rule: DayRule::Exclude,
    });
    let mut bench = Bench::open(vec![job(1, Some("0 0 3 * * ?"), &[]), second]);
    bench.step(workdays(&[]));
    bench.until(on(20, 3));
    let run = bench.started_one();
    assert_eq!(bench.status(2, on(20, 3)), VersionStatus::Waiting);
    bench.exits(&run, 0);
    assert_eq!(bench.status(2, on(20, 3)), VersionStatus::Skipped);
}

#[test]
fn a_version_moved_to_the_next_working_day_keeps_its_business_time() {
    let mut bench = bench(DayRule::Next, &[]);
    bench.until(on(20, 3));
    let friday = bench.started_one();
    bench.exits(&friday, 0);
    let friday = bench.started_one();
    bench.exits(&friday, 0);
    assert_eq!(bench.view(1, on(21, 3)).due_at, on(23, 3), "while virtual");
    bench.until(on(22, 12));
    assert!(bench.started().is_empty());
    let saturday = bench.view(1, on(21, 3));
    assert_eq!(
        (saturday.status, saturday.due_at),
        (VersionStatus::Waiting, on(23, 3))
    );
    assert_eq!(
        saturday.reason.map(|reason| reason.to_string()).as_deref(),
        Some("calendar workdays moves it from 2026-11-21 to 2026-11-23")
    );
    bench.until(on(23, 3));
    assert_eq!(bench.started().len(), 1, "one after the other");
    let due: Vec<_> = [21, 22, 23]
        .map(|day| bench.view(1, on(day, 3)).due_at)
        .into();
    assert_eq!(due, [on(23, 3); 3]);
}

#[test]
fn a_version_moved_to_the_working_day_before_runs_ahead_of_its_business_time() {
    let mut bench = bench(DayRule::Previous, &[]);
    bench.until(on(20, 3));
    let rows = [20, 21, 22, 23].map(|day| bench.view(1, on(day, 3)).key.is_some());
    assert_eq!(rows, [true, true, true, false]);
    let mut ran = Vec::new();
    while let Some(run) = bench.started().first().cloned() {
        ran.push(bench.run_row(run.run).job.0);
        bench.exits(&run, 0);
    }
    assert_eq!(ran.iter().filter(|job| **job == 1).count(), 3, "{ran:?}");
    assert_eq!(bench.status(1, on(22, 3)), VersionStatus::Success);
}

#[test]
fn a_changed_calendar_moves_what_waits_and_takes_back_what_is_queued() {
    let mut bench = bench(DayRule::Next, &[20]);
    bench.until(on(20, 4));
    assert_eq!(bench.view(1, on(20, 3)).due_at, on(23, 3));
    bench.step(workdays(&[]));
    assert_eq!(bench.view(1, on(20, 3)).due_at, on(20, 3));
    assert_eq!(bench.started().len(), 1, "it is due after all");

    let mut bench = self::bench(DayRule::Include, &[]);
    bench.report(WorkerEvent::Accepting(false));
    bench.until(on(20, 3));
    assert_eq!(bench.status(1, on(20, 3)), VersionStatus::Queued);
    bench.step(workdays(&[20]));
    assert_eq!(bench.status(1, on(20, 3)), VersionStatus::Skipped);
}

#[test]
fn a_changed_calendar_takes_back_no_more_runs_than_a_batch_may_hold() {
    let jobs = (1..=1_500).map(|id| daily(id, DayRule::Include)).collect();
    let mut bench = Bench::open(jobs);
    bench.report(WorkerEvent::Accepting(false));
    bench.step(workdays(&[]));
    for _ in 0..10 {
        bench.until(on(20, 3));
    }
    assert_eq!(bench.status(1_500, on(20, 3)), VersionStatus::Queued);
    bench.step(workdays(&[20]));
    let cancelled = |bench: &Bench| {
        let rows = bench.out.runs.values().map(|change| change.row.status);
        rows.filter(|status| *status == RunStatus::Cancelled)
            .count()
    };
    let mut taken = vec![cancelled(&bench)];
    while bench.engine.next_deadline() == Some(Timestamp::MIN_UTC) {
        bench.until(on(20, 3));
        taken.push(cancelled(&bench));
    }
    assert!(taken.iter().all(|count| *count <= 1_000), "{taken:?}");
    assert_eq!(taken.iter().sum::<usize>(), 1_500);
    assert_eq!(bench.status(1_500, on(20, 3)), VersionStatus::Skipped);
}

#[test]
fn a_holiday_put_before_a_weekend_is_planned_as_soon_as_it_is_known() {
    // Thursday becomes the last working day: what is due on it is due at once.
    let mut bench = bench(DayRule::Previous, &[]);
    bench.until(on(20, 1));
    bench.step(workdays(&[20]));
    let thursday = on(20, 3).checked_sub_days(Days::new(1)).unwrap();
    assert_eq!(bench.view(1, on(20, 3)).due_at, thursday);
    assert_eq!(bench.started().len(), 1);
}

#[test]
fn what_was_due_before_its_job_was_opened_starts_then_and_is_not_missed() {
    let mut bench = Bench::open(Vec::new());
    bench.step(workdays(&[]));
    bench.engine.misfire_until = Some(on(22, 1));
    bench.now = on(22, 2);
    bench.step(Event::SaveJob(Arc::new(daily(1, DayRule::Previous))));
    bench.switch(&[1], Switch::Open).unwrap();
    assert_eq!(bench.view(1, on(22, 3)).due_at, on(20, 3));
    assert_eq!(bench.status(1, on(22, 3)), VersionStatus::Queued);
}

#[test]
fn a_leader_that_was_away_over_a_moved_time_has_missed_nothing() {
    let mut job = daily(1, DayRule::Next);
    job.misfire = Misfire::Skip;
    let mut first = Bench::open(vec![job.clone()]);
    first.step(workdays(&[]));
    let opened = on(19, 0);
    job.switch = Switch::Open;
    job.first_opened_at = Some(opened);
    job.opened_at = Some(opened);
    let Event::SaveCalendar(calendar) = workdays(&[]) else {
        unreachable!("it saves a calendar");
    };
    let snapshot = Snapshot {
        jobs: [(job.id, Arc::new(job))].into(),
        calendars: vec![calendar],
        planned_through: Some(on(20, 12)),
        ..Snapshot::default()
    };
    first.engine = Engine::restore(snapshot, Limits::default());
    first.now = on(22, 12);
    let mut out = Decisions::default();
    first.engine.takeover(first.tick(), &mut out);
    first.until(on(22, 12));
    let saturday = first.view(1, on(21, 3));
    assert_eq!(
        (saturday.status, saturday.due_at),
        (VersionStatus::Waiting, on(23, 3))
    );
}
