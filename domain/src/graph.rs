//! The graph of jobs: cycles, and what lies above and below a job.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::JobId;

/// Upstreams by job.
pub type Upstreams = BTreeMap<JobId, Vec<JobId>>;

/// A cycle through `start`, as its jobs in the order of the edges, `start` first; `None` if it is
/// on none. An edge of a job on itself is a cycle.
///
/// `edges` may point up or down: a cycle is one either way.
pub fn find_cycle(edges: &Upstreams, start: JobId) -> Option<Vec<JobId>> {
    let mut path = Vec::new();
    let mut visited = BTreeSet::new();
    // A stack of its own: a chain of thousands of jobs would exhaust the thread's.
    let mut open = vec![neighbours(edges, start).iter()];
    while let Some(next) = open.last_mut() {
        match next.next() {
            Some(&job) if job == start => {
                return Some(std::iter::once(start).chain(path).collect());
            }
            Some(&job) => {
                if visited.insert(job) {
                    path.push(job);
                    open.push(neighbours(edges, job).iter());
                }
            }
            None => {
                open.pop();
                path.pop();
            }
        }
    }
    None
}

/// The edges the other way round: downstreams by job. A job may be named by two edges of another
/// one and is listed once.
pub fn reverse(edges: &Upstreams) -> Upstreams {
    let mut reversed: BTreeMap<JobId, BTreeSet<JobId>> = BTreeMap::new();
    for (job, others) in edges {
        for other in others {
            reversed.entry(*other).or_default().insert(*job);
        }
    }
    reversed
        .into_iter()
        .map(|(job, others)| (job, others.into_iter().collect()))
        .collect()
}

/// Everything that can be reached from `start` over the edges, without `start`, in topological
/// order: a job comes after every reached job that has an edge to it. Jobs on a cycle, which a
/// save refuses but an import may bring, come last, by id.
pub fn reachable(edges: &Upstreams, start: JobId) -> Vec<JobId> {
    let within = closure(edges, start, u32::MAX);
    let mut incoming: BTreeMap<JobId, usize> = within.keys().map(|job| (*job, 0)).collect();
    for job in within.keys() {
        for other in distinct(edges, *job) {
            *incoming.entry(other).or_default() += 1;
        }
    }
    let mut ready: BTreeSet<JobId> = BTreeSet::from([start]);
    let mut order = Vec::with_capacity(within.len());
    let mut placed = BTreeSet::new();
    while let Some(job) = ready.pop_first() {
        placed.insert(job);
        order.push(job);
        for other in distinct(edges, job) {
            if let Some(count) = incoming.get_mut(&other) {
                *count -= 1;
                if *count == 0 && !placed.contains(&other) {
                    ready.insert(other);
                }
            }
        }
    }
    let left = within.keys().filter(|job| !placed.contains(job));
    order.extend(left);
    order.retain(|job| *job != start);
    order
}

/// Everything within `depth` edges of `start`, itself (0) included, with its distance.
pub fn closure(edges: &Upstreams, start: JobId, depth: u32) -> BTreeMap<JobId, u32> {
    let mut distances = BTreeMap::from([(start, 0)]);
    let mut ring = vec![start];
    let mut distance = 0;
    while !ring.is_empty() && distance < depth {
        distance += 1;
        let mut next = Vec::new();
        for job in ring {
            for other in neighbours(edges, job) {
                if !distances.contains_key(other) {
                    distances.insert(*other, distance);
                    next.push(*other);
                }
            }
        }
        ring = next;
    }
    distances
}

fn neighbours(edges: &Upstreams, job: JobId) -> &[JobId] {
    edges.get(&job).map_or(&[], Vec::as_slice)
}

fn distinct(edges: &Upstreams, job: JobId) -> BTreeSet<JobId> {
    neighbours(edges, job).iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(edges: &[(i64, &[i64])]) -> Upstreams {
        let ids = |list: &[i64]| list.iter().copied().map(JobId).collect();
        edges
            .iter()
            .map(|(job, up)| (JobId(*job), ids(up)))
            .collect()
    }

    fn ids(list: &[i64]) -> Vec<JobId> {
        list.iter().copied().map(JobId).collect()
    }

    #[test]
    fn a_cycle_is_named_in_the_order_of_its_edges() {
        let edges = graph(&[(1, &[2, 9]), (2, &[3]), (3, &[8, 1]), (8, &[9])]);
        assert_eq!(find_cycle(&edges, JobId(1)), Some(ids(&[1, 2, 3])));
        assert_eq!(find_cycle(&edges, JobId(8)), None);
    }

    #[test]
    fn an_edge_on_itself_is_a_cycle() {
        assert_eq!(find_cycle(&graph(&[(5, &[5])]), JobId(5)), Some(ids(&[5])));
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_jobs_does_not_exhaust_the_stack() {
        let edges: Upstreams = (0..100_000)
            .map(|n| (JobId(n), vec![JobId(n + 1)]))
            .collect();
        assert_eq!(find_cycle(&edges, JobId(0)), None);
        assert_eq!(reachable(&edges, JobId(0)).len(), 100_000);
    }

    #[test]
    fn a_diamond_is_walked_in_topological_order() {
        let up = graph(&[(4, &[2, 3]), (2, &[1]), (3, &[1, 2])]);
        assert_eq!(reachable(&up, JobId(4)), ids(&[3, 2, 1]));
        assert_eq!(reachable(&reverse(&up), JobId(1)), ids(&[2, 3, 4]));
        assert_eq!(
            closure(&up, JobId(4), 1),
            BTreeMap::from([(JobId(4), 0), (JobId(2), 1), (JobId(3), 1)])
        );
    }

    #[test]
    fn jobs_on_a_cycle_are_not_lost() {
        let edges = graph(&[(1, &[2]), (2, &[3]), (3, &[2])]);
        assert_eq!(reachable(&edges, JobId(1)), ids(&[2, 3]));
    }

    fn any_graph() -> impl Strategy<Value = Upstreams> {
        let jobs = proptest::collection::vec(0i64..12, 0..4);
        proptest::collection::btree_map((0i64..12).prop_map(JobId), jobs, 0..12).prop_map(|map| {
            map.into_iter()
                .map(|(job, up)| (job, up.into_iter().map(JobId).collect()))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_found_cycle_is_one_and_none_is_missed(edges in any_graph(), start in 0i64..12) {
            let start = JobId(start);
            let back = neighbours(&edges, start)
                .iter()
                .any(|job| closure(&edges, *job, u32::MAX).contains_key(&start));
            match find_cycle(&edges, start) {
                Some(cycle) => {
                    prop_assert_eq!(cycle[0], start);
                    for (from, to) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
                        prop_assert!(edges[from].contains(to));
                    }
                }
                None => prop_assert!(!back),
            }
        }

        #[test]
        fn every_reached_job_comes_once_and_after_its_sources(edges in any_graph(), start in 0i64..12) {
            let start = JobId(start);
            let order = reachable(&edges, start);
            let mut expected = closure(&edges, start, u32::MAX);
            expected.remove(&start);
            prop_assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), expected.into_keys().collect());
            prop_assert_eq!(order.len(), order.iter().collect::<BTreeSet<_>>().len());
            let acyclic = edges.keys().all(|job| find_cycle(&edges, *job).is_none());
            if acyclic {
                for (index, job) in order.iter().enumerate() {
                    let targets = neighbours(&edges, *job);
                    prop_assert!(order[..index].iter().all(|earlier| !targets.contains(earlier)));
                }
            }
        }
    }
}
