//! The one place where errors become HTTP: problem details (RFC 9457) for the API, a page for
//! people. Handlers return [`Error`] and never build an error response themselves.

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use hera_domain::engine::Refusal;
use hera_domain::job::FieldError;
use serde::Serialize;

use crate::master::CommandError;
use crate::store::StoreError;

/// Everything that a request can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 400: it cannot be read at all.
    #[error("{0}")]
    Malformed(String),
    /// 401: nobody is known.
    #[error("{0}")]
    Unauthenticated(String),
    /// 403: known, and not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// 404.
    #[error("there is no {0}")]
    NotFound(String),
    /// 405.
    #[error("{method} is not possible here; this path answers {allowed}")]
    Method { method: String, allowed: String },
    /// 409: the state of things is in the way.
    #[error("{0}")]
    Conflict(String),
    /// 412: somebody was faster.
    #[error("{0}")]
    Stale(String),
    /// 413.
    #[error("the request is larger than the {limit} bytes that are accepted here")]
    TooLarge { limit: usize },
    /// 422: it can be read and its values cannot be accepted.
    #[error("{}", sentence(.0))]
    Invalid(Vec<FieldError>),
    /// 429: only the login throttles.
    #[error("too many wrong passwords; try again in {} s", .0.as_secs().max(1))]
    Throttled(Duration),
    /// 503: it will work again by itself.
    #[error("{0}")]
    Unavailable(String),
    /// 500: our mistake. The cause goes to the log, never to the client.
    #[error("something went wrong inside; the log of the admin says what")]
    Internal(#[source] anyhow::Error),
}

/// What handlers return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A single value that cannot be accepted.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// The status it answers with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Stale(_) => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The values at fault, if it is about values.
    pub fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(errors) => errors,
            Self::Malformed(_)
            | Self::Unauthenticated(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Method { .. }
            | Self::Conflict(_)
            | Self::Stale(_)
            | Self::TooLarge { .. }
            | Self::Throttled(_)
            | Self::Unavailable(_)
            | Self::Internal(_) => &[],
        }
    }

    /// A response with the status and the headers that belong to the error, for a body of any kind.
    pub fn response(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status());
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        match self {
            Self::Unauthenticated(_) => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"hera\""));
            }
            Self::Method { allowed, .. } => {
                response.insert_header((header::ALLOW, allowed.as_str()));
            }
            Self::Throttled(wait) => {
                let seconds = wait.as_secs().max(1).to_string();
                response.insert_header((header::RETRY_AFTER, seconds));
            }
            Self::Unavailable(_) => {
                response.insert_header((header::RETRY_AFTER, "3"));
            }
            Self::Malformed(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Stale(_)
            | Self::TooLarge { .. }
            | Self::Invalid(_)
            | Self::Internal(_) => {}
        }
        response
    }

    /// The details as the API tells them.
    pub(super) fn problem(&self) -> Problem<'_> {
        let status = self.status();
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("error"),
            status: status.as_u16(),
            detail: self.to_string(),
            errors: self.fields(),
        }
    }

    /// Writes our own mistakes to the log; called once, where the response leaves.
    pub(super) fn log(&self, method: &str, path: &str) {
        if let Self::Internal(cause) = self {
            tracing::error!(
                http.method = method,
                http.path = path,
                "request failed: {cause:#}"
            );
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
            .content_type("application/problem+json")
            .json(self.problem())
    }
}

/// What every refusal answers (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

/// All field errors as one sentence, for clients that only show the detail.
fn sentence(errors: &[FieldError]) -> String {
    errors
        .iter()
        .map(|e| format!("{}: {}", e.field, e.message))
        .collect::<Vec<_>>()
        .join("; ")
}

impl From<CommandError> for Error {
    fn from(error: CommandError) -> Self {
        let text = error.to_string();
        match error {
            CommandError::Forbidden { .. } => Self::Forbidden(text),
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::NotFound(what) => Self::NotFound(what),
            CommandError::Conflict(_) => Self::Conflict(text),
            CommandError::Stale { .. } => Self::Stale(text),
            CommandError::Invalid(errors) => Self::Invalid(errors),
            CommandError::NoLeader
            | CommandError::Strained(_)
            | CommandError::Unanswered(_)
            | CommandError::Store(_) => Self::Unavailable(text),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::NoSuchJob(job) => Self::NotFound(format!("job {job}")),
            Refusal::NoSuchRun(run) => Self::NotFound(format!("run {run}")),
            Refusal::Cycle { .. }
            | Refusal::NoSuchUpstream { .. }
            | Refusal::TooFrequentUpstream { .. } => Self::invalid("schedule.dependencies", text),
            Refusal::NothingScheduled { .. } => Self::invalid("business_time", text),
            Refusal::TooMany { .. }
            | Refusal::OpenDependents { .. }
            | Refusal::ClosedUpstreams { .. }
            | Refusal::StillOpen { .. }
            | Refusal::DependedOn { .. }
            | Refusal::LiveRun { .. }
            | Refusal::Frozen { .. }
            | Refusal::Reachable { .. }
            | Refusal::AlreadyFinal { .. } => Self::Conflict(text),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        if error.is_temporary() {
            return Self::Unavailable(format!("the database does not answer: {error}"));
        }
        if let StoreError::Taken(_) = error {
            return Self::Conflict(error.to_string());
        }
        Self::Internal(error.into())
    }
}
