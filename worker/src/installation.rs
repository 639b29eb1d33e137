//! The runs of one installation on this worker: its folder, and what is in memory of it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hera_domain::clock::Clock;
use hera_domain::engine::RunRef;
use hera_proto::v1;
use tokio::sync::watch;

use crate::kill::{self, Killed, Tree};
use crate::process;
use crate::run::{self, Phase, Run, Runner, Started, StopReason};
use crate::rundir::{Claim, Claimed, Exit, RunDir, Spec};
use crate::script::{self, ScriptError};
use crate::settings::WorkerSettings;

/// What every part of the worker may use.
pub(crate) struct Context {
    pub(crate) settings: WorkerSettings,
    pub(crate) clock: Box<dyn Clock>,
    /// The admin may send more.
    pub(crate) accepting: AtomicBool,
    /// The worker ends all its runs and itself.
    pub(crate) stopping: AtomicBool,
}

impl Context {
    fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }
}

/// The runs of one installation.
pub(crate) struct Installation {
    pub(crate) id: String,
    context: Arc<Context>,
    runs: Mutex<BTreeMap<RunRef, Arc<Run>>>,
    changed: watch::Sender<()>,
}

impl Installation {
    /// Looks through the installation's folder: live runs are adopted, ended ones will be
    /// reported, those that provably never started are removed.
    pub(crate) fn open(context: Arc<Context>, id: &str) -> io::Result<Arc<Self>> {
        let installation = Arc::new(Self {
            id: id.to_owned(),
            context,
            runs: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        if id.is_empty() {
            return Ok(installation);
        }
        for folder in ["runs", "ended", "tombstones"] {
            std::fs::create_dir_all(installation.folder(folder))?;
        }
        for entry in std::fs::read_dir(installation.folder("runs"))? {
            let entry = entry?;
            let Some(key) = entry.file_name().to_str().and_then(parse_key) else {
                tracing::warn!("{} is no run's folder", entry.path().display());
                continue;
            };
            // One damaged folder must not keep the others from being looked after.
            if let Err(error) = installation.take_in(key, RunDir::new(entry.path())) {
                tracing::error!("cannot take in {}: {error}", entry.path().display());
            }
        }
        Ok(installation)
    }

    /// Notified whenever something may have to be told.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn notify(&self) {
        self.changed.send_replace(());
    }

    pub(crate) fn runs(&self) -> Vec<Arc<Run>> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn run(&self, key: &RunRef) -> Option<Arc<Run>> {
        self.lock().get(key).cloned()
    }

    pub(crate) fn live(&self) -> u32 {
        let live = self.lock().values().filter(|run| run.is_live()).count();
        u32::try_from(live).unwrap_or(u32::MAX)
    }

    /// What Hello says. Refusals of an earlier session are dropped: that admin asks again.
    pub(crate) fn inventory(&self) -> Vec<v1::InventoryItem> {
        let mut runs = self.lock();
        runs.retain(|_, run| !matches!(run.phase(), Phase::Refused(_)));
        runs.values()
            .map(|run| v1::InventoryItem {
                run: Some(run.key.clone().into()),
                ended: match run.phase() {
                    Phase::Ended(_, ending) => Some(ending.ended),
                    Phase::Preparing | Phase::Accepted | Phase::Started(_) | Phase::Refused(_) => {
                        None
                    }
                },
            })
            .collect()
    }

    /// Starts a run, once however often it is asked for.
    pub(crate) fn start(self: &Arc<Self>, key: RunRef, start: v1::Start) {
        let stopping = self.context.stopping.load(Ordering::Relaxed);
        let run = {
            let mut runs = self.lock();
            if let Some(known) = runs.get(&key) {
                known.repeat();
                self.notify();
                return;
            }
            let run = self.past(&key).unwrap_or_else(|| {
                let dir = RunDir::new(self.folder("runs").join(folder_name(&key)));
                Run::new(key.clone(), dir, Phase::Preparing)
            });
            let run = Arc::new(run);
            runs.insert(key, Arc::clone(&run));
            run
        };
        if run.is_live() && stopping {
            self.set(&run, Phase::Refused("this worker is stopping".to_owned()));
        } else if run.is_live() {
            let this = Arc::clone(self);
            tokio::spawn(async move { this.execute(&run, start).await });
        } else {
            self.notify();
        }
    }

    /// Stops a run; one that is not known here never starts later.
    pub(crate) fn cancel(self: &Arc<Self>, key: RunRef) {
        let mut runs = self.lock();
        if let Some(run) = runs.get(&key) {
            run.request_stop(StopReason::Cancelled);
            run.repeat();
        } else {
            let run = self.past(&key).unwrap_or_else(|| {
                if let Err(error) = std::fs::write(self.tombstone(&key), b"") {
                    tracing::error!(run.id = %key.run, "cannot write a tombstone: {error}");
                }
                self.never_started(key.clone())
            });
            runs.insert(key, Arc::new(run));
        }
        drop(runs);
        self.notify();
    }

    /// The admin does not know this run: it is stopped and not reported.
    pub(crate) fn discard(self: &Arc<Self>, key: &RunRef) {
        let Some(run) = self.run(key) else { return };
        tracing::warn!(run.id = %key.run, "the admin does not know a run of this worker: stopping it");
        if run.is_live() {
            run.request_stop(StopReason::Discarded);
        } else {
            self.forget(&run);
        }
    }

    /// The report of the end has been committed.
    pub(crate) fn acknowledge(self: &Arc<Self>, key: &RunRef) {
        let Some(run) = self.run(key) else { return };
        if !run.is_live() {
            self.forget(&run);
        }
    }

    /// Ends all runs, by the installation.
    pub(crate) fn stop_all(&self) {
        for run in self.runs() {
            run.request_stop(StopReason::WorkerStops);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunRef, Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.context.settings.work_dir.join(&self.id).join(name)
    }

    fn tombstone(&self, key: &RunRef) -> PathBuf {
        self.folder("tombstones").join(folder_name(key))
    }

    /// A run that was over here before: its end is told again, it is not run again.
    fn past(&self, key: &RunRef) -> Option<Run> {
        let dir = RunDir::new(self.folder("ended").join(folder_name(key)));
        if let Ok(Some(exit)) = dir.read_exit() {
            let killed = dir.is_cancelled().then_some(Killed::Confirmed);
            let ending = run::ending(exit, killed.as_ref(), None);
            return Some(Run::new(key.clone(), dir, Phase::Ended(None, ending)));
        }
        self.tombstone(key)
            .exists()
            .then(|| self.never_started(key.clone()))
    }

    fn never_started(&self, key: RunRef) -> Run {
        let exit = Exit {
            note: "never started: it was cancelled before it arrived here".to_owned(),
            at_unix_ms: self.context.now_ms(),
            ..Exit::default()
        };
        let dir = RunDir::new(self.folder("runs").join(folder_name(&key)));
        let ending = run::ending(exit, Some(&Killed::Confirmed), None);
        Run::new(key, dir, Phase::Ended(None, ending))
    }

    fn set(&self, run: &Run, phase: Phase) {
        run.set_phase(phase);
        self.notify();
    }

    /// Moves the folder out of the inventory; retention removes it later.
    fn forget(&self, run: &Run) {
        self.lock().remove(&run.key);
        self.notify();
        let (from, to) = (
            run.dir.path().to_owned(),
            self.folder("ended").join(folder_name(&run.key)),
        );
        if from == to {
            return;
        }
        tokio::task::spawn_blocking(move || match std::fs::rename(&from, &to) {
            Ok(()) => drop(std::fs::remove_dir_all(RunDir::new(to).work())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!("cannot move {}: {error}", from.display()),
        });
    }

    /// A run from its spec to its end.
    async fn execute(self: &Arc<Self>, run: &Arc<Run>, start: v1::Start) {
        let (context, folder) = (Arc::clone(&self.context), run.dir.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&context, &folder, start)).await;
        let spec = match prepared {
            Ok(Ok(spec)) => spec,
            Ok(Err(error)) => return self.refuse(run, error.to_string()),
            Err(error) => return self.refuse(run, error.to_string()),
        };
        self.set(run, Phase::Accepted);
        if run.stop_requested().is_some() {
            let _ = run.dir.claim(&Claim::Denied);
            let _ = run.dir.mark_cancelled();
            return self.ended(run, None, &spec, Some(Killed::Confirmed)).await;
        }
        match Runner::spawn(&self.context.settings, &run.dir) {
            Ok(runner) => self.follow(run, runner, &spec).await,
            Err(error) => {
                let program = self.context.settings.runner.display();
                self.refuse(run, format!("this worker cannot start {program}: {error}"));
            }
        }
    }

    fn refuse(&self, run: &Run, reason: String) {
        tracing::warn!(run.id = %run.key.run, "cannot start a run: {reason}");
        if let Err(error) = std::fs::remove_dir_all(run.dir.path())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!("cannot remove {}: {error}", run.dir.path().display());
        }
        self.set(run, Phase::Refused(reason));
    }

    async fn follow(self: &Arc<Self>, run: &Arc<Run>, runner: Runner, spec: &Spec) {
        let mut started = match run.phase() {
            Phase::Started(started) => Some(started),
            Phase::Preparing | Phase::Accepted | Phase::Ended(..) | Phase::Refused(_) => None,
        };
        let patience = self.context.settings.kill;
        let killed = run::watch(run, runner, &spec.token, patience, |pid| {
            let now = Started {
                pid,
                at_unix_ms: self.context.now_ms(),
            };
            started = Some(now);
            self.set(run, Phase::Started(now));
        })
        .await;
        self.ended(run, started, spec, killed).await;
    }

    async fn ended(
        &self,
        run: &Run,
        started: Option<Started>,
        spec: &Spec,
        killed: Option<Killed>,
    ) {
        let now = self.context.now_ms();
        let patience = self.context.settings.kill;
        let ending = run::conclude(run, &spec.token, killed, patience, now).await;
        run.set_phase(Phase::Ended(started, ending));
        if run.stop_requested() == Some(StopReason::Discarded) {
            self.forget(run);
        }
        self.notify();
    }

    /// A run that an earlier worker left.
    fn take_in(self: &Arc<Self>, key: RunRef, dir: RunDir) -> io::Result<()> {
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
        let run = Arc::new(Run::new(key.clone(), dir, phase));
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
            None => this.settle(&run, started, &spec, cancelled)?,
        }
        Ok(())
    }

    /// A run whose runner is gone: told at once if its end was written down.
    fn settle(
        self: Arc<Self>,
        run: &Arc<Run>,
        started: Option<Started>,
        spec: &Spec,
        cancelled: bool,
    ) -> io::Result<()> {
        if let (Some(exit), false) = (run.dir.read_exit()?, cancelled) {
            run.set_phase(Phase::Ended(started, run::ending(exit, None, None)));
            return Ok(());
        }
        let (run, spec) = (Arc::clone(run), spec.clone());
        tokio::spawn(async move {
            let killed = if cancelled {
                let tree = Tree::new(None, &spec.token);
                Some(kill::kill(tree, self.context.settings.kill).await)
            } else {
                None
            };
            self.ended(&run, started, &spec, killed).await;
        });
        Ok(())
    }
}

/// Writes everything that the runner needs.
fn prepare(context: &Context, dir: &RunDir, start: v1::Start) -> Result<Spec, ScriptError> {
    let script_type = script::script_type(&context.settings, &start.run_type)?;
    dir.create()?;
    let spec = Spec {
        job_id: start.job_id,
        job_name: start.job_name,
        version: start.version,
        trigger: start.trigger,
        attempt: start.attempt,
        command: script::materialise(dir, script_type, &start.script)?,
        env: start.env.into_iter().collect(),
        token: format!("{:032x}", rand::random::<u128>()),
        boot_id: process::boot_id()?,
    };
    dir.write_spec(&spec)?;
    Ok(spec)
}

fn folder_name(key: &RunRef) -> String {
    format!("{}-{}", key.run, key.nonce)
}

fn parse_key(folder: &str) -> Option<RunRef> {
    let (run, nonce) = folder.split_once('-')?;
    let key = v1::RunRef {
        run_id: run.parse().ok()?,
        nonce: nonce.to_owned(),
    };
    hera_proto::run_ref(Some(key)).ok()
}
