//! Creating a job.

use actix_web::{HttpResponse, web};
use askama::Template;
use hera_domain::id::GroupId;
use hera_domain::job::{JobContent, RetryPolicy, Schedule};
use hera_domain::status::{Misfire, OnLost, Overlap};

use super::frame::{Frame, Section};
use super::job_edit::{FIELDS, JobForm, run_types};
use super::parts::{Choice, Errors};
use super::visit::{Refused, Visit, go_to, html, page_of, refusal};
use crate::master::SaveJob;
use crate::web::BASE;
use crate::web::error::{Error, Result};

/// The dialog that creates a job.
#[derive(Debug, Template)]
#[template(path = "job/new.html")]
pub(super) struct NewJobPage {
    pub frame: Frame,
    pub action: String,
    pub back: String,
    pub group: String,
    pub notice: Option<String>,
    pub errors: Errors,
    pub name: String,
    pub cron: String,
    pub dependencies: String,
    pub run_types: Vec<Choice>,
}

/// `GET /schedule/groups/{id}/jobs/new`.
pub(super) async fn new(visit: Visit, group: web::Path<i64>) -> Result<HttpResponse> {
    html(&new_page(
        &visit,
        GroupId(*group),
        JobForm::default(),
        Errors::default(),
    )?)
}

fn new_page(visit: &Visit, group: GroupId, form: JobForm, errors: Errors) -> Result<NewJobPage> {
    let defs = visit.state.master.definitions();
    let found = defs.groups.get(&group);
    let found = found.ok_or_else(|| Error::NotFound(format!("group {group}")))?;
    let path = format!("{BASE}/schedule/groups/{group}");
    let errors = errors.said_in(visit.lang);
    Ok(NewJobPage {
        frame: visit.frame(Section::Schedule),
        action: format!("{path}/jobs/new"),
        back: path,
        group: found.content.name.clone(),
        notice: errors.notice(FIELDS, visit.lang),
        errors,
        run_types: run_types(if form.run_type.is_empty() {
            "shell"
        } else {
            &form.run_type
        }),
        name: form.name,
        cron: form.cron,
        dependencies: form.dependencies,
    })
}

/// `POST /schedule/groups/{id}/jobs/new`: an empty, closed job, whose edit form comes next.
pub(super) async fn create(
    visit: Visit,
    group: web::Path<i64>,
    form: web::Form<JobForm>,
) -> Result<HttpResponse> {
    let group = GroupId(*group);
    let form = form.into_inner();
    let empty = JobContent {
        group_id: group,
        name: String::new(),
        description: String::new(),
        run_type: String::new(),
        script: String::new(),
        schedule: Schedule {
            cron: None,
            timezone: visit.state.settings.timezone,
            edges: Vec::new(),
            validity: hera_domain::cron::Validity::ALWAYS,
            calendar: None,
        },
        config: std::collections::BTreeMap::new(),
        host_group_id: None,
        priority: 3,
        retry: RetryPolicy::default(),
        overlap: Overlap::Wait,
        misfire: Misfire::RunAll,
        on_lost: OnLost::Ask,
        must_end_minutes: None,
        kill_on_timeout: false,
        expected_end: None,
        areas: Vec::new(),
        labels: Vec::new(),
        alarm_level: 0,
        cron_period: None,
        cron_interval: None,
        followers: Vec::new(),
        resources: Vec::new(),
        pool: None,
    };
    let errors = match form.content(&empty, &visit.t().job) {
        Ok(content) => {
            let save = SaveJob {
                id: None,
                base_revision: None,
                content,
                comment: form.comment.clone(),
            };
            match visit.state.master.save_job(visit.actor()?, save).await {
                Ok(saved) => return Ok(go_to(&format!("{BASE}/schedule/jobs/{}/edit", saved.id))),
                Err(error) => match refusal(error, visit.lang)? {
                    Refused::Fields(errors) => errors,
                    Refused::Reason(reason) => {
                        let mut page = new_page(&visit, group, form, Errors::default())?;
                        page.notice = Some(reason);
                        return page_of(HttpResponse::Conflict(), &page);
                    }
                },
            }
        }
        Err(errors) => errors,
    };
    page_of(
        HttpResponse::UnprocessableEntity(),
        &new_page(&visit, group, form, errors)?,
    )
}
