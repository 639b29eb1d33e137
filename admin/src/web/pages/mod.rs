//! The screens: one file each, with a view struct that its template renders and the handlers
//! that fill it.

use actix_web::web;

use super::{Route, assets, get, post};
use crate::access::Right::{Administer, Edit, Operate, Public, Read};

mod api_docs;
mod calendar_form;
mod calendars;
mod changes;
#[cfg(test)]
mod checks;
mod events;
mod failure;
mod fires;
mod frame;
mod graph;
mod group_form;
mod home;
mod host_groups;
mod job;
mod job_edit;
mod job_new;
mod job_switch;
mod job_tabs;
mod last_words;
mod login;
mod machines;
mod parts;
mod preview;
mod preview_parts;
mod profile;
mod revisions;
mod run;
mod run_dialog;
mod runs;
#[cfg(test)]
mod samples;
mod schedule;
mod tree;
mod versions;
mod visit;
mod year;

pub(super) use failure::error_page;

/// The routes of all pages. A path with a fixed word stands before one with a variable.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        get("/hera/static/{path:.*}", Public, || web::to(assets::asset)),
        get("/hera/login", Public, || web::to(login::show)),
        post("/hera/login", Public, || web::to(login::log_in)),
        post("/hera/logout", Public, || web::to(login::log_out)),
        post("/hera/preferences", Public, || web::to(visit::prefer)),
        get("/", Public, || web::to(home::enter)),
        get("/hera", Public, || web::to(home::enter)),
        get("/hera/", Read, || web::to(home::show)),
        get("/hera/events", Read, || web::to(events::stream)),
        get("/hera/search", Read, || web::to(schedule::search)),
        get("/hera/search/jobs", Read, || web::to(schedule::suggest)),
        get("/hera/versions", Read, || web::to(versions::list)),
        get("/hera/runs", Read, || web::to(runs::list)),
        get("/hera/runs/{id}", Read, || web::to(run::show)),
        get("/hera/runs/{id}/log.txt", Read, || web::to(run::download)),
        post("/hera/runs/{id}/cancel", Operate, || web::to(run::cancel)),
        post("/hera/runs/{id}/lost", Operate, || {
            web::to(run::declare_lost)
        }),
        get("/hera/machines", Read, || web::to(machines::show)),
        post("/hera/machines/{id}/accepting", Administer, || {
            web::to(machines::accept)
        }),
        post("/hera/machines/{id}/rotate-token", Administer, || {
            web::to(machines::rotate_token)
        }),
        get("/hera/api/docs", Read, || web::to(api_docs::show)),
        get("/hera/profile", Read, || web::to(profile::show)),
        post("/hera/profile/password", Read, || {
            web::to(profile::change_password)
        }),
        post("/hera/profile/tokens", Read, || {
            web::to(profile::create_token)
        }),
        post("/hera/profile/tokens/{id}/revoke", Read, || {
            web::to(profile::revoke_token)
        }),
    ];
    routes.extend(schedule_routes());
    routes.extend(admin_routes());
    routes
}

fn admin_routes() -> Vec<Route> {
    vec![
        get("/hera/admin/calendars", Read, || web::to(calendars::list)),
        get("/hera/admin/host-groups", Read, || {
            web::to(host_groups::list)
        }),
        get("/hera/admin/host-groups/new", Administer, || {
            web::to(host_groups::new)
        }),
        post("/hera/admin/host-groups/new", Administer, || {
            web::to(host_groups::create)
        }),
        get("/hera/admin/host-groups/{id}/edit", Administer, || {
            web::to(host_groups::edit)
        }),
        post("/hera/admin/host-groups/{id}/edit", Administer, || {
            web::to(host_groups::update)
        }),
        post("/hera/admin/host-groups/{id}/delete", Administer, || {
            web::to(host_groups::delete)
        }),
        get("/hera/admin/calendars/new", Administer, || {
            web::to(calendar_form::new)
        }),
        post("/hera/admin/calendars/new", Administer, || {
            web::to(calendar_form::create)
        }),
        get("/hera/admin/calendars/{id}", Read, || {
            web::to(calendars::show)
        }),
        get("/hera/admin/calendars/{id}/edit", Administer, || {
            web::to(calendar_form::edit)
        }),
        post("/hera/admin/calendars/{id}/edit", Administer, || {
            web::to(calendar_form::update)
        }),
        post("/hera/admin/calendars/{id}/delete", Administer, || {
            web::to(calendars::delete)
        }),
    ]
}

fn schedule_routes() -> Vec<Route> {
    vec![
        get("/hera/schedule", Read, || web::to(schedule::index)),
        get("/hera/schedule/tree", Read, || web::to(schedule::filtered)),
        get("/hera/schedule/tree/{id}", Read, || {
            web::to(schedule::branch)
        }),
        get("/hera/schedule/fires", Read, || web::to(fires::show)),
        get("/hera/schedule/groups/{id}", Read, || {
            web::to(schedule::group)
        }),
        get("/hera/schedule/groups/{id}/edit", Edit, || {
            web::to(group_form::edit)
        }),
        post("/hera/schedule/groups/{id}/edit", Edit, || {
            web::to(group_form::update)
        }),
        get("/hera/schedule/groups/{id}/groups/new", Edit, || {
            web::to(group_form::new)
        }),
        post("/hera/schedule/groups/{id}/groups/new", Edit, || {
            web::to(group_form::create)
        }),
        get("/hera/schedule/groups/{id}/jobs/new", Edit, || {
            web::to(job_new::new)
        }),
        post("/hera/schedule/groups/{id}/jobs/new", Edit, || {
            web::to(job_new::create)
        }),
        get("/hera/schedule/jobs/{id}", Read, || web::to(job::overview)),
        get("/hera/schedule/jobs/{id}/versions", Read, || {
            web::to(job_tabs::versions)
        }),
        get("/hera/schedule/jobs/{id}/runs", Read, || {
            web::to(job_tabs::runs)
        }),
        get("/hera/schedule/jobs/{id}/preview", Read, || {
            web::to(preview::show)
        }),
        post("/hera/schedule/jobs/{id}/preview", Edit, || {
            web::to(preview::of_draft)
        }),
        get("/hera/schedule/jobs/{id}/revisions", Read, || {
            web::to(revisions::show)
        }),
        post(
            "/hera/schedule/jobs/{id}/revisions/{revision}/restore",
            Edit,
            || web::to(revisions::restore),
        ),
        get("/hera/schedule/jobs/{id}/edit", Edit, || {
            web::to(job_edit::show)
        }),
        post("/hera/schedule/jobs/{id}/edit", Edit, || {
            web::to(job_edit::save)
        }),
        post("/hera/schedule/jobs/{id}/switch", Edit, || {
            web::to(job_switch::switch)
        }),
        get("/hera/schedule/jobs/{id}/run", Operate, || {
            web::to(run_dialog::show)
        }),
        post("/hera/schedule/jobs/{id}/run", Operate, || {
            web::to(run_dialog::start)
        }),
    ]
}
