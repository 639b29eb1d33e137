//! One run in this worker's memory, and the task that sees it to its end.

use std::io;
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hera_domain::engine::RunRef;
use hera_proto::v1;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::kill::{self, Killed, Tree};
use crate::masks::Masks;
use crate::process::ProcessId;
use crate::rundir::{Claim, Claimed, Exit, RunDir, Spec, joined};
use crate::settings::{KillPatience, WorkerSettings};

/// How long a runner whose script is gone may take to end itself.
const RUNNER_ENDS: Duration = Duration::from_secs(2);

/// How often an end that cannot be read is tried again: ten seconds in all.
const READS: u32 = 50;
const BETWEEN_READS: Duration = Duration::from_millis(200);

/// The script's process exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Started {
    pub(crate) pid: i64,
    pub(crate) at_unix_ms: i64,
}

/// The end, as it is reported.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ending {
    pub(crate) ended: v1::Ended,
    pub(crate) log_size: u64,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    /// An earlier worker's, whose folder cannot be read yet: it may be running.
    Unread,
    /// Its spec is being written.
    Preparing,
    /// Its spec is on the disk.
    Accepted,
    Started(Started),
    Ended(Option<Started>, Ending),
    /// It cannot be started here.
    Refused(String),
}

/// Why a run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    Cancelled,
    /// The admin does not know the run: it is not reported either.
    Discarded,
    /// This worker was told to end everything.
    WorkerStops,
    /// No leader has been heard of for so long that the run may be started elsewhere.
    Fenced,
}

/// A run and what is known of it.
pub(crate) struct Run {
    pub(crate) key: RunRef,
    pub(crate) dir: RunDir,
    /// See [`Installation::fence`](crate::installation::Installation::fence).
    pub(crate) self_fence: bool,
    phase: Mutex<Phase>,
    /// The kill that is under way has no patience left.
    pub(crate) at_once: CancellationToken,
    stop: watch::Sender<Option<StopReason>>,
    /// Grows when the admin asks again: everything is told once more.
    repeats: AtomicU64,
    /// How much of the log the admin has stored.
    log_stored: AtomicI64,
    /// What is covered in the log, once it has been read.
    masks: OnceLock<Masks>,
}

impl Run {
    pub(crate) fn new(key: RunRef, dir: RunDir, phase: Phase) -> Self {
        Self {
            key,
            dir,
            self_fence: false,
            phase: Mutex::new(phase),
            at_once: CancellationToken::new(),
            stop: watch::Sender::new(None),
            repeats: AtomicU64::new(0),
            log_stored: AtomicI64::new(0),
            masks: OnceLock::new(),
        }
    }

    pub(crate) fn fenced(self, self_fence: bool) -> Self {
        Self { self_fence, ..self }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    pub(crate) fn is_live(&self) -> bool {
        match self.phase() {
            Phase::Unread | Phase::Preparing | Phase::Accepted | Phase::Started(_) => true,
            Phase::Ended(..) | Phase::Refused(_) => false,
        }
    }

    /// The first reason stands; a later one may take its patience away.
    pub(crate) fn request_stop(&self, reason: StopReason) {
        if reason == StopReason::Fenced {
            self.at_once.cancel();
        }
        self.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            stop.get_or_insert(reason);
            first
        });
    }

    pub(crate) fn stop_requested(&self) -> Option<StopReason> {
        *self.stop.borrow()
    }

    async fn until_stop(&self) -> StopReason {
        let mut stop = self.stop.subscribe();
        let reason = stop.wait_for(Option::is_some).await.map(|reason| *reason);
        match reason {
            Ok(Some(reason)) => reason,
            // The sender lives in `self`.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// The log of an ended run cannot be read from here on: what there is of it is told.
    pub(crate) fn cut_log(&self, size: u64) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if let Phase::Ended(_, ending) = &mut *phase
            && ending.log_size > size
        {
            let lost = ending.log_size - size;
            ending.log_size = size;
            let note = format!("the last {lost} bytes of its log could not be read on its worker");
            add_note(&mut ending.ended, note);
        }
    }

    pub(crate) fn repeat(&self) {
        self.repeats.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn repeats(&self) -> u64 {
        self.repeats.load(Ordering::Relaxed)
    }

    /// What no byte of the log may tell outside.
    pub(crate) fn masks(&self) -> io::Result<&Masks> {
        if let Some(masks) = self.masks.get() {
            return Ok(masks);
        }
        let masks = self.dir.read_masks()?;
        Ok(self.masks.get_or_init(|| masks))
    }

    pub(crate) fn log_stored(&self) -> i64 {
        self.log_stored.load(Ordering::Relaxed)
    }

    pub(crate) fn set_log_stored(&self, size: i64) {
        self.log_stored.store(size, Ordering::Relaxed);
    }
}

/// The runner of a run, as this process can wait for it.
pub(crate) struct Runner {
    id: Option<ProcessId>,
    /// What it says of the script; an adopted one has said it to an earlier worker.
    announced: Option<Lines<BufReader<ChildStdout>>>,
    process: RunnerProcess,
}

enum RunnerProcess {
    /// Started by this process.
    Child(Child),
    /// Started by an earlier worker. A pidfd: readable, like a pipe, once the process has ended
    /// (tokio's general descriptor type cannot be made without unsafe code).
    Adopted(pipe::Receiver),
}

impl Runner {
    pub(crate) fn spawn(settings: &WorkerSettings, dir: &RunDir) -> io::Result<Self> {
        // Everybody can read a command line, and nobody is to know the name of a run's folder.
        let child = Command::new(&settings.runner)
            .arg(".")
            .current_dir(dir.path())
            .env_clear()
            .envs(settings.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(false)
            .spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let id = pid.map(ProcessId::of).transpose();
        Ok(Self::born(child, id.map(Option::flatten)))
    }

    /// One that is there is followed, whatever could be read of it.
    fn born(mut child: Child, id: io::Result<Option<ProcessId>>) -> Self {
        let id = id.unwrap_or_else(|error| {
            tracing::warn!("cannot read who a runner is: {error}");
            None
        });
        let stdout = child.stdout.take();
        Self {
            id,
            announced: stdout.map(|stdout| BufReader::new(stdout).lines()),
            process: RunnerProcess::Child(child),
        }
    }

    /// The runner with this identity; `None` if it is gone.
    pub(crate) fn adopt(id: ProcessId) -> io::Result<Option<Self>> {
        let Some(pid) = Pid::from_raw(id.pid) else {
            return Ok(None);
        };
        let descriptor = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(descriptor) => descriptor,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // The number may have passed to another process before it was pinned.
        if !id.is_alive()? {
            return Ok(None);
        }
        Ok(Some(Self {
            id: Some(id),
            announced: None,
            process: RunnerProcess::Adopted(pipe::Receiver::from_owned_fd_unchecked(descriptor)?),
        }))
    }

    fn has_ended(&mut self) -> bool {
        match &mut self.process {
            RunnerProcess::Child(child) => matches!(child.try_wait(), Ok(Some(_))),
            RunnerProcess::Adopted(_) => {
                let alive = self.id.as_ref().map(ProcessId::is_alive);
                matches!(alive, Some(Ok(false)))
            }
        }
    }
}

impl RunnerProcess {
    /// Completes when the process has ended.
    async fn gone(&mut self) {
        let waited = match self {
            Self::Child(child) => child.wait().await.map(drop),
            Self::Adopted(descriptor) => descriptor.readable().await.map(drop),
        };
        if let Err(error) = waited {
            tracing::error!("cannot wait for a runner: {error}");
        }
    }
}

/// What a runner says: the pid of the script, or why it cannot go on.
enum Word {
    Script(i64),
    Complaint(String),
}

/// The runner's next word; never completes when it says no more.
async fn next_word(announced: &mut Option<Lines<BufReader<ChildStdout>>>) -> Word {
    if let Some(lines) = announced {
        if let Ok(Some(line)) = lines.next_line().await {
            return line.parse().map_or(Word::Complaint(line), Word::Script);
        }
        *announced = None;
    }
    std::future::pending().await
}

/// How a run came to be over.
#[derive(Debug, Default)]
pub(crate) struct Over {
    /// Set if it was killed.
    pub(crate) killed: Option<Killed>,
    /// What the runner could not do.
    pub(crate) complaint: Option<String>,
}

impl From<Killed> for Over {
    fn from(killed: Killed) -> Self {
        Self {
            killed: Some(killed),
            complaint: None,
        }
    }
}

/// Waits until the run is over; `started` is told as soon as the script's process exists.
pub(crate) async fn watch(
    run: &Run,
    mut runner: Runner,
    spec: &Spec,
    patience: KillPatience,
    mut started: impl FnMut(i64),
) -> Over {
    let mut complaint = None;
    let reason = loop {
        // Biased: what the runner said before its end is heard before its end.
        tokio::select! {
            biased;
            reason = run.until_stop() => break reason,
            word = next_word(&mut runner.announced) => match word {
                Word::Script(pid) => started(pid),
                Word::Complaint(text) => complaint = Some(text),
            },
            () = runner.process.gone() => return Over { killed: None, complaint },
        }
    };
    // What has ended by itself meanwhile, perhaps by its own runner's fence, needs no kill. It is
    // asked for: if this process was stopped too, nobody has told it yet.
    if runner.has_ended() {
        return Over {
            killed: None,
            complaint,
        };
    }
    let patience = match reason {
        StopReason::Cancelled | StopReason::Discarded => patience,
        StopReason::WorkerStops => patience.hurried(),
        StopReason::Fenced => patience.at_once(),
    };
    let marked = run.dir.mark_cancelled();
    if let Err(error) = &marked {
        tracing::warn!(run.id = %run.key.run, "cannot mark a run as cancelled: {error}");
    }
    let id = runner.id.or_else(|| claimant(&run.dir));
    let killed = kill::kill(Tree::new(id, &run.dir, spec), patience, &run.at_once).await;
    if tokio::time::timeout(RUNNER_ENDS, runner.process.gone())
        .await
        .is_err()
    {
        tracing::warn!(run.id = %run.key.run, "the runner of a killed run has not ended");
    }
    // A runner that does not know of it leaves before what its script has left behind, which is
    // nobody's then, and may be found by nothing but a group.
    let killed = match killed {
        Killed::Confirmed if marked.is_err() && spec.cgroup.is_none() => Killed::Untraced,
        killed @ (Killed::Confirmed | Killed::Unconfirmed(_) | Killed::Untraced) => killed,
    };
    Over {
        killed: Some(killed),
        complaint,
    }
}

/// Who says that it runs it.
fn claimant(dir: &RunDir) -> Option<ProcessId> {
    match dir.read_claim() {
        Ok(Some(Claim::Runner(id))) => Some(id),
        Ok(Some(Claim::Denied) | None) | Err(_) => None,
    }
}

/// Reads how the run ended. If its runner died without a word, what it left is killed first.
pub(crate) async fn conclude(
    run: &Run,
    spec: &Spec,
    over: Over,
    patience: KillPatience,
    now_ms: i64,
) -> Ending {
    let Over { killed, complaint } = over;
    let note = match (read_exit(run).await, complaint) {
        (Ok(Some(exit)), _) => {
            // What had ended before anybody laid a hand on it was not stopped.
            let stop = run.stop_requested().filter(|_| killed.is_some());
            return ending(exit, killed.as_ref(), stop);
        }
        (Err(error), _) => {
            tracing::error!(run.id = %run.key.run, "cannot read the end of a run: {error}");
            "the end of the run cannot be read on its worker".to_owned()
        }
        (Ok(None), Some(complaint)) => complaint,
        (Ok(None), None) if killed.is_some() => {
            "the script was killed before it could be followed".to_owned()
        }
        (Ok(None), None) => {
            "the runner disappeared: the machine was restarted or hera-run was killed".to_owned()
        }
    };
    let leftovers = match killed {
        Some(killed) => killed,
        None => kill::kill(Tree::new(None, &run.dir, spec), patience, &run.at_once).await,
    };
    let exit = Exit {
        note: joined([note, leftovers.remark().unwrap_or_default()]),
        unconfirmed: !leftovers.is_confirmed(),
        at_unix_ms: now_ms,
        log_size: run.dir.log_size(),
        ..Exit::default()
    };
    // So that it is told the same way after a restart.
    let written = run.dir.reserve_exit();
    let written = written.and_then(|slip| run.dir.write_exit(&slip, &exit));
    let exit = match written {
        Ok(Claimed::Ours) => exit,
        // A runner has written it after all.
        Ok(Claimed::Taken) => {
            let unconfirmed = exit.unconfirmed;
            let told = run.dir.read_exit().ok().flatten().unwrap_or(exit);
            Exit {
                unconfirmed,
                ..told
            }
        }
        Err(error) => {
            tracing::error!(run.id = %run.key.run, "cannot write down the end of a run: {error}");
            exit
        }
    };
    let stop = run.stop_requested();
    let confirmed = Some(leftovers).filter(|killed| stop.is_some() && killed.is_confirmed());
    ending(exit, confirmed.as_ref(), stop)
}

/// What cannot be read now may be in a moment: descriptors come free, a disk's fault passes.
async fn read_exit(run: &Run) -> io::Result<Option<Exit>> {
    let mut left = READS;
    loop {
        match run.dir.read_exit() {
            Err(error) if left > 0 && error.kind() != io::ErrorKind::InvalidData => {
                left -= 1;
                tokio::time::sleep(BETWEEN_READS).await;
            }
            read => return read,
        }
    }
}

/// The report of an end.
pub(crate) fn ending(exit: Exit, killed: Option<&Killed>, stop: Option<StopReason>) -> Ending {
    let Exit {
        exit_code,
        signal,
        note,
        cpu_ms,
        peak_memory_kib,
        at_unix_ms,
        fenced,
        unconfirmed,
        log_size,
    } = exit;
    let mut notes = Vec::new();
    if !note.is_empty() {
        notes.push(note);
    }
    match stop {
        Some(StopReason::WorkerStops) => {
            notes.push("ended with its worker, which was told to stop".to_owned());
        }
        Some(StopReason::Fenced) => notes.push(
            "ended by its worker, which had no contact with a leader for hera.selfFenceMs"
                .to_owned(),
        ),
        Some(StopReason::Cancelled | StopReason::Discarded) | None => {}
    }
    notes.extend(killed.and_then(Killed::remark));
    // By it the leader tells an end that nobody asked for from a failure of the script.
    let kill_confirmed = match killed {
        Some(killed) => Some(killed.is_confirmed()),
        None => (fenced || unconfirmed).then_some(!unconfirmed),
    };
    Ending {
        ended: v1::Ended {
            exit_code,
            signal,
            kill_confirmed,
            note: notes.join("; "),
            cpu_ms,
            peak_memory_kib,
            at_unix_ms,
        },
        log_size,
    }
}

pub(crate) fn add_note(ended: &mut v1::Ended, note: String) {
    ended.note = joined([std::mem::take(&mut ended.note), note]);
}

#[cfg(test)]
mod tests;
