//! The join token: what a machine shows once to become a worker. It buys a token of the worker's
//! own and opens nothing else.
//!
//! The database keeps its hash, which holds for every admin; the token itself stands where people
//! have put it (`HERA_JOIN_TOKEN`), or in the data folder of the admin that made it.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hera_settings::{Secret, Settings};

use crate::secret;
use crate::store::{Store, StoreError};

const SETTING: &str = "join_token_hash";
/// As the settings demand of a token that people choose.
const SHORTEST: usize = 16;

/// Whether a machine that shows this may become a worker.
pub(crate) async fn admits(store: &Store, token: &str) -> Result<bool, StoreError> {
    let hash = store.setting(SETTING).await?;
    Ok(hash.is_some_and(|hash| hash == secret::digest(token)))
}

/// The join token as this machine knows it.
pub(crate) struct JoinToken<'a> {
    store: &'a Store,
    configured: Option<&'a str>,
    file: PathBuf,
}

impl<'a> JoinToken<'a> {
    pub(crate) fn of(store: &'a Store, settings: &'a Settings) -> Self {
        let configured = settings.cluster.join_token.as_ref();
        Self {
            store,
            configured: configured.map(Secret::reveal),
            file: settings.join_token_file(),
        }
    }

    /// Settles at the start of an admin which token holds: the configured one, else the one that
    /// the installation has, else a new one.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let known = self.store.setting(SETTING).await?;
        if let Some(given) = self.configured {
            let hash = secret::digest(given);
            if known.as_ref() == Some(&hash) {
                return Ok(());
            }
            if known.is_some() {
                tracing::warn!(
                    "the configured join token replaces another one; workers that have joined stay"
                );
            }
            return Ok(self.store.set_setting(SETTING, hash).await?);
        }
        let own = self.read()?;
        match (known, own) {
            (Some(hash), Some(own)) if hash != secret::digest(&own) => tracing::warn!(
                "{} holds a join token that counts no more; `hera-admin token join` says more",
                self.file.display()
            ),
            (Some(_), _) => {}
            (None, own) => {
                let token = match own {
                    Some(own) => own,
                    None => make(&self.file)?,
                };
                let hash = secret::digest(&token);
                self.store.setting_or(SETTING, hash).await?;
            }
        }
        Ok(())
    }

    /// The token in plain words.
    pub(crate) async fn show(&self) -> anyhow::Result<String> {
        let own = match self.configured {
            Some(given) => Some(given.to_owned()),
            None => self.read()?,
        };
        match own {
            Some(token) if admits(self.store, &token).await? => Ok(token),
            Some(_) if self.configured.is_some() => bail!(
                "the configured join token does not count yet: it does when an admin has started with it"
            ),
            _ => bail!(
                "{} does not hold the join token of this installation: look in the data folder of the admin that made it, or make a new one with --rotate",
                self.file.display()
            ),
        }
    }

    /// Makes a new token, which counts at once and alone. Workers that have joined stay.
    pub(crate) async fn rotate(&self) -> anyhow::Result<String> {
        if self.configured.is_some() {
            bail!(
                "the join token is configured (HERA_JOIN_TOKEN or hera.joinToken): change it there and restart the admins"
            );
        }
        let beside = self.file.with_extension("new");
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} is in the way", beside.display()));
            }
            _ => {}
        }
        let token = make(&beside)?;
        std::fs::rename(&beside, &self.file)
            .with_context(|| format!("{} cannot be replaced", self.file.display()))?;
        let hash = secret::digest(&token);
        self.store.set_setting(SETTING, hash).await?;
        Ok(token)
    }

    fn read(&self) -> anyhow::Result<Option<String>> {
        let file = self.file.display();
        match std::fs::read_to_string(&self.file) {
            Ok(token) if token.trim().len() >= SHORTEST => Ok(Some(token.trim().to_owned())),
            Ok(_) => bail!(
                "{file} holds no join token of at least {SHORTEST} characters; remove it and a new one is made"
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{file} cannot be read")),
        }
    }
}

/// A new token in a new file that only this user can read.
fn make(file: &Path) -> anyhow::Result<String> {
    let token = secret::generate();
    let write = || {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        file.write_all(token.as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("the join token cannot be written to {}", file.display()))?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TestDb;

    fn on<'a>(db: &'a TestDb, folder: &Path, configured: Option<&'a str>) -> JoinToken<'a> {
        JoinToken {
            store: &db.store,
            configured,
            file: folder.join("join-token"),
        }
    }

    async fn admitted(db: &TestDb, token: &str) -> bool {
        admits(&db.store, token).await.unwrap()
    }

    #[tokio::test]
    async fn the_first_admin_makes_a_token_and_the_others_take_it() {
        let db = TestDb::sqlite().await;
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (on(&db, one.path(), None), on(&db, two.path(), None));
        assert!(!admitted(&db, "").await);
        one.settle().await.unwrap();
        two.settle().await.unwrap();
        let token = one.show().await.unwrap();
        assert!(admitted(&db, &token).await);
        assert!(!two.file.exists());
        let unknown = two.show().await.unwrap_err().to_string();
        assert!(unknown.contains("--rotate"), "{unknown}");
        // After a restart it is the same.
        one.settle().await.unwrap();
        assert!(admitted(&db, &token).await);
    }

    #[tokio::test]
    async fn a_rotated_token_counts_at_once_and_the_former_one_no_more() {
        let db = TestDb::sqlite().await;
        let folder = tempfile::tempdir().unwrap();
        let join = on(&db, folder.path(), None);
        join.settle().await.unwrap();
        let before = join.show().await.unwrap();
        let after = join.rotate().await.unwrap();
        assert!(!admitted(&db, &before).await);
        assert!(admitted(&db, &after).await);
        assert_eq!(join.show().await.unwrap(), after);
    }

    #[tokio::test]
    async fn a_configured_token_is_taken_as_given_and_replaces_another() {
        const CHOSEN: &str = "chosen by people";
        let db = TestDb::sqlite().await;
        let folder = tempfile::tempdir().unwrap();
        on(&db, folder.path(), None).settle().await.unwrap();
        let given = on(&db, folder.path(), Some(CHOSEN));
        given.settle().await.unwrap();
        assert!(admitted(&db, CHOSEN).await);
        assert!(given.rotate().await.is_err());
        // Another admin that has none configured goes by the database.
        on(&db, folder.path(), None).settle().await.unwrap();
        assert!(admitted(&db, CHOSEN).await);
    }
}
