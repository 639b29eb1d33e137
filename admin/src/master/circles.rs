//! Variables that name each other, found when a config is saved and not first when a run fails.
//!
//! A job is held against all that it inherits. A group is held against what is above it and
//! against the groups below it; the configs of the jobs below are not in memory, so a circle that
//! only closes there is named when the job is saved, previewed or run.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::config::{Origin, entries};
use hera_domain::group::{GroupContent, levels};
use hera_domain::id::GroupId;
use hera_domain::job::{FieldError, JobContent};
use hera_domain::vars::{Circle, Member, circles, circles_from, named_other};

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
        let mut values = content.config.values();
        if !values.any(|value| named_other(value).is_some()) {
            return Vec::new();
        }
        // A new group has no id yet, and nothing below it.
        let saved = group.unwrap_or_default();
        let own = Origin::Group(saved, content.name.clone());
        let mut wrong = BTreeMap::new();
        let mut chain = Chain::default();
        let mut above = levels(self.groups, content.parent_id);
        above.reverse();
        for (origin, config) in above {
            chain.enter(origin, config, self.area);
        }
        let mut below: BTreeMap<GroupId, Vec<GroupId>> = BTreeMap::new();
        for (id, def) in self.groups.iter().filter(|_| group.is_some()) {
            if let Some(parent) = def.content.parent_id {
                below.entry(parent).or_default().push(*id);
            }
        }
        // A tree that is damaged shall not hang us.
        let mut seen = BTreeSet::new();
        let mut steps = vec![Step::Into(saved)];
        while let Some(step) = steps.pop() {
            let Step::Into(id) = step else {
                chain.leave();
                continue;
            };
            if !seen.insert(id) {
                continue;
            }
            let (origin, config) = match self.groups.get(&id) {
                _ if id == saved => (own.clone(), &content.config),
                Some(def) => {
                    let name = def.content.name.clone();
                    (Origin::Group(id, name), &def.content.config)
                }
                None => continue,
            };
            for error in told(&chain.enter(origin, config, self.area), &own) {
                wrong.entry(error.field.clone()).or_insert(error);
            }
            steps.push(Step::Out);
            let children = below.get(&id).into_iter().flatten();
            steps.extend(children.map(|child| Step::Into(*child)));
        }
        wrong.into_values().collect()
    }
}

enum Step {
    Into(GroupId),
    Out,
}

/// The configs on the way from the root to a group, the nearest one's values in front.
#[derive(Default)]
struct Chain<'a> {
    levels: Vec<(Origin, BTreeSet<&'a str>)>,
    /// By key: the levels that have it, by their depth, with the key as they write it.
    held: BTreeMap<&'a str, Vec<Held<'a>>>,
}

struct Held<'a> {
    level: usize,
    written: &'a str,
    value: &'a str,
}

impl<'a> Chain<'a> {
    /// Goes down into a group, and tells the circles that it closes: each goes through a key of
    /// its own, for above it there was none.
    fn enter(
        &mut self,
        origin: Origin,
        config: &'a BTreeMap<String, String>,
        area: &str,
    ) -> Vec<Circle> {
        let level = self.levels.len();
        let mut keys = BTreeSet::new();
        let mut naming = Vec::new();
        for (key, written, value) in entries(config, area) {
            if !keys.insert(key) {
                continue;
            }
            if named_other(value).is_some() {
                naming.push(key);
            }
            let held = Held {
                level,
                written,
                value,
            };
            self.held.entry(key).or_default().push(held);
        }
        self.levels.push((origin, keys));
        let found = circles_from(naming.into_iter(), |name| Some(self.nearest(name)?.value));
        let circle = |names: Vec<&str>| {
            let members = names.into_iter().filter_map(|name| self.member(name));
            Circle(members.collect())
        };
        found.into_iter().map(circle).collect()
    }

    fn leave(&mut self) {
        let Some((_, keys)) = self.levels.pop() else {
            return;
        };
        for key in keys {
            if let Some(held) = self.held.get_mut(key) {
                held.pop();
            }
        }
    }

    fn nearest(&self, key: &str) -> Option<&Held<'a>> {
        self.held.get(key)?.last()
    }

    fn member(&self, name: &str) -> Option<Member> {
        let held = self.nearest(name)?;
        let (origin, _) = self.levels.get(held.level)?;
        Some(Member {
            name: name.to_owned(),
            origin: origin.clone(),
            written: held.written.to_owned(),
        })
    }
}

/// Each circle that a level has a part in, at the first key of that level, as it is written there.
fn told(circles: &[Circle], origin: &Origin) -> Vec<FieldError> {
    circles
        .iter()
        .filter_map(|circle| {
            let own = circle.0.iter().find(|member| member.origin == *origin)?;
            Some(FieldError::new(
                format!("config.{}", own.written),
                format!("these variables name each other: {circle}; give one of them a value"),
            ))
        })
        .collect()
}
