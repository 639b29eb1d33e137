//! The page that says what went wrong, to whom it may concern, and what to do.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::frame::{Frame, Section};
use super::visit::{Visit, page_of};
use crate::web::error::Error;

/// 403, 404, 503 and the like.
#[derive(Debug, Template)]
#[template(path = "failure/page.html")]
pub(super) struct FailurePage {
    pub frame: Frame,
    pub code: u16,
    pub title: &'static str,
    /// What exactly, from the error itself.
    pub detail: String,
    pub hint: &'static str,
    /// Whether the same request may succeed later.
    pub again: bool,
}

/// An error in the form people read.
pub(in crate::web) fn error_page(request: &HttpRequest, error: &Error) -> HttpResponse {
    let visit = Visit::of(request);
    let t = &visit.t().error;
    let status = error.status();
    let (title, hint) = match status {
        StatusCode::NOT_FOUND => (t.not_found, t.not_found_hint),
        StatusCode::FORBIDDEN => (t.forbidden, t.forbidden_hint),
        StatusCode::SERVICE_UNAVAILABLE => (t.unavailable, t.unavailable_hint),
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => (t.conflict, ""),
        _ if status.is_server_error() => (t.internal, t.internal_hint),
        _ => (t.bad, ""),
    };
    let page = FailurePage {
        frame: visit.frame(Section::None),
        code: status.as_u16(),
        title,
        detail: visit.lang.message(&error.to_string()),
        hint,
        again: status == StatusCode::SERVICE_UNAVAILABLE && request.method().is_safe(),
    };
    page_of(error.response(), &page).unwrap_or_else(|_e| error.response().body(page.detail))
}
