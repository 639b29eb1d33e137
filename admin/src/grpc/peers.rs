//! Admin to admin: commands for the leader, and what changes there.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use hera_domain::id::CommitSeq;
use hera_proto::v1::admin_client::AdminClient;
use hera_proto::v1::admin_server::{self, AdminServer};
use hera_proto::{Trust, v1};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::master::{Answer, Command, CommandError, Handle, Notice, Strain, WorkerView};

/// The greatest message between admins: a script of the greatest size, escaped.
const MESSAGE_BYTES: usize = 64 * 1024 * 1024;
/// Cards of workers change with every heartbeat of any of them; nobody reads so fast.
const CARDS_EVERY: Duration = Duration::from_millis(500);
const CONNECT: Duration = Duration::from_secs(2);
/// A leader whose machine is gone is noticed after both.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(3));

/// What a leader tells the other admins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum News {
    Notice(Notice),
    Workers(Vec<WorkerView>),
    /// Whether it has too much to do.
    Strain(Option<Strain>),
}

/// The gRPC service for other admins.
pub(crate) struct AdminService {
    pub(crate) handle: Handle,
    pub(crate) stop: CancellationToken,
}

type Outgoing = Pin<Box<dyn Stream<Item = Result<v1::News, Status>> + Send>>;

#[tonic::async_trait]
impl admin_server::Admin for AdminService {
    async fn ask(&self, request: Request<v1::Question>) -> Result<Response<v1::Answer>, Status> {
        self.only_leading()?;
        let command: Command =
            serde_json::from_slice(&request.into_inner().command).map_err(|error| {
                Status::invalid_argument(format!(
                    "this admin ({}) does not know such a command: {error}",
                    env!("CARGO_PKG_VERSION")
                ))
            })?;
        let answer = self.handle.put(command).await;
        Ok(Response::new(v1::Answer {
            reply: json(&answer),
            commit_seq: self.handle.definitions().seq.0,
        }))
    }

    type WatchStream = Outgoing;

    async fn watch(&self, _: Request<v1::WatchRequest>) -> Result<Response<Outgoing>, Status> {
        self.only_leading()?;
        let (out, stream) = mpsc::channel(256);
        let handle = self.handle.clone();
        let stop = self.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(tell(handle, out)).await });
        let stream = ReceiverStream::new(stream).map(|news| Ok(v1::News { news: json(&news) }));
        Ok(Response::new(Box::pin(stream)))
    }
}

impl AdminService {
    /// The service behind its gate: who does not know the cluster secret is sent away by the
    /// headers alone, before anything of a message is read.
    pub(crate) fn guarded(
        self,
        secret: String,
    ) -> InterceptedService<AdminServer<Self>, impl Interceptor + Clone> {
        let server = AdminServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES);
        InterceptedService::new(server, move |request: Request<()>| {
            admit(&request, &secret)?;
            Ok(request)
        })
    }

    fn only_leading(&self) -> Result<(), Status> {
        if self.handle.leader().is_self {
            return Ok(());
        }
        Err(Status::failed_precondition("this admin does not lead"))
    }
}

/// Lets in who knows the cluster secret.
fn admit(request: &Request<()>, secret: &str) -> Result<(), Status> {
    let given = request.metadata().get("authorization");
    let given = given.and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer "));
    if given.is_some_and(|given| crate::secret::equal(given, secret)) {
        return Ok(());
    }
    tracing::warn!(
        peer = request.remote_addr().map(tracing::field::display),
        "somebody without the cluster secret was sent away from the admins' service"
    );
    Err(Status::unauthenticated(
        "only admins of this installation may ask",
    ))
}

/// Tells what changes until this admin no longer leads or nobody listens.
async fn tell(handle: Handle, out: mpsc::Sender<News>) {
    let mut notices = handle.notices();
    let mut workers = handle.watch_workers();
    let mut leader = handle.watch_leader();
    workers.mark_changed();
    let mut strain = None;
    let mut cards_at = tokio::time::Instant::now();
    loop {
        let news = tokio::select! {
            notice = notices.recv() => match notice {
                // The cards follow by themselves.
                Ok(Notice::Workers) => continue,
                Ok(notice) => News::Notice(notice),
                Err(RecvError::Lagged(_)) => News::Notice(Notice::Missed),
                Err(RecvError::Closed) => return,
            },
            Ok(()) = async {
                tokio::time::sleep_until(cards_at).await;
                workers.changed().await
            } => {
                cards_at = tokio::time::Instant::now() + CARDS_EVERY;
                News::Workers(workers.borrow_and_update().to_vec())
            }
            Ok(view) = leader.wait_for(|view| !view.is_self || view.strain != strain) => {
                if !view.is_self {
                    return;
                }
                strain = view.strain;
                News::Strain(strain)
            }
        };
        if out.send(news).await.is_err() {
            return;
        }
    }
}

/// How other admins are reached.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    bearer: MetadataValue<Ascii>,
    trust: Trust,
    /// How long a command may take.
    timeout: Duration,
}

impl Peers {
    /// With the cluster secret, which is hexadecimal.
    pub(crate) fn new(secret: &str, trust: Trust, timeout: Duration) -> Self {
        let bearer = format!("Bearer {secret}").parse();
        Self {
            bearer: bearer.expect("hexadecimal digits can be sent"),
            trust,
            timeout,
        }
    }

    /// The admin at host:port, connected when it is first needed.
    pub(crate) fn at(&self, address: &str) -> Result<Peer, tonic::transport::Error> {
        let channel = self
            .trust
            .endpoint(address)?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE.0)
            .keep_alive_timeout(KEEPALIVE.1)
            .connect_lazy();
        Ok(Peer {
            client: AdminClient::new(channel)
                .max_decoding_message_size(MESSAGE_BYTES)
                .max_encoding_message_size(MESSAGE_BYTES),
            peers: self.clone(),
        })
    }
}

/// Another admin; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    client: AdminClient<Channel>,
    peers: Peers,
}

impl Peer {
    /// Has a command carried out; with the reply comes the commit from which on definitions hold
    /// what it changed.
    pub(crate) async fn ask(&self, command: &Command) -> Result<(Answer, CommitSeq), CommandError> {
        let command = json(command);
        let mut request = self.request(v1::Question { command });
        request.set_timeout(self.peers.timeout);
        let mut client = self.client.clone();
        let asked = client.ask(request);
        let answer = match tokio::time::timeout(self.peers.timeout, asked).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => return Err(refused(&status)),
            Err(_late) => return Err(CommandError::Unanswered("it took too long".into())),
        };
        let said = serde_json::from_slice(&answer.reply)
            .map_err(|error| CommandError::Unanswered(error.to_string()))?;
        Ok((said, CommitSeq(answer.commit_seq)))
    }

    /// What changes there, until it no longer leads.
    pub(crate) async fn watch(
        &self,
    ) -> Result<impl Stream<Item = Result<News, Status>> + use<>, Status> {
        let request = self.request(v1::WatchRequest {});
        let stream = self.client.clone().watch(request).await?.into_inner();
        // An admin of another version may tell what this one does not know: then it looks anew.
        let missed = |_unknown| News::Notice(Notice::Missed);
        Ok(stream.map(move |news| Ok(serde_json::from_slice(&news?.news).unwrap_or_else(missed))))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = self.peers.bearer.clone();
        request.metadata_mut().insert("authorization", bearer);
        request
    }
}

/// Why a command was not carried out, or that nobody knows.
fn refused(status: &Status) -> CommandError {
    match status.code() {
        Code::FailedPrecondition => CommandError::NoLeader,
        Code::InvalidArgument | Code::Unauthenticated | Code::Unimplemented => {
            CommandError::Store(status.message().to_owned())
        }
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => CommandError::Unanswered(status.message().to_owned()),
    }
}

fn json(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("our own types with text keys can be written as JSON")
}
