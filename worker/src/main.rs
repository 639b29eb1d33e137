//! `hera-worker serve`: settings from application.yml, the environment and the command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use hera_settings::{CommandLine, Report, Settings, Sources};
use hera_worker::settings::{KillPatience, Retention, ScriptType, inheritable};
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
    Serve(Serve),
}

#[derive(clap::Args)]
struct Serve {
    /// Settings file; without it ./application.yml if there is one, else the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Profiles of the settings file, separated by commas
    #[arg(long, value_name = "NAMES")]
    profile: Option<String>,
    /// One setting; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

fn main() -> ExitCode {
    let Command::Serve(serve) = Arguments::parse().command;
    match start(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hera-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(serve: Serve) -> anyhow::Result<()> {
    let sources = Sources::of_process(CommandLine {
        config: serve.config,
        profile: serve.profile,
        sets: serve.sets,
    })?;
    let (settings, report) = Settings::load(&sources)?;
    let logs = &settings.logging.dir;
    let appender = tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("worker")
        .filename_suffix("log")
        .max_log_files(14)
        .build(logs)
        .with_context(|| {
            format!(
                "cannot write logs in {}; set HERA_DATA_DIR to a folder that can be written",
                logs.display()
            )
        })?;
    let (file, _flushed_at_exit) = tracing_appender::non_blocking(appender);
    tracing_subscriber::registry()
        .with(
            EnvFilter::try_new(&settings.logging.filter)
                .context("HERA_LOG is no filter; try info or debug")?,
        )
        .with(fmt::layer().with_writer(std::io::stderr))
        .with(fmt::layer().with_ansi(false).with_writer(file))
        .init();
    tell(&report);
    let settings = worker_settings(&settings)?;
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

/// What of the settings deserves a line in the log.
fn tell(report: &Report) {
    for note in &report.notes {
        tracing::warn!("{note}");
    }
    if !report.ignored_java_keys.is_empty() {
        tracing::info!(
            keys = report.ignored_java_keys.join(", "),
            "settings of Java libraries have no meaning here"
        );
    }
}

fn worker_settings(settings: &Settings) -> anyhow::Result<WorkerSettings> {
    let own = std::env::current_exe().context("cannot find this program's folder")?;
    let name = match &settings.worker.name {
        Some(name) => name.clone(),
        None => nix::unistd::gethostname()?.to_string_lossy().into_owned(),
    };
    let types = settings.script_types.iter().map(|(name, kind)| {
        let hera_settings::ScriptType { bin, args, suffix } = kind.clone();
        (name.clone(), ScriptType { bin, args, suffix })
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "this is main, and scripts inherit what is no UTF-8 too"
    )]
    let environment = inheritable(std::env::vars_os());
    Ok(WorkerSettings {
        admins: settings.cluster.admin_addresses.clone(),
        join_token: join_token(settings)?,
        name,
        work_dir: std::path::absolute(&settings.worker.work_dir)?,
        runner: own.parent().unwrap_or(Path::new(".")).join("hera-run"),
        max_runs: settings.worker.max_runs.unwrap_or(0),
        types: types.collect(),
        environment,
        kill: KillPatience::default(),
        retention: Retention {
            age: Duration::from_hours(24 * u64::from(settings.retention.worker_days)),
            ..Retention::default()
        },
    })
}

/// As it was given, or as an admin on this machine has made it.
fn join_token(settings: &Settings) -> anyhow::Result<String> {
    if let Some(token) = &settings.cluster.join_token {
        return Ok(token.reveal().to_owned());
    }
    let path = settings.join_token_file();
    let token = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "no join token; set HERA_JOIN_TOKEN to the one of the installation (an admin on this machine keeps it in {})",
            path.display()
        )
    })?;
    Ok(token.trim().to_owned())
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
