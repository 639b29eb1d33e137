//! What an import did, and everything that it could not do as it was: nothing is dropped silently.

use std::collections::BTreeMap;

use serde::Serialize;

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Team,
    User,
    Area,
    HostGroup,
    Host,
    Group,
    Job,
    Follower,
    Permission,
    File,
    Run,
    /// Tables that are not read.
    Table,
}

impl Kind {
    /// The word for it, which the memory of imports keeps too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::User => "user",
            Self::Area => "area",
            Self::HostGroup => "host_group",
            Self::Host => "host",
            Self::Group => "group",
            Self::Job => "job",
            Self::Follower => "follower",
            Self::Permission => "permission",
            Self::File => "file",
            Self::Run => "run",
            Self::Table => "table",
        }
    }

    /// HERA's table of it.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Team => "hera_user",
            Self::User => "hera_sso",
            Self::Area => "hera_area",
            Self::HostGroup => "hera_host_group",
            Self::Host => "hera_host_relation",
            Self::Group => "hera_group",
            Self::Job => "hera_job",
            Self::Follower => "hera_job_monitor",
            Self::Permission => "hera_permission",
            Self::File => "hera_file",
            Self::Run => "hera_action_history",
            Self::Table => "",
        }
    }
}

/// How much a finding matters, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The row was not carried over.
    Refused,
    /// It was, but the job stays closed until a person has looked at it.
    Closed,
    /// It was, and something of it is not as it was.
    Altered,
    /// It was changed here since the last import, and left alone.
    Left,
    /// Good to know.
    Note,
}

impl Severity {
    pub const ALL: [Self; 5] = [
        Self::Refused,
        Self::Closed,
        Self::Altered,
        Self::Left,
        Self::Note,
    ];

    /// The severity as the head of a list.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Refused => "not carried over",
            Self::Closed => "carried over, but kept closed",
            Self::Altered => "carried over, but altered",
            Self::Left => "changed here since, and left",
            Self::Note => "to know",
        }
    }
}

/// Something that is not here as it was in HERA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    pub kind: Kind,
    pub table: &'static str,
    /// HERA's id of the row; 0 if it is about the whole table.
    pub id: i64,
    pub name: String,
    /// HERA's column; empty if it is about the whole row.
    pub column: &'static str,
    /// What is so, and why.
    pub what: String,
    /// What a person should do; empty if nothing.
    pub todo: String,
}

/// How many rows of a kind became what. `read` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub read: u64,
    pub imported: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Changed or deleted here since, and left alone.
    pub left: u64,
    pub refused: u64,
    /// Deleted in HERA, which keeps such rows.
    pub deleted: u64,
}

impl Counts {
    /// Whether every row that was read became something.
    pub fn add_up(&self) -> bool {
        let Self {
            read,
            imported,
            updated,
            unchanged,
            left,
            refused,
            deleted,
        } = self;
        *read == imported + updated + unchanged + left + refused + deleted
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Imported,
    Updated,
    Unchanged,
    Left,
    Refused,
    Deleted,
}

/// A row that could not keep its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renumbered {
    pub kind: Kind,
    pub name: String,
    pub old: i64,
    pub new: i64,
}

/// See the module.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The HERA in words.
    pub from: String,
    /// The name under which it is remembered.
    pub source: String,
    pub into: String,
    /// Nothing was changed.
    pub dry_run: bool,
    /// Every new job was imported closed.
    pub closed: bool,
    /// The zone in which HERA's crons are read.
    pub timezone: String,
    pub counts: BTreeMap<Kind, Counts>,
    pub renumbered: Vec<Renumbered>,
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn count(&mut self, kind: Kind, fate: Fate) {
        let counts = self.counts.entry(kind).or_default();
        counts.read += 1;
        *match fate {
            Fate::Imported => &mut counts.imported,
            Fate::Updated => &mut counts.updated,
            Fate::Unchanged => &mut counts.unchanged,
            Fate::Left => &mut counts.left,
            Fate::Refused => &mut counts.refused,
            Fate::Deleted => &mut counts.deleted,
        } += 1;
    }

    /// Notes that a row has another id here.
    pub(super) fn renumber(&mut self, kind: Kind, name: &str, old: i64, new: i64) {
        if old != new {
            self.renumbered.push(Renumbered {
                kind,
                name: name.to_owned(),
                old,
                new,
            });
        }
    }

    /// How many findings there are of a severity.
    pub fn of(&self, severity: Severity) -> usize {
        let of = |finding: &&Finding| finding.severity == severity;
        self.findings.iter().filter(of).count()
    }
}

/// Findings about one row.
pub(super) struct Notes<'a> {
    pub(super) kind: Kind,
    pub(super) id: i64,
    pub(super) name: &'a str,
    pub(super) found: &'a mut Vec<Finding>,
}

impl Notes<'_> {
    pub(super) fn add(
        &mut self,
        severity: Severity,
        column: &'static str,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) {
        self.found.push(Finding {
            severity,
            kind: self.kind,
            table: self.kind.table(),
            id: self.id,
            name: self.name.to_owned(),
            column,
            what: what.into(),
            todo: todo.into(),
        });
    }
}
