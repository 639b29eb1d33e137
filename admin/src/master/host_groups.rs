//! Host groups: who uses them, and what therefore may not go.

use hera_domain::engine::{Event, HostGroup, Tick};
use hera_domain::host_group::HostGroupContent;
use hera_domain::id::{HostGroupId, Revision};
use hera_domain::job::{FieldError, JobDef};

use super::commands::{Work, newest_is};
use super::handle::{CommandError, Definitions, Saved};
use super::leader::Leader;
use crate::access::Actor;
use crate::store::{HostGroupChange, Subject};

/// How many jobs a message names.
const NAMED: usize = 5;

impl Leader {
    pub(super) fn save_host_group(
        &mut self,
        actor: &Actor,
        group: Option<HostGroupId>,
        base: Option<Revision>,
        content: &HostGroupContent,
        tick: Tick,
        work: &mut Work,
    ) -> Result<Saved<HostGroupId>, CommandError> {
        let wrong = content.check();
        if !wrong.is_empty() {
            return Err(CommandError::Invalid(wrong));
        }
        let before = group.map(|id| self.host_group(id)).transpose()?;
        if let Some(before) = before {
            newest_is(before.revision, base)?;
        }
        let taken = |known: &&HostGroup| Some(known.id) != group && known.name == content.name;
        let mut known = self.state.definitions.host_groups.values();
        if known.any(|known| taken(&known)) {
            let message = format!("there is a host group {} already", content.name);
            return Err(CommandError::Invalid(vec![FieldError::new(
                "name", message,
            )]));
        }
        let revision = Revision(before.map_or(0, |before| before.revision.0) + 1);
        let id = group.unwrap_or_else(|| self.state.new_host_group_id());
        let saved = content.clone().of(id, revision);
        self.step(Event::SaveHostGroup(saved.clone()), tick, work)?;
        let detail = format!("revision {revision} of {}", content.name);
        work.record(actor, "save", (Subject::HostGroup, id.0), detail);
        self.state.definitions.host_groups.insert(id, saved.clone());
        work.batch.host_groups.push(HostGroupChange::Save(saved));
        Ok(Saved { id, revision })
    }

    pub(super) fn delete_host_group(
        &mut self,
        actor: &Actor,
        id: HostGroupId,
        base: Option<Revision>,
        tick: Tick,
        work: &mut Work,
    ) -> Result<(), CommandError> {
        let HostGroup { revision, name, .. } = self.host_group(id)?.clone();
        newest_is(revision, base)?;
        if id == self.loader.limits.default_host_group {
            return Err(CommandError::Conflict(format!(
                "host group {name} cannot be deleted: it serves the jobs that name none (hera.defaultWorkerGroup)"
            )));
        }
        if id == self.eligibility.group() {
            return Err(CommandError::Conflict(format!(
                "host group {name} cannot be deleted: it says which machines may lead (hera.preemptionMasterGroup)"
            )));
        }
        let jobs = self.state.definitions.jobs_by_host_group(id);
        if !jobs.is_empty() {
            return Err(CommandError::Conflict(format!(
                "host group {name} cannot be deleted: {}. Give them another one first",
                used_by(&jobs)
            )));
        }
        self.step(Event::DeleteHostGroup(id), tick, work)?;
        self.state.definitions.host_groups.remove(&id);
        work.record(actor, "delete", (Subject::HostGroup, id.0), name);
        let deleted = HostGroupChange::Delete(id, revision);
        work.batch.host_groups.push(deleted);
        Ok(())
    }

    fn host_group(&self, id: HostGroupId) -> Result<&HostGroup, CommandError> {
        let found = self.state.definitions.host_groups.get(&id);
        found.ok_or_else(|| CommandError::NotFound(format!("host group {id}")))
    }
}

fn used_by(jobs: &[&JobDef]) -> String {
    let named = jobs.iter().take(NAMED);
    let named: Vec<_> = named
        .map(|job| format!("{} ({})", job.id, job.name))
        .collect();
    let more = if jobs.len() > NAMED { ", …" } else { "" };
    let all = format!("{}{more}", named.join(", "));
    match jobs.len() {
        1 => format!("1 job uses it: {all}"),
        count => format!("{count} jobs use it: {all}"),
    }
}

impl Definitions {
    /// The jobs that name a host group.
    pub fn jobs_by_host_group(&self, id: HostGroupId) -> Vec<&JobDef> {
        let jobs = self.jobs.values().map(AsRef::as_ref);
        jobs.filter(|job: &&JobDef| job.host_group == Some(id))
            .collect()
    }
}
