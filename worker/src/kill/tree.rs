//! The processes of one run: how they are found, and how a signal gets to them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::process::Signal;

use super::inside::{Inside, Seen};
use crate::cgroup::Cgroup;
use crate::process::{self, ProcessId, Stat};
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
    /// No process of the run began before; 0 if that is not known.
    born: u64,
    /// Nothing can have hidden.
    traced: bool,
    /// The tenant was asked in the latest look, and has answered.
    answered: bool,
    inside: Inside,
    /// Seen before, with their start times: they count even when they have hidden since.
    known: BTreeMap<i32, u64>,
}

/// How far a survey looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// What is related to what is known: this never waits.
    Kin,
    /// Into each process, too.
    Everybody,
}

impl Tree {
    /// The processes of the run in `dir`, whose runner is given if it is known.
    pub(crate) fn new(runner: Option<ProcessId>, dir: &RunDir, spec: &Spec) -> Self {
        let boot_id = process::boot_id().ok();
        let same_boot = boot_id.as_ref() == Some(&spec.boot_id);
        // One that cannot be looked at may be gone.
        let alive = |runner: &ProcessId| runner.is_alive().unwrap_or(false);
        let alive = runner.as_ref().is_some_and(alive);
        let claim = dir.read_claim();
        let ran = !matches!(claim, Ok(Some(Claim::Denied) | None));
        let claimant = match &claim {
            Ok(Some(Claim::Runner(id))) => Some(id),
            Ok(Some(Claim::Denied) | None) | Err(_) => None,
        };
        let born = runner
            .as_ref()
            .or(claimant)
            .filter(|id| boot_id.as_ref() == Some(&id.boot_id))
            .map_or(0, |id| id.start_time);
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
            born,
            answered: true,
            inside: Inside::default(),
            known: BTreeMap::new(),
        }
    }

    /// Whether finding nothing means that nothing is left.
    pub(crate) fn is_traced(&self) -> bool {
        let all_seen = self.answered && self.inside.is_whole();
        self.traced && (all_seen || self.group.is_some())
    }

    /// The processes of the run that are alive, without the runner, as far as they can be seen
    /// from here, and with what the tenant alone can see.
    fn survey(&mut self, carriers: Vec<i32>, reach: Reach) -> io::Result<BTreeMap<i32, u64>> {
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
        // Whoever answers for the tenant may have been made to lie by the tenant.
        if let Some(tenant) = &self.tenant {
            found.extend(tenant.own(carriers));
        }
        // The worker is no part of the run; a runner that looks by itself leads to its own.
        let me = nix::unistd::getpid().as_raw();
        if runner != Some(me) {
            all.remove(&me);
            found.remove(&me);
        }
        add_descendants(&mut found, &all);
        if reach == Reach::Everybody {
            let others = all.iter().filter(|(pid, stat)| {
                !found.contains(pid) && !stat.ended && stat.start_time >= self.born
            });
            let others: Vec<Seen> = others.map(|(pid, stat)| (*pid, stat.start_time)).collect();
            let (assignment, log) = (self.assignment.clone(), self.log);
            let is_of_run = move |pid| {
                let writes = |log| process::writes_to(pid, log);
                Ok(process::has_variable(pid, &assignment)?
                    || log.as_ref().map_or(Ok(false), writes)?)
            };
            found.extend(self.inside.seek(others, is_of_run)?);
            add_descendants(&mut found, &all);
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
        // First what can be seen and reached at once: to look into a process may take long, and
        // sudo may hang.
        let mut targets = self.survey(Vec::new(), Reach::Kin)?;
        let mut others = send(&targets, signal, told)?;
        targets = self.survey(Vec::new(), Reach::Everybody)?;
        others.append(&mut send(&targets, signal, told)?);
        if let Some(tenant) = self.tenant.clone() {
            let carriers = tenant.carriers(&self.assignment);
            self.answered = carriers.is_some();
            targets = self.survey(carriers.unwrap_or_default(), Reach::Kin)?;
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

/// Children of what is found, until nothing is added: parents may have greater numbers.
fn add_descendants(found: &mut BTreeSet<i32>, all: &BTreeMap<i32, Stat>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Tenant;

    #[test]
    fn a_tenant_who_lies_about_its_processes_names_none_of_anybody_else() {
        let folder = tempfile::tempdir().unwrap();
        let spec = serde_json::json!({
            "job_id": 1, "job_name": "", "version": "", "trigger": "", "attempt": 1,
            "command": [], "env": {}, "token": "of no process", "boot_id": "b",
        });
        let spec: Spec = serde_json::from_value(spec).unwrap();
        let mut tree = Tree::new(None, &RunDir::new(folder.path()), &spec);
        let me = nix::unistd::getpid().as_raw();
        let parent = nix::unistd::getppid().as_raw();
        let mut found = |uid: u32, named: i32| {
            tree.known.clear();
            tree.tenant = Some(Asker::new(Tenant::with_uid(uid)));
            let found = tree.survey(vec![named], Reach::Everybody).unwrap();
            found.into_keys().collect::<Vec<_>>()
        };
        let own = nix::unistd::geteuid().as_raw();
        for named in [1, me, parent] {
            assert!(found(own + 1, named).is_empty(), "{named}");
        }
        // What it may name is believed, with what it has started, but for this process.
        let with_parent = found(own, parent);
        assert!(with_parent.contains(&parent) && !with_parent.contains(&me));
    }
}
