//! The composition root: builds the parts, runs them, stops them in order.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hera_domain::clock::SystemClock;
use tokio::sync::watch;
use uuid::Uuid;

use crate::cgroup::Cgroups;
use crate::contact::Contact;
use crate::disk;
use crate::installation::{Context, Installation};
use crate::node::{Node, NodeError};
use crate::retention;
use crate::script;
use crate::session::Connector;
use crate::settings::WorkerSettings;
use crate::tenant::SUDO;

/// How long the ends of killed runs may take to be reported and acknowledged.
const LAST_WORDS: Duration = Duration::from_secs(9);

/// How the worker is told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// At once; the scripts go on and the next worker adopts them.
    Detach,
    /// After killing every script and reporting it.
    KillRuns,
}

/// Why the worker cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("no admin is named; set HERA_ADMIN_ADDRESS to host:port, several separated by commas")]
    NoAdmin,
    #[error(
        "the join token has fewer than 16 characters; set HERA_JOIN_TOKEN to the one of the installation"
    )]
    ShortToken,
    #[error(
        "this worker has not joined yet and has no join token; set HERA_JOIN_TOKEN to what `hera-admin token join` prints"
    )]
    NoToken,
    #[error("the runner {0} is missing; put hera-run beside hera-worker")]
    NoRunner(PathBuf),
    #[error(
        "hera.sudoUser is on, but this worker finds no program {SUDO:?}; install it, or set hera.sudoUser: false"
    )]
    NoSudo,
    #[error("cannot look through the runs in {folder}: {source}")]
    Runs {
        folder: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Runs the worker until `stop` says how to end.
///
/// # Errors
/// When it cannot start; once it runs, everything is retried.
pub async fn run(
    settings: WorkerSettings,
    stop: impl Future<Output = Stop>,
) -> Result<(), AppError> {
    check(&settings)?;
    let node = Arc::new(Node::open(&settings.work_dir)?);
    if settings.join_token.is_none() && node.token().is_none() {
        return Err(AppError::NoToken);
    }
    let work_dir = settings.work_dir.clone();
    let groups = Cgroups::prepare(settings.cgroup, &node.id(), &settings.limits);
    let contact =
        Contact::open(&work_dir, settings.self_fence).map_err(|source| AppError::Runs {
            folder: work_dir.clone(),
            source,
        })?;
    let enforced = groups.as_ref().map(|groups| groups.controllers);
    if settings.limits.cpu_millis > 0 && !enforced.is_some_and(|by| by.cpu) {
        tracing::warn!(
            "hera.worker.limits.cpu is not enforced: this worker has no control groups with cpu; see docs/en/execution.md"
        );
    }
    let context = Arc::new(Context {
        contact,
        settings,
        clock: Box::new(SystemClock),
        groups,
        stopping: AtomicBool::new(false),
    });
    let installation =
        Installation::open(Arc::clone(&context), &node.installation()).map_err(|source| {
            AppError::Runs {
                folder: work_dir,
                source,
            }
        })?;
    let connector = Connector {
        context: Arc::clone(&context),
        node,
        incarnation: Uuid::new_v4().to_string(),
        installation: watch::Sender::new(installation),
    };
    tracing::info!(
        "worker {} looks for an admin at {}",
        context.settings.name,
        context.settings.admins.join(", ")
    );
    let working = async {
        let fencing = context.contact.fence(connector.installation.subscribe());
        let guard = disk::guard(Arc::clone(&context), connector.installation.subscribe());
        tokio::join!(
            connector.run(),
            sweep(&context, &connector.installation),
            guard,
            fencing
        );
    };
    let stopping = async {
        match stop.await {
            Stop::Detach => tracing::info!("detaching: running scripts go on"),
            Stop::KillRuns => end_runs(&context, &connector.installation).await,
        }
    };
    tokio::select! {
        () = working => {}
        () = stopping => {}
    }
    if let Some(groups) = &context.groups {
        groups.close();
    }
    Ok(())
}

fn check(settings: &WorkerSettings) -> Result<(), AppError> {
    if settings.admins.is_empty() {
        return Err(AppError::NoAdmin);
    }
    if settings
        .join_token
        .as_ref()
        .is_some_and(|token| token.len() < 16)
    {
        return Err(AppError::ShortToken);
    }
    if !settings.runner.is_file() {
        return Err(AppError::NoRunner(settings.runner.clone()));
    }
    if settings.sudo && script::find_program(SUDO, settings.path()).is_none() {
        return Err(AppError::NoSudo);
    }
    Ok(())
}

/// Kills all runs and waits until the admin knows, within limits.
async fn end_runs(context: &Context, installation: &watch::Sender<Arc<Installation>>) {
    context.stopping.store(true, Ordering::Relaxed);
    let installation = Arc::clone(&installation.borrow());
    tracing::info!(runs = installation.live(), "ending every script");
    let mut changes = installation.changes();
    installation.stop_all();
    let told = async {
        while !installation.runs().is_empty() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    };
    if tokio::time::timeout(LAST_WORDS, told).await.is_err() {
        tracing::warn!("some ends are not acknowledged: they are told by the next worker");
    }
}

async fn sweep(context: &Arc<Context>, installation: &watch::Sender<Arc<Installation>>) {
    loop {
        let context = Arc::clone(context);
        let installation = Arc::clone(&installation.borrow());
        let swept = tokio::task::spawn_blocking(move || {
            installation.sweep_groups();
            let settings = &context.settings;
            retention::sweep(&settings.work_dir, settings.retention, &*context.clock)
        })
        .await;
        match swept {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(removed)) => tracing::info!(removed, "removed the folders of old runs"),
            Ok(Err(error)) => tracing::warn!("cannot remove the folders of old runs: {error}"),
        }
        tokio::time::sleep(retention::EVERY).await;
    }
}
