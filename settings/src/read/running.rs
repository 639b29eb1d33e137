//! Scripts: where they run, by which command, and where the log goes.

use std::collections::BTreeMap;

use tracing_subscriber::EnvFilter;

use super::path;
use crate::error::Problem;
use crate::keys::{LOG_LEVELS, SCRIPT_TYPES};
use crate::reader::Reader;
use crate::settings::{Logging, Spark, Worker};
use crate::types::ScriptType;

pub(super) fn worker(r: &mut Reader<'_>) -> Worker {
    Worker {
        name: r.text("hera.workerName"),
        work_dir: path(r, "hera.workDir").unwrap_or_default(),
        max_runs: r.optional_number("hera.worker.maxRuns", 1..=10_000),
        sudo_user: r.boolean("hera.sudoUser"),
        env_file: path(r, "hera.envFile"),
        exclude_suffixes: r.list("hera.excludeFile"),
    }
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
