//! Jobs: read in pages, upstreams first, judged by the engine one after the other.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Offset as _;
use chrono_tz::Tz;
use hera_domain::check::ContentLimits;
use hera_domain::clock::{Clock as _, SystemClock, Timestamp};
use hera_domain::id::{GroupId, HostGroupId, JobId, Revision, TeamId, UserId};
use hera_domain::job::JobContent;
use hera_domain::status::Switch;

use super::Importer;
use super::groups::Places;
use super::job::{self, Mapped};
use super::marks::{Standing, fingerprint, standing};
use super::order::order;
use super::report::{Fate, Finding, Kind, Notes, Severity};
use super::schedule::offset;
use super::tree::{Key, NAMESAKES};
use crate::store::legacy::{LegacyJob, LegacyJobHead};

/// Jobs of one commit, each with its job, revision, record and marks.
const PER_COMMIT: usize = 100;

/// A job that others may depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) new: JobId,
    pub(super) deleted: bool,
}

/// What HERA's ids and names mean here.
#[derive(Debug)]
pub(super) struct World {
    pub(super) timezone: Tz,
    pub(super) area: String,
    pub(super) limits: ContentLimits,
    pub(super) now: Timestamp,
    pub(super) jobs: BTreeMap<i64, Known>,
    /// Dependencies that close a circle.
    pub(super) circular: BTreeSet<(i64, i64)>,
    pub(super) groups: BTreeMap<Key, GroupId>,
    pub(super) teams: BTreeMap<String, TeamId>,
    pub(super) followers: BTreeMap<i64, Vec<UserId>>,
    pub(super) areas: BTreeMap<i64, String>,
    /// The zone of HERA's server, as far as HERA knows it.
    pub(super) zone: Option<String>,
    pub(super) host_groups: BTreeMap<i64, HostGroupId>,
}

impl World {
    pub(super) fn group(&self, key: Key) -> GroupId {
        // One that was refused: the save is refused too, and says why.
        self.groups.get(&key).copied().unwrap_or_default()
    }

    pub(super) fn owner(&self, name: Option<&str>, notes: &mut Notes<'_>) -> TeamId {
        let name = name.unwrap_or_default().trim();
        if let Some(team) = self.teams.get(name) {
            return *team;
        }
        let what = format!("its owner \"{name}\" is no team; it belongs to team 1");
        notes.add(Severity::Altered, "owner", what, "");
        TeamId(1)
    }
}

impl Importer {
    pub(super) async fn import_jobs(
        &mut self,
        heads: &[LegacyJobHead],
        places: &mut Places,
        mut world: World,
    ) -> anyhow::Result<World> {
        self.note_missing::<LegacyJob>(Kind::Job);
        self.note_zone(&world);
        let (there, deleted): (Vec<_>, Vec<_>) = heads.iter().partition(|head| head.is_there());
        for head in deleted {
            self.report.count(Kind::Job, Fate::Deleted);
            let new = JobId(head.id);
            world.jobs.insert(head.id, Known { new, deleted: true });
        }
        for head in &there {
            let mark = self.marks.get(Kind::Job.as_str(), head.id);
            let new = match mark {
                Some(mark) => JobId(mark.new_id),
                None => self.ids.job(head.id, &mut places.reserved),
            };
            let known = Known {
                new,
                deleted: false,
            };
            world.jobs.insert(head.id, known);
        }
        let ids = there.iter().map(|head| head.id).collect();
        self.note_vanished(Kind::Job, &ids);
        self.note_namesakes(&there, places);
        let dependencies = there.iter().map(|head| (head.id, head.upstreams()));
        let order = order(&dependencies.collect());
        world.circular = order.circular;
        let mut to_close = Vec::new();
        for ids in order.jobs.chunks(PER_COMMIT) {
            let page: Vec<LegacyJob> = self.hera.named(ids).await?;
            let mut page: BTreeMap<i64, LegacyJob> =
                page.into_iter().map(|job| (job.id, job)).collect();
            let earlier = self.touched_contents(ids, &world).await?;
            for id in ids {
                if let Some(job) = page.remove(id) {
                    let current = world.jobs.get(id).and_then(|known| earlier.get(&known.new));
                    self.import_job(&job, current, places, &world, &mut to_close);
                }
            }
            self.commit().await?;
        }
        // Those that others depend on last.
        for (old, job) in to_close.into_iter().rev() {
            self.set_switch(old, job, Switch::Closed);
        }
        self.commit().await?;
        // A job that was refused has no id here: nothing else may come under the one meant for it.
        let saved = self.offline.jobs();
        world
            .jobs
            .retain(|_, known| known.deleted || saved.contains_key(&known.new));
        Ok(world)
    }

    /// HERA's crons mean the clock of its server, which its database does not tell for sure.
    fn note_zone(&mut self, world: &World) {
        let zone = world.timezone;
        let ours = world.now.with_timezone(&zone).offset().fix();
        let theirs = world.zone.as_deref().and_then(offset);
        let read = format!("HERA's crons mean the clock of its server; they are read in {zone}");
        let (severity, what, todo) = match (theirs, &world.zone) {
            (Some(theirs), Some(name)) if theirs != ours => (
                Severity::Altered,
                format!("{read}, and hera_area says {name}"),
                "if that is the server's zone, import with --set hera.timezone=AREA/CITY",
            ),
            _ => (Severity::Note, format!("{read} (hera.timezone)"), ""),
        };
        self.notes(Kind::Job, 0, "")
            .add(severity, "cron_expression", what, todo);
    }

    /// Jobs are told apart by their ids; files of `export` tell them by their names.
    fn note_namesakes(&mut self, there: &[&LegacyJobHead], places: &Places) {
        let mut seen: BTreeMap<(Key, &str), i64> = BTreeMap::new();
        for head in there {
            let name = head.name.as_deref().unwrap_or_default().trim();
            let place = (places.tree.place(head.group_id), name);
            if let Some(other) = seen.insert(place, head.id).filter(|_| !name.is_empty()) {
                let what = format!("job {other} of its group has this name too");
                self.notes(Kind::Job, head.id, name)
                    .add(Severity::Note, "name", what, NAMESAKES);
            }
        }
    }

    /// The newest contents of the jobs that may be written over.
    async fn touched_contents(
        &self,
        ids: &[i64],
        world: &World,
    ) -> anyhow::Result<BTreeMap<JobId, (Revision, JobContent)>> {
        let known = ids.iter().filter_map(|id| {
            self.marks.get(Kind::Job.as_str(), *id)?;
            world.jobs.get(id).map(|known| known.new)
        });
        Ok(self.store.job_contents(known.collect()).await?)
    }

    fn import_job(
        &mut self,
        job: &LegacyJob,
        current: Option<&(Revision, JobContent)>,
        places: &Places,
        world: &World,
        to_close: &mut Vec<(i64, JobId)>,
    ) {
        let name = job.name.clone().unwrap_or_default();
        let place = places.tree.place(job.group_id);
        let mut found: Vec<Finding> = Vec::new();
        let mut notes = Notes {
            kind: Kind::Job,
            id: job.id,
            name: &name,
            found: &mut found,
        };
        let mapped = job::map(job, place, &places.tree, world, &mut notes);
        if place == Key::Holder(0) {
            let what = "its group is missing, so that nobody saw it in HERA";
            notes.add(
                Severity::Closed,
                "group_id",
                what,
                "move it where it belongs, then open it",
            );
        }
        for why in places.unfit(place) {
            notes.add(
                Severity::Closed,
                "configs",
                why,
                "set it there, then open the job",
            );
        }
        let content = current.map(|(_, content)| content);
        for key in mapped.missing_secrets(content) {
            let what = format!("{key} is sealed by HERA and cannot be read");
            let todo = format!("set {key} here again, then open it");
            notes.add(Severity::Closed, "configs", what, todo);
        }
        let is_fit = found.iter().all(|found| found.severity != Severity::Closed);
        let new = world
            .jobs
            .get(&job.id)
            .map_or(JobId(job.id), |known| known.new);
        let fate = self.save_job(
            job.id,
            new,
            mapped.clone_with_secrets(content),
            current,
            &mut found,
        );
        self.report.count(Kind::Job, fate);
        self.report.findings.append(&mut found);
        if fate != Fate::Refused && self.offline.jobs().contains_key(&new) {
            let wanted = if is_fit || mapped.switch != Switch::Open {
                mapped.switch
            } else {
                Switch::Closed
            };
            self.follow_switch(job.id, &name, new, fate == Fate::Imported, wanted, to_close);
        }
    }

    fn save_job(
        &mut self,
        old: i64,
        new: JobId,
        mapped: Mapped,
        current: Option<&(Revision, JobContent)>,
        found: &mut Vec<Finding>,
    ) -> Fate {
        let name = mapped.content.name.clone();
        let print = mapped.fingerprint();
        let mark = self.marks.get(Kind::Job.as_str(), old);
        let standing = mark.map(|mark| {
            let touched = current.is_none_or(|(revision, content)| {
                let owner = self.offline.jobs().get(&new).map(|job| job.owner);
                Some(*revision) != mark.revision
                    && mapped.fingerprint_of(content, owner.unwrap_or(mapped.owner))
                        != mark.fingerprint
            });
            standing(&print, mark, touched)
        });
        match standing {
            Some(Standing::Same) => return Fate::Unchanged,
            Some(Standing::Touched { in_hera_too }) => {
                self.note_left(Kind::Job, old, &name, in_hera_too);
                return Fate::Left;
            }
            None | Some(Standing::Newer) => {}
        }
        let comment = format!("imported from HERA's job {old}");
        let saved = self
            .offline
            .save_job(new, mapped.owner, mapped.content, comment);
        match saved {
            Ok(revision) => {
                let made = self
                    .marks
                    .make(Kind::Job.as_str(), old, new.0, print, Some(revision));
                self.mark(made);
                if standing.is_none() {
                    self.report.renumber(Kind::Job, &name, old, new.0);
                    Fate::Imported
                } else {
                    Fate::Updated
                }
            }
            Err(error) => {
                let mut notes = Notes {
                    kind: Kind::Job,
                    id: old,
                    name: &name,
                    found,
                };
                let todo = "put it right in HERA or here, then import again";
                notes.add(Severity::Refused, "", error.to_string(), todo);
                Fate::Refused
            }
        }
    }

    pub(super) fn world(&self) -> World {
        World {
            timezone: self.options.timezone,
            area: self.options.area.clone(),
            limits: self.options.content_limits.clone(),
            now: SystemClock.now(),
            jobs: BTreeMap::new(),
            circular: BTreeSet::new(),
            groups: BTreeMap::new(),
            teams: BTreeMap::new(),
            followers: BTreeMap::new(),
            areas: BTreeMap::new(),
            zone: None,
            host_groups: BTreeMap::new(),
        }
    }
}

impl Mapped {
    /// Of what HERA decides: not of the secrets, which only we have.
    fn fingerprint(&self) -> String {
        self.fingerprint_of(&self.content, self.owner)
    }

    fn fingerprint_of(&self, content: &JobContent, owner: TeamId) -> String {
        let mut content = content.clone();
        for secret in &self.secrets {
            content.config.remove(secret);
        }
        fingerprint(&(content, owner))
    }

    /// Secrets of the job itself that nobody has set here.
    fn missing_secrets<'a>(
        &'a self,
        current: Option<&'a JobContent>,
    ) -> impl Iterator<Item = &'a String> {
        let is_set =
            move |key: &String| current.is_some_and(|content| content.config.contains_key(key));
        self.secrets.iter().filter(move |key| !is_set(key))
    }

    /// With the secrets that a person has set here.
    fn clone_with_secrets(&self, current: Option<&JobContent>) -> Self {
        let mut with = self.clone();
        for key in &self.secrets {
            if let Some(value) = current.and_then(|content| content.config.get(key)) {
                with.content.config.insert(key.clone(), value.clone());
            }
        }
        with
    }
}

impl LegacyJobHead {
    /// The ids that it depends on, as far as they are ids.
    fn upstreams(&self) -> Vec<i64> {
        if self.schedule_type != Some(1) {
            return Vec::new();
        }
        let list = self.dependencies.as_deref().unwrap_or_default();
        list.split(',')
            .filter_map(|id| id.trim().parse().ok())
            .collect()
    }
}
