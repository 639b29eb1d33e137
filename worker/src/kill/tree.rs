//! The processes of one run: how they are found, and how a signal gets to them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::process::Signal;

use crate::cgroup::Cgroup;
use crate::process::{self, ProcessId};
use crate::rundir::{Claim, LogIdentity, RunDir, Spec, TOKEN_VARIABLE};
use crate::tenant::Asker;

/// How often what is being stopped may be joined by something new. A process that forks does so
/// only until it is stopped itself, so this many looks mean that the machine is in trouble.
const MOST_LOOKS: usize = 50;

/// The processes of one run.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    runner: Option<ProcessId>,
    assignment: String,
    group: Option<Cgroup>,
    /// Reaches what this user must not signal.
    tenant: Option<Asker>,
    /// Where a dead runner cannot lead to its orphans, what they write to does.
    log: Option<LogIdentity>,
    /// Nothing can have hidden.
    traced: bool,
    /// The tenant was asked in the latest look, and has answered.
    answered: bool,
    /// Seen before, with their start times: they count even when they have hidden since.
    known: BTreeMap<i32, u64>,
}

impl Tree {
    /// The processes of the run in `dir`, whose runner is given if it is known.
    pub(crate) fn new(runner: Option<ProcessId>, dir: &RunDir, spec: &Spec) -> Self {
        let same_boot = process::boot_id().is_ok_and(|boot| boot == spec.boot_id);
        // One that cannot be looked at may be gone.
        let alive = |runner: &ProcessId| runner.is_alive().unwrap_or(false);
        let alive = runner.as_ref().is_some_and(alive);
        let ran = !matches!(dir.read_claim(), Ok(Some(Claim::Denied) | None));
        let orphaned = same_boot && ran && !alive;
        Self {
            runner,
            assignment: format!("{TOKEN_VARIABLE}={}", spec.token),
            group: spec.cgroup.clone(),
            tenant: spec
                .tenant
                .clone()
                .filter(|_| !nix::unistd::geteuid().is_root())
                .map(Asker::new),
            log: orphaned.then(|| dir.log_identity()).flatten(),
            // The rules of sudo's own sessions may take a tenant out of the group.
            traced: !orphaned || (spec.cgroup.is_some() && spec.tenant.is_none()),
            answered: true,
            known: BTreeMap::new(),
        }
    }

    /// Whether finding nothing means that nothing is left.
    pub(crate) fn is_traced(&self) -> bool {
        self.traced && (self.answered || self.group.is_some())
    }

    /// The processes of the run that are alive, without the runner, as far as they can be seen
    /// from here, and with what the tenant alone can see.
    fn survey(&mut self, carriers: Vec<i32>) -> io::Result<BTreeMap<i32, u64>> {
        let mut all = process::all()?;
        for late in self.tenant.iter().flat_map(Asker::late) {
            // Sudo's own processes are none of the run's.
            all.remove(&late);
        }
        let runner = match &self.runner {
            Some(runner) if runner.is_alive()? => Some(runner.pid),
            Some(_) | None => None,
        };
        let mut found: BTreeSet<i32> = self
            .known
            .iter()
            .filter(|(pid, start)| all.get(pid).is_some_and(|stat| stat.start_time == **start))
            .map(|(pid, _)| *pid)
            .collect();
        found.extend(runner);
        found.extend(self.group.iter().flat_map(Cgroup::members));
        found.extend(carriers);
        for pid in all.keys() {
            let writes = |log| process::writes_to(*pid, log);
            if process::has_variable(*pid, &self.assignment)?
                || self.log.as_ref().map_or(Ok(false), writes)?
            {
                found.insert(*pid);
            }
        }
        // The worker is no part of the run; a runner that looks by itself leads to its own.
        let me = nix::unistd::getpid().as_raw();
        if runner != Some(me) {
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
            found.remove(&runner);
        }
        self.known = found
            .into_iter()
            .filter_map(|pid| Some((pid, all.get(&pid)?)))
            .filter(|(_, stat)| !stat.ended)
            .map(|(pid, stat)| (pid, stat.start_time))
            .collect();
        Ok(self.known.clone())
    }

    /// Signals what has not been `told` yet; all there is.
    pub(super) fn tell(
        &mut self,
        signal: Signal,
        told: &mut BTreeMap<i32, u64>,
    ) -> io::Result<BTreeMap<i32, u64>> {
        let mut targets = self.survey(Vec::new())?;
        // First what can be reached from here: sudo may hang.
        let mut others = send(&targets, signal, told)?;
        if let Some(tenant) = self.tenant.clone() {
            let carriers = tenant.carriers(&self.assignment);
            self.answered = carriers.is_some();
            targets = self.survey(carriers.unwrap_or_default())?;
            others.append(&mut send(&targets, signal, told)?);
            tenant.signal(&others, signal);
        }
        Ok(targets)
    }

    /// Kills everything; what was there before.
    pub(crate) fn kill_all(&mut self) -> io::Result<BTreeMap<i32, u64>> {
        if let Some(group) = &self.group {
            group.kill();
        }
        // What forks is stopped first, all of it: a stopped process makes no others, while a
        // killed one would make room for them. Sudo, which stops with its script, still is this
        // user's to kill.
        let mut stopped = BTreeMap::new();
        for _ in 0..MOST_LOOKS {
            let before = stopped.clone();
            self.tell(Signal::STOP, &mut stopped)?;
            if stopped == before {
                break;
            }
        }
        let others = send(&stopped, Signal::KILL, &mut BTreeMap::new())?;
        if let Some(tenant) = &self.tenant {
            tenant.signal(&others, Signal::KILL);
        }
        if stopped.is_empty() && self.group.as_ref().is_some_and(Cgroup::is_populated) {
            // In a group that a script has made below its own, or not to be seen from here.
            return Ok(BTreeMap::from([(0, 0)]));
        }
        Ok(stopped)
    }

    /// Those that were there in the latest look.
    pub(super) fn known(&self) -> &BTreeMap<i32, u64> {
        &self.known
    }

    pub(super) fn runner_lives(&self) -> io::Result<bool> {
        self.runner.as_ref().map_or(Ok(false), ProcessId::is_alive)
    }

    pub(super) fn kill_runner(&self) {
        if let Some(runner) = &self.runner
            && let Err(error) = process::send(runner.pid, runner.start_time, Signal::KILL)
        {
            tracing::error!("cannot kill a runner: {error}");
        }
    }
}

/// Signals who has not been told; those that another user must signal.
fn send(
    targets: &BTreeMap<i32, u64>,
    signal: Signal,
    told: &mut BTreeMap<i32, u64>,
) -> io::Result<BTreeMap<i32, u64>> {
    let mut others = BTreeMap::new();
    for (pid, start) in targets {
        if told.insert(*pid, *start) != Some(*start) && !process::send(*pid, *start, signal)? {
            others.insert(*pid, *start);
        }
    }
    Ok(others)
}
