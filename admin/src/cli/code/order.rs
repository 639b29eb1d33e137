//! How jobs would depend on each other once everything is as in the files, and in which order to
//! get there.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::graph::{Upstreams, find_cycle, reverse};
use hera_domain::id::JobId;

use super::matched::{Key, Matched};
use super::paths::TreePath;

/// All jobs of the admin and of the files, as they shall be.
#[derive(Debug, Default)]
pub(super) struct Graph {
    upstreams: Upstreams,
    open: BTreeSet<Key>,
}

impl Graph {
    /// Adds a job, or says anew what it shall be.
    pub(super) fn add(&mut self, job: Key, upstreams: impl IntoIterator<Item = Key>, open: bool) {
        // Whether a job may depend on its own earlier versions is the admin's to say.
        let others = upstreams.into_iter().filter(|upstream| *upstream != job);
        self.upstreams
            .insert(JobId(job), others.map(JobId).collect());
        if open {
            self.open.insert(job);
        } else {
            self.open.remove(&job);
        }
    }

    /// Every job after those that it depends on, by path where nothing else decides; or the
    /// jobs of a circle.
    pub(super) fn order<'a>(
        &self,
        path: impl Fn(Key) -> &'a TreePath,
    ) -> Result<Vec<Key>, Vec<Key>> {
        let downstreams = reverse(&self.upstreams);
        let mut missing: BTreeMap<JobId, usize> = BTreeMap::new();
        let mut ready = BTreeSet::new();
        for (job, above) in &self.upstreams {
            let above: BTreeSet<_> = above.iter().collect();
            missing.insert(*job, above.len());
            if above.is_empty() {
                ready.insert((path(job.0), *job));
            }
        }
        let mut order = Vec::with_capacity(self.upstreams.len());
        while let Some((_, job)) = ready.pop_first() {
            order.push(job.0);
            missing.remove(&job);
            for below in downstreams.get(&job).into_iter().flatten() {
                if let Some(count) = missing.get_mut(below) {
                    *count -= 1;
                    if *count == 0 {
                        ready.insert((path(below.0), *below));
                    }
                }
            }
        }
        let circle = missing
            .keys()
            .find_map(|job| find_cycle(&self.upstreams, *job));
        match circle {
            None => Ok(order),
            Some(mut circle) => {
                circle.extend(circle.first().copied());
                Err(circle.iter().map(|job| job.0).collect())
            }
        }
    }

    /// Where an open job would depend on a closed one: pairs of both.
    pub(super) fn held_up(&self) -> impl Iterator<Item = (Key, Key)> {
        let open = self.open.iter();
        open.flat_map(|job| {
            let upstreams = self.upstreams.get(&JobId(*job)).into_iter().flatten();
            upstreams.map(|upstream| (*job, upstream.0))
        })
        .filter(|(_, upstream)| !self.open.contains(upstream))
    }

    /// Jobs that depend on one that is not there: pairs of both.
    pub(super) fn lost(&self) -> impl Iterator<Item = (Key, Key)> {
        let all = self.upstreams.iter();
        all.flat_map(|(job, upstreams)| upstreams.iter().map(|upstream| (job.0, upstream.0)))
            .filter(|(_, upstream)| !self.upstreams.contains_key(&JobId(*upstream)))
    }
}

/// What is wrong with the jobs as they would be.
pub(super) fn faults(graph: &Graph, matched: &Matched<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (job, upstream) in graph.lost() {
        let (job, upstream) = (matched.job_path(job), matched.job_path(upstream));
        wrong.push(format!(
            "{upstream} is not in the files, and --prune cannot delete it: {job} depends on it"
        ));
    }
    for (job, upstream) in graph.held_up() {
        let (file, above) = (matched.job_file(job), matched.job_file(upstream));
        // What was so before, and has nothing to do with the files, is not theirs to mend.
        let Some(file_at_fault) = file.or(above) else {
            continue;
        };
        let place = file_at_fault.place("open");
        let (job, upstream) = (matched.job_path(job), matched.job_path(upstream));
        wrong.push(format!(
            "{place}: {job} would be open, but {upstream}, which it depends on, closed"
        ));
    }
    wrong
}
