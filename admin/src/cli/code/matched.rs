//! Which group or job of the admin a file means, if there is one.
//!
//! Keys stand for both: the id of what is there, and below zero what a file will make.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};

use super::files::{Files, JobFile};
use super::paths::TreePath;
use super::there::There;

/// The id of what is there, or `-1 - index` of the file of what is not.
pub(super) type Key = i64;

/// Keys of all files, and names for all keys.
#[derive(Debug)]
pub(super) struct Matched<'a> {
    pub(super) files: &'a Files,
    pub(super) there: &'a There,
    /// The group of each group's file.
    pub(super) groups: Vec<Key>,
    /// The group above it; nothing above the root.
    pub(super) parents: Vec<Option<Key>>,
    /// The job of each job's file.
    pub(super) jobs: Vec<Key>,
    /// The group of each job's file.
    pub(super) homes: Vec<Key>,
    group_files: BTreeMap<Key, usize>,
    job_files: BTreeMap<Key, usize>,
    job_paths: BTreeMap<&'a TreePath, usize>,
    job_names: BTreeMap<&'a str, Vec<usize>>,
}

/// The key of what the file of this index will make.
fn new(index: usize) -> Key {
    -1 - Key::try_from(index).expect("there are fewer files than numbers")
}

impl<'a> Matched<'a> {
    pub(super) fn new(files: &'a Files, there: &'a There) -> anyhow::Result<Self> {
        let mut matched = Self {
            files,
            there,
            groups: Vec::new(),
            parents: Vec::new(),
            jobs: Vec::new(),
            homes: Vec::new(),
            group_files: BTreeMap::new(),
            job_files: BTreeMap::new(),
            job_paths: BTreeMap::new(),
            job_names: BTreeMap::new(),
        };
        let mut keys: BTreeMap<&TreePath, Key> = BTreeMap::new();
        for (index, file) in files.groups.iter().enumerate() {
            let parent = match file.path.parent() {
                None => None,
                Some(above) => match keys.get(&above) {
                    Some(key) => Some(*key),
                    None => Some(there.group(&above)?.with_context(|| {
                        let place = file.source.place("parent");
                        format!("{place}: the admin has no group {above}")
                    })?),
                },
            };
            let found = match parent {
                None => Some(there.root),
                Some(parent) => match there.group_in(parent, file.path.name())? {
                    None => file.was.as_ref().map_or(Ok(None), |was| there.group(was))?,
                    found => found,
                },
            };
            let key = found.unwrap_or_else(|| new(index));
            if let Some(other) = matched.group_files.insert(key, index) {
                twice("group", &file.source.path, &files.groups[other].source.path)?;
            }
            keys.insert(&file.path, key);
            matched.groups.push(key);
            matched.parents.push(parent);
        }
        for (index, file) in files.jobs.iter().enumerate() {
            let above = file.path.parent().context("a job is in a group")?;
            let home = keys[&above];
            let found = match there.job_in(home, file.path.name())? {
                None => file.was.as_ref().map_or(Ok(None), |was| there.job(was))?,
                found => found,
            };
            let key = found.unwrap_or_else(|| new(index));
            if let Some(other) = matched.job_files.insert(key, index) {
                twice("job", &file.source.path, &files.jobs[other].source.path)?;
            }
            matched.jobs.push(key);
            matched.homes.push(home);
            matched.job_paths.insert(&file.path, index);
            let named = matched.job_names.entry(file.path.name()).or_default();
            named.push(index);
        }
        Ok(matched)
    }

    /// The file of a job, if it has one.
    pub(super) fn job_file(&self, key: Key) -> Option<&'a JobFile> {
        self.job_files
            .get(&key)
            .map(|index| &self.files.jobs[*index])
    }

    pub(super) fn has_group_file(&self, key: Key) -> bool {
        self.group_files.contains_key(&key)
    }

    /// The job that a dependency means: one of the files, or the only one of that name there.
    pub(super) fn upstream(&self, text: &str) -> anyhow::Result<Key> {
        if let Some(path) = TreePath::parse(text) {
            if let Some(index) = self.job_paths.get(&path) {
                return Ok(self.jobs[*index]);
            }
            let found = self.there.job(&path)?;
            return found.with_context(|| format!("there is no job {path}, here or in the files"));
        }
        let here = self.job_names.get(text).map_or(&[][..], Vec::as_slice);
        match (here, self.there.named(text)) {
            ([index], _) => Ok(self.jobs[*index]),
            ([], [id]) => Ok(*id),
            ([], []) => bail!("there is no job named {text}, here or in the files"),
            ([first, second, ..], _) => {
                let paths = [first, second].map(|index| &self.files.jobs[*index].path);
                several(text, paths)
            }
            ([], [first, second, ..]) => {
                let paths = [first, second].map(|id| &self.there.jobs[id].path);
                several(text, paths)
            }
        }
    }

    /// Whether a group shall be big or small.
    pub(super) fn kind(&self, key: Key) -> &str {
        match self.group_files.get(&key) {
            Some(index) => self.files.groups[*index].kind,
            None => self.there.groups[&key].json["kind"]
                .as_str()
                .unwrap_or_default(),
        }
    }

    /// How a job is named to people.
    pub(super) fn job_path(&self, key: Key) -> &TreePath {
        match self.job_file(key) {
            Some(file) => &file.path,
            None => &self.there.jobs[&key].path,
        }
    }

    /// How a group is named to people.
    pub(super) fn group_path(&self, key: Key) -> &TreePath {
        match self.group_files.get(&key) {
            Some(index) => &self.files.groups[*index].path,
            None => &self.there.groups[&key].path,
        }
    }
}

fn several(name: &str, [first, second]: [&TreePath; 2]) -> anyhow::Result<Key> {
    bail!("several jobs are named {name}: write {first} or {second}")
}

fn twice(what: &str, file: &std::path::Path, other: &std::path::Path) -> anyhow::Result<()> {
    let (other, file) = (other.display(), file.display());
    bail!("{other} and {file} mean the same {what}: one of them says that it was the other")
}
