//! How long nothing starts after the leader was killed, with the timings of the product.

use std::time::Duration;

use anyhow::Context as _;
use hera_tests::{pause, within};
use rand::RngExt as _;
use serde::Deserialize;
use serde_json::json;

use crate::database::millis;
use crate::world::{Part, Shape, World};

/// The lease that a new leader waits for, by default.
pub const LEASE: Duration = Duration::from_secs(5);

/// From each `kill -9` of the leader to the first dispatch by the next one; sorted.
///
/// # Errors
/// When the harness itself fails.
pub fn takeovers(times: usize) -> anyhow::Result<Vec<Duration>> {
    let folder = tempfile::Builder::new().prefix("hera-chaos-").tempdir()?;
    let mut world = World::start(folder.path(), Shape::usual(2, 2))?;
    let api = world.api(world.leader().context("nobody leads")?);
    let group = api.create_group("takeover");
    let every_second = json!({"kind": "cron", "cron": "* * * * * ?"});
    api.create_job(group, "tick", "true", &every_second);
    let mut took = Vec::new();
    for _ in 0..times {
        dispatched_after(&world, 0);
        // Anywhere between two renewals.
        pause(Duration::from_millis(rand::rng().random_range(0..1000)));
        let leader = Part::Admin(world.leader().context("nobody leads")?);
        world.kill(leader);
        let killed_at = now(&world)?;
        let dispatched_at = dispatched_after(&world, killed_at);
        took.push(Duration::from_millis(
            (dispatched_at - killed_at).unsigned_abs(),
        ));
        world.revive(leader)?;
        world.await_whole();
    }
    took.sort();
    Ok(took)
}

#[derive(Deserialize)]
struct Moment {
    at: Option<i64>,
}

fn now(world: &World) -> anyhow::Result<i64> {
    let rows: Vec<Moment> = world
        .database
        .rows(&[("at", &*millis("UTC_TIMESTAMP(3)"))], "DUAL")?;
    rows.first().and_then(|row| row.at).context("no clock")
}

/// Waits for a dispatch after a moment, and says when the first one was.
fn dispatched_after(world: &World, moment: i64) -> i64 {
    let columns = [("at", &*format!("MIN({})", millis("dispatched_at")))];
    let from = format!("hera.hera_run WHERE {} > {moment}", millis("dispatched_at"));
    within(Duration::from_secs(60), "somebody dispatches", || {
        let rows: Vec<Moment> = world.database.rows(&columns, &from).ok()?;
        rows.first()?.at
    })
}
