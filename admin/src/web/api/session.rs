//! The browser's session by JSON.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::web::AppState;
use crate::web::auth::{self, Credential, Identity};
use crate::web::error::{Error, Result};
use crate::web::extract::{Json, rfc3339};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct LogIn {
    #[serde(alias = "username", alias = "user")]
    name: String,
    password: String,
}

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
pub(in crate::web) async fn show(identity: Option<Identity>) -> HttpResponse {
    HttpResponse::Ok().json(identity.as_ref().map_or(json!({ "user": null }), view))
}

pub(in crate::web) async fn log_out(
    state: web::Data<AppState>,
    identity: Option<Identity>,
) -> Result<HttpResponse> {
    let cookie = auth::log_out(&state, identity).await?;
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Accounts are made by an administrator.
pub(in crate::web) async fn register() -> Result<HttpResponse> {
    Err(Error::Forbidden(
        "registration is not enabled here; ask an administrator for an account (`hera-admin user add`)"
            .to_owned(),
    ))
}

fn view(identity: &Identity) -> Value {
    let (csrf, expires_at) = match &identity.credential {
        Credential::Session {
            csrf, expires_at, ..
        } => (Some(csrf), Some(rfc3339(*expires_at))),
        Credential::Token => (None, None),
    };
    json!({
        "user": {
            "id": identity.actor.user,
            "name": identity.actor.name,
            "team_id": identity.actor.team,
            "role": identity.actor.role.as_str(),
        },
        "csrf_token": csrf,
        "expires_at": expires_at,
    })
}
