//! Where each group, job and calendar has its file: where it has it already, else by its name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::calendars::FOLDER as CALENDARS;
use super::documents::SecretNames;
use super::filenames::{Taken, suffix};
use super::files::{ConfigValue, Files, GROUP, entries};
use super::paths::TreePath;

/// The files that a folder has for groups and jobs.
#[derive(Debug, Default)]
pub(super) struct Before {
    groups: BTreeMap<TreePath, PathBuf>,
    jobs: BTreeMap<TreePath, (PathBuf, Option<PathBuf>)>,
    calendars: BTreeMap<String, PathBuf>,
    pub(super) secrets: SecretNames,
}

impl Before {
    /// What the files of `folder` say, paths relative to it.
    pub(super) fn of(folder: &Path, files: &Files) -> Self {
        let mut before = Self::default();
        let relative = |path: &Path| {
            let path = path.strip_prefix(folder).ok()?;
            // Names that a line of text cannot hold are not kept.
            let text = path.to_str().filter(|text| !text.contains(['\n', '\r']))?;
            Some(PathBuf::from(text))
        };
        let mut scripts: BTreeMap<&Path, usize> = BTreeMap::new();
        for script in files.jobs.iter().filter_map(|job| job.script.as_deref()) {
            *scripts.entry(script).or_default() += 1;
        }
        for group in &files.groups {
            if let Some(path) = relative(&group.source.path) {
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                before.groups.insert(group.path.clone(), folder);
            }
            before.learn(&group.path, &group.config);
        }
        for job in &files.jobs {
            // A script of several jobs would be several scripts after a change of one.
            let own = job.script.as_deref().filter(|script| {
                scripts[script] == 1 && script.parent() == job.source.path.parent()
            });
            if let Some(path) = relative(&job.source.path) {
                before
                    .jobs
                    .insert(job.path.clone(), (path, own.and_then(relative)));
            }
            before.learn(&job.path, &job.config);
        }
        for calendar in &files.calendars {
            if let Some(path) = relative(&calendar.source.path) {
                let name = calendar.content.name.clone();
                before.calendars.insert(name, path);
            }
        }
        before
    }

    fn learn(&mut self, path: &TreePath, config: &super::files::Config) {
        for (key, value) in config {
            if let ConfigValue::Secret(name) = value {
                let place = (path.clone(), key.clone());
                self.secrets.insert(place, name.clone());
            }
        }
    }
}

/// Where everything goes, relative to the folder.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Folders by the id of the group.
    pub(super) groups: BTreeMap<i64, PathBuf>,
    /// Files by the id of the job, and those of the scripts.
    pub(super) jobs: BTreeMap<i64, (PathBuf, Option<PathBuf>)>,
    /// Files by the name of the calendar.
    pub(super) calendars: BTreeMap<String, PathBuf>,
}

/// A group or job to be placed.
pub(super) struct Item<'a> {
    pub(super) id: i64,
    pub(super) path: &'a TreePath,
    pub(super) json: &'a Value,
}

/// Places groups (those above first), jobs and calendars. `top` is the group whose folder is the
/// whole one.
pub(super) fn layout(
    home: &Path,
    ours: &BTreeSet<PathBuf>,
    before: &Before,
    top: i64,
    groups: &[Item<'_>],
    jobs: &[Item<'_>],
    calendars: &[&str],
) -> Layout {
    let files = before.jobs.values();
    let files = files.flat_map(|(file, script)| std::iter::once(file).chain(script));
    let files = files.chain(before.calendars.values());
    let ours = ours.iter().chain(files).chain(before.groups.values());
    let mut planner = Planner {
        home,
        ours: ours
            .flat_map(|path| path.ancestors())
            .map(Path::to_owned)
            .collect(),
        before,
        taken: BTreeMap::new(),
        layout: Layout::default(),
    };
    planner.layout.groups.insert(top, PathBuf::new());
    planner.open(Path::new(""));
    planner.place_calendars(calendars);
    // Those that have their place keep it; then the others by name, plain names first.
    let below: Vec<&Item<'_>> = groups.iter().filter(|group| group.id != top).collect();
    for depth in depths(&below) {
        let of_depth = below.iter().filter(|group| group.path.depth() == depth);
        let new = of_depth.copied().filter(|group| !planner.keep_group(group));
        for group in by_name(new.collect()) {
            planner.place_group(group);
        }
    }
    let new = jobs.iter().filter(|job| !planner.keep_job(job));
    for job in by_name(new.collect()) {
        planner.place_job(job);
    }
    planner.layout
}

fn depths(groups: &[&Item<'_>]) -> BTreeSet<usize> {
    groups.iter().map(|group| group.path.depth()).collect()
}

fn by_name<'a, 'b>(mut items: Vec<&'a Item<'b>>) -> Vec<&'a Item<'b>> {
    let key = |item: &&Item<'_>| {
        let name = item.path.name();
        (
            super::filenames::safe(name) != name,
            name.to_owned(),
            item.id,
        )
    };
    items.sort_by_key(key);
    items
}

struct Planner<'a> {
    home: &'a Path,
    /// Files that are of an earlier export or make a group or job, and their folders.
    ours: BTreeSet<PathBuf>,
    before: &'a Before,
    /// Names in use, by folder.
    taken: BTreeMap<PathBuf, Taken>,
    layout: Layout,
}

impl Planner<'_> {
    /// Begins a folder: what is in it and not ours stays what it is.
    fn open(&mut self, folder: &Path) {
        let mut taken = Taken::default();
        taken.take(GROUP);
        for entry in entries(&self.home.join(folder)).unwrap_or_default() {
            let relative = entry.strip_prefix(self.home).unwrap_or(&entry);
            if !self.ours.contains(relative)
                && let Some(name) = entry.file_name().and_then(|name| name.to_str())
            {
                taken.take(name);
            }
        }
        self.taken.insert(folder.to_owned(), taken);
    }

    fn parent(&self, item: &Item<'_>, key: &str) -> PathBuf {
        let parent = item.json[key].as_i64().unwrap_or_default();
        self.layout.groups.get(&parent).cloned().unwrap_or_default()
    }

    fn keep_group(&mut self, group: &Item<'_>) -> bool {
        let parent = self.parent(group, "parent_id");
        let Some(folder) = self.before.groups.get(group.path).cloned() else {
            return false;
        };
        let keeps = folder.parent() == Some(&parent) && self.take(&folder);
        if keeps {
            self.open(&folder);
            self.layout.groups.insert(group.id, folder);
        }
        keeps
    }

    fn place_group(&mut self, group: &Item<'_>) {
        let parent = self.parent(group, "parent_id");
        let stem = self.taken_in(&parent).stem(group.path.name(), &[""]);
        let folder = parent.join(stem);
        self.open(&folder);
        self.layout.groups.insert(group.id, folder);
    }

    fn keep_job(&mut self, job: &Item<'_>) -> bool {
        let parent = self.parent(job, "group_id");
        let Some((file, script)) = self.before.jobs.get(job.path).cloned() else {
            return false;
        };
        if file.parent() != Some(&parent) || !self.take(&file) {
            return false;
        }
        let script = has_script(job).then(|| {
            let end = suffix(job.json["run_type"].as_str().unwrap_or_default());
            let kept = script.filter(|script| {
                let name = script.to_string_lossy();
                name.ends_with(&end) && self.take(script)
            });
            kept.unwrap_or_else(|| {
                let stem = file.file_stem().and_then(|stem| stem.to_str());
                let stem = self
                    .taken_in(&parent)
                    .stem(stem.unwrap_or("script"), &[&end]);
                parent.join(format!("{stem}{end}"))
            })
        });
        self.layout.jobs.insert(job.id, (file, script));
        true
    }

    fn place_job(&mut self, job: &Item<'_>) {
        let parent = self.parent(job, "group_id");
        let end = suffix(job.json["run_type"].as_str().unwrap_or_default());
        let ends: &[&str] = if has_script(job) {
            &[".yml", &end]
        } else {
            &[".yml"]
        };
        let stem = self.taken_in(&parent).stem(job.path.name(), ends);
        let script = has_script(job).then(|| parent.join(format!("{stem}{end}")));
        let file = parent.join(format!("{stem}.yml"));
        self.layout.jobs.insert(job.id, (file, script));
    }

    /// No group takes their folder, though there may be none of them yet.
    fn place_calendars(&mut self, names: &[&str]) {
        let folder = PathBuf::from(CALENDARS);
        self.take(&folder);
        self.open(&folder);
        let mut new = Vec::new();
        for name in names {
            let kept = self.before.calendars.get(*name).cloned();
            match kept.filter(|file| self.take(file)) {
                Some(file) => drop(self.layout.calendars.insert((*name).to_owned(), file)),
                None => new.push(*name),
            }
        }
        for name in new {
            let stem = self.taken_in(&folder).stem(name, &[".yml"]);
            let file = folder.join(format!("{stem}.yml"));
            self.layout.calendars.insert(name.to_owned(), file);
        }
    }

    fn take(&mut self, file: &Path) -> bool {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let name = file.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| self.taken_in(&folder).take(name))
    }

    fn taken_in(&mut self, folder: &Path) -> &mut Taken {
        self.taken.entry(folder.to_owned()).or_default()
    }
}

fn has_script(job: &Item<'_>) -> bool {
    job.json["script"]
        .as_str()
        .is_some_and(|script| !script.is_empty())
}
