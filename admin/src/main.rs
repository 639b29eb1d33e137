//! The admin's program: reads the command line and the settings, and does what it was asked for.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hera_admin::{app, cli};
use hera_settings::{Report, Settings};

/// What calls to the database get that are under way at the end.
const LAST_CALLS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let line = match cli::Line::try_parse() {
        Ok(line) => line,
        Err(error) => return refuse(&error),
    };
    match cli::run(line, serve) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hera-admin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Help and version are answers; else it is 1 like any error, for `plan` means something by 2.
fn refuse(error: &clap::Error) -> ExitCode {
    // A closed terminal hears nothing anyway.
    drop(error.print());
    if error.use_stderr() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the command line hands over what it read"
)]
fn serve(settings: Settings, report: Report) -> anyhow::Result<()> {
    app::prepare_folder(&settings.data_dir)?;
    let _guard = settings.logging.start("admin")?;
    for note in &report.notes {
        tracing::info!("{note}");
    }
    if !report.ignored_java_keys.is_empty() {
        tracing::info!(
            keys = report.ignored_java_keys.join(", "),
            "these keys of Java libraries mean nothing here"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(app::serve(settings));
    // A call that the database never answers may not hold up the end.
    runtime.shutdown_timeout(LAST_CALLS);
    ended
}
