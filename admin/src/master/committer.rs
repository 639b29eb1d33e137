//! Commits under the lease, and finds out what became of a commit whose answer was lost.

use std::sync::Arc;
use std::time::Duration;

use hera_domain::clock::Timestamp;
use hera_domain::id::{CommitSeq, Epoch};
use tokio::time::Instant;

use super::handle::CommandError;
use crate::store::{Batch, CommitError, LeaderConnection, Lease, StoreError};

/// Waits between the tries of a commit while the database is away.
const BACKOFF: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1000),
];

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("another admin leads now")]
    Deposed,
    #[error("the database does not answer: {0}")]
    Away(String),
    #[error("the database refuses the change: {0}")]
    Conflict(String),
}

impl Failure {
    /// What the sender of a command is told.
    pub(super) fn to_command_error(&self) -> CommandError {
        match self {
            Self::Deposed => CommandError::NoLeader,
            Self::Away(_) | Self::Conflict(_) => CommandError::Store(self.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_temporary() {
            Self::Away(error.to_string())
        } else {
            Self::Conflict(error.to_string())
        }
    }
}

/// The leader's connection with its lease. Every commit renews the lease.
pub(super) struct Committer {
    /// Taken out while a call runs on a blocking thread.
    connection: Option<LeaderConnection>,
    lease: Lease,
    lease_for: Duration,
    renew_every: Duration,
    renewed_at: Instant,
}

impl Committer {
    /// Takes over the connection that acquired `lease` at `acquired_at` (measured before asking).
    pub(super) fn new(
        connection: LeaderConnection,
        lease: Lease,
        lease_for: Duration,
        renew_every: Duration,
        acquired_at: Instant,
    ) -> Self {
        Self {
            connection: Some(connection),
            lease,
            lease_for,
            renew_every,
            renewed_at: acquired_at,
        }
    }

    /// The number of this leadership.
    pub(super) fn epoch(&self) -> Epoch {
        self.lease.epoch
    }

    /// The number that the next commit will have.
    pub(super) fn next_seq(&self) -> CommitSeq {
        CommitSeq(self.lease.commit_seq.0 + 1)
    }

    /// How long a commit or renewal extends the lease, in milliseconds.
    pub(super) fn lease_ms(&self) -> i64 {
        i64::try_from(self.lease_for.as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn renewal_at(&self) -> Instant {
        self.renewed_at + self.renew_every
    }

    pub(super) fn renewal_is_due(&self) -> bool {
        Instant::now() >= self.renewal_at()
    }

    pub(super) fn lease_has_run_out(&self) -> bool {
        Instant::now() >= self.renewed_at + self.lease_for
    }

    /// Renews the lease without a commit; answers the database's clock.
    pub(super) async fn renew(&mut self) -> Result<Timestamp, Failure> {
        let (epoch, lease_ms) = (self.lease.epoch, self.lease_ms());
        let asked_at = Instant::now();
        let now = self
            .call(move |connection| connection.renew(epoch, lease_ms))
            .await?;
        self.renewed_at = asked_at;
        Ok(now)
    }

    /// Commits a batch, once: after a lost answer the database is asked whether it was applied.
    pub(super) async fn commit(&mut self, batch: &Arc<Batch>) -> Result<(), Failure> {
        let mut tries = BACKOFF.iter();
        loop {
            let epoch = self.lease.epoch;
            let asked_at = Instant::now();
            let attempt = Arc::clone(batch);
            let outcome = self
                .call(move |connection| connection.commit(epoch, &attempt))
                .await;
            let error = match outcome {
                Ok(seq) => {
                    self.lease.commit_seq = seq;
                    self.renewed_at = asked_at;
                    return Ok(());
                }
                Err(Failure::Away(error)) => error,
                Err(failure @ (Failure::Deposed | Failure::Conflict(_))) => return Err(failure),
            };
            let Some(wait) = tries.next() else {
                return Err(Failure::Away(error));
            };
            tracing::warn!(error, "a commit got no answer; asking what became of it");
            tokio::time::sleep(*wait).await;
            if self.was_applied().await? {
                self.lease.commit_seq = self.next_seq();
                return Ok(());
            }
            if self.lease_has_run_out() {
                return Err(Failure::Away(error));
            }
        }
    }

    /// Whether the commit after the latest known one is in the database.
    async fn was_applied(&mut self) -> Result<bool, Failure> {
        match self.call(|connection| Ok(connection.last_commit()?)).await {
            Ok((epoch, _)) if epoch != self.lease.epoch => Err(Failure::Deposed),
            Ok((_, seq)) => Ok(seq == self.next_seq()),
            // Not known yet: the next try is fenced by the same numbers.
            Err(Failure::Away(_)) => Ok(false),
            Err(failure @ (Failure::Deposed | Failure::Conflict(_))) => Err(failure),
        }
    }

    async fn call<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut LeaderConnection) -> Result<T, CommitError> + Send + 'static,
    ) -> Result<T, Failure> {
        let Some(mut connection) = self.connection.take() else {
            return Err(Failure::Away("the leader's connection is gone".into()));
        };
        let task = tokio::task::spawn_blocking(move || {
            let outcome = work(&mut connection);
            (connection, outcome)
        });
        let (connection, outcome) = task
            .await
            .map_err(|error| Failure::Away(format!("a database call broke: {error}")))?;
        self.connection = Some(connection);
        outcome.map_err(|error| match error {
            CommitError::Deposed => Failure::Deposed,
            CommitError::Conflict(what) => Failure::Conflict(what),
            CommitError::Database(error) => Failure::from(error),
        })
    }
}
