//! `hera-worker serve`: settings, log, signals, and nothing else.

use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use hera_proto::Trust;
use hera_settings::{CommandLine, Report, Settings, Sources};
use hera_worker::limits::Limits;
use hera_worker::settings::{DiskLimits, KillPatience, Retention, inheritable};
use hera_worker::{Stop, WorkerSettings, app};
use tokio::signal::unix::{SignalKind, signal};

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
    /// The configuration; ./application.yml if there is one.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Which of its profiles is in force.
    #[arg(long)]
    profile: Option<String>,
    /// Overrides a key of it: `hera.workDir=/data`.
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
    let Serve {
        config,
        profile,
        sets,
    } = serve;
    let line = CommandLine {
        config,
        profile,
        sets,
    };
    let (settings, report) = Settings::load(&Sources::of_process(line)?)?;
    let _flushed_at_exit = settings.logging.start("worker")?;
    tell(&report);
    let settings = worker_settings(settings)?;
    // Scripts run in their own processes: little is to be done here.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .build()?;
    let result = runtime.block_on(async { Ok(app::run(settings, told_to_stop()?).await?) });
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

#[expect(
    clippy::disallowed_methods,
    reason = "what scripts inherit is read here and passed on"
)]
fn worker_settings(settings: Settings) -> anyhow::Result<WorkerSettings> {
    let own = std::env::current_exe().context("cannot find this program's folder")?;
    let join_token = join_token(&settings)?;
    let name = match settings.worker.name {
        Some(name) => name,
        None => nix::unistd::gethostname()?.to_string_lossy().into_owned(),
    };
    let limits = settings.worker.limits;
    let days = settings.retention.worker_days;
    Ok(WorkerSettings {
        admins: settings.cluster.admin_addresses,
        join_token,
        trust: match &settings.cluster.tls {
            Some(tls) => Trust::tls(tls.ca_file.as_deref())?,
            None => Trust::default(),
        },
        name,
        work_dir: absolute(&settings.worker.work_dir)?,
        runner: own.parent().unwrap_or(Path::new(".")).join("hera-run"),
        max_runs: settings.worker.max_runs.unwrap_or(0),
        labels: settings.worker.labels,
        self_fence: settings.timing.self_fence,
        types: settings.script_types,
        sudo: settings.worker.sudo_user,
        env_file: settings.worker.env_file.map(absolute).transpose()?,
        team_env_files: settings
            .worker
            .team_env_files
            .into_iter()
            .map(|(team, file)| Ok((team, absolute(file)?)))
            .collect::<std::io::Result<_>>()?,
        limits: Limits {
            memory_mib: limits.memory_mib,
            cpu_millis: limits.cpu_millis,
            cpu_seconds: limits.cpu_time.as_secs(),
            open_files: limits.open_files,
            processes: limits.processes,
        },
        cgroup: settings.worker.cgroup,
        disk: DiskLimits {
            min_free_mib: settings.worker.min_disk_free_mib,
            max_log_mib: settings.worker.max_log_mib,
        },
        environment: inheritable(std::env::vars_os()),
        kill: KillPatience {
            interrupt: settings.worker.after_interrupt,
            terminate: settings.worker.after_terminate,
            ..KillPatience::default()
        },
        retention: Retention {
            age: Duration::from_hours(24) * days,
            ..Retention::default()
        },
    })
}

/// The configured one, or the one that an admin on this machine made.
fn join_token(settings: &Settings) -> anyhow::Result<Option<String>> {
    if let Some(token) = &settings.cluster.join_token {
        return Ok(Some(token.reveal().to_owned()));
    }
    let file = settings.join_token_file();
    match std::fs::read_to_string(&file) {
        Ok(token) => Ok(Some(token.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
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
