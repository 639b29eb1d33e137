//! From a script and its type to a file and a command.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use hera_settings::ScriptType;

use crate::files;
use crate::rundir::RunDir;
use crate::settings::WorkerSettings;

/// Why this worker cannot run a script.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScriptError {
    #[error("this worker knows no script type {0:?}; set hera.job.{0}.bin in its configuration")]
    UnknownType(String),
    #[error("this worker has no program {bin:?}; install it or set hera.job.{run_type}.bin")]
    NoProgram { run_type: String, bin: String },
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
    let path = settings
        .environment
        .iter()
        .find_map(|(name, value)| (name == "PATH").then_some(value.as_os_str()));
    if find_program(&known.bin, path).is_none() {
        return Err(ScriptError::NoProgram {
            run_type: run_type.to_owned(),
            bin: known.bin.clone(),
        });
    }
    Ok(known)
}

/// Writes the script into the run's folder and returns the command that runs it.
pub(crate) fn materialise(
    dir: &RunDir,
    script_type: &ScriptType,
    script: &str,
) -> Result<Vec<String>, ScriptError> {
    let file = dir.script(&script_type.suffix);
    files::write_private(&file, unix_lines(script).as_bytes())?;
    let file = file
        .to_str()
        .ok_or_else(|| io::Error::other("the folder's path is not UTF-8"))?
        .to_owned();
    let mut command = vec![script_type.bin.clone()];
    command.extend(script_type.args.iter().cloned());
    command.push(file);
    Ok(command)
}

/// Scripts are written in browsers: a carriage return before a newline is never meant.
fn unix_lines(script: &str) -> String {
    script.replace("\r\n", "\n")
}

/// The file that `execvp` would take for `bin`.
fn find_program(bin: &str, path: Option<&OsStr>) -> Option<PathBuf> {
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
