//! One suite for every database: each body becomes a test on SQLite and one on MySQL.

mod build;
mod calendars;
mod commit;
mod definitions;
mod introspect;
mod lease;
mod lists;
mod logs;
mod people;
mod pool;
mod schema;
mod times;
mod workers;
mod writers;

/// Makes `name::sqlite` and `name::mysql` of an async function that takes a `&TestDb`.
macro_rules! on_each_db {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: &TestDb) $body:block)+) => {$(
        mod $name {
            use super::*;

            $(#[$meta])*
            async fn body($db: &TestDb) $body

            #[tokio::test]
            async fn sqlite() {
                body(&TestDb::sqlite().await).await;
            }

            #[tokio::test]
            async fn mysql() {
                if let Some(db) = TestDb::mysql().await {
                    body(&db).await;
                }
            }
        }
    )+};
}
use on_each_db;
