//! Editing and creating a job.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono_tz::Tz;
use hera_domain::calendar::{CalendarRule, DayRule};
use hera_domain::clock::Timestamp;
use hera_domain::config;
use hera_domain::cron::Validity;
use hera_domain::id::{HostGroupId, JobId, Revision};
use hera_domain::job::{Edge, FieldError, JobContent, RetryPolicy, Schedule};
use hera_domain::status::{Misfire, OnLost, Overlap, Policy, Window};
use serde::Deserialize;

use super::changes::{Changes, between};
use super::frame::{Frame, Section};
use super::job::{day_rule_word, misfire_word, on_lost_word, overlap_word, stored};
use super::parts::{Choice, Crumb, Errors};
use super::run_dialog::local;
use super::schedule::tree_at;
use super::tree::{Tree, crumbs};
use super::visit::{Refused, Visit, go_to, html, page_of, refusal};
use crate::master::{CommandError, SaveJob};
use crate::web::BASE;
use crate::web::error::Result;
use crate::web::i18n::Job as Texts;

/// Fields that show their errors beside them.
pub(super) const FIELDS: &[&str] = &[
    "name",
    "run_type",
    "script",
    "config",
    "schedule.cron",
    "schedule.timezone",
    "schedule.from",
    "schedule.until",
    "schedule.calendar",
    "schedule.dependencies",
    "retries",
    "retry_wait_minutes",
    "must_end_minutes",
    "cron_period",
    "cron_interval",
];

/// The edit form.
#[derive(Debug, Template)]
#[template(path = "job/edit.html")]
pub(super) struct EditPage {
    pub frame: Frame,
    pub tree: Tree,
    pub side_first: bool,
    pub crumbs: Vec<Crumb>,
    pub title: String,
    pub id: Option<i64>,
    pub action: String,
    pub back: String,
    pub base_revision: Option<i64>,
    pub notice: Option<String>,
    pub errors: Errors,
    pub stale: Option<Stale>,
    pub form: JobForm,
    pub run_types: Vec<Choice>,
    pub host_groups: Vec<Choice>,
    pub priorities: Vec<Choice>,
    pub overlaps: Vec<Choice>,
    pub misfires: Vec<Choice>,
    pub on_losts: Vec<Choice>,
    pub periods: Vec<Choice>,
    /// Where the text as it stands can be previewed.
    pub preview: Option<String>,
    pub calendars: Vec<Choice>,
    pub day_rules: Vec<Choice>,
}

/// Somebody else saved first.
#[derive(Debug)]
pub(super) struct Stale {
    pub newest: i64,
    pub changes: Changes,
}

/// The form as it is typed: every value is text until it has been read.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct JobForm {
    #[serde(default)]
    pub base_revision: i64,
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub run_type: String,
    #[serde(default)]
    pub script: String,
    #[serde(default)]
    pub config: String,
    #[serde(default)]
    pub cron: String,
    #[serde(default)]
    pub timezone: String,
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub until: String,
    #[serde(default)]
    pub calendar: String,
    #[serde(default)]
    pub day_rule: String,
    #[serde(default)]
    pub dependencies: String,
    #[serde(default)]
    pub host_group_id: String,
    #[serde(default)]
    pub priority: String,
    #[serde(default)]
    pub retries: String,
    #[serde(default)]
    pub retry_wait_minutes: String,
    #[serde(default)]
    pub overlap: String,
    #[serde(default)]
    pub misfire: String,
    #[serde(default)]
    pub on_lost: String,
    #[serde(default)]
    pub must_end_minutes: String,
    pub kill_on_timeout: Option<String>,
    /// `None` in a form that does not ask for it.
    pub cron_period: Option<String>,
    #[serde(default)]
    pub cron_interval: String,
    #[serde(default)]
    pub comment: String,
}

impl JobForm {
    /// The form for a content.
    pub(super) fn of(revision: Revision, content: &JobContent) -> Self {
        let edges = content.schedule.edges.iter();
        let edges: Vec<_> = edges.map(|edge| edge.upstream.to_string()).collect();
        let calendar = content.schedule.calendar.as_ref();
        let config = content.config.iter();
        let config = config
            .map(|(key, value)| (key.clone(), config::shown(key, value).to_owned()))
            .collect();
        Self {
            base_revision: revision.0,
            name: content.name.clone(),
            description: content.description.clone(),
            run_type: content.run_type.clone(),
            script: content.script.clone(),
            config: config::to_lines(&config),
            cron: content.schedule.cron.clone().unwrap_or_default(),
            timezone: content.schedule.timezone.to_string(),
            from: bound(content.schedule.validity.from, content.schedule.timezone),
            until: bound(content.schedule.validity.until, content.schedule.timezone),
            calendar: calendar.map_or(String::new(), |rule| rule.name.clone()),
            day_rule: calendar.map_or(String::new(), |rule| rule.rule.to_string()),
            dependencies: edges.join(", "),
            host_group_id: content
                .host_group_id
                .map_or(String::new(), |id| id.to_string()),
            priority: content.priority.to_string(),
            retries: content.retry.count.to_string(),
            retry_wait_minutes: content.retry.wait_minutes.to_string(),
            overlap: content.overlap.to_string(),
            misfire: content.misfire.to_string(),
            on_lost: content.on_lost.to_string(),
            must_end_minutes: content
                .must_end_minutes
                .map_or(String::new(), |n| n.to_string()),
            kill_on_timeout: content.kill_on_timeout.then(|| "true".to_owned()),
            cron_period: Some(content.cron_period.clone().unwrap_or_default()),
            cron_interval: content
                .cron_interval
                .map_or(String::new(), |n| n.to_string()),
            comment: String::new(),
        }
    }

    /// The content that the form makes of `before`; what it does not show stays as it was.
    pub(super) fn content(
        &self,
        before: &JobContent,
        t: &Texts,
    ) -> std::result::Result<JobContent, Errors> {
        let mut wrong = Vec::new();
        let mut number = |field: &str, text: &str| -> u32 {
            let text = text.trim();
            if text.is_empty() {
                return 0;
            }
            text.parse().unwrap_or_else(|_e| {
                wrong.push(FieldError::new(field, t.whole_number));
                0
            })
        };
        let retry = RetryPolicy {
            count: number("retries", &self.retries),
            wait_minutes: number("retry_wait_minutes", &self.retry_wait_minutes),
            exit_codes: before.retry.exit_codes.clone(),
        };
        let must_end = number("must_end_minutes", &self.must_end_minutes);
        let interval = match self.cron_interval.trim() {
            "" => None,
            text => text.parse().map(Some).unwrap_or_else(|_e| {
                wrong.push(FieldError::new("cron_interval", t.signed_number));
                None
            }),
        };
        let (cron_period, cron_interval) = match &self.cron_period {
            Some(period) => (
                Some(period.clone()).filter(|period| !period.is_empty()),
                interval,
            ),
            None => (before.cron_period.clone(), before.cron_interval),
        };
        let mut config = config::parse_lines(&self.config).unwrap_or_else(|e| {
            wrong.push(FieldError::new("config", e.to_string()));
            before.config.clone()
        });
        config::unmask(&mut config, &before.config);
        let content = JobContent {
            name: self.name.trim().to_owned(),
            description: newlines(&self.description),
            run_type: self.run_type.clone(),
            script: newlines(&self.script),
            schedule: self.schedule(before, t, &mut wrong),
            config,
            host_group_id: self.host_group_id.parse().ok().map(HostGroupId),
            priority: self.priority.parse().unwrap_or(before.priority),
            retry,
            overlap: self.overlap.parse().unwrap_or(before.overlap),
            misfire: self.misfire.parse().unwrap_or(before.misfire),
            on_lost: self.on_lost.parse().unwrap_or(before.on_lost),
            must_end_minutes: (must_end > 0).then_some(must_end),
            kill_on_timeout: self.kill_on_timeout.is_some(),
            cron_period,
            cron_interval,
            ..before.clone()
        };
        if wrong.is_empty() {
            Ok(content)
        } else {
            Err(Errors(wrong))
        }
    }

    fn schedule(&self, before: &JobContent, t: &Texts, wrong: &mut Vec<FieldError>) -> Schedule {
        let before = &before.schedule;
        let timezone = self.timezone.trim();
        let timezone = if timezone.is_empty() {
            before.timezone
        } else {
            timezone.parse::<Tz>().unwrap_or_else(|_e| {
                wrong.push(FieldError::new("schedule.timezone", t.no_zone));
                before.timezone
            })
        };
        let edges = edges(&self.dependencies, before).unwrap_or_else(|| {
            wrong.push(FieldError::new("schedule.dependencies", t.job_ids));
            Vec::new()
        });
        let mut instant = |field, text: &str| match text.trim() {
            "" => None,
            text => local(text, timezone).or_else(|| {
                wrong.push(FieldError::new(field, t.no_instant));
                None
            }),
        };
        let validity = Validity {
            from: instant("schedule.from", &self.from),
            until: instant("schedule.until", &self.until),
        };
        let cron = self.cron.trim();
        Schedule {
            validity,
            cron: (!cron.is_empty()).then(|| cron.to_owned()),
            timezone,
            edges,
            calendar: calendar_rule(&self.calendar, &self.day_rule),
        }
    }
}

/// The calendar that is chosen, and how it acts: by its days, if nothing is said.
pub(super) fn calendar_rule(name: &str, rule: &str) -> Option<CalendarRule> {
    (!name.is_empty()).then(|| CalendarRule {
        name: name.to_owned(),
        rule: rule.parse().unwrap_or(DayRule::Include),
    })
}

/// An end of the validity as a date-time field shows it.
fn bound(at: Option<Timestamp>, zone: Tz) -> String {
    at.map_or(String::new(), |at| {
        let local = at.with_timezone(&zone);
        local.format("%Y-%m-%dT%H:%M:%S").to_string()
    })
}

/// Reads ids of upstream jobs; an edge that was there keeps its window and policy.
fn edges(text: &str, before: &Schedule) -> Option<Vec<Edge>> {
    text.split([',', ' ', '，', '、'])
        .filter(|word| !word.is_empty())
        .map(|word| {
            let upstream = JobId(word.parse().ok()?);
            let known = before.edges.iter().find(|edge| edge.upstream == upstream);
            Some(known.cloned().unwrap_or(Edge {
                upstream,
                window: Window::Nearest,
                policy: Policy::Success,
            }))
        })
        .collect()
}

/// Browsers send CRLF; scripts have LF.
fn newlines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// `GET /schedule/jobs/{id}/edit`.
pub(super) async fn show(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let job = stored(&visit, JobId(*id)).await?;
    let form = JobForm::of(job.def.revision, &job.content);
    html(&page(&visit, &job.content, JobId(*id), form).await?)
}

async fn page(visit: &Visit, content: &JobContent, id: JobId, form: JobForm) -> Result<EditPage> {
    let defs = visit.state.master.definitions();
    let t = &visit.t().job;
    let path = format!("{BASE}/schedule/jobs/{id}");
    let mut host_groups = vec![Choice::new(
        "",
        t.default_host_group,
        form.host_group_id.is_empty(),
    )];
    host_groups.extend(defs.host_groups.values().map(|group| {
        let id = group.id.to_string();
        let chosen = form.host_group_id == id;
        Choice::new(id, group.name.clone(), chosen)
    }));
    let choices = |words: Vec<(&'static str, &'static str)>, chosen: &str| {
        let choice = |(value, word)| Choice::new(value, word, value == chosen);
        words.into_iter().map(choice).collect()
    };
    let mut calendars = vec![Choice::new("", t.no_calendar, form.calendar.is_empty())];
    calendars.extend(defs.calendars.values().map(|calendar| {
        let name = &calendar.content.name;
        Choice::new(name.clone(), name.clone(), form.calendar == *name)
    }));
    Ok(EditPage {
        calendars,
        day_rules: choices(
            DayRule::ALL
                .iter()
                .map(|rule| (rule.as_str(), day_rule_word(*rule, t)))
                .collect(),
            &form.day_rule,
        ),
        frame: visit.frame(Section::Schedule),
        tree: tree_at(visit, id).await?,
        side_first: false,
        crumbs: crumbs(visit, &defs, Some(content.group_id)),
        title: format!("{} {}", t.edit_title, content.name),
        id: Some(id.0),
        action: format!("{path}/edit"),
        preview: Some(format!("{path}/preview")),
        periods: periods(form.cron_period.as_deref().unwrap_or_default(), t),
        back: path,
        base_revision: Some(form.base_revision),
        notice: None,
        errors: Errors::default(),
        stale: None,
        run_types: run_types(&form.run_type),
        host_groups,
        priorities: (1..=5)
            .map(|n: u8| Choice::new(n.to_string(), n.to_string(), form.priority == n.to_string()))
            .collect(),
        overlaps: choices(
            Overlap::ALL
                .iter()
                .map(|o| (o.as_str(), overlap_word(*o, t)))
                .collect(),
            &form.overlap,
        ),
        misfires: choices(
            Misfire::ALL
                .iter()
                .map(|m| (m.as_str(), misfire_word(*m, t)))
                .collect(),
            &form.misfire,
        ),
        on_losts: choices(
            OnLost::ALL
                .iter()
                .map(|o| (o.as_str(), on_lost_word(*o, t)))
                .collect(),
            &form.on_lost,
        ),
        form,
    })
}

/// The periods of a batch.
pub(super) fn periods(chosen: &str, t: &Texts) -> Vec<Choice> {
    let words = [
        ("", t.period_none),
        ("year", t.period_year),
        ("month", t.period_month),
        ("day", t.period_day),
        ("hour", t.period_hour),
        ("minute", t.period_minute),
        ("second", t.period_second),
        ("other", t.period_other),
    ];
    let choice = |(value, word)| Choice::new(value, word, value == chosen);
    words.into_iter().map(choice).collect()
}

/// The types that every installation has, and the one that is chosen.
pub(super) fn run_types(chosen: &str) -> Vec<Choice> {
    let mut types = vec!["shell", "python"];
    if !chosen.is_empty() && !types.contains(&chosen) {
        types.push(chosen);
    }
    let choice = |word| Choice::new(word, word, word == chosen);
    types.into_iter().map(choice).collect()
}

/// `POST /schedule/jobs/{id}/edit`.
pub(super) async fn save(
    visit: Visit,
    id: web::Path<i64>,
    form: web::Form<JobForm>,
) -> Result<HttpResponse> {
    let id = JobId(*id);
    let form = form.into_inner();
    let job = stored(&visit, id).await?;
    let t = &visit.t().job;
    let content = match form.content(&job.content, t) {
        Ok(content) => content,
        Err(errors) => return invalid(&visit, &job.content, id, form, errors).await,
    };
    let save = SaveJob {
        id: Some(id),
        base_revision: Some(Revision(form.base_revision)),
        content: content.clone(),
        comment: form.comment.clone(),
    };
    match visit.state.master.save_job(visit.actor()?, save).await {
        Ok(_saved) => Ok(go_to(&format!("{BASE}/schedule/jobs/{id}"))),
        Err(CommandError::Stale { newest, .. }) => {
            let theirs = stored(&visit, id).await?.content;
            let mut page = page(&visit, &theirs, id, form).await?;
            // Saved once more it is an edit of the newest revision: the person has seen what differs.
            page.base_revision = Some(newest.0);
            page.stale = Some(Stale {
                newest: newest.0,
                changes: between(&theirs, &content, t),
            });
            page_of(HttpResponse::Conflict(), &page)
        }
        Err(error) => match refusal(error, visit.lang)? {
            Refused::Fields(errors) => invalid(&visit, &job.content, id, form, errors).await,
            Refused::Reason(reason) => {
                let mut page = page(&visit, &job.content, id, form).await?;
                page.notice = Some(reason);
                page_of(HttpResponse::Conflict(), &page)
            }
        },
    }
}

async fn invalid(
    visit: &Visit,
    content: &JobContent,
    id: JobId,
    form: JobForm,
    errors: Errors,
) -> Result<HttpResponse> {
    let mut page = page(visit, content, id, form).await?;
    let errors = errors.said_in(visit.lang);
    page.notice = errors.notice(FIELDS, visit.lang);
    page.errors = errors;
    page_of(HttpResponse::UnprocessableEntity(), &page)
}
