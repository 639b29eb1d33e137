//! A job as it is sent: flat JSON → [`JobContent`].

use std::collections::BTreeMap;

use chrono_tz::Tz;
use hera_domain::calendar::CalendarRule;
use hera_domain::cron::Validity;
use hera_domain::id::{GroupId, HostGroupId, Revision, UserId};
use hera_domain::job::{
    Edge, FieldError, JobContent, Resource, RetryPolicy, Schedule, ScheduleKind,
};
use hera_domain::status::{Misfire, OnLost, Overlap};
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

use crate::web::extract::Instant;

/// HERA's priority of a job that names none.
const PRIORITY: u8 = 3;

/// A job as it is sent. Everything that [`JobView`](super::job_view::JobView) shows may be sent back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "group_id": 2,
    "name": "dwd_orders",
    "run_type": "shell",
    "script": "echo ${zdt.addDay(-1).format(\"yyyy-MM-dd\")}",
    "schedule": {"kind": "cron", "cron": "0 30 6 * * ?", "timezone": "Asia/Shanghai"},
    "retries": 2,
    "retry_wait_minutes": 5
}))]
pub(crate) struct JobBody {
    pub(super) group_id: GroupId,
    pub(super) name: String,
    #[serde(default)]
    description: String,
    run_type: String,
    #[serde(default)]
    script: String,
    schedule: ScheduleBody,
    #[serde(default)]
    config: BTreeMap<String, String>,
    host_group_id: Option<HostGroupId>,
    priority: Option<u8>,
    retries: Option<u32>,
    retry_wait_minutes: Option<u32>,
    #[serde(default)]
    retry_exit_codes: Vec<i32>,
    overlap: Option<Overlap>,
    misfire: Option<Misfire>,
    on_lost: Option<OnLost>,
    must_end_minutes: Option<u32>,
    #[serde(default)]
    kill_on_timeout: bool,
    expected_end: Option<String>,
    #[serde(default)]
    areas: Vec<String>,
    #[serde(default)]
    labels: Vec<String>,
    alarm_level: Option<u8>,
    cron_period: Option<String>,
    cron_interval: Option<i32>,
    #[serde(default)]
    followers: Vec<UserId>,
    #[serde(default)]
    resources: Vec<Resource>,
    pool: Option<String>,
    /// The revision that the edit started from.
    pub(super) revision: Option<Revision>,
    /// Why, in the author's words.
    #[serde(default)]
    pub(super) comment: String,
    // What only reading shows.
    #[serde(default, rename = "id")]
    #[schema(value_type = serde_json::Value, required = false)]
    _id: IgnoredAny,
    #[serde(default, rename = "switch")]
    #[schema(value_type = serde_json::Value, required = false)]
    _switch: IgnoredAny,
    #[serde(default, rename = "team_id")]
    #[schema(value_type = serde_json::Value, required = false)]
    _team: IgnoredAny,
    #[serde(default, rename = "first_opened_at")]
    #[schema(value_type = serde_json::Value, required = false)]
    _first_opened_at: IgnoredAny,
    #[serde(default, rename = "created_at")]
    #[schema(value_type = serde_json::Value, required = false)]
    _created_at: IgnoredAny,
    #[serde(default, rename = "updated_at")]
    #[schema(value_type = serde_json::Value, required = false)]
    _updated_at: IgnoredAny,
    #[serde(default, rename = "warnings")]
    #[schema(value_type = serde_json::Value, required = false)]
    _warnings: IgnoredAny,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleBody {
    kind: ScheduleKind,
    cron: Option<String>,
    timezone: Option<String>,
    #[serde(default)]
    dependencies: Vec<Edge>,
    /// The first instant at which it is valid.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Instant>,
    /// The first instant at which it is valid no longer.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Instant>,
    /// Days on which its versions are skipped, or from which they are moved.
    calendar: Option<CalendarRule>,
}

impl JobBody {
    /// The content it stands for; `timezone` is that of jobs that name none.
    pub(crate) fn content(self, timezone: Tz) -> Result<JobContent, Vec<FieldError>> {
        Ok(JobContent {
            schedule: self.schedule.schedule(timezone)?,
            group_id: self.group_id,
            name: self.name,
            description: self.description,
            run_type: self.run_type,
            script: self.script,
            config: self.config,
            host_group_id: self.host_group_id,
            priority: self.priority.unwrap_or(PRIORITY),
            retry: RetryPolicy {
                count: self.retries.unwrap_or(0),
                wait_minutes: self.retry_wait_minutes.unwrap_or(0),
                exit_codes: self.retry_exit_codes,
            },
            overlap: self.overlap.unwrap_or(Overlap::Wait),
            misfire: self.misfire.unwrap_or(Misfire::RunAll),
            on_lost: self.on_lost.unwrap_or(OnLost::Ask),
            must_end_minutes: self.must_end_minutes,
            kill_on_timeout: self.kill_on_timeout,
            expected_end: self.expected_end.filter(|text| !text.is_empty()),
            areas: self.areas,
            labels: self.labels,
            alarm_level: self.alarm_level.unwrap_or(0),
            cron_period: self.cron_period.filter(|text| !text.is_empty()),
            cron_interval: self.cron_interval,
            followers: self.followers,
            resources: self.resources,
            pool: self.pool.filter(|text| !text.is_empty()),
        })
    }
}

impl ScheduleBody {
    /// Kind and parts must say the same: a forgotten cron shall not make a job manual.
    fn schedule(self, default: Tz) -> Result<Schedule, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let cron = self.cron.filter(|text| !text.trim().is_empty());
        let (with_cron, with_edges) = match self.kind {
            ScheduleKind::Cron => (true, false),
            ScheduleKind::Dependent => (false, true),
            ScheduleKind::CronDependent => (true, true),
            ScheduleKind::Manual => (false, false),
        };
        let mut demand = |field: &str, there: bool, wanted: bool| match (there, wanted) {
            (false, true) => wrong.push(FieldError::new(
                format!("schedule.{field}"),
                format!("is missing: the kind is {}", self.kind),
            )),
            (true, false) => wrong.push(FieldError::new(
                format!("schedule.{field}"),
                format!("does not belong to the kind {}", self.kind),
            )),
            (true, true) | (false, false) => {}
        };
        demand("cron", cron.is_some(), with_cron);
        demand("dependencies", !self.dependencies.is_empty(), with_edges);
        let timezone = match self.timezone.as_deref().filter(|name| !name.is_empty()) {
            None => default,
            Some(name) => name.parse().unwrap_or_else(|_unknown| {
                wrong.push(FieldError::new(
                    "schedule.timezone",
                    format!("\"{name}\" is no time zone; write one like Asia/Shanghai or UTC"),
                ));
                default
            }),
        };
        if wrong.is_empty() {
            Ok(Schedule {
                cron,
                timezone,
                edges: self.dependencies,
                validity: Validity {
                    from: self.from.map(|at| at.0),
                    until: self.until.map(|at| at.0),
                },
                calendar: self.calendar,
            })
        } else {
            Err(wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(schedule: &serde_json::Value) -> JobBody {
        serde_json::from_value(json!({
            "group_id": 2, "name": "a", "run_type": "shell", "schedule": schedule,
        }))
        .unwrap()
    }

    fn fields(schedule: &serde_json::Value) -> Vec<String> {
        let wrong = body(schedule).content(Tz::UTC).unwrap_err();
        wrong.into_iter().map(|e| e.field).collect()
    }

    #[test]
    fn what_is_not_said_is_as_in_hera() {
        let content = body(&json!({"kind": "manual"}))
            .content(Tz::Asia__Shanghai)
            .unwrap();
        assert_eq!(content.priority, 3);
        assert_eq!(content.overlap, Overlap::Wait);
        assert_eq!(content.retry, RetryPolicy::default());
        assert_eq!(content.schedule.timezone, Tz::Asia__Shanghai);
    }

    #[test]
    fn what_acts_later_is_kept_all_the_same() {
        let companions = json!({
            "group_id": 2, "name": "a", "run_type": "shell", "schedule": {"kind": "manual"},
            "followers": [3], "pool": "hive",
            "resources": [{"name": "a.jar", "uri": "hdfs:///hera/a.jar"}],
        });
        let body: JobBody = serde_json::from_value(companions.clone()).unwrap();
        let stored = serde_json::to_string(&body.content(Tz::UTC).unwrap()).unwrap();
        let content: JobContent = serde_json::from_str(&stored).unwrap();
        assert_eq!(content.followers, [UserId(3)]);
        assert_eq!(content.pool.as_deref(), Some("hive"));
        assert_eq!(
            serde_json::to_value(&content.resources).unwrap(),
            companions["resources"]
        );
    }

    #[test]
    fn kind_and_parts_must_agree() {
        assert_eq!(fields(&json!({"kind": "cron"})), ["schedule.cron"]);
        let both =
            json!({"kind": "manual", "cron": "0 0 * * * ?", "dependencies": [{"job_id": 1}]});
        assert_eq!(fields(&both), ["schedule.cron", "schedule.dependencies"]);
        assert_eq!(
            fields(&json!({"kind": "dependent", "timezone": "Mars/Base"})),
            ["schedule.dependencies", "schedule.timezone"]
        );
    }
}
