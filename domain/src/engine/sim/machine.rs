//! A simulated worker machine: run directories that outlive its program, and processes.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Timestamp;
use crate::engine::{End, InventoryItem, InventoryState, RunRef};
use crate::id::WorkerId;

/// How far a run directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dir {
    /// The spec is on disk; the process is about to be.
    Accepted,
    Running,
    Ended(End),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Machine {
    pub id: WorkerId,
    /// Whether the worker's program runs (its processes may go on without it).
    pub up: bool,
    /// The newest session, and the admin it leads to.
    pub session: Option<(u64, usize)>,
    /// The highest epoch it has seen; it obeys no lower one.
    pub epoch: i64,
    pub dirs: BTreeMap<RunRef, Dir>,
    /// Runs that it ends when it has no contact.
    pub fenced: BTreeSet<RunRef>,
    /// Since when no leader has answered; kept on its disk.
    pub silent_since: Option<Timestamp>,
    /// Orders that came while none had answered for so long that they may be old ones.
    pub held: BTreeSet<RunRef>,
    /// What it says is lost until then, and it does not know.
    pub unheard_until: Option<Timestamp>,
    /// Not reachable until then.
    pub cut_off_until: Option<Timestamp>,
}

impl Machine {
    pub(super) fn new(id: WorkerId) -> Self {
        Self {
            id,
            up: true,
            session: None,
            epoch: 0,
            dirs: BTreeMap::new(),
            fenced: BTreeSet::new(),
            silent_since: None,
            held: BTreeSet::new(),
            unheard_until: None,
            cut_off_until: None,
        }
    }

    /// What a starting worker finds: a spec whose process provably never started is removed.
    pub(super) fn adopt(&mut self) {
        self.dirs.retain(|_, dir| *dir != Dir::Accepted);
    }

    /// The machine loses power: its processes are gone, its disk is not.
    pub(super) fn die(&mut self) {
        self.up = false;
        self.session = None;
        self.held.clear();
        for dir in self.dirs.values_mut() {
            if *dir == Dir::Running {
                *dir = Dir::Ended(End {
                    note: Some("the machine was restarted".to_owned()),
                    ..End::default()
                });
            }
        }
    }

    pub(super) fn inventory(&self) -> Vec<InventoryItem> {
        let item = |(run, dir): (&RunRef, &Dir)| InventoryItem {
            run: run.clone(),
            state: match dir {
                Dir::Accepted | Dir::Running => InventoryState::Live,
                Dir::Ended(end) => InventoryState::Ended(end.clone()),
            },
        };
        self.dirs.iter().map(item).collect()
    }
}
