//! The sources of a real process: its arguments, environment and files.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use crate::error::{Problem, SettingsError};
use crate::layers::Sources;

/// The longest settings file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What both programs take on their command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// `--config`; without it `./application.yml`, if there is one.
    pub config: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// Every `--set`.
    pub sets: Vec<String>,
}

impl Sources {
    /// Reads the file, the environment and the machine's time zone.
    ///
    /// # Errors
    /// When the file was named and cannot be read, or is there and cannot be read.
    pub fn of_process(line: CommandLine) -> Result<Self, SettingsError> {
        let file = match &line.config {
            Some(path) => Some(read(path)?),
            None => match Path::new("application.yml") {
                path if path.exists() => Some(read(path)?),
                _ => None,
            },
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the environment, for both programs' main"
        )]
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect::<std::collections::BTreeMap<_, _>>();
        let machine_timezone = machine_timezone(env.get("TZ").map(String::as_str));
        Ok(Self {
            file,
            profile: line.profile,
            sets: line.sets,
            env,
            machine_timezone,
        })
    }
}

fn read(path: &Path) -> Result<(String, String), SettingsError> {
    let name = path.display().to_string();
    let mut text = String::new();
    // A device or a log named by mistake must not fill the memory.
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    match read {
        Ok(bytes) if bytes as u64 > MAX_FILE_BYTES => Err(Problem::Rule(format!(
            "{name} is longer than 1 MiB; name the settings file with --config"
        ))
        .into()),
        Ok(_) => Ok((name, text)),
        Err(error) => {
            let remedy = if error.kind() == ErrorKind::NotFound {
                "name an existing file with --config"
            } else {
                "it must be a UTF-8 file that this user may read"
            };
            Err(Problem::Rule(format!("cannot read {name}: {error}; {remedy}")).into())
        }
    }
}

/// `TZ` if it names a zone, else the system's, else UTC.
fn machine_timezone(tz: Option<&str>) -> Tz {
    let named = |name: &str| name.trim_start_matches(':').parse().ok();
    tz.and_then(named)
        .or_else(|| named(&iana_time_zone::get_timezone().ok()?))
        .unwrap_or(Tz::UTC)
}
