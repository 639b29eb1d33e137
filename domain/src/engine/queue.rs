//! Which queued run is dispatched next, and to which worker.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use super::runs::run_ref;
use super::state::Timer;
use super::{Balance, Batch, Engine};
use crate::clock::Timestamp;
use crate::engine::decision::{AlarmKind, Send};
use crate::engine::record::Run;
use crate::id::{HostGroupId, JobId, RunId, WorkerId};
use crate::reason::{HostGroupLacks, Reason};
use crate::status::{Lane, OnLost, RunStatus, Trigger};

/// Dispatches of one settle at most.
const MAX_DISPATCHES: usize = 250;

/// Rows whose reason to wait one settle rewrites at most.
const MAX_REASONS: usize = 500;

/// A run that waits this long counts as one priority level higher.
const AGEING_MS: i64 = 10 * 60 * 1_000;

/// What one dispatch of a lane of weight 1 costs it.
const FULL_COST: u64 = 840;

/// Runs that wait for a worker.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Every queued run of a job, by business time.
    of_job: BTreeMap<JobId, BTreeSet<(Timestamp, RunId)>>,
    groups: BTreeMap<HostGroupId, GroupQueue>,
    /// Where the runs are that only a worker is missing for.
    offered: BTreeMap<RunId, Place>,
    stale_jobs: BTreeSet<JobId>,
    stale_runs: BTreeSet<RunId>,
    /// The worker that a run should not go to if another is free: it failed there before.
    avoided: BTreeMap<RunId, WorkerId>,
    last_worker: Option<WorkerId>,
}

type Place = (HostGroupId, Lane, i64);

#[derive(Debug, Default)]
struct GroupQueue {
    lanes: BTreeMap<Lane, LaneQueue>,
    /// What the lane that was served last had paid.
    paid: u64,
    /// Why no worker of the group can ever take a run, as things are.
    trouble: Option<Reason>,
    since: Option<Timestamp>,
    alarmed: bool,
    /// Runs whose reason may not say so yet.
    unexplained: BTreeSet<RunId>,
}

#[derive(Debug, Default)]
struct LaneQueue {
    paid: u64,
    runs: BTreeSet<(i64, RunId)>,
}

impl Queue {
    pub(super) fn enqueue(&mut self, job: JobId, time: Timestamp, run: RunId) {
        self.of_job.entry(job).or_default().insert((time, run));
        self.stale_runs.insert(run);
    }

    pub(super) fn forget(&mut self, job: JobId, time: Timestamp, run: RunId) {
        if let Some(runs) = self.of_job.get_mut(&job) {
            runs.remove(&(time, run));
            if runs.is_empty() {
                self.of_job.remove(&job);
            }
        }
        self.withdraw(run);
        self.avoided.remove(&run);
        self.reconsider(job);
    }

    /// Whether a run of the job may go may have changed.
    pub(super) fn reconsider(&mut self, job: JobId) {
        if self.of_job.contains_key(&job) {
            self.stale_jobs.insert(job);
        }
    }

    pub(super) fn reconsider_run(&mut self, run: RunId) {
        self.stale_runs.insert(run);
    }

    /// Everything about the job's queued runs may have changed.
    pub(super) fn reconsider_all(&mut self, job: JobId) {
        for run in self.of_job(job) {
            self.withdraw(run);
            self.stale_runs.insert(run);
        }
    }

    pub(super) fn avoid(&mut self, run: RunId, worker: WorkerId) {
        self.avoided.insert(run, worker);
    }

    pub(super) fn of_job(&self, job: JobId) -> Vec<RunId> {
        let runs = self.of_job.get(&job).into_iter().flatten();
        runs.map(|(_, run)| *run).collect()
    }

    fn withdraw(&mut self, run: RunId) {
        let Some((group, lane, rank)) = self.offered.remove(&run) else {
            return;
        };
        if let Some(group) = self.groups.get_mut(&group) {
            group.unexplained.remove(&run);
            if let Some(lane) = group.lanes.get_mut(&lane) {
                lane.runs.remove(&(rank, run));
            }
        }
    }

    fn offer(&mut self, run: RunId, place: Place) {
        if self.offered.get(&run) == Some(&place) {
            return;
        }
        self.withdraw(run);
        let (group, lane, rank) = place;
        let group = self.groups.entry(group).or_default();
        group.unexplained.insert(run);
        let paid = group.paid;
        let lane = group.lanes.entry(lane).or_default();
        if lane.runs.is_empty() {
            // An idle lane saves nothing up.
            lane.paid = lane.paid.max(paid);
        }
        lane.runs.insert((rank, run));
        self.offered.insert(run, place);
    }

    /// The next run of a host group: of the lane that has had the least for its weight.
    fn head(&self, group: HostGroupId) -> Option<(Lane, RunId)> {
        let group = self.groups.get(&group)?;
        let waiting = group.lanes.iter().filter_map(|(lane, queue)| {
            let (_, run) = queue.runs.first()?;
            Some((queue.paid, *lane, *run))
        });
        waiting.min().map(|(_, lane, run)| (lane, run))
    }

    fn pay(&mut self, group: HostGroupId, lane: Lane) {
        let Some(group) = self.groups.get_mut(&group) else {
            return;
        };
        if let Some(queue) = group.lanes.get_mut(&lane) {
            group.paid = queue.paid;
            queue.paid += FULL_COST / weight(lane);
        }
    }

    fn waiting_groups(&self) -> Vec<HostGroupId> {
        let waiting = |group: &GroupQueue| group.lanes.values().any(|lane| !lane.runs.is_empty());
        let groups = self.groups.iter().filter(|(_, group)| waiting(group));
        groups.map(|(id, _)| *id).collect()
    }
}

const fn weight(lane: Lane) -> u64 {
    match lane {
        Lane::Schedule => 8,
        Lane::Super | Lane::Manual => 4,
        Lane::Debug => 2,
        Lane::Rerun => 1,
    }
}

enum Attempt {
    Dispatched,
    /// The head may not go now and was taken out.
    Skipped,
    NoWorker,
    NoRun,
}

impl Engine {
    /// Gives queued runs to workers; false if the bound was reached before the end.
    pub(super) fn dispatch(&mut self, batch: &mut Batch<'_>) -> bool {
        self.refresh_offers(batch.tick.now);
        let mut groups = self.queue.waiting_groups();
        let mut left = MAX_DISPATCHES;
        // The groups take turns, so that none eats the installation's limit alone.
        while !groups.is_empty() && self.runs.on_workers < self.limits.max_parallel {
            if left == 0 {
                return false;
            }
            let mut going = Vec::new();
            for group in groups {
                if left == 0 || self.runs.on_workers >= self.limits.max_parallel {
                    going.push(group);
                    continue;
                }
                match self.dispatch_one(group, batch) {
                    Attempt::Dispatched => {
                        left -= 1;
                        going.push(group);
                    }
                    Attempt::Skipped => going.push(group),
                    Attempt::NoWorker | Attempt::NoRun => {}
                }
            }
            groups = going;
        }
        let offered_again = !self.queue.stale_jobs.is_empty() || !self.queue.stale_runs.is_empty();
        if offered_again && left > 0 {
            self.refresh_offers(batch.tick.now);
        }
        self.explain(batch);
        true
    }

    fn refresh_offers(&mut self, now: Timestamp) {
        let runs = std::mem::take(&mut self.queue.stale_runs);
        for run in runs {
            let Some(job) = self.runs.all.get(&run).map(|run| run.job) else {
                continue;
            };
            if self.allows_overlap(job) {
                self.offer_if_eligible(run, now);
            } else {
                self.queue.reconsider(job);
            }
        }
        let jobs = std::mem::take(&mut self.queue.stale_jobs);
        for job in jobs {
            if !self.allows_overlap(job) {
                self.offer_first(job, now);
            }
        }
    }

    /// Of a job whose runs may not overlap, the eligible run of the lowest business time.
    fn offer_first(&mut self, job: JobId, now: Timestamp) {
        let mut chosen = false;
        for run in self.queue.of_job(job) {
            if chosen {
                // Cheap when there is nothing to withdraw.
                self.queue.withdraw(run);
            } else {
                chosen = self.offer_if_eligible(run, now);
            }
        }
    }

    fn offer_if_eligible(&mut self, id: RunId, now: Timestamp) -> bool {
        let Some(run) = self.runs.all.get(&id).cloned() else {
            return false;
        };
        if run.status != RunStatus::Queued || !self.is_eligible(&run, now) {
            self.queue.withdraw(id);
            return false;
        }
        let def = self.jobs.get(&run.job);
        let group = def.and_then(|def| def.host_group);
        let priority = def.map_or(run.priority, |def| def.priority);
        let rank = run.created_at.timestamp_millis() - i64::from(priority) * AGEING_MS;
        let group = group.unwrap_or(self.limits.default_host_group);
        self.queue.offer(id, (group, run.trigger.lane(), rank));
        true
    }

    /// Whether only a worker is missing: read again in the commit that dispatches.
    fn is_eligible(&mut self, run: &Run, now: Timestamp) -> bool {
        let blocked = self.runs.on_worker.contains_key(&run.job);
        if blocked && !self.allows_overlap(run.job) {
            return false;
        }
        if run.trigger != Trigger::Schedule {
            return true;
        }
        let Some(row) = self.rows.get(run.version).cloned() else {
            return false;
        };
        row.due_at <= now
            && self.held_back(&row).is_none()
            && self.is_satisfied(row.job, row.business_time)
    }

    fn dispatch_one(&mut self, group: HostGroupId, batch: &mut Batch<'_>) -> Attempt {
        let Some((lane, id)) = self.queue.head(group) else {
            return Attempt::NoRun;
        };
        let now = batch.tick.now;
        let Some(run) = self.runs.all.get(&id).cloned() else {
            self.queue.withdraw(id);
            return Attempt::Skipped;
        };
        if !self.is_eligible(&run, now) {
            self.queue.withdraw(id);
            return Attempt::Skipped;
        }
        let Some(worker) = self.choose_worker(group, id, now) else {
            return Attempt::NoWorker;
        };
        self.queue.pay(group, lane);
        self.queue.last_worker = Some(worker);
        let nonce = self.nonce(id);
        let def = self.jobs.get(&run.job).cloned();
        self.edit_run(id, batch, |run| {
            run.status = RunStatus::Dispatched;
            run.worker = Some(worker);
            run.nonce = Some(nonce);
            run.dispatched_at = Some(now);
            run.reason = None;
            if let Some(def) = def {
                if run.repeats.is_none() {
                    run.revision = Some(def.revision);
                }
                run.priority = def.priority;
                run.host_group = def.host_group;
                run.fenced = def.on_lost == OnLost::Rerun;
            }
        });
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.sent_since_heartbeat += 1;
            worker.given_at = Some(now);
        }
        if let Some(run) = self.runs.all.get(&id).and_then(run_ref) {
            batch.out.sends.push(Send::Start { worker, run });
        }
        Attempt::Dispatched
    }

    fn choose_worker(
        &mut self,
        group: HostGroupId,
        run: RunId,
        now: Timestamp,
    ) -> Option<WorkerId> {
        let group = self
            .host_groups
            .get(&group)
            .filter(|group| group.effective)?;
        let mut free: Vec<(WorkerId, u32)> = Vec::new();
        for (id, worker) in &self.workers {
            let slots = worker.free_slots(&self.limits);
            if slots == 0 || !worker.is_in(group) || !worker.takes_runs(&self.limits) {
                continue;
            }
            match worker.warms_up_until(&self.limits) {
                Some(until) if until > now => {
                    self.timers.insert((until, Timer::WarmUp(*id)));
                }
                Some(_) | None => free.push((*id, slots)),
            }
        }
        let avoided = self.queue.avoided.get(&run);
        if free.len() > 1 {
            free.retain(|(id, _)| Some(id) != avoided);
        }
        let first = free.first()?.0;
        match self.limits.balance {
            Balance::RoundRobin => {
                let last = self.queue.last_worker;
                let next = free.iter().find(|(id, _)| Some(*id) > last);
                Some(next.map_or(first, |(id, _)| *id))
            }
            Balance::Random => {
                let count = u64::try_from(free.len()).ok()?;
                let index = usize::try_from(hash(&(self.salt, run.0, "worker")) % count).ok()?;
                free.get(index).map(|(id, _)| *id)
            }
            Balance::LeastLoaded => {
                let most = free
                    .iter()
                    .max_by_key(|(id, slots)| (*slots, std::cmp::Reverse(*id)));
                most.map(|(id, _)| *id)
            }
        }
    }

    /// 32 hexadecimal digits that nobody can guess who does not know this leadership's salt,
    /// however many others he has seen, and that a replay draws again.
    fn nonce(&self, run: RunId) -> String {
        let drawn = Sha256::new().chain_update(self.salt);
        let drawn = drawn.chain_update(run.0.to_be_bytes()).finalize();
        let half = drawn.iter().take(16);
        let nonce = half.fold(0_u128, |nonce, byte| (nonce << 8) | u128::from(*byte));
        format!("{nonce:032x}")
    }

    /// Says of queued runs why no worker can take them, when that changes.
    fn explain(&mut self, batch: &mut Batch<'_>) {
        let mut left = MAX_REASONS;
        for id in self.queue.waiting_groups() {
            let trouble = self.trouble(id);
            let now = batch.tick.now;
            let minutes = self.limits.no_worker_alarm_minutes;
            let Some(group) = self.queue.groups.get_mut(&id) else {
                continue;
            };
            if group.trouble != trouble {
                if group.trouble.is_none() {
                    group.since = Some(now);
                    let at = now + TimeDelta::minutes(minutes);
                    self.timers.insert((at, Timer::HostGroup(id)));
                }
                group.trouble.clone_from(&trouble);
                if trouble.is_none() {
                    group.since = None;
                    group.alarmed = false;
                }
                let lanes = group.lanes.values();
                group.unexplained = lanes
                    .flat_map(|lane| lane.runs.iter().map(|(_, run)| *run))
                    .collect();
            }
            while left > 0
                && let Some(run) = self
                    .queue
                    .groups
                    .get_mut(&id)
                    .and_then(|g| g.unexplained.pop_first())
            {
                if self
                    .runs
                    .all
                    .get(&run)
                    .is_some_and(|run| run.reason != trouble)
                {
                    left -= 1;
                    self.explain_run(run, trouble.clone(), batch);
                }
            }
        }
    }

    fn explain_run(&mut self, id: RunId, reason: Option<Reason>, batch: &mut Batch<'_>) {
        use crate::engine::decision::Change;
        if let Some(run) = self.runs.all.get_mut(&id) {
            run.reason = reason;
            let status = run.status;
            let change = batch.out.runs.entry(id).or_insert_with(|| Change {
                expect: Some(status),
                row: run.clone(),
            });
            change.row = run.clone();
        }
    }

    /// Why a host group can take nothing, however long one waits, as things are.
    pub(super) fn trouble(&self, id: HostGroupId) -> Option<Reason> {
        let Some(group) = self.host_groups.get(&id) else {
            return Some(Reason::NoSuchHostGroup { id });
        };
        let mut workers = self.workers.values().filter(|worker| worker.is_in(group));
        let lacks = if !group.effective {
            HostGroupLacks::Effect
        } else if !group.everyone && group.members.is_empty() {
            HostGroupLacks::Workers
        } else if workers.any(|worker| worker.connected && worker.accepting) {
            return None;
        } else {
            HostGroupLacks::AcceptingWorkers
        };
        Some(Reason::HostGroup {
            name: group.name.clone(),
            lacks,
        })
    }

    pub(super) fn host_group_timer(&mut self, id: HostGroupId, batch: &mut Batch<'_>) {
        let trouble = self.trouble(id);
        let minutes = self.limits.no_worker_alarm_minutes;
        let Some(group) = self.queue.groups.get_mut(&id) else {
            return;
        };
        let oldest = group
            .lanes
            .values()
            .filter_map(|lane| lane.runs.first())
            .min();
        let overdue = group
            .since
            .is_some_and(|since| since + TimeDelta::minutes(minutes) <= batch.tick.now);
        let (Some((_, run)), Some(trouble), true, false) =
            (oldest.copied(), trouble, overdue, group.alarmed)
        else {
            return;
        };
        group.alarmed = true;
        let text = format!("runs have waited for {minutes} minutes: {trouble}");
        let event = format!("{id}:{run}");
        batch.alarm(AlarmKind::NoWorker, event, (None, None, Some(run)), text);
    }
}

/// The standard library's default hash has fixed keys: equal in every process of one build.
fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
