//! The order in which jobs are saved: every job after those that it depends on.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::graph::{self, Upstreams};
use hera_domain::id::JobId;

/// HERA's jobs by id, with the dependencies that lead to other ones.
pub(super) struct Order {
    /// Upstreams first, lower ids before higher ones.
    pub(super) jobs: Vec<i64>,
    /// Dependencies (job, upstream) that close a circle; without them there is none.
    pub(super) circular: BTreeSet<(i64, i64)>,
}

/// Sorts jobs by their dependencies. Every dependency between two jobs of one circle is set
/// aside: which of them was not meant, only a person knows.
pub(super) fn order(dependencies: &BTreeMap<i64, Vec<i64>>) -> Order {
    let mut circular = BTreeSet::new();
    let (jobs, stuck) = sort(dependencies, &circular);
    if stuck.is_empty() {
        return Order { jobs, circular };
    }
    let graph: Upstreams = dependencies
        .iter()
        .filter(|(job, _)| stuck.contains(job))
        .map(|(job, up)| (JobId(*job), up.iter().copied().map(JobId).collect()))
        .collect();
    for (job, upstreams) in &graph {
        let back = upstreams
            .iter()
            .filter(|up| graph::closure(&graph, **up, u32::MAX).contains_key(job));
        circular.extend(back.map(|up| (job.0, up.0)));
    }
    let (jobs, _) = sort(dependencies, &circular);
    Order { jobs, circular }
}

/// What can be sorted, and what cannot: jobs on circles and below them.
fn sort(
    dependencies: &BTreeMap<i64, Vec<i64>>,
    without: &BTreeSet<(i64, i64)>,
) -> (Vec<i64>, BTreeSet<i64>) {
    let mut downstream: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut missing: BTreeMap<i64, usize> = BTreeMap::new();
    for (job, upstreams) in dependencies {
        let distinct: BTreeSet<i64> = upstreams.iter().copied().collect();
        let known = distinct
            .into_iter()
            .filter(|up| dependencies.contains_key(up) && !without.contains(&(*job, *up)));
        let mut count = 0;
        for upstream in known {
            downstream.entry(upstream).or_default().push(*job);
            count += 1;
        }
        missing.insert(*job, count);
    }
    let ready = missing.iter().filter(|(_, count)| **count == 0);
    let mut ready: BTreeSet<i64> = ready.map(|(job, _)| *job).collect();
    let mut sorted = Vec::with_capacity(dependencies.len());
    while let Some(job) = ready.pop_first() {
        sorted.push(job);
        missing.remove(&job);
        for below in downstream.get(&job).into_iter().flatten() {
            if let Some(count) = missing.get_mut(below) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(*below);
                }
            }
        }
    }
    (sorted, missing.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(edges: &[(i64, &[i64])]) -> Order {
        let map = edges.iter().map(|(job, up)| (*job, up.to_vec())).collect();
        order(&map)
    }

    #[test]
    fn upstreams_come_first_whatever_their_ids() {
        let order = of(&[(1, &[3]), (2, &[]), (3, &[2]), (4, &[1, 3, 3, 99])]);
        assert_eq!(order.jobs, [2, 3, 1, 4]);
        assert!(order.circular.is_empty());
    }

    #[test]
    fn a_circle_is_opened_and_what_hangs_below_it_is_kept() {
        let order = of(&[
            (1, &[2]),
            (2, &[3]),
            (3, &[1, 5]),
            (4, &[1]),
            (5, &[]),
            (6, &[6]),
        ]);
        assert_eq!(order.circular, [(1, 2), (2, 3), (3, 1), (6, 6)].into());
        assert_eq!(order.jobs.len(), 6);
        let place = |job| order.jobs.iter().position(|other| *other == job);
        assert!(place(1) < place(4) && place(5) < place(3));
    }
}
