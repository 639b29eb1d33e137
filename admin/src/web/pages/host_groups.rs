//! Host groups: the list, and the editor of one.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use askama::Template;
use hera_domain::engine::HostGroup;
use hera_domain::host_group::HostGroupContent;
use hera_domain::id::{HostGroupId, Revision};
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::parts::{Deletion, Errors};
use super::visit::{Refused, Visit, go_to, html, page_of, refusal};
use crate::access::Right;
use crate::master::{Definitions, WorkerView};
use crate::web::BASE;
use crate::web::error::{Error, Result};

const FIELDS: &[&str] = &["name", "description", "members"];

/// Every host group.
#[derive(Debug, Template)]
#[template(path = "host_groups/list.html")]
pub(super) struct HostGroupsPage {
    pub frame: Frame,
    pub can_administer: bool,
    pub rows: Vec<GroupRow>,
}

#[derive(Debug)]
pub(super) struct GroupRow {
    pub id: i64,
    pub name: String,
    pub description: String,
    pub effective: bool,
    pub everyone: bool,
    pub members: Vec<String>,
    /// Names of the workers that belong to it and are connected.
    pub connected: Vec<String>,
    pub jobs: usize,
}

/// The editor.
#[derive(Debug, Template)]
#[template(path = "host_groups/form.html")]
pub(super) struct HostGroupForm {
    pub frame: Frame,
    pub title: &'static str,
    pub action: String,
    /// Where it is deleted; `None` = a new one.
    pub delete: Option<String>,
    pub notice: Option<String>,
    pub errors: Errors,
    pub base_revision: Option<i64>,
    pub name: String,
    pub description: String,
    pub effective: bool,
    pub everyone: bool,
    pub members: String,
    /// What may be written as a member: names and labels of the workers that are known.
    pub known: BTreeSet<String>,
}

/// The form as it is sent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fields {
    base_revision: Option<i64>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    effective: Option<String>,
    everyone: Option<String>,
    /// One a line.
    #[serde(default)]
    members: String,
}

impl Fields {
    fn content(&self) -> HostGroupContent {
        let members = self.members.lines().map(str::trim);
        HostGroupContent {
            name: self.name.trim().to_owned(),
            description: self.description.trim().replace("\r\n", "\n"),
            effective: self.effective.is_some(),
            everyone: self.everyone.is_some(),
            members: members
                .filter(|member| !member.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// `GET /admin/host-groups`.
pub(super) async fn list(visit: Visit) -> Result<HttpResponse> {
    let defs = visit.state.master.definitions();
    let workers = visit.state.master.workers();
    let groups = defs.host_groups.values();
    html(&HostGroupsPage {
        frame: visit.frame(Section::HostGroups),
        can_administer: visit.may(Right::Administer),
        rows: groups.map(|group| row(&defs, group, &workers)).collect(),
    })
}

pub(super) fn row(defs: &Definitions, group: &HostGroup, workers: &[WorkerView]) -> GroupRow {
    let holds = |worker: &&WorkerView| {
        worker.connected && group.holds(&worker.name, &worker.address, &worker.labels)
    };
    let connected = workers.iter().filter(holds);
    GroupRow {
        id: group.id.0,
        name: group.name.clone(),
        description: group.description.clone(),
        effective: group.effective,
        everyone: group.everyone,
        members: group.members.iter().cloned().collect(),
        connected: connected.map(|worker| worker.name.clone()).collect(),
        jobs: defs.jobs_by_host_group(group.id).len(),
    }
}

/// `GET /admin/host-groups/new`.
pub(super) async fn new(visit: Visit) -> Result<HttpResponse> {
    let content = HostGroupContent {
        effective: true,
        ..HostGroupContent::default()
    };
    html(&page(&visit, None, None, &content))
}

/// `GET /admin/host-groups/{id}/edit`.
pub(super) async fn edit(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let id = HostGroupId(*id);
    let defs = visit.state.master.definitions();
    let found = defs.host_groups.get(&id);
    let group = found.ok_or_else(|| Error::NotFound(format!("host group {id}")))?;
    html(&page(&visit, Some(id), Some(group.revision), &group.into()))
}

fn page(
    visit: &Visit,
    id: Option<HostGroupId>,
    base: Option<Revision>,
    content: &HostGroupContent,
) -> HostGroupForm {
    let workers = visit.state.master.workers();
    let mut form = form(visit.frame(Section::HostGroups), id, content, &workers);
    form.base_revision = base.map(|base| base.0);
    form
}

/// The editor with a content.
pub(super) fn form(
    frame: Frame,
    id: Option<HostGroupId>,
    content: &HostGroupContent,
    workers: &[WorkerView],
) -> HostGroupForm {
    let t = &frame.t.host_groups;
    let path = format!("{BASE}/admin/host-groups");
    let (title, action, delete) = match id {
        None => (t.new, format!("{path}/new"), None),
        Some(id) => {
            let path = format!("{path}/{id}");
            (
                t.edit,
                format!("{path}/edit"),
                Some(format!("{path}/delete")),
            )
        }
    };
    let mut known = BTreeSet::new();
    for worker in workers {
        known.insert(worker.name.clone());
        known.extend(worker.labels.iter().map(|label| format!("label:{label}")));
    }
    let members: Vec<&str> = content.members.iter().map(String::as_str).collect();
    HostGroupForm {
        title,
        action,
        delete,
        notice: None,
        errors: Errors::default(),
        base_revision: None,
        name: content.name.clone(),
        description: content.description.clone(),
        effective: content.effective,
        everyone: content.everyone,
        members: members.join("\n"),
        known,
        frame,
    }
}

/// `POST /admin/host-groups/new`.
pub(super) async fn create(visit: Visit, form: web::Form<Fields>) -> Result<HttpResponse> {
    save(&visit, None, &form).await
}

/// `POST /admin/host-groups/{id}/edit`.
pub(super) async fn update(
    visit: Visit,
    id: web::Path<i64>,
    form: web::Form<Fields>,
) -> Result<HttpResponse> {
    save(&visit, Some(HostGroupId(*id)), &form).await
}

async fn save(visit: &Visit, id: Option<HostGroupId>, fields: &Fields) -> Result<HttpResponse> {
    let content = fields.content();
    let base = fields.base_revision.map(Revision);
    let master = &visit.state.master;
    let saved = master
        .save_host_group(visit.actor()?, id, base, content.clone())
        .await;
    let Err(error) = saved else {
        return Ok(go_to(&format!("{BASE}/admin/host-groups")));
    };
    let mut page = page(visit, id, base, &content);
    match refusal(error, visit.lang)? {
        Refused::Fields(errors) => {
            page.errors = errors.said_in(visit.lang);
            page.notice = page.errors.notice(FIELDS, visit.lang);
        }
        Refused::Reason(reason) => page.notice = Some(reason),
    }
    page_of(HttpResponse::UnprocessableEntity(), &page)
}

/// `POST /admin/host-groups/{id}/delete`.
pub(super) async fn delete(
    visit: Visit,
    id: web::Path<i64>,
    form: web::Form<Deletion>,
) -> Result<HttpResponse> {
    let id = HostGroupId(*id);
    let base = form.base();
    let defs = visit.state.master.definitions();
    let master = &visit.state.master;
    let deleted = master.delete_host_group(visit.actor()?, id, base).await;
    let Err(error) = deleted else {
        return Ok(go_to(&format!("{BASE}/admin/host-groups")));
    };
    match (refusal(error, visit.lang)?, defs.host_groups.get(&id)) {
        (Refused::Reason(reason), Some(group)) => {
            let mut page = page(&visit, Some(id), Some(group.revision), &group.into());
            page.notice = Some(reason);
            page_of(HttpResponse::Conflict(), &page)
        }
        (Refused::Reason(reason), None) => Err(Error::Conflict(reason)),
        (Refused::Fields(errors), _) => Err(Error::Invalid(errors.0)),
    }
}
