//! Runs: asked for, listed, cancelled.

use std::collections::BTreeMap;
use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, web};
use hera_domain::clock::Timestamp;
use hera_domain::id::{JobId, Revision, RunId};
use hera_domain::status::{RunStatus, Trigger};
use hera_domain::version_id::VersionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::masked::masked;
use crate::master::TriggerRun;
use crate::store::{RunFilter, RunView};
use crate::web::auth::Identity;
use crate::web::error::{Error, Result};
use crate::web::extract::{Instant, Json, List, Query, opt_time, time};
use crate::web::idempotency;
use crate::web::{API, AppState};

/// A run as the API shows it.
#[derive(Serialize, ToSchema)]
pub(super) struct RunJson<'a> {
    id: RunId,
    job_id: JobId,
    job_name: &'a str,
    version: &'a VersionId,
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    business_time: Timestamp,
    trigger: Trigger,
    status: RunStatus,
    attempt: u32,
    priority: u8,
    worker: Option<&'a str>,
    revision: Option<Revision>,
    repeats: Option<RunId>,
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(serialize_with = "opt_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    dispatched_at: Option<Timestamp>,
    #[serde(serialize_with = "opt_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[serde(serialize_with = "opt_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    reason: Option<String>,
    operator: Option<&'a str>,
    params: Option<BTreeMap<&'a str, &'a str>>,
    kill_confirmed: Option<bool>,
    /// It is given up as lost when its worker is silent, which has killed it by then.
    fenced: bool,
    /// Its worker has been silent for too long.
    unreachable: bool,
    /// How it ended after it had been given up.
    late_result: Option<String>,
    cpu_ms: Option<i64>,
    peak_memory_kib: Option<i64>,
}

impl<'a> From<&'a RunView> for RunJson<'a> {
    fn from(view: &'a RunView) -> Self {
        let run = &view.run;
        Self {
            id: run.id,
            job_id: run.job,
            job_name: &view.job_name,
            version: &view.version,
            business_time: view.business_time,
            trigger: run.trigger,
            status: run.status,
            attempt: run.attempt,
            priority: run.priority,
            worker: view.worker_name.as_deref(),
            revision: run.revision,
            repeats: run.repeats,
            created_at: run.created_at,
            dispatched_at: run.dispatched_at,
            started_at: run.started_at,
            ended_at: run.ended_at,
            exit_code: run.exit_code,
            signal: run.signal,
            reason: run.reason.as_ref().map(ToString::to_string),
            operator: run.operator.as_deref(),
            params: run.params.as_deref().map(masked),
            kill_confirmed: run.kill_confirmed,
            fenced: run.fenced,
            unreachable: run.unreachable,
            late_result: view.late_result.as_ref().map(ToString::to_string),
            cpu_ms: run.cpu_ms,
            peak_memory_kib: run.peak_memory_kib,
        }
    }
}

/// What is to be run.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"trigger": "recover", "params": {"limit": "500"}}))]
pub(in crate::web) struct TriggerBody {
    trigger: Trigger,
    version: Option<VersionId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    business_time: Option<Instant>,
    #[serde(default)]
    params: BTreeMap<String, String>,
    /// An earlier run of the job, to be repeated as it was.
    repeats: Option<RunId>,
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/jobs/{id}/runs",
    tag = "runs",
    summary = "Starts a run by hand",
    params(("id" = JobId, Path, description = "the job"), ("Idempotency-Key" = Option<String>, Header, description = "the same request again finds the first run", example = "night-2026-11-20")),
    request_body = TriggerBody,
    responses((status = 202, description = "done", body = TriggeredJson)),
)]
pub(in crate::web) async fn trigger(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    job: web::Path<JobId>,
    Json(body): Json<TriggerBody>,
) -> Result<HttpResponse> {
    match body.trigger {
        Trigger::Manual | Trigger::Recover => {}
        Trigger::SuperRecover => {
            return Err(Error::invalid(
                "trigger",
                "super_recover is not there yet and comes later; recover the topmost job, and all that depends on it follows",
            ));
        }
        Trigger::Schedule | Trigger::Debug | Trigger::Rerun => {
            return Err(Error::invalid(
                "trigger",
                format!(
                    "{} cannot be asked for here; use manual or recover",
                    body.trigger
                ),
            ));
        }
    }
    if body.version.is_some() && body.business_time.is_some() {
        return Err(Error::invalid(
            "business_time",
            "names the version a second time; send either version or business_time",
        ));
    }
    let run = TriggerRun {
        job: *job,
        trigger: body.trigger,
        version: body.version,
        business_time: body.business_time.map(|at| at.0),
        params: body.params,
        repeats: body.repeats,
        idempotency_key: idempotency::key(&request)?,
    };
    let made = state.master.trigger(&me.actor, run).await?;
    let url = format!("{API}/runs/{}", made.run);
    Ok(HttpResponse::Accepted()
        .insert_header(("location", url.as_str()))
        .json(TriggeredJson {
            run_id: made.run,
            version: made.version,
            status: made.status,
            log_url: format!("{url}/log"),
            url: url.clone(),
        }))
}

/// The run that was made.
#[derive(Serialize, ToSchema)]
struct TriggeredJson {
    run_id: RunId,
    version: VersionId,
    status: RunStatus,
    url: String,
    log_url: String,
}

/// What a run executed.
#[derive(Serialize, ToSchema)]
struct ScriptJson<'a> {
    run_id: RunId,
    revision: Option<Revision>,
    script: &'a str,
    config: &'a BTreeMap<String, String>,
    params: Option<BTreeMap<&'a str, &'a str>>,
}

/// What a run was given: its script with the variables in place but for secrets, and its config.
#[utoipa::path(
    get,
    path = "/hera/api/v1/runs/{id}/script",
    tag = "runs",
    summary = "What a run executed, without its secrets",
    params(("id" = RunId, Path, description = "the run")),
    responses((status = 200, description = "done", body = ScriptJson<'static>)),
)]
pub(in crate::web) async fn script(
    state: web::Data<AppState>,
    id: web::Path<RunId>,
) -> Result<HttpResponse> {
    let view = state.store.run(*id).await?;
    let view = view.ok_or_else(|| Error::NotFound(format!("run {id}")))?;
    let kept = state.store.run_script(*id).await?;
    let kept = kept.ok_or_else(|| {
        Error::NotFound(format!(
            "script of run {id}: it was not dispatched, or it is not kept any more"
        ))
    })?;
    Ok(HttpResponse::Ok().json(ScriptJson {
        run_id: *id,
        revision: view.run.revision,
        script: &kept.script,
        config: &kept.config,
        params: view.run.params.as_deref().map(masked),
    }))
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/runs",
    tag = "runs",
    summary = "The runs, newest first",
    params(("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given"), ("cursor" = Option<String>, Query, description = "`next` of the page before"), ("job_id" = Option<JobId>, Query, description = "only those of this job"), ("version" = Option<String>, Query, description = "only those of this version"), ("status" = Option<String>, Query, description = "one or several, separated by commas"), ("trigger" = Option<Trigger>, Query, description = "only those started so"), ("from" = Option<String>, Query, description = "created at or after this instant"), ("to" = Option<String>, Query, description = "created before this instant")),
    responses((status = 200, description = "done", body = List<RunJson<'static>>)),
)]
pub(in crate::web) async fn list(
    state: web::Data<AppState>,
    mut query: Query,
) -> Result<HttpResponse> {
    let page = query.page()?;
    let filter = RunFilter {
        job: query.take("job_id")?,
        version: query.take::<String>("version")?.map(VersionId),
        statuses: query
            .take::<Statuses>("status")?
            .map(|statuses| statuses.0)
            .unwrap_or_default(),
        trigger: query.take("trigger")?,
        from: query.take::<Instant>("from")?.map(|at| at.0),
        to: query.take::<Instant>("to")?.map(|at| at.0),
    };
    query.end()?;
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let found = state.store.runs(filter, page.after, limit).await?;
    Ok(HttpResponse::Ok().json(List::<RunJson<'_>>::of_store(&found)))
}

/// One status or several, separated by commas.
struct Statuses(Vec<RunStatus>);

impl FromStr for Statuses {
    type Err = hera_domain::status::UnknownWord;
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        text.split(',')
            .map(|word| word.trim().parse())
            .collect::<std::result::Result<_, _>>()
            .map(Self)
    }
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/runs/{id}",
    tag = "runs",
    summary = "One run",
    params(("id" = RunId, Path, description = "the run")),
    responses((status = 200, description = "done", body = RunJson<'static>)),
)]
pub(in crate::web) async fn show(
    state: web::Data<AppState>,
    id: web::Path<RunId>,
) -> Result<HttpResponse> {
    let run = find(&state, *id).await?;
    Ok(HttpResponse::Ok().json(RunJson::from(&run)))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/runs/{id}/cancel",
    tag = "runs",
    summary = "Asks to end a run",
    params(("id" = RunId, Path, description = "the run")),
    responses((status = 202, description = "done", body = CancelledJson)),
)]
pub(in crate::web) async fn cancel(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<RunId>,
) -> Result<HttpResponse> {
    state.master.cancel(&me.actor, *id).await?;
    Ok(HttpResponse::Accepted().json(CancelledJson { run_id: *id }))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/runs/{id}/lost",
    tag = "runs",
    summary = "Gives up an unreachable run; what comes of it is only noted",
    params(("id" = RunId, Path, description = "the run")),
    responses((status = 200, description = "done", body = RunJson<'static>)),
)]
pub(in crate::web) async fn declare_lost(
    state: web::Data<AppState>,
    me: Identity,
    id: web::Path<RunId>,
) -> Result<HttpResponse> {
    state.master.declare_lost(&me.actor, *id).await?;
    let run = find(&state, *id).await?;
    Ok(HttpResponse::Ok().json(RunJson::from(&run)))
}

/// The run that is to end.
#[derive(Serialize, ToSchema)]
struct CancelledJson {
    run_id: RunId,
}

/// A run, or the answer that there is none.
pub(super) async fn find(state: &AppState, id: RunId) -> Result<RunView> {
    let run = state.store.run(id).await?;
    run.ok_or_else(|| Error::NotFound(format!("run {id}")))
}
