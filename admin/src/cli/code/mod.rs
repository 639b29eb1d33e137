//! Groups, jobs and calendars as files: `export`, `plan` and `apply`.
//!
//! The admin compares what only it knows: secrets are never shown. All that can be wrong with the
//! files is told by file and line before anything is changed.

mod calendars;
mod carry;
mod diff;
mod documents;
mod emit;
mod export;
mod filenames;
mod files;
mod layout;
mod matched;
mod order;
mod paths;
mod plan;
mod plan_calendars;
mod secrets;
mod show;
#[cfg(test)]
mod tests;
mod there;
mod wanted;
mod yaml;

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueHint};
use hera_settings::{Report, Settings};

pub(super) use self::export::{ExportLine, run as run_export};
pub(super) use self::paths::TreePath;
pub(super) use self::there::group_paths;

use self::carry::Carry;
use self::files::{ConfigValue, Files};
use self::plan::Plan;
use self::secrets::SecretArgs;
use self::there::There;
use super::client::{Client, Remote};
use super::{End, jobs, table};

/// What `plan` and `apply` are told.
#[derive(Debug, Args)]
pub(super) struct PlanLine {
    #[command(flatten)]
    remote: Remote,
    /// The folder: a folder with a group.yml is a group, other .yml files in it are its jobs;
    /// calendars are in a folder `calendars`
    #[arg(value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// A value for the config of the topmost groups; may be given several times
    #[arg(long = "define", value_name = "KEY=VALUE", value_parser = jobs::pair)]
    defines: Vec<(String, String)>,
    #[command(flatten)]
    secrets: SecretArgs,
    /// Delete the groups and jobs below those of the files that no file describes, and with
    /// `kind: root` the calendars
    #[arg(long)]
    prune: bool,
}

#[derive(Debug, Args)]
pub(super) struct ApplyLine {
    #[command(flatten)]
    plan: PlanLine,
    /// Why, for the history of the jobs
    #[arg(long, default_value = "applied from files", value_name = "TEXT")]
    comment: String,
}

/// The path that people wrote, if it is one.
pub(super) fn path(text: &str) -> Option<TreePath> {
    TreePath::parse(text)
}

/// Prints what `apply` would change.
pub(super) fn run_plan(
    line: &PlanLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<End> {
    let (client, plan) = line.plan(load)?;
    if line.remote.json {
        table::say(&serde_json::to_string_pretty(&plan)?)?;
    } else {
        for change in &plan.changes {
            say(change)?;
        }
        end(&plan, false)?;
    }
    if let Some(why) = plan_calendars::forbidden(&plan, &client)? {
        eprintln!("hera-admin: {why}");
    }
    Ok(if plan.changes.is_empty() {
        End::Done
    } else {
        End::Changes
    })
}

/// Creates what is missing, updates what differs, opens and closes what shall be so. Doing it
/// again changes nothing.
pub(super) fn run_apply(
    line: &ApplyLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let (client, plan) = line.plan.plan(load)?;
    if let Some(why) = plan_calendars::forbidden(&plan, &client)? {
        bail!("{why}");
    }
    let as_json = line.plan.remote.json;
    let mut carry = Carry::new(&client, &line.comment);
    carry.out(&plan, |change, warnings| {
        if as_json {
            return Ok(());
        }
        say(change)?;
        let mut warnings = warnings.iter();
        warnings.try_for_each(|warning| table::say(&format!("    warning: {warning}")))
    })?;
    if as_json {
        return table::say(&serde_json::to_string_pretty(&plan)?);
    }
    end(&plan, true)
}

fn say(change: &plan::Change) -> anyhow::Result<()> {
    let text = show::change(change);
    if show::has_colours() {
        return table::say(&show::coloured(&text));
    }
    table::say(&text)
}

fn end(plan: &Plan, done: bool) -> anyhow::Result<()> {
    for line in show::left(plan) {
        table::say(&line)?;
    }
    table::say(&show::totals(plan, done))
}

impl PlanLine {
    fn plan(
        &self,
        load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
    ) -> anyhow::Result<(Client, Plan)> {
        let mut files = files::read(&self.folder)?;
        self.define(&mut files);
        let secrets = self.secrets.read()?;
        let client = self.remote.connect(load)?;
        let there = There::read(&client)?;
        let plan = plan::plan(&files, &there, &secrets, self.prune, &client)?;
        Ok((client, plan))
    }

    fn define(&self, files: &mut Files) {
        for top in files.groups.iter_mut().filter(|group| group.is_top) {
            let defines = self.defines.iter();
            let defines =
                defines.map(|(key, value)| (key.clone(), ConfigValue::Text(value.clone())));
            top.config.extend(defines);
        }
    }
}
