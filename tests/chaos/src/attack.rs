//! One attack: the world is built, the jobs run, faults come and go, all heals, and what was
//! promised is held against what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hera_tests::{Api, pause, within};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::checker::{self, Violation};
use crate::database::millis;
use crate::fault::{self, Cure, Fault, Step};
use crate::history::{History, Job, Log, Seen};
use crate::people::{self, Asked};
use crate::plan;
use crate::world::{Shape, World};

/// Sets what it holds when it goes.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What may be left to do once all is healed: backlogs of jobs that run one after the other.
const QUIET: Duration = Duration::from_secs(240);

/// How much.
#[derive(Debug, Clone)]
pub struct Orders {
    pub seed: u64,
    /// This fault alone, for so long each time.
    pub only: Option<(Fault, Duration)>,
    /// Ends after so many faults …
    pub faults: usize,
    /// … or after so long.
    pub limit: Option<Duration>,
    pub shape: Shape,
}

impl Orders {
    /// A leader is stopped inside a transaction until another one leads, then it wakes up.
    #[must_use]
    pub fn wakes(times: usize) -> Self {
        Self {
            seed: 0,
            only: Some((Fault::StopLeaderInTransaction, Duration::from_secs(4))),
            faults: times,
            limit: None,
            shape: Shape::quick(2, 2),
        }
    }

    /// The disk of a worker or of the leader is full for a while.
    #[must_use]
    pub fn full_disks(fault: Fault, times: usize) -> Self {
        let shape = Shape::quick(2, 2);
        Self {
            seed: 0,
            only: Some((fault, Duration::from_secs(6))),
            faults: times,
            limit: None,
            shape: Shape {
                small_disks: true,
                ..shape
            },
        }
    }
}

/// How it went.
#[derive(Debug)]
pub struct Report {
    /// How often each fault came, and how often its moment did not.
    pub faults: BTreeMap<Fault, (usize, usize)>,
    pub epochs: i64,
    pub runs: usize,
    pub versions: usize,
    pub lines: usize,
    pub took: Duration,
    pub healed_in: Duration,
    pub violations: Vec<Violation>,
    /// Kept when something was violated.
    pub folder: Option<PathBuf>,
}

impl Report {
    /// How many faults there were.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.faults.values().map(|(hit, _)| hit).sum()
    }
}

/// Does it.
///
/// # Errors
/// When the harness itself fails.
pub fn attack(orders: &Orders) -> anyhow::Result<Report> {
    let folder = tempfile::Builder::new().prefix("hera-chaos-").tempdir()?;
    // Whatever ends this in the middle leaves the folder for whoever looks for the cause.
    let folder = folder.keep();
    println!("seed {}, in {}", orders.seed, folder.display());
    let outcome = in_folder(orders, &folder);
    let clean = outcome
        .as_ref()
        .is_ok_and(|report| report.violations.is_empty());
    if clean {
        std::fs::remove_dir_all(&folder)?;
    }
    outcome.map(|report| Report {
        folder: (!clean).then_some(folder),
        ..report
    })
}

fn in_folder(orders: &Orders, folder: &std::path::Path) -> anyhow::Result<Report> {
    let began = Instant::now();
    let mut world = World::start(folder, orders.shape.clone())?;
    std::fs::create_dir_all(world.truth())?;
    let mut history = History {
        slots: world.slots(),
        disks_fill: orders.shape.small_disks,
        jobs: install(&world)?,
        ..History::default()
    };
    let epoch = world.epoch().unwrap_or_default();
    let stop = AtomicBool::new(false);
    let apis: Vec<Api> = (0..world.admins.len())
        .map(|number| world.api(number).clone())
        .collect();
    let jobs = history.jobs.clone();
    let (faults, asked) = std::thread::scope(|scope| {
        // Also when a fault panics: the scope waits for the people.
        let _people_stop = Stops(&stop);
        let people = scope.spawn(|| people::work(&apis, &jobs, orders.seed, &stop));
        let faults = faults(&mut world, orders, began, &mut history);
        stop.store(true, Ordering::Relaxed);
        let asked = people.join().unwrap_or_default();
        anyhow::Ok((faults?, asked))
    })?;
    let healing = Instant::now();
    world.heal()?;
    let healed_in = healing.elapsed();
    end_schedules(&world, &mut history)?;
    await_quiet(&world, &history);
    gather(&world, &mut history, asked)?;
    let violations = checker::check(&history);
    Ok(Report {
        faults,
        epochs: world.epoch().unwrap_or_default() - epoch,
        runs: history.runs.len(),
        versions: history.versions.len(),
        lines: history.events.values().map(Vec::len).sum(),
        took: began.elapsed(),
        healed_in,
        violations,
        folder: None,
    })
}

/// Makes the jobs of the plan and opens them.
fn install(world: &World) -> anyhow::Result<BTreeMap<i64, Job>> {
    let api = world.api(world.leader().context("nobody leads")?);
    let group = api.create_group("chaos");
    let mut ids: BTreeMap<String, i64> = BTreeMap::new();
    let mut jobs = BTreeMap::new();
    for spec in plan::jobs() {
        let body = json!({
            "group_id": group, "name": spec.name, "run_type": "shell",
            "script": spec.script(&world.truth()),
            "schedule": spec.schedule(|name| ids[name]),
            "retries": spec.retries, "retry_wait_minutes": 0,
            "overlap": spec.overlap, "on_lost": spec.on_lost,
        });
        let id = api.post("/jobs", &body)?.ok()["id"]
            .as_i64()
            .context("no id")?;
        api.post(&format!("/jobs/{id}/open"), &json!({}))?.ok();
        ids.insert(spec.name.clone(), id);
        jobs.insert(
            id,
            Job {
                id,
                spec,
                opened_at: opened_at(world, id)?,
                until: i64::MAX,
            },
        );
    }
    Ok(jobs)
}

#[derive(Deserialize)]
struct Moment {
    at: i64,
}

fn opened_at(world: &World, job: i64) -> anyhow::Result<i64> {
    let columns = [("at", &*millis("first_opened_at"))];
    let rows: Vec<Moment> = world
        .database
        .rows(&columns, &format!("hera.hera_job WHERE id = {job}"))?;
    Ok(rows.first().context("the job is not there")?.at)
}

type Counts = BTreeMap<Fault, (usize, usize)>;

/// Strikes and cures until it is enough.
fn faults(
    world: &mut World,
    orders: &Orders,
    began: Instant,
    history: &mut History,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::new();
    let mut cures: Vec<(Instant, Cure)> = Vec::new();
    let mut seen = BTreeSet::new();
    let steps: Box<dyn Iterator<Item = Step>> = match orders.only {
        Some((fault, lasts)) => Box::new(fault::only(fault, lasts)),
        None => Box::new(fault::schedule(orders.seed)),
    };
    for (number, step) in steps.take(orders.faults).enumerate() {
        if orders.limit.is_some_and(|limit| began.elapsed() > limit) {
            break;
        }
        let struck = fault::strike(world, &step, history);
        let counted = counts.entry(step.fault).or_default();
        println!(
            "{:7.1} s  {number:4} {:?} for {} ms{}",
            began.elapsed().as_secs_f64(),
            step.fault,
            step.lasts.as_millis(),
            if struck.is_some() {
                ""
            } else {
                ": its moment did not come"
            }
        );
        match struck {
            Some(new) => {
                counted.0 += 1;
                let at = Instant::now() + step.lasts;
                cures.extend(new.into_iter().map(|cure| (at, cure)));
            }
            None => counted.1 += 1,
        }
        let next = Instant::now() + step.gap;
        while Instant::now() < next {
            pause(Duration::from_millis(50));
            let (due, later) = cures.into_iter().partition(|(at, _)| *at <= Instant::now());
            cures = later;
            let due: Vec<(Instant, Cure)> = due;
            for (_, cure) in &due {
                fault::cure(world, cure)?;
            }
        }
        look(world, &mut seen);
    }
    history.seen = seen
        .into_iter()
        .map(|(run, status)| Seen { run, status })
        .collect();
    Ok(counts)
}

/// Notes which runs are final by now, if the database answers.
fn look(world: &World, seen: &mut BTreeSet<(i64, String)>) {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        status: String,
    }
    let columns = [("id", "id"), ("status", "status")];
    let from = "hera.hera_run WHERE status IN ('success', 'failed', 'cancelled', 'lost')";
    let rows: Vec<Row> = world.database.rows(&columns, from).unwrap_or_default();
    seen.extend(rows.into_iter().map(|row| (row.id, row.status)));
}

/// Ends every cron a moment from now.
fn end_schedules(world: &World, history: &mut History) -> anyhow::Result<()> {
    let now: Vec<Moment> = world
        .database
        .rows(&[("at", &*millis("UTC_TIMESTAMP(3)"))], "DUAL")?;
    let until = (now.first().context("no clock")?.at / 1000 + 15) * 1000;
    let text = world.database.sql(&format!(
        "SELECT DATE_FORMAT(FROM_UNIXTIME({}), '%Y-%m-%dT%H:%i:%sZ')",
        until / 1000
    ))?;
    for job in history
        .jobs
        .values_mut()
        .filter(|job| job.spec.rhythm().is_some())
    {
        let path = format!("/jobs/{}", job.id);
        let mut body = world.must("a job can be read", |api| api.get(&path));
        body["schedule"]["until"] = Value::from(text.trim());
        world.must("a job can be changed", |api| api.put(&path, &body));
        job.until = until;
    }
    Ok(())
}

/// Waits until nothing is under way and the plan has passed the end of all schedules.
fn await_quiet(world: &World, history: &History) {
    let until = history
        .jobs
        .values()
        .map(|job| job.until)
        .filter(|at| *at < i64::MAX)
        .max();
    let planned = format!(
        "SELECT COUNT(*) FROM hera.hera_lock WHERE {} > {}",
        millis("planned_through"),
        until.unwrap_or_default()
    );
    let live = "SELECT (SELECT COUNT(*) FROM hera.hera_run WHERE status IN ('queued', 'dispatched', 'running')) \
         + (SELECT COUNT(*) FROM hera.hera_version WHERE status IN ('queued', 'running', 'retry_wait'))";
    let is = |statement: &str, value: &str| {
        world
            .database
            .sql(statement)
            .is_ok_and(|text| text.trim() == value)
    };
    let mut patience = Instant::now() + QUIET;
    within(QUIET + Duration::from_secs(10), "all is quiet", || {
        pause(Duration::from_millis(300));
        if Instant::now() > patience {
            // Not stuck for the harness: the checker says what hangs.
            patience += QUIET;
            return Some(());
        }
        (is(&planned, "1") && is(live, "0")).then_some(())
    });
}

/// Reads all that the checker needs.
fn gather(world: &World, history: &mut History, asked: Asked) -> anyhow::Result<()> {
    history.by_hand = asked.by_hand;
    history.cancels.extend(asked.cancels);
    history.read_rows(&world.database)?;
    history.read_truth(&world.truth())?;
    let leader = world.leader().context("nobody leads")?;
    for run in history
        .runs
        .values()
        .filter(|run| history.jobs.contains_key(&run.job))
    {
        let (bytes, complete) = world.api(leader).read_log(run.id)?;
        history.logs.insert(run.id, Log { bytes, complete });
    }
    let open = history
        .versions
        .iter()
        .filter(|version| version.status == "waiting");
    for version in open {
        let why = world
            .api(leader)
            .get(&format!("/versions/{}/why", version.version))?
            .ok();
        let summary = why["summary"].as_str().unwrap_or_default().to_owned();
        history.waits_for.insert(version.id, summary);
    }
    Ok(())
}
