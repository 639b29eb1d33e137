//! What people see: the screens live in files of their own.

use actix_web::{HttpRequest, HttpResponse};

use super::Route;
use super::error::Error;

/// The routes of all pages.
pub(super) fn routes() -> Vec<Route> {
    Vec::new()
}

/// The page that says what went wrong.
pub(super) fn error_page(_request: &HttpRequest, error: &Error) -> HttpResponse {
    error
        .response()
        .content_type("text/plain; charset=utf-8")
        .body(error.to_string())
}
