//! What a group is: a node of the tree, whose config is inherited by everything below it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
