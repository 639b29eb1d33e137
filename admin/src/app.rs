//! Puts the admin together, starts it, and stops it in order.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::FutureExt as _;
use hera_domain::check::ContentLimits;
use hera_domain::clock::{Clock as _, SystemClock};
use hera_domain::engine::{Balance, Limits};
use hera_domain::id::HostGroupId;
use hera_domain::reason::Reason;
use hera_proto::v1::session_server::SessionServer;
use hera_proto::{Trust, server_tls};
use hera_settings::{Database, LoadBalance, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::ServerTlsConfig;
use tonic::transport::server::TcpIncoming;

use crate::grpc::{AdminService, Gate, LogWriter, Peers, Presence, SessionService};
use crate::join::JoinToken;
use crate::logs::Hub;
use crate::master::{Campaign, Eligibility, Handle, Platform, tell_alive};
use crate::metrics::Metrics;
use crate::store::{AdminSeen, Holder, SchemaStatus, Store};
use crate::web::password::{Passwords, refuse_exposed_start};
use crate::web::{self, AppState, WebSettings};

/// How long a stop waits for running scripts to be killed.
const KILL_WAIT: Duration = Duration::from_secs(15);
/// How long everything may take to end, once asked.
const LEAVE: Duration = Duration::from_secs(8);
/// The greatest message of a worker: an inventory of many runs is the longest.
const WORKER_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Serves until a signal ends it. SIGTERM leaves the workers' runs alone, SIGINT ends them.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    let (http, connect) = bind_ports(&settings)?;
    let store = open_store(&settings).await?;
    JoinToken::of(&store, &settings).settle().await?;
    crate::web::password::first_start(&store, &settings).await?;

    let stop = CancellationToken::new();
    let hub = Hub::default();
    let metrics = Arc::new(Metrics::default());
    let cluster_secret = store
        .setting_or("cluster_secret", crate::secret::generate())
        .await?;
    let (trust, tls) = tls(&settings)?;
    let peers = Peers::new(&cluster_secret, trust, settings.timing.request_timeout);
    let me = AdminSeen::starting(me(&settings), SystemClock.now());
    let at = format!("http://{}/hera", me.at.http);
    let (seen, admins) = watch::channel(vec![me.clone()]);
    let platform = platform(&settings, &store, metrics.clone(), peers, admins.clone());
    let (campaign, master, leadership) = Campaign::new(platform, stop.clone());
    let service = SessionService {
        installation: store
            .setting_or("installation", uuid::Uuid::new_v4().to_string())
            .await?,
        heartbeat_ms: u32::try_from(settings.timing.heartbeat.as_millis()).unwrap_or(3000),
        logs: LogWriter::spawn(store.clone(), hub.clone(), stop.clone()),
        store: store.clone(),
        leadership,
        self_fence_ms: u32::try_from(settings.timing.self_fence.as_millis()).unwrap_or(0),
        leader: master.watch_leader(),
        admins: admins.clone(),
        sessions: AtomicU64::new(1),
        gate: Gate::new(store.clone(), Arc::new(SystemClock)),
        presence: Presence::default(),
        stop: stop.clone(),
    };
    let peers = AdminService {
        handle: master.clone(),
        stop: stop.clone(),
    };
    let peers = (peers, cluster_secret);
    let workers = grpc(service, peers, connect, tls, stop.clone())?;
    let state = AppState {
        master: master.clone(),
        store: store.clone(),
        logs: hub,
        metrics,
        clock: Arc::new(SystemClock),
        passwords: Arc::new(Passwords::default()),
        admins: admins.clone(),
        settings: Arc::new(web_settings(&settings)),
        stop: stop.clone(),
    };
    let server = web::serve(state, http)?;
    let web = server.handle();
    let mut parts = JoinSet::new();
    parts.spawn(async { workers.await.context("the workers' port broke") });
    parts.spawn(async { server.await.context("the web server broke") });
    let campaign = Box::pin(campaign.run());
    parts.spawn(campaign.map(Ok));
    let alive = tokio::spawn(tell_alive(store, me, seen, stop.clone()));
    tracing::info!(url = at, "ready for browsers");

    tokio::select! {
        asked = wait_for_signal(&master, &admins) => asked?,
        // Without any of them an admin is of no use, and others would go on to count on it.
        Some(ended) = parts.join_next() => {
            ended.context("a part of this admin broke")??;
            bail!("a part of this admin ended by itself");
        }
    }
    stop.cancel();
    let ended = async {
        web.stop(true).await;
        while let Some(ended) = parts.join_next().await {
            ended.context("a part of this admin broke")??;
        }
        alive.await.context("the sign of life broke")
    };
    leave(ended).await
}

/// Ends in order, but in time: a silent network or database may not hold it up, for whatever leads
/// next goes by what has been committed.
async fn leave(ended: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    if let Ok(ended) = tokio::time::timeout(LEAVE, ended).await {
        ended?;
    } else {
        let seconds = LEAVE.as_secs();
        tracing::warn!("something does not answer; leaving without it after {seconds} s");
    }
    tracing::info!("stopped");
    Ok(())
}

/// The port for workers and admins, ready to be served; a certificate that does not fit its key is
/// found here.
fn grpc(
    service: SessionService,
    (peers, secret): (AdminService, String),
    listener: TcpListener,
    tls: Option<ServerTlsConfig>,
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = Result<(), tonic::transport::Error>>> {
    listener.set_nonblocking(true)?;
    // A chain of short scripts waits for every message: none may wait for a fuller packet.
    let incoming =
        TcpIncoming::from(tokio::net::TcpListener::from_std(listener)?).with_nodelay(Some(true));
    let service = SessionServer::new(service)
        .max_decoding_message_size(WORKER_MESSAGE_BYTES)
        .max_encoding_message_size(WORKER_MESSAGE_BYTES);
    let mut server = tonic::transport::Server::builder();
    if let Some(tls) = tls {
        server = server
            .tls_config(tls)
            .context("hera.tls.certFile and hera.tls.keyFile make no certificate with its key")?;
    }
    Ok(server
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_service(service)
        .add_service(peers.guarded(secret))
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned()))
}

/// Returns when the process shall end; on SIGINT only after every run has been ended, unless other
/// admins go on.
async fn wait_for_signal(
    master: &Handle,
    admins: &watch::Receiver<Vec<AdminSeen>>,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {
            tracing::info!("asked to stop; running scripts go on");
            return Ok(());
        }
        _ = interrupt.recv() => {}
    }
    if admins.borrow().len() > 1 {
        tracing::info!("asked to stop; running scripts go on, as other admins do");
        return Ok(());
    }
    tracing::info!("asked to stop; ending the running scripts");
    let ended = async {
        if let Err(error) = master.cancel_all(Reason::Stopped).await {
            tracing::warn!(%error, "the running scripts could not be ended");
            return;
        }
        let mut workers = master.watch_workers();
        // A closed channel means that nobody leads any more: nothing left to wait for.
        drop(
            workers
                .wait_for(|all| all.iter().all(|w| w.running == 0 || !w.connected))
                .await,
        );
    };
    tokio::select! {
        () = ended => {}
        () = tokio::time::sleep(KILL_WAIT) => tracing::warn!("some runs did not end in time"),
        _ = interrupt.recv() => tracing::warn!("interrupted again; not waiting for the runs"),
    }
    Ok(())
}

async fn open_store(settings: &Settings) -> anyhow::Result<Store> {
    // Before anything is made: a refused start leaves nothing behind.
    let is_new = matches!(&settings.database, Database::Sqlite(file) if !file.exists());
    if is_new {
        refuse_exposed_start(settings)?;
    }
    let store = crate::cli::open_store(settings)?;
    store.lock_exclusive()?;
    if store.schema_status().await? == SchemaStatus::Empty {
        refuse_exposed_start(settings)?;
    }
    // Otherwise nothing is written, for the database may be read-only at the moment.
    if store.schema_status().await? != SchemaStatus::Current {
        store.migrate().await?;
    }
    Ok(store)
}

fn platform(
    settings: &Settings,
    store: &Store,
    metrics: Arc<Metrics>,
    peers: Peers,
    admins: watch::Receiver<Vec<AdminSeen>>,
) -> Platform {
    let me = me(settings);
    Platform {
        store: store.clone(),
        metrics,
        eligibility: Eligibility::new(
            HostGroupId(settings.cluster.leader_host_group),
            me.name.clone(),
            hosts(settings),
            admins,
        ),
        candidate: me,
        peers,
        limits: limits(settings),
        content_limits: content_limits(settings),
        area: settings.area.clone(),
        lease_for: settings.timing.lease,
        renew_every: settings.timing.renew,
    }
}

/// Whom this admin trusts, and how its own port proves who it is.
fn tls(settings: &Settings) -> anyhow::Result<(Trust, Option<ServerTlsConfig>)> {
    let Some(tls) = &settings.cluster.tls else {
        return Ok((Trust::default(), None));
    };
    let identity = tls.identity.as_ref();
    let own = identity.map(|(cert, key)| server_tls(cert, key));
    Ok((Trust::tls(tls.ca_file.as_deref())?, own.transpose()?))
}

/// How others know this admin.
fn me(settings: &Settings) -> Holder {
    let advertise = &settings.cluster.advertise;
    Holder {
        name: format!("{advertise}:{}", settings.web.port),
        http: format!("{advertise}:{}", settings.web.port),
        connect: format!("{advertise}:{}", settings.cluster.connect_port),
    }
}

/// What a host group may call this machine.
fn hosts(settings: &Settings) -> Vec<String> {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    vec![settings.cluster.advertise.clone(), name]
}

pub(crate) fn limits(settings: &Settings) -> Limits {
    let scheduling = &settings.scheduling;
    Limits {
        default_host_group: HostGroupId(scheduling.default_host_group),
        max_parallel: scheduling.max_parallel,
        system_memory_mib: scheduling.system_memory_mib,
        task_memory_mib: scheduling.task_memory_mib,
        max_memory_rate: scheduling.max_memory_rate,
        max_load_per_core: scheduling.max_load_per_core,
        warm_up_ms: i64::try_from(settings.scheduling.warm_up.as_millis()).unwrap_or(i64::MAX),
        worker_lost_ms: i64::try_from(settings.timing.worker_lost.as_millis()).unwrap_or(i64::MAX),
        waiting_days: i64::from(scheduling.waiting_days),
        misfire_window_hours: i64::from(scheduling.misfire_window_hours),
        task_timeout_hours: i64::from(scheduling.task_timeout_hours),
        no_worker_alarm_minutes: i64::from(scheduling.no_worker_alarm_minutes),
        balance: match scheduling.load_balance {
            LoadBalance::RoundRobin => Balance::RoundRobin,
            LoadBalance::Random => Balance::Random,
            LoadBalance::LeastLoaded => Balance::LeastLoaded,
        },
    }
}

pub(crate) fn content_limits(settings: &Settings) -> ContentLimits {
    ContentLimits {
        run_types: settings.script_types.keys().cloned().collect(),
        task_timeout_minutes: settings.scheduling.task_timeout_hours.saturating_mul(60),
        ..ContentLimits::default()
    }
}

fn web_settings(settings: &Settings) -> WebSettings {
    WebSettings {
        name: me(settings).name,
        listen: SocketAddr::new(settings.web.bind, settings.web.port),
        env: settings.environment.clone(),
        area: settings.area.clone(),
        timezone: settings.timezone,
        session_lasts: chrono::TimeDelta::from_std(settings.web.session)
            .unwrap_or(chrono::TimeDelta::days(3)),
        admin_user: settings.web.admin_user.clone(),
        ..WebSettings::default()
    }
}

/// Makes the data folder, and proves that it can be written.
pub fn prepare_folder(folder: &Path) -> anyhow::Result<()> {
    let remedy = || {
        format!(
            "the data folder {} cannot be written; make it writable for this user or name another with HERA_DATA_DIR",
            folder.display()
        )
    };
    std::fs::create_dir_all(folder).with_context(remedy)?;
    tempfile_probe(folder).with_context(remedy)
}

fn tempfile_probe(folder: &Path) -> std::io::Result<()> {
    let probe: PathBuf = folder.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(&probe)
}

/// The port of the web and the one of workers and admins.
fn bind_ports(settings: &Settings) -> anyhow::Result<(TcpListener, TcpListener)> {
    let (on, http, connect) = (
        settings.web.bind,
        settings.web.port,
        settings.cluster.connect_port,
    );
    let http = bind(on, http, "HERA_PORT or server.port")?;
    let connect = bind(on, connect, "HERA_CONNECT_PORT or hera.connectPort")?;
    Ok((http, connect))
}

fn bind(address: std::net::IpAddr, port: u16, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind((address, port)).with_context(|| {
        format!("port {port} on {address} cannot be used; end the program that holds it or choose another port with {setting}")
    })
}
