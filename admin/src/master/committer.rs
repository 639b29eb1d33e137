//! Commits under the lease, and finds out what became of a commit whose answer was lost.

use std::sync::Arc;
use std::time::Duration;

use hera_domain::clock::Timestamp;
use hera_domain::id::{CommitSeq, Epoch};
use tokio::sync::watch;
use tokio::time::Instant;

use super::handle::CommandError;
use crate::store::{Batch, CommitError, LeaderConnection, Lease, StoreError};

/// Waits before the database is asked again, while it is away; the last one is repeated.
const BACKOFF: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1000),
];

/// How often the database's clock is read at least, also while commits renew the lease.
const SAMPLE_EVERY: Duration = Duration::from_secs(30);

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("another admin leads now")]
    Deposed,
    #[error("the database does not answer: {0}")]
    Away(String),
    /// A commit was under way: it may have been applied, or be applied yet.
    #[error("the database does not say whether it was committed: {0}")]
    Unknown(String),
    #[error("the database refuses the change: {0}")]
    Conflict(String),
}

impl Failure {
    /// What the sender of a command is told.
    pub(super) fn to_command_error(&self) -> CommandError {
        match self {
            Self::Deposed => CommandError::NoLeader,
            Self::Unknown(_) => CommandError::Unanswered(self.to_string()),
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
    /// When the lease runs out, for who watches that.
    ends: watch::Sender<Instant>,
    sampled_at: Instant,
    /// Not before: the latest renewal got no answer.
    renew_again_at: Option<Instant>,
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
            ends: watch::Sender::new(acquired_at + lease_for),
            sampled_at: acquired_at,
            renew_again_at: None,
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

    /// When the lease must be renewed if nothing is committed before.
    pub(super) fn renewal_at(&self) -> Instant {
        let due = self.renewed_at + self.renew_every;
        let due = due.min(self.sampled_at + SAMPLE_EVERY);
        self.renew_again_at.map_or(due, |again| again.max(due))
    }

    pub(super) fn renewal_is_due(&self) -> bool {
        Instant::now() >= self.renewal_at()
    }

    /// When the lease runs out, and every extension of it.
    pub(super) fn watch_end(&self) -> watch::Receiver<Instant> {
        self.ends.subscribe()
    }

    fn renewed(&mut self, asked_at: Instant) {
        self.renewed_at = asked_at;
        self.ends.send_replace(self.lease_ends_at());
    }

    fn lease_ends_at(&self) -> Instant {
        self.renewed_at + self.lease_for
    }

    pub(super) fn lease_has_run_out(&self) -> bool {
        Instant::now() >= self.lease_ends_at()
    }

    /// Renews the lease without a commit; answers the database's clock.
    pub(super) async fn renew(&mut self) -> Result<Timestamp, Failure> {
        let (epoch, lease_ms) = (self.lease.epoch, self.lease_ms());
        let asked_at = Instant::now();
        let renewed = self
            .call(move |connection| connection.renew(epoch, lease_ms))
            .await;
        // Without an answer it is asked again soon, but not in a circle.
        let again = || Instant::now() + BACKOFF[1];
        self.renew_again_at = renewed.is_err().then(again);
        let now = renewed?;
        self.renewed(asked_at);
        self.sampled_at = asked_at;
        Ok(now)
    }

    /// Raises the number of this leadership to `epoch`.
    pub(super) async fn raise(&mut self, epoch: Epoch) -> Result<(), Failure> {
        let mine = self.lease.epoch;
        self.call(move |connection| connection.raise(mine, epoch))
            .await?;
        self.lease.epoch = epoch;
        Ok(())
    }

    /// Gives the lead back, so that nobody waits for the lease to run out.
    pub(super) async fn release(&mut self) {
        if self.lease_has_run_out() {
            return;
        }
        let epoch = self.lease.epoch;
        let released = self.call(move |connection| connection.release(epoch)).await;
        if let Err(failure) = released {
            tracing::debug!(%failure, "the lease was not given back and runs out by itself");
        }
    }

    /// Commits a batch, once. After a lost answer the database is asked whether it was applied,
    /// and nothing is repeated before that is known.
    pub(super) async fn commit(&mut self, batch: &Arc<Batch>) -> Result<(), Failure> {
        let mut waits = BACKOFF.into_iter().chain(std::iter::repeat(BACKOFF[3]));
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
                    self.renewed(asked_at);
                    return Ok(());
                }
                Err(Failure::Away(error)) => error,
                Err(failure @ (Failure::Deposed | Failure::Unknown(_) | Failure::Conflict(_))) => {
                    return Err(failure);
                }
            };
            tracing::warn!(error, "a commit got no answer; asking what became of it");
            if self.was_applied(error, &mut waits).await? {
                self.lease.commit_seq = self.next_seq();
                return Ok(());
            }
        }
    }

    /// Whether the commit after the latest known one is in the database, asked for as long as the
    /// lease lasts.
    async fn was_applied(
        &mut self,
        mut error: String,
        waits: &mut impl Iterator<Item = Duration>,
    ) -> Result<bool, Failure> {
        for wait in waits {
            let wake = (Instant::now() + wait).min(self.lease_ends_at());
            tokio::time::sleep_until(wake).await;
            if self.lease_has_run_out() {
                break;
            }
            match self.call(LeaderConnection::last_commit).await {
                Ok((epoch, _)) if epoch != self.lease.epoch => return Err(Failure::Deposed),
                Ok((_, seq)) => return Ok(seq == self.next_seq()),
                Err(Failure::Away(again)) => error = again,
                Err(failure @ (Failure::Deposed | Failure::Unknown(_) | Failure::Conflict(_))) => {
                    return Err(failure);
                }
            }
        }
        Err(Failure::Unknown(error))
    }

    /// Makes a call on a blocking thread. One that lasts longer than the lease is given up with
    /// its connection: what it may still write is fenced by the next leadership.
    async fn call<T: Send + 'static, E: Into<CommitError> + Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut LeaderConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure> {
        let Some(mut connection) = self.connection.take() else {
            return Err(Failure::Away("the leader's connection is gone".into()));
        };
        let task = tokio::task::spawn_blocking(move || {
            let outcome = work(&mut connection);
            (connection, outcome)
        });
        let Ok(done) = tokio::time::timeout_at(self.lease_ends_at(), task).await else {
            return Err(Failure::Away("the lease ran out before it answered".into()));
        };
        let (connection, outcome) =
            done.map_err(|error| Failure::Away(format!("a database call broke: {error}")))?;
        self.connection = Some(connection);
        outcome.map_err(|error| match error.into() {
            CommitError::Deposed => Failure::Deposed,
            CommitError::Conflict(what) => Failure::Conflict(what),
            CommitError::Database(error) => Failure::from(error),
        })
    }
}
