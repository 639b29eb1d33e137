//! Tells the admin how the runs are, once in each session and again when it asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hera_domain::engine::RunRef;
use hera_proto::v1;
use hera_proto::v1::worker_message::Kind;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Closed, logs, message};
use crate::installation::Installation;
use crate::run::{self, Ending, Phase, Run};

/// An end that is not acknowledged is told again after this long.
const REPEAT: Duration = Duration::from_secs(15);

/// A log that cannot be read is tried again after this long.
const AGAIN: Duration = Duration::from_secs(1);

/// What has been told of one run.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    repeats: u64,
    accepted: bool,
    started: bool,
    ended: Option<Instant>,
    /// The end of its log cannot be read since then.
    unreadable: Option<Instant>,
}

/// Compares what is with what has been told, until the session ends.
pub(super) async fn tell(
    installation: &Installation,
    out: &mpsc::Sender<v1::WorkerMessage>,
) -> Closed {
    let mut changes = installation.changes();
    let mut told: BTreeMap<RunRef, Told> = BTreeMap::new();
    loop {
        // Seen before looking: what changes from here on wakes us again.
        changes.mark_unchanged();
        let runs = installation.runs();
        told.retain(|key, _| runs.binary_search_by(|run| run.key.cmp(key)).is_ok());
        for run in &runs {
            let told = told.entry(run.key.clone()).or_default();
            if tell_one(run, told, out).await.is_err() {
                return Closed;
            }
        }
        // Only a repetition is due without a change, or another try.
        let untold = |told: &Told| told.unreadable.is_some() && told.ended.is_none();
        let pause = if told.values().any(untold) {
            AGAIN
        } else {
            REPEAT
        };
        match tokio::time::timeout(pause, changes.changed()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(_)) => return Closed,
        }
    }
}

async fn tell_one(
    run: &Arc<Run>,
    told: &mut Told,
    out: &mpsc::Sender<v1::WorkerMessage>,
) -> Result<(), Closed> {
    if told.repeats != run.repeats() {
        *told = Told {
            repeats: run.repeats(),
            ..Told::default()
        };
    }
    let key = || Some(run.key.clone().into());
    let (started, ending) = match run.phase() {
        Phase::Unread | Phase::Preparing => return Ok(()),
        Phase::Refused(reason) => {
            if told.ended.is_none() {
                told.ended = Some(Instant::now());
                send(out, Kind::Refused(v1::Refused { run: key(), reason })).await?;
            }
            return Ok(());
        }
        Phase::Accepted => (None, None),
        Phase::Started(started) => (Some(started), None),
        Phase::Ended(started, ending) => (started, Some(ending)),
    };
    let never_started = started.is_none() && ending.is_some();
    if !told.accepted && !never_started {
        told.accepted = true;
        send(out, Kind::Accepted(v1::Accepted { run: key() })).await?;
    }
    if let Some(started) = started
        && !told.started
    {
        told.started = true;
        let started = v1::Started {
            run: key(),
            pid: started.pid,
            at_unix_ms: started.at_unix_ms,
        };
        send(out, Kind::Started(started)).await?;
    }
    let due = told.ended.is_none_or(|at| at.elapsed() >= REPEAT);
    if let Some(ending) = ending
        && due
        && !logs::below(run.log_stored(), logs::tail_offset(ending.log_size))
    {
        let Some(finished) = finished(run, ending, &mut told.unreadable).await else {
            return Ok(());
        };
        told.ended = Some(Instant::now());
        send(out, Kind::Finished(finished)).await?;
    }
    Ok(())
}

/// The report of an end; `None` while the end of its log cannot be read and that may pass.
async fn finished(
    run: &Arc<Run>,
    ending: Ending,
    unreadable: &mut Option<Instant>,
) -> Option<v1::Finished> {
    let Ending {
        mut ended,
        log_size,
    } = ending;
    let offset = logs::tail_offset(log_size);
    let tail_offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let len = usize::try_from(log_size - offset).unwrap_or(0);
    let (log_size, tail) = match logs::read(run, tail_offset, len).await {
        Ok(tail) => (i64::try_from(log_size).unwrap_or(i64::MAX), tail),
        Err(error) => {
            tracing::error!(run.id = %run.key.run, "cannot read the end of a log: {error}");
            let since = unreadable.get_or_insert_with(Instant::now);
            if since.elapsed() < logs::UNREADABLE {
                return None;
            }
            // The end itself must get through all the same.
            let note = format!("the last {len} bytes of its log could not be read on its worker");
            run::add_note(&mut ended, note);
            (tail_offset, Vec::new())
        }
    };
    Some(v1::Finished {
        run: Some(run.key.clone().into()),
        ended: Some(ended),
        log_size,
        tail_offset,
        tail,
    })
}

async fn send(out: &mpsc::Sender<v1::WorkerMessage>, kind: Kind) -> Result<(), Closed> {
    out.send(message(kind)).await.map_err(|_closed| Closed)
}
