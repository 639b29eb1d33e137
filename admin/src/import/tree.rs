//! HERA's tree of groups as one that is legal here: one root, groups in big groups, jobs in small
//! ones. What HERA let slip is put where it inherits the same config.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::job::Resource;

use super::config::{self, Config};
use super::report::{Finding, Kind, Notes, Severity};
use crate::store::legacy::LegacyGroup;

/// What to do about two that have one path.
pub(super) const NAMESAKES: &str =
    "rename one of them before you use export and apply, which tell them by their paths";

/// A place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A group of HERA's.
    Group(i64),
    /// A small group made for the jobs that HERA kept directly in a big one; `Holder(0)` takes
    /// those whose group is gone.
    Holder(i64),
}

/// A group as it shall be here.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) key: Key,
    /// `None` at the top.
    pub(super) parent: Option<Key>,
    pub(super) big: bool,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) config: Config,
    pub(super) resources: Vec<Resource>,
    pub(super) owner: Option<String>,
}

/// The tree, parents before their children.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// HERA's root; anything else without a parent hangs below ours.
    pub(super) root: Option<i64>,
    pub(super) nodes: Vec<Node>,
    at: BTreeMap<Key, usize>,
    /// Groups that exist in HERA, and whether they hold jobs here themselves.
    small: BTreeMap<i64, bool>,
}

impl Tree {
    /// Where a job of this HERA group goes.
    pub(super) fn place(&self, group: Option<i64>) -> Key {
        match group.and_then(|id| Some((id, self.small.get(&id)?))) {
            Some((id, true)) => Key::Group(id),
            Some((id, false)) => Key::Holder(id),
            None => Key::Holder(0),
        }
    }

    /// A node and everything above it, nearest first.
    pub(super) fn chain(&self, from: Key) -> impl Iterator<Item = &Node> {
        let node = |key: &Key| self.at.get(key).map(|index| &self.nodes[*index]);
        std::iter::successors(node(&from), move |below| node(below.parent.as_ref()?))
    }

    fn push(&mut self, node: Node) {
        self.at.insert(node.key, self.nodes.len());
        self.nodes.push(node);
    }
}

/// Makes the tree of the groups that are not deleted. `homes` are the groups of jobs, existing
/// or not.
pub(super) fn plan(
    groups: &[LegacyGroup],
    homes: &BTreeSet<i64>,
    found: &mut Vec<Finding>,
) -> Tree {
    let there: BTreeMap<i64, &LegacyGroup> = groups.iter().map(|group| (group.id, group)).collect();
    let root = root(&there);
    let parents = parents(&there, root, found);
    let mut children: BTreeMap<Option<i64>, Vec<i64>> = BTreeMap::new();
    for (group, parent) in &parents {
        children.entry(*parent).or_default().push(*group);
    }
    let mut tree = Tree {
        root,
        ..Tree::default()
    };
    let mut open: Vec<i64> = children.get(&None).cloned().unwrap_or_default();
    open.reverse();
    while let Some(id) = open.pop() {
        let below = children.get(&Some(id)).cloned().unwrap_or_default();
        let Some(group) = there.get(&id) else {
            continue;
        };
        let parent = parents.get(&id).copied().flatten();
        let node = node(group, parent, !below.is_empty(), found);
        tree.small.insert(id, !node.big);
        let holder = (node.big && homes.contains(&id)).then(|| holder(&node, id));
        tree.push(node);
        if let Some(holder) = holder {
            let mut notes = notes(group, found);
            notes.add(
                Severity::Altered,
                "directory",
                "jobs hang directly in this big group; they are in a small group of the same name below it",
                "",
            );
            tree.push(holder);
        }
        open.extend(below.into_iter().rev());
    }
    note_namesakes(&tree, found);
    if homes.iter().any(|home| !tree.small.contains_key(home)) {
        let root = tree.nodes.first().map(|root| root.key);
        tree.push(Node {
            key: Key::Holder(0),
            parent: root,
            big: false,
            name: "jobs without a group (HERA)".to_owned(),
            description: "Their group was missing or deleted in HERA.".to_owned(),
            config: Config::default(),
            resources: Vec::new(),
            owner: None,
        });
    }
    tree
}

/// Groups are told apart by their ids; files of `export` tell them by their names.
fn note_namesakes(tree: &Tree, found: &mut Vec<Finding>) {
    let mut seen: BTreeMap<(Option<Key>, &str), i64> = BTreeMap::new();
    for node in &tree.nodes {
        let Key::Group(id) = node.key else { continue };
        if let Some(other) = seen.insert((node.parent, &node.name), id) {
            let mut notes = Notes {
                kind: Kind::Group,
                id,
                name: &node.name,
                found,
            };
            let what = format!("group {other} beside it has this name too");
            notes.add(Severity::Note, "name", what, NAMESAKES);
        }
    }
}

/// HERA's root: the oldest big group at the top, which HERA makes at its installation.
fn root(there: &BTreeMap<i64, &LegacyGroup>) -> Option<i64> {
    let is_top = |group: &LegacyGroup| group.parent.unwrap_or(0) == 0;
    let tops = there.values().filter(|group| is_top(group));
    tops.min_by_key(|group| (group.directory.unwrap_or(0), group.id))
        .map(|group| group.id)
}

/// The parent of each group: `None` at the top.
fn parents(
    there: &BTreeMap<i64, &LegacyGroup>,
    root: Option<i64>,
    found: &mut Vec<Finding>,
) -> BTreeMap<i64, Option<i64>> {
    let mut parents = BTreeMap::new();
    for (id, group) in there {
        let parent = if root == Some(*id) {
            None
        } else {
            match group.parent {
                Some(parent) if there.contains_key(&parent) && parent != *id => Some(parent),
                Some(0) | None => {
                    let what = "is a second root; it hangs below the first one";
                    notes(group, found).add(Severity::Altered, "parent", what, "");
                    root
                }
                Some(parent) => {
                    let what = format!(
                        "its parent {parent} is missing or deleted; it hangs below the root and inherits from there"
                    );
                    let todo = "move it where it belongs";
                    notes(group, found).add(Severity::Altered, "parent", what, todo);
                    root
                }
            }
        };
        parents.insert(*id, parent);
    }
    open_circles(&mut parents, there, root, found);
    parents
}

/// Groups that hang in each other are below no root: the first of each circle is put there.
fn open_circles(
    parents: &mut BTreeMap<i64, Option<i64>>,
    there: &BTreeMap<i64, &LegacyGroup>,
    root: Option<i64>,
    found: &mut Vec<Finding>,
) {
    let ids: Vec<i64> = parents.keys().copied().collect();
    for id in ids {
        let mut seen = BTreeSet::new();
        let mut at = Some(id);
        while let Some(group) = at.filter(|group| seen.insert(*group)) {
            at = parents.get(&group).copied().flatten();
        }
        // It came round to where it began (one that only leads into a circle is not on it).
        if at == Some(id) && root != Some(id) {
            parents.insert(id, root);
            if let Some(group) = there.get(&id) {
                let what = "it is its own ancestor; it hangs below the root";
                notes(group, found).add(
                    Severity::Altered,
                    "parent",
                    what,
                    "move it where it belongs",
                );
            }
        }
    }
}

fn node(
    group: &LegacyGroup,
    parent: Option<i64>,
    has_groups: bool,
    found: &mut Vec<Finding>,
) -> Node {
    let mut notes = notes(group, found);
    let is_small = group.directory.unwrap_or(0) != 0;
    if is_small && has_groups {
        let what = "is a small group that holds groups; it is a big one";
        notes.add(Severity::Altered, "directory", what, "");
    }
    let mut config = Config::read(group.configs.as_deref());
    let (resources, lost) = config::resources(group.resources.as_deref());
    for what in config.lost.iter().chain(&lost) {
        let column = if lost.contains(what) {
            "resources"
        } else {
            "configs"
        };
        let todo = "set it here; the open jobs below stay closed until then";
        notes.add(Severity::Altered, column, what, todo);
    }
    config.lost.extend(lost);
    for what in &config.changed {
        notes.add(Severity::Altered, "configs", what, "");
    }
    for (what, todo) in config.inert() {
        notes.add(Severity::Altered, "configs", what, todo);
    }
    for key in &config.secrets {
        let what = format!("{key} is sealed by HERA and cannot be read");
        let todo = format!("set {key} here again; the open jobs below stay closed until then");
        notes.add(Severity::Altered, "configs", what, todo);
    }
    for key in [
        "run.priority.level",
        "roll.back.times",
        "roll.back.wait.time",
    ] {
        if config.values.contains_key(key) {
            let what = format!("{key} acts in a job only; at a group it is a plain variable");
            notes.add(Severity::Note, "configs", what, "");
        }
    }
    let name = name(&mut notes, group.name.as_deref(), "group", group.id);
    Node {
        key: Key::Group(group.id),
        parent: parent.map(Key::Group),
        big: !is_small || has_groups,
        name,
        description: group.description.clone().unwrap_or_default(),
        config,
        resources,
        owner: group.owner.clone().filter(|owner| !owner.trim().is_empty()),
    }
}

fn holder(group: &Node, id: i64) -> Node {
    Node {
        key: Key::Holder(id),
        parent: Some(group.key),
        big: false,
        name: group.name.clone(),
        description: String::new(),
        config: Config::default(),
        resources: Vec::new(),
        owner: group.owner.clone(),
    }
}

/// A name as it may be here.
pub(super) fn name(notes: &mut Notes<'_>, name: Option<&str>, what: &str, id: i64) -> String {
    const CHARS: usize = 200;
    let written = name.unwrap_or_default();
    let clean: String = written.chars().filter(|c| !c.is_control()).collect();
    let mut kept: String = clean.trim().chars().take(CHARS).collect();
    if kept.is_empty() {
        kept = format!("{what} {id}");
    }
    if kept != written.trim() {
        let what =
            format!("the name is blank, too long or holds control characters; it is now {kept}");
        notes.add(Severity::Altered, "name", what, "");
    }
    kept
}

fn notes<'a>(group: &'a LegacyGroup, found: &'a mut Vec<Finding>) -> Notes<'a> {
    Notes {
        kind: Kind::Group,
        id: group.id,
        name: group.name.as_deref().unwrap_or_default(),
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::Key::{Group as G, Holder as H};
    use super::*;

    fn group(id: i64, parent: i64, directory: i64) -> LegacyGroup {
        LegacyGroup {
            id,
            name: Some(format!("g{id}")),
            parent: Some(parent),
            directory: Some(directory),
            ..LegacyGroup::default()
        }
    }

    fn shape(tree: &Tree) -> Vec<(Key, Option<Key>, bool)> {
        let node = |node: &Node| (node.key, node.parent, node.big);
        tree.nodes.iter().map(node).collect()
    }

    #[test]
    fn a_tree_that_is_in_order_stays_as_it_is() {
        let mut found = Vec::new();
        let groups = [
            group(1, 0, 0),
            group(2, 1, 1),
            group(5, 7, 1),
            group(7, 1, 0),
        ];
        let tree = plan(&groups, &[2, 5].into(), &mut found);
        assert_eq!(
            shape(&tree),
            [
                (G(1), None, true),
                (G(2), Some(G(1)), false),
                (G(7), Some(G(1)), true),
                (G(5), Some(G(7)), false)
            ]
        );
        assert_eq!(found, []);
        assert_eq!(tree.place(Some(5)), G(5));
        let chain: Vec<_> = tree.chain(G(5)).map(|node| node.key).collect();
        assert_eq!(chain, [G(5), G(7), G(1)]);
    }

    #[test]
    fn what_hangs_wrongly_is_put_where_it_inherits_the_same() {
        let mut found = Vec::new();
        let groups = [
            group(1, 0, 0),
            group(2, 1, 0),  // big, with jobs
            group(3, 99, 1), // parent gone
            group(4, 1, 1),  // small, with a group
            group(5, 4, 1),
            group(6, 7, 0), // in each other
            group(7, 6, 0),
            group(8, 0, 0), // a second root
        ];
        let tree = plan(&groups, &[2, 4, 42].into(), &mut found);
        assert_eq!(
            shape(&tree),
            [
                (G(1), None, true),
                (G(2), Some(G(1)), true),
                (H(2), Some(G(2)), false),
                (G(3), Some(G(1)), false),
                (G(4), Some(G(1)), true),
                (H(4), Some(G(4)), false),
                (G(5), Some(G(4)), false),
                (G(6), Some(G(1)), true),
                (G(7), Some(G(6)), true),
                (G(8), Some(G(1)), true),
                (H(0), Some(G(1)), false)
            ]
        );
        assert_eq!(tree.place(Some(4)), H(4));
        assert_eq!(tree.place(Some(42)), H(0));
        let mut named: Vec<_> = found.iter().map(|finding| finding.id).collect();
        named.sort_unstable();
        assert_eq!(named, [2, 3, 4, 4, 6, 8]);
    }
}
