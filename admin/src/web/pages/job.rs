//! A job's page: overview, versions, runs, revisions, and its switch.

use actix_web::{HttpResponse, web};
use askama::Template;
use hera_domain::calendar::DayRule;
use hera_domain::config;
use hera_domain::id::JobId;
use hera_domain::job::{JobContent, JobDef};
use hera_domain::status::{Misfire, OnLost, Overlap, Switch};

use super::fires::{Fire, cron_of, fires};
use super::frame::{Frame, Section};
use super::graph::{Graph, draw};
use super::parts::{Chip, Crumb, Fact, RunLine, Times};
use super::preview::{Says, says};
use super::preview_parts::{OriginBadge, origin_badge};
use super::schedule::{today, tree_at};
use super::tree::{Tree, crumbs, latest};
use super::visit::{Visit, html};
use crate::access::Right;
use crate::master::Definitions;
use crate::store::{RunFilter, RunView, StoredJob};
use crate::web::BASE;
use crate::web::error::{Error, Result};
use crate::web::i18n::{Job as JobTexts, Lang, Texts};
use crate::web::preview::effective;

/// What every tab of a job shows on top.
#[derive(Debug)]
pub(super) struct Head {
    pub id: i64,
    pub name: String,
    pub crumbs: Vec<Crumb>,
    pub switch: Chip,
    pub open: bool,
    pub today: Option<Chip>,
    pub tabs: Vec<TabLink>,
    pub can_edit: bool,
    pub can_operate: bool,
    /// Why the last request was refused.
    pub notice: Option<String>,
}

#[derive(Debug)]
pub(super) struct TabLink {
    pub name: &'static str,
    pub href: String,
    pub current: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Versions,
    Runs,
    Preview,
    Revisions,
}

/// The first tab.
#[derive(Debug, Template)]
#[template(path = "job/overview.html")]
pub(super) struct OverviewPage {
    pub frame: Frame,
    pub tree: Tree,
    pub side_first: bool,
    pub head: Head,
    pub description: String,
    pub says: Says,
    pub facts: Vec<Fact>,
    pub run_type: String,
    pub script: Vec<String>,
    pub script_size: String,
    pub config: Vec<ConfigLine>,
    pub bars: Vec<Bar>,
    pub recent: Vec<RunLine>,
    pub schedule_words: String,
    /// The calendar it goes by, and how.
    pub calendar: Option<CalendarLink>,
    pub cron: Option<String>,
    /// The cron in words.
    pub cron_words: Option<String>,
    pub zone: String,
    pub fires: Vec<Fire>,
    pub graph: Option<Graph>,
    pub upstreams: Vec<JobLink>,
    pub downstreams: Vec<JobLink>,
}

/// A job as a link with its id.
#[derive(Debug)]
pub(super) struct JobLink {
    pub id: i64,
    pub name: String,
    pub href: String,
}

/// The calendar of a schedule.
#[derive(Debug)]
pub(super) struct CalendarLink {
    pub name: String,
    pub href: Option<String>,
    pub rule: &'static str,
}

#[derive(Debug)]
pub(super) struct ConfigLine {
    pub key: String,
    pub value: String,
    pub origin: OriginBadge,
}

/// One of the last runs: height = duration, colour = status.
#[derive(Debug)]
pub(super) struct Bar {
    pub x: usize,
    pub height: i64,
    pub class: &'static str,
    pub href: String,
    pub title: String,
}

/// A job of the definitions, or the answer that there is none.
pub(super) fn find(defs: &Definitions, id: JobId) -> Result<&JobDef> {
    let job = defs.jobs.get(&id);
    job.map(AsRef::as_ref)
        .ok_or_else(|| Error::NotFound(format!("job {id}")))
}

/// A job with its content.
pub(super) async fn stored(visit: &Visit, id: JobId) -> Result<StoredJob> {
    let job = visit.state.store.job(id).await?;
    job.ok_or_else(|| Error::NotFound(format!("job {id}")))
}

pub(super) async fn head(visit: &Visit, defs: &Definitions, job: &JobDef, tab: Tab) -> Head {
    let t = &visit.t().job;
    let path = format!("{BASE}/schedule/jobs/{}", job.id);
    let tabs = [
        (Tab::Overview, t.overview, ""),
        (Tab::Versions, t.versions, "/versions"),
        (Tab::Runs, t.runs, "/runs"),
        (Tab::Preview, visit.t().preview.title, "/preview"),
        (Tab::Revisions, t.revisions, "/revisions"),
    ];
    Head {
        id: job.id.0,
        name: job.name.clone(),
        crumbs: crumbs(visit, defs, Some(job.group)),
        switch: Chip::switch(job.switch, visit.lang),
        open: job.switch == Switch::Open,
        today: today(visit, job)
            .await
            .map(|v| Chip::version(v.status, v.frozen, visit.lang)),
        tabs: tabs
            .into_iter()
            .map(|(of, name, suffix)| TabLink {
                name,
                href: format!("{path}{suffix}"),
                current: of == tab,
            })
            .collect(),
        can_edit: visit.may(Right::Edit),
        can_operate: visit.may(Right::Operate),
        notice: None,
    }
}

/// `GET /schedule/jobs/{id}`.
pub(super) async fn overview(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    html(&overview_page(&visit, JobId(*id)).await?)
}

pub(super) async fn overview_page(visit: &Visit, id: JobId) -> Result<OverviewPage> {
    let defs = visit.state.master.definitions();
    let job = find(&defs, id)?;
    let content = stored(visit, id).await?.content;
    let filter = RunFilter {
        job: Some(id),
        ..RunFilter::default()
    };
    let runs = visit.state.store.runs(filter, None, 30).await?.items;
    let teams = visit.state.store.teams().await?;
    let owner = teams.into_iter().find(|team| team.id == job.owner);
    let owner = owner.map_or_else(|| job.owner.to_string(), |team| team.name);
    let times = visit.times();
    let zone = job.schedule().timezone;
    let downstreams = defs.jobs.values().filter(|other| {
        let mut edges = other.schedule().edges.iter();
        edges.any(|edge| edge.upstream == id)
    });
    Ok(OverviewPage {
        frame: visit.frame(Section::Schedule),
        tree: tree_at(visit, id).await?,
        side_first: false,
        head: head(visit, &defs, job, Tab::Overview).await,
        facts: facts_of(&defs, job, &content, owner, visit.lang),
        says: says(visit, job, &content).await?,
        script_size: visit.lang.lines(content.script.lines().count()),
        script: content.script.lines().map(str::to_owned).collect(),
        config: config_lines(visit, &content),
        bars: bars(&runs, times),
        recent: runs
            .iter()
            .take(5)
            .map(|run| RunLine::new(run, times))
            .collect(),
        schedule_words: visit.lang.schedule(
            content.schedule.cron.is_some(),
            content.schedule.edges.len(),
        ),
        calendar: calendar_link(&defs, &content, &visit.t().job),
        cron: content.schedule.cron.clone(),
        cron_words: cron_of(job).map(|cron| visit.lang.cron(&cron.words())),
        zone: zone.to_string(),
        fires: fires(&defs, job.schedule(), times, 10),
        graph: draw(&defs, id, &latest(visit, &defs).await?, visit.lang),
        upstreams: content
            .schedule
            .edges
            .iter()
            .filter_map(|edge| defs.jobs.get(&edge.upstream))
            .map(|job| link(job))
            .collect(),
        downstreams: downstreams.map(|job| link(job)).collect(),
        description: content.description,
        run_type: content.run_type,
    })
}

fn calendar_link(
    defs: &Definitions,
    content: &JobContent,
    t: &'static JobTexts,
) -> Option<CalendarLink> {
    let rule = content.schedule.calendar.as_ref()?;
    let known = defs.calendar_named(&rule.name);
    Some(CalendarLink {
        name: rule.name.clone(),
        href: known.map(|calendar| format!("{BASE}/admin/calendars/{}", calendar.id)),
        rule: day_rule_word(rule.rule, t),
    })
}

pub(super) fn link(job: &JobDef) -> JobLink {
    JobLink {
        id: job.id.0,
        name: job.name.clone(),
        href: format!("{BASE}/schedule/jobs/{}", job.id),
    }
}

pub(super) fn facts_of(
    defs: &Definitions,
    job: &JobDef,
    content: &JobContent,
    owner: String,
    lang: Lang,
) -> Vec<Fact> {
    let Texts { job: t, form, .. } = lang.texts();
    let group = defs.groups.get(&job.group);
    let host_group = job.host_group.and_then(|id| defs.host_groups.get(&id));
    let must_end = content.must_end_minutes;
    let retry = &content.retry;
    let mut facts = vec![
        Fact::new(t.run_type, content.run_type.clone()),
        Fact::new(
            t.group,
            group.map_or(String::new(), |g| g.content.name.clone()),
        ),
        Fact::new(t.owner, owner),
        Fact::new(t.revision, job.revision.to_string()),
        Fact::new(
            t.host_group,
            host_group.map_or(t.default_host_group.to_owned(), |g| g.name.clone()),
        ),
        Fact::new(t.priority, content.priority.to_string()),
        Fact::new(t.overlap, overlap_word(content.overlap, t)),
        Fact::new(
            t.retries,
            if retry.count == 0 {
                form.none.to_owned()
            } else {
                format!("{} × {}", retry.count, lang.minutes(retry.wait_minutes))
            },
        ),
        Fact::new(t.misfire, misfire_word(content.misfire, t)),
        Fact::new(t.on_lost, on_lost_word(content.on_lost, t)),
        Fact::new(
            t.must_end,
            must_end.map_or(t.no_limit.to_owned(), |n| lang.minutes(n)),
        ),
    ];
    let validity = content.schedule.validity;
    for (name, at) in [
        (t.valid_from, validity.from),
        (t.valid_until, validity.until),
    ] {
        let zone = content.schedule.timezone;
        facts.extend(at.map(|at| {
            Fact::new(
                name,
                at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
            )
        }));
    }
    if let Some(end) = &content.expected_end {
        facts.push(Fact::new(t.expected_end, end.clone()));
    }
    facts
}

pub(super) const fn overlap_word(
    overlap: Overlap,
    t: &'static crate::web::i18n::Job,
) -> &'static str {
    match overlap {
        Overlap::Allow => t.overlap_allow,
        Overlap::Wait => t.overlap_wait,
        Overlap::Skip => t.overlap_skip,
        Overlap::CancelPrevious => t.overlap_cancel_previous,
    }
}

pub(super) const fn day_rule_word(
    rule: DayRule,
    t: &'static crate::web::i18n::Job,
) -> &'static str {
    match rule {
        DayRule::Include => t.rule_include,
        DayRule::Exclude => t.rule_exclude,
        DayRule::Next => t.rule_next,
        DayRule::Previous => t.rule_previous,
    }
}

pub(super) const fn misfire_word(
    misfire: Misfire,
    t: &'static crate::web::i18n::Job,
) -> &'static str {
    match misfire {
        Misfire::RunAll => t.misfire_run_all,
        Misfire::RunLatest => t.misfire_run_latest,
        Misfire::Skip => t.misfire_skip,
    }
}

pub(super) const fn on_lost_word(
    on_lost: OnLost,
    t: &'static crate::web::i18n::Job,
) -> &'static str {
    match on_lost {
        OnLost::Ask => t.on_lost_ask,
        OnLost::Rerun => t.on_lost_rerun,
    }
}

fn config_lines(visit: &Visit, content: &JobContent) -> Vec<ConfigLine> {
    effective(&visit.state, content)
        .iter()
        .map(|(key, value)| ConfigLine {
            key: key.to_owned(),
            value: config::shown(key, &value.value).to_owned(),
            origin: origin_badge(&value.origin, Some(&value.written), key, visit.lang),
        })
        .collect()
}

/// Oldest on the left; the longest run fills the height.
pub(super) fn bars(runs: &[RunView], times: Times) -> Vec<Bar> {
    let took = |view: &RunView| {
        let end = view.run.ended_at.unwrap_or(times.now);
        let start = view.run.started_at.unwrap_or(end);
        (end - start).num_milliseconds().max(0)
    };
    // A run that hangs must not make the others invisible: it fills its column and no more.
    let over = runs.iter().filter(|view| view.run.ended_at.is_some());
    let longest = over.map(took).max().unwrap_or(0).max(1);
    let first = 30_usize.saturating_sub(runs.len());
    runs.iter()
        .rev()
        .enumerate()
        .map(|(index, view)| {
            let line = RunLine::new(view, times);
            Bar {
                x: (first + index) * 12,
                height: (took(view) * 58 / longest + 6).clamp(6, 64),
                class: line.status.class,
                title: format!("{} · {} · {}", line.version, line.status.word, line.took),
                href: line.href,
            }
        })
        .collect()
}
