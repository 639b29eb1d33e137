//! Groups: the tree in which jobs live.

use std::collections::BTreeMap;

use actix_web::http::header::{ETAG, LOCATION};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use hera_domain::group::{GroupContent, GroupDef};
use hera_domain::id::{GroupId, Revision};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::masked::masked;
use crate::master::{Definitions, Saved};
use crate::web::auth::Identity;
use crate::web::error::{Error, Result};
use crate::web::extract::{Json, List, Query};
use crate::web::{API, AppState, conditional, idempotency};
use hera_domain::config::unmask;

/// A group as the API shows it.
#[derive(Serialize, ToSchema)]
struct GroupView<'a> {
    id: GroupId,
    revision: Revision,
    parent_id: Option<GroupId>,
    name: &'a str,
    kind: Kind,
    description: &'a str,
    config: BTreeMap<&'a str, &'a str>,
}

impl<'a> From<&'a GroupDef> for GroupView<'a> {
    fn from(group: &'a GroupDef) -> Self {
        Self {
            id: group.id,
            revision: group.revision,
            parent_id: group.content.parent_id,
            name: &group.content.name,
            kind: if group.content.big {
                Kind::Big
            } else {
                Kind::Small
            },
            description: &group.content.description,
            config: masked(&group.content.config),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Big,
    Small,
}

/// What a group is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"parent_id": 1, "name": "orders", "kind": "small", "config": {"queue": "root.etl"}}))]
pub(in crate::web) struct GroupBody {
    parent_id: Option<GroupId>,
    name: String,
    kind: Kind,
    #[serde(default)]
    description: String,
    #[serde(default)]
    config: BTreeMap<String, String>,
    /// The revision that the edit started from.
    revision: Option<Revision>,
    /// What is read may be sent back.
    #[serde(default, rename = "id")]
    #[schema(value_type = serde_json::Value, required = false)]
    _id: serde::de::IgnoredAny,
}

impl GroupBody {
    fn content(self) -> GroupContent {
        GroupContent {
            parent_id: self.parent_id,
            name: self.name,
            big: self.kind == Kind::Big,
            description: self.description,
            config: self.config,
        }
    }
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/groups",
    tag = "groups",
    summary = "The groups, the root first",
    params(("limit" = Option<u16>, Query, description = "1 to 1000; 100 if not given"), ("cursor" = Option<String>, Query, description = "`next` of the page before"), ("parent_id" = Option<GroupId>, Query, description = "only those in this group")),
    responses((status = 200, description = "done", body = List<GroupView<'static>>)),
)]
pub(in crate::web) async fn list(
    state: web::Data<AppState>,
    mut query: Query,
) -> Result<HttpResponse> {
    let page = query.page()?;
    let parent = query.take::<GroupId>("parent_id")?;
    query.end()?;
    let definitions = state.master.definitions();
    let groups = definitions
        .groups
        .values()
        .filter(|group| page.after.is_none_or(|after| group.id.0 > after))
        .filter(|group| parent.is_none() || group.content.parent_id == parent)
        .take(page.limit + 1)
        .collect();
    let list = List::new(groups, page.limit, |group| group.id.0);
    Ok(HttpResponse::Ok().json(list.map(|group| GroupView::from(group.as_ref()))))
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/groups/{id}",
    tag = "groups",
    summary = "One group",
    params(("id" = GroupId, Path, description = "the group"), ("If-None-Match" = Option<String>, Header, description = "the ETag that is known", example = "\"7\"")),
    responses(
        (status = 200, description = "done", body = GroupView<'static>, headers(("ETag" = String, description = "the revision"))),
        (status = 304, description = "it is as it was"),
    ),
)]
pub(in crate::web) async fn show(
    state: web::Data<AppState>,
    request: HttpRequest,
    id: web::Path<GroupId>,
) -> Result<HttpResponse> {
    let definitions = state.master.definitions();
    let group = find(&definitions, *id)?;
    let tag = conditional::of_revision(group.revision);
    Ok(conditional::found(&request, &tag, &GroupView::from(group)))
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/groups",
    tag = "groups",
    summary = "Makes a group",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same request again finds what the first one made", example = "order-4711")),
    request_body = GroupBody,
    responses((status = 201, description = "done", body = GroupView<'static>, headers(("ETag" = String, description = "the revision")))),
)]
pub(in crate::web) async fn create(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    Json(body): Json<GroupBody>,
) -> Result<HttpResponse> {
    if body.parent_id.is_none() {
        return Err(Error::invalid(
            "parent_id",
            "is missing: a new group hangs in another one (the root is the first of GET /groups)",
        ));
    }
    let content = body.content();
    let key = idempotency::key(&request)?;
    let made = state.master.create_group(&me.actor, content.clone(), key);
    let saved = made.await?;
    let location = format!("{API}/groups/{}", saved.id);
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, location));
    Ok(answer(response, saved, content))
}

#[utoipa::path(
    put,
    path = "/hera/api/v1/groups/{id}",
    tag = "groups",
    summary = "Saves a group",
    params(("id" = GroupId, Path, description = "the group"), ("if_changed" = Option<bool>, Query, description = "true: what is equal makes no revision"), ("If-Match" = Option<String>, Header, description = "the ETag on which the change is based", example = "\"7\"")),
    request_body = GroupBody,
    responses((status = 200, description = "done", body = GroupView<'static>, headers(("ETag" = String, description = "the revision")))),
)]
pub(in crate::web) async fn update(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    id: web::Path<GroupId>,
    mut query: Query,
    Json(body): Json<GroupBody>,
) -> Result<HttpResponse> {
    let keep_if_same = query.take::<bool>("if_changed")?.unwrap_or(false);
    query.end()?;
    let definitions = state.master.definitions();
    let newest = find(&definitions, *id)?;
    let base = conditional::base(&request, body.revision, newest.revision);
    let base = base.unwrap_or(newest.revision);
    let mut content = body.content();
    unmask(&mut content.config, &newest.content.config);
    if keep_if_same && content == newest.content {
        let tag = conditional::of_revision(newest.revision);
        let mut response = HttpResponse::Ok();
        return Ok(response
            .insert_header((ETAG, tag))
            .json(GroupView::from(newest)));
    }
    let saved = state
        .master
        .save_group(&me.actor, Some(*id), Some(base), content.clone())
        .await?;
    Ok(answer(HttpResponse::Ok(), saved, content))
}

#[utoipa::path(
    delete,
    path = "/hera/api/v1/groups/{id}",
    tag = "groups",
    summary = "Deletes a group that holds nothing",
    params(("id" = GroupId, Path, description = "the group"), ("If-Match" = Option<String>, Header, description = "only if this is still its ETag", example = "\"7\"")),
    responses((status = 204, description = "done")),
)]
pub(in crate::web) async fn delete(
    state: web::Data<AppState>,
    me: Identity,
    request: HttpRequest,
    id: web::Path<GroupId>,
) -> Result<HttpResponse> {
    let definitions = state.master.definitions();
    let newest = find(&definitions, *id)?.revision;
    let base = conditional::base(&request, None, newest);
    state.master.delete_group(&me.actor, *id, base).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn answer(
    mut response: HttpResponseBuilder,
    saved: Saved<GroupId>,
    content: GroupContent,
) -> HttpResponse {
    let Saved { id, revision } = saved;
    let group = GroupDef {
        id,
        revision,
        content,
    };
    response
        .insert_header((ETAG, conditional::of_revision(revision)))
        .json(GroupView::from(&group))
}

fn find(definitions: &Definitions, id: GroupId) -> Result<&GroupDef> {
    definitions
        .groups
        .get(&id)
        .map(AsRef::as_ref)
        .ok_or_else(|| Error::NotFound(format!("group {id}")))
}
