//! The database of a simulated installation: rows change by decisions only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::scenario;
use crate::calendar::CalendarDef;
use crate::clock::Timestamp;
use crate::engine::{Alarm, Decisions, HostGroup, Limits, Run, Snapshot, Version};
use crate::id::{HostGroupId, JobId, RunId, VersionKey};
use crate::job::JobDef;
use crate::reason::Reason;
use crate::status::{RunStatus, VersionStatus};

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Db {
    pub jobs: BTreeMap<JobId, Arc<JobDef>>,
    pub host_groups: BTreeMap<HostGroupId, HostGroup>,
    pub calendar: Arc<CalendarDef>,
    pub versions: BTreeMap<VersionKey, Version>,
    pub runs: BTreeMap<RunId, Run>,
    /// What came of runs after they had been given up.
    pub late: BTreeMap<RunId, Reason>,
    pub outbox: BTreeMap<String, Alarm>,
    pub planned_through: Option<Timestamp>,
    pub epoch: i64,
    pub commit_seq: i64,
    /// Laws that can be switched off to see that somebody notices.
    pub unfenced: bool,
    pub blind_writes: bool,
    pub hides_calendar: bool,
}

impl Default for Db {
    fn default() -> Self {
        Self {
            jobs: BTreeMap::new(),
            host_groups: BTreeMap::new(),
            calendar: scenario::calendar(true),
            versions: BTreeMap::new(),
            runs: BTreeMap::new(),
            late: BTreeMap::new(),
            outbox: BTreeMap::new(),
            planned_through: None,
            epoch: 0,
            commit_seq: 0,
            unfenced: false,
            blind_writes: false,
            hides_calendar: false,
        }
    }
}

/// Why a commit did not happen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Another leader has taken over.
    Fenced,
    /// A row is not what the decision expects.
    Mismatch(String),
}

impl Db {
    pub(super) fn commit(&mut self, epoch: i64, decisions: &Decisions) -> Result<(), Refused> {
        if self.epoch != epoch && !self.unfenced {
            return Err(Refused::Fenced);
        }
        if !self.blind_writes {
            self.check(decisions).map_err(Refused::Mismatch)?;
        }
        self.commit_seq += 1;
        for (key, change) in &decisions.versions {
            self.versions.insert(*key, change.row.clone());
        }
        for (id, change) in &decisions.runs {
            self.runs.insert(*id, change.row.clone());
        }
        for late in &decisions.late {
            let row = self.runs.get(&late.run.run);
            let given_up = |run: &&Run| {
                let over = matches!(run.status, RunStatus::Lost | RunStatus::Cancelled);
                over && run.nonce.as_ref() == Some(&late.run.nonce)
            };
            if row.is_some_and(|run| given_up(&run)) {
                let note = late.note.clone();
                self.late.entry(late.run.run).or_insert(note);
            }
        }
        for (id, def) in &decisions.jobs {
            match def {
                Some(def) => self.jobs.insert(*id, def.clone()),
                None => self.jobs.remove(id),
            };
        }
        for alarm in &decisions.alarms {
            let key = alarm.dedupe_key.clone();
            self.outbox.entry(key).or_insert_with(|| alarm.clone());
        }
        self.planned_through = decisions.planned_through.or(self.planned_through);
        Ok(())
    }

    fn check(&self, decisions: &Decisions) -> Result<(), String> {
        for (key, change) in &decisions.versions {
            let found = self.versions.get(key).map(|row| row.status);
            if found != change.expect {
                let expected = change.expect;
                return Err(format!("version {key} is {found:?}, expected {expected:?}"));
            }
        }
        for (id, change) in &decisions.runs {
            let found = self.runs.get(id).map(|row| row.status);
            if found != change.expect {
                let expected = change.expect;
                return Err(format!("run {id} is {found:?}, expected {expected:?}"));
            }
        }
        let inserted = decisions
            .versions
            .values()
            .filter(|change| change.expect.is_none());
        let mut instants: BTreeSet<_> = self.instants().collect();
        let mut names: BTreeSet<_> = self.versions.values().map(|row| row.id.clone()).collect();
        for row in inserted.map(|change| &change.row) {
            if !instants.insert((row.job, row.business_time)) || !names.insert(row.id.clone()) {
                return Err(format!("version {} is there already", row.id));
            }
        }
        Ok(())
    }

    /// The business instants that have a row, once per row.
    pub(super) fn instants(&self) -> impl Iterator<Item = (JobId, Timestamp)> {
        self.versions
            .values()
            .map(|row| (row.job, row.business_time))
    }

    pub(super) fn versions_of(&self, job: JobId) -> impl Iterator<Item = &Version> {
        self.versions.values().filter(move |row| row.job == job)
    }

    pub(super) fn version_at(&self, job: JobId, time: Timestamp) -> Option<&Version> {
        let mut rows = self.versions.values();
        rows.find(|row| row.job == job && row.business_time == time)
    }

    /// What a new leader reads.
    pub(super) fn snapshot(&self, now: Timestamp, limits: &Limits) -> Snapshot {
        let oldest = now - TimeDelta::days(limits.waiting_days + 2);
        let recent = |row: &&Version| !row.status.is_final() || row.business_time >= oldest;
        let retrying: BTreeSet<_> = self
            .versions
            .values()
            .filter(|row| row.status == VersionStatus::RetryWait)
            .filter_map(|row| row.counting_run)
            .collect();
        let live = |run: &&Run| !run.status.is_final() || retrying.contains(&run.id);
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.epoch.to_le_bytes());
        Snapshot {
            jobs: self.jobs.clone(),
            host_groups: self.host_groups.clone(),
            calendars: if self.hides_calendar {
                Vec::new()
            } else {
                vec![self.calendar.clone()]
            },
            versions: self.versions.values().filter(recent).cloned().collect(),
            runs: self.runs.values().filter(live).cloned().collect(),
            planned_through: self.planned_through,
            last_version_key: self.versions.keys().last().map_or(0, |key| key.0),
            last_run_id: self.runs.keys().last().map_or(0, |id| id.0),
            salt,
        }
    }
}
