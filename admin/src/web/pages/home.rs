//! Today at a glance: six numbers, what needs a person, what ran, who runs it.

use actix_web::HttpResponse;
use askama::Template;
use chrono::TimeDelta;
use futures_util::future::try_join_all;
use hera_domain::graph::{Upstreams, reachable, reverse};
use hera_domain::status::{RunStatus, VersionStatus as V};

use super::frame::{Frame, Section};
use super::last_words::last_words;
use super::machines::Machine;
use super::parts::{Ago, Chip, RunLine};
use super::visit::{Visit, html};
use crate::access::Right;
use crate::store::{RunFilter, RunView};
use crate::web::BASE;
use crate::web::error::Result;

/// The page.
#[derive(Debug, Template)]
#[template(path = "home/page.html")]
pub(super) struct HomePage {
    pub frame: Frame,
    pub date: String,
    pub numbers: Vec<Number>,
    pub needs: Vec<Need>,
    pub recent: Vec<RunLine>,
    pub workers: Vec<Machine>,
    pub can_operate: bool,
}

/// A number that leads to what it counts.
#[derive(Debug)]
pub(super) struct Number {
    pub value: i64,
    pub word: &'static str,
    pub class: &'static str,
    pub icon: &'static str,
    pub href: String,
}

/// A failure that nobody has repaired yet.
#[derive(Debug)]
pub(super) struct Need {
    pub status: Chip,
    pub job_name: String,
    pub job_href: String,
    pub version: String,
    pub why: String,
    /// What its script said last.
    pub said: String,
    /// Who stands still because of it.
    pub blocked: String,
    pub ago: Ago,
    pub run_href: String,
    pub recover_href: String,
}

/// `GET /`.
pub(super) async fn show(visit: Visit) -> Result<HttpResponse> {
    let start = visit.today_start();
    let store = &visit.state.store;
    let times = visit.times();
    let recent = store.runs(RunFilter::default(), None, 10).await?.items;
    html(&HomePage {
        frame: visit.frame(Section::Home),
        date: start
            .with_timezone(&times.zone)
            .format("%Y-%m-%d")
            .to_string(),
        numbers: numbers(&visit).await?,
        needs: needs(&visit).await?,
        recent: recent.iter().map(|run| RunLine::new(run, times)).collect(),
        workers: visit
            .state
            .master
            .workers()
            .iter()
            .map(|worker| Machine::new(worker, times))
            .collect(),
        can_operate: visit.may(Right::Operate),
    })
}

/// Versions of today by where they stand. Planned counts the real ones: due, started or touched.
async fn numbers(visit: &Visit) -> Result<Vec<Number>> {
    let t = &visit.t().home;
    let start = visit.today_start();
    let store = &visit.state.store;
    let counts = store
        .count_versions(start, start + TimeDelta::days(1))
        .await?;
    let sum = |statuses: &[V]| -> i64 {
        statuses
            .iter()
            .filter_map(|status| counts.get(status))
            .sum()
    };
    // Each number leads to the list of what it counts.
    let number = |word, class, icon, statuses: &[V]| Number {
        value: sum(statuses),
        word,
        class,
        icon,
        href: super::versions::href(None, statuses),
    };
    Ok(vec![
        Number {
            value: counts.values().sum(),
            ..number(t.planned, "planned", "calendar-event", &[])
        },
        number(
            t.done,
            "success",
            "circle-check-filled",
            &[V::Success, V::Skipped],
        ),
        number(t.running, "running", "half", &[V::Running]),
        number(t.queued, "queued", "quarter", &[V::Queued]),
        number(
            t.waiting,
            "waiting",
            "circle",
            &[V::Waiting, V::RetryWait, V::Planned],
        ),
        number(
            t.failed,
            "failed",
            "circle-x-filled",
            &[V::Failed, V::Lost, V::Missed],
        ),
    ])
}

/// Failed and lost runs of the last two days that are their job's latest word.
async fn needs(visit: &Visit) -> Result<Vec<Need>> {
    let store = &visit.state.store;
    let filter = RunFilter {
        statuses: vec![RunStatus::Failed, RunStatus::Lost],
        from: Some(visit.state.clock.now() - TimeDelta::days(2)),
        ..RunFilter::default()
    };
    let failed = store.runs(filter, None, 50).await?.items;
    let latest = store
        .latest_runs(failed.iter().map(|view| view.run.job).collect())
        .await?;
    let defs = visit.state.master.definitions();
    let up: Upstreams = defs
        .jobs
        .values()
        .map(|job| {
            let edges = job.schedule().edges.iter();
            (job.id, edges.map(|edge| edge.upstream).collect())
        })
        .collect();
    let down = reverse(&up);
    let unrepaired = |view: &&RunView| {
        latest
            .get(&view.run.job)
            .is_some_and(|l| l.run.id == view.run.id)
    };
    let open: Vec<_> = failed.iter().filter(unrepaired).collect();
    let said = open.iter().map(|view| last_words(store, view.run.id));
    let said = try_join_all(said).await?;
    Ok(open
        .into_iter()
        .zip(said)
        .map(|(view, said)| {
            let line = RunLine::new(view, visit.times());
            Need {
                said,
                status: line.status,
                recover_href: format!(
                    "{}/run?version={}&trigger=recover",
                    line.job_href, line.version
                ),
                blocked: visit.lang.blocks(reachable(&down, view.run.job).len()),
                job_name: line.job_name,
                job_href: line.job_href,
                version: line.version,
                why: line.why,
                ago: line.ago,
                run_href: line.href,
            }
        })
        .collect())
}

/// `GET /hera` and `GET /`: the way in.
pub(super) async fn enter() -> HttpResponse {
    super::visit::go_to(&format!("{BASE}/"))
}
