//! The processes of one run: how they are found, and how a signal gets to them.

use std::collections::{BTreeMap, BTreeSet};

use rustix::process::Signal;

use crate::cgroup::Cgroup;
use crate::process::{self, ProcessId};
use crate::rundir::{Claim, LogIdentity, RunDir, Spec, TOKEN_VARIABLE};
use crate::tenant::Tenant;

/// How often what is being stopped may be joined by something new. A process that forks does so
/// only until it is stopped itself, so this many looks mean that the machine is in trouble.
const MOST_LOOKS: usize = 50;

/// The processes of one run.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    runner: Option<ProcessId>,
    assignment: String,
    group: Option<Cgroup>,
    tenant: Option<Tenant>,
    /// Where a dead runner cannot lead to its orphans, what they write to does.
    log: Option<LogIdentity>,
    /// Nothing can have hidden.
    traced: bool,
    /// Seen before, with their start times: they count even when they have hidden since.
    known: BTreeMap<i32, u64>,
}

impl Tree {
    /// The processes of the run in `dir`, whose runner is given if it is known.
    pub(crate) fn new(runner: Option<ProcessId>, dir: &RunDir, spec: &Spec) -> Self {
        let same_boot = process::boot_id().is_ok_and(|boot| boot == spec.boot_id);
        let alive = runner.as_ref().is_some_and(ProcessId::is_alive);
        let ran = !matches!(dir.read_claim(), Ok(Some(Claim::Denied) | None));
        let orphaned = same_boot && ran && !alive;
        Self {
            runner,
            assignment: format!("{TOKEN_VARIABLE}={}", spec.token),
            group: spec.cgroup.clone(),
            tenant: spec
                .tenant
                .clone()
                .filter(|_| !nix::unistd::geteuid().is_root()),
            log: orphaned.then(|| dir.log_identity()).flatten(),
            // The rules of sudo's own sessions may take a tenant out of the group.
            traced: !orphaned || (spec.cgroup.is_some() && spec.tenant.is_none()),
            known: BTreeMap::new(),
        }
    }

    /// Whether finding nothing means that nothing is left.
    pub(super) fn is_traced(&self) -> bool {
        self.traced
    }

    /// The processes of the run that are alive, without the runner.
    pub(super) fn survey(&mut self) -> BTreeMap<i32, u64> {
        let all = process::all();
        let runner = self.runner.as_ref().filter(|runner| runner.is_alive());
        let mut found: BTreeSet<i32> = self
            .known
            .iter()
            .filter(|(pid, start)| all.get(pid).is_some_and(|stat| stat.start_time == **start))
            .map(|(pid, _)| *pid)
            .collect();
        found.extend(runner.map(|runner| runner.pid));
        found.extend(self.group.iter().flat_map(Cgroup::members));
        let me = nix::unistd::getpid().as_raw();
        let log = self.log.as_ref();
        found.extend(all.keys().filter(|pid| {
            process::has_variable(**pid, &self.assignment)
                || log.is_some_and(|log| process::writes_to(**pid, log))
        }));
        if let Some(tenant) = &self.tenant {
            match tenant.carriers(&self.assignment) {
                Some(pids) => found.extend(pids),
                None => self.traced = self.group.is_some(),
            }
        }
        // The worker is no part of the run; a runner that looks by itself leads to its own.
        if runner.is_none_or(|runner| runner.pid != me) {
            found.remove(&me);
        }
        // Children of what is found, until nothing is added: parents may have greater numbers.
        loop {
            let before = found.len();
            let children: Vec<i32> = all
                .iter()
                .filter(|(_, stat)| found.contains(&stat.parent))
                .map(|(pid, _)| *pid)
                .collect();
            found.extend(children);
            if found.len() == before {
                break;
            }
        }
        if let Some(runner) = runner {
            found.remove(&runner.pid);
        }
        self.known = found
            .into_iter()
            .filter_map(|pid| Some((pid, all.get(&pid)?)))
            .filter(|(_, stat)| !stat.ended)
            .map(|(pid, stat)| (pid, stat.start_time))
            .collect();
        self.known.clone()
    }

    pub(super) fn signal(&self, targets: &BTreeMap<i32, u64>, signal: Signal) {
        if targets.is_empty() {
            return;
        }
        for (pid, start) in targets {
            process::send(*pid, *start, signal);
        }
        if let Some(tenant) = &self.tenant {
            tenant.signal(targets, signal);
        }
    }

    /// Kills everything; what was there before.
    pub(crate) fn kill_all(&mut self) -> BTreeMap<i32, u64> {
        if let Some(group) = &self.group {
            group.kill();
        }
        // What forks is stopped first, all of it: a stopped process makes no others, while a
        // killed one would make room for them.
        let mut stopped = self.survey();
        self.signal(&stopped, Signal::STOP);
        for _ in 0..MOST_LOOKS {
            let mut new = self.survey();
            new.retain(|pid, start| stopped.insert(*pid, *start) != Some(*start));
            if new.is_empty() {
                break;
            }
            self.signal(&new, Signal::STOP);
        }
        self.signal(&stopped, Signal::KILL);
        if stopped.is_empty() && self.group.as_ref().is_some_and(Cgroup::is_populated) {
            // In a group that a script has made below its own, or not to be seen from here.
            return BTreeMap::from([(0, 0)]);
        }
        stopped
    }

    pub(super) fn runner_lives(&self) -> bool {
        self.runner.as_ref().is_some_and(ProcessId::is_alive)
    }

    pub(super) fn kill_runner(&self) {
        if let Some(runner) = &self.runner {
            process::send(runner.pid, runner.start_time, Signal::KILL);
        }
    }
}
