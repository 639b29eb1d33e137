//! `hera-worker serve`: everything comes from the environment.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use hera_worker::settings::{KillPatience, Retention, default_types, inheritable};
use hera_worker::{Stop, WorkerSettings, app};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

#[derive(Parser)]
#[command(name = "hera-worker", version, about = "Runs scripts for hera-admin.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Connect to the admins and run what they send.
    Serve(Box<Serve>),
}

#[derive(clap::Args)]
struct Serve {
    /// The admins' host:connectPort, separated by commas.
    #[arg(
        long,
        env = "HERA_ADMIN_ADDRESS",
        default_value = "127.0.0.1:9887",
        value_delimiter = ','
    )]
    admin: Vec<String>,
    /// The installation's join token.
    #[arg(long, env = "HERA_JOIN_TOKEN", hide_env_values = true)]
    join_token: Option<String>,
    /// Run directories and logs.
    #[arg(long, env = "HERA_DATA_DIR", default_value = "data")]
    data_dir: PathBuf,
    /// What this worker is called; the host's name if unset.
    #[arg(long, env = "HERA_WORKER_NAME")]
    name: Option<String>,
    /// What is logged: `info`, `hera_worker=debug`.
    #[arg(long, env = "HERA_LOG", default_value = "info")]
    log: String,
}

fn main() -> ExitCode {
    let Command::Serve(serve) = Arguments::parse().command;
    match start(*serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hera-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(serve: Serve) -> anyhow::Result<()> {
    let logs = serve.data_dir.join("logs");
    let appender = tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("worker")
        .filename_suffix("log")
        .max_log_files(14)
        .build(&logs)
        .with_context(|| {
            format!(
                "cannot write logs in {}; set HERA_DATA_DIR to a folder that can be written",
                logs.display()
            )
        })?;
    let (file, _flushed_at_exit) = tracing_appender::non_blocking(appender);
    tracing_subscriber::registry()
        .with(EnvFilter::try_new(&serve.log).context("HERA_LOG is no filter; try info or debug")?)
        .with(fmt::layer().with_writer(std::io::stderr))
        .with(fmt::layer().with_ansi(false).with_writer(file))
        .init();
    let settings = settings(serve)?;
    // Scripts run in their own processes: one thread serves the stream, the rest may block.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        app::run(settings, told_to_stop()?)
            .await
            .map_err(anyhow::Error::from)
    });
    // Nothing that still blocks may hold up the exit: runs do not depend on this process.
    runtime.shutdown_background();
    result
}

fn settings(serve: Serve) -> anyhow::Result<WorkerSettings> {
    let own = std::env::current_exe().context("cannot find this program's folder")?;
    let work_dir = std::path::absolute(&serve.data_dir)?;
    let name = match serve.name {
        Some(name) => name,
        None => nix::unistd::gethostname()?.to_string_lossy().into_owned(),
    };
    Ok(WorkerSettings {
        admins: serve.admin,
        join_token: serve
            .join_token
            .context("no join token; set HERA_JOIN_TOKEN to the one of the installation")?,
        name,
        work_dir,
        runner: own.parent().unwrap_or(Path::new(".")).join("hera-run"),
        max_runs: 0,
        types: default_types(),
        environment: inheritable(std::env::vars_os()),
        kill: KillPatience::default(),
        retention: Retention::default(),
    })
}

/// SIGTERM detaches, SIGINT ends the scripts too.
fn told_to_stop() -> anyhow::Result<impl Future<Output = Stop>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => Stop::Detach,
            _ = interrupt.recv() => Stop::KillRuns,
        }
    })
}
