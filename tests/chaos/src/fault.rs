//! What is done to the parts, and how it is undone.

use std::time::{Duration, Instant};

use hera_tests::pause;
use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Deserialize;
use serde_json::json;

use crate::history::History;
use crate::proxy::{Traffic, Way, Wire};
use crate::world::{Part, World};

/// How long a fault waits for the moment that it is meant for.
const MOMENT: Duration = Duration::from_secs(6);

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    KillLeader,
    KillFollower,
    KillWorker,
    /// The leader and a worker at the same moment.
    KillBoth,
    KillDatabase,
    RestartDatabase,
    RestartLeader,
    RestartWorker,
    /// SIGSTOP past the lease.
    StopLeader,
    /// SIGSTOP past the lease, while it holds the lease's row in a transaction.
    StopLeaderInTransaction,
    StopWorker,
    StopDatabase,
    /// Nothing passes between a worker and the admins, or one way only.
    CutWorker,
    /// Likewise, and what was sent is lost.
    LoseWorker,
    /// Likewise between the leader and the database.
    CutDatabase,
    LoseDatabase,
    /// The leader and all others; it still reaches the database.
    CutLeader,
    ResetWires,
    SlowDatabase,
    SlowWorker,
    ReadOnlyDatabase,
    /// `kill -9` of a worker whose Start was held on its way.
    KillBeforeAck,
    /// … whose script runs, which nobody knows yet.
    KillAfterAck,
    /// … whose script has ended, which nobody knows yet.
    KillBeforeReport,
    /// A run is cancelled while nothing passes between its worker and the admins.
    CancelUnreachable,
    /// The disk of a worker, or of the leader. Not among the usual ones: runs may fail of it.
    FillWorker,
    FillLeader,
}

/// The usual ones, with how often each shall come.
const WEIGHTS: [(Fault, u32); 25] = [
    (Fault::KillLeader, 8),
    (Fault::KillFollower, 2),
    (Fault::KillWorker, 8),
    (Fault::KillBoth, 4),
    (Fault::KillDatabase, 4),
    (Fault::RestartDatabase, 3),
    (Fault::RestartLeader, 5),
    (Fault::RestartWorker, 5),
    (Fault::StopLeader, 6),
    (Fault::StopLeaderInTransaction, 5),
    (Fault::StopWorker, 4),
    (Fault::StopDatabase, 3),
    (Fault::CutWorker, 5),
    (Fault::LoseWorker, 4),
    (Fault::CutDatabase, 5),
    (Fault::LoseDatabase, 4),
    (Fault::CutLeader, 4),
    (Fault::ResetWires, 4),
    (Fault::SlowDatabase, 3),
    (Fault::SlowWorker, 3),
    (Fault::ReadOnlyDatabase, 3),
    (Fault::KillBeforeAck, 4),
    (Fault::KillAfterAck, 4),
    (Fault::KillBeforeReport, 4),
    (Fault::CancelUnreachable, 4),
];

/// A fault with its place and time.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub fault: Fault,
    /// Which worker, and which of other choices.
    pub choice: usize,
    /// How long it lasts.
    pub lasts: Duration,
    /// From it to the next one; shorter than `lasts`: both at the same time.
    pub gap: Duration,
}

/// The steps that a seed stands for: the longer list begins with the shorter one.
pub fn schedule(seed: u64) -> impl Iterator<Item = Step> {
    let mut random = StdRng::seed_from_u64(seed);
    // Each fault comes once before any comes twice: a short attack shows them all.
    let mut fresh: Vec<Fault> = Vec::new();
    std::iter::repeat_with(move || {
        if fresh.is_empty() {
            fresh = WEIGHTS.iter().map(|(fault, _)| *fault).collect();
        }
        let fault = if random.random_bool(0.4) {
            fresh.swap_remove(random.random_range(0..fresh.len()))
        } else {
            weighted(random.random_range(0..WEIGHTS.iter().map(|(_, weight)| weight).sum()))
        };
        let lasts = Duration::from_millis(match random.random_range(0..10) {
            0..3 => random.random_range(20..500),
            3..8 => random.random_range(1000..4000),
            // Some long enough that a worker is given up.
            8 => random.random_range(4000..8000),
            _ => random.random_range(9000..13_000),
        });
        let rest = Duration::from_millis(random.random_range(200..2500));
        let gap = if random.random_bool(0.3) || lasts.as_millis() > 9000 {
            rest
        } else {
            lasts + rest
        };
        Step {
            fault,
            choice: random.random_range(0..1 << 16),
            lasts,
            gap,
        }
    })
}

/// The same fault again and again, each over before the next.
pub fn only(fault: Fault, lasts: Duration) -> impl Iterator<Item = Step> {
    (0..).map(move |choice| Step {
        fault,
        choice,
        lasts,
        gap: lasts + Duration::from_secs(2),
    })
}

fn weighted(mut at: u32) -> Fault {
    for (fault, weight) in WEIGHTS {
        if at < weight {
            return fault;
        }
        at -= weight;
    }
    Fault::KillLeader
}

/// How a fault is undone.
#[derive(Debug, Clone)]
pub enum Cure {
    Revive(Part),
    Database,
    Writable,
    Wires,
    Room(Part),
}

/// Does it; answers how it is undone, `None` when its moment did not come: nobody leads, or no
/// run was where it should be hit.
pub fn strike(world: &mut World, step: &Step, history: &mut History) -> Option<Vec<Cure>> {
    let leader = world.leader();
    let number = step.choice % world.workers.len();
    let worker = Part::Worker(number);
    match step.fault {
        Fault::KillLeader => return kill(world, &[Part::Admin(leader?)]),
        Fault::KillFollower => {
            let other = (leader? + 1) % world.admins.len();
            return (Some(other) != leader).then(|| kill(world, &[Part::Admin(other)]))?;
        }
        Fault::KillWorker => return kill(world, &[worker]),
        Fault::KillBoth => return kill(world, &[Part::Admin(leader?), worker]),
        Fault::RestartLeader => return restart(world, Part::Admin(leader?)),
        Fault::RestartWorker => return restart(world, worker),
        Fault::StopLeader => return stop(world, Part::Admin(leader?)),
        Fault::StopWorker => return stop(world, worker),
        Fault::StopLeaderInTransaction => {
            let leader = leader?;
            let hit = stop_in_transaction(world, leader);
            return hit.then(|| vec![Cure::Revive(Part::Admin(leader))]);
        }
        Fault::KillBeforeAck => {
            return kill_in_window(world, number, (Way::Pass, Way::Hold), dispatched);
        }
        Fault::KillAfterAck => {
            return kill_in_window(world, number, (Way::Hold, Way::Pass), started_unheard);
        }
        Fault::KillBeforeReport => {
            return kill_in_window(world, number, (Way::Hold, Way::Pass), ended_unheard);
        }
        Fault::CancelUnreachable => {
            let run = cancel_unreachable(world, number, history)?;
            history.cancels.push(run);
        }
        Fault::FillWorker => return fill(world, worker),
        Fault::FillLeader => return fill(world, Part::Admin(leader?)),
        Fault::KillDatabase => {
            world.database.kill();
            return Some(vec![Cure::Database]);
        }
        Fault::RestartDatabase => {
            world.database.stop();
            return Some(vec![Cure::Database]);
        }
        Fault::StopDatabase => {
            world.database.signal(Signal::SIGSTOP);
            return Some(vec![Cure::Database]);
        }
        Fault::ReadOnlyDatabase => {
            let told = world.database.sql("SET GLOBAL read_only = 1");
            return told.is_ok().then(|| vec![Cure::Writable]);
        }
        Fault::CutWorker => world.cut_off_worker(number, direction(step, Way::Hold)),
        Fault::LoseWorker => world.cut_off_worker(number, direction(step, Way::Lose)),
        Fault::CutDatabase => {
            let wire = &world.admins[leader?].database;
            wire.set(direction(step, Way::Hold));
        }
        Fault::LoseDatabase => {
            let wire = &world.admins[leader?].database;
            wire.set(direction(step, Way::Lose));
        }
        Fault::CutLeader => world.cut_off_admin(leader?, direction(step, Way::Hold)),
        Fault::SlowWorker => {
            world.cut_off_worker(number, Traffic::slow(Duration::from_millis(300)));
        }
        Fault::SlowDatabase => {
            for admin in &world.admins {
                admin.database.set(Traffic::slow(Duration::from_millis(40)));
            }
        }
        Fault::ResetWires => {
            world.admins.iter().for_each(|admin| admin.database.reset());
            world.workers[number].admins.iter().for_each(Wire::reset);
        }
    }
    Some(vec![Cure::Wires])
}

/// Both directions or one of them, by the step's choice.
fn direction(step: &Step, how: Way) -> Traffic {
    match step.choice / 16 % 3 {
        0 => Traffic::both(how),
        1 => Traffic::ways(how, Way::Pass),
        _ => Traffic::ways(Way::Pass, how),
    }
}

fn kill(world: &mut World, parts: &[Part]) -> Option<Vec<Cure>> {
    for part in parts {
        world.signal(*part, Signal::SIGKILL);
    }
    for part in parts {
        world.kill(*part);
    }
    Some(parts.iter().copied().map(Cure::Revive).collect())
}

fn restart(world: &mut World, part: Part) -> Option<Vec<Cure>> {
    world.terminate(part);
    Some(vec![Cure::Revive(part)])
}

fn stop(world: &mut World, part: Part) -> Option<Vec<Cure>> {
    world.signal(part, Signal::SIGSTOP);
    Some(vec![Cure::Revive(part)])
}

fn fill(world: &mut World, part: Part) -> Option<Vec<Cure>> {
    world.fill(part).then(|| vec![Cure::Room(part)])
}

/// Undoes a part of a fault.
///
/// # Errors
/// When a part cannot be started again.
pub fn cure(world: &mut World, cure: &Cure) -> anyhow::Result<()> {
    match cure {
        Cure::Revive(part) => world.revive(*part)?,
        Cure::Database => {
            world.database.signal(Signal::SIGCONT);
            world.database.start();
        }
        Cure::Writable => {
            // A server that was killed meanwhile has forgotten it.
            drop(world.database.sql("SET GLOBAL read_only = 0"));
        }
        Cure::Wires => world.heal_wires(),
        Cure::Room(part) => world.make_room(*part),
    }
    Ok(())
}

/// Stops an admin at a moment when its connection holds the lease's row; whether it came.
pub fn stop_in_transaction(world: &mut World, leader: usize) -> bool {
    // Every statement on its way for a while: the moment becomes long enough to be seen.
    world.admins[leader]
        .database
        .set(Traffic::slow(Duration::from_millis(25)));
    let deadline = Instant::now() + MOMENT;
    // What InnoDB tells of transactions is up to 100 ms old; whether the row is free, it must know.
    let probe = "SELECT id FROM hera.hera_lock WHERE id = 1 FOR UPDATE NOWAIT";
    let is_inside = |world: &World| {
        let probed = world.database.sql(probe);
        probed.is_err_and(|error| error.to_string().contains("Lock wait timeout"))
    };
    let mut hit = false;
    while !hit && Instant::now() < deadline {
        if is_inside(world) {
            world.signal(Part::Admin(leader), Signal::SIGSTOP);
            // What was on its way has arrived after this: still open means nobody will close it.
            pause(Duration::from_millis(150));
            hit = is_inside(world);
            if !hit {
                world.signal(Part::Admin(leader), Signal::SIGCONT);
            }
        }
    }
    world.admins[leader].database.heal();
    hit
}

/// Holds a worker's wires, waits until a run of it is where `there` wants it, and kills it.
fn kill_in_window(
    world: &mut World,
    worker: usize,
    (forth, back): (Way, Way),
    there: fn(&World, usize) -> bool,
) -> Option<Vec<Cure>> {
    world.cut_off_worker(worker, Traffic::ways(forth, back));
    let deadline = Instant::now() + MOMENT;
    let mut hit = false;
    while !hit && Instant::now() < deadline {
        hit = there(world, worker);
        pause(Duration::from_millis(20));
    }
    if hit {
        world.kill(Part::Worker(worker));
    }
    world.heal_wires();
    hit.then(|| vec![Cure::Revive(Part::Worker(worker))])
}

/// Cuts a worker off and cancels a run of it that people may cancel.
fn cancel_unreachable(world: &World, first: usize, history: &History) -> Option<i64> {
    let may = |run: &Placed| {
        history
            .jobs
            .get(&run.job)
            .is_some_and(|job| job.spec.cancelled)
    };
    let workers = (0..world.workers.len()).map(|step| (first + step) % world.workers.len());
    let (worker, run) = workers
        .into_iter()
        .find_map(|worker| Some((worker, placed(world, worker).into_iter().find(may)?.run)))?;
    world.cut_off_worker(worker, Traffic::both(Way::Hold));
    let path = format!("/runs/{run}/cancel");
    let reply = world.ask(|api| api.post(&path, &json!({})));
    if reply.is_some_and(|reply| reply.status == 202) {
        return Some(run);
    }
    world.heal_wires();
    None
}

#[derive(Deserialize)]
struct Placed {
    run: i64,
    job: i64,
    status: String,
}

/// What the database believes to be on a worker.
fn placed(world: &World, worker: usize) -> Vec<Placed> {
    let columns = [("run", "r.id"), ("job", "r.job_id"), ("status", "r.status")];
    let from = format!(
        "hera.hera_run r JOIN hera.hera_worker w ON w.id = r.worker_id \
         WHERE w.name = 'worker{}' AND r.status IN ('dispatched', 'running')",
        worker + 1
    );
    world.database.rows(&columns, &from).unwrap_or_default()
}

fn dispatched(world: &World, worker: usize) -> bool {
    placed(world, worker)
        .iter()
        .any(|run| run.status == "dispatched")
}

fn started_unheard(world: &World, worker: usize) -> bool {
    let mut runs = placed(world, worker).into_iter();
    runs.any(|run| run.status == "dispatched" && wrote(world, &run, "start"))
}

fn ended_unheard(world: &World, worker: usize) -> bool {
    placed(world, worker)
        .iter()
        .any(|run| wrote(world, run, "end"))
}

/// Whether a task has written that it did this.
fn wrote(world: &World, run: &Placed, did: &str) -> bool {
    let file = world.truth().join(run.job.to_string());
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let id = run.run.to_string();
    text.lines().any(|line| {
        let mut words = line.split(' ');
        words.next() == Some(did) && words.nth(1) == Some(&id)
    })
}
