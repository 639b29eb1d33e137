//! Runs that an earlier worker left: adopted while they live, told when they have ended.

use std::io;
use std::sync::Arc;

use hera_domain::engine::RunRef;

use super::Installation;
use crate::kill::{self, Tree};
use crate::process;
use crate::run::{self, Over, Phase, Run, Runner, Started, StopReason};
use crate::rundir::{Claim, Claimed, Exit, RunDir, Spec};

impl Installation {
    /// A run that an earlier worker left.
    pub(super) fn take_in(self: &Arc<Self>, key: RunRef, dir: RunDir) -> io::Result<()> {
        let Some(spec) = dir.read_spec()? else {
            // It was never accepted.
            return std::fs::remove_dir_all(dir.path());
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
                return std::fs::remove_dir_all(dir.path());
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
        let run = Arc::new(Run::new(key.clone(), dir, phase).fenced(spec.self_fence));
        if cancelled {
            run.request_stop(StopReason::Cancelled);
        }
        self.lock().insert(key, Arc::clone(&run));
        let this = Arc::clone(self);
        match adopted {
            Some(runner) => {
                tracing::info!(run.id = %run.key.run, "adopted a running run");
                tokio::spawn(async move { this.follow(&run, runner, &spec).await });
            }
            None => this.settle(run, started, spec, cancelled),
        }
        Ok(())
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
