//! Who follows a job, and who may edit a job or group besides its owner.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::id::{TeamId, UserId};

use super::Importer;
use super::groups::Places;
use super::jobs::World;
use super::marks::fingerprint;
use super::report::{Fate, Kind, Severity};
use super::tree::Key;
use crate::store::legacy::{LegacyJobHead, LegacyMonitor, LegacyPermission};
use crate::store::{Permission, Subject};

impl Importer {
    /// The followers of jobs by HERA's ids; they become part of the jobs.
    pub(super) async fn import_followers(
        &mut self,
        heads: &[LegacyJobHead],
        persons: &BTreeMap<i64, UserId>,
    ) -> anyhow::Result<BTreeMap<i64, Vec<UserId>>> {
        let jobs: BTreeMap<i64, bool> = heads
            .iter()
            .map(|head| (head.id, head.is_there()))
            .collect();
        let rows: Vec<LegacyMonitor> = self.hera.all().await?;
        let mut followers = BTreeMap::new();
        for row in rows {
            let fate = match jobs.get(&row.id) {
                Some(true) => {
                    let users = self.followers(&row, persons);
                    let print = fingerprint(&users);
                    followers.insert(row.id, users);
                    self.fate_of(Kind::Follower, row.id, print)
                }
                Some(false) => Fate::Deleted,
                None => {
                    let what = "follows a job that is missing";
                    self.notes(Kind::Follower, row.id, "").add(
                        Severity::Refused,
                        "job_id",
                        what,
                        "",
                    );
                    Fate::Refused
                }
            };
            self.report.count(Kind::Follower, fate);
        }
        Ok(followers)
    }

    fn followers(&mut self, row: &LegacyMonitor, persons: &BTreeMap<i64, UserId>) -> Vec<UserId> {
        let mut users: Vec<UserId> = Vec::new();
        let list = row.user_ids.as_deref().unwrap_or_default();
        for written in list.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            match written.parse().ok().and_then(|id: i64| persons.get(&id)) {
                Some(user) if users.contains(user) => {}
                Some(user) => users.push(*user),
                None => {
                    let what = format!("person {written} is missing and no longer follows it");
                    self.notes(Kind::Follower, row.id, "").add(
                        Severity::Altered,
                        "user_ids",
                        what,
                        "",
                    );
                }
            }
        }
        users
    }

    /// What becomes of a row that is remembered by nothing but its mark.
    fn fate_of(&mut self, kind: Kind, old: i64, print: String) -> Fate {
        let known = self.marks.get(kind.as_str(), old);
        let fate = match known {
            Some(mark) if mark.fingerprint == print => return Fate::Unchanged,
            Some(_) => Fate::Updated,
            None => Fate::Imported,
        };
        let mark = self.marks.make(kind.as_str(), old, old, print, None);
        self.mark(mark);
        fate
    }

    pub(super) async fn import_permissions(
        &mut self,
        places: &Places,
        world: &World,
    ) -> anyhow::Result<()> {
        let mut wanted: BTreeSet<Permission> = BTreeSet::new();
        for node in &places.tree.nodes {
            let group = places.ids.get(&node.key);
            let team = node
                .owner
                .as_deref()
                .and_then(|name| world.teams.get(name.trim()));
            if let (Key::Group(_), Some(group), Some(team)) = (node.key, group, team) {
                wanted.insert(Permission {
                    subject: Subject::Group,
                    id: group.0,
                    team: *team,
                });
            }
        }
        let rows: Vec<LegacyPermission> = self.hera.all().await?;
        for row in rows {
            let fate = self.permission(&row, places, world, &mut wanted);
            self.report.count(Kind::Permission, fate);
        }
        if !wanted.is_empty() {
            let what = "who may edit which job or group is kept, but does not act yet: every member may edit every job here";
            let todo = "give the role viewer to those who shall only look";
            self.notes(Kind::Permission, 0, "")
                .add(Severity::Note, "", what, todo);
        }
        if !self.options.dry_run {
            self.store
                .add_permissions(wanted.into_iter().collect())
                .await?;
        }
        self.commit().await
    }

    fn permission(
        &mut self,
        row: &LegacyPermission,
        places: &Places,
        world: &World,
        wanted: &mut BTreeSet<Permission>,
    ) -> Fate {
        if row.is_valid == Some(0) {
            return Fate::Deleted;
        }
        let (kind, id) = (
            row.target.as_deref().unwrap_or_default().trim(),
            row.target_id.unwrap_or(0),
        );
        let job = world.jobs.get(&id).filter(|job| !job.deleted);
        let target = match kind {
            "job" => job.map(|job| (Subject::Job, job.new.0)),
            "group" => {
                let group = places.ids.get(&Key::Group(id));
                group.map(|group| (Subject::Group, group.0))
            }
            _ => None,
        };
        let team = row.team.as_deref().unwrap_or_default().trim();
        let team_id: Option<TeamId> = world.teams.get(team).copied();
        let (Some((subject, id)), Some(team)) = (target, team_id) else {
            let (column, what) = if !matches!(kind, "job" | "group") {
                let kind = kind.escape_debug();
                ("type", format!("\"{kind}\" is neither job nor group"))
            } else if target.is_none() {
                ("target_id", format!("{kind} {id} is missing or deleted"))
            } else {
                ("uid", format!("\"{team}\" is no group account"))
            };
            self.notes(Kind::Permission, row.id, "")
                .add(Severity::Refused, column, what, "");
            return Fate::Refused;
        };
        wanted.insert(Permission { subject, id, team });
        self.fate_of(
            Kind::Permission,
            row.id,
            fingerprint(&(subject.as_str(), id, team)),
        )
    }
}
