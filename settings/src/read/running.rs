//! Scripts: where they run, by which command, and where the log goes.

use std::collections::BTreeMap;

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
    let filter = r.text("logging.filter").unwrap_or_else(|| {
        let mut filter = root.to_ascii_lowercase();
        for (target, level) in &levels {
            filter.push_str(&format!(",{target}={}", level.to_ascii_lowercase()));
        }
        filter
    });
    Logging { dir, filter }
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
