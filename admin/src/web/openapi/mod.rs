//! The API's description of itself, in the words of `OpenAPI`.
//!
//! Each handler says what it takes and answers; what holds for all of them is added here: who may
//! ask, and how a refusal looks.

mod examples;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, ResponseBuilder, SecurityRequirement};
use utoipa::{Modify, OpenApi as _};

use examples::Examples;

use super::api::{
    calendars, cluster, cron, groups, host_groups, jobs, logs, render, revisions, runs, session,
    versions,
};
use super::error::Problem;
use super::{API, AppState, routes};
use crate::access::Right;

const PROBLEM_JSON: &str = "application/problem+json";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "HERA",
        description = "Groups, jobs, runs and logs of a HERA installation. Times are RFC 3339 in UTC, ids numbers, versions strings. Lists come in pages: send `next` back as `cursor`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        session::log_in, session::show, session::log_out, session::register,
        groups::list, groups::create, groups::show, groups::update, groups::delete,
        calendars::list, calendars::create, calendars::show, calendars::update, calendars::delete,
        host_groups::list, host_groups::create, host_groups::show, host_groups::update,
        host_groups::delete,
        jobs::list, jobs::create, jobs::show, jobs::update, jobs::delete,
        jobs::open, jobs::close, jobs::invalidate, jobs::copy,
        revisions::list, revisions::show, revisions::restore,
        runs::trigger, runs::list, runs::show, runs::script, runs::cancel, runs::declare_lost,
        logs::bytes, logs::stream,
        versions::list,
        cluster::workers, cluster::drain, cluster::resume, cluster::rotate_token,
        cluster::leader, cluster::members, cluster::status,
        render::preview, render::render, cron::next,
        show,
    ),
    components(schemas(Problem<'static>)),
    modifiers(&Security, &Refusals, &Examples),
)]
struct Document;

/// The document of an admin whose session cookie is called so.
pub(super) fn document(cookie: &str) -> OpenApi {
    let mut document = Document::openapi();
    let components = document.components.get_or_insert_default();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("token", bearer);
    let cookie = ApiKey::Cookie(ApiKeyValue::new(cookie));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    document
}

#[utoipa::path(
    get,
    path = "/hera/api/v1/openapi.json",
    tag = "cluster",
    summary = "This document",
    responses((status = 200, description = "done", body = serde_json::Value)),
)]
pub(super) async fn show(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(document(&state.cookie_name()))
}

/// Calls `change` with every operation: its method, its path and the right that it needs.
fn each(document: &mut OpenApi, mut change: impl FnMut(&Method, &str, Right, &mut Operation)) {
    let routes = routes();
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let right = routes
                .iter()
                .find(|route| route.path == path && route.method == method)
                .map_or(Right::Administer, |route| route.right);
            change(&method, path, right, operation);
        }
    }
}

/// A bearer token, or the browser's session.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        each(document, |_, _, right, operation| {
            if right != Right::Public {
                let of = |name| SecurityRequirement::new(name, [] as [&str; 0]);
                operation.security = Some(vec![of("token"), of("session")]);
            }
        });
    }
}

/// The refusals that an operation may answer, by what it is.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut OpenApi) {
        each(document, |method, path, right, operation| {
            for status in refusals(method, path, right) {
                let reason = status.canonical_reason().unwrap_or_default();
                let problem = Content::new(Some(Ref::from_schema_name("Problem")));
                let response = ResponseBuilder::new()
                    .description(reason)
                    .content(PROBLEM_JSON, problem)
                    .build();
                let responses = &mut operation.responses.responses;
                responses.insert(status.as_str().to_owned(), response.into());
            }
        });
    }
}

fn refusals(method: &Method, path: &str, right: Right) -> Vec<StatusCode> {
    let mut may = vec![StatusCode::SERVICE_UNAVAILABLE];
    let changes = *method != Method::GET;
    if right != Right::Public {
        may.extend([StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN]);
    }
    if path.contains('{') {
        may.push(StatusCode::NOT_FOUND);
    }
    if changes {
        may.extend([
            StatusCode::CONFLICT,
            StatusCode::PRECONDITION_FAILED,
            StatusCode::PAYLOAD_TOO_LARGE,
        ]);
    }
    match path.strip_prefix(API) {
        Some("/login") => may.extend([StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS]),
        Some("/session") => may.extend([StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN]),
        Some("/register") => may.push(StatusCode::FORBIDDEN),
        Some(_) | None => {}
    }
    may.extend([StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY]);
    may
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_lists_exactly_the_paths_of_the_api() {
        let mut listed = BTreeSet::new();
        each(&mut document("c"), |method, path, _, _| {
            listed.insert(format!("{method} {path}"));
        });
        let served: BTreeSet<_> = routes()
            .iter()
            .filter(|route| route.path.starts_with(API))
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        assert_eq!(listed, served);
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let text = serde_json::to_string(&document("c")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let named = text.split("\"$ref\":\"#").skip(1);
        for reference in named.filter_map(|rest| rest.split('"').next()) {
            assert!(json.pointer(reference).is_some(), "{reference}");
        }
    }
}
