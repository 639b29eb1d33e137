//! A worker's session: who may open one, and what passes through it.
//!
//! ```text
//! stream from the worker ─▶ reader ─┬─▶ the leader's inbox (reports)
//!                                   └─▶ log writer ─▶ receipts ─┐
//! stream to the worker   ◀─ writer ◀─┬──────────────────────────┘
//!                                    └─ what the leader sends
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt};
use hera_domain::engine::{End, InventoryItem, RunRef, WorkerEvent, WorkerHello};
use hera_domain::id::{Epoch, RunId, WorkerId};
use hera_proto::v1::{self, admin_message, session_server, worker_message};
use hera_proto::{LEADER_HEADER, LOG_CHUNK_BYTES, LOG_TAIL_BYTES, PROTOCOL, WireError, run_ref};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::admission::{Admitted, Gate};
use super::log_writer::LogWriter;
use super::presence::{Arrival, Presence, Seated};
use crate::master::LeaderView;
use crate::master::inbox::{Message, Opened, Report, SessionNumber, ToWorker, WorkerMessage};
use crate::store::{AdminSeen, LogTail, Store};

/// How long a new stream may take to say hello.
const HELLO: Duration = Duration::from_secs(10);
/// Labels of a worker, and characters of one, at most: all of them fit a column of 2,000.
const LABELS: usize = 30;
const LABEL_CHARS: usize = 60;
/// A session that says nothing for so many heartbeats has lost its worker.
const SILENCE_BEATS: u32 = 4;
/// … and for this long, however short the heartbeats are.
const SILENCE: Duration = Duration::from_secs(2);
/// Messages of the leader that may wait for one worker; more closes its session.
const OUTBOX: usize = 4096;

/// So many leaderships may have been lost with a database; more are not believed.
const EPOCHS_AHEAD: i64 = 1_000_000;

/// What a session needs of the leadership it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Leadership {
    pub(crate) epoch: Epoch,
    pub(crate) inbox: mpsc::Sender<Message>,
    /// The latest leadership that a worker has seen, if it is later than this one.
    pub(crate) seen: watch::Sender<Epoch>,
}

/// The gRPC service that workers connect to.
pub(crate) struct SessionService {
    pub(crate) store: Store,
    /// `None` while this admin does not lead.
    pub(crate) leadership: watch::Receiver<Option<Leadership>>,
    pub(crate) leader: watch::Receiver<LeaderView>,
    /// The admins that are alive, this one among them.
    pub(crate) admins: watch::Receiver<Vec<AdminSeen>>,
    pub(crate) logs: LogWriter,
    pub(crate) gate: Gate,
    pub(crate) presence: Presence,
    pub(crate) installation: String,
    pub(crate) heartbeat_ms: u32,
    pub(crate) self_fence_ms: u32,
    pub(crate) sessions: AtomicU64,
    pub(crate) stop: CancellationToken,
}

type Outgoing = Pin<Box<dyn Stream<Item = Result<v1::AdminMessage, Status>> + Send>>;

#[tonic::async_trait]
impl session_server::Session for SessionService {
    type OpenStream = Outgoing;

    async fn open(
        &self,
        request: Request<Streaming<v1::WorkerMessage>>,
    ) -> Result<Response<Outgoing>, Status> {
        let shown = self.gate.look(&request).await?;
        // In the order in which they come, however long each then takes to be registered.
        let number = SessionNumber(self.sessions.fetch_add(1, Ordering::Relaxed));
        let leadership = self.leadership.borrow().clone();
        let leadership = leadership.ok_or_else(|| self.not_leading())?;
        let address = request
            .remote_addr()
            .map(|peer| peer.ip().to_string())
            .unwrap_or_default();
        let mut incoming = request.into_inner();
        let hello = greeting(&mut incoming).await?;
        let admitted = self.gate.admit(shown, &hello, &address).await?;
        self.heed(&leadership, &hello)?;
        let welcome = self.welcome(&leadership, &admitted);
        let welcome = admin(admin_message::Kind::Welcome(welcome));
        let (worker, token) = match admitted {
            Admitted::Worker(worker, token) if hello.installation == self.installation => {
                (worker, token)
            }
            // They come again, as one of ours.
            Admitted::Worker(..) => return Ok(only(welcome)),
            Admitted::Joined(worker, _) => {
                tracing::info!(worker.id = %worker, worker.name = hello.name, worker.address = address,
                    "a worker has joined");
                return Ok(only(welcome));
            }
        };
        let close = self.stop.child_token();
        let seat = self.seat(&hello, &address, number, &close)?;
        let opening = hello_event(hello, address)?;
        let (out, outbox) = mpsc::channel(OUTBOX);
        let (wire, stream) = mpsc::channel(64);
        let (receipts, receipted) = mpsc::channel(64);
        wire.send(Ok(welcome))
            .await
            .map_err(|_gone| Status::cancelled("the worker left before it was welcomed"))?;

        let reader = Reader {
            worker,
            session: number,
            inbox: leadership.inbox,
            store: self.store.clone(),
            silence: SILENCE.max(Duration::from_millis(self.heartbeat_ms.into()) * SILENCE_BEATS),
            logs: self.logs.clone(),
            receipts,
            verified: BTreeMap::new(),
            _seat: seat,
        };
        let opened = Opened {
            close: close.clone(),
            out,
            token,
            ..opening
        };
        tokio::spawn(write(
            outbox,
            receipted,
            wire,
            self.admins.clone(),
            leadership.epoch,
            close.clone(),
        ));
        tokio::spawn(reader.run(incoming, opened, close));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

impl SessionService {
    /// A worker that obeyed a later leadership takes this one for a former leader: it is one, or
    /// its database was restored from a backup.
    fn heed(&self, leadership: &Leadership, hello: &v1::Hello) -> Result<(), Status> {
        let ahead = hello.epoch.saturating_sub(leadership.epoch.0);
        if hello.installation != self.installation || ahead <= 0 {
            return Ok(());
        }
        if ahead > EPOCHS_AHEAD {
            tracing::error!(worker.name = hello.name, epoch = hello.epoch, leading = %leadership.epoch,
                "this worker claims to have seen a leadership far ahead; remove its worker.json if that is wrong");
            return Err(Status::failed_precondition(
                "the worker's epoch is far ahead of this installation's",
            ));
        }
        leadership.seen.send_replace(Epoch(hello.epoch));
        Err(Status::unavailable(
            "the worker has seen a later leadership; this admin finds out who leads",
        ))
    }

    /// Sends a worker on to the admin that leads, if that is known.
    fn not_leading(&self) -> Status {
        let mut status =
            Status::unavailable("this admin does not lead at the moment; try the others");
        let leader = self.leader.borrow().leader.clone();
        if let Some(address) = leader.and_then(|leader| leader.connect.parse().ok()) {
            status.metadata_mut().insert(LEADER_HEADER, address);
        }
        status
    }

    /// Notes the session, unless another process has one as the same worker.
    fn seat(
        &self,
        hello: &v1::Hello,
        address: &str,
        session: SessionNumber,
        close: &CancellationToken,
    ) -> Result<Seated, Status> {
        let entered = self.presence.enter(&Arrival {
            node: &hello.node_id,
            incarnation: &hello.incarnation,
            address,
            session,
            close,
        });
        entered.map_err(|there| {
            let text = format!(
                "another process is connected as this worker, from {there}; if it is the former one it will be gone soon, and if one of them is a copy of the other, remove its worker.json"
            );
            tracing::warn!(worker.name = hello.name, worker.address = address, "a worker was sent away: {text}");
            Status::failed_precondition(text)
        })
    }

    fn welcome(&self, leadership: &Leadership, admitted: &Admitted) -> v1::Welcome {
        let (worker, token) = match admitted {
            Admitted::Worker(worker, _) => (worker, String::new()),
            Admitted::Joined(worker, token) => (worker, token.clone()),
        };
        v1::Welcome {
            epoch: leadership.epoch.0,
            installation: self.installation.clone(),
            heartbeat_ms: self.heartbeat_ms,
            worker_id: worker.0,
            admin_version: env!("CARGO_PKG_VERSION").to_owned(),
            self_fence_ms: self.self_fence_ms,
            node_token: token,
        }
    }
}

/// A stream of one message.
fn only(message: v1::AdminMessage) -> Response<Outgoing> {
    Response::new(Box::pin(tokio_stream::once(Ok(message))))
}

/// Waits for the first message, which must be a hello that we understand.
async fn greeting(incoming: &mut Streaming<v1::WorkerMessage>) -> Result<v1::Hello, Status> {
    let first = tokio::time::timeout(HELLO, incoming.message())
        .await
        .map_err(|_late| Status::deadline_exceeded("no hello within ten seconds"))??;
    let Some(worker_message::Kind::Hello(hello)) = first.and_then(|message| message.kind) else {
        return Err(Status::invalid_argument(
            "the first message of a session must be a hello",
        ));
    };
    if hello.protocol > PROTOCOL {
        return Err(Status::failed_precondition(format!(
            "the worker speaks protocol {}, this admin {PROTOCOL}: upgrade the admin first",
            hello.protocol
        )));
    }
    let plain =
        |text: &str| !text.is_empty() && text.len() <= 128 && !text.contains(char::is_control);
    if !plain(&hello.node_id) || !plain(&hello.name) || hello.version.len() > 64 {
        return Err(Status::invalid_argument(
            "the hello needs a node id and a name of 1 to 128 bytes",
        ));
    }
    Ok(hello)
}

/// The labels that make sense; what else a stranger sends is left out.
pub(super) fn labels(hello: &v1::Hello) -> BTreeSet<String> {
    let labels = hello.labels.iter().take(LABELS).map(|label| label.trim());
    let fits = |label: &&str| {
        let sane = !label.contains(|c: char| c == ',' || c.is_control());
        sane && (1..=LABEL_CHARS).contains(&label.chars().count())
    };
    labels.filter(fits).map(str::to_owned).collect()
}

/// The hello in the engine's words. The channels are put in by the caller.
fn hello_event(hello: v1::Hello, address: String) -> Result<Opened, Status> {
    let labels = labels(&hello);
    let load = hello.load.unwrap_or_default();
    let inventory = hello
        .inventory
        .into_iter()
        .map(InventoryItem::try_from)
        .collect::<Result<Vec<_>, WireError>>()
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    let (out, _) = mpsc::channel(1);
    Ok(Opened {
        hello: WorkerHello {
            name: hello.name,
            address,
            accepting: hello.accepting,
            labels,
            max_runs: (hello.max_runs > 0).then_some(hello.max_runs),
            load: load.into(),
            inventory,
        },
        version: hello.version,
        token: String::new(),
        out,
        close: CancellationToken::new(),
    })
}

/// Reads what the worker says until the stream ends or the session is closed.
struct Reader {
    worker: WorkerId,
    session: SessionNumber,
    inbox: mpsc::Sender<Message>,
    store: Store,
    /// How long the worker may say nothing.
    silence: Duration,
    logs: LogWriter,
    receipts: mpsc::Sender<(RunRef, oneshot::Receiver<u64>)>,
    /// Runs whose nonce has been compared with the database's.
    verified: BTreeMap<RunId, String>,
    _seat: Seated,
}

impl Reader {
    async fn run(
        mut self,
        mut incoming: Streaming<v1::WorkerMessage>,
        opened: Opened,
        close: CancellationToken,
    ) {
        self.report(Report::Open(Arc::new(opened))).await;
        loop {
            let message = tokio::select! {
                () = close.cancelled() => break,
                // The leadership is over: the worker shall look for the next one.
                () = self.inbox.closed() => break,
                message = incoming.message() => message,
                () = tokio::time::sleep(self.silence) => {
                    tracing::warn!(worker.id = %self.worker, "a worker has been silent for {} ms; its session is closed", self.silence.as_millis());
                    break;
                }
            };
            match message {
                Ok(Some(v1::WorkerMessage { kind: Some(kind) })) => {
                    if let Err(error) = self.take(kind).await {
                        tracing::warn!(worker.id = %self.worker, %error, "a message of this worker makes no sense; its session is closed");
                        break;
                    }
                }
                Ok(Some(v1::WorkerMessage { kind: None })) => {}
                Ok(None) => break,
                Err(status) => {
                    tracing::debug!(worker.id = %self.worker, %status, "the worker's stream broke");
                    break;
                }
            }
        }
        close.cancel();
        self.report(Report::Event(WorkerEvent::Disconnected)).await;
    }

    async fn take(&mut self, kind: worker_message::Kind) -> Result<(), WireError> {
        use worker_message::Kind;
        match kind {
            Kind::Hello(_) => Err(WireError::Invalid("hello", "said twice".into())),
            Kind::Accepted(m) => {
                let run = run_ref(m.run)?;
                self.report(Report::Event(WorkerEvent::Accepted(run))).await;
                Ok(())
            }
            Kind::Started(m) => {
                let run = run_ref(m.run)?;
                self.report(Report::Event(WorkerEvent::Started(run))).await;
                Ok(())
            }
            Kind::Refused(m) => {
                let run = run_ref(m.run)?;
                let reason = limited(m.reason, 1000);
                self.report(Report::Event(WorkerEvent::Refused(run, reason)))
                    .await;
                Ok(())
            }
            Kind::Heartbeat(m) => {
                self.report(Report::Heartbeat {
                    number: m.number,
                    load: m.into(),
                })
                .await;
                Ok(())
            }
            Kind::Finished(m) => self.finished(m).await,
            Kind::LogChunk(m) => self.log_chunk(m).await,
        }
    }

    async fn finished(&mut self, m: v1::Finished) -> Result<(), WireError> {
        let run = run_ref(m.run)?;
        let mut end = End::from(m.ended.ok_or(WireError::Missing("ended"))?);
        end.note = end.note.map(|note| limited(note, 1000));
        let wrong = || WireError::Invalid("tail", format!("{} + {}", m.tail_offset, m.tail.len()));
        let offset = u64::try_from(m.tail_offset).map_err(|_negative| wrong())?;
        let size = u64::try_from(m.log_size).map_err(|_negative| wrong())?;
        if m.tail.len() > LOG_TAIL_BYTES || offset.checked_add(m.tail.len() as u64) != Some(size) {
            return Err(wrong());
        }
        let tail = LogTail {
            run: run.run,
            offset,
            data: Bytes::from(m.tail),
        };
        let event = WorkerEvent::Finished(run, end);
        self.report(Report::Finished { event, tail }).await;
        Ok(())
    }

    async fn log_chunk(&mut self, m: v1::LogChunk) -> Result<(), WireError> {
        let run = run_ref(m.run)?;
        let offset = u64::try_from(m.offset)
            .map_err(|_negative| WireError::Invalid("offset", m.offset.to_string()))?;
        if m.data.is_empty() || m.data.len() > LOG_CHUNK_BYTES {
            return Err(WireError::Invalid(
                "log chunk",
                format!("{} bytes", m.data.len()),
            ));
        }
        if !self.may_write(&run).await {
            tracing::warn!(worker.id = %self.worker, run.id = %run.run, "log bytes of a run that is not this worker's were dropped");
            return Ok(());
        }
        let appended = self.logs.append(run.run, offset, Bytes::from(m.data));
        if let Some(receipt) = appended.await {
            // The writer is gone only when the session is.
            drop(self.receipts.send((run, receipt)).await);
        }
        Ok(())
    }

    /// Whether the run is one that was dispatched with this nonce.
    async fn may_write(&mut self, run: &RunRef) -> bool {
        if self
            .verified
            .get(&run.run)
            .is_some_and(|nonce| *nonce == run.nonce)
        {
            return true;
        }
        let known = self
            .store
            .run(run.run)
            .await
            .ok()
            .flatten()
            .and_then(|view| view.run.nonce);
        if known.as_deref() != Some(run.nonce.as_str()) {
            return false;
        }
        if self.verified.len() >= OUTBOX {
            self.verified.clear();
        }
        self.verified.insert(run.run, run.nonce.clone());
        true
    }

    async fn report(&self, report: Report) {
        let message = WorkerMessage {
            worker: self.worker,
            session: self.session,
            report,
        };
        // A closed inbox ends the session as soon as this message is done with.
        drop(self.inbox.send(Message::Worker(message)).await);
    }
}

/// Writes to the worker until the session is closed.
async fn write(
    mut outbox: mpsc::Receiver<ToWorker>,
    mut receipted: mpsc::Receiver<(RunRef, oneshot::Receiver<u64>)>,
    wire: mpsc::Sender<Result<v1::AdminMessage, Status>>,
    mut admins: watch::Receiver<Vec<AdminSeen>>,
    epoch: Epoch,
    close: CancellationToken,
) {
    let mut receipts = FuturesUnordered::new();
    let mut told = Vec::new();
    admins.mark_changed();
    loop {
        let kind = tokio::select! {
            () = close.cancelled() => return,
            Some(message) = outbox.recv() => command(message, epoch),
            Ok(()) = admins.changed() => {
                let admins = admins.borrow_and_update();
                let addresses = admins.iter().map(|admin| admin.at.connect.clone());
                let addresses: Vec<_> = addresses.collect();
                if addresses == told {
                    continue;
                }
                told.clone_from(&addresses);
                admin_message::Kind::Admins(v1::Admins { addresses })
            }
            Some((run, receipt)) = receipted.recv() => {
                receipts.push(async move { (run, receipt.await) });
                continue;
            }
            Some((run, stored)) = receipts.next() => {
                // Not stored: close, so that the worker asks in a new session where to go on.
                let Some(size) = stored.ok().and_then(|size| i64::try_from(size).ok()) else {
                    close.cancel();
                    return;
                };
                admin_message::Kind::LogAck(v1::LogAck { run: Some(run.into()), size })
            }
        };
        let sent = tokio::select! {
            () = close.cancelled() => return,
            sent = wire.send(Ok(admin(kind))) => sent,
        };
        if sent.is_err() {
            close.cancel();
            return;
        }
    }
}

fn command(message: ToWorker, epoch: Epoch) -> admin_message::Kind {
    use admin_message::Kind;
    match message {
        ToWorker::Start(start) => Kind::Start(v1::Start {
            epoch: epoch.0,
            ..*start
        }),
        ToWorker::Cancel(run) => Kind::Cancel(v1::Cancel {
            run: Some(run.into()),
            epoch: epoch.0,
        }),
        ToWorker::Ack(run) => Kind::Ack(v1::Ack {
            run: Some(run.into()),
        }),
        ToWorker::Discard(run) => Kind::Discard(v1::Discard {
            run: Some(run.into()),
            epoch: epoch.0,
        }),
        ToWorker::Contact(heartbeat) => Kind::Contact(v1::Contact {
            heartbeat,
            epoch: epoch.0,
        }),
    }
}

fn admin(kind: admin_message::Kind) -> v1::AdminMessage {
    v1::AdminMessage { kind: Some(kind) }
}

/// Cuts a text at a character's border.
fn limited(text: String, bytes: usize) -> String {
    if text.len() <= bytes {
        text
    } else {
        text.get(..text.floor_char_boundary(bytes))
            .unwrap_or_default()
            .to_owned()
    }
}
