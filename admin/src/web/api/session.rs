//! The browser's session by JSON.

use actix_web::{HttpRequest, HttpResponse, web};
use hera_domain::id::{TeamId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::AppState;
use crate::web::auth::{self, Credential, Identity};
use crate::web::error::{Error, Result};
use crate::web::extract::{Json, rfc3339};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "lin", "password": "correct horse"}))]
pub(in crate::web) struct LogIn {
    #[serde(alias = "username", alias = "user")]
    name: String,
    password: String,
}

#[utoipa::path(
    post,
    path = "/hera/api/v1/login",
    tag = "session",
    summary = "Opens a session for a browser",
    request_body = LogIn,
    responses((status = 200, description = "done", body = SessionJson<'static>)),
)]
pub(in crate::web) async fn log_in(
    state: web::Data<AppState>,
    request: HttpRequest,
    Json(body): Json<LogIn>,
) -> Result<HttpResponse> {
    let session = auth::log_in(&state, &request, &body.name, &body.password).await?;
    Ok(HttpResponse::Ok()
        .cookie(session.cookie)
        .json(view(&session.identity)))
}

/// Who is logged in; `user` is null for nobody.
#[utoipa::path(
    get,
    path = "/hera/api/v1/session",
    tag = "session",
    summary = "Who asks; nobody is no error",
    responses((status = 200, description = "done", body = SessionJson<'static>)),
)]
pub(in crate::web) async fn show(identity: Option<Identity>) -> HttpResponse {
    HttpResponse::Ok().json(identity.as_ref().map(view).unwrap_or_default())
}

#[utoipa::path(
    delete,
    path = "/hera/api/v1/session",
    tag = "session",
    summary = "Ends the session",
    responses((status = 204, description = "done")),
)]
pub(in crate::web) async fn log_out(
    state: web::Data<AppState>,
    identity: Option<Identity>,
) -> Result<HttpResponse> {
    let cookie = auth::log_out(&state, identity).await?;
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Accounts are made by an administrator.
#[utoipa::path(
    post,
    path = "/hera/api/v1/register",
    tag = "session",
    summary = "Asks for an account; refused where an administrator makes them",
    responses((status = 202, description = "never yet")),
)]
pub(in crate::web) async fn register() -> Result<HttpResponse> {
    Err(Error::Forbidden(
        "registration is not enabled here; ask an administrator for an account (`hera-admin user add`)"
            .to_owned(),
    ))
}

/// Who asks.
#[derive(Default, Serialize, ToSchema)]
struct SessionJson<'a> {
    user: Option<UserJson<'a>>,
    /// To be sent as X-CSRF-Token with every change; null with a bearer token.
    csrf_token: Option<&'a str>,
    expires_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct UserJson<'a> {
    id: UserId,
    name: &'a str,
    team_id: TeamId,
    #[schema(value_type = String)]
    role: &'static str,
}

fn view(identity: &Identity) -> SessionJson<'_> {
    let (csrf_token, expires_at) = match &identity.credential {
        Credential::Session {
            csrf, expires_at, ..
        } => (Some(csrf.as_str()), Some(rfc3339(*expires_at))),
        Credential::Token => (None, None),
    };
    let actor = &identity.actor;
    SessionJson {
        user: Some(UserJson {
            id: actor.user,
            name: &actor.name,
            team_id: actor.team,
            role: actor.role.as_str(),
        }),
        csrf_token,
        expires_at,
    }
}
