//! Host groups: named sets of workers.

use std::collections::BTreeMap;

use diesel::prelude::*;
use hera_domain::engine::HostGroup;
use hera_domain::id::{HostGroupId, Revision};

use super::commit::CommitError;
use super::dialect::{AnyConn, insert_many};
use super::schema::{hera_host_group, hera_host_relation};
use super::settings::{Numbered, note_given};
use super::{Store, StoreError};

/// A host group as it shall be, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostGroupChange {
    Save(HostGroup),
    /// At this revision.
    Delete(HostGroupId, Revision),
}

impl Store {
    /// Every host group with its members.
    pub async fn host_groups(&self) -> Result<Vec<HostGroup>, StoreError> {
        self.read(|conn| Ok(load(conn)?.into_values().collect()))
            .await
    }
}

/// Every host group with its members.
pub(super) fn load(conn: &mut AnyConn) -> Result<BTreeMap<HostGroupId, HostGroup>, StoreError> {
    type Row = (i64, String, String, i64, bool, bool);
    let rows: Vec<Row> = hera_host_group::table.load(conn)?;
    let mut groups: BTreeMap<HostGroupId, HostGroup> = rows
        .into_iter()
        .map(|(id, name, description, revision, effective, everyone)| {
            let id = HostGroupId(id);
            let group = HostGroup {
                id,
                revision: Revision(revision),
                name,
                description,
                effective,
                everyone,
                members: Default::default(),
            };
            (id, group)
        })
        .collect();
    let members: Vec<(i64, String)> = hera_host_relation::table.load(conn)?;
    for (group, host) in members {
        if let Some(group) = groups.get_mut(&HostGroupId(group)) {
            group.members.insert(host);
        }
    }
    Ok(groups)
}

/// Writes the changes, in their order.
pub(super) fn write(conn: &mut AnyConn, changes: &[HostGroupChange]) -> Result<(), CommitError> {
    for change in changes {
        match change {
            HostGroupChange::Save(group) => save(conn, group)?,
            HostGroupChange::Delete(id, revision) => {
                let rows = diesel::delete(hera_host_group::table)
                    .filter(hera_host_group::id.eq(id.0))
                    .filter(hera_host_group::revision.eq(revision.0))
                    .execute(conn)?;
                expect_one(rows, *id, *revision)?;
                forget_members(conn, *id)?;
            }
        }
    }
    Ok(())
}

fn save(conn: &mut AnyConn, group: &HostGroup) -> Result<(), CommitError> {
    let id = group.id;
    note_given(conn, Numbered::HostGroup, id.0)?;
    let values = (
        hera_host_group::name.eq(&group.name),
        hera_host_group::description.eq(&group.description),
        hera_host_group::revision.eq(group.revision.0),
        hera_host_group::effective.eq(group.effective),
        hera_host_group::everyone.eq(group.everyone),
    );
    if group.revision.0 == 1 {
        diesel::insert_into(hera_host_group::table)
            .values((hera_host_group::id.eq(id.0), values))
            .execute(conn)?;
    } else {
        let rows = diesel::update(hera_host_group::table)
            .filter(hera_host_group::id.eq(id.0))
            .filter(hera_host_group::revision.eq(group.revision.0 - 1))
            .set(values)
            .execute(conn)?;
        expect_one(rows, id, group.revision)?;
        forget_members(conn, id)?;
    }
    let members: Vec<_> = group
        .members
        .iter()
        .map(|host| {
            (
                hera_host_relation::host_group_id.eq(id.0),
                hera_host_relation::host.eq(host),
            )
        })
        .collect();
    insert_many!(conn, hera_host_relation::table, &members)?;
    Ok(())
}

fn forget_members(conn: &mut AnyConn, id: HostGroupId) -> Result<(), CommitError> {
    diesel::delete(hera_host_relation::table)
        .filter(hera_host_relation::host_group_id.eq(id.0))
        .execute(conn)?;
    Ok(())
}

fn expect_one(rows: usize, id: HostGroupId, revision: Revision) -> Result<(), CommitError> {
    if rows == 1 {
        return Ok(());
    }
    Err(CommitError::conflict(format!(
        "host group {id} is not at the revision before {revision}"
    )))
}
