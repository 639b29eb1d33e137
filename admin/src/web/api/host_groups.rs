//! Host groups: named sets of workers that jobs run on.

use std::collections::BTreeSet;

use actix_web::http::header::{ETAG, LOCATION};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use hera_domain::engine::HostGroup;
use hera_domain::host_group::HostGroupContent;
use hera_domain::id::{HostGroupId, Revision, WorkerId};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::master::{Definitions, Saved};
use crate::web::auth::Identity;
use crate::web::error::{Error, Result};
use crate::web::extract::{Json, List, Query};
use crate::web::{API, AppState, conditional, idempotency};

/// A host group as the API shows it.
#[derive(Serialize, ToSchema)]
struct HostGroupView {
    id: HostGroupId,
    revision: Revision,
    name: String,
    description: String,
    effective: bool,
    everyone: bool,
    members: BTreeSet<String>,
    /// The workers that belong to it now, connected or not.
    workers: Vec<WorkerId>,
}

impl HostGroupView {
    fn new(state: &AppState, group: &HostGroup) -> Self {
        let workers = state.master.workers();
        let members = workers
            .iter()
            .filter(|worker| group.holds(&worker.name, &worker.address, &worker.labels));
        let mut workers: Vec<_> = members.map(|worker| worker.id).collect();
        workers.sort();
        let HostGroupContent {
            name,
            description,
            effective,
            everyone,
            members,
        } = group.into();
        Self {
            id: group.id,
            revision: group.revision,
            name,
            description,
            effective,
            everyone,
            members,
            workers,
        }
    }
}

/// What a host group is made of. A member is a worker's name, its address, or `label:` and a label
/// of workers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "gpu", "members": ["label:gpu", "node-a", "10.0.4.17"]}))]
pub(in crate::web) struct HostGroupBody {
    name: String,
    #[serde(default)]
    description: String,
    /// Whether it takes runs at all.
    #[serde(default = "yes")]
    effective: bool,
    /// Whether it holds every worker, whatever its members.
    #[serde(default)]
    everyone: bool,
    /// One that stands twice counts once.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    members: BTreeSet<String>,
    /// The revision that the edit started from.
    revision: Option<Revision>,
    /// What is read may be sent back.
    #[serde(default, rename = "id")]
    #[schema(value_type = serde_json::Value, required = false)]
    _id: IgnoredAny,
    /// As `id`.
    #[serde(default, rename = "workers")]
    #[schema(value_type = serde_json::Value, required = false)]
    _workers: IgnoredAny,
}

const fn yes() -> bool {
    true
}

impl HostGroupBody {
    fn content(self) -> HostGroupContent {
        HostGroupContent {
            name: self.name,
            description: self.description,
            effective: self.effective,
            everyone: self.everyone,
            members: self.members,
        }
    }
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/host-groups",
    tag = "cluster",
    summary = "The host groups",
    params(("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "done", body = List<HostGroupView>)),
)]
pub(in crate::web) async fn list(
    state: web::Data<AppState>,
    mut query: Query,
) -> Result<HttpResponse> {
    let page = query.page()?;
    query.end()?;
    let definitions = state.master.definitions();
    let groups = definitions
        .host_groups
        .values()
        .filter(|group| page.after.is_none_or(|after| group.id.0 > after))
        .take(page.limit + 1)
        .collect();
    let list = List::new(groups, page.limit, |group: &&HostGroup| group.id.0);
    Ok(HttpResponse::Ok().json(list.map(|group| HostGroupView::new(&state, group))))
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/host-groups/{id}",
    tag = "cluster",
    summary = "One host group",
    params(("id" = HostGroupId, Path, description = "the host group"), ("If-None-Match" = Option<String>, Header, description = "the ETag that is known", example = "\"7\"")),
    responses(
        (status = 200, description = "done", body = HostGroupView, headers(("ETag" = String, description = "the revision"))),
        (status = 304, description = "it is as it was"),
    ),
)]
pub(in crate::web) async fn show(
    state: web::Data<AppState>,
    request: HttpRequest,
    id: web::Path<HostGroupId>,
) -> Result<HttpResponse> {
    let definitions = state.master.definitions();
    let group = find(&definitions, *id)?;
    let tag = conditional::of_revision(group.revision);
    let view = HostGroupView::new(&state, group);
    Ok(conditional::found(&request, &tag, &view))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/host-groups",
    tag = "cluster",
    summary = "Makes a host group",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same request again finds what the first one made", example = "order-4711")),
    request_body = HostGroupBody,
    responses((status = 201, description = "done", body = HostGroupView, headers(("ETag" = String, description = "the revision")))),
)]
pub(in crate::web) async fn create(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    Json(body): Json<HostGroupBody>,
) -> Result<HttpResponse> {
    let content = body.content();
    let key = idempotency::key(&request)?;
    let made = state
        .master
        .create_host_group(&me.actor, content.clone(), key);
    let saved = made.await?;
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, format!("{API}/host-groups/{}", saved.id)));
    Ok(answer(&state, response, saved, content))
}

#[utoipa::path(
    put,
    path = "/hera/api/v1/host-groups/{id}",
    tag = "cluster",
    summary = "Saves a host group; what waits for it sees that at once",
    params(("id" = HostGroupId, Path, description = "the host group"), ("if_changed" = Option<bool>, Query, description = "true: what is equal makes no revision"), ("If-Match" = Option<String>, Header, description = "the ETag on which the change is based", example = "\"7\"")),
    request_body = HostGroupBody,
    responses((status = 200, description = "done", body = HostGroupView, headers(("ETag" = String, description = "the revision")))),
)]
pub(in crate::web) async fn update(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    id: web::Path<HostGroupId>,
    mut query: Query,
    Json(body): Json<HostGroupBody>,
) -> Result<HttpResponse> {
    let keep_if_same = query.take::<bool>("if_changed")?.unwrap_or(false);
    query.end()?;
    let definitions = state.master.definitions();
    let newest = find(&definitions, *id)?;
    let base = conditional::base(&request, body.revision, newest.revision);
    let base = base.unwrap_or(newest.revision);
    let content = body.content();
    if keep_if_same && content == HostGroupContent::from(newest) {
        let (id, revision) = (newest.id, newest.revision);
        let same = Saved { id, revision };
        return Ok(answer(&state, HttpResponse::Ok(), same, content));
    }
    let saved = state
        .master
        .save_host_group(&me.actor, Some(*id), Some(base), content.clone())
        .await?;
    Ok(answer(&state, HttpResponse::Ok(), saved, content))
}

#[utoipa::path(
    delete,
    path = "/hera/api/v1/host-groups/{id}",
    tag = "cluster",
    summary = "Deletes a host group that neither a job nor the default uses",
    params(("id" = HostGroupId, Path, description = "the host group"), ("If-Match" = Option<String>, Header, description = "only if this is still its ETag", example = "\"7\"")),
    responses((status = 204, description = "done")),
)]
pub(in crate::web) async fn delete(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    id: web::Path<HostGroupId>,
) -> Result<HttpResponse> {
    let definitions = state.master.definitions();
    let newest = find(&definitions, *id)?.revision;
    let base = conditional::base(&request, None, newest);
    state.master.delete_host_group(&me.actor, *id, base).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn answer(
    state: &AppState,
    mut response: HttpResponseBuilder,
    saved: Saved<HostGroupId>,
    content: HostGroupContent,
) -> HttpResponse {
    let Saved { id, revision } = saved;
    response
        .insert_header((ETAG, conditional::of_revision(revision)))
        .json(HostGroupView::new(state, &content.of(id, revision)))
}

fn find(definitions: &Definitions, id: HostGroupId) -> Result<&HostGroup> {
    let found = definitions.host_groups.get(&id);
    found.ok_or_else(|| Error::NotFound(format!("host group {id}")))
}
