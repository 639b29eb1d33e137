//! What a script will look like, before it runs.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use hera_domain::check::check_values;
use hera_domain::config::{EffectiveConfig, Origin};
use hera_domain::id::JobId;
use hera_domain::vars::{self, Context, Download, RenderError, Used, Warning};
use hera_domain::version_id::VersionId;
use hera_domain::zone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jobs;
use crate::web::AppState;
use crate::web::error::{Error, Result};
use crate::web::extract::{Instant, Json};
use crate::web::preview::{self, Imagined};

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
    let imagined = Imagined {
        job: *id,
        owner: job.def.owner,
        content: &job.content,
        at: body.business_time.map_or(state.clock.now(), |at| at.0),
        params: &body.params,
    };
    let wrong = check_values("params", &body.params);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let preview = preview::preview(&state, imagined).await?;
    let rendered = preview.rendered.map_err(|e| unreadable("script", &e))?;
    Ok(HttpResponse::Ok().json(PreviewJson {
        script: rendered.script,
        downloads: rendered.downloads,
        warnings: rendered.warnings.iter().map(Warning::to_string).collect(),
        variables: rendered.variables,
        version: preview.version,
        batch_id: preview.batch_id,
        environment: preview.environment,
    }))
}

/// A script as a run would get it, and where each value comes from.
#[derive(Serialize, ToSchema)]
struct PreviewJson {
    script: String,
    /// The files that it wants beside it, which are taken out of it.
    downloads: Vec<Download>,
    /// What was left as it is, one sentence each.
    warnings: Vec<String>,
    variables: Vec<Used>,
    version: VersionId,
    batch_id: String,
    /// What the process finds in its environment.
    environment: BTreeMap<String, String>,
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
        downloads: rendered.downloads,
        warnings: rendered.warnings.iter().map(Warning::to_string).collect(),
    }))
}

/// A text with its variables in place.
#[derive(Serialize, ToSchema)]
struct RenderedJson {
    rendered: String,
    /// The files that it names, which are taken out of it.
    downloads: Vec<Download>,
    warnings: Vec<String>,
}

fn unreadable(field: &str, error: &RenderError) -> Error {
    Error::invalid(field, error.to_string())
}
