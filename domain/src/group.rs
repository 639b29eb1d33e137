//! What a group is: a node of the tree, whose config is inherited by everything below it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::Origin;
use crate::id::{GroupId, Revision};

/// A group as the leader and the pages know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDef {
    pub id: GroupId,
    pub revision: Revision,
    pub content: GroupContent,
}

/// What a person edits of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupContent {
    /// `None` for the root only.
    pub parent_id: Option<GroupId>,
    pub name: String,
    /// Big groups hold groups, small ones hold jobs.
    pub big: bool,
    pub description: String,
    pub config: BTreeMap<String, String>,
}

/// The configs that something in a group inherits, the nearest group's first, the root's last.
pub fn levels(
    groups: &BTreeMap<GroupId, Arc<GroupDef>>,
    group: Option<GroupId>,
) -> Vec<(Origin, &BTreeMap<String, String>)> {
    let mut levels = Vec::new();
    let mut next = group;
    while let Some(group) = next.and_then(|id| groups.get(&id)) {
        let origin = Origin::Group(group.id, group.content.name.clone());
        levels.push((origin, &group.content.config));
        // A tree is no deeper than it has groups; one that is damaged shall not hang us.
        next = group
            .content
            .parent_id
            .filter(|_| levels.len() <= groups.len());
    }
    levels
}
