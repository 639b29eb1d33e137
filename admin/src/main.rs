//! The admin's program: reads the command line and the settings, and does what it was asked for.

use std::process::ExitCode;

use clap::Parser;
use hera_admin::{app, cli};
use hera_settings::{Report, Settings};

fn main() -> ExitCode {
    match cli::run(cli::Line::parse(), serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hera-admin: {error:#}");
            ExitCode::FAILURE
        }
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
    runtime.block_on(app::serve(settings))
}
