//! One run: its phases, its log, what it was given, and how it ended.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use askama::Template;
use bytes::Bytes;
use futures_util::stream;
use hera_domain::clock::Timestamp;
use hera_domain::config;
use hera_domain::engine::Run;
use hera_domain::id::RunId;
use hera_domain::status::RunStatus;

use super::frame::{Frame, Section};
use super::parts::{Chip, Crumb, Fact, RunLine, Times, iso, trigger_word};
use super::tree::crumbs;
use super::visit::{Refused, Visit, go_to, html, page_of, refusal};
use crate::access::Right;
use crate::master::CommandError;
use crate::store::RunView;
use crate::web::BASE;
use crate::web::error::{Error, Result};
use crate::web::i18n::Lang;

/// Read from the store at once while a log is downloaded.
const PIECE: usize = 256 << 10;

/// The run's page.
#[derive(Debug, Template)]
#[template(path = "run/page.html")]
pub(super) struct RunPage {
    pub frame: Frame,
    pub crumbs: Vec<Crumb>,
    pub run: RunLine,
    pub notice: Option<String>,
    pub can_operate: bool,
    pub cancellable: bool,
    pub redo_href: String,
    pub recover_href: String,
    pub phases: Vec<Phase>,
    pub log_size: u64,
    pub final_run: bool,
    pub facts: Vec<Fact>,
    pub params: Vec<(String, String)>,
    pub script: Vec<String>,
    /// The effective config that it ran with, secrets masked.
    pub config: Vec<(String, String)>,
}

/// A stretch of the run's life, as wide as it was long.
#[derive(Debug)]
pub(super) struct Phase {
    pub class: &'static str,
    pub word: &'static str,
    pub took: String,
    pub width: i64,
    /// While it lasts.
    pub since: Option<String>,
}

async fn find(visit: &Visit, id: RunId) -> Result<RunView> {
    let run = visit.state.store.run(id).await?;
    run.ok_or_else(|| Error::NotFound(format!("run {id}")))
}

/// `GET /runs/{id}`.
pub(super) async fn show(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    html(&page(&visit, RunId(*id)).await?)
}

async fn page(visit: &Visit, id: RunId) -> Result<RunPage> {
    let view = find(visit, id).await?;
    let rendered = visit.state.store.run_script(id).await?;
    let log = visit.state.store.read_log(id, 0, 1).await?;
    let times = visit.times();
    let run = &view.run;
    let defs = visit.state.master.definitions();
    let group = defs.jobs.get(&run.job).map(|job| job.group);
    let dialog = format!(
        "{BASE}/schedule/jobs/{}/run?version={}&from={id}",
        run.job, view.version
    );
    Ok(RunPage {
        frame: visit.frame(Section::Runs),
        crumbs: crumbs(visit, &defs, group),
        notice: None,
        can_operate: visit.may(Right::Operate),
        cancellable: !run.status.is_final() && run.cancelled_by.is_none(),
        redo_href: format!("{dialog}&trigger=manual"),
        recover_href: format!("{dialog}&trigger=recover"),
        phases: phases(run, times),
        log_size: log.size,
        final_run: run.status.is_final(),
        facts: facts(visit, &view),
        params: run
            .params
            .iter()
            .flat_map(|params| params.iter())
            .map(|(key, value)| (key.clone(), config::shown(key, value).to_owned()))
            .collect(),
        script: rendered
            .as_ref()
            .map(|r| r.script.lines().map(str::to_owned).collect())
            .unwrap_or_default(),
        config: rendered
            .map(|r| r.config.into_iter().collect())
            .unwrap_or_default(),
        run: RunLine::new(&view, times),
    })
}

pub(super) fn phases(run: &Run, times: Times) -> Vec<Phase> {
    let t = &times.lang.texts().run;
    let stretch = |class, word, from: Option<Timestamp>, to: Option<Timestamp>| {
        let from = from?;
        let over = to.or(run.ended_at);
        let ms = (over.unwrap_or(times.now) - from).num_milliseconds().max(0);
        Some(Phase {
            class,
            word,
            took: times.lang.duration(ms),
            width: width(ms),
            since: over.is_none().then(|| iso(from)),
        })
    };
    [
        stretch("waited", t.waited, Some(run.created_at), run.dispatched_at),
        stretch("queued", t.queued, run.dispatched_at, run.started_at),
        stretch(
            match run.status {
                RunStatus::Success => "success",
                RunStatus::Failed | RunStatus::Lost => "failed",
                RunStatus::Cancelled => "cancelled",
                RunStatus::Queued | RunStatus::Dispatched | RunStatus::Running => "running",
            },
            t.ran,
            run.started_at,
            run.ended_at,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Grows with the logarithm: a second beside an hour stays visible, and a moment stays a moment.
fn width(ms: i64) -> i64 {
    24 + 22 * i64::from((ms / 100).max(1).ilog2())
}

fn facts(visit: &Visit, view: &RunView) -> Vec<Fact> {
    let t = &visit.t().run;
    let times = visit.times();
    let run = &view.run;
    let mut facts = vec![
        Fact::new(t.job, format!("{} ({})", view.job_name, run.job))
            .link(format!("{BASE}/schedule/jobs/{}", run.job)),
        Fact::new(t.version, view.version.to_string()),
        Fact::new(t.status, Chip::run(run.status, visit.lang).word),
        Fact::new(t.trigger, trigger_word(run.trigger, visit.lang)),
        Fact::new(t.attempt, run.attempt.to_string()),
    ];
    if let Some(revision) = run.revision {
        let n = revision.0;
        let history = format!(
            "{BASE}/schedule/jobs/{}/revisions?from={}&to={n}",
            run.job,
            (n - 1).max(1)
        );
        facts.push(Fact::new(t.revision, n.to_string()).link(history));
    }
    if let Some(earlier) = run.repeats {
        facts
            .push(Fact::new(t.repeats, earlier.to_string()).link(format!("{BASE}/runs/{earlier}")));
    }
    let mut maybe = |name, value: Option<String>| {
        facts.extend(value.filter(|v| !v.is_empty()).map(|v| Fact::new(name, v)));
    };
    maybe(t.operator, run.operator.clone());
    maybe(t.worker, view.worker_name.clone());
    maybe(t.created, Some(times.absolute(run.created_at)));
    maybe(t.dispatched, run.dispatched_at.map(|at| times.absolute(at)));
    maybe(t.started, run.started_at.map(|at| times.absolute(at)));
    maybe(t.ended, run.ended_at.map(|at| times.absolute(at)));
    maybe(t.exit_code, run.exit_code.map(|n| n.to_string()));
    maybe(t.signal, run.signal.map(|n| n.to_string()));
    maybe(t.cpu, run.cpu_ms.map(|ms| visit.lang.duration(ms)));
    maybe(t.memory, run.peak_memory_kib.map(mebibytes));
    maybe(
        t.reason,
        run.reason.as_ref().map(|reason| visit.lang.reason(reason)),
    );
    let late = view.late_result.as_ref();
    maybe(t.late, late.map(|note| visit.lang.reason(note)));
    maybe(
        t.kill,
        run.kill_confirmed.map(|confirmed| {
            if confirmed {
                t.kill_confirmed.to_owned()
            } else {
                t.kill_unconfirmed.to_owned()
            }
        }),
    );
    facts
}

fn mebibytes(kib: i64) -> String {
    let tenths = kib * 10 / 1024;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

/// `POST /runs/{id}/cancel`.
pub(super) async fn cancel(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let id = RunId(*id);
    let cancelled = visit.state.master.cancel(visit.actor()?, id).await;
    let Err(error) = cancelled else {
        return Ok(go_to(&format!("{BASE}/runs/{id}")));
    };
    refused(&visit, id, error).await
}

async fn refused(visit: &Visit, id: RunId, error: CommandError) -> Result<HttpResponse> {
    match refusal(error, visit.lang)? {
        Refused::Reason(reason) => {
            let mut page = page(visit, id).await?;
            page.notice = Some(reason);
            page_of(HttpResponse::Conflict(), &page)
        }
        Refused::Fields(errors) => Err(Error::Invalid(errors.0)),
    }
}

/// `POST /runs/{id}/lost`: an unreachable run is given up.
pub(super) async fn declare_lost(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let id = RunId(*id);
    let given_up = visit.state.master.declare_lost(visit.actor()?, id).await;
    let Err(error) = given_up else {
        return Ok(go_to(&format!("{BASE}/runs/{id}")));
    };
    refused(&visit, id, error).await
}

/// `GET /runs/{id}/log.txt`: all that is stored of the log, for people.
pub(super) async fn download(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let id = RunId(*id);
    find(&visit, id).await?;
    let (store, lang) = (visit.state.store.clone(), visit.lang);
    let pieces = stream::try_unfold(0_u64, move |offset| {
        let store = store.clone();
        async move {
            let slice = store
                .read_log(id, offset, PIECE)
                .await
                .map_err(Error::from)?;
            let next = slice.next();
            if slice.bytes.is_empty() {
                return Ok(None);
            }
            let mut bytes = gap_line(slice.start - offset, lang);
            bytes.extend(slice.bytes);
            let piece = Some((Bytes::from(bytes), next));
            Ok::<_, Error>(piece)
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("inline; filename=\"run-{id}.log\""),
        ))
        .streaming(pieces))
}

/// Says in the text itself what is missing of a log that grew too long.
fn gap_line(missing: u64, lang: Lang) -> Vec<u8> {
    if missing == 0 {
        return Vec::new();
    }
    let size = lang.bytes(missing);
    format!("\n⋯ {size} {} ⋯\n", lang.texts().run.log_gap).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_grow_but_never_fill_the_page() {
        assert_eq!(width(0), width(90));
        assert!(width(200) < width(180_000));
        assert!(width(86_400_000) < 700);
        assert_eq!(mebibytes(1_536), "1.5 MiB");
    }
}
