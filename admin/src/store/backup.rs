//! A copy of an embedded database, taken while it is in use.

use std::path::{Path, PathBuf};

use diesel::RunQueryDsl as _;
use diesel::sql_types::Text;

use super::dialect::AnyConn;
use super::target::beside;
use super::{Database, Store, StoreError};

impl Store {
    /// Writes a consistent copy of a SQLite database to a new file, and one of its logs beside
    /// it. The state comes first: logs without their run are dropped at a start, a run without
    /// its log would be a loss. MySQL has tools of its own for this.
    pub async fn backup(&self, file: PathBuf) -> Result<(), StoreError> {
        let logs = beside(&file, "-logs");
        for path in [&file, &logs] {
            if path.exists() {
                return Err(StoreError::Taken(format!("the file {}", path.display())));
            }
        }
        self.read(move |conn| copy(conn, &file)).await?;
        Database::run(&self.logs, move |conn| copy(conn, &logs)).await
    }
}

fn copy(conn: &mut AnyConn, file: &Path) -> Result<(), StoreError> {
    diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(file.display().to_string())
        .execute(conn)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::store::testing::TestDb;
    use crate::store::{PoolSettings, SchemaStatus, Store, StoreError};

    #[tokio::test]
    async fn a_backup_is_a_database_and_overwrites_none() {
        let db = TestDb::sqlite().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.db");
        db.store.backup(file.clone()).await.unwrap();

        let url = format!("sqlite://{}", file.display());
        let copy = Store::open(&url, &PoolSettings::default()).unwrap();
        assert_eq!(copy.schema_status().await.unwrap(), SchemaStatus::Current);
        let users = copy.users().await.unwrap();
        assert_eq!(users, db.store.users().await.unwrap());

        let again = db.store.backup(file).await.unwrap_err();
        assert!(matches!(again, StoreError::Taken(_)), "{again}");
    }
}
