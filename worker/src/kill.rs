//! Ends every process of a run: the runner's descendants, and whatever carries the run's token.
//!
//! A process can leave its parent (double fork) and its session (`setsid`), but not the runner,
//! which is its subreaper, nor the environment it was started with. Signals go through a pidfd
//! whose process has been looked at again, so a recycled number is never hit.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::process::{self, ProcessId};
use crate::rundir::TOKEN_VARIABLE;
use crate::settings::KillPatience;

/// How often the processes are looked at, at first and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// How long a runner may stay when all others are gone. It needs a moment to write down the end;
/// a longer one only if somebody has stopped it.
const RUNNER_ENDS: Duration = Duration::from_secs(2);

/// Whether the run's processes are known to be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Killed {
    Confirmed,
    /// These remain.
    Unconfirmed(Vec<i32>),
}

/// The processes of one run.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    runner: Option<ProcessId>,
    assignment: String,
    /// Seen before, with their start times: they count even when they have hidden since.
    known: BTreeMap<i32, u64>,
}

impl Tree {
    pub(crate) fn new(runner: Option<ProcessId>, token: &str) -> Self {
        Self {
            runner,
            assignment: format!("{TOKEN_VARIABLE}={token}"),
            known: BTreeMap::new(),
        }
    }

    /// The processes of the run that are alive, without the runner.
    pub(crate) fn survey(&mut self) -> BTreeMap<i32, u64> {
        let all = process::all();
        let runner = self.runner.as_ref().filter(|runner| runner.is_alive());
        let mut found: BTreeSet<i32> = self
            .known
            .iter()
            .filter(|(pid, start)| all.get(pid).is_some_and(|stat| stat.start_time == **start))
            .map(|(pid, _)| *pid)
            .collect();
        found.extend(runner.map(|runner| runner.pid));
        let me = nix::unistd::getpid().as_raw();
        found.extend(
            all.keys()
                .filter(|pid| **pid != me && process::has_variable(**pid, &self.assignment)),
        );
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

    fn runner_lives(&self) -> bool {
        self.runner.as_ref().is_some_and(ProcessId::is_alive)
    }

    fn kill_runner(&self) {
        if let Some(runner) = &self.runner {
            send(runner.pid, runner.start_time, Signal::KILL);
        }
    }
}

/// Climbs the ladder INT → TERM → KILL until nothing of the run is left, or patience is over;
/// `at_once` leads to its top.
pub(crate) async fn kill(
    tree: Tree,
    patience: KillPatience,
    at_once: &CancellationToken,
) -> Killed {
    let steps = [
        (Signal::INT, patience.interrupt),
        (Signal::TERM, patience.terminate),
        (Signal::KILL, patience.kill),
    ];
    let mut hunt = Hunt {
        tree,
        pause: LOOK.0,
        empty_looks: 0,
        runner_alone_since: None,
    };
    let mut left = Vec::new();
    for (signal, patience) in steps {
        let last = signal == Signal::KILL;
        if !last && (patience.is_zero() || at_once.is_cancelled()) {
            continue;
        }
        let step = hunt.step(signal, patience);
        let hurried = async {
            if last {
                std::future::pending().await
            } else {
                at_once.cancelled().await;
            }
        };
        let outcome = tokio::select! {
            outcome = step => outcome,
            () = hurried => continue,
        };
        match outcome {
            Killed::Confirmed => return Killed::Confirmed,
            Killed::Unconfirmed(pids) => left = pids,
        }
    }
    Killed::Unconfirmed(left)
}

struct Hunt {
    tree: Tree,
    pause: Duration,
    /// A look at /proc is no snapshot: a process may fork behind its back. Two in a row settle it.
    empty_looks: u32,
    runner_alone_since: Option<Instant>,
}

impl Hunt {
    async fn step(&mut self, signal: Signal, patience: Duration) -> Killed {
        let end = Instant::now() + patience;
        let mut told = BTreeMap::new();
        self.pause = LOOK.0;
        loop {
            let (targets, runner_lives) = self.look().await;
            self.empty_looks = if targets.is_empty() && !runner_lives {
                self.empty_looks + 1
            } else {
                0
            };
            if self.empty_looks == 2 {
                return Killed::Confirmed;
            }
            if targets.is_empty() && runner_lives {
                let since = *self.runner_alone_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= RUNNER_ENDS {
                    self.tree.kill_runner();
                }
            } else {
                self.runner_alone_since = None;
            }
            for (pid, start) in &targets {
                if told.insert(*pid, *start) != Some(*start) {
                    send(*pid, *start, signal);
                }
            }
            if Instant::now() >= end {
                return Killed::Unconfirmed(targets.into_keys().collect());
            }
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LOOK.1);
        }
    }

    async fn look(&mut self) -> (BTreeMap<i32, u64>, bool) {
        let mut tree = self.tree.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let targets = tree.survey();
            let runner_lives = tree.runner_lives();
            (tree, targets, runner_lives)
        })
        .await;
        // A look fails only when the program is being torn down: nothing is known then.
        let Ok((tree, targets, runner_lives)) = looked else {
            return (BTreeMap::new(), true);
        };
        self.tree = tree;
        (targets, runner_lives)
    }
}

/// Signals the process that has this number and this start time, or nobody.
fn send(pid: i32, start_time: u64, signal: Signal) {
    let Some(target) = Pid::from_raw(pid) else {
        return;
    };
    let Ok(descriptor) = pidfd_open(target, PidfdFlags::empty()) else {
        return;
    };
    if process::stat(pid).is_some_and(|stat| stat.start_time == start_time)
        && let Err(error) = pidfd_send_signal(&descriptor, signal)
    {
        tracing::debug!(
            process.pid = pid,
            "cannot signal a process of a run: {error}"
        );
    }
}
