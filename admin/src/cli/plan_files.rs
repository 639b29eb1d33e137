//! Groups and jobs as files.
//!
//! A folder with a `group.yml` is a group; every other `.yml` in it is a job of that group; a
//! folder below it with a `group.yml` is a group in it. The fields are those of the API, but that
//! a dependency names its `job`, that `script_file` names a file in place of `script`, and that
//! `open: true` opens the job once everything is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A folder that is a group.
#[derive(Debug)]
pub(super) struct GroupFiles {
    pub(super) group: GroupFile,
    pub(super) groups: Vec<GroupFiles>,
    pub(super) jobs: Vec<JobFile>,
    path: PathBuf,
    text: String,
}

/// `group.yml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupFile {
    pub(super) name: String,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) config: BTreeMap<String, String>,
}

/// The file of a job.
#[derive(Debug)]
pub(super) struct JobFile {
    pub(super) path: PathBuf,
    pub(super) name: String,
    /// The jobs it depends on, by name, in the order of its dependencies.
    pub(super) upstreams: Vec<String>,
    pub(super) open: bool,
    /// The body of the API, but for `group_id` and the ids of the dependencies.
    pub(super) body: Map<String, Value>,
    text: String,
    /// The file of its script, if that is another one.
    script: Option<PathBuf>,
}

impl JobFile {
    /// Where a field of the API stands: file and line, as far as they can be found.
    pub(super) fn place(&self, field: &str) -> String {
        match &self.script {
            Some(script) if field == "script" => script.display().to_string(),
            _ => place(&self.path, &self.text, field),
        }
    }

    /// Where the dependency on this job stands.
    pub(super) fn place_of_dependency(&self, upstream: &str) -> String {
        let names = |line: &str| line.contains("job:") && line.contains(upstream);
        numbered(&self.path, self.text.lines().position(names))
    }
}

impl GroupFiles {
    /// Where a field of the API stands.
    pub(super) fn place(&self, field: &str) -> String {
        place(&self.path, &self.text, field)
    }
}

/// Follows a path like `schedule.dependencies[0].window` through the keys of a YAML text.
fn place(path: &Path, text: &str, field: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let (mut at, mut found, mut rest) = (0, None, field);
    while !rest.is_empty() {
        let (segment, after) = rest.split_once('.').unwrap_or((rest, ""));
        let key = segment.split('[').next().unwrap_or(segment);
        let below = &lines[at..];
        // A key of a config may hold dots itself.
        let whole = below.iter().position(|line| has_key(line, rest));
        let after = if whole.is_some() { "" } else { after };
        let Some(below) = whole.or_else(|| below.iter().position(|line| has_key(line, key))) else {
            break;
        };
        at += below;
        found = Some(at);
        rest = after;
    }
    numbered(path, found)
}

fn numbered(path: &Path, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{}:{}", path.display(), line + 1),
        None => path.display().to_string(),
    }
}

fn has_key(line: &str, key: &str) -> bool {
    let quotes = ['"', '\''];
    line.split(['{', ',']).any(|part| {
        let part = part.trim().trim_start_matches("- ");
        let rest = part.trim_start_matches(quotes).strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start_matches(quotes).starts_with(':'))
    })
}

/// Reads all groups of a folder, which may be one itself.
pub(super) fn read(folder: &Path) -> anyhow::Result<Vec<GroupFiles>> {
    if folder.join(GROUP).is_file() {
        return Ok(vec![read_group(folder)?]);
    }
    let mut groups = Vec::new();
    for entry in entries(folder)? {
        if entry.is_dir() {
            groups.extend(read(&entry)?);
        } else if is_yaml(&entry) {
            bail!(
                "{} belongs to no group: put a {GROUP} beside it",
                entry.display()
            );
        }
    }
    Ok(groups)
}

const GROUP: &str = "group.yml";

fn read_group(folder: &Path) -> anyhow::Result<GroupFiles> {
    let path = folder.join(GROUP);
    let text = text_of(&path)?;
    let group = parse(&path, &text)?;
    let (mut groups, mut jobs) = (Vec::new(), Vec::new());
    for entry in entries(folder)? {
        if entry.is_dir() {
            groups.extend(read(&entry)?);
        } else if is_yaml(&entry) && !entry.ends_with(GROUP) {
            jobs.push(read_job(entry)?);
        }
    }
    Ok(GroupFiles {
        group,
        groups,
        jobs,
        path,
        text,
    })
}

fn read_job(path: PathBuf) -> anyhow::Result<JobFile> {
    let text = text_of(&path)?;
    let mut body: Map<String, Value> = parse(&path, &text)?;
    let wrong = |what: &str| format!("{}: {what}", path.display());
    let Some(name) = body.get("name").and_then(Value::as_str).map(str::to_owned) else {
        bail!(wrong("the job has no name"));
    };
    let open = match body.remove("open") {
        None => false,
        Some(Value::Bool(open)) => open,
        Some(_) => bail!(wrong("open must be true or false")),
    };
    let mut script_path = None;
    if let Some(file) = body.remove("script_file") {
        let file = file.as_str().map(|file| beside(&path, file));
        let file = file.with_context(|| wrong("script_file must be the name of a file"))?;
        let script = std::fs::read_to_string(&file)
            .with_context(|| format!("the script {} cannot be read", file.display()))?;
        if body.insert("script".to_owned(), script.into()).is_some() {
            bail!(wrong("it has both script and script_file; keep one"));
        }
        script_path = Some(file);
    }
    let mut upstreams = Vec::new();
    let dependencies = body
        .get_mut("schedule")
        .and_then(|schedule| schedule.get_mut("dependencies"))
        .and_then(Value::as_array_mut);
    for dependency in dependencies.into_iter().flatten() {
        let job = dependency.as_object_mut().and_then(|d| d.remove("job"));
        let job = job.as_ref().and_then(Value::as_str);
        let job = job.with_context(|| wrong("a dependency names no job; write `- job: name`"))?;
        upstreams.push(job.to_owned());
    }
    Ok(JobFile {
        name,
        upstreams,
        open,
        body,
        path,
        text,
        script: script_path,
    })
}

fn beside(path: &Path, file: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(file)
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> anyhow::Result<T> {
    serde_norway::from_str(text).with_context(|| format!("{} is not as expected", path.display()))
}

/// What is in a folder, in alphabetical order; hidden files are none of ours.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    let mut entries = read().with_context(|| format!("{} cannot be read", folder.display()))?;
    entries.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| !name.starts_with('.'))
    });
    entries.sort();
    Ok(entries)
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end == "yml" || end == "yaml")
}

/// All jobs of these groups, each after those it depends on, with the path of group names.
pub(super) fn in_order(groups: &[GroupFiles]) -> anyhow::Result<Vec<&JobFile>> {
    let mut all = Vec::new();
    collect(groups, &mut all);
    let mut by_name: BTreeMap<&str, &JobFile> = BTreeMap::new();
    for job in &all {
        if let Some(other) = by_name.insert(&job.name, job) {
            bail!(
                "{} and {} are both named {}: dependencies could not tell them apart",
                other.path.display(),
                job.path.display(),
                job.name
            );
        }
    }
    let mut order = Vec::new();
    let mut path = Vec::new();
    for job in all {
        visit(job, &by_name, &mut path, &mut order)?;
    }
    Ok(order)
}

fn collect<'a>(groups: &'a [GroupFiles], all: &mut Vec<&'a JobFile>) {
    for group in groups {
        all.extend(&group.jobs);
        collect(&group.groups, all);
    }
}

fn visit<'a>(
    job: &'a JobFile,
    by_name: &BTreeMap<&str, &'a JobFile>,
    path: &mut Vec<&'a str>,
    order: &mut Vec<&'a JobFile>,
) -> anyhow::Result<()> {
    if order.iter().any(|done| done.name == job.name) {
        return Ok(());
    }
    if path.contains(&job.name.as_str()) {
        bail!(
            "these jobs depend on each other in a circle: {} → {}",
            path.join(" → "),
            job.name
        );
    }
    path.push(&job.name);
    for upstream in &job.upstreams {
        if let Some(upstream) = by_name.get(upstream.as_str()) {
            visit(upstream, by_name, path, order)?;
        }
    }
    path.pop();
    order.push(job);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    const GROUP_YML: (&str, &str) = ("g/group.yml", "name: g\nkind: small\n");

    fn job(name: &str, upstream: &str) -> String {
        format!(
            "name: {name}\nrun_type: shell\nscript: ''\nschedule:\n  kind: dependent\n  dependencies:\n    - job: {upstream}\n"
        )
    }

    #[test]
    fn a_job_comes_after_what_it_depends_on_and_brings_its_script() {
        let end = "name: end\nrun_type: shell\nscript_file: end.sh\nopen: true\nschedule: {kind: manual}\n";
        let folder = folder(&[
            GROUP_YML,
            ("g/a.yml", &job("a", "end")),
            ("g/z.yml", end),
            ("g/end.sh", "echo done\n"),
        ]);
        let groups = read(folder.path()).unwrap();
        let order = in_order(&groups).unwrap();
        let names: Vec<&str> = order.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(names, ["end", "a"]);
        assert!(order[0].open && !order[1].open);
        assert_eq!(order[0].body["script"], "echo done\n");
        assert_eq!(order[1].upstreams, ["end"]);
    }

    #[test]
    fn a_field_is_found_by_its_line() {
        let text = "name: x\nconfig:\n  a.b: '1'\nschedule:\n  kind: dependent\n  dependencies:\n    - job: up\n      window: all\n";
        let at = |field| place(Path::new("x.yml"), text, field);
        assert_eq!(at("config.a.b"), "x.yml:3");
        assert_eq!(at("schedule.dependencies[0].window"), "x.yml:8");
        assert_eq!(at("schedule.cron"), "x.yml:4", "what should hold it");
        assert_eq!(at("colour"), "x.yml");
        let flow = "schedule: {kind: cron, cron: \"1\"}\n";
        assert_eq!(place(Path::new("f"), flow, "schedule.cron"), "f:1");
    }

    #[test]
    fn circles_twins_and_strays_are_named() {
        let circle = folder(&[
            GROUP_YML,
            ("g/a.yml", &job("a", "b")),
            ("g/b.yml", &job("b", "a")),
        ]);
        let groups = read(circle.path()).unwrap();
        let error = in_order(&groups).unwrap_err().to_string();
        assert!(error.contains("a → b → a"), "{error}");

        let twins = folder(&[
            GROUP_YML,
            ("g/a.yml", &job("a", "x")),
            ("g/b.yml", &job("a", "x")),
        ]);
        let groups = read(twins.path()).unwrap();
        assert!(
            in_order(&groups)
                .unwrap_err()
                .to_string()
                .contains("both named a")
        );

        let stray = folder(&[("a.yml", &job("a", "x"))]);
        let error = read(stray.path()).unwrap_err().to_string();
        assert!(error.contains("group.yml"), "{error}");
    }
}
