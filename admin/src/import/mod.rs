//! Bringing a HERA over: its groups, jobs, people and files become ours, as often as wanted.
//!
//! ```text
//! LegacyHera (rows, read only) ─▶ mapping (pure) ─▶ Offline (engine, fenced commits) ─▶ Report
//!                                                 └▶ Store (teams, users, areas, files)
//! ```
//!
//! Each row's fate is remembered beside what it became ([`ImportMark`]), in the same transaction:
//! an import that was killed goes on where it was, and a repeated one takes over what changed in
//! HERA, leaves alone what a person changed here, and doubles nothing.

mod config;
mod files;
mod groups;
mod history;
mod ids;
mod job;
mod jobs;
mod lenient;
mod log_text;
mod marks;
mod order;
mod places;
mod reader;
mod report;
mod rights;
mod schedule;
mod switches;
mod teams;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod variables;

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use chrono_tz::Tz;
use hera_domain::check::ContentLimits;
use hera_domain::engine::Limits;
use hera_domain::id::{TeamId, UserId};

use crate::access::{Actor, Role};
use crate::master::Offline;
use crate::store::legacy::{LegacyFileHead, LegacyHera, LegacyJobHead, LegacyRow};
use crate::store::{ImportMark, Store, Subject};

pub use report::{Counts, Finding, Kind, Renumbered, Report, Severity};

use ids::Ids;
use marks::Marks;
use reader::Reader;
use report::Notes;

/// Who the audit and the revisions name.
const ACTOR: &str = "import-hera";

/// How to import.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name under which this HERA is remembered; else its address.
    pub source: Option<String>,
    /// New jobs are closed, whatever they are in HERA.
    pub closed: bool,
    /// Look only.
    pub dry_run: bool,
    /// Finished runs and their logs too.
    pub with_history: bool,
    pub timezone: Tz,
    pub area: String,
    /// HERA's administrators: the group account of this name.
    pub admin: String,
    pub limits: Limits,
    pub content_limits: ContentLimits,
}

/// An import on its way.
pub(crate) struct Importer {
    store: Store,
    hera: Reader,
    offline: Offline,
    marks: Marks,
    ids: Ids,
    options: Options,
    report: Report,
}

/// Imports from the HERA at `url`, or looks what that would do.
///
/// # Errors
/// When a database cannot be read or written, or an admin leads. What was committed until then
/// stays, and the next import goes on from there.
pub async fn run(store: &Store, url: &str, options: Options) -> anyhow::Result<Report> {
    let hera = Reader::open(url).await?;
    let source = source(store, &hera, options.source.as_deref()).await?;
    let actor = Actor {
        user: UserId(0),
        name: ACTOR.to_owned(),
        team: TeamId(1),
        role: Role::Admin,
    };
    let (limits, area) = (options.limits.clone(), options.area.clone());
    let offline = if options.dry_run {
        Offline::look(store, limits, area, actor).await?
    } else {
        lead(store, limits, area, actor).await?
    };
    let report = Report {
        from: hera.describe().to_owned(),
        source: source.clone(),
        into: store.describe(),
        dry_run: options.dry_run,
        closed: options.closed,
        timezone: options.timezone.to_string(),
        counts: Default::default(),
        renumbered: Vec::new(),
        findings: Vec::new(),
    };
    let mut importer = Importer {
        marks: Marks::new(source.clone(), store.import_marks(source).await?),
        ids: Ids::of(store, &offline).await?,
        store: store.clone(),
        hera,
        offline,
        options,
        report,
    };
    let done = importer.everything().await;
    importer.offline.end().await;
    done?;
    let mut report = importer.report;
    report.findings.sort_by(|a, b| {
        let key = |f: &Finding| (f.severity, f.kind, f.id);
        key(a).cmp(&key(b))
    });
    Ok(report)
}

async fn lead(
    store: &Store,
    limits: Limits,
    area: String,
    actor: Actor,
) -> anyhow::Result<Offline> {
    store.lock_exclusive()?;
    if let Some(offline) = Offline::lead(store, limits, area, actor).await? {
        return Ok(offline);
    }
    let lease = store.lease().await?;
    let holder = lease.holder.map(|holder| holder.name).unwrap_or_default();
    if holder == ACTOR {
        bail!("another import runs, or was killed within the last half minute; wait for its end");
    }
    bail!(
        "the admin {holder} leads on {}: definitions have one writer. Stop that admin and the others first, import, then start them again; --dry-run works beside them",
        store.describe()
    )
}

/// The name of this HERA. Another address may be the same HERA: then everything would be doubled.
async fn source(store: &Store, hera: &Reader, given: Option<&str>) -> anyhow::Result<String> {
    let known = store.import_sources().await?;
    let source = given.unwrap_or(hera.source()).to_owned();
    if source.is_empty() || source.chars().count() > 190 {
        bail!("a source's name has 1 to 190 characters");
    }
    if given.is_none() && !known.is_empty() && !known.contains(&source) {
        bail!(
            "this installation was imported from {} before, and {source} may be the same HERA by another address. If it is, say --source {}; if it is another one, say --source {source}",
            known.join(", "),
            known[0],
        );
    }
    Ok(source)
}

/// Everybody who owns something, as it is written there.
fn owners(jobs: &[LegacyJobHead], files: &[LegacyFileHead]) -> BTreeSet<String> {
    let jobs = jobs.iter().filter(|job| job.is_there());
    let owners = jobs.filter_map(|job| job.owner.as_deref());
    let owners = owners.chain(files.iter().filter_map(|file| file.owner.as_deref()));
    let owners = owners
        .map(str::trim)
        .filter(|name| !matches!(*name, "" | files::EVERYBODY));
    owners.map(str::to_owned).collect()
}

impl Importer {
    async fn everything(&mut self) -> anyhow::Result<()> {
        let heads: Vec<LegacyJobHead> = self.hera.all().await?;
        let files: Vec<LegacyFileHead> = self.hera.all().await?;
        let people = self.import_people(owners(&heads, &files)).await?;
        let mut world = self.world();
        (world.areas, world.zone) = self.import_areas().await?;
        world.host_groups = self.import_host_groups().await?;
        let mut places = self.import_groups(&heads).await?;
        world.groups.clone_from(&places.ids);
        world.teams = people.teams;
        world.followers = self.import_followers(&heads, &people.persons).await?;
        let world = self.import_jobs(&heads, &mut places, world).await?;
        self.import_permissions(&places, &world).await?;
        self.import_files(&files, &world.teams).await?;
        if self.options.with_history {
            self.import_history(&world).await?;
        }
        self.note_unread_tables().await?;
        if !self.options.dry_run {
            let detail = format!("from {}", self.report.from);
            self.offline
                .record("import", (Subject::Installation, None), detail);
            self.commit().await?;
        }
        Ok(())
    }

    /// Commits what was saved: all of it or nothing.
    async fn commit(&mut self) -> anyhow::Result<()> {
        self.offline
            .commit()
            .await
            .context("the import stopped; import again, and it goes on where it was")
    }

    /// Remembers what a row became, with the next commit.
    fn mark(&mut self, mark: ImportMark) {
        self.marks.insert(mark.clone());
        self.offline.mark(mark);
    }

    fn notes<'a>(&'a mut self, kind: Kind, id: i64, name: &'a str) -> Notes<'a> {
        Notes {
            kind,
            id,
            name,
            found: &mut self.report.findings,
        }
    }

    /// What stays in HERA's database.
    async fn note_unread_tables(&mut self) -> anyhow::Result<()> {
        const UNREAD: [(&str, &str); 6] = [
            ("hera_action", "versions, which are planned anew here"),
            (
                "hera_action_history",
                "runs and their logs, which --with-history brings",
            ),
            ("hera_debug_history", "runs of the development centre"),
            ("hera_record", "the audit"),
            ("hera_rerun", "backfills"),
            ("hera_advice", "the wall of suggestions"),
        ];
        for (table, what) in UNREAD {
            if table == "hera_action_history" && self.options.with_history {
                continue;
            }
            let Some(rows) = self.hera.count(table).await?.filter(|rows| *rows > 0) else {
                continue;
            };
            let what = format!("not read: {rows} of {what}");
            self.notes(Kind::Table, 0, table)
                .add(Severity::Note, "", what, "");
        }
        Ok(())
    }

    fn note_missing<R: LegacyRow>(&mut self, kind: Kind) {
        let missing = self.hera.missing::<R>();
        if !missing.is_empty() {
            let what = format!(
                "{} has no {}: an older HERA; they count as not set",
                R::TABLE,
                missing.join(", ")
            );
            self.notes(kind, 0, "").add(Severity::Note, "", what, "");
        }
    }
}
