//! Ids of jobs and groups: HERA's wherever they are free, since other systems call jobs by them.

use std::collections::BTreeSet;

use hera_domain::id::{GroupId, JobId};

use crate::master::Offline;
use crate::store::{RunFilter, Store};

/// The ids in use, and the first data that may be replaced.
#[derive(Debug)]
pub(super) struct Ids {
    jobs: BTreeSet<JobId>,
    groups: BTreeSet<GroupId>,
    /// The example job of a new installation, if nobody has touched it.
    seed_job: Option<JobId>,
    seed_group: Option<GroupId>,
    /// What is in that group.
    in_seed_group: Vec<JobId>,
    /// The root, while it is as it was made.
    pub(super) fresh_root: bool,
    pub(super) root: GroupId,
}

impl Ids {
    pub(super) async fn of(store: &Store, offline: &Offline) -> anyhow::Result<Self> {
        let (jobs, groups) = store.used_ids().await?;
        let tops = offline.groups().values();
        let root = tops
            .filter(|group| group.content.parent_id.is_none())
            .min_by_key(|group| group.id);
        let seed_job = match offline.jobs().get(&JobId(1)) {
            Some(job) if job.revision.0 == 1 && job.name == "echoTest" => {
                let of_it = RunFilter {
                    job: Some(job.id),
                    ..RunFilter::default()
                };
                let has_run = !store.runs(of_it, None, 1).await?.items.is_empty();
                let untouched = job.first_opened_at.is_none() && !has_run;
                untouched.then_some(job.id)
            }
            Some(_) | None => None,
        };
        let seed_group = offline.groups().get(&GroupId(2)).filter(|group| {
            group.revision.0 == 1 && !group.content.big && group.content.name == "测试"
        });
        let in_seed_group = offline.jobs().values();
        let in_seed_group = in_seed_group.filter(|job| job.group == GroupId(2));
        Ok(Self {
            in_seed_group: in_seed_group.map(|job| job.id).collect(),
            jobs,
            groups,
            seed_job,
            seed_group: seed_group.map(|group| group.id),
            fresh_root: root.is_some_and(|root| root.revision.0 == 1),
            root: root.map_or(GroupId(1), |root| root.id),
        })
    }

    /// HERA's ids are not given to anything else while they may still be wanted.
    pub(super) fn reserve(
        &mut self,
        jobs: impl Iterator<Item = i64>,
        groups: impl Iterator<Item = i64>,
    ) -> Reserved {
        let jobs: BTreeSet<JobId> = jobs.map(JobId).collect();
        let groups: BTreeSet<GroupId> = groups.map(GroupId).collect();
        let top = |a: Option<i64>, b: Option<i64>| a.max(b).unwrap_or(0).max(0) + 1;
        Reserved {
            // The group of the example job becomes HERA's only if all that is in it does.
            may_take_group: self
                .in_seed_group
                .iter()
                .all(|job| self.seed_job == Some(*job) && jobs.contains(job)),
            next_job: top(self.jobs.last().map(|id| id.0), jobs.last().map(|id| id.0)),
            next_group: top(
                self.groups.last().map(|id| id.0),
                groups.last().map(|id| id.0),
            ),
        }
    }

    /// The id for a job of HERA's that is new here.
    pub(super) fn job(&mut self, old: i64, reserved: &mut Reserved) -> JobId {
        let wanted = JobId(old);
        let is_seed = self.seed_job == Some(wanted);
        if is_seed {
            self.seed_job = None;
        }
        if old > 0 && (is_seed || self.jobs.insert(wanted)) {
            return wanted;
        }
        let id = JobId(reserved.next_job);
        reserved.next_job += 1;
        self.jobs.insert(id);
        id
    }

    /// The id for a group of HERA's that is new here; `old` is none for one that HERA has not.
    pub(super) fn group(
        &mut self,
        old: Option<i64>,
        big: bool,
        reserved: &mut Reserved,
    ) -> GroupId {
        if let Some(wanted) = old.filter(|id| *id > 0).map(GroupId) {
            let is_seed = self.seed_group == Some(wanted) && !big && reserved.may_take_group;
            if is_seed {
                self.seed_group = None;
            }
            if is_seed || self.groups.insert(wanted) {
                return wanted;
            }
        }
        let id = GroupId(reserved.next_group);
        reserved.next_group += 1;
        self.groups.insert(id);
        id
    }
}

/// Where ids begin that neither this installation nor HERA has.
#[derive(Debug)]
pub(super) struct Reserved {
    may_take_group: bool,
    next_job: i64,
    next_group: i64,
}
