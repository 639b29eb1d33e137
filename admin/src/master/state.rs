//! What the leader keeps beside the engine, and how both are loaded from the database.

use std::collections::BTreeMap;
use std::sync::Arc;

use hera_domain::engine::{Engine, Limits, Recall};
use hera_domain::id::{CalendarId, GroupId, HostGroupId, JobId, TeamId};

use super::handle::Definitions;
use crate::store::{Store, StoreError};

/// The definitions as of the batch in progress, and the ids that come next.
pub(super) struct State {
    pub(super) definitions: Definitions,
    /// Names of teams, for scripts.
    pub(super) teams: BTreeMap<TeamId, String>,
    next_job: i64,
    next_group: i64,
    next_calendar: i64,
    next_host_group: i64,
}

impl State {
    pub(super) fn new_job_id(&mut self) -> JobId {
        self.next_job += 1;
        JobId(self.next_job - 1)
    }

    pub(super) fn new_group_id(&mut self) -> GroupId {
        self.next_group += 1;
        GroupId(self.next_group - 1)
    }

    pub(super) fn new_host_group_id(&mut self) -> HostGroupId {
        self.next_host_group += 1;
        HostGroupId(self.next_host_group - 1)
    }

    pub(super) fn new_calendar_id(&mut self) -> CalendarId {
        self.next_calendar += 1;
        CalendarId(self.next_calendar - 1)
    }
}

/// Reads engine and state from the database.
#[derive(Debug, Clone)]
pub(super) struct Loader {
    pub(super) store: Store,
    pub(super) limits: Limits,
    /// Drawn once for each leadership, so that a reload makes the same nonces.
    pub(super) salt: [u8; 16],
}

impl Loader {
    pub(super) async fn load(&self) -> Result<(Engine, State), StoreError> {
        let loaded = self.store.load_snapshot(self.limits.waiting_days).await?;
        let now = self.store.now().await?;
        let mut snapshot = loaded.snapshot;
        snapshot.salt = self.salt;
        let state = State {
            definitions: Definitions {
                seq: loaded.definitions_seq,
                jobs: snapshot.jobs.clone(),
                groups: loaded
                    .groups
                    .into_iter()
                    .map(|g| (g.id, Arc::new(g)))
                    .collect(),
                host_groups: snapshot.host_groups.clone(),
                calendars: snapshot
                    .calendars
                    .iter()
                    .map(|c| (c.id, Arc::clone(c)))
                    .collect(),
            },
            teams: self
                .store
                .teams()
                .await?
                .into_iter()
                .map(|t| (t.id, t.name))
                .collect(),
            next_job: loaded.last_job.0 + 1,
            next_group: loaded.last_group.0 + 1,
            next_calendar: loaded.last_calendar.0 + 1,
            next_host_group: loaded.last_host_group.0 + 1,
        };
        let mut engine = Engine::restore(snapshot, self.limits.clone());
        let mut recalled = Vec::new();
        for Recall { job, from, until } in engine.recall_at_start(now) {
            recalled.extend(self.store.load_versions(job, from, until).await?);
        }
        engine.recall(recalled);
        Ok((engine, state))
    }
}
