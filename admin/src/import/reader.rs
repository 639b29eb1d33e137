//! The HERA, read on a blocking thread.

use std::sync::{Arc, Mutex, PoisonError};

use super::{LegacyHera, LegacyRow};
use crate::store::legacy::LegacyError;

/// Rows of a page of small rows.
const PAGE: i64 = 5_000;

#[derive(Clone)]
pub(super) struct Reader {
    hera: Arc<Mutex<LegacyHera>>,
    shown: String,
    source: String,
}

impl Reader {
    pub(super) async fn open(url: &str) -> anyhow::Result<Self> {
        let url = url.to_owned();
        let hera = tokio::task::spawn_blocking(move || LegacyHera::open(&url)).await??;
        Ok(Self {
            shown: hera.describe().to_owned(),
            source: hera.source().to_owned(),
            hera: Arc::new(Mutex::new(hera)),
        })
    }

    pub(super) fn describe(&self) -> &str {
        &self.shown
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn missing<R: LegacyRow>(&self) -> Vec<&'static str> {
        let hera = self.hera.lock().unwrap_or_else(PoisonError::into_inner);
        if hera.has_table(R::TABLE) {
            hera.missing::<R>()
        } else {
            Vec::new()
        }
    }

    /// Every row of a table whose rows are small.
    pub(super) async fn all<R: LegacyRow>(&self) -> anyhow::Result<Vec<R>> {
        self.call(|hera| {
            let mut rows: Vec<R> = Vec::new();
            let mut after = i64::MIN;
            loop {
                let page: Vec<R> = hera.page(after, PAGE)?;
                let Some(last) = page.last() else {
                    return Ok(rows);
                };
                after = last.id();
                rows.extend(page);
            }
        })
        .await
    }

    /// The rows after `after`, by id.
    pub(super) async fn page<R: LegacyRow>(
        &self,
        after: i64,
        limit: i64,
    ) -> anyhow::Result<Vec<R>> {
        self.call(move |hera| hera.page(after, limit)).await
    }

    /// The rows of these ids.
    pub(super) async fn named<R: LegacyRow>(&self, ids: &[i64]) -> anyhow::Result<Vec<R>> {
        let ids = ids.to_vec();
        self.call(move |hera| hera.named(&ids)).await
    }

    /// How many rows a table has.
    pub(super) async fn count(&self, table: &'static str) -> anyhow::Result<Option<i64>> {
        self.call(move |hera| hera.count(table)).await
    }

    async fn call<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut LegacyHera) -> Result<T, LegacyError> + Send + 'static,
    ) -> anyhow::Result<T> {
        let hera = Arc::clone(&self.hera);
        let work = move || f(&mut hera.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(work).await??)
    }
}
