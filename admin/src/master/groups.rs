//! The tree of groups: what may hang where.

use std::collections::BTreeMap;
use std::sync::Arc;

use hera_domain::check::check_values;
use hera_domain::engine::Tick;
use hera_domain::id::{GroupId, JobId, Revision};
use hera_domain::job::{FieldError, JobDef};

use super::commands::{Work, newest_is};
use super::handle::{CommandError, Saved};
use super::leader::Leader;
use crate::access::Actor;
use crate::store::{GroupChange, Subject};
use hera_domain::group::{GroupContent, GroupDef};

impl Leader {
    pub(super) fn tree(&self) -> Tree<'_> {
        Tree {
            groups: &self.state.definitions.groups,
            jobs: self.engine.jobs(),
            area: &self.renderer.area,
        }
    }

    pub(super) fn save_group(
        &mut self,
        actor: &Actor,
        group: Option<GroupId>,
        base: Option<Revision>,
        content: &GroupContent,
        tick: Tick,
        work: &mut Work,
    ) -> Result<Saved<GroupId>, CommandError> {
        let before = match group {
            None => None,
            Some(id) => {
                let found = self.state.definitions.groups.get(&id).map(Arc::clone);
                Some(found.ok_or_else(|| CommandError::NotFound(format!("group {id}")))?)
            }
        };
        let revision = match &before {
            None => Revision(1),
            Some(before) if base.is_none_or(|base| base == before.revision) => {
                Revision(before.revision.0 + 1)
            }
            Some(before) => {
                let base = base.unwrap_or_default();
                return Err(CommandError::Stale {
                    base,
                    newest: before.revision,
                });
            }
        };
        self.tree().check_group(before.as_deref(), content)?;
        let id = before
            .as_ref()
            .map_or_else(|| self.state.new_group_id(), |before| before.id);
        let def = GroupDef {
            id,
            revision,
            content: content.clone(),
        };
        put_group(&mut self.state.definitions.groups, actor, def, tick, work);
        Ok(Saved { id, revision })
    }

    pub(super) fn delete_group(
        &mut self,
        actor: &Actor,
        group: GroupId,
        base: Option<Revision>,
        tick: Tick,
        work: &mut Work,
    ) -> Result<(), CommandError> {
        let found = self.state.definitions.groups.get(&group).map(Arc::clone);
        let def = found.ok_or_else(|| CommandError::NotFound(format!("group {group}")))?;
        newest_is(def.revision, base)?;
        let name = &def.content.name;
        if def.content.parent_id.is_none() {
            return Err(CommandError::Conflict(format!(
                "group {group} ({name}) is the root and stays"
            )));
        }
        if let Some(held) = self.tree().first_held(group) {
            return Err(CommandError::Conflict(format!(
                "group {group} ({name}) cannot be deleted: it holds {held}. Move or delete what it holds first"
            )));
        }
        self.state.definitions.groups.remove(&group);
        work.record(actor, "delete", (Subject::Group, group.0), name.clone());
        work.batch.groups.push(GroupChange {
            id: group,
            revision: def.revision,
            content: None,
            author: actor.name.clone(),
            at: tick.now,
        });
        Ok(())
    }
}

/// The tree of groups with the jobs in it.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a> {
    pub(super) groups: &'a BTreeMap<GroupId, Arc<GroupDef>>,
    pub(super) jobs: &'a BTreeMap<JobId, Arc<JobDef>>,
    /// This installation's area.
    pub(super) area: &'a str,
}

impl Tree<'_> {
    /// Jobs live in small groups.
    pub(super) fn check_place(&self, group: GroupId) -> Result<(), CommandError> {
        match self.groups.get(&group) {
            Some(def) if !def.content.big => Ok(()),
            Some(def) => Err(invalid(
                "group_id",
                format!(
                    "group {group} ({}) is a big group: jobs live in small groups",
                    def.content.name
                ),
            )),
            None => Err(invalid("group_id", format!("there is no group {group}"))),
        }
    }

    pub(super) fn check_group(
        &self,
        before: Option<&GroupDef>,
        content: &GroupContent,
    ) -> Result<(), CommandError> {
        let name = content.name.trim();
        if name.is_empty() || name.chars().count() > 200 || name.contains(char::is_control) {
            return Err(invalid(
                "name",
                "a group needs a name of 1 to 200 characters".into(),
            ));
        }
        let is_root = before.is_some_and(|before| before.content.parent_id.is_none());
        match content.parent_id {
            None if is_root => {}
            None => {
                return Err(invalid(
                    "parent_id",
                    "only the root has no parent: name the group above".into(),
                ));
            }
            Some(_) if is_root => {
                return Err(invalid("parent_id", "the root stays at the top".into()));
            }
            Some(parent) => self.check_parent(before, parent)?,
        }
        let mut wrong = check_values("config", &content.config);
        if wrong.is_empty() {
            wrong = self.circles_of_group(before.map(|before| before.id), content);
        }
        if !wrong.is_empty() {
            return Err(CommandError::Invalid(wrong));
        }
        match before {
            Some(before) if before.content.big != content.big => match self.first_held(before.id) {
                Some(held) => Err(invalid(
                    "kind",
                    format!("the group holds {held}: empty it before its kind changes"),
                )),
                None => Ok(()),
            },
            Some(_) | None => Ok(()),
        }
    }

    fn check_parent(&self, before: Option<&GroupDef>, parent: GroupId) -> Result<(), CommandError> {
        let groups = self.groups;
        let Some(def) = groups.get(&parent) else {
            return Err(invalid("parent_id", format!("there is no group {parent}")));
        };
        if !def.content.big {
            return Err(invalid(
                "parent_id",
                format!(
                    "group {parent} ({}) is a small group: it holds jobs only",
                    def.content.name
                ),
            ));
        }
        let mut above = Some(parent);
        while let Some(id) = above {
            if before.is_some_and(|before| before.id == id) {
                return Err(invalid(
                    "parent_id",
                    "a group cannot be moved below itself".into(),
                ));
            }
            above = groups.get(&id).and_then(|def| def.content.parent_id);
        }
        Ok(())
    }

    /// Something that hangs below the group, if anything does.
    fn first_held(&self, group: GroupId) -> Option<String> {
        let child = self
            .groups
            .values()
            .find(|def| def.content.parent_id == Some(group));
        if let Some(child) = child {
            return Some(format!("group {} ({})", child.id, child.content.name));
        }
        let job = self.jobs.values().find(|job| job.group == group)?;
        Some(format!("job {} ({})", job.id, job.name))
    }
}

/// Takes a group's new definition, and notes what is to be written of it.
pub(super) fn put_group(
    groups: &mut BTreeMap<GroupId, Arc<GroupDef>>,
    actor: &Actor,
    def: GroupDef,
    tick: Tick,
    work: &mut Work,
) {
    let GroupDef {
        id,
        revision,
        content,
    } = def.clone();
    let detail = format!("revision {revision} of {}", content.name);
    work.record(actor, "save", (Subject::Group, id.0), detail);
    groups.insert(id, Arc::new(def));
    work.batch.groups.push(GroupChange {
        id,
        revision,
        content: Some(content),
        author: actor.name.clone(),
        at: tick.now,
    });
}

fn invalid(field: &str, message: String) -> CommandError {
    CommandError::Invalid(vec![FieldError::new(field, message)])
}
