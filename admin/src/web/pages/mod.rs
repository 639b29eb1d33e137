//! The screens: one file each, with a view struct that its template renders and the handlers
//! that fill it.

use actix_web::web;

use super::{Route, assets, get, post};
use crate::access::Right::Public;

mod failure;
mod frame;
mod login;
mod parts;
#[cfg(test)]
mod samples;
mod visit;

pub(super) use failure::error_page;

/// The routes of all pages.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/hera/static/{path:.*}", Public, || web::to(assets::asset)),
        get("/hera/login", Public, || web::to(login::show)),
        post("/hera/login", Public, || web::to(login::log_in)),
        post("/hera/logout", Public, || web::to(login::log_out)),
        post("/hera/preferences", Public, || web::to(visit::prefer)),
    ]
}
