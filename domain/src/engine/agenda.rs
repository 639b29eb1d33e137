//! When the plan must be looked at: one entry per open job, its next planned time. Rows are
//! inserted for the times that have passed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeDelta, Timelike};

use super::plan::{Next, Source};
use super::{Batch, Engine};
use crate::clock::Timestamp;
use crate::engine::record::Version;
use crate::id::{JobId, VersionKey};
use crate::job::JobDef;
use crate::reason::Reason;
use crate::status::{Misfire, Origin, Switch, VersionStatus};
use crate::version_id::VersionId;

/// Entries looked at by one settle; each costs tens of microseconds.
const MAX_LOOKS: usize = 2_000;

/// How far back times that no leader saw are written down at all.
const MISFIRE_REACH: TimeDelta = TimeDelta::days(32);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    due: BTreeSet<(Timestamp, JobId)>,
    entries: BTreeMap<JobId, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Every planned time up to here has its row.
    seen: Timestamp,
    /// When to look again.
    look: Option<Timestamp>,
}

impl Agenda {
    /// The first instant at which the plan must be looked at.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Every planned time of the job up to here has its row.
    pub(super) fn seen(&self, job: JobId) -> Option<Timestamp> {
        self.entries.get(&job).map(|entry| entry.seen)
    }

    /// Whether planned times of the job have passed that have no row yet.
    pub(super) fn is_due(&self, job: JobId, now: Timestamp) -> bool {
        let look = self.entries.get(&job).and_then(|entry| entry.look);
        look.is_some_and(|at| at <= now)
    }

    pub(super) fn remove(&mut self, job: JobId) {
        if let Some(Entry { look: Some(at), .. }) = self.entries.remove(&job) {
            self.due.remove(&(at, job));
        }
    }

    pub(super) fn set(&mut self, job: JobId, seen: Timestamp, look: Option<Timestamp>) {
        self.remove(job);
        self.due.extend(look.map(|at| (at, job)));
        self.entries.insert(job, Entry { seen, look });
    }
}

impl Engine {
    pub(super) fn next_planned(&mut self, job: JobId, after: Timestamp) -> Next {
        let from = Source {
            defs: &self.jobs,
            rows: &self.rows,
        };
        self.plan.next_after(from, job, after)
    }

    fn looked_at_of(&self, job: JobId, time: Timestamp) -> Timestamp {
        let def = self.jobs.get(&job);
        def.map_or(time, |def| self.looked_at(def.schedule(), time))
    }

    /// Looks at the plan of a job anew; every time up to `seen` has its row.
    pub(super) fn replan(&mut self, job: JobId, seen: Timestamp) {
        let open = self
            .jobs
            .get(&job)
            .is_some_and(|def| def.switch == Switch::Open);
        if !open {
            self.agenda.remove(job);
            return;
        }
        let look = match self.next_planned(job, seen) {
            Next::Time(at) | Next::Recheck(at) => Some(self.looked_at_of(job, at)),
            Next::Never => None,
        };
        self.agenda.set(job, seen, look);
    }

    /// Inserts the rows of the planned times that have passed; false if there are more than one
    /// batch may hold.
    pub(super) fn pass_time(&mut self, batch: &mut Batch<'_>) -> bool {
        for _ in 0..MAX_LOOKS {
            let Some((at, job)) = self.agenda.due.first().copied() else {
                return true;
            };
            if at > batch.tick.now {
                return true;
            }
            if batch.is_full() {
                return false;
            }
            self.catch_up(job, batch);
        }
        self.agenda.next().is_none_or(|at| at > batch.tick.now)
    }

    /// Inserts the rows of a job's planned times up to now, as far as the batch has room.
    pub(super) fn catch_up(&mut self, job: JobId, batch: &mut Batch<'_>) {
        let Some(entry) = self.agenda.entries.get(&job).copied() else {
            return;
        };
        let now = batch.tick.now;
        let mut seen = entry.seen;
        loop {
            let next = self.next_planned(job, seen);
            let look = match next {
                Next::Time(at) | Next::Recheck(at) => self.looked_at_of(job, at),
                Next::Never => now,
            };
            let time = match next {
                Next::Time(at) if look <= now => at,
                Next::Recheck(at) if look <= now => {
                    seen = at - TimeDelta::milliseconds(1);
                    continue;
                }
                Next::Time(_) | Next::Recheck(_) => {
                    return self.agenda.set(job, now.max(seen), Some(look));
                }
                Next::Never => return self.agenda.set(job, now.max(seen), None),
            };
            if batch.is_full() {
                return self.agenda.set(job, seen, Some(look));
            }
            self.time_came(job, time, entry.seen, batch);
            seen = time;
        }
    }

    /// `seen`: from where the plan is being caught up with.
    fn time_came(&mut self, job: JobId, time: Timestamp, seen: Timestamp, batch: &mut Batch<'_>) {
        let Some(def) = self.jobs.get(&job).cloned() else {
            return;
        };
        if def.opened_at.is_none_or(|opened| time <= opened) || self.rows.at(job, time).is_some() {
            return;
        }
        let due = self.due_at(def.schedule(), time);
        // A calendar may make a time due long ago that nobody could have started then.
        let leaderless = |until| due <= until && seen <= until;
        let misfired = def.schedule().cron.is_some() && self.misfire_until.is_some_and(leaderless);
        let key = self.plan_version(&def, time, batch);
        if misfired && let Some(reason) = self.misfire(&def, time, due, batch.tick.now) {
            let seq = batch.tick.seq;
            self.edit_version(key, batch, |row| {
                row.status = VersionStatus::Missed;
                row.armed_seq = Some(seq);
                row.reason = Some(reason);
            });
        }
    }

    /// Why a time that no leader saw is not run after all.
    fn misfire(
        &mut self,
        def: &JobDef,
        time: Timestamp,
        due: Timestamp,
        now: Timestamp,
    ) -> Option<Reason> {
        let hours = self.limits.misfire_window_hours;
        if due < now - TimeDelta::hours(hours) {
            return Some(Reason::NoLeaderTooLong { hours });
        }
        let skipped = match def.misfire {
            Misfire::RunAll => false,
            Misfire::Skip => true,
            Misfire::RunLatest => match (self.next_planned(def.id, time), self.misfire_until) {
                (Next::Time(next), Some(until)) => self.due_at(def.schedule(), next) <= until,
                (Next::Time(_) | Next::Recheck(_) | Next::Never, _) => false,
            },
        };
        skipped.then_some(Reason::NoLeader {
            policy: def.misfire,
        })
    }

    /// Makes the row of a planned time.
    pub(super) fn plan_version(
        &mut self,
        def: &JobDef,
        time: Timestamp,
        batch: &mut Batch<'_>,
    ) -> VersionKey {
        self.new_version(def, time, Origin::Planned, true, batch)
    }

    /// Makes a row.
    pub(super) fn new_version(
        &mut self,
        def: &JobDef,
        time: Timestamp,
        origin: Origin,
        armed: bool,
        batch: &mut Batch<'_>,
    ) -> VersionKey {
        let key = self.new_version_key();
        let row = self.row(key, def, time, origin, armed, batch.tick.now);
        let key = row.key;
        self.insert_version(row, batch);
        key
    }

    /// A version as it begins.
    pub(super) fn row(
        &self,
        key: VersionKey,
        def: &JobDef,
        time: Timestamp,
        origin: Origin,
        armed: bool,
        now: Timestamp,
    ) -> Version {
        Version {
            key,
            id: self.free_id(def, time),
            job: def.id,
            business_time: time,
            due_at: match origin {
                Origin::Planned => self.due_at(def.schedule(), time),
                Origin::AdHoc => time,
            },
            origin,
            armed,
            frozen: false,
            status: VersionStatus::Waiting,
            reason: None,
            last_run: None,
            counting_run: None,
            attempts: 0,
            retry_at: None,
            armed_seq: None,
            succeeded_seq: None,
            alarmed: false,
            created_at: now,
            changed_at: now,
        }
    }

    fn free_id(&self, def: &JobDef, time: Timestamp) -> VersionId {
        let mut taken = 0;
        loop {
            let id = version_id(def, time, taken);
            if self.rows.by_id(&id).is_none() {
                return id;
            }
            taken += 1;
        }
    }

    /// Every time up to here has its row.
    pub(super) fn planned_up_to(&self, now: Timestamp) -> Timestamp {
        let unseen = self.agenda.next().map(|at| at - TimeDelta::milliseconds(1));
        let reached = unseen.map_or(now, |at| at.min(now));
        self.planned_through
            .map_or(reached, |before| before.max(reached))
    }

    /// Puts every open job on the agenda, to be looked at from where the last leader was.
    pub(super) fn restore_agenda(&mut self) {
        let jobs: Vec<_> = self.jobs.values().cloned().collect();
        for def in jobs {
            let opened = def.opened_at.filter(|_| def.switch == Switch::Open);
            if let Some(opened) = opened {
                let seen = self.planned_through.map_or(opened, |at| at.max(opened));
                self.agenda.set(def.id, seen, Some(seen));
            }
        }
    }

    /// Nothing older than this is caught up with at a takeover.
    pub(super) fn forget_ancient_times(&mut self, now: Timestamp) {
        let oldest = now - MISFIRE_REACH;
        let ancient: Vec<_> = self
            .agenda
            .entries
            .iter()
            .map(|(job, entry)| (*job, entry.seen))
            .collect();
        for (job, seen) in ancient {
            if seen < oldest {
                self.agenda.set(job, oldest, Some(oldest));
            }
        }
    }
}

/// The id of a version, the `taken`-th of those that would be equal.
pub(super) fn version_id(def: &JobDef, time: Timestamp, taken: u32) -> VersionId {
    let tz = def.schedule().timezone;
    let local = time.with_timezone(&tz).naive_local();
    let first = chrono::TimeZone::from_local_datetime(&tz, &local).earliest();
    let second_pass = first.is_some_and(|first| first.to_utc() != time);
    let local = local.with_nanosecond(0).unwrap_or(local);
    VersionId::new(local, def.id, second_pass, taken)
}
