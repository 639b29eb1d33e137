//! What the system itself knows of a run, for scripts.

use std::collections::BTreeMap;

use chrono_tz::Tz;

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
    pub batch_id: &'a str,
}

impl RunFacts<'_> {
    /// Name and value of each fact, without the prefix of scripts or environments.
    fn named(&self) -> [(&'static str, String); 10] {
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
            ("batch_id", self.batch_id.to_owned()),
        ]
    }
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
