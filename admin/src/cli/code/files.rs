//! The files of a folder: which groups and jobs they describe, and where everything stands.
//!
//! A folder with a `group.yml` is a group; every other `.yml` in it is a job of that group; a
//! folder below it with a `group.yml` is a group in it. The fields are those of the API, but that
//! a dependency names its `job`, `script_file` names a file in place of `script`, `open` says
//! whether the job is open, and `{secret: NAME}` stands for a secret of a config. Calendars are in
//! a folder of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail};
use hera_domain::config::{MASK, is_secret};
use hera_domain::status::Switch;
use serde_json::{Map, Value};

use super::calendars::{self, CalendarFile};
use super::paths::TreePath;
use super::yaml::{self, Content, Node};

/// The file that makes a group of its folder.
pub(super) const GROUP: &str = "group.yml";
/// How deep folders may be nested.
const MAX_DEPTH: usize = 50;
/// The most bytes of a script; the admin's own limit is lower.
const MAX_SCRIPT: u64 = 64 << 20;
/// What only the API shows, or the folder says.
const NOT_HERE: [&str; 9] = [
    "id",
    "group_id",
    "revision",
    "switch",
    "team_id",
    "comment",
    "first_opened_at",
    "created_at",
    "updated_at",
];

/// All that a folder describes.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Each after the one that it is in.
    pub(super) groups: Vec<GroupFile>,
    pub(super) jobs: Vec<JobFile>,
    pub(super) calendars: Vec<CalendarFile>,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) node: Node,
}

/// A `group.yml`.
#[derive(Debug)]
pub(super) struct GroupFile {
    /// Empty for the root.
    pub(super) path: TreePath,
    pub(super) name: String,
    /// Where the group was before.
    pub(super) was: Option<TreePath>,
    /// Whether it is in no other group of these files.
    pub(super) is_top: bool,
    pub(super) source: Rc<Source>,
    pub(super) kind: &'static str,
    pub(super) description: String,
    pub(super) config: Config,
}

/// The file of a job.
#[derive(Debug)]
pub(super) struct JobFile {
    pub(super) path: TreePath,
    pub(super) was: Option<TreePath>,
    pub(super) source: Rc<Source>,
    /// The file of its script, if that is another one.
    pub(super) script: Option<PathBuf>,
    /// Nothing if the file leaves it as it is.
    pub(super) switch: Option<Switch>,
    /// The jobs it depends on, as they are written, in the order of its dependencies.
    pub(super) upstreams: Vec<String>,
    pub(super) config: Config,
    /// The body of the API, but for `group_id`, `config` and the ids of the dependencies.
    pub(super) body: Map<String, Value>,
}

/// The config of a group or job.
pub(super) type Config = BTreeMap<String, ConfigValue>;

/// A value of a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConfigValue {
    Text(String),
    /// The name by which the secret is given.
    Secret(String),
}

impl Source {
    /// Where a field of the API stands: the file, and the line as far as it can be found.
    pub(super) fn place(&self, field: &str) -> String {
        // The script may stand in a file of its own.
        let file = || {
            self.node
                .line_of("script_file")
                .filter(|_| field == "script")
        };
        match self.node.line_of(field).or_else(file) {
            Some(line) => self.at(line),
            None => self.path.display().to_string(),
        }
    }

    pub(super) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

impl JobFile {
    /// Where a field of the API stands.
    pub(super) fn place(&self, field: &str) -> String {
        match &self.script {
            Some(script) if field == "script" => script.display().to_string(),
            Some(_) | None => self.source.place(field),
        }
    }

    pub(super) fn place_of_dependency(&self, index: usize) -> String {
        self.source
            .place(&format!("schedule.dependencies[{index}].job"))
    }
}

/// Reads all groups of a folder, which may be one itself. What is wrong is told together.
pub(super) fn read(folder: &Path) -> anyhow::Result<Files> {
    let (files, wrong) = read_all(folder)?;
    told_together(&wrong)?;
    if files.groups.is_empty() && files.calendars.is_empty() {
        bail!("there is no {GROUP} below {}", folder.display());
    }
    Ok(files)
}

/// Reads what can be read of a folder, which is perhaps nothing.
pub(super) fn read_what_can_be(folder: &Path) -> anyhow::Result<Files> {
    Ok(read_all(folder)?.0)
}

fn read_all(folder: &Path) -> anyhow::Result<(Files, Vec<String>)> {
    let mut reader = Reader {
        home: folder
            .canonicalize()
            .with_context(|| format!("{} cannot be read", folder.display()))?,
        files: Files::default(),
        seen: BTreeSet::new(),
        wrong: Vec::new(),
    };
    reader.folder(folder, None, 0)?;
    reader.no_doubles();
    Ok((reader.files, reader.wrong))
}

/// An error of all these lines, if there are any.
pub(super) fn told_together(wrong: &[String]) -> anyhow::Result<()> {
    const MANY: usize = 20;
    match wrong.len() {
        0 => Ok(()),
        1..=MANY => bail!("{}", wrong.join("\n")),
        n => bail!("{}\nand {} more", wrong[..MANY].join("\n"), n - MANY),
    }
}

struct Reader {
    /// The folder with links resolved; scripts must lie in it.
    home: PathBuf,
    files: Files,
    /// Folders, so that a link does not lead in a circle.
    seen: BTreeSet<PathBuf>,
    wrong: Vec<String>,
}

impl Reader {
    fn folder(
        &mut self,
        folder: &Path,
        group: Option<&TreePath>,
        depth: usize,
    ) -> anyhow::Result<()> {
        let entries = entries(folder)?;
        let real = folder.canonicalize()?;
        if depth > MAX_DEPTH || !self.seen.insert(real) {
            let what = "is reached a second time, by a link, or lies too deep";
            bail!("{} {what}; remove the link", folder.display());
        }
        let file = folder.join(GROUP);
        let are_calendars = depth == 1 && folder.ends_with(calendars::FOLDER) && !file.is_file();
        let mut own = None;
        if file.is_file() {
            match read_group(&file, group, &entries) {
                Ok(found) => {
                    own = Some(found.path.clone());
                    self.files.groups.push(found);
                }
                // Its jobs would only be told to be in no group.
                Err(error) => {
                    self.wrong.push(format!("{error:#}"));
                    return Ok(());
                }
            }
        }
        for entry in &entries {
            if entry.is_dir() {
                self.folder(entry, own.as_ref().or(group), depth + 1)?;
            } else if are_calendars && is_yaml(entry) {
                match calendars::read(entry) {
                    Ok(calendar) => self.files.calendars.push(calendar),
                    Err(error) => self.wrong.push(format!("{error:#}")),
                }
            } else if is_yaml(entry) && !entry.ends_with(GROUP) {
                let read = match &own {
                    Some(group) => self.job(entry, group),
                    None if depth == 0 && self.home.ends_with(calendars::FOLDER) => {
                        Err(anyhow::anyhow!(
                            "{} belongs to no group; if it is a calendar, name the folder above",
                            entry.display()
                        ))
                    }
                    None => Err(anyhow::anyhow!(
                        "{} belongs to no group: put a {GROUP} beside it",
                        entry.display()
                    )),
                };
                match read {
                    Ok(job) => self.files.jobs.push(job),
                    Err(error) => self.wrong.push(format!("{error:#}")),
                }
            }
        }
        Ok(())
    }

    fn job(&self, file: &Path, group: &TreePath) -> anyhow::Result<JobFile> {
        let source = parsed(file)?;
        for key in NOT_HERE {
            if let Some(entry) = source.node.entry(key) {
                let place = source.at(entry.line);
                bail!("{place}: {key} is the admin's and not a file's; remove it");
            }
        }
        let Value::Object(mut body) = source.node.json() else {
            bail!(
                "{}: expected `key: value` lines",
                source.at(source.node.line)
            );
        };
        for key in ["config", "was", "open", "invalid"] {
            body.remove(key);
        }
        let name = source.name("job")?;
        body.insert("name".to_owned(), name.clone().into());
        let script = self.script(&source, &mut body)?;
        Ok(JobFile {
            path: group.child(&name),
            was: source.path_of("was")?,
            switch: source.switch()?,
            upstreams: source.upstreams(&mut body)?,
            config: source.config()?,
            script,
            source,
            body,
        })
    }

    fn script(
        &self,
        source: &Source,
        body: &mut Map<String, Value>,
    ) -> anyhow::Result<Option<PathBuf>> {
        if body.remove("script_file").is_none() {
            return Ok(None);
        }
        let place = source.place("script_file");
        let Some(name) = source.text("script_file")? else {
            bail!("{place}: script_file must be the name of a file");
        };
        if body.contains_key("script") {
            bail!("{place}: it has both script and script_file; keep one");
        }
        let file = source.path.parent().unwrap_or(Path::new("")).join(&name);
        let cannot = || format!("{place}: the script {} cannot be read", file.display());
        // A folder from elsewhere shall not fetch other files of this machine.
        if !file
            .canonicalize()
            .with_context(cannot)?
            .starts_with(&self.home)
        {
            let home = self.home.display();
            bail!(
                "{place}: the script {} does not lie in {home}",
                file.display()
            );
        }
        let size = std::fs::metadata(&file).with_context(cannot)?.len();
        if size > MAX_SCRIPT {
            bail!("{place}: the script {} has {size} bytes", file.display());
        }
        let script = utf8(&file, std::fs::read(&file).with_context(cannot)?)?;
        body.insert("script".to_owned(), script.into());
        Ok(Some(file))
    }

    fn no_doubles(&mut self) {
        let mut calendars: BTreeMap<&str, &Path> = BTreeMap::new();
        for CalendarFile { content, source } in &self.files.calendars {
            if let Some(other) = calendars.insert(&content.name, &source.path) {
                let (other, file) = (other.display(), source.path.display());
                let name = content.name.escape_debug();
                self.wrong.push(format!(
                    "{other} and {file} are both the calendar \"{name}\""
                ));
            }
        }
        let groups = self.files.groups.iter();
        let groups = groups.map(|group| ("group", &group.path, &group.source.path));
        let jobs = self.files.jobs.iter();
        let jobs = jobs.map(|job| ("job", &job.path, &job.source.path));
        let mut files: BTreeMap<(&str, &TreePath), &Path> = BTreeMap::new();
        for (what, path, file) in groups.chain(jobs) {
            if let Some(other) = files.insert((what, path), file) {
                let (other, file) = (other.display(), file.display());
                let name = path.name();
                self.wrong.push(format!(
                    "{other} and {file} are both the {what} {path}: \"{name}\" may be there once"
                ));
            }
        }
    }
}

fn read_group(
    file: &Path,
    above: Option<&TreePath>,
    beside: &[PathBuf],
) -> anyhow::Result<GroupFile> {
    let source = parsed(file)?;
    for entry in source.node.entries() {
        let known = ["name", "kind", "description", "config", "parent", "was"];
        if !known.contains(&entry.key.as_str()) {
            let (key, place) = (entry.key.escape_debug(), source.at(entry.line));
            bail!("{place}: a group has no {key}; it has {}", known.join(", "));
        }
    }
    let holds_jobs = beside
        .iter()
        .any(|path| is_yaml(path) && !path.ends_with(GROUP));
    let kind = match source.text("kind")? {
        None if holds_jobs => "small",
        None => "big",
        Some(kind) if kind == "root" => "root",
        Some(kind) if kind == "big" => "big",
        Some(kind) if kind == "small" => "small",
        Some(_) => bail!("{}: a kind is big or small", source.place("kind")),
    };
    let parent = source.path_of("parent")?;
    if above.is_some() && (kind == "root" || parent.is_some()) {
        let field = if kind == "root" { "kind" } else { "parent" };
        let place = source.place(field);
        bail!("{place}: only the topmost group says so; this one is in another folder's group");
    }
    let name = source.name("group")?;
    let path = match (kind, above, parent) {
        ("root", _, _) => TreePath::default(),
        (_, Some(above), _) => above.child(&name),
        (_, None, parent) => parent.unwrap_or_default().child(&name),
    };
    Ok(GroupFile {
        path,
        was: source.path_of("was")?,
        is_top: above.is_none(),
        name,
        kind,
        description: source.text("description")?.unwrap_or_default(),
        config: source.config()?,
        source,
    })
}

impl Source {
    /// The text of a field; nothing if it is not there or says nothing.
    pub(super) fn text(&self, key: &str) -> anyhow::Result<Option<String>> {
        let Some(entry) = self.node.entry(key) else {
            return Ok(None);
        };
        match &entry.node.content {
            Content::Plain(_) | Content::Text(_) => Ok(entry.node.text().map(str::to_owned)),
            Content::List(_) | Content::Map(_) => {
                bail!("{}: {key} must be a text", self.at(entry.line))
            }
        }
    }

    pub(super) fn name(&self, what: &str) -> anyhow::Result<String> {
        let name = self.text("name")?.filter(|name| !name.trim().is_empty());
        name.with_context(|| format!("{}: the {what} has no name", self.place("name")))
    }

    fn path_of(&self, key: &str) -> anyhow::Result<Option<TreePath>> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let path = TreePath::parse(&text);
        let wrong = || format!("{}: write a path like /group/{key}", self.place(key));
        path.with_context(wrong).map(Some)
    }

    fn switch(&self) -> anyhow::Result<Option<Switch>> {
        let flag = |key: &str| match self.node.entry(key) {
            None => Ok(None),
            Some(entry) => match entry.node.json().as_bool() {
                Some(flag) => Ok(Some(flag)),
                None => bail!("{}: {key} must be true or false", self.at(entry.line)),
            },
        };
        Ok(match (flag("open")?, flag("invalid")?) {
            (Some(true), Some(true)) => {
                bail!("{}: an invalid job cannot be open", self.place("invalid"))
            }
            (_, Some(true)) => Some(Switch::Invalid),
            (Some(true), _) => Some(Switch::Open),
            (Some(false), _) => Some(Switch::Closed),
            (None, _) => None,
        })
    }

    fn config(&self) -> anyhow::Result<Config> {
        let Some(entry) = self.node.entry("config") else {
            return Ok(Config::new());
        };
        let is_empty =
            matches!(&entry.node.content, Content::Plain(_)) && entry.node.text().is_none();
        if !is_empty && !matches!(entry.node.content, Content::Map(_)) {
            bail!(
                "{}: config must hold `key: value` lines",
                self.at(entry.line)
            );
        }
        let mut config = Config::new();
        for entry in entry.node.entries() {
            let value = config_value(&entry.key, &entry.node);
            let value = value.map_err(|wrong| {
                anyhow::anyhow!("{}: config.{} {wrong}", self.at(entry.line), entry.key)
            })?;
            config.insert(entry.key.clone(), value);
        }
        Ok(config)
    }

    /// Takes the names of the dependencies out.
    fn upstreams(&self, body: &mut Map<String, Value>) -> anyhow::Result<Vec<String>> {
        let dependencies = body
            .get_mut("schedule")
            .and_then(|schedule| schedule.get_mut("dependencies"))
            .and_then(Value::as_array_mut);
        let mut upstreams = Vec::new();
        for (index, dependency) in dependencies.into_iter().flatten().enumerate() {
            let job = dependency.as_object_mut().and_then(|d| d.remove("job"));
            let job = match job {
                Some(Value::String(name)) => Some(name),
                Some(Value::Number(number)) => Some(number.to_string()),
                Some(_) | None => None,
            };
            let place = || self.place(&format!("schedule.dependencies[{index}]"));
            let job = job.with_context(|| {
                format!(
                    "{}: a dependency names no job; write `- job: name`",
                    place()
                )
            })?;
            upstreams.push(job);
        }
        Ok(upstreams)
    }
}

fn config_value(key: &str, node: &Node) -> Result<ConfigValue, String> {
    if let Some(text) = node.text() {
        if text == MASK && is_secret(key) {
            return Err("is masked; write {secret: NAME}, and give NAME to apply".to_owned());
        }
        return Ok(ConfigValue::Text(text.to_owned()));
    }
    match node.entries() {
        [entry] if entry.key == "secret" => {
            let name = entry.node.text().filter(|name| !name.is_empty());
            let name = name.ok_or("names no secret; write {secret: NAME}")?;
            if is_secret(key) {
                Ok(ConfigValue::Secret(name.to_owned()))
            } else {
                Err("would be shown to everybody: only the values of keys that begin with `secret.` or hold `password` are secrets".to_owned())
            }
        }
        _ => Err("has no value; write a text ('' if it is empty) or {secret: NAME}".to_owned()),
    }
}

pub(super) fn parsed(path: &Path) -> anyhow::Result<Rc<Source>> {
    let bytes =
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let text = utf8(path, bytes)?;
    match yaml::parse(&text) {
        Ok(node) => Ok(Rc::new(Source {
            path: path.to_owned(),
            node,
        })),
        Err(wrong) => bail!("{}:{}: {}", path.display(), wrong.line, wrong.message),
    }
}

fn utf8(path: &Path, bytes: Vec<u8>) -> anyhow::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let lines = error.as_bytes()[..good]
            .iter()
            .filter(|byte| **byte == b'\n');
        let line = lines.count() + 1;
        anyhow::anyhow!("{}:{line}: the text is not UTF-8", path.display())
    })
}

/// What is in a folder, in alphabetical order; hidden files are none of ours.
pub(super) fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    let mut entries = read().with_context(|| format!("{} cannot be read", folder.display()))?;
    entries.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        !name.as_encoded_bytes().starts_with(b".")
    });
    entries.sort();
    Ok(entries)
}

pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end == "yml" || end == "yaml")
}
