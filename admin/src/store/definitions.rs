//! The definitions as an admin reads them that does not lead: whole at first, then what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::prelude::*;
use hera_domain::calendar::CalendarDef;
use hera_domain::engine::HostGroup;
use hera_domain::group::GroupDef;
use hera_domain::id::{CommitSeq, GroupId, HostGroupId, JobId};
use hera_domain::job::JobDef;

use super::schema::hera_lock;
use super::{Store, StoreError, calendars, dialect, groups, host_groups, jobs};

/// Definitions that are newer than a commit; all of those that are few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionChanges {
    /// The commit that this is as of.
    pub seq: CommitSeq,
    /// `None` = deleted.
    pub jobs: Vec<(JobId, Option<Arc<JobDef>>)>,
    /// `None` = deleted.
    pub groups: Vec<(GroupId, Option<Arc<GroupDef>>)>,
    pub host_groups: BTreeMap<HostGroupId, HostGroup>,
    pub calendars: Vec<Arc<CalendarDef>>,
}

impl Store {
    /// What commits after `known` changed, as of one instant; everything if nothing is known.
    pub async fn definitions_after(
        &self,
        known: Option<CommitSeq>,
    ) -> Result<DefinitionChanges, StoreError> {
        self.read(move |conn| {
            dialect::read_tx(conn, |conn| {
                let seq: i64 = hera_lock::table
                    .filter(hera_lock::id.eq(1))
                    .select(hera_lock::commit_seq)
                    .first(conn)?;
                Ok(DefinitionChanges {
                    seq: CommitSeq(seq),
                    jobs: jobs::load_after(conn, known)?,
                    groups: groups::load_after(conn, known)?,
                    host_groups: host_groups::load(conn)?,
                    calendars: calendars::load(conn)?,
                })
            })
        })
        .await
    }
}
