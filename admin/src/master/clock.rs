//! Engine time: the database's clock, carried on by this machine's monotonic one.

use std::time::Duration;

use chrono::SubsecRound;
use hera_domain::clock::Timestamp;
use tokio::time::Instant;

/// Never goes backwards, whatever the machine's or the database's clock does.
#[derive(Debug)]
pub(super) struct EngineClock {
    sampled: Timestamp,
    sampled_at: Instant,
    last: Timestamp,
}

impl EngineClock {
    pub(super) fn new(database_now: Timestamp) -> Self {
        Self {
            sampled: database_now,
            sampled_at: Instant::now(),
            last: database_now,
        }
    }

    /// Takes the database's clock anew.
    pub(super) fn sample(&mut self, database_now: Timestamp) {
        self.sampled = database_now;
        self.sampled_at = Instant::now();
    }

    pub(super) fn now(&mut self) -> Timestamp {
        let now = (self.sampled + self.sampled_at.elapsed()).trunc_subsecs(3);
        self.last = self.last.max(now);
        self.last
    }

    /// The time told last.
    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    /// How long until engine time reaches `deadline`.
    pub(super) fn until(&mut self, deadline: Timestamp) -> Duration {
        (deadline - self.now()).to_std().unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hera_domain::clock::from_millis;

    #[tokio::test(start_paused = true)]
    async fn goes_on_between_samples_and_never_back() {
        let mut clock = EngineClock::new(from_millis(10_000));
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!(clock.now(), from_millis(11_500));
        clock.sample(from_millis(11_000));
        assert_eq!(
            clock.now(),
            from_millis(11_500),
            "the database's clock went back"
        );
        tokio::time::advance(Duration::from_millis(700)).await;
        assert_eq!(clock.now(), from_millis(11_700));
        assert_eq!(clock.until(from_millis(12_000)), Duration::from_millis(300));
        assert_eq!(clock.until(from_millis(1)), Duration::ZERO);
    }
}
