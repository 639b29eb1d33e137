//! Who is asking: bearer tokens for programs, opaque session cookies for browsers.

use std::future::{Ready, ready};

use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse};
use chrono::TimeDelta;
use hera_domain::clock::Timestamp;

use super::error::{Error, Result};
use super::password::Attempt;
use super::{AppState, BASE};
use crate::access::{Actor, Role};
use crate::secret;
use crate::store::{Session, User};

/// Somebody who has proven who they are, and how.
#[derive(Debug, Clone)]
pub struct Identity {
    pub actor: Actor,
    pub credential: Credential,
    /// They log in with a password that somebody else chose: their pages ask for another.
    pub must_change_password: bool,
}

/// What proved it.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A browser's cookie: its requests that change something need the CSRF token too.
    Session {
        /// As it is stored.
        id_hash: String,
        csrf: String,
        expires_at: Timestamp,
    },
    Token,
}

impl Identity {
    /// The token that pages put into `X-CSRF-Token`; empty for programs, which need none.
    pub fn csrf(&self) -> &str {
        match &self.credential {
            Credential::Session { csrf, .. } => csrf,
            Credential::Token => "",
        }
    }
}

impl FromRequest for Identity {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            request
                .extensions()
                .get::<Self>()
                .cloned()
                .ok_or_else(no_credential),
        )
    }
}

/// The answer to a request without any credential.
pub(super) fn no_credential() -> Error {
    Error::Unauthenticated(
        "log in, or send a token as `Authorization: Bearer …` (`hera-admin token create` makes one)"
            .to_owned(),
    )
}

/// Finds out who is asking. `Ok(None)` = no credential at all; a credential that is not good is
/// an [`Error::Unauthenticated`] that says why.
pub(super) async fn identify(state: &AppState, request: &HttpRequest) -> Result<Option<Identity>> {
    let header = request.headers().get(header::AUTHORIZATION);
    if let Some(bearer) = header {
        let token = bearer.to_str().ok().and_then(bearer_token);
        let token = token.ok_or_else(no_credential)?;
        return by_token(state, token).await.map(Some);
    }
    match request.cookie(&state.cookie_name()) {
        Some(cookie) => by_session(state, request, cookie.value()).await,
        None => Ok(None),
    }
}

fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
        .filter(|token| !token.is_empty())
}

async fn by_token(state: &AppState, token: &str) -> Result<Identity> {
    let now = state.clock.now();
    let found = state.store.token(secret::digest(token), now).await?;
    let (_, user) = found.ok_or_else(|| {
        Error::Unauthenticated(
            "this token is not known here or has expired; make one with `hera-admin token create`"
                .to_owned(),
        )
    })?;
    Ok(Identity {
        actor: actor_of(state, &user),
        credential: Credential::Token,
        must_change_password: user.must_change_password,
    })
}

/// A session lasts so long after its last use, and the browser's cookie with it.
async fn by_session(state: &AppState, request: &HttpRequest, id: &str) -> Result<Option<Identity>> {
    let now = state.clock.now();
    let found = state.store.session(secret::digest(id), now).await?;
    let Some((mut session, user)) = found else {
        return Ok(None);
    };
    let lasts = state.settings.session_lasts;
    let end = now + lasts;
    // Not with every request: that would be a write for every read.
    if end - session.expires_at >= lasts / 20 {
        let extended = state.store.extend_session(session.id_hash.clone(), end);
        match extended.await {
            Ok(()) => {
                session.expires_at = end;
                let renewed = Renewed(cookie(state, id.to_owned(), lasts));
                request.extensions_mut().insert(renewed);
            }
            Err(error) => tracing::warn!("a session could not be extended: {error}"),
        }
    }
    Ok(Some(identity_of(state, session, &user)))
}

/// The cookie of a session that has just been extended, to be sent with the response.
pub(super) struct Renewed(Cookie<'static>);

impl Renewed {
    /// Adds the cookie, unless the response has its own: logging out ends the session.
    pub(super) fn add_to<B>(&self, response: &mut HttpResponse<B>) {
        let name = self.0.name();
        let has_its_own = response.cookies().any(|cookie| cookie.name() == name);
        if !has_its_own && let Err(error) = response.add_cookie(&self.0) {
            tracing::warn!("a session's cookie could not be sent: {error}");
        }
    }
}

/// The user as somebody who acts. The one that `hera.admin` names is an admin in any role.
fn actor_of(state: &AppState, user: &User) -> Actor {
    let mut actor = user.actor();
    if user.name == state.settings.admin_user {
        actor.role = Role::Admin;
    }
    actor
}

fn identity_of(state: &AppState, session: Session, user: &User) -> Identity {
    Identity {
        actor: actor_of(state, user),
        credential: Credential::Session {
            id_hash: session.id_hash,
            csrf: session.csrf,
            expires_at: session.expires_at,
        },
        must_change_password: user.must_change_password,
    }
}

/// A session that has just begun.
pub struct LoggedIn {
    pub identity: Identity,
    /// To be sent with the response.
    pub cookie: Cookie<'static>,
}

/// Checks name and password and begins a session. Both the API and the login page call it.
pub async fn log_in(
    state: &AppState,
    request: &HttpRequest,
    name: &str,
    password: &str,
) -> Result<LoggedIn> {
    let wrong = || Error::Unauthenticated("the name or the password is wrong".to_owned());
    let now = state.clock.now();
    let user = state.store.user_by_name(name.to_owned()).await?;
    let attempt = Attempt {
        name: name.to_owned(),
        address: request.peer_addr().map(|peer| peer.ip()),
    };
    let hashed = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = state
        .passwords
        .check(attempt, password.to_owned(), hashed, now)
        .await?;
    let user = user.filter(|user| right && user.active).ok_or_else(wrong)?;

    let id = secret::generate();
    let session = Session {
        id_hash: secret::digest(&id),
        user: user.id,
        csrf: secret::generate(),
        created_at: now,
        expires_at: now + state.settings.session_lasts,
    };
    state.store.add_session(session.clone()).await?;
    Ok(LoggedIn {
        cookie: cookie(state, id, state.settings.session_lasts),
        identity: identity_of(state, session, &user),
    })
}

/// Ends the session of a browser; the returned cookie makes it forget.
pub async fn log_out(state: &AppState, identity: Option<Identity>) -> Result<Cookie<'static>> {
    if let Some(Identity {
        credential: Credential::Session { id_hash, .. },
        ..
    }) = identity
    {
        state.store.delete_session(id_hash).await?;
    }
    Ok(cookie(state, String::new(), TimeDelta::zero()))
}

fn cookie(state: &AppState, value: String, lasts: TimeDelta) -> Cookie<'static> {
    Cookie::build(state.cookie_name(), value)
        .path(BASE)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(CookieDuration::seconds(lasts.num_seconds()))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_header_with_a_token_is_one() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bearer  abc "), Some("abc"));
        assert_eq!(bearer_token("Basic abc"), None);
        assert_eq!(bearer_token("Bearer "), None);
        assert_eq!(bearer_token("abc"), None);
    }
}
