//! Ends every process of a run: its control group, the runner's descendants, and whatever carries
//! the run's token.
//!
//! A process can leave its parent (double fork) and its session (`setsid`), but not the runner,
//! which is its subreaper, nor the environment it was started with, nor its control group where
//! the machine has them. Signals go through a pidfd whose process has been looked at again, so a
//! recycled number is never hit.

mod inside;
mod tree;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::settings::KillPatience;
pub(crate) use tree::Tree;

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
    /// None was found, but one may have hidden: its runner was gone, and it had no group.
    Untraced,
}

impl Killed {
    pub(crate) fn is_confirmed(&self) -> bool {
        *self == Self::Confirmed
    }

    /// What is to be said of it, if anything.
    pub(crate) fn remark(&self) -> Option<String> {
        match self {
            Self::Confirmed => None,
            Self::Unconfirmed(pids) => Some(format!("processes that could not be killed: {pids:?}")),
            Self::Untraced => Some(
                "a process that hid could not be found, because its runner was gone too, sudo did not answer, or a process could not be looked at".to_owned(),
            ),
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
        let hurried = async {
            if last {
                std::future::pending::<()>().await;
            } else {
                at_once.cancelled().await;
            }
        };
        let stepped = tokio::select! {
            stepped = hunt.step(signal, patience) => stepped,
            () = hurried => continue,
        };
        match stepped {
            Ok(()) if hunt.tree.is_traced() => return Killed::Confirmed,
            Ok(()) => return Killed::Untraced,
            Err(pids) => left = pids,
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
    /// Sends one signal to all there is and comes, until nothing is left; else what is.
    async fn step(&mut self, signal: Signal, patience: Duration) -> Result<(), Vec<i32>> {
        let end = Instant::now() + patience;
        let mut told = BTreeMap::new();
        self.pause = LOOK.0;
        loop {
            let looked = self.look(signal, &mut told).await;
            // Who could not look has not seen that there is nothing.
            let (there, alone) = match &looked {
                Ok((targets, runner_lives)) => (
                    !targets.is_empty() || *runner_lives,
                    targets.is_empty() && *runner_lives,
                ),
                Err(error) => {
                    tracing::error!("cannot look for the processes of a run: {error}");
                    (true, false)
                }
            };
            self.empty_looks = if there { 0 } else { self.empty_looks + 1 };
            if self.empty_looks == 2 {
                return Ok(());
            }
            if alone {
                let since = *self.runner_alone_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= RUNNER_ENDS {
                    self.tree.kill_runner();
                }
            } else {
                self.runner_alone_since = None;
            }
            if Instant::now() >= end {
                let targets = looked.map_or_else(|_| self.tree.known().clone(), |(seen, _)| seen);
                return Err(targets.into_keys().collect());
            }
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LOOK.1);
        }
    }

    /// Looks, and signals what has not been told yet.
    async fn look(
        &mut self,
        signal: Signal,
        told: &mut BTreeMap<i32, u64>,
    ) -> io::Result<(BTreeMap<i32, u64>, bool)> {
        let (mut tree, mut heard) = (self.tree.clone(), told.clone());
        let look = move || -> io::Result<_> {
            let targets = if signal == Signal::KILL {
                tree.kill_all()?
            } else {
                tree.tell(signal, &mut heard)?
            };
            let runner_lives = tree.runner_lives()?;
            Ok((tree, heard, targets, runner_lives))
        };
        let (tree, heard, targets, runner_lives) = in_own_thread(look).await?;
        (self.tree, *told) = (tree, heard);
        Ok((targets, runner_lives))
    }
}

/// Not in the runtime's pool, whose threads may all hang in a directory of users: an end must not
/// wait for them, nor they for a sudo that this may have to wait for.
async fn in_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (say, said) = oneshot::channel();
    std::thread::Builder::new()
        .name("kill".to_owned())
        .spawn(move || drop(say.send(work())))?;
    said.await.map_err(io::Error::other)?
}
