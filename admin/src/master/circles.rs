//! Variables that name each other, found when a config is saved and not first when a run fails.
//!
//! A job is held against all that it inherits. A group is held against what is above it and
//! against the groups below it; the configs of the jobs below are not in memory, so a circle that
//! only closes there is named when the job is saved, previewed or run.

use std::collections::BTreeMap;

use hera_domain::config::{EffectiveConfig, Origin};
use hera_domain::group::{GroupContent, GroupDef, levels};
use hera_domain::id::{GroupId, Revision};
use hera_domain::job::{FieldError, JobContent};
use hera_domain::vars::{Circle, circles, names_another};

use super::groups::Tree;
use super::render::effective;

impl Tree<'_> {
    /// The circles that the job's own config has a part in; others are not its fault.
    pub(super) fn circles_of_job(&self, content: &JobContent) -> Vec<FieldError> {
        let config = effective(content, content.group_id, self.groups, self.area);
        told(&circles(&config), &Origin::Job)
    }

    /// The circles that a group's own config has a part in, in the group or in one below it.
    pub(super) fn circles_of_group(
        &self,
        group: Option<GroupId>,
        content: &GroupContent,
    ) -> Vec<FieldError> {
        // Most configs name nothing, and a group may hold thousands.
        if !content.config.values().any(|value| names_another(value)) {
            return Vec::new();
        }
        // A new group has no id yet, and nothing below it.
        let id = group.unwrap_or_default();
        let mut groups = self.groups.clone();
        let def = GroupDef {
            id,
            revision: Revision::default(),
            content: content.clone(),
        };
        let origin = Origin::Group(id, content.name.clone());
        groups.insert(id, def.into());
        let mut wrong = BTreeMap::new();
        for below in groups.keys() {
            let levels = levels(&groups, Some(*below));
            if !levels.iter().any(|(level, _)| *level == origin) {
                continue;
            }
            let config = EffectiveConfig::merge(levels, self.area);
            for error in told(&circles(&config), &origin) {
                wrong.entry(error.field.clone()).or_insert(error);
            }
        }
        wrong.into_values().collect()
    }
}

/// Each circle that a level has a part in, at the first key of that level.
fn told(circles: &[Circle], origin: &Origin) -> Vec<FieldError> {
    circles
        .iter()
        .filter_map(|circle| {
            let (key, _) = circle.0.iter().find(|(_, of)| of == origin)?;
            Some(FieldError::new(
                format!("config.{key}"),
                format!("these variables name each other: {circle}; give one of them a value"),
            ))
        })
        .collect()
}
