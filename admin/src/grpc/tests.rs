//! Who is let in on the port for workers and admins.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hera_domain::clock::SystemClock;
use hera_domain::id::{Epoch, WorkerId};
use hera_proto::v1::admin_client::AdminClient;
use hera_proto::v1::session_client::SessionClient;
use hera_proto::v1::session_server::SessionServer;
use hera_proto::{NODE_TOKEN_HEADER, PROTOCOL, Trust, v1};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, Streaming};

use super::{AdminService, Gate, Leadership, LogWriter, Peers, Presence, SessionService};
use crate::logs::Hub;
use crate::master::inbox::{Message, Report};
use crate::master::{Command, CommandError, Definitions, Handle, Inquiry, LeaderView, Reply};
use crate::secret;
use crate::store::testing::TestDb;

const JOIN_SETTING: &str = "join_token_hash";
const JOIN: &str = "a join token of the tests";
const SECRET: &str = "0123456789abcdef";

/// A port whose leader takes every command for done, and leads no workers.
async fn port(db: &TestDb, stop: &CancellationToken) -> String {
    port_led_by(None, db, stop).await
}

async fn port_led_by(
    leadership: Option<Leadership>,
    db: &TestDb,
    stop: &CancellationToken,
) -> String {
    let hash = secret::digest(JOIN);
    db.store.set_setting(JOIN_SETTING, hash).await.unwrap();
    let (commands, mut inbox) = mpsc::channel::<crate::master::Request>(4);
    tokio::spawn(async move {
        while let Some(request) = inbox.recv().await {
            request.answer(Ok(Reply::Done(())));
        }
    });
    let leads = LeaderView {
        is_self: true,
        ..LeaderView::default()
    };
    let (_, leader) = watch::channel(leads);
    let (_, definitions) = watch::channel(Arc::new(Definitions::default()));
    let (_, workers) = watch::channel(Arc::new(Vec::new()));
    let (notices, _) = broadcast::channel(4);
    let handle = Handle::new(commands, definitions, leader.clone(), workers, notices);
    let sessions = SessionService {
        store: db.store.clone(),
        leadership: watch::channel(leadership).1,
        leader,
        admins: watch::channel(Vec::new()).1,
        logs: LogWriter::spawn(db.store.clone(), Hub::default(), stop.clone()),
        gate: Gate::new(db.store.clone(), Arc::new(SystemClock)),
        presence: Presence::default(),
        installation: "one".into(),
        heartbeat_ms: 1000,
        self_fence_ms: 1000,
        sessions: AtomicU64::new(1),
        stop: stop.clone(),
    };
    let peers = AdminService {
        handle,
        stop: stop.clone(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tonic::transport::Server::builder()
        .add_service(SessionServer::new(sessions))
        .add_service(peers.guarded(SECRET.into()))
        .serve_with_incoming_shutdown(
            TcpListenerStream::new(listener),
            stop.clone().cancelled_owned(),
        );
    tokio::spawn(server);
    address
}

fn bearing<T>(message: T, token: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    request
}

/// What a worker with this token is answered.
async fn joins(address: &str, token: Option<&str>) -> Status {
    let hello = v1::WorkerMessage {
        kind: Some(v1::worker_message::Kind::Hello(v1::Hello {
            protocol: PROTOCOL,
            node_id: "node".into(),
            name: "stranger".into(),
            ..v1::Hello::default()
        })),
    };
    let mut client = SessionClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    let opened = client
        .open(bearing(tokio_stream::iter([hello]), token))
        .await;
    opened.map(drop).expect_err("nobody leads here")
}

/// What a worker is answered that shows this.
async fn comes(address: &str, node: &str, shows: (&'static str, &str)) -> Result<Inbox, Status> {
    comes_as(address, node, "a", shows).await
}

async fn comes_as(
    address: &str,
    node: &str,
    incarnation: &str,
    shows: (&'static str, &str),
) -> Result<Inbox, Status> {
    let hello = v1::WorkerMessage {
        kind: Some(v1::worker_message::Kind::Hello(v1::Hello {
            protocol: PROTOCOL,
            node_id: node.into(),
            name: "w".into(),
            incarnation: incarnation.into(),
            installation: "one".into(),
            ..v1::Hello::default()
        })),
    };
    let hello = tokio_stream::iter([hello]).chain(tokio_stream::pending());
    let mut request = Request::new(hello);
    let (header, token) = shows;
    request
        .metadata_mut()
        .insert(header, token.parse().unwrap());
    let mut client = SessionClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    Ok(client.open(request).await?.into_inner())
}

type Inbox = Streaming<v1::AdminMessage>;

async fn welcomed(inbox: &mut Inbox) -> v1::Welcome {
    match inbox.message().await.unwrap().and_then(|said| said.kind) {
        Some(v1::admin_message::Kind::Welcome(welcome)) => welcome,
        other => panic!("no welcome but {other:?}"),
    }
}

/// What the next session brings the leader.
async fn opened(leader: &mut mpsc::Receiver<Message>) -> WorkerId {
    match leader.recv().await {
        Some(Message::Worker(message)) if matches!(message.report, Report::Open(_)) => {
            message.worker
        }
        other => panic!("no session but {other:?}"),
    }
}

#[tokio::test]
async fn the_join_token_buys_a_worker_a_token_of_its_own_and_nothing_else() {
    let db = TestDb::sqlite().await;
    let stop = CancellationToken::new();
    let (inbox, mut leader) = mpsc::channel(8);
    let leads = Leadership {
        epoch: Epoch(1),
        inbox,
        seen: watch::Sender::new(Epoch(0)),
    };
    let address = port_led_by(Some(leads), &db, &stop).await;
    let bearer = format!("Bearer {JOIN}");
    let join = ("authorization", bearer.as_str());
    let mut joining = comes(&address, "n", join).await.unwrap();
    let welcome = welcomed(&mut joining).await;
    assert_eq!(
        (welcome.node_token.len(), &*welcome.installation),
        (64, "one")
    );
    // No session: the stream ends, and the leader has heard nothing.
    assert!(joining.message().await.unwrap().is_none());
    assert!(leader.try_recv().is_err());

    let own = (NODE_TOKEN_HEADER, welcome.node_token.as_str());
    let mut session = comes(&address, "n", own).await.unwrap();
    assert_eq!(welcomed(&mut session).await.node_token, "");
    assert_eq!(opened(&mut leader).await, WorkerId(welcome.worker_id));

    let copy = comes_as(&address, "n", "b", own).await.unwrap_err();
    assert_eq!(copy.code(), Code::FailedPrecondition);
    assert!(copy.message().contains("remove its worker.json"), "{copy}");

    let another = comes(&address, "another", own).await.unwrap_err();
    assert_eq!(another.code(), Code::Unauthenticated);
    let without = comes(&address, "n", join).await.unwrap_err();
    assert_eq!(without.code(), Code::Unauthenticated);
    assert!(without.message().contains("rotate-token w"), "{without}");
    let guessed = "0".repeat(64);
    let guessed = comes(&address, "n", (NODE_TOKEN_HEADER, &guessed)).await;
    assert_eq!(guessed.unwrap_err().code(), Code::Unauthenticated);
    stop.cancel();
}

/// What somebody with this token is answered who asks as an admin would.
async fn asks(address: &str, token: Option<&str>) -> Option<Status> {
    let mut client = AdminClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    let command = serde_json::to_vec(&Command::Inquire(Inquiry::Ping)).unwrap();
    let asked = client.ask(bearing(v1::Question { command }, token)).await;
    let watched = client.watch(bearing(v1::WatchRequest {}, token)).await;
    assert_eq!(asked.is_ok(), watched.is_ok());
    asked.err()
}

/// HERA's port lets any host register as a worker, and command the others.
#[tokio::test]
async fn hera_fault_security_11_strangers_neither_join_nor_command() {
    let db = TestDb::sqlite().await;
    let stop = CancellationToken::new();
    let address = port(&db, &stop).await;
    for token in [
        None,
        Some(""),
        Some(SECRET),
        Some("a join token of the test"),
    ] {
        assert_eq!(joins(&address, token).await.code(), Code::Unauthenticated);
    }
    assert_eq!(joins(&address, Some(JOIN)).await.code(), Code::Unavailable);
    assert_eq!(db.store.workers().await.unwrap(), []);
    for token in [None, Some(""), Some(JOIN), Some("0123456789abcde")] {
        let refused = asks(&address, token).await.expect("it is refused");
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    assert!(asks(&address, Some(SECRET)).await.is_none());
    stop.cancel();
}

/// Else anybody could make an admin hold as many great messages as they send.
#[tokio::test]
async fn a_stranger_is_sent_away_before_a_message_is_read() {
    let db = TestDb::sqlite().await;
    let stop = CancellationToken::new();
    let address = port(&db, &stop).await;
    let client = AdminClient::connect(format!("http://{address}")).await;
    // Beyond what is taken from anybody: whoever reads it says so.
    let command = vec![b' '; 65 << 20];
    let mut client = client.unwrap();
    let asked = client.ask(bearing(v1::Question { command }, Some(JOIN)));
    assert_eq!(asked.await.unwrap_err().code(), Code::Unauthenticated);
    stop.cancel();
}

#[tokio::test]
async fn a_command_that_the_leader_does_not_know_is_refused_and_names_its_version() {
    let db = TestDb::sqlite().await;
    let stop = CancellationToken::new();
    let address = port(&db, &stop).await;
    let mut client = AdminClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    let command = br#"{"Levitate":1}"#.to_vec();
    let asked = client.ask(bearing(v1::Question { command }, Some(SECRET)));
    let refused = asked.await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains(env!("CARGO_PKG_VERSION")));
    stop.cancel();
}

#[tokio::test]
async fn a_leader_that_cannot_be_reached_leaves_open_what_was_done() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let peers = Peers::new(SECRET, Trust::default(), Duration::from_secs(5));
    let asked = peers.at(&address).unwrap();
    let asked = asked.ask(&Command::Inquire(Inquiry::Ping)).await;
    let error = asked.expect_err("nobody is there");
    assert!(matches!(error, CommandError::Unanswered(_)), "{error}");
}
