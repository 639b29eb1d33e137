//! What a job is: its schedule and its settings, as the engine and the pages know it.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::calendar::CalendarRule;
use crate::clock::Timestamp;
use crate::cron::Validity;
use crate::id::{GroupId, HostGroupId, JobId, Revision, TeamId, UserId};
use crate::status::{Misfire, OnLost, Overlap, Policy, Switch, Window};

/// A dependency on another job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edge {
    /// The job that is depended on.
    #[serde(rename = "job_id")]
    pub upstream: JobId,
    /// Which of its versions matter.
    #[serde(default = "nearest")]
    pub window: Window,
    /// What is asked of them.
    #[serde(default = "success")]
    pub policy: Policy,
}

fn nearest() -> Window {
    Window::Nearest
}

fn success() -> Policy {
    Policy::Success
}

/// When a job's versions are planned. The text of a cron expression has been checked by
/// [`crate::cron::CronExpr::parse`] before it gets in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Quartz cron, for kinds cron and cron + dependent.
    pub cron: Option<String>,
    /// The zone of the cron, of the business day and of the version ids.
    pub timezone: Tz,
    /// Upstreams, for kinds dependent and cron + dependent.
    pub edges: Vec<Edge>,
    /// Business times outside of it are not planned.
    #[serde(default, skip_serializing_if = "Validity::is_always")]
    pub validity: Validity,
    /// Days on which its versions are skipped, or from which they are moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarRule>,
}

impl Schedule {
    /// The kind, read off the parts.
    pub fn kind(&self) -> ScheduleKind {
        match (self.cron.is_some(), self.edges.is_empty()) {
            (true, true) => ScheduleKind::Cron,
            (false, false) => ScheduleKind::Dependent,
            (true, false) => ScheduleKind::CronDependent,
            (false, true) => ScheduleKind::Manual,
        }
    }
}

crate::text_enum::text_enum! {
    /// The kinds of schedule.
    ScheduleKind {
        Cron = "cron",
        Dependent = "dependent",
        CronDependent = "cron_dependent",
        Manual = "manual",
    }
}

/// A schedule and the instant from which it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleEra {
    /// It holds for business times after this instant; `None` = from the beginning.
    pub after: Option<Timestamp>,
    /// What holds.
    pub schedule: Schedule,
}

/// How often and when a failed run is tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts after the first one.
    pub count: u32,
    /// Minutes between the end of one attempt and the next.
    pub wait_minutes: u32,
    /// Exit codes that are tried again; empty = every one but 0.
    pub exit_codes: Vec<i32>,
}

/// A job as the engine knows it: everything but scripts and config values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDef {
    pub id: JobId,
    pub group: GroupId,
    pub name: String,
    pub owner: TeamId,
    pub revision: Revision,
    pub switch: Switch,
    /// When it was opened for the first time; the plan alone starts nothing from before.
    pub first_opened_at: Option<Timestamp>,
    /// When it was opened last; times between a closing and this one have no versions.
    pub opened_at: Option<Timestamp>,
    /// Oldest first, never empty; the last one is in force.
    pub eras: Vec<ScheduleEra>,
    /// `None` = the installation's default host group.
    pub host_group: Option<HostGroupId>,
    /// 1 (low) to 5; higher goes first.
    pub priority: u8,
    pub retry: RetryPolicy,
    pub overlap: Overlap,
    pub misfire: Misfire,
    pub on_lost: OnLost,
    /// Alarm when a run takes longer.
    pub must_end_minutes: Option<u32>,
    /// Whether the alarm also kills.
    pub kill_on_timeout: bool,
}

impl JobDef {
    /// The schedule in force.
    pub fn schedule(&self) -> &Schedule {
        let era = self
            .eras
            .last()
            .expect("a job has at least one schedule era");
        &era.schedule
    }
}

/// Values of one run that overlay the job's config.
pub type Params = BTreeMap<String, String>;

/// Everything a person edits of a job: what one revision holds. Kept as JSON beside the script,
/// so that a new setting needs no new column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobContent {
    pub group_id: GroupId,
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// shell, python, …
    pub run_type: String,
    /// Kept in a column of its own; empty in the JSON.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub script: String,
    pub schedule: Schedule,
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    #[serde(default)]
    pub host_group_id: Option<HostGroupId>,
    /// 1 to 5.
    pub priority: u8,
    #[serde(default)]
    pub retry: RetryPolicy,
    pub overlap: Overlap,
    pub misfire: Misfire,
    pub on_lost: OnLost,
    #[serde(default)]
    pub must_end_minutes: Option<u32>,
    #[serde(default)]
    pub kill_on_timeout: bool,
    /// Local time of day, `HH:MM`.
    #[serde(default)]
    pub expected_end: Option<String>,
    #[serde(default)]
    pub areas: Vec<String>,
    #[serde(default)]
    pub labels: Vec<String>,
    /// 0 mail, 1 message, 2 phone.
    #[serde(default)]
    pub alarm_level: u8,
    #[serde(default)]
    pub cron_period: Option<String>,
    #[serde(default)]
    pub cron_interval: Option<i32>,
    /// Users who hear of its alarms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<UserId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// The pool of slots that its runs share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// A file that is put into the run's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Resource {
    /// What the file is called there.
    pub name: String,
    /// Where it comes from: `hdfs:///…` or `res:///…`.
    pub uri: String,
}

/// A value that cannot be accepted, by the name of its field in the API and the forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    pub field: String,
    pub message: String,
}

impl FieldError {
    /// Says what is wrong with a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}
