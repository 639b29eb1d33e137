//! Instants in the database: UTC, in milliseconds.
//!
//! Diesel's own `Timestamp` is sent to MySQL as a TIMESTAMP parameter, and MariaDB turns one
//! outside 1970 to 2038 into NULL, without a word in a comparison. So times are sent as DATETIME.

use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::mysql::{Mysql, MysqlValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{HasSqlType, Text, Timestamp as DieselTimestamp};
use diesel::sqlite::Sqlite;
use hera_domain::clock::Timestamp;

use super::dialect::{MultiBackend, MultiRawValue};

/// The SQL type of every instant: DATETIME(3) on MySQL, text that sorts by time on SQLite.
#[derive(
    Debug, Clone, Copy, Default, diesel::sql_types::SqlType, diesel::query_builder::QueryId,
)]
#[diesel(mysql_type(name = "DateTime"), sqlite_type(name = "Text"))]
pub struct Instant;

/// The SQL types of schema.rs.
pub(super) mod prelude {
    pub(crate) use super::Instant;
    pub(crate) use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, SmallInt, Text};
}

/// An instant on its way to or from the database.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, diesel::AsExpression, diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = Instant)]
pub(super) struct At(pub(super) Timestamp);

impl ToSql<Instant, Mysql> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
        let naive = self.0.naive_utc();
        ToSql::<DieselTimestamp, Mysql>::to_sql(&naive, &mut out.reborrow())
    }
}

impl FromSql<Instant, Mysql> for At {
    fn from_sql(value: MysqlValue<'_>) -> deserialize::Result<Self> {
        let naive = <NaiveDateTime as FromSql<DieselTimestamp, Mysql>>::from_sql(value)?;
        Ok(Self(naive.and_utc()))
    }
}

impl ToSql<Instant, Sqlite> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.format("%F %T%.3f").to_string());
        Ok(IsNull::No)
    }
}

impl FromSql<Instant, Sqlite> for At {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        let naive = NaiveDateTime::parse_from_str(&text, "%F %T%.f")?;
        Ok(Self(naive.and_utc()))
    }
}

impl HasSqlType<Instant> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<Instant>(lookup)
    }
}

impl ToSql<Instant, MultiBackend> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Instant, self));
        Ok(IsNull::No)
    }
}

impl FromSql<Instant, MultiBackend> for At {
    fn from_sql(value: MultiRawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Instant>()
    }
}
