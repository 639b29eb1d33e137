//! The way in and out.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::visit::{Visit, go_to, html, inside, page_of};
use crate::web::BASE;
use crate::web::auth;
use crate::web::error::{Error, Result};

/// The login form.
#[derive(Debug, Template)]
#[template(path = "login/page.html")]
pub(super) struct LoginPage {
    pub frame: Frame,
    /// What was typed before.
    pub user: String,
    /// Where to go on afterwards.
    pub next: String,
    /// Why the last attempt failed.
    pub error: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

pub(super) async fn show(visit: Visit, query: web::Query<Next>) -> Result<HttpResponse> {
    if visit.identity.is_some() {
        return Ok(go_to(inside(&query.next)));
    }
    html(&LoginPage {
        frame: visit.frame(Section::None),
        user: String::new(),
        next: query.into_inner().next,
        error: None,
    })
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn log_in(
    visit: Visit,
    request: HttpRequest,
    form: web::Form<Credentials>,
) -> Result<HttpResponse> {
    let form = form.into_inner();
    let error = match auth::log_in(&visit.state, &request, &form.name, &form.password).await {
        Ok(session) => {
            let mut response = go_to(inside(&form.next));
            response
                .add_cookie(&session.cookie)
                .map_err(|e| Error::Internal(anyhow::Error::new(e)))?;
            return Ok(response);
        }
        Err(error @ (Error::Unauthenticated(_) | Error::Throttled(_))) => error,
        Err(other) => return Err(other),
    };
    let t = &visit.t().login;
    let throttled = error.status() == StatusCode::TOO_MANY_REQUESTS;
    page_of(
        error.response(),
        &LoginPage {
            frame: visit.frame(Section::None),
            user: form.name,
            next: form.next,
            error: Some(if throttled { t.too_often } else { t.wrong }),
        },
    )
}

pub(super) async fn log_out(visit: Visit) -> Result<HttpResponse> {
    let cookie = auth::log_out(&visit.state, visit.identity.clone()).await?;
    let mut response = go_to(&format!("{BASE}/login"));
    response
        .add_cookie(&cookie)
        .map_err(|e| Error::Internal(anyhow::Error::new(e)))?;
    Ok(response)
}
