//! The web as a client sees it: requests in process, a real store, a leader played by the test.

mod bad_input;
mod calendars;
mod conditions;
mod history;
mod host_groups;
mod logs;
mod pages;
mod preview;
mod requests;
mod rights;
mod sessions;

use std::sync::{Arc, Mutex};

use actix_web::body::MessageBody as _;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, init_service};
use hera_domain::clock::{Clock, Timestamp, from_millis};
use hera_domain::config::MASK;
use hera_domain::engine::{Change, Decisions, Run, Version};
use hera_domain::id::{CommitSeq, JobId, RunId, VersionKey};
use hera_domain::status::{Origin, RunStatus, Trigger, VersionStatus};
use hera_domain::version_id::VersionId;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::password::{self, Passwords};
use super::{AppState, WebSettings};
use crate::access::Role;
use crate::logs::Hub;
use crate::master::{
    Answer, Command, CommandError, Definitions, Handle, Inquiry, LeaderView, Notice, Request,
    WorkerView,
};
use crate::metrics::Metrics;
use crate::secret;
use crate::store::testing::TestDb;
use crate::store::{AdminSeen, Batch, Holder, LeaderConnection, NewUser};

/// A clock that only tests move.
#[derive(Debug, Clone)]
struct TestClock(Arc<Mutex<Timestamp>>);

impl TestClock {
    fn advance(&self, by: chrono::TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// An admin whose leader is played by the test.
struct App {
    state: AppState,
    db: TestDb,
    clock: TestClock,
    commands: Option<mpsc::Receiver<Request>>,
    definitions: watch::Sender<Arc<Definitions>>,
    leader: watch::Sender<LeaderView>,
    workers: watch::Sender<Arc<Vec<WorkerView>>>,
    notices: broadcast::Sender<Notice>,
}

/// An answer, read to its end.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Field and message of the first error.
    fn first_error(&self) -> (String, String) {
        let error = &self.json()["errors"][0];
        let part = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (part("field"), part("message"))
    }
}

/// A password that is no first one.
const PASSWORD: &str = "correct horse";

/// A leader that is not there.
fn nobody(_: Command) -> Answer {
    Err(CommandError::NoLeader)
}

impl App {
    async fn start() -> Self {
        let db = TestDb::sqlite().await;
        let clock = TestClock(Arc::new(Mutex::new(from_millis(1_795_000_000_000))));
        let (commands, inbox) = mpsc::channel(16);
        let (definitions, known) = watch::channel(Arc::new(Definitions::default()));
        let (leader, who) = watch::channel(LeaderView::default());
        let (workers, cards) = watch::channel(Arc::new(Vec::new()));
        let (notices, _) = broadcast::channel(16);
        let master = Handle::new(commands, known, who, cards, notices.clone());
        let state = AppState {
            master,
            admins: watch::channel(vec![admin_seen()]).1,
            store: db.store.clone(),
            logs: Hub::default(),
            metrics: Arc::new(Metrics::default()),
            clock: Arc::new(clock.clone()),
            passwords: Arc::new(Passwords::default()),
            settings: Arc::new(WebSettings {
                max_body: 64 * 1024,
                ..WebSettings::default()
            }),
            stop: CancellationToken::new(),
        };
        Self {
            state,
            db,
            clock,
            commands: Some(inbox),
            definitions,
            leader,
            workers,
            notices,
        }
    }

    /// From now on every command is answered by `answer`.
    fn lead(&mut self, mut answer: impl FnMut(Command) -> Answer + Send + 'static) {
        let mut inbox = self.commands.take().expect("there is one leader");
        tokio::spawn(async move {
            while let Some(request) = inbox.recv().await {
                drop(request.answer.send(answer(request.command)));
            }
        });
    }

    /// A user of this role and a token for him.
    async fn token(&self, role: Role) -> String {
        let token = secret::generate();
        let user = self.user(&format!("{}-{token}", role.as_str()), role).await;
        let digest = secret::digest(&token);
        let made = self
            .db
            .store
            .add_token(user, "test".into(), digest, None, self.clock.now());
        made.await.unwrap();
        token
    }

    async fn user(&self, name: &str, role: Role) -> hera_domain::id::UserId {
        let user = NewUser {
            name: name.to_owned(),
            team: hera_domain::id::TeamId(1),
            role,
            email: None,
            password_hash: Some(password::hash(PASSWORD).unwrap()),
            must_change_password: false,
            active: true,
        };
        self.db
            .store
            .add_user(user, self.clock.now())
            .await
            .unwrap()
    }

    async fn send(&self, request: TestRequest) -> Reply {
        let service = init_service(super::app(self.state.clone())).await;
        let request = request.peer_addr("127.0.0.1:40000".parse().unwrap());
        let response = actix_web::test::call_service(&service, request.to_request()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().try_into_bytes();
        let body = match body {
            Ok(bytes) => bytes.to_vec(),
            Err(body) => actix_web::body::to_bytes(body)
                .await
                .unwrap_or_default()
                .to_vec(),
        };
        Reply {
            status,
            headers,
            body,
        }
    }

    async fn get(&self, token: &str, path: &str) -> Reply {
        self.send(request(Method::GET, path).insert_header(bearer(token)))
            .await
    }

    async fn post(&self, token: &str, path: &str, body: &Value) -> Reply {
        let request = request(Method::POST, path).insert_header(bearer(token));
        self.send(request.set_payload(body.to_string())).await
    }

    /// Writes a run of job 1 in this status, as the leader would.
    fn write_run(&self, id: i64, before: Option<RunStatus>, status: RunStatus) {
        let mut leader = Leader::of(&self.db);
        leader.write(id, before, status, Vec::new());
    }
}

/// The lease, for the length of a commit or several.
struct Leader {
    conn: LeaderConnection,
    epoch: hera_domain::id::Epoch,
    seq: CommitSeq,
}

impl Leader {
    fn of(db: &TestDb) -> Self {
        let mut conn = db.store.leader_connection().unwrap();
        let holder = Holder {
            name: "a".into(),
            http: "a:8080".into(),
            connect: "a:9887".into(),
        };
        let lease = conn.acquire(&holder, 60_000).unwrap().unwrap();
        Self {
            conn,
            epoch: lease.epoch,
            seq: lease.commit_seq,
        }
    }

    fn write(
        &mut self,
        id: i64,
        before: Option<RunStatus>,
        status: RunStatus,
        tails: Vec<crate::store::LogTail>,
    ) {
        let mut decisions = Decisions::default();
        if before.is_none() {
            let change = Change {
                expect: None,
                row: version(id),
            };
            decisions.versions.insert(VersionKey(id), change);
        }
        let change = Change {
            expect: before,
            row: run(id, status),
        };
        decisions.runs.insert(RunId(id), change);
        let batch = Batch {
            seq: CommitSeq(self.seq.0 + 1),
            at: at(id),
            lease_ms: 60_000,
            decisions,
            tails,
            ..Batch::default()
        };
        self.seq = self.conn.commit(self.epoch, &batch).unwrap();
    }
}

fn at(second: i64) -> Timestamp {
    from_millis(1_795_000_000_123 + second * 1000)
}

fn version(id: i64) -> Version {
    Version {
        key: VersionKey(id),
        id: VersionId(format!("2026112003{id:08}")),
        job: JobId(1),
        business_time: at(id),
        due_at: at(id),
        origin: Origin::Planned,
        armed: true,
        frozen: false,
        status: VersionStatus::Running,
        reason: None,
        last_run: Some(RunId(id)),
        counting_run: Some(RunId(id)),
        attempts: 1,
        retry_at: None,
        armed_seq: None,
        succeeded_seq: None,
        alarmed: false,
        created_at: at(id),
        changed_at: at(id),
    }
}

fn run(id: i64, status: RunStatus) -> Run {
    Run {
        id: RunId(id),
        version: VersionKey(id),
        job: JobId(1),
        trigger: Trigger::Manual,
        status,
        attempt: 1,
        priority: 3,
        host_group: None,
        worker: None,
        nonce: None,
        revision: None,
        repeats: None,
        params: None,
        operator: Some("lin".into()),
        created_at: at(id),
        dispatched_at: None,
        started_at: None,
        ended_at: None,
        exit_code: None,
        signal: None,
        reason: None,
        cancelled_by: None,
        kill_confirmed: None,
        fenced: false,
        unreachable: false,
        overdue: false,
        cpu_ms: None,
        peak_memory_kib: None,
    }
}

fn request(method: Method, path: &str) -> TestRequest {
    TestRequest::default().method(method).uri(path)
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// The admin under test, as the others know it.
fn admin_seen() -> AdminSeen {
    AdminSeen {
        at: Holder {
            name: WebSettings::default().name,
            http: "127.0.0.1:8080".into(),
            connect: "127.0.0.1:9887".into(),
        },
        version: env!("CARGO_PKG_VERSION").into(),
        started_at: from_millis(0),
        seen_at: from_millis(0),
    }
}
