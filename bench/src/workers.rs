//! Many workers on one admin: simulated ones, which speak the protocol and run nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use hera_proto::v1::admin_message::Kind as Said;
use hera_proto::v1::session_client::SessionClient;
use hera_proto::v1::worker_message::Kind;
use hera_proto::{NODE_TOKEN_HEADER, PROTOCOL, v1};
use hera_tests::{Installation, pause, within};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming};

use crate::machine::{self, Usage};

/// A piece of a run's log, and how many a run prints, one each half second.
const PIECE: usize = 4096;
const PIECES: usize = 6;
const BETWEEN: Duration = Duration::from_millis(500);
/// Due together every five seconds.
const JOBS: usize = 50;

/// What the workers did.
#[derive(Debug, Default)]
struct Done {
    connected: AtomicU64,
    beats: AtomicU64,
    runs: AtomicU64,
    log_bytes: AtomicU64,
}

/// What it took.
pub(crate) struct Figures {
    pub(crate) admin: Usage,
    pub(crate) runs_per_second: f64,
    pub(crate) beats_per_second: f64,
    pub(crate) log_kib_per_second: f64,
}

/// Connects `count` workers, lets jobs run on them and watches the admin for a while.
pub(crate) fn measure(
    hera: &mut Installation,
    count: usize,
    watched: Duration,
) -> anyhow::Result<Figures> {
    // Its one real worker would take runs too.
    hera.kill_worker();
    let runtime = tokio::runtime::Runtime::new()?;
    let done = Arc::new(Done::default());
    for number in 0..count {
        let address = format!("http://127.0.0.1:{}", hera.connect_port());
        let done = Arc::clone(&done);
        runtime.spawn(async move {
            if let Err(error) = work(&address, number, &done).await {
                eprintln!("worker {number} has gone: {error:#}");
            }
        });
    }
    let everybody = u64::try_from(count)?;
    within(Duration::from_secs(60), "all workers are connected", || {
        (done.connected.load(Ordering::Relaxed) == everybody).then_some(())
    });
    let group = hera.api().create_group("workers");
    let cron = json!({"kind": "cron", "cron": "0/5 * * * * ?"});
    for job in 0..JOBS {
        hera.api()
            .create_job(group, &format!("job {job}"), "true", &cron);
    }
    // The jobs were a burst of edits; the first round of runs starts within this time.
    pause(Duration::from_secs(10));
    let sums = || [&done.runs, &done.beats, &done.log_bytes].map(|sum| sum.load(Ordering::Relaxed));
    let before = sums();
    let admin = machine::usage(hera.admin().pid(), watched)?;
    let after = sums();
    let rate = |at: usize| {
        let grown = u32::try_from(after[at] - before[at]).unwrap_or(u32::MAX);
        f64::from(grown) / watched.as_secs_f64()
    };
    Ok(Figures {
        admin,
        runs_per_second: rate(0),
        beats_per_second: rate(1),
        log_kib_per_second: rate(2) / 1024.0,
    })
}

/// A run that this worker pretends to execute.
#[derive(Debug, Default)]
struct Pretended {
    printed: usize,
    stored: usize,
    told: bool,
}

type Outbox = mpsc::Sender<v1::WorkerMessage>;
type Runs = BTreeMap<(i64, String), Pretended>;

async fn work(address: &str, number: usize, done: &Done) -> anyhow::Result<()> {
    // The first stream only tells which installation this is, and by what to come.
    let (_, _, joined) = open(address, number, &v1::Welcome::default()).await?;
    let (out, mut inbox, welcome) = open(address, number, &joined).await?;
    done.connected.fetch_add(1, Ordering::Relaxed);
    let beat = Duration::from_millis(welcome.heartbeat_ms.into());
    let mut beats = tokio::time::interval(beat);
    let mut prints = tokio::time::interval(BETWEEN);
    let mut runs = Runs::new();
    loop {
        tokio::select! {
            said = inbox.message() => {
                let said = said?.and_then(|message| message.kind).context("it closed the session")?;
                hear(said, &out, &mut runs, done).await?;
            }
            _ = beats.tick() => {
                say(&out, Kind::Heartbeat(load(runs.len()))).await?;
                done.beats.fetch_add(1, Ordering::Relaxed);
            }
            _ = prints.tick() => print(&out, &mut runs, done).await?,
        }
    }
}

async fn open(
    address: &str,
    number: usize,
    joined: &v1::Welcome,
) -> anyhow::Result<(Outbox, Streaming<v1::AdminMessage>, v1::Welcome)> {
    let (out, outbox) = mpsc::channel(64);
    let hello = v1::Hello {
        protocol: PROTOCOL,
        node_id: format!("{number:032x}"),
        incarnation: "1".to_owned(),
        name: format!("simulated {number}"),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        accepting: true,
        max_runs: 8,
        load: Some(load(0)),
        installation: joined.installation.clone(),
        ..v1::Hello::default()
    };
    say(&out, Kind::Hello(hello)).await?;
    let mut request = Request::new(ReceiverStream::new(outbox));
    let metadata = request.metadata_mut();
    if joined.node_token.is_empty() {
        metadata.insert("authorization", "Bearer a join token of the tests".parse()?);
    } else {
        metadata.insert(NODE_TOKEN_HEADER, joined.node_token.parse()?);
    }
    let mut client = SessionClient::connect(address.to_owned()).await?;
    let mut inbox = client.open(request).await?.into_inner();
    match inbox.message().await?.and_then(|message| message.kind) {
        Some(Said::Welcome(welcome)) => Ok((out, inbox, welcome)),
        other => anyhow::bail!("no welcome but {other:?}"),
    }
}

async fn hear(said: Said, out: &Outbox, runs: &mut Runs, done: &Done) -> anyhow::Result<()> {
    match said {
        Said::Start(start) => {
            let key = named(start.run.as_ref())?;
            say(
                out,
                Kind::Accepted(v1::Accepted {
                    run: start.run.clone(),
                }),
            )
            .await?;
            let started = v1::Started {
                run: start.run,
                pid: 1,
                at_unix_ms: 0,
            };
            say(out, Kind::Started(started)).await?;
            runs.entry(key).or_default();
        }
        Said::LogAck(ack) => {
            if let Some(run) = runs.get_mut(&named(ack.run.as_ref())?) {
                run.stored = usize::try_from(ack.size)?;
            }
        }
        Said::Ack(ack) => {
            runs.remove(&named(ack.run.as_ref())?);
            done.runs.fetch_add(1, Ordering::Relaxed);
        }
        Said::Welcome(_)
        | Said::Cancel(_)
        | Said::Discard(_)
        | Said::Contact(_)
        | Said::Admins(_) => {}
    }
    Ok(())
}

/// One more piece of every log; the end of those that are stored.
async fn print(out: &Outbox, runs: &mut Runs, done: &Done) -> anyhow::Result<()> {
    for ((run_id, nonce), run) in runs {
        let named = Some(v1::RunRef {
            run_id: *run_id,
            nonce: nonce.clone(),
        });
        if run.printed < PIECE * PIECES {
            let chunk = v1::LogChunk {
                run: named,
                offset: i64::try_from(run.printed)?,
                data: vec![b'x'; PIECE],
            };
            say(out, Kind::LogChunk(chunk)).await?;
            run.printed += PIECE;
            done.log_bytes
                .fetch_add(PIECE.try_into()?, Ordering::Relaxed);
        } else if run.stored == run.printed && !run.told {
            run.told = true;
            let size = i64::try_from(run.printed)?;
            let finished = v1::Finished {
                run: named,
                ended: Some(v1::Ended {
                    exit_code: Some(0),
                    ..v1::Ended::default()
                }),
                log_size: size,
                tail_offset: size,
                tail: Vec::new(),
            };
            say(out, Kind::Finished(finished)).await?;
        }
    }
    Ok(())
}

fn named(run: Option<&v1::RunRef>) -> anyhow::Result<(i64, String)> {
    let run = run.context("a message without a run")?;
    Ok((run.run_id, run.nonce.clone()))
}

async fn say(out: &Outbox, kind: Kind) -> anyhow::Result<()> {
    out.send(v1::WorkerMessage { kind: Some(kind) }).await?;
    Ok(())
}

fn load(running: usize) -> v1::Heartbeat {
    v1::Heartbeat {
        memory_total_mib: 16_000,
        memory_rate: 0.3,
        load_per_core: 0.2,
        cores: 4,
        running: u32::try_from(running).unwrap_or(u32::MAX),
        disk_free_mib: 100_000,
        ..v1::Heartbeat::default()
    }
}
