//! One person's request for a page: who, in which language and theme, and from where.

use std::future::{Ready, ready};

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, web};
use askama::Template;
use hera_domain::clock::Timestamp;

use super::frame::{Frame, Section, Theme};
use super::parts::{Errors, Times};
use crate::access::{Actor, Decision, Right, decide};
use crate::master::CommandError;
use crate::web::assets::AssetUrls;
use crate::web::auth::Identity;
use crate::web::error::{Error, Result};
use crate::web::guard::Nonce;
use crate::web::i18n::{Lang, Texts};
use crate::web::{AppState, BASE};

const LANG_COOKIE: &str = "hera_lang";
const THEME_COOKIE: &str = "hera_theme";

/// What every page's handler takes.
pub(in crate::web) struct Visit {
    pub state: web::Data<AppState>,
    pub identity: Option<Identity>,
    pub lang: Lang,
    theme: Theme,
    nonce: String,
    here: String,
}

impl Visit {
    /// Reads a request that has passed the outermost layer.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let cookie = |name| request.cookie(name).map(|c| c.value().to_owned());
        let accepted = request.headers().get(ACCEPT_LANGUAGE);
        let lang = cookie(LANG_COOKIE)
            .and_then(|code| Lang::from_code(&code))
            .unwrap_or_else(|| {
                Lang::from_accept_language(accepted.and_then(|v| v.to_str().ok()).unwrap_or(""))
            });
        let extensions = request.extensions();
        Self {
            state: request
                .app_data::<web::Data<AppState>>()
                .expect("configure() puts the state in")
                .clone(),
            identity: extensions.get::<Identity>().cloned(),
            lang,
            theme: cookie(THEME_COOKIE)
                .and_then(|code| Theme::from_code(&code))
                .unwrap_or_default(),
            nonce: extensions
                .get::<Nonce>()
                .map(|n| n.0.clone())
                .unwrap_or_default(),
            here: request
                .uri()
                .path_and_query()
                .map_or_else(|| format!("{BASE}/"), |p| p.as_str().to_owned()),
        }
    }

    /// The texts of the page's language.
    pub(super) fn t(&self) -> &'static Texts {
        self.lang.texts()
    }

    /// The person; every page but the login has the guard make sure that there is one.
    pub(super) fn actor(&self) -> Result<&Actor> {
        let identity = self.identity.as_ref();
        identity
            .map(|i| &i.actor)
            .ok_or_else(|| Error::Unauthenticated("log in".to_owned()))
    }

    /// Whether the person may do what needs `right`: what they may not is not offered.
    pub(super) fn may(&self, right: Right) -> bool {
        let actor = self.identity.as_ref().map(|i| &i.actor);
        decide(actor, right) == Decision::Allowed
    }

    /// How this page shows times.
    pub(super) fn times(&self) -> Times {
        Times {
            now: self.state.clock.now(),
            zone: self.state.settings.timezone,
            lang: self.lang,
        }
    }

    /// Midnight of today in the installation's zone.
    pub(super) fn today_start(&self) -> Timestamp {
        let zone = self.state.settings.timezone;
        let today = self.state.clock.now().with_timezone(&zone).date_naive();
        hera_domain::cron::day_start(zone, today)
    }

    /// The frame around the page.
    pub(super) fn frame(&self, section: Section) -> Frame {
        let leader = self.state.master.leader();
        let now = self.state.clock.now();
        let local = now.with_timezone(&self.state.settings.timezone);
        let env = &self.state.settings.env;
        Frame {
            t: self.t(),
            theme: self.theme,
            base: BASE.to_owned(),
            urls: AssetUrls::new(BASE),
            csrf: self.identity.as_ref().map_or("", Identity::csrf).to_owned(),
            nonce: self.nonce.clone(),
            here: self.here.clone(),
            env: (!env.is_empty()).then(|| env.clone()),
            user: self.identity.as_ref().map(|i| i.actor.name.clone()),
            // The page where it is changed says so itself.
            must_change: section != Section::Profile
                && self
                    .identity
                    .as_ref()
                    .is_some_and(|i| i.must_change_password),
            section,
            leader_ok: leader.leader.is_some(),
            leader_name: leader.leader.map(|at| at.name).unwrap_or_default(),
            clock: local.format("%H:%M").to_string(),
            zone: local.format("%Z").to_string(),
            zone_id: self.state.settings.timezone.name().to_owned(),
        }
    }
}

impl FromRequest for Visit {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// A page as a response.
pub(super) fn html(page: &impl Template) -> Result<HttpResponse> {
    page_of(HttpResponse::Ok(), page)
}

/// A page as a response with a status of its own.
pub(super) fn page_of(
    mut response: actix_web::HttpResponseBuilder,
    page: &impl Template,
) -> Result<HttpResponse> {
    let body = page
        .render()
        .map_err(|e| Error::Internal(anyhow::Error::new(e).context("a template")))?;
    Ok(response
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body))
}

/// The answer to a form that was carried out: the page to go on with.
pub(super) fn go_to(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((actix_web::http::header::LOCATION, path))
        .finish()
}

/// Why a command was refused, to be shown on the page that asked.
#[derive(Debug)]
pub(super) enum Refused {
    /// What stands beside the fields of its form.
    Fields(Errors),
    /// What stands above them.
    Reason(String),
}

/// What the page that asked shows; other errors have a page of their own.
pub(super) fn refusal(error: CommandError, lang: Lang) -> Result<Refused> {
    let said = lang.command_error(&error);
    let error = Error::from(error);
    if matches!(error, Error::Conflict(_) | Error::Stale(_)) {
        return Ok(Refused::Reason(
            said.unwrap_or_else(|| lang.message(&error.to_string())),
        ));
    }
    let Error::Invalid(mut errors) = error else {
        return Err(error);
    };
    // What the engine refuses in a form is about one field.
    if let (Some(said), [only]) = (said, errors.as_mut_slice()) {
        only.message = said;
    }
    Ok(Refused::Fields(Errors(errors).said_in(lang)))
}

/// A path of this site to go on with, or the home page: never another site.
pub(super) fn inside(next: &str) -> &str {
    let below = next.strip_prefix(BASE).unwrap_or_default();
    let ours = below.starts_with(['/', '?']) && !next.contains(['\\', '\r', '\n']);
    if ours { next } else { "/hera/" }
}

#[derive(serde::Deserialize)]
pub(super) struct Preferences {
    lang: Option<String>,
    theme: Option<String>,
    #[serde(default)]
    next: String,
}

/// `POST /hera/preferences`: language and theme, kept in cookies for a year.
pub(super) async fn prefer(form: web::Form<Preferences>) -> HttpResponse {
    let kept = |name, value: &'static str| {
        Cookie::build(name, value)
            .path(BASE)
            .same_site(SameSite::Lax)
            .max_age(Duration::days(365))
            .finish()
    };
    let mut response = HttpResponse::SeeOther();
    if let Some(lang) = form.lang.as_deref().and_then(Lang::from_code) {
        response.cookie(kept(LANG_COOKIE, lang.code()));
    }
    if let Some(theme) = form.theme.as_deref().and_then(Theme::from_code) {
        response.cookie(kept(THEME_COOKIE, theme.code()));
    }
    response
        .insert_header((actix_web::http::header::LOCATION, inside(&form.next)))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_on_never_leaves_the_site() {
        assert_eq!(
            inside("/hera/runs?status=failed"),
            "/hera/runs?status=failed"
        );
        assert_eq!(inside("https://evil.example/"), "/hera/");
        assert_eq!(inside("//evil.example"), "/hera/");
        assert_eq!(inside("/hera/\\evil.example"), "/hera/");
        assert_eq!(inside("/herald"), "/hera/");
        assert_eq!(inside(""), "/hera/");
    }
}
