//! What a script will look like, before it runs.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use hera_domain::clock::Timestamp;
use hera_domain::config::{EffectiveConfig, Origin};
use hera_domain::id::JobId;
use hera_domain::status::Trigger;
use hera_domain::vars::{self, Context, RenderError, RunFacts, Used};
use hera_domain::version_id::VersionId;
use hera_domain::zone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs;
use crate::master::Definitions;
use crate::store::StoredJob;
use crate::web::AppState;
use crate::web::error::{Error, Result};
use crate::web::extract::{Instant, Json};

/// Which version of the job to imagine, and what the run would be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"business_time": "2026-11-20T22:30:00Z"}))]
pub(in crate::web) struct PreviewBody {
    #[schema(value_type = Option<String>, format = DateTime)]
    business_time: Option<Instant>,
    #[serde(default)]
    params: BTreeMap<String, String>,
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/jobs/{id}/preview",
    tag = "rendering",
    summary = "A job's script as a run would get it, with the origin of every value",
    params(("id" = JobId, Path, description = "the job")),
    request_body = Option<PreviewBody>,
    responses((status = 200, description = "done", body = PreviewJson)),
)]
pub(in crate::web) async fn preview(
    state: web::Data<AppState>,
    id: web::Path<JobId>,
    Json(body): Json<PreviewBody>,
) -> Result<HttpResponse> {
    let job = jobs::stored(&state, *id).await?;
    let definitions = state.master.definitions();
    let config = EffectiveConfig::merge(levels(&job, &definitions), &state.settings.area);
    let now = state.clock.now();
    let base = body.business_time.map_or(now, |at| at.0);
    let tz = job.content.schedule.timezone;
    let version = version_of(base, tz, *id);
    let batch = vars::batch_id(
        job.content.cron_period.as_deref(),
        job.content.cron_interval.unwrap_or(0),
        &version,
        base,
        tz,
    );
    let teams = state.store.teams().await?;
    let team = teams.iter().find(|team| team.id == job.def.owner);
    let facts = RunFacts {
        job: *id,
        job_name: &job.content.name,
        run: None,
        version: &version,
        business_time: base,
        tz,
        attempt: 1,
        trigger: Trigger::Manual,
        team: team.map_or("", |team| &team.name),
        batch_id: &batch,
    };
    let context = Context {
        params: &body.params,
        config: &config,
        builtins: vars::builtins(&facts),
        base,
        tz,
        now,
    };
    let rendered = vars::render_keeping_secrets(&job.content.script, &context)
        .map_err(|e| unreadable("script", &e))?;
    Ok(HttpResponse::Ok().json(PreviewJson {
        script: rendered.script,
        warnings: rendered.warnings,
        variables: rendered.variables,
    }))
}

/// A script as a run would get it, and where each value comes from.
#[derive(Serialize, ToSchema)]
struct PreviewJson {
    script: String,
    /// What was left as it is, one sentence each.
    warnings: Vec<String>,
    variables: Vec<Used>,
}

/// The configs that a job sees, its own first, the root's last.
fn levels<'a>(
    job: &'a StoredJob,
    definitions: &'a Definitions,
) -> Vec<(Origin, &'a BTreeMap<String, String>)> {
    let mut levels = vec![(Origin::Job, &job.content.config)];
    let mut next = Some(job.content.group_id);
    while let Some(group) = next.and_then(|id| definitions.groups.get(&id)) {
        let origin = Origin::Group(group.id, group.content.name.clone());
        levels.push((origin, &group.content.config));
        next = group.content.parent_id;
    }
    levels
}

fn version_of(base: Timestamp, tz: Tz, job: JobId) -> VersionId {
    let local = zone::local_time(tz, base);
    VersionId::new(local, job, zone::is_second_pass(tz, base), 0)
}

/// A text with variables, and the time it stands for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"template": "${zdt.format(\"yyyy-MM-dd\")}", "version_time": "202611200630"}))]
pub(in crate::web) struct RenderBody {
    template: String,
    /// `yyyyMMddHHmm` in the zone.
    version_time: String,
    timezone: Option<String>,
    #[serde(default)]
    config: BTreeMap<String, String>,
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/render",
    tag = "rendering",
    summary = "Fills in a text",
    request_body = RenderBody,
    responses((status = 200, description = "done", body = RenderedJson)),
)]
pub(in crate::web) async fn render(
    state: web::Data<AppState>,
    Json(body): Json<RenderBody>,
) -> Result<HttpResponse> {
    let tz = match &body.timezone {
        None => state.settings.timezone,
        Some(name) => name.parse::<Tz>().map_err(|_unknown| {
            let message = format!("\"{name}\" is no time zone; write one like Asia/Shanghai");
            Error::invalid("timezone", message)
        })?,
    };
    let local = NaiveDateTime::parse_from_str(&body.version_time, "%Y%m%d%H%M").map_err(|_e| {
        let message = format!(
            "\"{}\" is no time; write yyyyMMddHHmm, as 202611200300",
            body.version_time
        );
        Error::invalid("version_time", message)
    })?;
    let config = EffectiveConfig::merge([(Origin::Job, &body.config)], &state.settings.area);
    let context = Context {
        params: &BTreeMap::new(),
        config: &config,
        builtins: BTreeMap::new(),
        base: zone::instant_of(tz, local),
        tz,
        now: state.clock.now(),
    };
    let rendered =
        vars::render(&body.template, &context).map_err(|e| unreadable("template", &e))?;
    Ok(HttpResponse::Ok().json(RenderedJson {
        rendered: rendered.script,
        warnings: rendered.warnings,
    }))
}

/// A text with its variables in place.
#[derive(Serialize, ToSchema)]
struct RenderedJson {
    rendered: String,
    warnings: Vec<String>,
}

fn unreadable(field: &str, error: &RenderError) -> Error {
    Error::invalid(field, error.to_string())
}
