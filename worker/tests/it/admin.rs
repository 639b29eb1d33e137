//! An admin that does what the test says and nothing by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use hera_proto::v1::admin_message::Kind as Said;
use hera_proto::v1::session_server::{Session, SessionServer};
use hera_proto::v1::worker_message::Kind;
use hera_proto::{NODE_TOKEN_HEADER, PROTOCOL, v1};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// Long enough for a busy machine; nothing waits this long unless it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
pub(crate) const TOKEN: &str = "a-token-for-tests";

/// The listening admin.
pub(crate) struct Admin {
    pub(crate) address: SocketAddr,
    sessions: mpsc::Receiver<Connection>,
    _server: DropGuard,
}

/// A worker's stream, as the test sees it.
pub(crate) struct Connection {
    pub(crate) hello: v1::Hello,
    /// What the worker shows as its own.
    pub(crate) token: Option<String>,
    pub(crate) inbox: Streaming<v1::WorkerMessage>,
    outbox: mpsc::Sender<Result<v1::AdminMessage, Status>>,
    logs: BTreeMap<i64, Vec<u8>>,
}

struct Service(mpsc::Sender<Connection>);

#[tonic::async_trait]
impl Session for Service {
    type OpenStream = Pin<Box<dyn Stream<Item = Result<v1::AdminMessage, Status>> + Send>>;

    async fn open(
        &self,
        request: Request<Streaming<v1::WorkerMessage>>,
    ) -> Result<Response<Self::OpenStream>, Status> {
        let token = request.metadata().get("authorization");
        if token.is_none_or(|token| token != format!("Bearer {TOKEN}").as_str()) {
            return Err(Status::unauthenticated("wrong token"));
        }
        let own = request.metadata().get(NODE_TOKEN_HEADER);
        let token = own.map(|own| own.to_str().unwrap().to_owned());
        let (outbox, answers) = mpsc::channel(64);
        let sessions = self.0.clone();
        tokio::spawn(async move {
            let mut inbox = request.into_inner();
            let Ok(Some(first)) = inbox.message().await else {
                return;
            };
            let Some(Kind::Hello(hello)) = first.kind else {
                panic!("the first message is {first:?}");
            };
            let _ = sessions
                .send(Connection {
                    hello,
                    token,
                    inbox,
                    outbox,
                    logs: BTreeMap::new(),
                })
                .await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}

/// Connections that send at once: an answer must not wait for the worker to say something.
fn quick(listener: TcpListener) -> impl Stream<Item = std::io::Result<TcpStream>> {
    TcpListenerStream::new(listener).map(|connected| {
        let stream = connected?;
        stream.set_nodelay(true)?;
        Ok(stream)
    })
}

impl Admin {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, sessions) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(
            Server::builder()
                .add_service(SessionServer::new(Service(sender)))
                .serve_with_incoming_shutdown(quick(listener), async move {
                    stopped.cancelled().await;
                }),
        );
        Self {
            address,
            sessions,
            _server: stop.drop_guard(),
        }
    }

    /// The next stream, before its Welcome.
    pub(crate) async fn hello(&mut self) -> Connection {
        tokio::time::timeout(PATIENCE, self.sessions.recv())
            .await
            .expect("a worker connects")
            .unwrap()
    }

    /// The next stream of this installation's worker, welcomed with its inventory.
    pub(crate) async fn session(&mut self, installation: &str) -> Connection {
        loop {
            let mut connection = self.hello().await;
            connection.welcome(installation, 1).await;
            if connection.hello.installation == installation {
                return connection;
            }
        }
    }
}

impl Connection {
    pub(crate) async fn say(&self, said: Said) {
        let message = v1::AdminMessage { kind: Some(said) };
        self.outbox.send(Ok(message)).await.unwrap();
    }

    pub(crate) async fn welcome(&mut self, installation: &str, epoch: i64) {
        self.welcome_with(installation, epoch, "").await;
    }

    /// A welcome that gives the worker a token of its own.
    pub(crate) async fn welcome_with(&mut self, installation: &str, epoch: i64, token: &str) {
        assert_eq!(self.hello.protocol, PROTOCOL);
        self.say(Said::Welcome(v1::Welcome {
            epoch,
            installation: installation.to_owned(),
            heartbeat_ms: 3000,
            worker_id: 1,
            admin_version: "test".to_owned(),
            self_fence_ms: 0,
            node_token: token.to_owned(),
        }))
        .await;
    }

    pub(crate) async fn start(&self, run: i64, script: &str) {
        self.say(Said::Start(start(run, script))).await;
    }

    pub(crate) async fn cancel(&self, run: i64) {
        let run = Some(run_ref(run));
        self.say(Said::Cancel(v1::Cancel { run, epoch: 1 })).await;
    }

    pub(crate) async fn ack(&self, run: i64) {
        let run = Some(run_ref(run));
        self.say(Said::Ack(v1::Ack { run })).await;
    }

    /// What the worker says next, heartbeats left out.
    pub(crate) async fn next(&mut self) -> Kind {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.inbox.next()).await;
            let message = message.expect("the worker says something");
            match message.expect("the worker keeps the session").unwrap().kind {
                Some(Kind::Heartbeat(_)) => {}
                Some(kind) => return kind,
                None => panic!("an empty message"),
            }
        }
    }

    /// What the worker says next, while every heartbeat is answered.
    pub(crate) async fn next_in_contact(&mut self, epoch: i64) -> Kind {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.inbox.next()).await;
            let message = message.expect("the worker says something");
            match message.expect("the worker keeps the session").unwrap().kind {
                Some(Kind::Heartbeat(beat)) => {
                    let heartbeat = beat.number;
                    self.say(Said::Contact(v1::Contact { heartbeat, epoch }))
                        .await;
                }
                Some(kind) => return kind,
                None => panic!("an empty message"),
            }
        }
    }

    /// What the worker says next, while its logs are stored as a good admin does.
    pub(crate) async fn report(&mut self) -> Kind {
        loop {
            match self.next().await {
                Kind::LogChunk(chunk) => self.store(chunk).await,
                report @ (Kind::Hello(_)
                | Kind::Accepted(_)
                | Kind::Started(_)
                | Kind::Finished(_)
                | Kind::Refused(_)
                | Kind::Heartbeat(_)) => return report,
            }
        }
    }

    pub(crate) async fn store(&mut self, chunk: v1::LogChunk) {
        let run = chunk.run.unwrap();
        let log = self.logs.entry(run.run_id).or_default();
        if usize::try_from(chunk.offset).unwrap() == log.len() {
            log.extend(chunk.data);
        }
        let size = i64::try_from(log.len()).unwrap();
        let run = Some(run);
        self.say(Said::LogAck(v1::LogAck { run, size })).await;
    }

    pub(crate) async fn accepted(&mut self, run: i64) {
        let report = self.report().await;
        let Kind::Accepted(accepted) = report else {
            panic!("accepted expected, not {report:?}");
        };
        assert_eq!(accepted.run, Some(run_ref(run)));
    }

    pub(crate) async fn started(&mut self, run: i64) -> v1::Started {
        let report = self.report().await;
        let Kind::Started(started) = report else {
            panic!("started expected, not {report:?}");
        };
        assert_eq!(started.run, Some(run_ref(run)));
        started
    }

    /// The end of a run and its whole log, acknowledged.
    pub(crate) async fn finished(&mut self, run: i64) -> (v1::Ended, Vec<u8>) {
        let report = self.report().await;
        let Kind::Finished(finished) = report else {
            panic!("finished expected, not {report:?}");
        };
        assert_eq!(finished.run, Some(run_ref(run)));
        let mut log = self.logs.remove(&run).unwrap_or_default();
        let tail = usize::try_from(finished.tail_offset).unwrap();
        assert!(tail <= log.len(), "the log has a hole");
        log.truncate(tail);
        log.extend(finished.tail);
        assert_eq!(i64::try_from(log.len()).unwrap(), finished.log_size);
        self.ack(run).await;
        (finished.ended.unwrap(), log)
    }

    /// The next end, whichever run's it is, acknowledged.
    pub(crate) async fn next_end(&mut self) -> (i64, v1::Ended) {
        loop {
            match self.report().await {
                Kind::Finished(finished) => {
                    let run = finished.run.unwrap().run_id;
                    self.ack(run).await;
                    return (run, finished.ended.unwrap());
                }
                Kind::Accepted(_) | Kind::Started(_) => {}
                other @ (Kind::Hello(_)
                | Kind::Refused(_)
                | Kind::LogChunk(_)
                | Kind::Heartbeat(_)) => {
                    panic!("{other:?}")
                }
            }
        }
    }

    /// Accepted, started, finished.
    pub(crate) async fn whole(&mut self, run: i64) -> (v1::Ended, Vec<u8>) {
        self.accepted(run).await;
        self.started(run).await;
        self.finished(run).await
    }

    /// Waits until the worker has obeyed all that was said, by an order that it refuses at once.
    pub(crate) async fn obeyed(&mut self) {
        const ORDER: i64 = 9999;
        self.say(Said::Start(v1::Start {
            run_type: "nothing that exists".to_owned(),
            ..start(ORDER, "")
        }))
        .await;
        let report = self.report().await;
        let Kind::Refused(refused) = report else {
            panic!("refused expected, not {report:?}");
        };
        assert_eq!(refused.run, Some(run_ref(ORDER)));
    }

    /// What has come of a run's log up to now.
    pub(crate) fn stored(&mut self, run: i64) -> Vec<u8> {
        self.logs.remove(&run).unwrap_or_default()
    }

    /// What an earlier session of this worker has stored.
    pub(crate) fn logs(self) -> BTreeMap<i64, Vec<u8>> {
        self.logs
    }

    pub(crate) fn with_logs(mut self, logs: BTreeMap<i64, Vec<u8>>) -> Self {
        self.logs = logs;
        self
    }

    pub(crate) fn inventory(&self) -> Vec<(i64, bool)> {
        self.hello
            .inventory
            .iter()
            .map(|item| (item.run.clone().unwrap().run_id, item.ended.is_some()))
            .collect()
    }
}

pub(crate) fn run_ref(run: i64) -> v1::RunRef {
    v1::RunRef {
        run_id: run,
        nonce: format!("{run:032x}"),
    }
}

pub(crate) fn start(run: i64, script: &str) -> v1::Start {
    v1::Start {
        run: Some(run_ref(run)),
        epoch: 1,
        job_id: 7,
        job_name: "a job".to_owned(),
        version: "202601010000".to_owned(),
        trigger: "schedule".to_owned(),
        attempt: 1,
        run_type: "shell".to_owned(),
        script: script.to_owned(),
        env: std::collections::HashMap::from([("HERA_JOB_ID".to_owned(), "7".to_owned())]),
        ..v1::Start::default()
    }
}
