//! `Idempotency-Key`: a POST that makes something and is sent again finds what the first one made.
//! A key belongs to its user and to one request, by method, path and body; a repeat that comes
//! while the first one is carried out waits for its answer.

use actix_web::{HttpMessage as _, HttpRequest};

use super::error::{Error, Result};
use crate::secret;
use crate::store::IdempotencyKey;

const HEADER: &str = "idempotency-key";
const MOST_CHARS: usize = 190;

/// The digest of a request whose body has been read.
#[derive(Debug, Clone)]
struct Fingerprint(String);

/// Notes the body of a request that has a key.
pub(super) fn note(request: &HttpRequest, body: &str) {
    if request.headers().contains_key(HEADER) {
        let of = fingerprint(request.method().as_str(), request.path(), body);
        request.extensions_mut().insert(Fingerprint(of));
    }
}

/// The key of a request, if it has one; for handlers whose body has been read.
pub(super) fn key(request: &HttpRequest) -> Result<Option<IdempotencyKey>> {
    let Some(value) = request.headers().get(HEADER) else {
        return Ok(None);
    };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > MOST_CHARS {
        return Err(Error::invalid(
            "Idempotency-Key",
            format!("must have 1 to {MOST_CHARS} visible ASCII characters"),
        ));
    }
    let found = request.extensions().get::<Fingerprint>().cloned();
    let fingerprint = found.map_or_else(
        || fingerprint(request.method().as_str(), request.path(), ""),
        |found| found.0,
    );
    Ok(Some(IdempotencyKey {
        key: key.to_owned(),
        fingerprint,
    }))
}

/// What tells a request from another one.
pub(super) fn fingerprint(method: &str, path: &str, body: &str) -> String {
    secret::digest(&format!("{method} {path}\n{body}"))
}
