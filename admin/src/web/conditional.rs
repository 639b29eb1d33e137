//! Conditional requests: `ETag` is the revision of a group, a calendar or a job, `If-Match` asks
//! that a change is based on it, `If-None-Match` spares sending what is known.
//!
//! A job's tag names its switch beside the revision, since that changes without a new one:
//! `"7-open"`. For a change only the revision counts, which may be sent alone: `"7"`.

use actix_web::http::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use hera_domain::id::Revision;
use hera_domain::status::Switch;
use serde::Serialize;

/// The tag of what has nothing beside its revisions.
pub(super) fn of_revision(revision: Revision) -> String {
    format!("\"{revision}\"")
}

/// The tag of a job.
pub(super) fn of_job(revision: Revision, switch: Switch) -> String {
    format!("\"{revision}-{switch}\"")
}

/// What is asked for with its tag, or that it is what the client has.
pub(super) fn found(request: &HttpRequest, tag: &str, body: &impl Serialize) -> HttpResponse {
    let known = tags(request, &IF_NONE_MATCH);
    let known = known
        .iter()
        .any(|known| known == "*" || known == opaque(tag));
    let mut response = match known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response.insert_header((ETAG, tag));
    match known {
        true => response.finish(),
        false => response.json(body),
    }
}

/// The revision on which a change is based: by `If-Match`, by the body's `revision`, or by both.
/// Where it is another than the newest one the leader refuses the change, once it has found that
/// nothing else is wrong with it.
pub(super) fn base(
    request: &HttpRequest,
    sent: Option<Revision>,
    newest: Revision,
) -> Option<Revision> {
    let matches = tags(request, &IF_MATCH);
    if matches.is_empty() {
        return sent;
    }
    let of_newest = |tag: &String| tag == "*" || revision_of(tag) == Some(newest);
    let named = match matches.iter().any(of_newest) {
        true => newest,
        // No revision has the number 0.
        false => matches
            .first()
            .and_then(|tag| revision_of(tag))
            .unwrap_or_default(),
    };
    // Of two that differ one is stale.
    Some(sent.filter(|sent| *sent != newest).unwrap_or(named))
}

/// The tags of a header, without their quotes; whether they are weak makes no difference.
fn tags(request: &HttpRequest, name: &HeaderName) -> Vec<String> {
    let values = request.headers().get_all(name);
    // What cannot be read is no tag that is known, but it was sent.
    let lists = values.map(|value| value.to_str().unwrap_or_default());
    lists
        .flat_map(|list| list.split(','))
        .map(|tag| opaque(tag).to_owned())
        .collect()
}

fn opaque(tag: &str) -> &str {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.trim_matches('"')
}

fn revision_of(tag: &str) -> Option<Revision> {
    let number = tag.split_once('-').map_or(tag, |(number, _)| number);
    number.parse().ok().map(Revision)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn based(header: Option<&'static str>, sent: Option<i64>) -> Option<i64> {
        let mut request = TestRequest::default();
        if let Some(header) = header {
            request = request.insert_header((IF_MATCH, header));
        }
        let found = base(&request.to_http_request(), sent.map(Revision), Revision(7));
        found.map(|revision| revision.0)
    }

    #[test]
    fn a_change_is_based_on_what_header_and_body_agree_on() {
        assert_eq!(based(None, None), None);
        assert_eq!(based(None, Some(6)), Some(6));
        for tag in ["\"7\"", "W/\"7-open\"", "*", "\"3\", \"7-closed\""] {
            assert_eq!(based(Some(tag), None), Some(7), "{tag}");
            assert_eq!(based(Some(tag), Some(7)), Some(7), "{tag}");
            assert_eq!(based(Some(tag), Some(6)), Some(6), "{tag}");
        }
        for stale in ["\"6\"", "\"70\"", "nonsense", "", "\"-7\""] {
            assert_ne!(based(Some(stale), None), Some(7), "{stale}");
            assert_ne!(based(Some(stale), Some(7)), Some(7), "{stale}");
        }
    }

    #[test]
    fn a_tag_that_cannot_be_read_is_stale() {
        let value = actix_web::http::header::HeaderValue::from_bytes(b"\xe9").unwrap();
        let request = TestRequest::default().insert_header((IF_MATCH, value));
        let request = request.to_http_request();
        assert_ne!(base(&request, None, Revision(7)), None);
        assert_ne!(base(&request, None, Revision(7)), Some(Revision(7)));
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let status = |header: &'static str| {
            let request = TestRequest::default().insert_header((IF_NONE_MATCH, header));
            let tag = of_job(Revision(7), Switch::Open);
            found(&request.to_http_request(), &tag, &"body")
                .status()
                .as_u16()
        };
        assert_eq!(status("\"7-open\""), 304);
        assert_eq!(status("\"1\", W/\"7-open\""), 304);
        assert_eq!(status("*"), 304);
        assert_eq!(status("\"7-closed\""), 200);
        assert_eq!(status("\"7\""), 200, "it may have been switched since");
    }
}
