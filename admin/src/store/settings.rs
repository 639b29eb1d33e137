//! What the installation remembers of itself: its uuid, the cluster secret, the join token's hash.

use diesel::prelude::*;

use super::schema::hera_setting;
use super::{Store, StoreError, error};

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
