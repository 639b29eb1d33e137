//! The runs of one installation on this worker: its folder, and what is in memory of it.

mod adopt;
mod execute;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hera_domain::clock::Clock;
use hera_domain::engine::RunRef;
use hera_proto::v1;
use tokio::sync::{Notify, Semaphore, watch};

use crate::cgroup::Cgroups;
use crate::contact::Contact;
use crate::files;
use crate::kill::Killed;
use crate::retention;
use crate::run::{self, Phase, Run, StopReason};
use crate::rundir::{Exit, RunDir};
use crate::settings::WorkerSettings;

/// What every part of the worker may use.
pub(crate) struct Context {
    pub(crate) settings: WorkerSettings,
    pub(crate) clock: Box<dyn Clock>,
    /// Where runs get control groups.
    pub(crate) groups: Option<Cgroups>,
    /// When a leader was last known to hear this worker.
    pub(crate) contact: Contact,
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
    /// Only so many clear a folder at once: a tenant's is emptied by sudo, which may hang.
    clearing: Arc<Semaphore>,
    /// A run that the inventory has named turned out never to have begun.
    disowned: Notify,
}

/// How many folders are cleared at once.
const CLEARING: usize = 4;

impl Installation {
    /// Looks through the installation's folder: live runs are adopted, ended ones will be
    /// reported, those that provably never started are removed.
    pub(crate) fn open(context: Arc<Context>, id: &str) -> io::Result<Arc<Self>> {
        let installation = Arc::new(Self {
            id: id.to_owned(),
            context,
            runs: Mutex::default(),
            changed: watch::Sender::new(()),
            clearing: Arc::new(Semaphore::new(CLEARING)),
            disowned: Notify::new(),
        });
        if id.is_empty() {
            return Ok(installation);
        }
        for folder in ["", "runs", "ended", "tombstones"] {
            // Tenants pass through to what they know the name of, and cannot look around.
            files::make_folder(&installation.folder(folder), 0o711)?;
        }
        let mut unread = Vec::new();
        for entry in std::fs::read_dir(installation.folder("runs"))? {
            let entry = entry?;
            let Some(key) = entry.file_name().to_str().and_then(parse_key) else {
                tracing::warn!("{} is no run's folder", entry.path().display());
                continue;
            };
            // One damaged folder must not keep the others from being looked after.
            let dir = RunDir::new(entry.path());
            if let Err(error) = installation.take_in(&key, &dir) {
                unread.push(installation.leave_unread(key, dir, &error));
            }
        }
        if !unread.is_empty() {
            tokio::spawn(Arc::clone(&installation).read_again(unread));
        }
        installation.sweep_groups();
        Ok(installation)
    }

    /// Removes the empty control groups of runs that are over.
    pub(crate) fn sweep_groups(&self) {
        if let Some(groups) = &self.context.groups {
            groups.sweep(|| self.lock().keys().map(|key| key.run).collect());
        }
    }

    /// Notified whenever something may have to be told.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn notify(&self) {
        self.changed.send_replace(());
    }

    /// Completes when the inventory must be told anew.
    pub(crate) async fn disowned(&self) {
        self.disowned.notified().await;
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
                    Phase::Unread
                    | Phase::Preparing
                    | Phase::Accepted
                    | Phase::Started(_)
                    | Phase::Refused(_) => None,
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
                Run::new(key.clone(), dir, Phase::Preparing).fenced(start.self_fence)
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

    /// Ends, by KILL at once, every run that may be started elsewhere when this worker is silent;
    /// how many that were.
    pub(crate) fn fence(&self) -> usize {
        let live = |run: &Arc<Run>| run.self_fence && run.is_live();
        let fenced: Vec<_> = self.runs().into_iter().filter(live).collect();
        for run in &fenced {
            run.request_stop(StopReason::Fenced);
        }
        fenced.len()
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
        let folder = self.folder("ended").join(folder_name(key));
        if files::is_absent(&folder) {
            let tombstone = self.tombstone(key);
            return (!files::is_absent(&tombstone)).then(|| self.never_started(key.clone()));
        }
        let dir = RunDir::new(folder);
        let exit = dir.read_exit().ok().flatten().unwrap_or_else(|| Exit {
            note: "it ended here before, and how can no longer be read".to_owned(),
            unconfirmed: true,
            at_unix_ms: self.context.now_ms(),
            ..Exit::default()
        });
        let killed = (dir.is_cancelled() && !exit.unconfirmed).then_some(Killed::Confirmed);
        let ending = run::ending(exit, killed.as_ref(), None);
        Some(Run::new(key.clone(), dir, Phase::Ended(None, ending)))
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
    ///
    /// One rename, and done before the next command is obeyed: a Start that comes again must
    /// find the run either in memory or among the ended ones, else the script would run twice.
    fn forget(&self, run: &Run) {
        let from = run.dir.path().to_owned();
        let to = self.folder("ended").join(folder_name(&run.key));
        if from != to {
            match std::fs::rename(&from, &to) {
                Ok(()) => {
                    let clearing = Arc::clone(&self.clearing);
                    tokio::spawn(async move {
                        let _turn = clearing.acquire_owned().await;
                        let cleared = tokio::task::spawn_blocking(move || clear(&RunDir::new(to)));
                        drop(cleared.await);
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::error!("cannot move {}: {error}", from.display()),
            }
        }
        self.lock().remove(&run.key);
        self.notify();
    }
}

fn clear(dir: &RunDir) {
    if let Err(error) = dir.clear() {
        retention::tell_once(dir, &error);
    }
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
