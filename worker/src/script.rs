//! From a script and its type to a file and a command.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use hera_settings::ScriptType;

use crate::files;
use crate::rundir::RunDir;
use crate::settings::WorkerSettings;
use crate::tenant::TenantError;

/// Why this worker cannot run a script.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScriptError {
    #[error("this worker knows no script type {0:?}; set hera.job.{0}.bin in its configuration")]
    UnknownType(String),
    #[error("this worker has no program {bin:?}; install it or set hera.job.{run_type}.bin")]
    NoProgram { run_type: String, bin: String },
    #[error("cannot read the env file {}: {source}; mend hera.envFile or hera.envFiles of this worker", file.display())]
    EnvFile { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Tenant(#[from] TenantError),
    #[error(
        "cannot write the run's folder: {0}; free or mend the disk of the worker's HERA_DATA_DIR"
    )]
    Write(#[from] io::Error),
}

/// Finds the command for a script type, and makes sure that its program is there.
pub(crate) fn script_type<'a>(
    settings: &'a WorkerSettings,
    run_type: &str,
) -> Result<&'a ScriptType, ScriptError> {
    let known = settings
        .types
        .get(run_type)
        .ok_or_else(|| ScriptError::UnknownType(run_type.to_owned()))?;
    if find_program(&known.bin, settings.path()).is_none() {
        return Err(ScriptError::NoProgram {
            run_type: run_type.to_owned(),
            bin: known.bin.clone(),
        });
    }
    Ok(known)
}

/// Writes the script into the run's folder and returns the command that runs it, or will once a
/// tenant has been given it.
pub(crate) fn materialise(
    dir: &RunDir,
    script_type: &ScriptType,
    script: &str,
    for_tenant: bool,
) -> Result<Vec<String>, ScriptError> {
    let file = dir.script(&script_type.suffix);
    files::write_private(&file, unix_lines(script).as_bytes())?;
    let file = if for_tenant {
        dir.tenants_script(&script_type.suffix)
    } else {
        file
    };
    let file = file
        .to_str()
        .ok_or_else(|| io::Error::other("the folder's path is not UTF-8"))?
        .to_owned();
    let mut command = vec![script_type.bin.clone()];
    command.extend(script_type.args.iter().cloned());
    command.push(file);
    Ok(command)
}

/// The files that are sourced before scripts of a team, the installation's first.
pub(crate) fn env_files(settings: &WorkerSettings, team: &str) -> Vec<PathBuf> {
    let of_team = settings.team_env_files.get(team);
    settings.env_file.iter().chain(of_team).cloned().collect()
}

/// A file that cannot be read would be passed over by the shell, with a word in the log at most.
pub(crate) fn check_env_files(files: &[PathBuf]) -> Result<(), ScriptError> {
    for file in files {
        std::fs::File::open(file).map_err(|source| ScriptError::EnvFile {
            file: file.clone(),
            source,
        })?;
    }
    Ok(())
}

/// Sources its first arguments up to `--`, and becomes the rest. What a file does to its own
/// arguments stays in the function.
const SOURCE: &str = r#"hera_source() { . "$1"; }
while [ "$1" != -- ]; do hera_source "$1"; shift; done
shift; unset -f hera_source; exec "$@""#;

/// The command, after the env files.
pub(crate) fn sourced(
    settings: &WorkerSettings,
    files: &[PathBuf],
    command: Vec<String>,
) -> Vec<String> {
    if files.is_empty() {
        return command;
    }
    let shell = settings.types.get("shell");
    let shell = shell.map_or("bash", |shell| shell.bin.as_str());
    let mut whole: Vec<String> = [shell, "-c", SOURCE, "hera"].map(str::to_owned).into();
    whole.extend(files.iter().map(|file| file.to_string_lossy().into_owned()));
    whole.push("--".to_owned());
    whole.extend(command);
    whole
}

/// Scripts are written in browsers: a carriage return before a newline is never meant.
fn unix_lines(script: &str) -> String {
    script.replace("\r\n", "\n")
}

/// The file that `execvp` would take for `bin`.
pub(crate) fn find_program(bin: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let executable = |file: &Path| {
        file.is_file() && nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok()
    };
    if bin.contains('/') {
        let file = PathBuf::from(bin);
        return executable(&file).then_some(file);
    }
    let path = path.map_or_else(|| OsString::from("/usr/bin:/bin"), OsStr::to_owned);
    std::env::split_paths(&path)
        .map(|folder| folder.join(bin))
        .find(|file| executable(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_from_a_browser_gets_unix_lines() {
        assert_eq!(unix_lines("a\r\nb\rc\n"), "a\nb\rc\n");
    }

    #[test]
    fn a_program_is_looked_for_as_exec_does() {
        assert!(find_program("sh", Some(OsStr::new("/nowhere:/bin"))).is_some());
        assert!(find_program("sh", Some(OsStr::new("/nowhere"))).is_none());
        assert!(find_program("/bin/sh", None).is_some());
        assert!(find_program("/etc/passwd", None).is_none());
    }
}
