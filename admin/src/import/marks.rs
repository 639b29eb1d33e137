//! What former imports made of the rows of this HERA, and what that means for this one.

use std::collections::BTreeMap;

use hera_domain::id::Revision;
use serde::Serialize;

use crate::secret;
use crate::store::ImportMark;

/// The memory of one HERA.
#[derive(Debug)]
pub(super) struct Marks {
    source: String,
    rows: BTreeMap<(String, i64), ImportMark>,
}

/// What is to be done with a row that is known from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing has changed.
    Same,
    /// HERA has changed it, and nobody here.
    Newer,
    /// A person has changed it here; whether HERA has too.
    Touched { in_hera_too: bool },
}

impl Marks {
    pub(super) fn new(source: String, rows: Vec<ImportMark>) -> Self {
        let rows = rows.into_iter();
        Self {
            rows: rows
                .map(|mark| ((mark.kind.clone(), mark.old_id), mark))
                .collect(),
            source,
        }
    }

    pub(super) fn get(&self, kind: &str, old: i64) -> Option<&ImportMark> {
        self.rows.get(&(kind.to_owned(), old))
    }

    pub(super) fn insert(&mut self, mark: ImportMark) {
        self.rows.insert((mark.kind.clone(), mark.old_id), mark);
    }

    /// Every mark of a kind.
    pub(super) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a ImportMark> {
        self.rows.values().filter(move |mark| mark.kind == kind)
    }

    /// A mark to be.
    pub(super) fn make(
        &self,
        kind: &str,
        old: i64,
        new: i64,
        fingerprint: String,
        revision: Option<Revision>,
    ) -> ImportMark {
        ImportMark {
            source: self.source.clone(),
            kind: kind.to_owned(),
            old_id: old,
            new_id: new,
            fingerprint,
            revision,
        }
    }
}

/// Compares what HERA has now with what was written and with what is here.
pub(super) fn standing(wanted: &str, mark: &ImportMark, touched: bool) -> Standing {
    match (touched, wanted == mark.fingerprint) {
        (false, true) => Standing::Same,
        (false, false) => Standing::Newer,
        (true, same) => Standing::Touched { in_hera_too: !same },
    }
}

/// The fingerprint of what is written.
pub(super) fn fingerprint(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("our own types can be written as JSON");
    secret::digest(&text)
}
