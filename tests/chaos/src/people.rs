//! What people do meanwhile: start jobs by hand, and cancel runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hera_tests::{Api, Reply, pause};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::history::{ByHand, Job};
use crate::plan::When;

/// How long somebody tries on before giving up.
const STUBBORN: Duration = Duration::from_secs(30);

/// What was asked for and answered.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub by_hand: Vec<ByHand>,
    pub cancels: Vec<i64>,
}

/// Works until told to stop.
pub fn work(apis: &[Api], jobs: &BTreeMap<i64, Job>, seed: u64, stop: &AtomicBool) -> Asked {
    let mut random = StdRng::seed_from_u64(seed.rotate_left(17));
    let by_hand: Vec<i64> = of(jobs, |job| job.spec.when == When::Manual);
    let cancelled: Vec<i64> = of(jobs, |job| job.spec.cancelled);
    let mut asked = Asked::default();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        pause(Duration::from_millis(random.random_range(200..900)));
        if random.random_bool(0.6) {
            number += 1;
            let Some(job) = by_hand.choose(&mut random) else {
                continue;
            };
            let key = format!("{seed}-{number}");
            asked
                .by_hand
                .push(start(apis, *job, key, &mut random, stop));
        } else if let Some(job) = cancelled.choose(&mut random) {
            asked
                .cancels
                .extend(cancel_one(apis, *job, &mut random, stop));
        }
    }
    asked
}

fn of(jobs: &BTreeMap<i64, Job>, wanted: impl Fn(&Job) -> bool) -> Vec<i64> {
    jobs.values()
        .filter(|job| wanted(job))
        .map(|job| job.id)
        .collect()
}

/// Asks until there is an answer, at times once more than needed.
fn start(apis: &[Api], job: i64, key: String, random: &mut StdRng, stop: &AtomicBool) -> ByHand {
    let path = format!("/jobs/{job}/runs");
    let body = json!({"trigger": "manual"});
    let times = if random.random_bool(0.3) { 2 } else { 1 };
    let mut runs = Vec::new();
    for _ in 0..times {
        let reply = insist(apis, random, stop, |api| api.post_once(&path, &key, &body));
        runs.extend(
            reply
                .filter(|reply| reply.status == 202)
                .and_then(|reply| reply.body["run_id"].as_i64()),
        );
    }
    ByHand { key, job, runs }
}

/// Cancels the newest live run of a job; its id if that was answered with success.
fn cancel_one(apis: &[Api], job: i64, random: &mut StdRng, stop: &AtomicBool) -> Option<i64> {
    let path = format!("/runs?job_id={job}&limit=10");
    let list = insist(apis, random, stop, |api| api.get(&path))?;
    let live = |status: &str| matches!(status, "queued" | "dispatched" | "running");
    let runs = list.body["items"].as_array()?;
    let run = runs
        .iter()
        .find(|run| run["status"].as_str().is_some_and(live))?["id"]
        .as_i64()?;
    let path = format!("/runs/{run}/cancel");
    let reply = insist(apis, random, stop, |api| api.post(&path, &json!({})))?;
    (reply.status == 202).then_some(run)
}

/// Tries admins until one answers other than "not now"; gives up at last.
fn insist(
    apis: &[Api],
    random: &mut StdRng,
    stop: &AtomicBool,
    ask: impl Fn(&Api) -> anyhow::Result<Reply>,
) -> Option<Reply> {
    let deadline = Instant::now() + STUBBORN;
    while Instant::now() < deadline && !stop.load(Ordering::Relaxed) {
        let api = apis.choose(random)?;
        if let Some(reply) = ask(api).ok().filter(|reply| reply.status < 500) {
            return Some(reply);
        }
        pause(Duration::from_millis(200));
    }
    None
}
