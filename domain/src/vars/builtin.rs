//! What the system itself knows of a run, for scripts.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::calendar::{Calendar, Field};
use super::date_format::Pattern;
use crate::clock::Timestamp;
use crate::id::{JobId, RunId};
use crate::status::Trigger;
use crate::version_id::VersionId;
use crate::zone;

/// A run, as its script may see it.
#[derive(Debug, Clone)]
pub struct RunFacts<'a> {
    pub job: JobId,
    pub job_name: &'a str,
    /// `None` in a preview.
    pub run: Option<RunId>,
    pub version: &'a VersionId,
    pub business_time: Timestamp,
    /// The job's zone.
    pub tz: Tz,
    pub attempt: u32,
    pub trigger: Trigger,
    /// The name of the team that owns the job.
    pub team: &'a str,
    /// The area of this installation.
    pub area: &'a str,
    pub batch_id: &'a str,
}

impl RunFacts<'_> {
    /// Name and value of each fact, without the prefix of scripts or environments.
    fn named(&self) -> [(&'static str, String); 11] {
        let local = zone::local_time(self.tz, self.business_time);
        [
            ("job_id", self.job.to_string()),
            ("job_name", self.job_name.to_owned()),
            ("version", self.version.to_string()),
            (
                "run_id",
                self.run.map_or_else(String::new, |run| run.to_string()),
            ),
            ("business_date", local.format("%Y-%m-%d").to_string()),
            (
                "business_time",
                local.format("%Y-%m-%d %H:%M:%S").to_string(),
            ),
            ("attempt", self.attempt.to_string()),
            ("trigger", self.trigger.to_string()),
            ("team", self.team.to_owned()),
            ("area", self.area.to_owned()),
            ("batch_id", self.batch_id.to_owned()),
        ]
    }
}

/// The name of the data that a version makes: its business time, shifted by `interval` of the
/// `period` of its job and cut to it. Periods that are no unit of time (`other`, none) give the
/// version's id, as does a shift that leaves the calendar.
pub fn batch_id(
    period: Option<&str>,
    interval: i32,
    version: &VersionId,
    business_time: Timestamp,
    tz: Tz,
) -> String {
    let (field, pattern) = match period {
        Some("year") => (Field::Year, "yyyy"),
        Some("month") => (Field::Month, "yyyy-MM"),
        Some("day") => (Field::DayOfMonth, "yyyy-MM-dd"),
        Some("hour") => (Field::HourOfDay, "yyyy-MM-dd HH"),
        Some("minute") => (Field::Minute, "yyyy-MM-dd HH:mm"),
        Some("second") => (Field::Second, "yyyy-MM-dd HH:mm:ss"),
        Some(_) | None => return version.to_string(),
    };
    let shifted = || {
        let mut calendar = Calendar::new(tz, business_time).ok()?;
        calendar.add(field, interval.into()).ok()?;
        let at = calendar.time().ok()?;
        Pattern::parse(pattern).ok()?.format(tz, at).ok()
    };
    shifted().unwrap_or_else(|| version.to_string())
}

/// `hera.job_id`, `hera.job_name`, … for [`super::Context`].
pub fn builtins(facts: &RunFacts<'_>) -> BTreeMap<String, String> {
    let named = facts.named().into_iter();
    named
        .map(|(name, value)| (format!("hera.{name}"), value))
        .collect()
}

/// `HERA_JOB_ID`, `HERA_JOB_NAME`, … for the process, and `HERA_RUN_KEY`, which is the same for
/// every attempt of a version, so that a job can tell that it has done its work before.
pub fn environment(facts: &RunFacts<'_>) -> BTreeMap<String, String> {
    let named = facts.named().into_iter();
    named
        .map(|(name, value)| (format!("HERA_{}", name.to_uppercase()), value))
        .chain([("HERA_RUN_KEY".to_owned(), facts.version.to_string())])
        .collect()
}
