//! What the references of the files stand for: a file of `NAME=value` lines, else the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueHint};
use hera_domain::config::parse_lines;

#[derive(Debug, Args)]
pub(super) struct SecretArgs {
    /// A file of NAME=value lines for `{secret: NAME}`; else they come from the environment, and
    /// what is given nowhere stays as it is in the admin
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    secrets: Option<PathBuf>,
}

/// Secrets by their names.
#[derive(Debug, Default)]
pub(super) struct Secrets(BTreeMap<String, String>);

impl SecretArgs {
    pub(super) fn read(&self) -> anyhow::Result<Secrets> {
        self.secrets
            .as_deref()
            .map_or(Ok(Secrets::default()), |path| {
                let secrets = read(path);
                secrets.with_context(|| format!("the secrets in {} cannot be read", path.display()))
            })
    }
}

fn read(path: &Path) -> anyhow::Result<Secrets> {
    Ok(Secrets(parse_lines(&std::fs::read_to_string(path)?)?))
}

impl Secrets {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned().or_else(|| of_environment(name))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "which variables there are to read is said by the files, not by the settings"
)]
fn of_environment(name: &str) -> Option<String> {
    // What cannot be the name of a variable would make std panic.
    if name.contains(['=', '\0']) {
        return None;
    }
    std::env::var(name).ok()
}
