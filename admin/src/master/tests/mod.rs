//! The leader with a real database and a worker made of channels.

mod calendars;
mod config;
mod host_groups;
mod offline;
mod requests;
mod trouble;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono_tz::Tz;
use hera_domain::engine::{End, InventoryItem, InventoryState, RunRef, WorkerEvent, WorkerHello};
use hera_domain::id::{GroupId, JobId, Revision, RunId, TeamId, UserId, WorkerId};
use hera_domain::job::{Edge, JobContent, RetryPolicy, Schedule};
use hera_domain::status::{Misfire, OnLost, Overlap, Policy, RunStatus, Switch, Trigger, Window};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::access::{Actor, Role};
use crate::grpc::Leadership;
use crate::master::Eligibility;
use crate::master::inbox::{Message, Opened, Report, SessionNumber, ToWorker, WorkerMessage};
use crate::master::{Campaign, Chain, CommandError, Handle, Platform, SaveJob, TriggerRun};
use crate::metrics::Metrics;
use crate::store::testing::TestDb;
use crate::store::{Holder, IdempotencyKey, LogTail, Store, testing};

/// A leading admin without its network.
struct Admin {
    store: Store,
    handle: Handle,
    metrics: Arc<Metrics>,
    leadership: watch::Receiver<Option<Leadership>>,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<()>,
}

impl Admin {
    async fn start(store: &Store) -> Self {
        Self::start_with(store, |_| {}).await
    }

    async fn start_with(store: &Store, change: impl FnOnce(&mut Platform)) -> Self {
        let stop = CancellationToken::new();
        let metrics = Arc::new(Metrics::default());
        let mut platform = Platform {
            store: store.clone(),
            metrics: Arc::clone(&metrics),
            candidate: Holder {
                name: "one".into(),
                http: "127.0.0.1:1".into(),
                connect: "127.0.0.1:2".into(),
            },
            eligibility: Eligibility::new(
                hera_domain::id::HostGroupId(1),
                "one".into(),
                Vec::new(),
                watch::channel(Vec::new()).1,
            ),
            peers: crate::grpc::Peers::new(
                "00",
                hera_proto::Trust::default(),
                Duration::from_secs(10),
            ),
            limits: hera_domain::engine::Limits::default(),
            content_limits: hera_domain::check::ContentLimits::default(),
            area: "all".into(),
            lease_for: Duration::from_secs(5),
            renew_every: Duration::from_secs(1),
        };
        change(&mut platform);
        let (campaign, handle, leadership) = Campaign::new(platform, stop.clone());
        let ended = tokio::spawn(campaign.run());
        let mut leader = handle.watch_leader();
        leader.wait_for(|view| view.is_self).await.unwrap();
        Self {
            store: store.clone(),
            handle,
            metrics,
            leadership,
            stop,
            ended,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.ended.await.unwrap();
    }

    async fn worker(&self, session: u64, inventory: Vec<InventoryItem>) -> FakeWorker {
        let id = testing::worker(&self.store, "node", "w1").await;
        self.session(id, session, inventory).await
    }

    /// A session of a worker that has joined.
    async fn session(
        &self,
        id: WorkerId,
        session: u64,
        inventory: Vec<InventoryItem>,
    ) -> FakeWorker {
        let (out, messages) = mpsc::channel(64);
        let close = CancellationToken::new();
        let opened = Opened {
            hello: WorkerHello {
                name: "w1".into(),
                address: "127.0.0.1".into(),
                accepting: true,
                labels: BTreeSet::new(),
                max_runs: Some(8),
                load: hera_domain::engine::Load::default(),
                inventory,
            },
            version: "0".into(),
            token: testing::token_of("node"),
            out,
            close: close.clone(),
        };
        let inbox = self.leadership.borrow().clone().unwrap().inbox;
        let worker = FakeWorker {
            id,
            session: SessionNumber(session),
            inbox,
            messages,
            close,
        };
        worker.report(Report::Open(Arc::new(opened))).await;
        worker
    }

    async fn status(&self, run: RunId) -> RunStatus {
        self.store.run(run).await.unwrap().unwrap().run.status
    }

    async fn recover(&self, job: JobId) -> Result<RunId, CommandError> {
        let run = TriggerRun {
            job,
            trigger: Trigger::Recover,
            version: None,
            business_time: None,
            params: BTreeMap::new(),
            repeats: None,
            idempotency_key: None,
        };
        Ok(self.handle.trigger(&person(), run).await?.run)
    }
}

struct FakeWorker {
    id: WorkerId,
    session: SessionNumber,
    inbox: mpsc::Sender<Message>,
    messages: mpsc::Receiver<ToWorker>,
    close: CancellationToken,
}

impl FakeWorker {
    async fn report(&self, report: Report) {
        let message = WorkerMessage {
            worker: self.id,
            session: self.session,
            report,
        };
        self.inbox.send(Message::Worker(message)).await.unwrap();
    }

    async fn next(&mut self) -> ToWorker {
        let message = tokio::time::timeout(Duration::from_secs(10), self.messages.recv());
        message
            .await
            .expect("the leader writes within ten seconds")
            .unwrap()
    }

    async fn started(&mut self) -> (RunRef, hera_proto::v1::Start) {
        let ToWorker::Start(start) = self.next().await else {
            panic!("expected a start")
        };
        let run = hera_proto::run_ref(start.run.clone()).unwrap();
        self.report(Report::Event(WorkerEvent::Started(run.clone())))
            .await;
        (run, *start)
    }

    async fn finish(&mut self, run: &RunRef, exit_code: i32) {
        let end = End {
            exit_code: Some(exit_code),
            ..End::default()
        };
        let tail = LogTail {
            run: run.run,
            offset: 0,
            data: Bytes::from_static(b"done\n"),
        };
        let event = WorkerEvent::Finished(run.clone(), end);
        self.report(Report::Finished { event, tail }).await;
    }

    /// Waits for the acknowledgement of a run; other messages must not come before it.
    async fn acknowledged(&mut self, run: &RunRef) {
        assert_eq!(self.next().await, ToWorker::Ack(run.clone()));
    }
}

fn person() -> Actor {
    Actor {
        user: UserId(1),
        name: "lin".into(),
        team: TeamId(1),
        role: Role::Admin,
    }
}

fn content(name: &str, script: &str, edges: &[JobId]) -> JobContent {
    let edge = |upstream: &JobId| Edge {
        upstream: *upstream,
        window: Window::Nearest,
        policy: Policy::Success,
    };
    JobContent {
        group_id: GroupId(2),
        name: name.into(),
        description: String::new(),
        run_type: "shell".into(),
        script: script.into(),
        schedule: Schedule {
            cron: edges.is_empty().then(|| "0 0 3 * * ?".into()),
            timezone: Tz::UTC,
            edges: edges.iter().map(edge).collect(),
            validity: hera_domain::cron::Validity::ALWAYS,
            calendar: None,
        },
        config: BTreeMap::from([("greeting".into(), "good morning".into())]),
        host_group_id: None,
        priority: 3,
        retry: RetryPolicy::default(),
        overlap: Overlap::Wait,
        misfire: Misfire::RunAll,
        on_lost: OnLost::Ask,
        must_end_minutes: None,
        kill_on_timeout: false,
        expected_end: None,
        areas: Vec::new(),
        labels: Vec::new(),
        alarm_level: 0,
        cron_period: None,
        cron_interval: None,
        followers: Vec::new(),
        resources: Vec::new(),
        pool: None,
    }
}

async fn job(admin: &Admin, content: JobContent) -> JobId {
    let save = SaveJob {
        id: None,
        base_revision: None,
        content,
        comment: String::new(),
    };
    let id = admin.handle.save_job(&person(), save).await.unwrap().id;
    admin
        .handle
        .switch(&person(), id, Switch::Open, Chain::None)
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn a_recovered_root_drives_its_dependents_one_commit_a_hop() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let root = job(&admin, content("root", "echo ${greeting}", &[])).await;
    let leaf = job(&admin, content("leaf", "true", &[root])).await;

    let run = admin.recover(root).await.unwrap();
    let (first, start) = worker.started().await;
    assert_eq!(
        (first.run, start.script.as_str()),
        (run, "echo good morning")
    );
    worker.finish(&first, 0).await;
    let (second, start) = loop {
        match worker.next().await {
            ToWorker::Ack(acknowledged) => assert_eq!(acknowledged, first),
            ToWorker::Start(start) => {
                break (hera_proto::run_ref(start.run.clone()).unwrap(), start);
            }
            other @ (ToWorker::Cancel(_) | ToWorker::Discard(_) | ToWorker::Contact(_)) => {
                panic!("unexpected {other:?}")
            }
        }
    };
    assert_eq!(start.job_id, leaf.0);
    assert_eq!(admin.status(run).await, RunStatus::Success);
    worker.finish(&second, 0).await;
    worker.acknowledged(&second).await;
    assert_eq!(admin.status(second.run).await, RunStatus::Success);
    let log = db.store.read_log(second.run, 0, 100).await.unwrap();
    assert_eq!((log.bytes.as_slice(), log.complete), (&b"done\n"[..], true));
    admin.stop().await;
}

#[tokio::test]
async fn the_next_leader_goes_on_with_what_the_worker_has() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let id = job(&admin, content("slow", "sleep 20", &[])).await;
    let run = admin.recover(id).await.unwrap();
    let (named, _) = worker.started().await;
    let first_epoch = admin.handle.leader().epoch;
    admin.stop().await;

    let admin = Admin::start(&db.store).await;
    assert!(admin.handle.leader().epoch > first_epoch);
    let live = InventoryItem {
        run: named.clone(),
        state: InventoryState::Live,
    };
    let mut worker = admin.worker(1, vec![live]).await;
    assert!(
        matches!(admin.recover(id).await, Err(CommandError::Refused(_))),
        "it still runs"
    );
    worker.finish(&named, 0).await;
    worker.acknowledged(&named).await;
    assert_eq!(admin.status(run).await, RunStatus::Success);
    admin.stop().await;
}

#[tokio::test]
async fn a_run_that_the_worker_never_got_is_sent_again_as_it_was() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let id = job(&admin, content("lost start", "echo ${greeting}", &[])).await;
    admin.recover(id).await.unwrap();
    let ToWorker::Start(first) = worker.next().await else {
        panic!("expected a start")
    };
    admin.stop().await;

    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let (_, again) = worker.started().await;
    assert_eq!(again, *first);
    admin.stop().await;
}

#[tokio::test]
async fn a_run_is_repeated_as_it_was_or_with_today_s_script() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let mut worker = admin.worker(1, Vec::new()).await;
    let mut today = content("changing", "echo ${greeting} ${name} ${secret.word}", &[]);
    today.config.insert("secret.word".into(), "old".into());
    let id = job(&admin, today.clone()).await;
    let ask = |repeats, params| TriggerRun {
        job: id,
        trigger: Trigger::Manual,
        version: None,
        business_time: None,
        params,
        repeats,
        idempotency_key: None,
    };
    let name = BTreeMap::from([("name".to_owned(), "lin".to_owned())]);
    let asked = admin.handle.trigger(&person(), ask(None, name)).await;
    let first = asked.unwrap();
    let (run, start) = worker.started().await;
    assert_eq!(start.script, "echo good morning lin old");
    assert_eq!(start.secrets, ["old"]);
    worker.finish(&run, 0).await;
    worker.acknowledged(&run).await;

    today.script = "echo changed".into();
    today.config = BTreeMap::from([
        ("greeting".into(), "good night".into()),
        ("secret.word".into(), "new".into()),
    ]);
    let save = SaveJob {
        id: Some(id),
        base_revision: Some(Revision(1)),
        content: today,
        comment: String::new(),
    };
    admin.handle.save_job(&person(), save).await.unwrap();
    let again = ask(Some(first.run), BTreeMap::new());
    let again = admin.handle.trigger(&person(), again).await.unwrap();
    assert_eq!(again.version, first.version);
    let (run, start) = worker.started().await;
    assert_eq!(start.script, "echo good morning lin new");
    assert_eq!(start.secrets, ["new"]);
    let row = db.store.run(again.run).await.unwrap().unwrap().run;
    assert_eq!(
        (row.revision, row.repeats),
        (Some(Revision(1)), Some(first.run))
    );
    worker.finish(&run, 0).await;
    worker.acknowledged(&run).await;

    let plain = ask(None, BTreeMap::new());
    let third = admin.handle.trigger(&person(), plain).await.unwrap();
    let (_, start) = worker.started().await;
    assert_eq!(start.script, "echo changed");
    assert!(start.secrets.is_empty(), "the script uses none");
    // Nothing is known of a run that has not been dispatched, or that is another job's.
    let foreign = ask(Some(RunId(third.run.0 + 1)), BTreeMap::new());
    let refused = admin.handle.trigger(&person(), foreign).await.unwrap_err();
    assert!(matches!(refused, CommandError::NotFound(_)), "{refused}");
    admin.stop().await;
}

#[tokio::test]
async fn a_version_belongs_to_its_job() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let root = job(&admin, content("root", "true", &[])).await;
    let leaf = job(&admin, content("leaf", "true", &[root])).await;
    let request = |job, version| TriggerRun {
        job,
        trigger: Trigger::Manual,
        version,
        business_time: None,
        params: BTreeMap::new(),
        repeats: None,
        idempotency_key: None,
    };
    let first = admin.handle.trigger(&person(), request(root, None)).await;
    let of_root = first.unwrap().version;
    let of_leaf = request(leaf, Some(of_root));
    let refused = admin.handle.trigger(&person(), of_leaf).await.unwrap_err();
    assert!(matches!(refused, CommandError::NotFound(_)), "{refused}");
    admin.stop().await;
}

#[tokio::test]
async fn the_metrics_show_the_pace_and_the_queues() {
    let db = TestDb::sqlite().await;
    let admin = Admin::start(&db.store).await;
    let root = job(&admin, content("root", "true", &[])).await;
    job(&admin, content("leaf", "true", &[root])).await;
    admin.recover(root).await.unwrap();
    let queued = "hera_queue_depth{host_group=\"默认组\",lane=\"schedule\"} 1";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !admin.metrics.render(0, 0).contains(queued) {
        assert!(tokio::time::Instant::now() < deadline, "nothing is queued");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut worker = admin.worker(1, Vec::new()).await;
    let (first, _) = worker.started().await;
    worker.finish(&first, 0).await;
    worker.acknowledged(&first).await;
    let (second, _) = worker.started().await;
    worker.finish(&second, 0).await;
    worker.acknowledged(&second).await;
    let page = admin.metrics.render(0, 0);
    // The root was started by a person: only the dependent was due.
    assert!(page.contains("hera_due_to_start_seconds_count 1"), "{page}");
    assert!(!page.contains("hera_commit_seconds_count 0"), "{page}");
    admin.stop().await;
}
