//! Who may edit a job or a group besides the team that owns it.

use diesel::prelude::*;
use hera_domain::id::TeamId;

use super::dialect::replace_many;
use super::schema::hera_permission;
use super::{Store, StoreError, Subject};

/// A team that may edit a job or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub subject: Subject,
    pub id: i64,
    pub team: TeamId,
}

#[derive(Insertable)]
#[diesel(table_name = hera_permission)]
struct Row {
    subject: &'static str,
    subject_id: i64,
    team_id: i64,
}

impl Store {
    /// The teams that may edit a job or a group besides its owner.
    pub async fn permissions(&self, of: Subject, id: i64) -> Result<Vec<TeamId>, StoreError> {
        self.read(move |conn| {
            let teams: Vec<i64> = hera_permission::table
                .filter(hera_permission::subject.eq(of.as_str()))
                .filter(hera_permission::subject_id.eq(id))
                .order(hera_permission::team_id)
                .select(hera_permission::team_id)
                .load(conn)?;
            Ok(teams.into_iter().map(TeamId).collect())
        })
        .await
    }

    /// Adds permissions; those that are there already stay.
    pub async fn add_permissions(&self, permissions: Vec<Permission>) -> Result<(), StoreError> {
        self.write(move |conn| {
            let rows: Vec<Row> = permissions
                .iter()
                .map(|permission| Row {
                    subject: permission.subject.as_str(),
                    subject_id: permission.id,
                    team_id: permission.team.0,
                })
                .collect();
            replace_many!(conn, hera_permission::table, &rows)?;
            Ok(())
        })
        .await
    }
}
