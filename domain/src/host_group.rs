//! What a person edits of a host group, and whether it makes one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::engine::{HostGroup, LABEL};
use crate::id::{HostGroupId, Revision};
use crate::job::FieldError;

const NAME_CHARS: usize = 100;
const DESCRIPTION_CHARS: usize = 2000;
const MEMBER_CHARS: usize = 250;
const MAX_MEMBERS: usize = 1000;

/// A host group without its number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostGroupContent {
    pub name: String,
    pub description: String,
    /// Whether it takes runs at all.
    pub effective: bool,
    /// Whether it holds every worker, whatever its members.
    pub everyone: bool,
    /// Workers by name, by address, or by label (`label:gpu`).
    pub members: BTreeSet<String>,
}

impl HostGroupContent {
    /// Everything that is wrong, by field; nothing if it makes a host group.
    pub fn check(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let mut add = |field: &str, message: String| wrong.push(FieldError::new(field, message));
        if self.name.trim().is_empty() || self.name.trim() != self.name {
            add("name", "is blank or begins or ends with a space".to_owned());
        } else if self.name.chars().count() > NAME_CHARS || self.name.contains(char::is_control) {
            let message = format!("takes {NAME_CHARS} characters and no control characters");
            add("name", message);
        }
        if self.description.chars().count() > DESCRIPTION_CHARS {
            let message = format!("takes {DESCRIPTION_CHARS} characters");
            add("description", message);
        }
        if self.members.len() > MAX_MEMBERS {
            let count = self.members.len();
            let message = format!("holds {count}; keep at most {MAX_MEMBERS}");
            add("members", message);
        }
        let bad = |member: &&String| {
            let label = member.strip_prefix(LABEL).unwrap_or(member);
            let blank = label.trim().is_empty() || label.trim() != label;
            let long = member.chars().count() > MEMBER_CHARS;
            blank || long || member.trim() != *member || member.contains(char::is_control)
        };
        if let Some(member) = self.members.iter().find(bad) {
            let member = member.escape_debug();
            let message = format!(
                "\"{member}\" names no worker; write a name, an address, or a label like label:gpu"
            );
            add("members", message);
        }
        wrong
    }

    /// The host group of this content.
    pub fn of(self, id: HostGroupId, revision: Revision) -> HostGroup {
        HostGroup {
            id,
            revision,
            name: self.name,
            description: self.description,
            effective: self.effective,
            everyone: self.everyone,
            members: self.members,
        }
    }
}

impl From<&HostGroup> for HostGroupContent {
    fn from(group: &HostGroup) -> Self {
        let HostGroup {
            id: _,
            revision: _,
            name,
            description,
            effective,
            everyone,
            members,
        } = group;
        Self {
            name: name.clone(),
            description: description.clone(),
            effective: *effective,
            everyone: *everyone,
            members: members.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(name: &str, members: &[&str]) -> Vec<String> {
        let content = HostGroupContent {
            name: name.to_owned(),
            members: members.iter().map(|member| (*member).to_owned()).collect(),
            ..HostGroupContent::default()
        };
        let wrong = content.check().into_iter();
        wrong.map(|error| error.field).collect()
    }

    #[test]
    fn names_and_members_are_checked() {
        assert_eq!(
            wrong("显卡", &["node-a", "10.0.0.7", "label:gpu"]),
            [] as [&str; 0]
        );
        assert_eq!(
            wrong("empty", &[]),
            [] as [&str; 0],
            "it may be filled later"
        );
        for name in ["", " ", " a", "a\n", &"x".repeat(101)] {
            assert_eq!(wrong(name, &[]), ["name"], "{name:?}");
        }
        for member in ["", " a", "label:", "label: gpu", "a\tb", &"x".repeat(251)] {
            assert_eq!(wrong("g", &[member]), ["members"], "{member:?}");
        }
    }
}
