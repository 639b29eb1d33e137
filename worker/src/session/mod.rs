//! The stream to the leading admin: one at a time, opened again and again.

mod log_window;
mod logs;
mod reports;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hera_domain::engine::RunRef;
use hera_domain::id::Epoch;
use hera_proto::v1::admin_message::Kind as Said;
use hera_proto::v1::session_client::SessionClient;
use hera_proto::v1::worker_message::Kind;
use hera_proto::{LEADER_HEADER, NODE_TOKEN_HEADER, PROTOCOL, run_ref, v1};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status, Streaming};

use crate::installation::{Context, Installation};
use crate::load::LoadMeter;
use crate::node::{Authority, Node};
use logs::Logs;

/// Enough to keep the stream busy; small, so that reports do not queue behind logs.
const OUTBOX: usize = 8;
const CONNECT: Duration = Duration::from_secs(3);
const WELCOME: Duration = Duration::from_secs(10);
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(5));
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// The longest pause while admins answer that they do not lead.
const ELECTION: Duration = Duration::from_millis(300);
const LARGEST_MESSAGE: usize = 32 * 1024 * 1024;

/// The stream has ended: the sender has nobody to send to.
#[derive(Debug)]
pub(crate) struct Closed;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error("cannot reach it: {}", causes(.0))]
    Connect(#[from] tonic::transport::Error),
    #[error("it does not let this worker in: {0}")]
    Stranger(String),
    #[error(
        "this worker has no token of its own and no join token; set HERA_JOIN_TOKEN to what `hera-admin token join` prints"
    )]
    NoToken,
    #[error("the token that it gave cannot be kept: {0}")]
    Token(std::io::Error),
    #[error("it ended the session: {} ({:?})", .0.message(), .0.code())]
    Ended(Status),
    #[error("it does not lead{}", led_by(leader.as_ref()))]
    NotLeading { leader: Option<String> },
    #[error("it closed the session")]
    Closed,
    #[error("a run that it was told of has never begun here; telling it again what there is")]
    Disowned,
    #[error("it gave no welcome within {} s", WELCOME.as_secs())]
    NoWelcome,
    #[error("it leads with epoch {said}, but {known} has been seen: it is a former leader")]
    FormerLeader { said: Epoch, known: Epoch },
    #[error("HERA_JOIN_TOKEN has characters that cannot be sent; use letters and digits")]
    TokenCharacters,
}

impl From<Status> for SessionError {
    fn from(status: Status) -> Self {
        if status.code() == Code::Unauthenticated {
            return Self::Stranger(status.message().to_owned());
        }
        // Said by an admin, not by the transport.
        if status.code() == Code::Unavailable && status.source().is_none() {
            let leader = status.metadata().get(LEADER_HEADER);
            let leader = leader.and_then(|address| address.to_str().ok());
            return Self::NotLeading {
                leader: leader.map(ToOwned::to_owned),
            };
        }
        Self::Ended(status)
    }
}

/// The causes of an error behind its own words, which say only that something of the transport broke.
fn causes(error: &tonic::transport::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

fn led_by(leader: Option<&String>) -> String {
    leader.map_or_else(String::new, |leader| format!("; {leader} does"))
}

/// How a session went that ended without a fault.
enum Outcome {
    /// The admin belongs to this other installation.
    Elsewhere(String),
    /// It has given this worker a token of its own, to come with.
    Joined,
}

/// Keeps a session with the leading admin.
pub(crate) struct Connector {
    pub(crate) context: Arc<Context>,
    pub(crate) node: Arc<Node>,
    /// New with every process.
    pub(crate) incarnation: String,
    /// The installation whose runs are told; it changes when the admins turn out to be others.
    pub(crate) installation: watch::Sender<Arc<Installation>>,
}

impl Connector {
    /// Connects for ever.
    pub(crate) async fn run(&self) {
        let mut pause = BACKOFF.0;
        // What was said last of each admin: of several that cannot be had, each is told once.
        let mut complaints = BTreeMap::new();
        let mut round = Vec::new().into_iter();
        let mut leader = None;
        let mut joined = false;
        loop {
            let Some(admin) = leader.take().or_else(|| round.next()) else {
                round = self.admins().into_iter();
                continue;
            };
            let mut welcomed = false;
            let ended = self.session(&admin, &mut welcomed).await;
            if welcomed {
                joined = false;
                pause = BACKOFF.0;
                complaints.clear();
            }
            match ended {
                Ok(Outcome::Joined) => {
                    leader = Some(admin);
                    // At once, unless it was asked to join that came with the token just given.
                    if !std::mem::replace(&mut joined, true) {
                        continue;
                    }
                }
                Ok(Outcome::Elsewhere(installation)) => match self.move_to(&installation) {
                    Ok(()) => continue,
                    Err(error) => {
                        tracing::error!("cannot join installation {installation}: {error}");
                    }
                },
                Err(SessionError::NotLeading {
                    leader: Some(named),
                }) if named != admin => {
                    let text = format!("admin {admin} does not lead; going to {named}");
                    if complaints.get(&admin) != Some(&text) {
                        tracing::info!("{text}");
                        complaints.insert(admin, text);
                    }
                    leader = Some(named);
                    pause = pause.min(ELECTION);
                }
                Err(error) => {
                    // An admin is there; the next leader is not far.
                    if matches!(error, SessionError::NotLeading { .. }) {
                        pause = pause.min(ELECTION);
                    }
                    let hint = self.hint(&error, welcomed);
                    let text = format!("admin {admin}: {error}{hint}");
                    if complaints.get(&admin) == Some(&text) {
                        tracing::debug!("{text}");
                    } else {
                        tracing::warn!("{text}; trying again");
                        complaints.insert(admin, text);
                    }
                }
            }
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// An admin that answers plain words by an alert of TLS looks like one that breaks the protocol.
    fn hint(&self, error: &SessionError, welcomed: bool) -> &'static str {
        let broken = matches!(error, SessionError::Ended(status) if status.source().is_some());
        if broken && !welcomed && !self.context.settings.trust.is_tls() {
            "; if its port serves TLS, set hera.tls.caFile to the authority of its certificate"
        } else {
            ""
        }
    }

    /// Everybody who may lead: the admins that this worker is set to join, which are never none,
    /// and those that the latest leader told of.
    fn admins(&self) -> Vec<String> {
        let mut admins = self.context.settings.admins.clone();
        for told in self.node.admins() {
            if !admins.contains(&told) {
                admins.push(told);
            }
        }
        admins
    }

    fn move_to(&self, installation: &str) -> std::io::Result<()> {
        tracing::info!("joining installation {installation}");
        // Its leader hears no more of them, and may start them elsewhere.
        self.installation.borrow().fence();
        self.node.join(installation)?;
        let opened = Installation::open(Arc::clone(&self.context), installation)?;
        self.installation.send_replace(opened);
        Ok(())
    }

    /// Keeps the token that the join token has bought.
    fn join(&self, welcome: v1::Welcome, installation: &str) -> Result<Outcome, SessionError> {
        if welcome.installation != installation {
            self.move_to(&welcome.installation)
                .map_err(SessionError::Token)?;
        }
        self.node
            .keep_token(welcome.node_token)
            .map_err(SessionError::Token)?;
        Ok(Outcome::Joined)
    }

    /// One session from Hello to its end. The former one's receiver is gone by now.
    async fn session(&self, admin: &str, welcomed: &mut bool) -> Result<Outcome, SessionError> {
        let installation = Arc::clone(&self.installation.borrow());
        let (out, outbox) = mpsc::channel(OUTBOX);
        let mut meter = LoadMeter::new(
            self.context.settings.work_dir.clone(),
            self.context.settings.disk.min_free_mib,
        );
        let hello = self.hello(&installation, &mut meter);
        // The channel is empty and has room.
        let _ = out.try_send(message(Kind::Hello(hello)));
        let (mut inbox, welcome) =
            tokio::time::timeout(CONNECT + WELCOME, self.open(admin, outbox))
                .await
                .map_err(|_elapsed| SessionError::NoWelcome)??;
        if !welcome.node_token.is_empty() {
            return self.join(welcome, &installation.id);
        }
        if welcome.installation != installation.id {
            return Ok(Outcome::Elsewhere(welcome.installation));
        }
        let said = Epoch(welcome.epoch);
        if let Authority::Stale { known } = self.node.observe(said) {
            return Err(SessionError::FormerLeader { said, known });
        }
        *welcomed = true;
        self.context.contact.welcomed(welcome.self_fence_ms);
        tracing::info!(worker.id = welcome.worker_id, epoch = %said, "connected to admin {admin} {}", welcome.admin_version);
        let logs = Logs::default();
        let beat = Duration::from_millis(u64::from(welcome.heartbeat_ms.max(50)));
        tokio::select! {
            error = self.listen(&mut inbox, &installation, &logs) => Err(error),
            () = installation.disowned() => Err(SessionError::Disowned),
            Closed = reports::tell(&installation, &out) => Err(SessionError::Closed),
            Closed = logs.ship(&installation, &out) => Err(SessionError::Closed),
            Closed = self.heartbeats(&installation, &mut meter, beat, &out) => Err(SessionError::Closed),
        }
    }

    fn hello(&self, installation: &Installation, meter: &mut LoadMeter) -> v1::Hello {
        let settings = &self.context.settings;
        v1::Hello {
            protocol: PROTOCOL,
            node_id: self.node.id(),
            incarnation: self.incarnation.clone(),
            name: settings.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            accepting: !self.context.stopping.load(Ordering::Relaxed),
            max_runs: settings.max_runs,
            load: Some(meter.sample(installation.live())),
            inventory: installation.inventory(),
            epoch: self.node.epoch().0,
            installation: installation.id.clone(),
            labels: settings.labels.clone(),
        }
    }

    /// Tells how busy this machine is; the answers are its contact to the leader.
    async fn heartbeats(
        &self,
        installation: &Installation,
        meter: &mut LoadMeter,
        beat: Duration,
        out: &mpsc::Sender<v1::WorkerMessage>,
    ) -> Closed {
        for number in 1.. {
            let load = v1::Heartbeat {
                number,
                ..meter.sample(installation.live())
            };
            let Ok(room) = out.reserve().await else {
                return Closed;
            };
            self.context.contact.asks(number);
            room.send(message(Kind::Heartbeat(load)));
            tokio::time::sleep(beat).await;
        }
        Closed
    }

    async fn open(
        &self,
        admin: &str,
        outbox: mpsc::Receiver<v1::WorkerMessage>,
    ) -> Result<(Streaming<v1::AdminMessage>, v1::Welcome), SessionError> {
        let channel = self
            .context
            .settings
            .trust
            .endpoint(admin)?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE.0)
            .keep_alive_timeout(KEEPALIVE.1)
            .keep_alive_while_idle(true)
            .connect()
            .await?;
        let mut request = Request::new(ReceiverStream::new(outbox));
        self.identify(request.metadata_mut())?;
        let mut inbox = SessionClient::new(channel)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .open(request)
            .await?
            .into_inner();
        match inbox.message().await?.and_then(|message| message.kind) {
            Some(Said::Welcome(welcome)) => Ok((inbox, welcome)),
            Some(
                Said::Start(_)
                | Said::Cancel(_)
                | Said::Ack(_)
                | Said::Discard(_)
                | Said::LogAck(_)
                | Said::Contact(_)
                | Said::Admins(_),
            )
            | None => Err(SessionError::Closed),
        }
    }

    /// Shows who this is: its own token, and the join token for the case that it has none yet, or
    /// that it counts no more.
    fn identify(&self, metadata: &mut MetadataMap) -> Result<(), SessionError> {
        let own = self.node.token();
        let join = &self.context.settings.join_token;
        if own.is_none() && join.is_none() {
            return Err(SessionError::NoToken);
        }
        let value = |text: &str| {
            text.parse()
                .map_err(|_invalid| SessionError::TokenCharacters)
        };
        if let Some(own) = own {
            metadata.insert(NODE_TOKEN_HEADER, value(&own)?);
        }
        if let Some(join) = join {
            metadata.insert("authorization", value(&format!("Bearer {join}"))?);
        }
        Ok(())
    }

    /// Obeys the admin until the stream ends.
    async fn listen(
        &self,
        inbox: &mut Streaming<v1::AdminMessage>,
        installation: &Arc<Installation>,
        logs: &Logs,
    ) -> SessionError {
        let mut held = BTreeMap::new();
        loop {
            match inbox.message().await {
                Ok(Some(message)) => {
                    if let Some(said) = message.kind {
                        self.obey(said, installation, logs, &mut held);
                    }
                }
                Ok(None) => return SessionError::Closed,
                Err(status) => return status.into(),
            }
        }
    }

    /// Without contact nothing is started, for it may be an old order, given up since: what came
    /// out of a buffer after the machine had stood still. Such orders are `held` until a leader
    /// answers, or forgotten with the session; a run that is still wanted is ordered anew then.
    fn obey(
        &self,
        said: Said,
        installation: &Arc<Installation>,
        logs: &Logs,
        held: &mut BTreeMap<RunRef, v1::Start>,
    ) {
        match said {
            Said::Start(start) => {
                if let Some(key) = self.command(start.run.clone(), start.epoch) {
                    if self.context.contact.holds() {
                        installation.start(key, start);
                    } else {
                        tracing::warn!(run.id = %key.run, "held back a start until a leader answers");
                        held.insert(key, start);
                    }
                }
            }
            Said::Cancel(cancel) => {
                if let Some(key) = self.command(cancel.run, cancel.epoch) {
                    held.remove(&key);
                    installation.cancel(key);
                }
            }
            Said::Discard(discard) => {
                if let Some(key) = self.command(discard.run, discard.epoch) {
                    held.remove(&key);
                    installation.discard(&key);
                }
            }
            Said::Ack(ack) => {
                if let Some(key) = named(ack.run) {
                    installation.acknowledge(&key);
                }
            }
            Said::LogAck(ack) => {
                if let Some(key) = named(ack.run) {
                    logs.acknowledge(installation, &key, ack.size.max(0));
                }
            }
            Said::Contact(contact) => match self.node.observe(Epoch(contact.epoch)) {
                Authority::Current => {
                    self.context.contact.answered(contact.heartbeat);
                    if self.context.contact.holds() {
                        for (key, start) in std::mem::take(held) {
                            installation.start(key, start);
                        }
                    }
                }
                Authority::Stale { known } => {
                    tracing::warn!(contact.epoch, %known, "a former leader answers; that is no contact");
                }
            },
            Said::Admins(admins) => self.node.remember_admins(admins.addresses),
            Said::Welcome(_) => tracing::warn!("the admin said welcome twice"),
        }
    }

    /// The run that a command names, if it comes from the leader.
    fn command(&self, run: Option<v1::RunRef>, epoch: i64) -> Option<RunRef> {
        let key = named(run)?;
        match self.node.observe(Epoch(epoch)) {
            Authority::Current => Some(key),
            Authority::Stale { known } => {
                tracing::warn!(run.id = %key.run, epoch, %known, "ignored a command of a former leader");
                None
            }
        }
    }
}

fn named(run: Option<v1::RunRef>) -> Option<RunRef> {
    run_ref(run)
        .inspect_err(|error| tracing::warn!("ignored a message of the admin: {error}"))
        .ok()
}

fn message(kind: Kind) -> v1::WorkerMessage {
    v1::WorkerMessage { kind: Some(kind) }
}
