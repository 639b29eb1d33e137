//! `hera-admin export DIR`: the groups, jobs and calendars of an admin as the files that `apply`
//! reads.
//!
//! The same admin gives the same files, byte by byte. What an earlier export wrote and this one
//! would not is removed; what others put there stays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueHint};
use hera_settings::{Report, Settings};
use serde_json::{Value, json};

use super::calendars;
use super::documents;
use super::files;
use super::layout::{Before, Item, layout};
use super::paths::TreePath;
use super::show::counted;
use super::there::{self, There};
use crate::cli::client::Remote;
use crate::cli::table;

/// Names the files that an export wrote.
const MANIFEST: &str = ".hera-export";
const HEAD: &str =
    "# Written by hera-admin export. The next export may change or remove these files.\n";

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportLine {
    #[command(flatten)]
    remote: Remote,
    /// The folder; made if it is not there
    #[arg(value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// Only this group and what is in it: its id, name, or path like /group/group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Write into a folder that no export has written: its files of the same groups, jobs and
    /// calendars are written over, all others stay
    #[arg(long)]
    force: bool,
}

/// Writes the files and says what has become of them.
pub(in crate::cli) fn run(
    line: &ExportLine,
    load: impl FnOnce() -> anyhow::Result<(Settings, Report)>,
) -> anyhow::Result<()> {
    let ours = manifest(&line.folder)?;
    if ours.is_none()
        && !line.force
        && line.folder.is_dir()
        && !files::entries(&line.folder)?.is_empty()
    {
        bail!(
            "{} is no export and not empty; take another folder, or --force, which writes over its files of the same groups, jobs and calendars",
            line.folder.display()
        );
    }
    let ours = ours.unwrap_or_default();
    let client = line.remote.connect(load)?;
    let there = There::read(&client)?;
    let top = match &line.group {
        None => there.root,
        Some(group) => chosen(&there, group)?,
    };
    let path = &there.groups[&top].path;
    let jobs = there.jobs.iter().filter(|(_, job)| path.holds(&job.path));
    let jobs: Vec<i64> = jobs.map(|(id, _)| *id).collect();
    let jobs = there::whole(&client, &jobs)?;
    for (what, path) in there.doubles() {
        eprintln!(
            "hera-admin: there are several {what} {path}; apply will ask to rename one of them"
        );
    }
    std::fs::create_dir_all(&line.folder)
        .with_context(|| format!("{} cannot be made", line.folder.display()))?;
    let files = files(&line.folder, &there, top, &jobs, &ours)?;
    let done = write(&line.folder, &files, &ours)?;
    done.tell(line.remote.json)
}

/// The group that is meant by an id, a name or a path.
fn chosen(there: &There, text: &str) -> anyhow::Result<i64> {
    if let Some(path) = TreePath::parse(text) {
        return there
            .group(&path)?
            .with_context(|| format!("there is no group {path}"));
    }
    let mut named = there
        .groups
        .iter()
        .filter(|(_, group)| group.json["name"] == text);
    match (named.next(), named.next()) {
        (Some((id, _)), None) => Ok(*id),
        (Some((_, a)), Some((_, b))) => bail!(
            "several groups are named {text}: write {} or {}",
            a.path,
            b.path
        ),
        (None, _) => {
            let id = text.parse().ok().filter(|id| there.groups.contains_key(id));
            id.with_context(|| format!("there is no group {text}"))
        }
    }
}

/// All files by their path in the folder.
pub(super) fn files(
    home: &Path,
    there: &There,
    top: i64,
    whole: &BTreeMap<i64, Value>,
    ours: &BTreeSet<PathBuf>,
) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let before = Before::of(home, &files::read_what_can_be(home)?);
    let top_path = &there.groups[&top].path;
    let groups: Vec<Item<'_>> = there
        .groups
        .iter()
        .filter(|(_, group)| top_path.holds(&group.path))
        .map(|(id, group)| Item {
            id: *id,
            path: &group.path,
            json: &group.json,
        })
        .collect();
    let jobs: Vec<Item<'_>> = whole
        .iter()
        .map(|(id, json)| Item {
            id: *id,
            path: &there.jobs[id].path,
            json,
        })
        .collect();
    // Calendars are nobody's part: only the whole has them.
    let is_whole = top == there.root;
    let calendars: Vec<&str> = there
        .calendars
        .keys()
        .filter(|_| is_whole)
        .map(String::as_str)
        .collect();
    let layout = layout(home, ours, &before, top, &groups, &jobs, &calendars);
    let places = groups
        .iter()
        .chain(&jobs)
        .map(|item| (item.path, item.json));
    let secrets = documents::secret_names(places, &before.secrets);
    let defaults = documents::defaults();
    let mut files = BTreeMap::new();
    for (name, file) in &layout.calendars {
        let text = calendars::document(&there.calendars[name].content);
        files.insert(file.clone(), text);
    }
    for group in &groups {
        let parent = group.path.parent().filter(|_| group.id == top);
        let text = documents::group(group.path, group.json, parent.as_ref(), &secrets);
        files.insert(layout.groups[&group.id].join(files::GROUP), text);
    }
    for job in &jobs {
        let (file, script) = &layout.jobs[&job.id];
        let name = script
            .as_deref()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        let text = documents::job(job.path, job.json, name, there, &defaults, &secrets);
        files.insert(file.clone(), text);
        if let Some(script) = script {
            let text = job.json["script"].as_str().unwrap_or_default();
            files.insert(script.clone(), text.to_owned());
        }
    }
    Ok(files)
}

/// What the last export wrote; nothing if there was none.
fn manifest(folder: &Path) -> anyhow::Result<Option<BTreeSet<PathBuf>>> {
    let path = folder.join(MANIFEST);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
    };
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let files = lines.map(|line| {
        let file = PathBuf::from(line);
        // Whoever may have written it: nothing outside of the folder is ours.
        let is_inside = file
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        is_inside.then_some(file).with_context(|| {
            format!(
                "{} names {line:?}, which is no file of an export",
                path.display()
            )
        })
    });
    files.collect::<anyhow::Result<_>>().map(Some)
}

/// What has become of the files.
#[derive(Debug, Default)]
pub(super) struct Done {
    written: Vec<String>,
    removed: Vec<String>,
    kept: usize,
}

pub(super) fn write(
    folder: &Path,
    files: &BTreeMap<PathBuf, String>,
    ours: &BTreeSet<PathBuf>,
) -> anyhow::Result<Done> {
    let home = folder.canonicalize()?;
    let mut done = Done::default();
    for file in ours.iter().filter(|file| !files.contains_key(*file)) {
        if remove(&home, file)? {
            done.removed.push(file.display().to_string());
        }
    }
    for (file, text) in files {
        let path = home.join(file);
        if std::fs::read(&path).is_ok_and(|bytes| bytes == text.as_bytes()) {
            done.kept += 1;
            continue;
        }
        let make = || -> std::io::Result<()> {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, text)
        };
        make().with_context(|| format!("{} cannot be written", path.display()))?;
        done.written.push(file.display().to_string());
    }
    let mut manifest = HEAD.to_owned();
    for file in files.keys() {
        manifest.push_str(&format!("{}\n", file.display()));
    }
    std::fs::write(home.join(MANIFEST), manifest)
        .with_context(|| format!("{MANIFEST} cannot be written"))?;
    Ok(done)
}

/// Removes a file, and its folders if they are empty then; whether it was there.
fn remove(home: &Path, file: &Path) -> anyhow::Result<bool> {
    let path = home.join(file);
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    // Not through a link that leads elsewhere.
    if !parent.is_some_and(|parent| parent.starts_with(home)) {
        return Ok(false);
    }
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
        }
    }
    for above in file
        .ancestors()
        .skip(1)
        .filter(|above| *above != Path::new(""))
    {
        // Fails for those that hold something, as it shall.
        if std::fs::remove_dir(home.join(above)).is_err() {
            break;
        }
    }
    Ok(true)
}

impl Done {
    fn tell(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            let json = json!({"written": self.written, "removed": self.removed, "kept": self.kept});
            return table::say(&serde_json::to_string_pretty(&json)?);
        }
        for file in &self.written {
            table::say(&format!("wrote {file}"))?;
        }
        for file in &self.removed {
            table::say(&format!("removed {file}"))?;
        }
        let written = counted(self.written.len(), "file");
        let (removed, kept) = (self.removed.len(), self.kept);
        table::say(&format!(
            "{written} written, {removed} removed, {kept} as they were"
        ))
    }
}
