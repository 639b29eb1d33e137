//! Where both programs write what they do: stderr, and a file a day in the log folder.

use std::io::IsTerminal;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use crate::Logging;
use crate::error::{Problem, SettingsError};

/// Days of log files that are kept.
const KEPT: usize = 14;

/// Writes out what is still in memory when it is dropped, at the end of main.
#[must_use]
#[derive(Debug)]
pub struct LogGuard(#[expect(dead_code, reason = "held for its drop")] WorkerGuard);

impl Logging {
    /// Starts logging for the whole process; files are named after the program.
    ///
    /// # Errors
    /// When the folder cannot be written or the filter cannot be read.
    pub fn start(&self, program: &str) -> Result<LogGuard, SettingsError> {
        let rule = |text: String| SettingsError::from(Problem::Rule(text));
        let unwritable = |error: &dyn std::fmt::Display| {
            let dir = self.dir.display();
            rule(format!(
                "logs cannot be written in {dir}: {error}; make the folder writable, or name another by HERA_DATA_DIR or logging.path"
            ))
        };
        // The appender would make the folder too, but complains first that it cannot read it.
        std::fs::create_dir_all(&self.dir).map_err(|error| unwritable(&error))?;
        let appender = Builder::new()
            .rotation(Rotation::DAILY)
            .filename_prefix(program)
            .filename_suffix("log")
            .max_log_files(KEPT)
            .build(&self.dir)
            .map_err(|error| unwritable(&error))?;
        let filter = EnvFilter::try_new(&self.filter).map_err(|error| {
            let text = &self.filter;
            rule(format!(
                "the log filter \"{text}\" cannot be read: {error}; write for example HERA_LOG=info,hera_admin=debug"
            ))
        })?;
        let (file, guard) = tracing_appender::non_blocking(appender);
        let started = tracing_subscriber::registry()
            .with(filter)
            .with(
                fmt::layer()
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_writer(std::io::stderr),
            )
            .with(fmt::layer().with_ansi(false).with_writer(file))
            .try_init();
        started.map_err(|error| rule(format!("logging was started twice: {error}")))?;
        Ok(LogGuard(guard))
    }
}
