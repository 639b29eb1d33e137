//! Scripts: where they run, by which command, and where the log goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::path;
use crate::error::{Origin, Problem};
use crate::reader::Reader;
use crate::settings::{Logging, Spark, Worker};
use crate::types::ScriptType;

pub(super) fn worker(r: &mut Reader<'_>, data_dir: &Path, own_folder: bool) -> Worker {
    let work_dir = chosen_dir(r, &["hera.workDir", "hera.downloadDir"], own_folder);
    Worker {
        name: r.text(&["hera.workerName"]),
        work_dir: work_dir.unwrap_or_else(|| data_dir.to_owned()),
        max_runs: r.optional_number(&["hera.worker.maxRuns", "worker.maxRuns"], 1..=10_000),
        sudo_user: r.boolean(&["hera.sudoUser"], false),
        env_file: path(r, &["hera.envFile"]),
        exclude_suffixes: match r.text(&["hera.excludeFile"]) {
            None => vec!["jar".to_owned(), "war".to_owned()],
            Some(_) => r.list(&["hera.excludeFile"]),
        },
    }
}

/// The types that need no configuration, then what `hera.job.<type>.…` changes or adds.
pub(super) fn script_types(r: &mut Reader<'_>) -> BTreeMap<String, ScriptType> {
    let mut types: BTreeMap<String, ScriptType> = [
        ("shell", "bash", "", ".sh"),
        ("python", "python3", "", ".py"),
        ("hive", "hive", "-f", ".hive"),
        ("spark", "spark-sql", "-f", ".sql"),
        ("java", "java", "", ".java"),
    ]
    .into_iter()
    .map(|(name, bin, args, suffix)| (name.to_owned(), script_type(bin, args, suffix)))
    .collect();
    for (rest, value) in r.map("hera.job.") {
        let Some((name, part)) = rest.rsplit_once('.') else {
            r.problem(Problem::Rule(format!(
                "hera.job.{rest}: expected hera.job.<type>.bin, .args or .suffix"
            )));
            continue;
        };
        // The Java HERA names the program where it means the type.
        let name = if name == "spark-sql" { "spark" } else { name };
        let entry = types
            .entry(name.to_owned())
            .or_insert_with(|| script_type("", "", &format!(".{name}")));
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

fn script_type(bin: &str, args: &str, suffix: &str) -> ScriptType {
    ScriptType {
        bin: bin.to_owned(),
        args: args.split_whitespace().map(ToOwned::to_owned).collect(),
        suffix: suffix.to_owned(),
    }
}

pub(super) fn logging(r: &mut Reader<'_>, data_dir: &Path, own_folder: bool) -> Logging {
    let dir = chosen_dir(r, &["logging.path"], own_folder);
    let levels = r.map("logging.level.");
    let filter = r.text(&["logging.filter"]).unwrap_or_else(|| {
        let root = levels.get("root").map_or("info", String::as_str);
        let mut filter = root.to_ascii_lowercase();
        for (target, level) in levels.iter().filter(|(target, _)| *target != "root") {
            filter.push_str(&format!(",{target}={}", level.to_ascii_lowercase()));
        }
        filter
    });
    Logging {
        dir: dir.unwrap_or_else(|| data_dir.join("logs")),
        filter,
    }
}

/// A folder of the file, unless the environment gives the installation a folder of its own.
fn chosen_dir(r: &mut Reader<'_>, names: &[&'static str], own_folder: bool) -> Option<PathBuf> {
    let (entry, text) = r.entry(names)?;
    let from_file = matches!(entry.origin, Origin::File { .. });
    (!(own_folder && from_file)).then(|| PathBuf::from(text))
}

pub(super) fn spark(r: &mut Reader<'_>) -> Spark {
    let mut options = Vec::new();
    for name in [
        &["spark.master"],
        &["spark.driver-memory"],
        &["spark.driver-cores"],
        &["spark.executor-memory"],
        &["spark.executor-cores"],
    ] {
        // HERA's own file has a blank after the dashes of some.
        let text = r.text(name).unwrap_or_default().replace("-- ", "--");
        options.extend(text.split_whitespace().map(ToOwned::to_owned));
    }
    // A JDBC driver's class means nothing here.
    r.text(&["spark.driver"]);
    Spark {
        address: r.text(&["spark.address"]),
        username: r.text(&["spark.username"]),
        password: r.secret(&["spark.password"]),
        options,
    }
}
