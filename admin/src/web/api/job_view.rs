//! A job as the API shows it.

use std::collections::BTreeMap;

use hera_domain::calendar::CalendarRule;
use hera_domain::clock::Timestamp;
use hera_domain::id::{GroupId, HostGroupId, JobId, Revision, TeamId, UserId};
use hera_domain::job::{Edge, JobContent, JobDef, Resource, Schedule, ScheduleKind};
use hera_domain::status::{Misfire, OnLost, Overlap, Switch};
use serde::Serialize;
use utoipa::ToSchema;

use super::masked::masked;
use crate::store::{JobRevision, RevisionHead, StoredJob};
use crate::web::extract::{opt_time, time};

/// A schedule as the API shows it.
#[derive(Serialize, ToSchema)]
pub(super) struct ScheduleView<'a> {
    kind: ScheduleKind,
    cron: Option<&'a str>,
    timezone: &'static str,
    dependencies: &'a [Edge],
    #[serde(serialize_with = "opt_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    #[serde(serialize_with = "opt_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    calendar: Option<&'a CalendarRule>,
}

impl<'a> From<&'a Schedule> for ScheduleView<'a> {
    fn from(schedule: &'a Schedule) -> Self {
        Self {
            kind: schedule.kind(),
            cron: schedule.cron.as_deref(),
            timezone: schedule.timezone.name(),
            dependencies: &schedule.edges,
            from: schedule.validity.from,
            until: schedule.validity.until,
            calendar: schedule.calendar.as_ref(),
        }
    }
}

/// A job in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct JobSummary<'a> {
    id: JobId,
    revision: Revision,
    group_id: GroupId,
    name: &'a str,
    team_id: TeamId,
    switch: Switch,
    schedule: ScheduleView<'a>,
    host_group_id: Option<HostGroupId>,
    priority: u8,
    overlap: Overlap,
}

impl<'a> From<&'a JobDef> for JobSummary<'a> {
    fn from(def: &'a JobDef) -> Self {
        Self {
            id: def.id,
            revision: def.revision,
            group_id: def.group,
            name: &def.name,
            team_id: def.owner,
            switch: def.switch,
            schedule: def.schedule().into(),
            host_group_id: def.host_group,
            priority: def.priority,
            overlap: def.overlap,
        }
    }
}

/// A job with everything.
#[derive(Serialize, ToSchema)]
pub(super) struct JobView<'a> {
    id: JobId,
    revision: Revision,
    switch: Switch,
    team_id: TeamId,
    #[serde(flatten)]
    content: ContentView<'a>,
    #[serde(serialize_with = "opt_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    first_opened_at: Option<Timestamp>,
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// What the script says that no variable is known for, or why it cannot be rendered; told to
    /// whoever saves it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl JobView<'_> {
    /// The same with what its author is to know.
    pub(super) fn with_warnings(self, warnings: Vec<String>) -> Self {
        Self { warnings, ..self }
    }
}

impl<'a> From<&'a StoredJob> for JobView<'a> {
    fn from(job: &'a StoredJob) -> Self {
        Self {
            id: job.def.id,
            revision: job.def.revision,
            switch: job.def.switch,
            team_id: job.def.owner,
            content: (&job.content).into(),
            first_opened_at: job.def.first_opened_at,
            created_at: job.created_at,
            updated_at: job.updated_at,
            warnings: Vec::new(),
        }
    }
}

/// What a revision holds.
#[derive(Serialize, ToSchema)]
pub(super) struct ContentView<'a> {
    group_id: GroupId,
    name: &'a str,
    description: &'a str,
    run_type: &'a str,
    script: &'a str,
    schedule: ScheduleView<'a>,
    config: BTreeMap<&'a str, &'a str>,
    host_group_id: Option<HostGroupId>,
    priority: u8,
    retries: u32,
    retry_wait_minutes: u32,
    retry_exit_codes: &'a [i32],
    overlap: Overlap,
    misfire: Misfire,
    on_lost: OnLost,
    must_end_minutes: Option<u32>,
    kill_on_timeout: bool,
    expected_end: Option<&'a str>,
    areas: &'a [String],
    labels: &'a [String],
    alarm_level: u8,
    cron_period: Option<&'a str>,
    cron_interval: Option<i32>,
    followers: &'a [UserId],
    resources: &'a [Resource],
    pool: Option<&'a str>,
}

impl<'a> From<&'a JobContent> for ContentView<'a> {
    fn from(content: &'a JobContent) -> Self {
        Self {
            group_id: content.group_id,
            name: &content.name,
            description: &content.description,
            run_type: &content.run_type,
            script: &content.script,
            schedule: (&content.schedule).into(),
            config: masked(&content.config),
            host_group_id: content.host_group_id,
            priority: content.priority,
            retries: content.retry.count,
            retry_wait_minutes: content.retry.wait_minutes,
            retry_exit_codes: &content.retry.exit_codes,
            overlap: content.overlap,
            misfire: content.misfire,
            on_lost: content.on_lost,
            must_end_minutes: content.must_end_minutes,
            kill_on_timeout: content.kill_on_timeout,
            expected_end: content.expected_end.as_deref(),
            areas: &content.areas,
            labels: &content.labels,
            alarm_level: content.alarm_level,
            cron_period: content.cron_period.as_deref(),
            cron_interval: content.cron_interval,
            followers: &content.followers,
            resources: &content.resources,
            pool: content.pool.as_deref(),
        }
    }
}

/// A revision in the history of a job.
#[derive(Serialize, ToSchema)]
pub(super) struct RevisionSummary<'a> {
    revision: Revision,
    author: &'a str,
    comment: &'a str,
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl<'a> From<&'a RevisionHead> for RevisionSummary<'a> {
    fn from(head: &'a RevisionHead) -> Self {
        Self {
            revision: head.revision,
            author: &head.author,
            comment: &head.comment,
            created_at: head.created_at,
        }
    }
}

/// A revision with everything.
#[derive(Serialize, ToSchema)]
pub(super) struct RevisionView<'a> {
    revision: Revision,
    author: &'a str,
    comment: &'a str,
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(flatten)]
    content: ContentView<'a>,
}

impl<'a> From<&'a JobRevision> for RevisionView<'a> {
    fn from(found: &'a JobRevision) -> Self {
        Self {
            revision: found.revision,
            author: &found.author,
            comment: &found.comment,
            created_at: found.created_at,
            content: (&found.content).into(),
        }
    }
}

/// A content as the API shows it.
pub(crate) fn shown_content(content: &JobContent) -> serde_json::Value {
    serde_json::to_value(ContentView::from(content)).expect("a view has text keys only")
}
