//! One's own password and API tokens.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::TimeDelta;
use hera_domain::job::FieldError;
use serde::Deserialize;

use super::frame::{Frame, Section};
use super::parts::{Ago, Errors};
use super::visit::{Visit, go_to, html, page_of};
use crate::access::Role;
use crate::secret;
use crate::web::BASE;
use crate::web::auth;
use crate::web::error::{Error, Result};
use crate::web::password::{self, Attempt};

/// The page.
#[derive(Debug, Template)]
#[template(path = "profile/page.html")]
pub(super) struct ProfilePage {
    pub frame: Frame,
    pub name: String,
    pub role: &'static str,
    pub must_change: bool,
    pub changed: bool,
    pub errors: Errors,
    /// A token that has just been made; shown once.
    pub new_token: Option<String>,
    pub tokens: Vec<TokenRow>,
}

#[derive(Debug)]
pub(super) struct TokenRow {
    pub id: i64,
    pub name: String,
    pub made: Ago,
    pub ends: Option<Ago>,
    pub used: Option<Ago>,
}

#[derive(Deserialize)]
pub(super) struct Done {
    changed: Option<String>,
}

/// `GET /profile`.
pub(super) async fn show(visit: Visit, query: web::Query<Done>) -> Result<HttpResponse> {
    let mut page = page(&visit).await?;
    page.changed = query.changed.is_some();
    html(&page)
}

async fn page(visit: &Visit) -> Result<ProfilePage> {
    let t = &visit.t().profile;
    let actor = visit.actor()?;
    let user = visit.state.store.user(actor.user).await?;
    let times = visit.times();
    let tokens = visit.state.store.tokens(Some(actor.user)).await?;
    Ok(ProfilePage {
        frame: visit.frame(Section::Profile),
        name: actor.name.clone(),
        role: match actor.role {
            Role::Admin => t.role_admin,
            Role::Member => t.role_member,
            Role::Viewer => t.role_viewer,
        },
        must_change: user.is_some_and(|user| user.must_change_password),
        changed: false,
        errors: Errors::default(),
        new_token: None,
        tokens: tokens
            .into_iter()
            .map(|token| TokenRow {
                id: token.id,
                name: token.name,
                made: times.ago(token.created_at),
                ends: token.expires_at.map(|at| times.ago(at)),
                used: token.last_used_at.map(|at| times.ago(at)),
            })
            .collect(),
    })
}

async fn wrong(visit: &Visit, field: &str, message: String) -> Result<HttpResponse> {
    let mut page = page(visit).await?;
    page.errors = Errors(vec![FieldError::new(field, message)]);
    page_of(HttpResponse::UnprocessableEntity(), &page)
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    old: String,
    new: String,
    repeat: String,
}

/// `POST /profile/password`. Every other session ends; this browser gets a new one.
pub(super) async fn change_password(
    visit: Visit,
    request: HttpRequest,
    form: web::Form<PasswordForm>,
) -> Result<HttpResponse> {
    let t = &visit.t().profile;
    let form = form.into_inner();
    let actor = visit.actor()?.clone();
    if form.new != form.repeat {
        return wrong(&visit, "repeat", t.differs.to_owned()).await;
    }
    if password::check_new(&form.new).is_err() {
        return wrong(&visit, "new", t.too_short.to_owned()).await;
    }
    let state = &visit.state;
    let user = state.store.user(actor.user).await?;
    let attempt = Attempt {
        name: actor.name.clone(),
        address: request.peer_addr().map(|peer| peer.ip()),
    };
    let hashed = user.and_then(|user| user.password_hash);
    let now = state.clock.now();
    if !state
        .passwords
        .check(attempt, form.old, hashed, now)
        .await?
    {
        return wrong(&visit, "old", t.wrong_old.to_owned()).await;
    }
    let new = form.new.clone();
    let hash = web::block(move || password::hash(&new))
        .await
        .map_err(|e| Error::Internal(e.into()))?
        .map_err(Error::Internal)?;
    state.store.set_password(actor.user, hash, false).await?;
    let session = auth::log_in(state, &request, &actor.name, &form.new).await?;
    let mut response = go_to(&format!("{BASE}/profile?changed=1"));
    response
        .add_cookie(&session.cookie)
        .map_err(|e| Error::Internal(anyhow::Error::new(e)))?;
    Ok(response)
}

#[derive(Deserialize)]
pub(super) struct TokenForm {
    name: String,
    #[serde(default)]
    days: String,
}

/// `POST /profile/tokens`.
pub(super) async fn create_token(visit: Visit, form: web::Form<TokenForm>) -> Result<HttpResponse> {
    let name = form.name.trim().to_owned();
    let days = match form.days.trim() {
        "" => None,
        text => match text.parse::<u32>() {
            Ok(days) if (1..=36_500).contains(&days) => Some(days),
            Ok(_) | Err(_) => {
                let message = visit.t().job.whole_number.to_owned();
                return wrong(&visit, "days", message).await;
            }
        },
    };
    let now = visit.state.clock.now();
    let expires = days.map(|days| now + TimeDelta::days(i64::from(days)));
    let token = secret::generate();
    let user = visit.actor()?.user;
    let store = &visit.state.store;
    store
        .add_token(user, name, secret::digest(&token), expires, now)
        .await?;
    let mut page = page(&visit).await?;
    page.new_token = Some(token);
    html(&page)
}

/// `POST /profile/tokens/{id}/revoke`: one's own only.
pub(super) async fn revoke_token(visit: Visit, id: web::Path<i64>) -> Result<HttpResponse> {
    let store = &visit.state.store;
    let own = store.tokens(Some(visit.actor()?.user)).await?;
    if !own.iter().any(|token| token.id == *id) {
        return Err(Error::NotFound(format!("token {id} of yours")));
    }
    store.delete_token(*id).await?;
    Ok(go_to(&format!("{BASE}/profile")))
}
