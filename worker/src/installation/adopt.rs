//! Runs that an earlier worker left: adopted while they live, told when they have ended.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hera_domain::engine::RunRef;

use super::Installation;
use crate::kill::{self, Tree};
use crate::process;
use crate::run::{self, Over, Phase, Run, Runner, Started, StopReason};
use crate::rundir::{Claim, Claimed, Exit, RunDir, Spec};

/// How often folders that could not be read are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a folder was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// A run's.
    Run,
    /// Of one that never began here; it is gone.
    Nothing,
}

impl Installation {
    /// A run that an earlier worker left.
    pub(super) fn take_in(self: &Arc<Self>, key: &RunRef, dir: &RunDir) -> io::Result<Left> {
        let Some(spec) = dir.read_spec()? else {
            // It was never accepted.
            return remove(dir);
        };
        let mut claim = dir.read_claim()?;
        if claim.is_none() && spec.boot_id == process::boot_id()? {
            claim = match dir.claim(&Claim::Denied)? {
                Claimed::Ours => Some(Claim::Denied),
                Claimed::Taken => dir.read_claim()?,
            };
        }
        let runner = match claim {
            Some(Claim::Denied) if !dir.is_cancelled() => {
                tracing::info!(run.id = %key.run, "a run never started: the admin may start it again");
                return remove(dir);
            }
            Some(Claim::Runner(id)) => Some(id),
            Some(Claim::Denied) | None => None,
        };
        let adopted = match &runner {
            Some(id) => Runner::adopt(id.clone())?,
            None => None,
        };
        let started = runner.map(|id| Started {
            pid: i64::from(id.pid),
            at_unix_ms: self.context.now_ms(),
        });
        let phase = started.map_or(Phase::Accepted, Phase::Started);
        let cancelled = dir.is_cancelled();
        let run = Run::new(key.clone(), dir.clone(), phase).fenced(spec.self_fence);
        let run = Arc::new(run);
        if cancelled {
            run.request_stop(StopReason::Cancelled);
        }
        let unread = self.lock().insert(key.clone(), Arc::clone(&run));
        if let Some(reason) = unread.and_then(|unread| unread.stop_requested()) {
            run.request_stop(reason);
        }
        let this = Arc::clone(self);
        match adopted {
            Some(runner) => {
                tracing::info!(run.id = %run.key.run, "adopted a running run");
                tokio::spawn(async move { this.follow(&run, runner, &spec).await });
            }
            None => this.settle(run, started, spec, cancelled),
        }
        Ok(Left::Run)
    }

    /// A run whose folder cannot be read, for want of descriptors or by a fault of the disk: it
    /// may be running, so it is not denied.
    pub(super) fn leave_unread(&self, key: RunRef, dir: RunDir, error: &io::Error) -> Arc<Run> {
        tracing::error!(
            run.id = %key.run,
            "cannot take in {}: {error}; trying again each second (if it stays so, end what is left of the run and remove the folder)",
            dir.path().display()
        );
        let run = Arc::new(Run::new(key.clone(), dir, Phase::Unread));
        self.lock().insert(key, Arc::clone(&run));
        run
    }

    /// Takes in what could not be read before.
    pub(super) async fn read_again(self: Arc<Self>, mut unread: Vec<Arc<Run>>) {
        while !unread.is_empty() {
            tokio::time::sleep(AGAIN).await;
            unread.retain(|run| match self.take_in(&run.key, &run.dir) {
                Ok(left) => {
                    if left == Left::Nothing {
                        self.disown(run);
                    }
                    self.notify();
                    false
                }
                Err(error) => {
                    tracing::debug!(run.id = %run.key.run, "still cannot take in a run: {error}");
                    true
                }
            });
        }
    }

    /// The inventory has named a run that never began here.
    fn disown(self: &Arc<Self>, run: &Run) {
        self.lock().remove(&run.key);
        if run.stop_requested() == Some(StopReason::Cancelled) {
            // As of one that had never been heard of: it must not begin later.
            self.cancel(run.key.clone());
        } else {
            self.disowned.notify_one();
        }
    }

    /// A run whose runner is gone: told at once if its end was written down.
    fn settle(
        self: Arc<Self>,
        run: Arc<Run>,
        started: Option<Started>,
        spec: Spec,
        cancelled: bool,
    ) {
        // What its runner has ended, seeing that nothing was left, needs no other kill.
        let known = |exit: &Exit| !cancelled || (exit.fenced && !exit.unconfirmed);
        if let Some(exit) = run.dir.read_exit().ok().flatten().filter(known) {
            run.set_phase(Phase::Ended(started, run::ending(exit, None, None)));
            self.secure_end(run.key.clone());
            return;
        }
        tokio::spawn(async move {
            let over = if cancelled {
                let tree = Tree::new(None, &run.dir, &spec);
                Over::from(kill::kill(tree, self.context.settings.kill, &run.at_once).await)
            } else {
                Over::default()
            };
            self.ended(&run, started, &spec, over).await;
        });
    }
}

fn remove(dir: &RunDir) -> io::Result<Left> {
    match std::fs::remove_dir_all(dir.path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        // Somebody may have removed what could not be read.
        Ok(()) | Err(_) => Ok(Left::Nothing),
    }
}
