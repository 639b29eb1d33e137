//! The admins of an installation: who is alive, leading or not.

use chrono::TimeDelta;
use diesel::prelude::*;
use hera_domain::clock::Timestamp;

use super::instant::At;
use super::schema::hera_admin;
use super::{Holder, Store, StoreError, lease};

/// An admin that has been alive a moment ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSeen {
    pub at: Holder,
    pub version: String,
    pub started_at: Timestamp,
    /// By the database's clock.
    pub seen_at: Timestamp,
}

impl AdminSeen {
    /// An admin of this program that starts now.
    pub fn starting(at: Holder, now: Timestamp) -> Self {
        Self {
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
            seen_at: now,
        }
    }
}

impl Store {
    /// Notes that an admin is alive now (by the database's clock), and forgets those that have not been for `forget_after`.
    pub async fn admin_is_alive(
        &self,
        admin: AdminSeen,
        forget_after: TimeDelta,
    ) -> Result<(), StoreError> {
        self.write(move |conn| {
            let now = lease::database_now(conn)?;
            let values = (
                hera_admin::http_address.eq(&admin.at.http),
                hera_admin::connect_address.eq(&admin.at.connect),
                hera_admin::version.eq(&admin.version),
                hera_admin::started_at.eq(At(admin.started_at)),
                hera_admin::seen_at.eq(At(now)),
            );
            let mine = hera_admin::table.filter(hera_admin::name.eq(&admin.at.name));
            if diesel::update(mine).set(values).execute(conn)? == 0 {
                diesel::insert_into(hera_admin::table)
                    .values((hera_admin::name.eq(&admin.at.name), values))
                    .execute(conn)?;
            }
            let old = hera_admin::table.filter(hera_admin::seen_at.lt(At(now - forget_after)));
            diesel::delete(old).execute(conn)?;
            Ok(())
        })
        .await
    }

    /// Forgets an admin that ends in order.
    pub async fn admin_has_left(&self, name: String) -> Result<(), StoreError> {
        self.write(move |conn| {
            diesel::delete(hera_admin::table.filter(hera_admin::name.eq(&name))).execute(conn)?;
            Ok(())
        })
        .await
    }

    /// The admins that were alive within `within`, by name.
    pub async fn admins(&self, within: TimeDelta) -> Result<Vec<AdminSeen>, StoreError> {
        type Row = (String, String, String, String, At, At);
        self.read(move |conn| {
            let since = lease::database_now(conn)? - within;
            let rows: Vec<Row> = hera_admin::table
                .filter(hera_admin::seen_at.ge(At(since)))
                .order(hera_admin::name)
                .load(conn)?;
            let seen = |(name, http, connect, version, started_at, seen_at): Row| AdminSeen {
                at: Holder {
                    name,
                    http,
                    connect,
                },
                version,
                started_at: started_at.0,
                seen_at: seen_at.0,
            };
            Ok(rows.into_iter().map(seen).collect())
        })
        .await
    }
}
