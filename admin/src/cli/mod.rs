//! The command line of `hera-admin`. stdout carries only a command's answer.

mod client;
mod cluster;
mod code;
mod config;
mod database;
mod import;
mod jobs;
mod live;
mod people;
mod refs;
mod runs;
mod table;
mod versions;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use hera_settings::{CommandLine, Report, Settings, Sources};

pub use database::open_store;

/// HERA's admin: web application, API and scheduler.
#[derive(Debug, Parser)]
#[command(name = "hera-admin", version, arg_required_else_help = true)]
pub struct Line {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Command,
}

/// Where settings come from.
#[derive(Debug, Clone, Args)]
struct SettingsArgs {
    /// Settings file; without it ./application.yml if there is one, else the defaults
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Profiles of the settings file, separated by commas
    #[arg(long, global = true, value_name = "NAMES")]
    profile: Option<String>,
    /// One setting; may be given several times
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the admin in the foreground
    Serve,
    /// Create, upgrade, check or save the database
    #[command(subcommand)]
    Db(database::DbCommand),
    /// Users and their passwords
    #[command(subcommand)]
    User(people::UserCommand),
    /// Tokens for programs
    #[command(subcommand)]
    Token(people::TokenCommand),
    /// The settings as they are understood
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Jobs of a running admin
    Jobs(jobs::JobsLine),
    /// Runs of a running admin
    Runs(runs::RunsLine),
    /// The log of a run
    Logs(runs::LogsLine),
    /// The versions of a job on a day, planned ones too
    Versions(versions::VersionsLine),
    /// What a version waits for, and why that has not happened
    Why(versions::WhyLine),
    /// Groups of a running admin
    Groups(cluster::GroupsLine),
    /// Workers of a running admin: what they do, drain and resume them
    Workers(cluster::WorkersLine),
    /// Who leads, how many workers there are, and how the runs of the last day ended
    Status(cluster::StatusLine),
    /// Write the groups, jobs and calendars of a running admin into a folder of YAML files
    Export(code::ExportLine),
    /// Print what apply would change; ends with 2 if that is anything
    Plan(code::PlanLine),
    /// Bring the groups, jobs and calendars of a folder of YAML files into a running admin
    Apply(code::ApplyLine),
    /// Bring over what a HERA has in its MySQL database; stop the admins before
    ImportHera(import::ImportLine),
    /// Print the completion for a shell
    Completion { shell: clap_complete::Shell },
}

/// How a command ends in which nothing went wrong; what did ends it with 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done = 0,
    /// `plan` found something to change.
    Changes = 2,
    /// The run that was waited for is no success.
    NotSuccess = 3,
    /// It was not waited for any longer.
    TimedOut = 4,
}

/// Carries out a command line; `serve` runs the admin until it is told to stop.
///
/// # Errors
/// In words for people.
pub fn run(
    line: Line,
    serve: impl FnOnce(Settings, Report) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let load = || line.settings.load();
    match line.command {
        Command::Serve => {
            let (settings, report) = load()?;
            settings.check_for_admin()?;
            serve(settings, report)
        }
        Command::Db(command) => {
            let settings = load()?.0;
            block_on(database::run(command, &settings))
        }
        Command::User(command) => {
            let settings = load()?.0;
            block_on(people::run_user(command, &settings))
        }
        Command::Token(command) => {
            let settings = load()?.0;
            block_on(people::run_token(command, &settings))
        }
        Command::Config(command) => config::run(&command, &line.settings.sources()?),
        Command::Jobs(line) => return jobs::run(line, load).map(End::code),
        Command::Runs(line) => return runs::run(line, load).map(End::code),
        Command::Logs(line) => return runs::logs(&line, load).map(End::code),
        Command::Versions(line) => versions::run(&line, load),
        Command::Why(line) => versions::why(&line, load),
        Command::Groups(line) => cluster::run_groups(line, load),
        Command::Workers(line) => cluster::run_workers(line, load),
        Command::Status(line) => cluster::run_status(&line, load),
        Command::Export(line) => code::run_export(&line, load),
        Command::Plan(line) => return code::run_plan(&line, load).map(End::code),
        Command::Apply(line) => code::run_apply(&line, load),
        Command::ImportHera(line) => {
            let settings = load()?.0;
            block_on(import::run(line, &settings))
        }
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Line::command(), "hera-admin", &mut script);
            table::say(String::from_utf8_lossy(&script).trim_end())
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

impl End {
    fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

impl SettingsArgs {
    fn sources(&self) -> anyhow::Result<Sources> {
        Ok(Sources::of_process(CommandLine {
            config: self.config.clone(),
            profile: self.profile.clone(),
            sets: self.sets.clone(),
        })?)
    }

    fn load(&self) -> anyhow::Result<(Settings, Report)> {
        Ok(Settings::load(&self.sources()?)?)
    }
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime does not start")?
        .block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_line_is_understood() {
        Line::command().debug_assert();
        for line in [
            "serve --set a.b=c",
            "db status",
            "db reset --yes --config x.yml",
            "db backup copy.db",
            "user add lin --role viewer --password-stdin",
            "user passwd hera",
            "token create --user hera --name n --expires 30d",
            "token join",
            "token join --rotate",
            "config check --profile prod --json",
            "config get server.port",
            "jobs --json",
            "jobs list --json --url http://a/hera --token t",
            "jobs list orders --group /dw/ods --switch open",
            "jobs show /dw/ods/orders",
            "jobs history orders",
            "jobs delete orders",
            "jobs run orders --wait --timeout 10m",
            "jobs run orders -f",
            "jobs run 7 --trigger recover --version 202611200300000007 --param a=b=c",
            "jobs open 7 --chain upstream",
            "runs list --job 7 --status failed,lost",
            "runs list --trigger schedule --version 202611200600000012 --from 2026-11-20T00:00:00Z",
            "runs show 9",
            "runs script 9",
            "runs wait 9 --timeout 90s --json",
            "runs cancel 9 --wait",
            "logs 9 --follow",
            "logs --job orders -f",
            "versions orders --date 2026-11-20",
            "why 202611200600000012 --json",
            "groups",
            "groups show ods",
            "workers --json",
            "workers drain w1",
            "workers resume w1",
            "workers rotate-token w1",
            "status",
            "completion zsh",
            "apply examples --define a=b --define c=d",
            "apply examples --secrets prod.env --prune --comment rollout --json",
            "plan examples --prune --json",
            "export tree --group /dw/ods --force",
            "import-hera mysql://u:p@h/hera --dry-run --json --source old",
            "import-hera jdbc:mysql://h/hera --closed --with-history --report r.json",
        ] {
            let words = std::iter::once("hera-admin").chain(line.split(' '));
            if let Err(error) = Line::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn every_shell_gets_a_completion_that_knows_the_commands() {
        for shell in <clap_complete::Shell as clap::ValueEnum>::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Line::command(), "hera-admin", &mut script);
            let script = String::from_utf8(script).unwrap();
            for word in [
                "follow", "export", "force", "plan", "apply", "prune", "secrets",
            ] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn a_database_is_made_filled_and_emptied_without_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let data = format!("hera.dataDir={}", folder.path().display());
        let url = format!(
            "datasource.url=sqlite://{}/hera.db",
            folder.path().display()
        );
        let call = |line: &str| {
            let words = std::iter::once("hera-admin").chain(line.split(' '));
            let settings = ["--set", &data, "--set", &url];
            let line = Line::try_parse_from(words.chain(settings)).unwrap();
            run(line, |_, _| Ok(()))
        };
        let early = call("token create --user hera --name n").unwrap_err();
        assert!(early.to_string().contains("db init"), "{early}");
        call("db init").unwrap();
        call("db status").unwrap();
        call("user add lin --role viewer").unwrap();
        let twice = call("user add lin").unwrap_err().to_string();
        assert!(twice.contains("lin is taken already"), "{twice}");
        call("token create --user lin --name n --expires 1d").unwrap();
        let unsure = call("db reset").unwrap_err().to_string();
        assert!(unsure.contains("--yes"), "{unsure}");
        call("db reset --yes").unwrap();
        let gone = call("user passwd lin").unwrap_err().to_string();
        assert!(gone.contains("there is no user lin"), "{gone}");
    }
}
