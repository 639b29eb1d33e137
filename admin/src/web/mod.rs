//! The web: every route of the product is in the table below, with the right it needs.
//!
//! A request passes [`guard::surround`] (who asks? which form does an error take?), is routed,
//! passes the [`guard::guard`] of its route (may they?) and only then reaches its handler, which
//! is thin: extract, validate, one call to the store or the leader, view.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;

use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::{Compress, Next, from_fn};
use actix_web::{App, HttpRequest, HttpServer, web};

use crate::access::Right;

mod api;
pub mod assets;
pub mod auth;
mod conditional;
pub mod error;
pub mod extract;
pub mod guard;
mod health;
mod history;
pub mod i18n;
mod idempotency;
mod openapi;
mod pages;
pub mod password;
mod preview;
mod sse;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use api::{JobBody, shown_content};
pub(crate) use extract::parse as read_json;
pub use state::{AppState, WebSettings};

/// Where the product lives.
pub const BASE: &str = "/hera";
/// Where its API lives.
pub const API: &str = "/hera/api/v1";
/// Embedded files; they need no session.
pub const STATIC: &str = "/hera/static/";

/// One route: method, path, the right it needs, its handler.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub right: Right,
    handler: fn() -> actix_web::Route,
}

const fn get(path: &'static str, right: Right, handler: fn() -> actix_web::Route) -> Route {
    route(Method::GET, path, right, handler)
}

const fn post(path: &'static str, right: Right, handler: fn() -> actix_web::Route) -> Route {
    route(Method::POST, path, right, handler)
}

const fn put(path: &'static str, right: Right, handler: fn() -> actix_web::Route) -> Route {
    route(Method::PUT, path, right, handler)
}

const fn delete(path: &'static str, right: Right, handler: fn() -> actix_web::Route) -> Route {
    route(Method::DELETE, path, right, handler)
}

const fn route(
    method: Method,
    path: &'static str,
    right: Right,
    handler: fn() -> actix_web::Route,
) -> Route {
    Route {
        method,
        path,
        right,
        handler,
    }
}

/// The routes of the whole product, one a line. A path with a fixed word stands before one with a variable.
#[rustfmt::skip]
pub fn routes() -> Vec<Route> {
    use Right::{Administer, Edit, Operate, Public, Read};
    let mut routes = vec![
        get("/hera/healthz", Public, || web::to(health::alive)),
        get("/hera/readyz", Public, || web::to(health::ready)),
        get("/hera/metrics", Public, || web::to(health::metrics)),
        post("/hera/api/v1/login", Public, || web::to(api::session::log_in)),
        get("/hera/api/v1/session", Public, || web::to(api::session::show)),
        delete("/hera/api/v1/session", Public, || web::to(api::session::log_out)),
        post("/hera/api/v1/register", Public, || web::to(api::session::register)),
        get("/hera/api/v1/groups", Read, || web::to(api::groups::list)),
        post("/hera/api/v1/groups", Edit, || web::to(api::groups::create)),
        get("/hera/api/v1/groups/{id}", Read, || web::to(api::groups::show)),
        put("/hera/api/v1/groups/{id}", Edit, || web::to(api::groups::update)),
        delete("/hera/api/v1/groups/{id}", Edit, || web::to(api::groups::delete)),
        get("/hera/api/v1/calendars", Read, || web::to(api::calendars::list)),
        post("/hera/api/v1/calendars", Administer, || web::to(api::calendars::create)),
        get("/hera/api/v1/calendars/{id}", Read, || web::to(api::calendars::show)),
        put("/hera/api/v1/calendars/{id}", Administer, || web::to(api::calendars::update)),
        delete("/hera/api/v1/calendars/{id}", Administer, || web::to(api::calendars::delete)),
        get("/hera/api/v1/host-groups", Read, || web::to(api::host_groups::list)),
        post("/hera/api/v1/host-groups", Administer, || web::to(api::host_groups::create)),
        get("/hera/api/v1/host-groups/{id}", Read, || web::to(api::host_groups::show)),
        put("/hera/api/v1/host-groups/{id}", Administer, || web::to(api::host_groups::update)),
        delete("/hera/api/v1/host-groups/{id}", Administer, || web::to(api::host_groups::delete)),
        get("/hera/api/v1/jobs", Read, || web::to(api::jobs::list)),
        post("/hera/api/v1/jobs", Edit, || web::to(api::jobs::create)),
        get("/hera/api/v1/jobs/{id}", Read, || web::to(api::jobs::show)),
        put("/hera/api/v1/jobs/{id}", Edit, || web::to(api::jobs::update)),
        delete("/hera/api/v1/jobs/{id}", Edit, || web::to(api::jobs::delete)),
        post("/hera/api/v1/jobs/{id}/open", Edit, || web::to(api::jobs::open)),
        post("/hera/api/v1/jobs/{id}/close", Edit, || web::to(api::jobs::close)),
        post("/hera/api/v1/jobs/{id}/invalidate", Edit, || web::to(api::jobs::invalidate)),
        post("/hera/api/v1/jobs/{id}/copy", Edit, || web::to(api::jobs::copy)),
        get("/hera/api/v1/jobs/{id}/revisions", Read, || web::to(api::revisions::list)),
        get("/hera/api/v1/jobs/{id}/revisions/{revision}", Read, || web::to(api::revisions::show)),
        post("/hera/api/v1/jobs/{id}/revisions/{revision}/restore", Edit, || web::to(api::revisions::restore)),
        post("/hera/api/v1/jobs/{id}/runs", Operate, || web::to(api::runs::trigger)),
        get("/hera/api/v1/jobs/{id}/versions", Read, || web::to(api::versions::list)),
        get("/hera/api/v1/runs", Read, || web::to(api::runs::list)),
        get("/hera/api/v1/runs/{id}", Read, || web::to(api::runs::show)),
        get("/hera/api/v1/runs/{id}/script", Read, || web::to(api::runs::script)),
        get("/hera/api/v1/runs/{id}/log", Read, || web::to(api::logs::bytes)),
        get("/hera/api/v1/runs/{id}/log/stream", Read, || web::to(api::logs::stream)),
        post("/hera/api/v1/runs/{id}/cancel", Operate, || web::to(api::runs::cancel)),
        post("/hera/api/v1/runs/{id}/lost", Operate, || web::to(api::runs::declare_lost)),
        get("/hera/api/v1/workers", Read, || web::to(api::cluster::workers)),
        post("/hera/api/v1/workers/{id}/drain", Administer, || web::to(api::cluster::drain)),
        post("/hera/api/v1/workers/{id}/resume", Administer, || web::to(api::cluster::resume)),
        post("/hera/api/v1/workers/{id}/rotate-token", Administer, || web::to(api::cluster::rotate_token)),
        get("/hera/api/v1/leader", Read, || web::to(api::cluster::leader)),
        get("/hera/api/v1/members", Read, || web::to(api::cluster::members)),
        get("/hera/api/v1/status", Read, || web::to(api::cluster::status)),
        post("/hera/api/v1/jobs/{id}/preview", Read, || web::to(api::render::preview)),
        post("/hera/api/v1/render", Read, || web::to(api::render::render)),
        get("/hera/api/v1/openapi.json", Public, || web::to(openapi::show)),
        get("/hera/api/v1/cron/next", Read, || web::to(api::cron::next)),
    ];
    routes.extend(pages::routes());
    routes
}

/// Puts all routes and layers of one worker together.
pub fn configure(state: AppState) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let routes = routes();
        let max_body = state.settings.max_body;
        let open = routes
            .iter()
            .filter(|r| r.right == Right::Public && r.path.starts_with(API))
            .map(|r| r.path.to_owned())
            .collect::<BTreeSet<_>>();
        config
            .app_data(web::Data::new(state))
            .app_data(web::Data::new(guard::OpenPaths(open)))
            .app_data(extract::path_config())
            // The bodies of pages' forms; JSON bodies are limited where they are read.
            .app_data(web::PayloadConfig::new(max_body))
            .app_data(web::FormConfig::default().limit(max_body));

        let mut order = Vec::new();
        let mut by_path: BTreeMap<&str, Vec<Route>> = BTreeMap::new();
        for route in routes {
            if !by_path.contains_key(route.path) {
                order.push(route.path);
            }
            by_path.entry(route.path).or_default().push(route);
        }
        for path in order {
            let routes = by_path.remove(path).unwrap_or_default();
            config.service(resource(path, routes));
        }
    }
}

fn resource(path: &str, routes: Vec<Route>) -> actix_web::Resource {
    let allowed = routes
        .iter()
        .map(|r| r.method.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    let mut resource = web::resource(path);
    for route in routes {
        let right = route.right;
        let guarded = from_fn(move |request: ServiceRequest, next: Next<_>| {
            guard::guard(right, request, next)
        });
        let handler = (route.handler)().method(route.method).wrap(guarded);
        resource = resource.route(handler);
    }
    resource.default_service(web::to(move |request: HttpRequest| {
        let error = error::Error::Method {
            method: request.method().to_string(),
            allowed: allowed.clone(),
        };
        async move { Err::<actix_web::HttpResponse, _>(error) }
    }))
}

/// The whole application: what [`serve`] serves, and what tests call in process.
pub fn app(
    state: AppState,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .configure(configure(state))
        .default_service(web::to(no_such_path))
        .wrap(Compress::default())
        .wrap(from_fn(guard::surround))
}

async fn no_such_path(request: HttpRequest) -> Result<actix_web::HttpResponse, error::Error> {
    Err(error::Error::NotFound(format!("path {}", request.path())))
}

/// The whole application over a bound listener. It runs when awaited; stop it by its handle.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(state: AppState, listener: TcpListener) -> std::io::Result<Server> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let server = HttpServer::new(move || app(state.clone()))
        // More threads serve nobody here, and each costs memory while idle.
        .workers(cores.min(4))
        .worker_max_blocking_threads(8)
        .shutdown_timeout(5)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(server)
}
