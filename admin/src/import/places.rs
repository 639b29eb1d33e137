//! Where jobs run: areas, and host groups with their hosts.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::engine::HostGroup;
use hera_domain::id::{HostGroupId, Revision};

use super::Importer;
use super::marks::{Standing, fingerprint, standing};
use super::report::{Fate, Kind, Severity};
use crate::store::Area;
use crate::store::legacy::{LegacyArea, LegacyHost, LegacyHostGroup};

const NAME_CHARS: usize = 100;
const HOST_CHARS: usize = 250;
/// HERA's first area, which every server belongs to.
const EVERYWHERE: &str = "all";

impl Importer {
    /// Names of areas by HERA's ids, and the zone of the area that is everywhere.
    pub(super) async fn import_areas(
        &mut self,
    ) -> anyhow::Result<(BTreeMap<i64, String>, Option<String>)> {
        let here = self.store.areas().await?;
        let mut names = BTreeMap::new();
        let rows: Vec<LegacyArea> = self.hera.all().await?;
        let zone = rows
            .iter()
            .find(|area| area.name.as_deref() == Some(EVERYWHERE));
        let zone = zone.and_then(|area| area.timezone.clone());
        for area in rows {
            let name = area.name.as_deref().unwrap_or_default().trim().to_owned();
            let fate = if name.is_empty() || name.chars().count() > NAME_CHARS {
                let what = format!("a name has 1 to {NAME_CHARS} characters");
                self.notes(Kind::Area, area.id, &name)
                    .add(Severity::Refused, "name", what, "");
                Fate::Refused
            } else {
                names.insert(area.id, name.clone());
                self.import_area(&area, name, &here).await?
            };
            self.report.count(Kind::Area, fate);
        }
        // A HERA from before its table of areas has only this one.
        if names.is_empty() {
            names.insert(1, EVERYWHERE.to_owned());
        }
        Ok((names, zone))
    }

    async fn import_area(
        &mut self,
        area: &LegacyArea,
        name: String,
        here: &[Area],
    ) -> anyhow::Result<Fate> {
        let zone = area.timezone.as_deref().unwrap_or_default().trim();
        let zone = (!zone.is_empty()).then(|| zone.to_owned());
        let print = fingerprint(&(&name, &zone));
        let mark = self.marks.get(Kind::Area.as_str(), area.id);
        let known = mark.and_then(|mark| here.iter().find(|known| known.id == mark.new_id));
        let standing = mark.zip(known).map(|(mark, known)| {
            let is = fingerprint(&(&known.name, &known.timezone));
            standing(&print, mark, is != mark.fingerprint)
        });
        let (fate, id) = match (standing, known) {
            (Some(Standing::Same), _) => return Ok(Fate::Unchanged),
            (Some(Standing::Touched { in_hera_too }), _) => {
                self.note_left(Kind::Area, area.id, &name, in_hera_too);
                return Ok(Fate::Left);
            }
            (Some(Standing::Newer), Some(known)) => (Fate::Updated, Some(known.id)),
            (None, _) | (_, None) => match here.iter().find(|known| known.name == name) {
                Some(_) => return Ok(Fate::Unchanged),
                None => (Fate::Imported, None),
            },
        };
        let mark = self
            .marks
            .make(Kind::Area.as_str(), area.id, 0, print, None);
        if !self.options.dry_run {
            let mark = self.store.import_area(id, name, zone, mark).await?;
            self.marks.insert(mark);
        }
        Ok(fate)
    }

    /// Host groups by HERA's ids.
    pub(super) async fn import_host_groups(
        &mut self,
    ) -> anyhow::Result<BTreeMap<i64, HostGroupId>> {
        let groups: Vec<LegacyHostGroup> = self.hera.all().await?;
        let hosts: Vec<LegacyHost> = self.hera.all().await?;
        let mut members: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        let known: BTreeSet<i64> = groups.iter().map(|group| group.id).collect();
        for host in &hosts {
            let name = host.host.as_deref().unwrap_or_default().trim().to_owned();
            let group = host.host_group_id.unwrap_or(0);
            let wrong = if name.is_empty() || name.chars().count() > HOST_CHARS {
                Some(("host", format!("a host has 1 to {HOST_CHARS} characters")))
            } else if known.contains(&group) {
                None
            } else {
                Some(("host_group_id", format!("host group {group} is missing")))
            };
            match wrong {
                None => drop(members.entry(group).or_default().insert(name)),
                Some((column, what)) => {
                    self.notes(Kind::Host, host.id, &name)
                        .add(Severity::Refused, column, what, "");
                    self.report.count(Kind::Host, Fate::Refused);
                }
            }
        }
        let mut ids = BTreeMap::new();
        for group in groups {
            let hosts = members.remove(&group.id).unwrap_or_default();
            let rows = hosts.len();
            let (fate, id) = self.import_host_group(&group, hosts, &ids)?;
            self.report.count(Kind::HostGroup, fate);
            (0..rows).for_each(|_| self.report.count(Kind::Host, fate));
            ids.extend(id.map(|id| (group.id, id)));
        }
        self.commit().await?;
        Ok(ids)
    }

    fn import_host_group(
        &mut self,
        group: &LegacyHostGroup,
        members: BTreeSet<String>,
        taken: &BTreeMap<i64, HostGroupId>,
    ) -> anyhow::Result<(Fate, Option<HostGroupId>)> {
        let name = group.name.as_deref().unwrap_or_default().trim().to_owned();
        if name.is_empty() || name.chars().count() > NAME_CHARS {
            let what = format!("a name has 1 to {NAME_CHARS} characters");
            self.notes(Kind::HostGroup, group.id, &name)
                .add(Severity::Refused, "name", what, "");
            return Ok((Fate::Refused, None));
        }
        let word = Kind::HostGroup.as_str();
        let mark = self.marks.get(word, group.id).cloned();
        let here = self.offline.host_groups();
        let namesake = here.values().find(|known| known.name == name);
        if mark.is_none()
            && let Some(same) = namesake.filter(|same| taken.values().any(|id| *id == same.id))
        {
            let id = same.id;
            let what = "another host group has this name; only the hosts of the first one count";
            self.notes(Kind::HostGroup, group.id, &name).add(
                Severity::Altered,
                "name",
                what,
                "add the hosts here",
            );
            return Ok((Fate::Unchanged, Some(id)));
        }
        let known = match &mark {
            Some(mark) => here.get(&HostGroupId(mark.new_id)),
            None => namesake,
        };
        let id = match (&mark, known) {
            (Some(mark), _) => HostGroupId(mark.new_id),
            (None, Some(known)) => known.id,
            (None, None) => {
                let wanted = HostGroupId(group.id);
                let free = group.id > 0 && !here.contains_key(&wanted);
                let last = here.keys().last().map_or(0, |id| id.0);
                if free {
                    wanted
                } else {
                    // Above HERA's own too: those that follow keep theirs.
                    HostGroupId(last.max(1000) + 1)
                }
            }
        };
        let saved = HostGroup {
            id,
            revision: Revision(known.map_or(0, |known| known.revision.0) + 1),
            name: name.clone(),
            description: known.map_or_else(String::new, |known| known.description.clone()),
            effective: group.effective.unwrap_or(1) != 0,
            everyone: known.is_some_and(|known| known.everyone),
            members,
        };
        let print = host_print(&saved);
        if let Some(mark) = &mark {
            let is = known.map(host_print);
            match standing(&print, mark, is.as_ref() != Some(&mark.fingerprint)) {
                Standing::Same => return Ok((Fate::Unchanged, Some(id))),
                Standing::Touched { in_hera_too } => {
                    self.note_left(Kind::HostGroup, group.id, &name, in_hera_too);
                    let is_here = self.offline.host_groups().contains_key(&id);
                    return Ok((Fate::Left, is_here.then_some(id)));
                }
                Standing::Newer => {}
            }
        }
        if saved.everyone && !saved.members.is_empty() {
            let what = "holds every worker here, and the hosts that HERA names too";
            self.notes(Kind::HostGroup, group.id, &name)
                .add(Severity::Note, "", what, "");
        }
        self.offline.save_host_group(saved)?;
        let made = self.marks.make(word, group.id, id.0, print, None);
        self.mark(made);
        self.report.renumber(Kind::HostGroup, &name, group.id, id.0);
        let fate = if mark.is_some() {
            Fate::Updated
        } else {
            Fate::Imported
        };
        Ok((fate, Some(id)))
    }
}

fn host_print(group: &HostGroup) -> String {
    fingerprint(&(&group.name, group.effective, &group.members))
}
