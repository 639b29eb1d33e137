//! Time as a value. This is the only file of the crate that may read the wall clock.

use chrono::{DateTime, SubsecRound, Utc};

/// An instant in UTC with millisecond precision (finer parts are cut off where one is made).
pub type Timestamp = DateTime<Utc>;

/// Where the programs get the time from; tests hand in their own.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, cut to milliseconds.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> Timestamp {
        Utc::now().trunc_subsecs(3)
    }
}

/// The instant `ms` milliseconds after 1970-01-01T00:00Z, or the nearest one that exists.
pub fn from_millis(ms: i64) -> Timestamp {
    DateTime::from_timestamp_millis(ms).unwrap_or(if ms < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}
