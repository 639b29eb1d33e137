//! What surrounds every request: authentication before anything is routed or parsed, one guard
//! per route that asks [`decide`], errors in the form the caller reads, security headers.

use std::collections::BTreeSet;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _, web};

use super::auth::{self, Credential, Identity};
use super::error::Error;
use super::{API, AppState, BASE, STATIC};
use crate::access::{Decision, Right, decide};
use crate::secret;

/// The header that carries the CSRF token of a session.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The nonce of this response's content security policy, for the few elements that need one.
#[derive(Debug, Clone)]
pub struct Nonce(pub String);

/// API paths that answer without a credential; made from the route table.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenPaths(pub(super) BTreeSet<String>);

/// The outermost layer.
pub(super) async fn surround<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let nonce = secret::generate();
    request.extensions_mut().insert(Nonce(nonce.clone()));
    let mut response = match authenticate(&request).await {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(error) => request.error_response(error),
    };
    if let Some(error) = response.response().error() {
        let told = in_the_callers_form(response.request(), error);
        response = response.into_response(told);
    }
    let renewed = response
        .request()
        .extensions_mut()
        .remove::<auth::Renewed>();
    if let Some(renewed) = renewed {
        renewed.add_to(response.response_mut());
    }
    let api = is_api(response.request().path());
    protect(api, &nonce, response.headers_mut());
    Ok(response)
}

/// Finds out who asks. Under the API nobody gets further without a valid credential, so that
/// a stranger learns nothing about paths, ids and formats.
async fn authenticate(request: &ServiceRequest) -> Result<(), Error> {
    let state = request
        .app_data::<web::Data<AppState>>()
        .expect("configure() puts the state in")
        .clone();
    let api = is_api(request.path());
    let open = request
        .app_data::<web::Data<OpenPaths>>()
        .is_some_and(|open| open.0.contains(request.path().trim_end_matches('/')));
    if request.path().starts_with(STATIC) {
        return Ok(());
    }
    match auth::identify(&state, request.request()).await {
        Ok(Some(identity)) => {
            request.extensions_mut().insert(identity);
            Ok(())
        }
        Ok(None) if api && !open => Err(auth::no_credential()),
        Err(error @ Error::Unauthenticated(_)) if api && !open => Err(error),
        Ok(None) | Err(Error::Unauthenticated(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The guard of one route.
pub(super) async fn guard(
    right: Right,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if let Err(error) = adopt_form_token(&mut request).await {
        return Ok(request.error_response(error));
    }
    match may_pass(right, &request) {
        Ok(()) => next.call(request).await,
        Err(error) => Ok(request.error_response(error)),
    }
}

/// A form of a page sends its CSRF token as a field, so that pages work without scripts: it is
/// taken for the header's. The body is put back for the handler.
async fn adopt_form_token(request: &mut ServiceRequest) -> Result<(), Error> {
    let form = "application/x-www-form-urlencoded";
    let is_form = text(request.headers(), "content-type").is_some_and(|t| t.starts_with(form));
    let sent = request.headers().contains_key(CSRF_HEADER);
    if request.method().is_safe() || is_api(request.path()) || !is_form || sent {
        return Ok(());
    }
    let body = request.extract::<web::Bytes>().await.map_err(|e| {
        let status = e.as_response_error().status_code();
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            let state = request.app_data::<web::Data<AppState>>();
            let limit = state.map_or(0, |state| state.settings.max_body);
            Error::TooLarge { limit }
        } else {
            Error::Malformed(e.to_string())
        }
    })?;
    let token = body
        .split(|byte| *byte == b'&')
        .find_map(|pair| pair.strip_prefix(b"csrf="))
        .and_then(|token| HeaderValue::from_bytes(token).ok());
    if let Some(token) = token {
        let name = HeaderName::from_static(CSRF_HEADER);
        request.headers_mut().insert(name, token);
    }
    request.set_payload(actix_web::dev::Payload::from(body));
    Ok(())
}

fn may_pass(right: Right, request: &ServiceRequest) -> Result<(), Error> {
    let identity = request.extensions().get::<Identity>().cloned();
    match decide(identity.as_ref().map(|i| &i.actor), right) {
        Decision::Allowed if request.method().is_safe() => Ok(()),
        Decision::Allowed => refuse_forgery(request, identity.as_ref(), right),
        Decision::Unknown => Err(auth::no_credential()),
        Decision::Forbidden => Err(Error::Forbidden(format!(
            "{} may not do this: it needs the right to {}",
            identity.map(|i| i.actor.name).unwrap_or_default(),
            right.as_str()
        ))),
    }
}

/// Refuses a change that another site makes a browser send.
fn refuse_forgery(
    request: &ServiceRequest,
    identity: Option<&Identity>,
    right: Right,
) -> Result<(), Error> {
    let headers = request.headers();
    match identity.map(|i| &i.credential) {
        Some(Credential::Token) => Ok(()),
        Some(Credential::Session { csrf, .. }) if right != Right::Public => {
            let sent = text(headers, CSRF_HEADER).unwrap_or_default();
            if secret::equal(sent, csrf) {
                Ok(())
            } else {
                Err(Error::Forbidden(
                    "this request lacks the X-CSRF-Token of its session; reload the page".into(),
                ))
            }
        }
        // Logging in: there is no session to take a token from, so the browser's word counts.
        Some(Credential::Session { .. }) | None => {
            if from_another_site(headers, request.connection_info().host()) {
                Err(Error::Forbidden(
                    "another site made the browser send this request".into(),
                ))
            } else {
                Ok(())
            }
        }
    }
}

fn from_another_site(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = text(headers, "sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    text(headers, "origin").is_some_and(|origin| {
        let origin_host = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        !origin_host.eq_ignore_ascii_case(host)
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_api(path: &str) -> bool {
    path.strip_prefix(API)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Problem details for programs; for people a page, or the way to the login.
fn in_the_callers_form(request: &HttpRequest, error: &actix_web::Error) -> HttpResponse {
    let Some(error) = error.as_error::<Error>() else {
        // An error of the framework: everything of ours is an `Error`.
        let status = error.as_response_error().status_code();
        let ours = if status.is_server_error() {
            Error::Internal(anyhow::anyhow!("{error}"))
        } else if status == StatusCode::NOT_FOUND {
            Error::NotFound(request.path().to_owned())
        } else {
            Error::Malformed(error.to_string())
        };
        return form(request, &ours);
    };
    form(request, error)
}

fn form(request: &HttpRequest, error: &Error) -> HttpResponse {
    error.log(request.method().as_str(), request.path());
    if is_api(request.path()) {
        return error.error_response();
    }
    if let Error::Unauthenticated(_) = error {
        let login = format!("{BASE}/login");
        if request.headers().contains_key("hx-request") {
            return error
                .response()
                .insert_header(("HX-Redirect", login))
                .finish();
        }
        if request.method() == Method::GET {
            return HttpResponse::SeeOther()
                .insert_header((header::LOCATION, login_then(request)))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .finish();
        }
    }
    super::pages::error_page(request, error)
}

/// The login that leads back to where the person wanted to go.
fn login_then(request: &HttpRequest) -> String {
    let wanted = request.uri().path_and_query().map_or(BASE, |p| p.as_str());
    let encoded = wanted.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    });
    format!("{BASE}/login?next={encoded}")
}

fn protect(api: bool, nonce: &str, headers: &mut HeaderMap) {
    let policy = if api {
        "default-src 'none'; frame-ancestors 'none'".to_owned()
    } else {
        format!(
            "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; \
             img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'"
        )
    };
    let policy = HeaderValue::from_str(&policy).expect("hexadecimal digits only");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    if api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        map
    }

    #[test]
    fn a_form_of_another_site_is_recognised_by_either_header() {
        let host = "127.0.0.1:8080";
        let cross = |pairs| from_another_site(&headers(pairs), host);
        assert!(cross(&[("origin", "http://evil.example")]));
        assert!(cross(&[("sec-fetch-site", "cross-site")]));
        assert!(!cross(&[("origin", "http://127.0.0.1:8080")]));
        assert!(!cross(&[("sec-fetch-site", "same-origin")]));
        assert!(!cross(&[]), "a program sends neither");
    }

    #[test]
    fn the_api_is_a_path_and_not_a_prefix_of_words() {
        assert!(is_api("/hera/api/v1"));
        assert!(is_api("/hera/api/v1/jobs"));
        assert!(!is_api("/hera/api/v10/jobs"));
        assert!(!is_api("/hera/"));
    }
}
