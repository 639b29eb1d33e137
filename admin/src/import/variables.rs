//! What a job's variables become: looked at as a run would, without one.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::config::{EffectiveConfig, Origin};
use hera_domain::id::{GroupId, JobId};
use hera_domain::job::{JobContent, Params};
use hera_domain::status::Trigger;
use hera_domain::vars::{self, Context, RunFacts};
use hera_domain::version_id::VersionId;

use super::jobs::World;
use super::report::{Notes, Severity};
use super::tree::{Key, Tree};
use crate::master::not_fetched;

/// Renders the script with everything it inherits, and notes what is missing, goes round in
/// circles, or means something else than in HERA.
pub(super) fn check(
    content: &JobContent,
    group: Key,
    tree: &Tree,
    world: &World,
    notes: &mut Notes<'_>,
) {
    let above: Vec<_> = tree.chain(group).collect();
    let levels = || {
        let own = std::iter::once((Origin::Job, &content.config));
        let groups = above.iter().map(|node| {
            let origin = Origin::Group(GroupId(0), node.name.clone());
            (origin, &node.config.values)
        });
        own.chain(groups)
    };
    let config = EffectiveConfig::merge(levels(), &world.area);
    note_other_values(&config, levels().map(|level| level.1), &world.area, notes);
    for circle in vars::circles(&config) {
        if circle.touches(&Origin::Job) {
            let what = format!("these variables name each other: {circle}");
            notes.add(
                Severity::Closed,
                "configs",
                what,
                "give one of them a value, then open it",
            );
        }
    }
    // Said already, with its place.
    if vars::check(&content.script).is_err() {
        return;
    }
    let none = Params::new();
    let facts = RunFacts {
        job: JobId(0),
        job_name: &content.name,
        run: None,
        version: &VersionId(String::new()),
        business_time: world.now,
        tz: world.timezone,
        attempt: 1,
        trigger: Trigger::Schedule,
        team: "",
        batch_id: "",
        area: &world.area,
    };
    let context = Context {
        params: &none,
        config: &config,
        builtins: vars::builtins(&facts),
        base: world.now,
        tz: world.timezone,
        now: world.now,
    };
    match vars::render(&content.script, &context) {
        Ok(rendered) => {
            if let Some(file) = rendered.downloads.first() {
                notes.add(
                    Severity::Closed,
                    "script",
                    not_fetched(file),
                    "then open it",
                );
            }
            if rendered.warnings.is_empty() {
                return;
            }
            let names: BTreeSet<&str> = rendered.warnings.iter().map(|w| w.name.as_str()).collect();
            let names: Vec<String> = names.iter().map(|name| format!("${{{name}}}")).collect();
            let what = format!(
                "not known here, and left as HERA left it: {}",
                names.join(", ")
            );
            notes.add(Severity::Note, "script", what, "");
        }
        Err(error) => {
            let todo = "put it right, then open it";
            notes.add(Severity::Closed, "script", error.to_string(), todo);
        }
    }
}

/// HERA lets a plain key beat `AREA.key` wherever it stands; here the nearer level does, and in
/// one level the area's.
fn note_other_values<'a>(
    ours: &EffectiveConfig,
    levels: impl Iterator<Item = &'a BTreeMap<String, String>>,
    area: &str,
    notes: &mut Notes<'_>,
) {
    let mut merged: BTreeMap<&str, &str> = BTreeMap::new();
    for level in levels {
        for (key, value) in level {
            merged.entry(key).or_insert(value);
        }
    }
    for (key, value) in ours.iter() {
        let plain = merged.get(key);
        if plain.is_some_and(|plain| *plain != value.value) {
            let what =
                format!("{key} is the value of {area}.{key} here, and was the plain one in HERA");
            let todo = "remove the one that is not meant";
            notes.add(Severity::Altered, "configs", what, todo);
        }
    }
}
