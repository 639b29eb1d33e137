//! Groups: the tree is planned as a whole and saved from the root down.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::group::GroupContent;
use hera_domain::id::{GroupId, Revision};

use super::Importer;
use super::ids::Reserved;
use super::marks::{Standing, fingerprint, standing};
use super::report::{Fate, Kind, Severity};
use super::tree::{self, Key, Node, Tree};
use crate::master::CommandError;
use crate::store::ImportMark;
use crate::store::legacy::{LegacyGroup, LegacyJobHead};

/// Groups of one commit.
const PER_COMMIT: usize = 200;

/// The tree, and what became of it here.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) tree: Tree,
    pub(super) ids: BTreeMap<Key, GroupId>,
    /// Why jobs below a group must not run yet.
    unfit: BTreeMap<Key, Vec<String>>,
    pub(super) reserved: Reserved,
}

impl Places {
    /// Why a job in this group must not run yet, whatever the job is like.
    pub(super) fn unfit(&self, group: Key) -> Vec<String> {
        let nodes = self.tree.chain(group);
        let reasons = nodes.filter_map(|node| Some((node, self.unfit.get(&node.key)?)));
        reasons
            .flat_map(|(node, reasons)| {
                reasons
                    .iter()
                    .map(move |reason| format!("the group {} above it: {reason}", node.name))
            })
            .collect()
    }
}

impl Importer {
    pub(super) async fn import_groups(
        &mut self,
        heads: &[LegacyJobHead],
    ) -> anyhow::Result<Places> {
        self.note_missing::<LegacyGroup>(Kind::Group);
        let mut groups: Vec<LegacyGroup> = self.hera.all().await?;
        let reserved = self.ids.reserve(
            heads.iter().map(|head| head.id),
            groups.iter().map(|group| group.id),
        );
        groups.retain(|group| {
            let is_there = group.existed.unwrap_or(1) != 0;
            if !is_there {
                self.report.count(Kind::Group, Fate::Deleted);
            }
            is_there
        });
        let jobs = heads.iter().filter(|head| head.is_there());
        let homes: BTreeSet<i64> = jobs.map(|head| head.group_id.unwrap_or(0)).collect();
        let tree = tree::plan(&groups, &homes, &mut self.report.findings);
        let ids = groups.iter().map(|group| group.id).collect();
        self.note_vanished(Kind::Group, &ids);
        let mut places = Places {
            tree: Tree::default(),
            ids: BTreeMap::new(),
            unfit: BTreeMap::new(),
            reserved,
        };
        for (index, node) in tree.nodes.iter().enumerate() {
            let is_root = tree.root.is_some_and(|root| node.key == Key::Group(root));
            self.import_group(node, is_root, &mut places);
            if index % PER_COMMIT == PER_COMMIT - 1 {
                self.commit().await?;
            }
        }
        self.commit().await?;
        places.tree = tree;
        Ok(places)
    }

    fn import_group(&mut self, node: &Node, is_root: bool, places: &mut Places) {
        let (word, old) = match node.key {
            Key::Group(old) => (Kind::Group.as_str(), old),
            Key::Holder(old) => ("holder", old),
        };
        let mark = self.marks.get(word, old).cloned();
        let id = match &mark {
            Some(mark) => GroupId(mark.new_id),
            None if is_root && self.ids.fresh_root => self.ids.root,
            None => {
                let wanted = matches!(node.key, Key::Group(_)).then_some(old);
                self.ids.group(wanted, node.big, &mut places.reserved)
            }
        };
        let parent = node.parent.and_then(|parent| places.ids.get(&parent));
        let parent = parent.copied().unwrap_or(self.ids.root);
        let mut content = GroupContent {
            parent_id: (id != self.ids.root).then_some(parent),
            name: node.name.clone(),
            big: node.big,
            description: node.description.clone(),
            config: node.config.values.clone(),
        };
        let print = fingerprint(&content);
        let mut lost = node.config.lost.clone();
        let fate = match self.group_standing(mark.as_ref(), id, node, &print) {
            Some(Standing::Same) => Fate::Unchanged,
            Some(Standing::Touched { in_hera_too }) => {
                self.note_left(Kind::Group, old, &node.name, in_hera_too);
                Fate::Left
            }
            standing @ (None | Some(Standing::Newer)) => {
                self.keep_group_secrets(id, node, &mut content);
                match self.save_group(id, old, content, &mut lost) {
                    Ok(revision) => {
                        let made = self.marks.make(word, old, id.0, print, Some(revision));
                        self.mark(made);
                        if standing.is_none() {
                            if word == Kind::Group.as_str() {
                                self.report.renumber(Kind::Group, &node.name, old, id.0);
                            }
                            Fate::Imported
                        } else {
                            Fate::Updated
                        }
                    }
                    Err(error) => {
                        let mut notes = self.notes(Kind::Group, old, &node.name);
                        let todo = "put it right in HERA or here, then import again";
                        notes.add(Severity::Refused, "", error.to_string(), todo);
                        Fate::Refused
                    }
                }
            }
        };
        if word == Kind::Group.as_str() {
            self.report.count(Kind::Group, fate);
        }
        if self.offline.groups().contains_key(&id) {
            places.ids.insert(node.key, id);
        }
        places
            .unfit
            .insert(node.key, self.unfit_group(id, node, lost, fate));
    }

    /// Saves a group; values that no group may have are left out and noted.
    fn save_group(
        &mut self,
        id: GroupId,
        old: i64,
        mut content: GroupContent,
        lost: &mut Vec<String>,
    ) -> Result<Revision, CommandError> {
        loop {
            let wrong = match self.offline.save_group(id, content.clone()) {
                Err(CommandError::Invalid(wrong)) => wrong,
                other => return other,
            };
            let before = content.config.len();
            for error in &wrong {
                let key = error.field.strip_prefix("config.");
                if let Some(key) = key.filter(|key| content.config.remove(*key).is_some()) {
                    let what = format!("{key} is left out: {}", error.message);
                    let todo = "set it here; the open jobs below stay closed until then";
                    self.notes(Kind::Group, old, &content.name).add(
                        Severity::Altered,
                        "configs",
                        &what,
                        todo,
                    );
                    lost.push(what);
                }
            }
            if content.config.len() == before {
                return Err(CommandError::Invalid(wrong));
            }
        }
    }

    /// How a group that was imported before stands; none for a new one.
    fn group_standing(
        &self,
        mark: Option<&ImportMark>,
        id: GroupId,
        node: &Node,
        wanted: &str,
    ) -> Option<Standing> {
        let mark = mark?;
        let touched = match self.offline.groups().get(&id) {
            None => true,
            Some(group) if Some(group.revision) == mark.revision => false,
            Some(group) => {
                let mut content = group.content.clone();
                for secret in &node.config.secrets {
                    content.config.remove(secret);
                }
                fingerprint(&content) != mark.fingerprint
            }
        };
        Some(standing(wanted, mark, touched))
    }

    /// A secret that a person has set here stays.
    fn keep_group_secrets(&self, id: GroupId, node: &Node, content: &mut GroupContent) {
        let Some(group) = self.offline.groups().get(&id) else {
            return;
        };
        for secret in &node.config.secrets {
            if let Some(value) = group.content.config.get(secret) {
                content.config.insert(secret.clone(), value.clone());
            }
        }
    }

    /// What is missing of a group that jobs below it need.
    fn unfit_group(&self, id: GroupId, node: &Node, lost: Vec<String>, fate: Fate) -> Vec<String> {
        let group = self.offline.groups().get(&id);
        let is_set =
            |key: &String| group.is_some_and(|group| group.content.config.contains_key(key));
        let secrets = node.config.secrets.iter().filter(|key| !is_set(key));
        let mut reasons: Vec<String> = secrets.map(|key| format!("{key} is not set")).collect();
        // A person has had it in hand since.
        if fate != Fate::Left {
            reasons.extend(lost);
        }
        reasons
    }

    /// Notes that a person's change stays.
    pub(super) fn note_left(&mut self, kind: Kind, old: i64, name: &str, in_hera_too: bool) {
        let (what, todo) = if in_hera_too {
            (
                "was changed in HERA and here since the last import; what is here stays",
                "compare the two, and take over by hand what is wanted",
            )
        } else {
            ("was changed here since the last import, and stays", "")
        };
        self.notes(kind, old, name)
            .add(Severity::Left, "", what, todo);
    }

    /// Notes what HERA no longer has and former imports brought.
    pub(super) fn note_vanished(&mut self, kind: Kind, there: &BTreeSet<i64>) {
        let gone: Vec<(i64, i64)> = self
            .marks
            .of(kind.as_str())
            .filter(|mark| !there.contains(&mark.old_id))
            .map(|mark| (mark.old_id, mark.new_id))
            .collect();
        for (old, new) in gone {
            let what = format!("was deleted in HERA since the last import; it stays here as {new}");
            let todo = "close and delete it here if it is not wanted";
            self.notes(kind, old, "")
                .add(Severity::Note, "", what, todo);
        }
    }
}

impl LegacyJobHead {
    /// Whether HERA has not deleted it.
    pub(super) fn is_there(&self) -> bool {
        self.is_valid.unwrap_or(1) != 0
    }
}
