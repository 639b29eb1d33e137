//! The dialog that starts a run by hand.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;
use hera_domain::clock::Timestamp;
use hera_domain::config;
use hera_domain::engine::Run;
use hera_domain::id::{JobId, RunId};
use hera_domain::job::FieldError;
use hera_domain::status::{Switch, Trigger};
use hera_domain::version_id::VersionId;
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::job::find;
use super::parts::{Chip, Choice, Errors};
use super::visit::{Refused, Visit, go_to, html, page_of, refusal};
use crate::master::TriggerRun;
use crate::store::IdempotencyKey;
use crate::web::BASE;
use crate::web::error::Result;
use crate::web::idempotency;

const FIELDS: &[&str] = &["version", "business_time", "params"];

/// The dialog.
#[derive(Debug, Template)]
#[template(path = "run/dialog.html")]
pub(super) struct RunDialog {
    pub frame: Frame,
    pub action: String,
    pub back: String,
    /// Sent twice, the form starts one run.
    pub key: String,
    pub id: i64,
    pub name: String,
    pub closed: bool,
    pub zone: String,
    pub notice: Option<String>,
    pub errors: Errors,
    pub recover: bool,
    pub versions: Vec<Choice>,
    pub business_time: String,
    pub params: String,
    /// Opened for an earlier run, which may be repeated as it was.
    pub earlier: Option<Earlier>,
}

/// The run that the dialog was opened from.
#[derive(Debug)]
pub(super) struct Earlier {
    pub id: i64,
    pub revision: i64,
    pub newest: i64,
    pub as_it_was: bool,
}

/// The form, and what a link fills in beforehand.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    key: String,
    #[serde(default)]
    trigger: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    business_time: String,
    #[serde(default)]
    params: String,
    /// The run that the dialog was opened from.
    from: Option<i64>,
    #[serde(default)]
    script: String,
}

/// The choice of the earlier run's script.
const AS_IT_WAS: &str = "was";

/// `GET /schedule/jobs/{id}/run?version=&trigger=`.
pub(super) async fn show(
    visit: Visit,
    id: web::Path<i64>,
    query: web::Query<Fields>,
) -> Result<HttpResponse> {
    let mut fields = query.into_inner();
    fields.key = crate::secret::generate();
    if let Some(run) = earlier(&visit, JobId(*id), &fields).await? {
        fields.params = lines(&run);
    }
    html(&dialog(&visit, JobId(*id), fields, Errors::default()).await?)
}

/// The run that the dialog was opened from, if it is one of this job.
async fn earlier(visit: &Visit, job: JobId, fields: &Fields) -> Result<Option<Run>> {
    let Some(id) = fields.from else {
        return Ok(None);
    };
    let found = visit.state.store.run(RunId(id)).await?;
    Ok(found.map(|view| view.run).filter(|run| run.job == job))
}

/// The parameters of a run as they may be shown.
fn lines(run: &Run) -> String {
    let params = run.params.iter().flat_map(|params| params.iter());
    let shown = params.map(|(key, value)| (key.clone(), config::shown(key, value).to_owned()));
    config::to_lines(&shown.collect())
}

async fn dialog(visit: &Visit, id: JobId, fields: Fields, errors: Errors) -> Result<RunDialog> {
    let defs = visit.state.master.definitions();
    let job = find(&defs, id)?;
    let path = format!("{BASE}/schedule/jobs/{id}");
    let earlier = earlier(visit, id, &fields).await?;
    let errors = errors.said_in(visit.lang);
    Ok(RunDialog {
        earlier: earlier.and_then(|run| {
            Some(Earlier {
                id: run.id.0,
                revision: run.revision?.0,
                newest: job.revision.0,
                as_it_was: fields.script == AS_IT_WAS,
            })
        }),
        frame: visit.frame(Section::Schedule),
        action: format!("{path}/run"),
        back: path,
        key: fields.key,
        id: id.0,
        name: job.name.clone(),
        closed: job.switch != Switch::Open,
        zone: job.schedule().timezone.to_string(),
        notice: errors.notice(FIELDS, visit.lang),
        errors,
        recover: fields.trigger != "manual",
        versions: versions(visit, id, job.schedule().timezone, &fields.version).await?,
        business_time: fields.business_time,
        params: fields.params,
    })
}

/// Today's and yesterday's versions, and the chosen one.
async fn versions(visit: &Visit, id: JobId, zone: Tz, chosen: &str) -> Result<Vec<Choice>> {
    let today = visit.state.clock.now().with_timezone(&zone).date_naive();
    let mut found = visit.state.master.versions(id, today).await?;
    if let Some(yesterday) = today.pred_opt() {
        found.extend(visit.state.master.versions(id, yesterday).await?);
    }
    found.sort_by_key(|version| std::cmp::Reverse(version.business_time));
    let mut choices: Vec<_> = found
        .iter()
        .take(60)
        .map(|version| {
            let chip = Chip::version(version.status, version.frozen, visit.lang);
            let local = version.business_time.with_timezone(&zone);
            let word = format!(
                "{} · {} · {}",
                version.id,
                local.format("%m-%d %H:%M"),
                chip.word
            );
            Choice::new(version.id.as_str(), word, version.id.as_str() == chosen)
        })
        .collect();
    if !chosen.is_empty() && !choices.iter().any(|choice| choice.chosen) {
        choices.insert(0, Choice::new(chosen, chosen, true));
    }
    Ok(choices)
}

/// `POST /schedule/jobs/{id}/run`.
pub(super) async fn start(
    visit: Visit,
    id: web::Path<i64>,
    form: web::Form<Fields>,
) -> Result<HttpResponse> {
    let id = JobId(*id);
    let fields = form.into_inner();
    let zone = find(&visit.state.master.definitions(), id)?
        .schedule()
        .timezone;
    let earlier = earlier(&visit, id, &fields).await?;
    let run = match read(&visit, id, zone, &fields, earlier.as_ref()) {
        Ok(run) => run,
        Err(errors) => {
            let page = dialog(&visit, id, fields, errors).await?;
            return page_of(HttpResponse::UnprocessableEntity(), &page);
        }
    };
    match visit.state.master.trigger(visit.actor()?, run).await {
        Ok(made) => Ok(go_to(&format!("{BASE}/runs/{}", made.run))),
        Err(error) => match refusal(error, visit.lang)? {
            Refused::Fields(errors) => {
                let page = dialog(&visit, id, fields, errors).await?;
                page_of(HttpResponse::UnprocessableEntity(), &page)
            }
            Refused::Reason(reason) => {
                let mut page = dialog(&visit, id, fields, Errors::default()).await?;
                page.notice = Some(reason);
                page_of(HttpResponse::Conflict(), &page)
            }
        },
    }
}

fn read(
    visit: &Visit,
    job: JobId,
    zone: Tz,
    fields: &Fields,
    earlier: Option<&Run>,
) -> std::result::Result<TriggerRun, Errors> {
    let t = &visit.t().run_dialog;
    let mut wrong = Vec::new();
    let business_time = match fields.business_time.trim() {
        "" => None,
        text => local(text, zone).or_else(|| {
            wrong.push(FieldError::new("business_time", t.bad_time));
            None
        }),
    };
    let version = (!fields.version.is_empty()).then(|| VersionId(fields.version.clone()));
    if version.is_some() && business_time.is_some() {
        wrong.push(FieldError::new("business_time", t.both));
    }
    let mut params = config::parse_lines(&fields.params).unwrap_or_else(|e| {
        wrong.push(FieldError::new("params", e.to_string()));
        std::collections::BTreeMap::new()
    });
    if let Some(before) = earlier.and_then(|run| run.params.as_deref()) {
        config::unmask(&mut params, before);
    }
    if !wrong.is_empty() {
        return Err(Errors(wrong));
    }
    Ok(TriggerRun {
        job,
        trigger: if fields.trigger == "manual" {
            Trigger::Manual
        } else {
            Trigger::Recover
        },
        version,
        business_time,
        params,
        repeats: earlier
            .filter(|_| fields.script == AS_IT_WAS)
            .map(|run| run.id),
        idempotency_key: (!fields.key.is_empty()).then(|| {
            let path = format!("/jobs/{job}/run");
            let sent = format!("{fields:?}");
            IdempotencyKey {
                key: fields.key.clone(),
                fingerprint: idempotency::fingerprint("POST", &path, &sent),
            }
        }),
    })
}

/// Reads what a date-time field sends; of a repeated hour the first pass is meant.
pub(super) fn local(text: &str, zone: Tz) -> Option<Timestamp> {
    let read = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let naive = read("%Y-%m-%dT%H:%M:%S").or_else(|| read("%Y-%m-%dT%H:%M"))?;
    let at = zone.from_local_datetime(&naive).earliest()?;
    Some(at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_is_read_in_the_job_s_zone_and_a_gap_is_refused() {
        let shanghai = local("2026-11-20T06:30", Tz::Asia__Shanghai).unwrap();
        assert_eq!(shanghai.to_rfc3339(), "2026-11-19T22:30:00+00:00");
        assert_eq!(local("2026-03-29T02:30", Tz::Europe__Berlin), None);
        assert_eq!(local("yesterday", Tz::UTC), None);
    }
}
