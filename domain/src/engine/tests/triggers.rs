//! Runs by hand, and opening and closing.

use super::*;
use crate::reason::Reason;

fn chain() -> Bench {
    Bench::open(vec![
        job(1, Some("0 0 3 * * ?"), &[]),
        job(2, None, &[1]),
        job(3, None, &[2]),
    ])
}

#[test]
fn recovering_a_root_drives_its_descendants_of_the_day() {
    let mut bench = chain();
    bench.until(at(2, 0));
    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let yesterday = at(3, 0) - TimeDelta::days(1);
    for job in [1, 2, 3] {
        let run = bench.started_one();
        assert_eq!(bench.engine.run(run.run).unwrap().job, JobId(job));
        bench.exits(&run, 0);
    }
    assert_eq!(bench.status(3, yesterday), VersionStatus::Success);
}

#[test]
fn a_manual_run_tells_nobody() {
    let mut bench = chain();
    bench.until(at(2, 0));
    bench.trigger(1, Trigger::Manual, At::Latest).unwrap();
    let made = bench.out.versions.values().next().unwrap();
    assert_eq!(made.row.reason, Some(Reason::Passed));
    let run = bench.started_one();
    bench.exits(&run, 0);
    assert!(bench.started().is_empty());
    let yesterday = at(3, 0) - TimeDelta::days(1);
    assert_eq!(bench.status(1, yesterday), VersionStatus::Waiting);
    assert_eq!(bench.status(2, yesterday), VersionStatus::Planned);
    bench.trigger(1, Trigger::Manual, At::Latest).unwrap();
    let run = bench.started_one();
    bench.exits(&run, 1);
    assert!(bench.alarms().is_empty());
}

#[test]
fn a_manual_only_job_runs_now_and_its_recoveries_are_its_plan() {
    let mut bench = Bench::open(vec![job(1, None, &[]), job(2, None, &[1])]);
    bench.until(at(2, 0) + TimeDelta::milliseconds(345));
    bench.trigger(1, Trigger::Manual, At::Latest).unwrap();
    let run = bench.started_one();
    bench.exits(&run, 0);
    assert_eq!(bench.status(1, at(2, 0)), VersionStatus::Success);
    assert!(bench.times(2).is_empty());
    bench.until(at(4, 0));
    bench.trigger(1, Trigger::Recover, At::Latest).unwrap();
    let run = bench.started_one();
    assert_eq!(bench.status(2, at(4, 0)), VersionStatus::Waiting);
    bench.exits(&run, 0);
    let run = bench.started_one();
    bench.exits(&run, 0);
    assert_eq!(bench.status(2, at(4, 0)), VersionStatus::Success);
}

#[test]
fn a_time_of_no_plan_makes_an_ad_hoc_version_that_no_window_holds() {
    let mut bench = chain();
    bench
        .trigger(1, Trigger::Recover, At::Business(at(1, 23)))
        .unwrap();
    let run = bench.started_one();
    bench.exits(&run, 0);
    assert_eq!(bench.status(1, at(1, 23)), VersionStatus::Success);
    assert!(bench.started().is_empty());
    assert_eq!(bench.times(2), [at(3, 0)]);
}

#[test]
fn a_live_run_and_an_empty_schedule_are_refused_by_name() {
    let rare = job(4, Some("0 0 3 1 1 ?"), &[]);
    let mut bench = Bench::open(vec![job(1, Some("0 0 3 * * ?"), &[]), rare]);
    bench.until(at(3, 0));
    let refusal = bench.trigger(1, Trigger::Manual, At::Latest).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "version 202611200300000001 of job 1 has a live run: 1 is dispatched. Wait for it or cancel it"
    );
    assert!(bench.out.runs.is_empty() && bench.out.versions.is_empty());
    let refusal = bench.trigger(4, Trigger::Manual, At::Latest).unwrap_err();
    assert_eq!(refusal, Refusal::NothingScheduled { job: JobId(4) });
}

#[test]
fn an_old_business_time_needs_the_surroundings_of_its_version() {
    let bench = chain();
    let request = |time| TriggerRequest {
        job: JobId(2),
        trigger: Trigger::Recover,
        at: At::Business(time),
        params: None,
        repeats: None,
        operator: None,
    };
    assert_eq!(
        bench.engine.recall_needed(&request(at(3, 0)), at(4, 0)),
        None
    );
    let old = at(3, 0) - TimeDelta::days(100);
    let recall = bench.engine.recall_needed(&request(old), at(4, 0)).unwrap();
    let jobs: Vec<_> = recall.iter().map(|recall| recall.job.0).collect();
    assert_eq!(jobs, [1, 2, 3]);
    assert!(
        recall
            .iter()
            .all(|recall| recall.from < old && old < recall.until)
    );
}

#[test]
fn closing_and_opening_are_refused_while_others_are_in_the_way() {
    let mut bench = chain();
    let refusal = bench.switch(&[1, 2], Switch::Closed).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "job 1 cannot be closed: 1 open jobs depend on it (3 job3). Close them first or close the whole chain"
    );
    bench.switch(&[1, 2, 3], Switch::Closed).unwrap();
    assert_eq!(bench.out.jobs.len(), 3);
    let refusal = bench.switch(&[3], Switch::Open).unwrap_err();
    assert!(
        matches!(refusal, Refusal::ClosedUpstreams { ref in_the_way, .. } if in_the_way.len() == 2)
    );
    let open = bench.try_step(Event::DeleteJob(JobId(1))).unwrap_err();
    assert!(matches!(open, Refusal::DependedOn { .. }), "{open}");
    bench.step(Event::DeleteJob(JobId(3)));
    assert_eq!(bench.out.jobs[&JobId(3)], None);
}

#[test]
fn times_while_a_job_is_closed_have_no_versions() {
    let mut bench = Bench::open(vec![job(1, Some("0 0 1,2,3 * * ?"), &[])]);
    bench.until(at(1, 0));
    let run = bench.started_one();
    bench.exits(&run, 0);
    bench.now = at(1, 30);
    bench.switch(&[1], Switch::Closed).unwrap();
    bench.until(at(2, 0));
    assert!(bench.started().is_empty());
    bench.now = at(2, 30);
    bench.switch(&[1], Switch::Open).unwrap();
    assert!(bench.started().is_empty());
    bench.until(at(3, 0));
    bench.started_one();
    assert_eq!(bench.status(1, at(2, 0)), VersionStatus::Planned);
}

#[test]
fn a_queued_run_of_a_closed_job_is_taken_back_and_goes_on_at_the_reopening() {
    for (hours, expected) in [(2, VersionStatus::Queued), (30, VersionStatus::Missed)] {
        let mut bench = Bench::open(vec![job(1, Some("0 0 3 20 * ?"), &[])]);
        bench.report(WorkerEvent::Accepting(false));
        bench.until(at(3, 0));
        let run = *bench.out.runs.keys().next().unwrap();
        bench.switch(&[1], Switch::Closed).unwrap();
        assert_eq!(bench.run_row(run).status, RunStatus::Cancelled);
        assert_eq!(bench.status(1, at(3, 0)), VersionStatus::Waiting);
        let row = bench.out.versions.values().next().unwrap();
        assert_eq!(row.row.reason, Some(Reason::Closed));
        bench.now = at(3, 0) + TimeDelta::hours(hours);
        bench.switch(&[1], Switch::Open).unwrap();
        assert_eq!(bench.status(1, at(3, 0)), expected);
    }
}
