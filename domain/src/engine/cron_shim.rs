//! Stands in until the real expressions land.

use chrono_tz::Tz;

use crate::clock::Timestamp;

#[derive(Debug, Clone)]
pub(super) struct CronExpr(cron::Schedule);

impl CronExpr {
    pub(super) fn parse(text: &str) -> Result<Self, cron::error::Error> {
        text.parse().map(Self)
    }

    pub(super) fn fires(&self, tz: Tz, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        let schedule = self.0.clone();
        let mut at = after.with_timezone(&tz);
        std::iter::from_fn(move || {
            at = schedule.after(&at).next()?;
            Some(at.to_utc())
        })
    }
}
