//! Scripts: where they run, by which command, and where the log goes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use super::path;
use crate::error::Problem;
use crate::keys::{ENV_FILES, LOG_LEVELS, SCRIPT_TYPES};
use crate::reader::{Reader, SECONDS};
use crate::settings::{Logging, RunLimits, Spark, Worker};
use crate::types::{CgroupChoice, ScriptType, thousandths};

/// In milliseconds.
const A_MONTH: u64 = 31 * 86_400_000;
const PATIENCE: RangeInclusive<u64> = 0..=600_000;

pub(super) fn worker(r: &mut Reader<'_>) -> Worker {
    Worker {
        name: r.text("hera.workerName"),
        work_dir: path(r, "hera.workDir").unwrap_or_default(),
        max_runs: r.optional_number("hera.worker.maxRuns", 1..=10_000),
        labels: labels(r),
        sudo_user: r.boolean("hera.sudoUser"),
        env_file: path(r, "hera.envFile"),
        team_env_files: r
            .family(ENV_FILES)
            .into_iter()
            .filter(|(_, file)| !file.trim().is_empty())
            .map(|(team, file)| (team, PathBuf::from(file)))
            .collect(),
        min_disk_free_mib: r.mebibytes("hera.worker.minDiskFree", 0..=100_000_000),
        max_log_mib: r.mebibytes("hera.worker.maxLog", 16..=100_000_000),
        cgroup: r
            .parsed("hera.worker.cgroup", "auto or off", CgroupChoice::parse)
            .unwrap_or(CgroupChoice::Auto),
        after_interrupt: r.duration("hera.worker.patience.interrupt", SECONDS, PATIENCE),
        after_terminate: r.duration("hera.worker.patience.terminate", SECONDS, PATIENCE),
        limits: RunLimits {
            memory_mib: r.mebibytes("hera.worker.limits.memory", 0..=100_000_000),
            cpu_millis: r
                .parsed(
                    "hera.worker.limits.cpu",
                    "cores, e.g. 2 or 0.5; 0 = off",
                    |text| thousandths(text).filter(|cpu| *cpu == 0 || *cpu >= 10),
                )
                .unwrap_or(0),
            cpu_time: r.duration("hera.worker.limits.cpuTime", SECONDS, 0..=A_MONTH),
            open_files: r.number("hera.worker.limits.openFiles", 0..=10_000_000),
            processes: r.number("hera.worker.limits.processes", 0..=10_000_000),
        },
        exclude_suffixes: r.list("hera.excludeFile"),
    }
}

fn labels(r: &mut Reader<'_>) -> Vec<String> {
    let labels = r.list("hera.worker.labels");
    if labels.len() > 30 {
        r.problem(Problem::Rule(format!(
            "hera.worker.labels has {}: keep at most 30",
            labels.len()
        )));
    }
    for label in &labels {
        if label.chars().count() > 60 || label.contains(char::is_control) {
            r.problem(Problem::Rule(format!(
                "hera.worker.labels has {label:?}: a label has at most 60 characters"
            )));
        }
    }
    labels
}

/// The usual types, and what `hera.job.<type>.…` changes or adds.
pub(super) fn script_types(r: &mut Reader<'_>) -> BTreeMap<String, ScriptType> {
    let mut types: BTreeMap<String, ScriptType> = BTreeMap::new();
    for (rest, value) in r.family(SCRIPT_TYPES) {
        let Some((name, part)) = rest.rsplit_once('.') else {
            r.problem(Problem::Rule(format!(
                "hera.job.{rest}: expected hera.job.<type>.bin, .args or .suffix"
            )));
            continue;
        };
        let entry = types.entry(name.to_owned()).or_insert_with(|| ScriptType {
            bin: String::new(),
            args: Vec::new(),
            suffix: format!(".{name}"),
        });
        match part {
            "bin" => entry.bin = value,
            "args" => entry.args = value.split_whitespace().map(ToOwned::to_owned).collect(),
            "suffix" => entry.suffix = format!(".{}", value.trim_start_matches('.')),
            _ => r.problem(Problem::Rule(format!(
                "hera.job.{rest}: a script type has bin, args and suffix"
            ))),
        }
    }
    for (name, kind) in &types {
        if kind.bin.is_empty() {
            r.problem(Problem::Rule(format!(
                "hera.job.{name} has no command: set hera.job.{name}.bin"
            )));
        }
    }
    types
}

pub(super) fn logging(r: &mut Reader<'_>) -> Logging {
    let dir = path(r, "logging.path").unwrap_or_default();
    let mut levels = r.family(LOG_LEVELS);
    let root = levels.remove("root").unwrap_or_default();
    let mut filter = level(r, "root", &root).to_owned();
    for (target, word) in &levels {
        filter.push_str(&format!(",{target}={}", level(r, target, word)));
    }
    let expected = "a filter like info,hera_admin=debug";
    let chosen = r.parsed("logging.filter", expected, |text| {
        EnvFilter::try_new(text).ok()?;
        Some(text.to_owned())
    });
    if chosen.is_none() && EnvFilter::try_new(&filter).is_err() {
        r.problem(Problem::Rule(format!(
            "{LOG_LEVELS}… make the filter {filter:?}, which cannot be read: name targets like hera_admin"
        )));
    }
    Logging {
        dir,
        filter: chosen.unwrap_or(filter),
    }
}

/// A level, in the Java HERA's words too.
fn level(r: &mut Reader<'_>, target: &str, word: &str) -> &'static str {
    match word.trim().to_ascii_lowercase().as_str() {
        "off" => "off",
        "fatal" | "error" => "error",
        "warn" => "warn",
        "info" => "info",
        "debug" => "debug",
        "all" | "trace" => "trace",
        _ => {
            r.problem(Problem::Rule(format!(
                "{LOG_LEVELS}{target} is {word:?}: expected off, error, warn, info, debug or trace"
            )));
            "info"
        }
    }
}

pub(super) fn spark(r: &mut Reader<'_>) -> Spark {
    let mut options = Vec::new();
    for name in [
        "spark.master",
        "spark.driver-memory",
        "spark.driver-cores",
        "spark.executor-memory",
        "spark.executor-cores",
    ] {
        // HERA's own file has a blank after the dashes of some.
        let text = r.text_or_empty(name).replace("-- ", "--");
        options.extend(text.split_whitespace().map(ToOwned::to_owned));
    }
    Spark {
        address: r.text("spark.address"),
        username: r.text("spark.username"),
        password: r.secret("spark.password"),
        options,
    }
}
