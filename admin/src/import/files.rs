//! The tree of the development centre, folders before what is in them.

use std::collections::{BTreeMap, BTreeSet};

use hera_domain::clock::{Clock as _, SystemClock};
use hera_domain::id::TeamId;

use super::Importer;
use super::marks::{Standing, fingerprint, standing};
use super::report::{Fate, Kind, Severity};
use crate::store::legacy::{LegacyFile, LegacyFileHead};
use crate::store::{FileDraft, FileHead};

/// Files read at once, with their contents.
const PER_PAGE: usize = 50;
const NAME_CHARS: usize = 200;
/// HERA's owner of what is everybody's.
pub(super) const EVERYBODY: &str = "all";
const FOLDER: i64 = 1;

impl Importer {
    pub(super) async fn import_files(
        &mut self,
        heads: &[LegacyFileHead],
        teams: &BTreeMap<String, TeamId>,
    ) -> anyhow::Result<()> {
        let here = self.store.files().await?;
        let mut ids: BTreeMap<i64, i64> = BTreeMap::new();
        // What a dry run would make has ids that nothing has.
        let mut next = i64::MAX / 2;
        for page in in_order(heads).chunks(PER_PAGE) {
            let files: Vec<LegacyFile> = self.hera.named(page).await?;
            let mut files: BTreeMap<i64, LegacyFile> =
                files.into_iter().map(|file| (file.id, file)).collect();
            for id in page {
                let Some(file) = files.remove(id) else {
                    continue;
                };
                let (fate, new) = self
                    .import_file(&file, &ids, teams, &here, &mut next)
                    .await?;
                self.report.count(Kind::File, fate);
                ids.insert(file.id, new);
            }
            self.commit().await?;
        }
        Ok(())
    }

    async fn import_file(
        &mut self,
        file: &LegacyFile,
        ids: &BTreeMap<i64, i64>,
        teams: &BTreeMap<String, TeamId>,
        here: &[FileHead],
        next: &mut i64,
    ) -> anyhow::Result<(Fate, i64)> {
        let draft = self.draft(file, ids, teams);
        let print = fingerprint(&(
            draft.parent,
            &draft.name,
            draft.folder,
            draft.owner,
            &draft.content,
        ));
        let word = Kind::File.as_str();
        let mark = self.marks.get(word, file.id).cloned();
        let (fate, id) = match &mark {
            Some(mark) => {
                let known = here.iter().find(|known| known.id == mark.new_id);
                let touched = known.is_none_or(|known| Some(known.revision) != mark.revision);
                match standing(&print, mark, touched) {
                    Standing::Same => return Ok((Fate::Unchanged, mark.new_id)),
                    Standing::Touched { in_hera_too } => {
                        self.note_left(Kind::File, file.id, &draft.name, in_hera_too);
                        return Ok((Fate::Left, mark.new_id));
                    }
                    Standing::Newer => (Fate::Updated, Some(mark.new_id)),
                }
            }
            // The folders that every installation begins with.
            None => match same_folder(&draft, here) {
                Some(known) => return Ok((Fate::Unchanged, known.id)),
                None => (Fate::Imported, None),
            },
        };
        if self.options.dry_run {
            *next += 1;
            return Ok((fate, id.unwrap_or(*next)));
        }
        let made = self.marks.make(word, file.id, 0, print, None);
        let at = SystemClock.now();
        let mark = self.store.import_file(id, draft, at, made).await?;
        let id = mark.new_id;
        self.marks.insert(mark);
        Ok((fate, id))
    }

    fn draft(
        &mut self,
        file: &LegacyFile,
        ids: &BTreeMap<i64, i64>,
        teams: &BTreeMap<String, TeamId>,
    ) -> FileDraft {
        let written = file.name.as_deref().unwrap_or_default();
        let clean: String = written.chars().filter(|c| !c.is_control()).collect();
        let name: String = clean.trim().chars().take(NAME_CHARS).collect();
        let name = if name.is_empty() {
            format!("file {}", file.id)
        } else {
            name
        };
        let parent = file.parent.and_then(|parent| ids.get(&parent)).copied();
        let owner = file.owner.as_deref().unwrap_or_default().trim();
        let team = teams.get(owner).copied();
        let folder = file.kind == Some(FOLDER);
        let mut notes = self.notes(Kind::File, file.id, written);
        if name != written.trim() {
            let what = format!(
                "the name is blank, too long or holds control characters; it is now {name}"
            );
            notes.add(Severity::Altered, "name", what, "");
        }
        if parent.is_none() && file.parent.is_some_and(|parent| parent > 0) {
            let what = "its folder is missing; it is at the top";
            notes.add(Severity::Altered, "parent", what, "");
        }
        if team.is_none() && owner != EVERYBODY {
            let what = format!("its owner \"{owner}\" is no team; it belongs to team 1");
            notes.add(Severity::Altered, "owner", what, "");
        }
        if file.job_id.is_some_and(|job| job > 0) {
            let what = "is tied to a job for its variables; here a file has none";
            notes.add(Severity::Note, "job_id", what, "");
        }
        FileDraft {
            parent,
            name,
            folder,
            owner: match owner {
                EVERYBODY => None,
                _ => Some(team.unwrap_or(TeamId(1))),
            },
            content: (!folder).then(|| file.content.clone().unwrap_or_default()),
        }
    }
}

/// Folders before what is in them; what hangs nowhere or in itself is at the top.
fn in_order(heads: &[LegacyFileHead]) -> Vec<i64> {
    let known: BTreeSet<i64> = heads.iter().map(|head| head.id).collect();
    let mut below: BTreeMap<Option<i64>, Vec<i64>> = BTreeMap::new();
    for head in heads {
        let parent = head.parent.filter(|parent| known.contains(parent));
        below.entry(parent).or_default().push(head.id);
    }
    let mut ordered = Vec::with_capacity(heads.len());
    let mut seen = BTreeSet::new();
    let mut open: Vec<i64> = below.get(&None).cloned().unwrap_or_default();
    let mut rest = heads.iter();
    loop {
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                ordered.push(id);
                open.extend(below.get(&Some(id)).into_iter().flatten());
            }
        }
        // Folders in each other: the first of them goes to the top.
        match rest.find(|head| !seen.contains(&head.id)) {
            Some(head) => open.push(head.id),
            None => return ordered,
        }
    }
}

fn same_folder<'a>(draft: &FileDraft, here: &'a [FileHead]) -> Option<&'a FileHead> {
    here.iter().find(|known| {
        draft.folder
            && known.folder
            && known.name == draft.name
            && known.parent == draft.parent
            && known.owner == draft.owner
    })
}
