//! What the installation remembers of itself: its uuid, the cluster secret, the join token's hash.

use diesel::prelude::*;

use super::dialect::AnyConn;
use super::schema::hera_setting;
use super::{Store, StoreError, error};

/// Things whose rows are deleted for good: the greatest id ever given is kept beside them, so
/// that none is given again after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbered {
    Calendar,
    HostGroup,
}

impl Numbered {
    const fn setting(self) -> &'static str {
        match self {
            Self::Calendar => "last_calendar_id",
            Self::HostGroup => "last_host_group_id",
        }
    }
}

/// The greatest id ever given; `there` is the greatest of those that still exist.
pub(super) fn last_given(
    conn: &mut AnyConn,
    of: Numbered,
    there: Option<i64>,
) -> Result<i64, StoreError> {
    let noted = noted(conn, of)?.unwrap_or(0);
    Ok(noted.max(there.unwrap_or(0)))
}

/// Notes that an id has been given.
pub(super) fn note_given(conn: &mut AnyConn, of: Numbered, id: i64) -> diesel::QueryResult<()> {
    let before = noted(conn, of)?;
    if before.is_some_and(|before| before >= id) {
        return Ok(());
    }
    let value = hera_setting::value.eq(id.to_string());
    if before.is_none() {
        let name = hera_setting::name.eq(of.setting());
        diesel::insert_into(hera_setting::table)
            .values((name, value))
            .execute(conn)?;
        return Ok(());
    }
    diesel::update(hera_setting::table.filter(hera_setting::name.eq(of.setting())))
        .set(value)
        .execute(conn)?;
    Ok(())
}

fn noted(conn: &mut AnyConn, of: Numbered) -> diesel::QueryResult<Option<i64>> {
    let value: Option<String> = hera_setting::table
        .filter(hera_setting::name.eq(of.setting()))
        .select(hera_setting::value)
        .first(conn)
        .optional()?;
    Ok(value.map(|value| value.parse().unwrap_or(0)))
}

impl Store {
    /// A setting, if it has been made.
    pub async fn setting(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        self.read(move |conn| {
            Ok(hera_setting::table
                .filter(hera_setting::name.eq(name))
                .select(hera_setting::value)
                .first(conn)
                .optional()?)
        })
        .await
    }

    /// The setting as it is, or `value` if there was none: of several admins that start at the
    /// same time all get the same.
    pub async fn setting_or(
        &self,
        name: &'static str,
        value: String,
    ) -> Result<String, StoreError> {
        // First without a write: the database may be read-only at the moment.
        if let Some(known) = self.setting(name).await? {
            return Ok(known);
        }
        self.write(move |conn| {
            let inserted = diesel::insert_into(hera_setting::table)
                .values((hera_setting::name.eq(name), hera_setting::value.eq(&value)))
                .execute(conn);
            match inserted {
                Ok(_) => Ok(value.clone()),
                Err(error) if error::is_duplicate(&error) => Ok(hera_setting::table
                    .filter(hera_setting::name.eq(name))
                    .select(hera_setting::value)
                    .first(conn)?),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// Sets a setting, whatever it was.
    pub async fn set_setting(&self, name: &'static str, value: String) -> Result<(), StoreError> {
        self.write(move |conn| {
            let update = diesel::update(hera_setting::table.filter(hera_setting::name.eq(name)))
                .set(hera_setting::value.eq(&value))
                .execute(conn)?;
            if update == 0 {
                diesel::insert_into(hera_setting::table)
                    .values((hera_setting::name.eq(name), hera_setting::value.eq(&value)))
                    .execute(conn)?;
            }
            Ok(())
        })
        .await
    }
}
