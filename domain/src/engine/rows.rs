//! The version rows in memory, found by key, by id and by job and business time.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::engine::record::Version;
use crate::id::{JobId, VersionKey};
use crate::version_id::VersionId;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Rows {
    all: BTreeMap<VersionKey, Version>,
    by_time: BTreeMap<JobId, BTreeMap<Timestamp, VersionKey>>,
    by_id: BTreeMap<VersionId, VersionKey>,
}

impl Rows {
    pub(super) fn insert(&mut self, row: Version) {
        let times = self.by_time.entry(row.job).or_default();
        times.insert(row.business_time, row.key);
        self.by_id.insert(row.id.clone(), row.key);
        self.all.insert(row.key, row);
    }

    pub(super) fn remove(&mut self, key: VersionKey) {
        let Some(row) = self.all.remove(&key) else {
            return;
        };
        self.by_id.remove(&row.id);
        if let Some(times) = self.by_time.get_mut(&row.job) {
            times.remove(&row.business_time);
            if times.is_empty() {
                self.by_time.remove(&row.job);
            }
        }
    }

    pub(super) fn get(&self, key: VersionKey) -> Option<&Version> {
        self.all.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: VersionKey) -> Option<&mut Version> {
        self.all.get_mut(&key)
    }

    pub(super) fn by_id(&self, id: &VersionId) -> Option<&Version> {
        self.all.get(self.by_id.get(id)?)
    }

    pub(super) fn at(&self, job: JobId, time: Timestamp) -> Option<&Version> {
        self.all.get(self.by_time.get(&job)?.get(&time)?)
    }

    /// The rows of a job with business times in `[start, end)`, ascending.
    pub(super) fn of_job_between(
        &self,
        job: JobId,
        start: Timestamp,
        end: Timestamp,
    ) -> impl Iterator<Item = &Version> {
        let times = self.by_time.get(&job).filter(|_| start < end);
        times
            .into_iter()
            .flat_map(move |times| times.range(start..end))
            .filter_map(|(_, key)| self.all.get(key))
    }

    /// Every row of a job, by business time.
    pub(super) fn of_job(&self, job: JobId) -> impl Iterator<Item = &Version> {
        let times = self.by_time.get(&job);
        times
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter_map(|key| self.all.get(key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Version> {
        self.all.values()
    }
}
