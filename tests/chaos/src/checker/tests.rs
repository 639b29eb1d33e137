//! A small good history, and one way to break each promise: the checker notices every one.

use super::{Law, check};
use crate::history::{Alarm, ByHand, Did, Event, History, Job, Log, Run, Seen, Version};
use crate::plan::{self, Spec};

const OPENED: i64 = 600_000_500;
const UPSTREAM: i64 = 1;
const DOWNSTREAM: i64 = 2;
const FAILING: i64 = 3;

fn spec(name: &str) -> Spec {
    plan::jobs()
        .into_iter()
        .find(|spec| spec.name == name)
        .unwrap()
}

fn event(did: Did, version: &str, run: i64, at: i64) -> Event {
    Event {
        did,
        version: version.to_owned(),
        run,
        attempt: 1,
        at,
    }
}

/// What a run writes that takes `beats`, from `at` on.
fn ran(version: &str, run: i64, at: i64, beats: u32, last: Did) -> Vec<Event> {
    let mut events = vec![event(Did::Start, version, run, at)];
    events
        .extend((0..beats).map(|beat| event(Did::Beat, version, run, at + i64::from(beat) * 100)));
    events.push(event(last, version, run, at + i64::from(beats) * 100));
    events
}

fn version(id: i64, name: &str, job: i64, at: i64, status: &str) -> Version {
    Version {
        id,
        version: name.to_owned(),
        job,
        business_time: at,
        due_at: at,
        origin: "planned".to_owned(),
        status: status.to_owned(),
    }
}

fn run(id: i64, version: i64, job: i64, status: &str, ended_at: i64) -> Run {
    Run {
        id,
        version,
        job,
        trigger: "schedule".to_owned(),
        status: status.to_owned(),
        worker: Some(1),
        ended_at: Some(ended_at),
        kill_confirmed: None,
        reason: None,
    }
}

/// "chain a" and "chain b" at one instant, "never well" at another; all as it should be.
fn good() -> History {
    let mut history = History {
        slots: 2,
        ..History::default()
    };
    let chain = 600_005_000;
    let failing = 600_010_000;
    for (id, name, until) in [
        (UPSTREAM, "chain a", 600_060_000),
        (DOWNSTREAM, "chain b", i64::MAX),
        (FAILING, "never well", 600_015_000),
    ] {
        history.jobs.insert(
            id,
            Job {
                id,
                spec: spec(name),
                opened_at: OPENED,
                until,
            },
        );
    }
    history.versions = vec![
        version(11, "a@5", UPSTREAM, chain, "success"),
        version(12, "b@5", DOWNSTREAM, chain, "success"),
        version(13, "n@10", FAILING, failing, "failed"),
    ];
    for run in [
        run(21, 11, UPSTREAM, "success", chain + 500),
        run(22, 12, DOWNSTREAM, "success", chain + 1500),
        run(23, 13, FAILING, "failed", failing + 400),
        run(24, 13, FAILING, "failed", failing + 900),
    ] {
        history.runs.insert(run.id, run);
    }
    history
        .events
        .insert(UPSTREAM, ran("a@5", 21, chain + 20, 3, Did::End));
    history
        .events
        .insert(DOWNSTREAM, ran("b@5", 22, chain + 520, 8, Did::End));
    let mut twice = ran("n@10", 23, failing + 20, 3, Did::Fail);
    twice.extend(ran("n@10", 24, failing + 500, 3, Did::Fail));
    history.events.insert(FAILING, twice);
    for row in history.runs.values() {
        let bytes = history.jobs[&row.job].spec.output(row.id).into_bytes();
        history.logs.insert(
            row.id,
            Log {
                bytes,
                complete: true,
            },
        );
    }
    let told = Alarm {
        key: "run_failed/13/24".to_owned(),
        kind: "run_failed".to_owned(),
        version: Some(13),
    };
    history.alarms.push(told);
    history.by_hand.push(ByHand {
        key: "k".to_owned(),
        job: UPSTREAM,
        runs: vec![21, 21],
    });
    history.seen.push(Seen {
        run: 21,
        status: "success".to_owned(),
    });
    history
}

/// The laws that a good history breaks once it is changed like this.
fn broken(change: impl FnOnce(&mut History)) -> Vec<Law> {
    let mut history = good();
    change(&mut history);
    let mut laws: Vec<Law> = check(&history)
        .into_iter()
        .map(|violation| violation.law)
        .collect();
    laws.dedup();
    laws
}

#[test]
fn a_good_history_breaks_nothing() {
    assert_eq!(check(&good()), []);
}

#[test]
fn an_instant_without_a_row_is_noticed() {
    assert!(broken(|h| h.versions.retain(|v| v.id != 13)).contains(&Law::OneRowPerInstant));
}

#[test]
fn a_second_row_of_an_instant_is_noticed() {
    let twice = |h: &mut History| {
        h.versions
            .push(version(14, "a@5 again", UPSTREAM, 600_005_000, "success"));
    };
    assert_eq!(broken(twice), [Law::OneRowPerInstant]);
}

#[test]
fn a_row_that_no_instant_stands_for_is_noticed() {
    let stray = |h: &mut History| {
        h.versions
            .push(version(14, "a@6", UPSTREAM, 600_006_000, "success"));
    };
    assert_eq!(broken(stray), [Law::OneRowPerInstant]);
}

#[test]
fn a_version_that_nothing_holds_back_is_noticed() {
    let waits = |h: &mut History| {
        h.versions[1].status = "waiting".to_owned();
        h.waits_for
            .insert(12, "chain a has not succeeded".to_owned());
    };
    assert!(broken(waits).contains(&Law::NothingHangs));
}

#[test]
fn a_version_that_waits_for_no_reason_is_noticed() {
    let waits = |h: &mut History| {
        h.versions[0].status = "failed".to_owned();
        h.versions[1].status = "waiting".to_owned();
        h.waits_for.insert(12, String::new());
    };
    assert!(broken(waits).contains(&Law::NothingHangs));
}

#[test]
fn a_run_without_an_end_is_noticed() {
    let hangs = |h: &mut History| h.runs.get_mut(&22).unwrap().status = "running".to_owned();
    assert!(broken(hangs).contains(&Law::NothingHangs));
}

#[test]
fn another_end_than_without_faults_is_noticed() {
    assert!(broken(|h| h.versions[0].status = "lost".to_owned()).contains(&Law::SameEnd));
    assert!(broken(|h| h.versions[2].status = "success".to_owned()).contains(&Law::SameEnd));
}

#[test]
fn runs_beside_each_other_are_noticed() {
    let beside = |h: &mut History| h.events.get_mut(&FAILING).unwrap().swap(4, 5);
    assert_eq!(broken(beside), [Law::NoOverlap]);
}

#[test]
fn a_run_may_outlive_an_unconfirmed_end_only() {
    let beside = |confirmed: i64| {
        broken(move |h: &mut History| {
            h.events.get_mut(&FAILING).unwrap().swap(4, 5);
            let run = h.runs.get_mut(&23).unwrap();
            run.status = "cancelled".to_owned();
            run.kill_confirmed = Some(confirmed);
            run.ended_at = Some(i64::MAX - 100);
        })
    };
    assert!(!beside(0).contains(&Law::NoOverlap));
    assert!(beside(1).contains(&Law::NoOverlap));
}

#[test]
fn a_start_before_its_time_is_noticed() {
    let early = |h: &mut History| h.versions[2].due_at += 1000;
    assert_eq!(broken(early), [Law::NothingEarly]);
}

#[test]
fn a_start_before_its_upstream_is_noticed() {
    let early = |h: &mut History| {
        h.events
            .insert(DOWNSTREAM, ran("b@5", 22, 600_005_100, 8, Did::End));
    };
    assert_eq!(broken(early), [Law::NothingEarly]);
}

#[test]
fn more_runs_than_slots_are_noticed() {
    assert_eq!(broken(|h| h.slots = 0), [Law::SlotsHold]);
}

#[test]
fn a_cancelled_run_that_starts_is_noticed() {
    let starts = |h: &mut History| {
        let run = h.runs.get_mut(&24).unwrap();
        run.status = "cancelled".to_owned();
        run.kill_confirmed = Some(0);
        run.ended_at = Some(600_010_000);
    };
    assert_eq!(broken(starts), [Law::CancelledStaysCancelled]);
}

#[test]
fn a_cancelled_run_that_goes_on_is_noticed() {
    let goes_on = |h: &mut History| {
        let run = h.runs.get_mut(&24).unwrap();
        run.status = "cancelled".to_owned();
        run.kill_confirmed = Some(1);
        run.ended_at = Some(600_010_600);
    };
    assert_eq!(broken(goes_on), [Law::CancelledStaysCancelled]);
}

#[test]
fn a_final_status_that_changes_is_noticed() {
    assert_eq!(
        broken(|h| h.seen[0].status = "lost".to_owned()),
        [Law::FinalStays]
    );
}

#[test]
fn a_run_that_starts_twice_is_noticed() {
    let twice = |h: &mut History| {
        let events = h.events.get_mut(&UPSTREAM).unwrap();
        events.insert(0, events[0].clone());
    };
    assert_eq!(broken(twice), [Law::OnceAndCounted]);
}

#[test]
fn a_success_that_never_ran_is_noticed() {
    assert!(
        broken(|h| h.events.remove(&DOWNSTREAM).map_or((), drop)).contains(&Law::OnceAndCounted)
    );
}

#[test]
fn an_end_that_was_not_counted_is_noticed() {
    let failed = |h: &mut History| h.runs.get_mut(&22).unwrap().status = "failed".to_owned();
    assert_eq!(broken(failed), [Law::OnceAndCounted]);
}

#[test]
fn a_run_without_a_row_is_noticed() {
    assert!(broken(|h| h.runs.remove(&23).map_or((), drop)).contains(&Law::OnceAndCounted));
}

#[test]
fn a_log_with_a_changed_byte_or_a_lost_end_is_noticed() {
    assert_eq!(
        broken(|h| h.logs.get_mut(&22).unwrap().bytes[3] ^= 1),
        [Law::LogIsWhole]
    );
    assert_eq!(
        broken(|h| h.logs.get_mut(&22).unwrap().bytes.truncate(30)),
        [Law::LogIsWhole]
    );
    assert_eq!(
        broken(|h| h.logs.get_mut(&22).unwrap().complete = false),
        [Law::LogIsWhole]
    );
}

#[test]
fn a_failure_without_its_alarm_or_with_two_is_noticed() {
    assert_eq!(broken(|h| h.alarms.clear()), [Law::OneAlarmPerEvent]);
    let twice = |h: &mut History| h.alarms.push(h.alarms[0].clone());
    assert_eq!(broken(twice), [Law::OneAlarmPerEvent]);
}

#[test]
fn an_answer_that_did_not_hold_is_noticed() {
    assert_eq!(broken(|h| h.by_hand[0].runs.push(22)), [Law::AnswersHold]);
    assert_eq!(broken(|h| h.by_hand[0].runs = vec![99]), [Law::AnswersHold]);
    assert_eq!(broken(|h| h.cancels.push(99)), [Law::AnswersHold]);
}
