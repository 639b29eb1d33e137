//! Reading what a request says: JSON bodies, queries, path segments. What cannot be accepted is
//! named by its field.

use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::SecondsFormat;
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use hera_domain::clock::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::AppState;
use super::error::{Error, Result};

/// The most items that one page of a list holds.
pub const MAX_LIMIT: usize = 1_000;
const DEFAULT_LIMIT: usize = 100;

/// A JSON body of type `T`.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request
            .app_data::<web::Data<AppState>>()
            .map_or(usize::MAX, |state| state.settings.max_body);
        let mut payload = payload.take();
        let request = request.clone();
        async move {
            let mut body = Vec::new();
            while let Some(chunk) = payload.next().await {
                let chunk =
                    chunk.map_err(|e| Error::Malformed(format!("the body broke off: {e}")))?;
                if body.len() + chunk.len() > limit {
                    return Err(Error::TooLarge { limit });
                }
                body.extend_from_slice(&chunk);
            }
            let text = utf8(&body)?;
            super::idempotency::note(&request, text);
            parse_text(text).map(Json)
        }
        .boxed_local()
    }
}

/// Reads JSON; an empty body is an empty object, so that a POST without options needs none.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    parse_text(utf8(body)?)
}

fn utf8(body: &[u8]) -> Result<&str> {
    std::str::from_utf8(body).map_err(|e| {
        Error::Malformed(format!(
            "the body is not valid UTF-8: byte {} is wrong; send the text encoded as UTF-8",
            e.valid_up_to()
        ))
    })
}

fn parse_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    if text.trim_start().starts_with('[') {
        // serde would take its elements for the fields, in their order.
        return Err(Error::invalid("body", "is a list; send an object"));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let path = e.path().to_string();
        let cause = e.into_inner();
        let message = match (cause.is_data(), is_json(text)) {
            (true, _) => without_position(&cause.to_string()),
            // What serde says of a null where it expects one of several words.
            (false, true) => "is of a kind that is not possible here".to_owned(),
            (false, false) => {
                return Error::Malformed(format!("the body is not valid JSON: {cause}"));
            }
        };
        // serde names a missing or unknown field in its message and not in the path.
        let named = message
            .split('`')
            .nth(1)
            .filter(|_| message.contains(" field `"));
        let field = match (path.as_str(), named) {
            (".", Some(name)) => name.to_owned(),
            (".", None) => "body".to_owned(),
            (path, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
            (path, _) => path.to_owned(),
        };
        Error::invalid(field, message)
    })?;
    json.end()
        .map_err(|e| Error::Malformed(format!("the body is not valid JSON: {e}")))?;
    Ok(value)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// A message of `serde_json` without " at line 1 column 20": the field says it better.
fn without_position(message: &str) -> String {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(text, _)| text)
        .to_owned()
}

/// The query of a request. Every parameter is taken by name; at the end none may be left.
#[derive(Debug)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl FromRequest for Query {
    type Error = Error;
    type Future = std::future::Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if !is_utf8(request.query_string()) {
            return std::future::ready(Err(Error::Malformed(
                "the query is not valid UTF-8; percent-encode the text as UTF-8".to_owned(),
            )));
        }
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map(|query| Self {
                pairs: query.into_inner(),
            })
            .map_err(|e| Error::Malformed(format!("the query cannot be read: {e}")));
        std::future::ready(pairs)
    }
}

/// Whether the bytes that a query stands for are UTF-8; decoding alone would put U+FFFD in place
/// of those that are not.
fn is_utf8(query: &str) -> bool {
    let mut bytes = Vec::with_capacity(query.len());
    let mut rest = query.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    std::str::from_utf8(&bytes).is_ok()
}

impl Query {
    /// Takes a parameter out, if it is there.
    pub fn take<T: FromStr>(&mut self, name: &str) -> Result<Option<T>>
    where
        T::Err: std::fmt::Display,
    {
        let Some(at) = self.pairs.iter().position(|(key, _)| key == name) else {
            return Ok(None);
        };
        let (_, value) = self.pairs.swap_remove(at);
        value
            .parse()
            .map(Some)
            .map_err(|e| Error::invalid(name, format!("\"{value}\" cannot be used: {e}")))
    }

    /// Takes a parameter that must be there.
    pub fn need<T: FromStr>(&mut self, name: &str) -> Result<T>
    where
        T::Err: std::fmt::Display,
    {
        self.take(name)?
            .ok_or_else(|| Error::invalid(name, "is missing in the query"))
    }

    /// Takes `limit` and `cursor`.
    pub fn page(&mut self) -> Result<Page> {
        let limit = self.take::<usize>("limit")?.unwrap_or(DEFAULT_LIMIT);
        if limit == 0 || limit > MAX_LIMIT {
            return Err(Error::invalid(
                "limit",
                format!("must be between 1 and {MAX_LIMIT}, not {limit}"),
            ));
        }
        let after = self.take::<Cursor>("cursor")?.map(|cursor| cursor.0);
        Ok(Page { limit, after })
    }

    /// Refuses parameters that nobody asked for: most are misspelt.
    pub fn end(self) -> Result<()> {
        match self.pairs.first() {
            None => Ok(()),
            Some((name, _)) => Err(Error::invalid(name, "is not a parameter of this path")),
        }
    }
}

/// The part of a list that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub limit: usize,
    /// The id of the last item of the page before.
    pub after: Option<i64>,
}

/// A place in a list, as clients see it: opaque, so that its inside may change.
struct Cursor(i64);

impl FromStr for Cursor {
    type Err = &'static str;
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let wrong = "use the value of `next` as it was given";
        let digits = text.strip_prefix('c').ok_or(wrong)?;
        // Of a time before 1970 the key is negative; it is written as its bits.
        u64::from_str_radix(digits, 16)
            .map(|bits| Self(bits.cast_signed()))
            .map_err(|_e| wrong)
    }
}

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct List<T> {
    pub items: Vec<T>,
    /// The cursor for what follows; null at the end.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// Makes the page out of up to `limit + 1` items: one more than asked for shows that there is
    /// a next page.
    pub fn new(mut items: Vec<T>, limit: usize, id: impl Fn(&T) -> i64) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| format!("c{:x}", id(last)));
        Self { items, next }
    }

    /// The page that the store made.
    pub fn of_store<'a, Row>(page: &'a crate::store::Page<Row>) -> Self
    where
        T: From<&'a Row>,
    {
        Self {
            items: page.items.iter().map(T::from).collect(),
            next: page.next.map(|id| format!("c{id:x}")),
        }
    }

    /// The same page of other items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> List<U> {
        List {
            items: self.items.into_iter().map(f).collect(),
            next: self.next,
        }
    }
}

/// Path segments that are no numbers name nothing.
pub fn path_config() -> web::PathConfig {
    web::PathConfig::default()
        .error_handler(|_, request| Error::NotFound(format!("path {}", request.path())).into())
}

/// An instant as the API writes it: RFC 3339, UTC, milliseconds.
pub fn rfc3339(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An instant in a query or a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant(pub Timestamp);

impl FromStr for Instant {
    type Err = &'static str;
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        chrono::DateTime::parse_from_rfc3339(text)
            .map(|at| Self(at.to_utc()))
            .map_err(|_e| "write an instant like 2026-11-20T03:00:00Z")
    }
}

impl<'de> serde::Deserialize<'de> for Instant {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// For `#[serde(serialize_with = …)]`.
pub fn time<S: serde::Serializer>(at: &Timestamp, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*at))
}

/// For `#[serde(serialize_with = …)]`.
pub fn opt_time<S: serde::Serializer>(
    at: &Option<Timestamp>,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    match at {
        Some(at) => time(at, to),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default, rename = "inner")]
        _inner: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "job_id")]
        _job: i64,
        #[serde(default, rename = "kind")]
        _kind: Kind,
    }

    #[derive(Debug, Default, serde::Deserialize)]
    enum Kind {
        #[default]
        Big,
    }

    fn field_of(body: &str) -> String {
        let error = parse::<Outer>(body.as_bytes()).unwrap_err();
        let field = error.fields().first().map(|e| e.field.clone());
        field.unwrap_or_else(|| error.to_string())
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        assert_eq!(field_of(r#"{"inner":[{"job_id":"x"}]}"#), "inner[0].job_id");
        assert_eq!(field_of(r#"{"inner":[{}]}"#), "inner[0].job_id");
        assert_eq!(
            field_of(r#"{"inner":[{"job_id":1,"jub":2}]}"#),
            "inner[0].jub"
        );
        assert_eq!(field_of(r#"{"iner":[]}"#), "iner");
        for kind in ["null", "1", "[\"a\"]"] {
            let field = field_of(&format!("{{\"inner\":[{{\"job_id\":1,\"kind\":{kind}}}]}}"));
            assert_eq!(field, "inner[0].kind", "{kind}");
        }
        assert!(field_of("{").contains("not valid JSON"));
        assert!(field_of("{} {}").contains("not valid JSON"));
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_said_to_be_none() {
        let error = parse::<Outer>(b"{\"inner\":\"\xff\"}").unwrap_err();
        assert!(error.to_string().contains("not valid UTF-8: byte 10"));
        assert!(matches!(error, Error::Malformed(_)));
    }

    #[test]
    fn a_query_of_other_bytes_is_no_utf_8() {
        assert!(is_utf8("name=%E6%97%A5&a=100%&b=%zz"));
        assert!(is_utf8("name=%EF%BF%BD"));
        assert!(!is_utf8("name=%ff"));
        assert!(!is_utf8("name=%E6%97"));
    }

    #[test]
    fn a_cursor_leads_from_page_to_page() {
        let page = List::new(vec![10, 20, 30], 2, |id| *id);
        assert_eq!(page.items, [10, 20]);
        let cursor: Cursor = page.next.unwrap().parse().map_err(|_e| ()).unwrap();
        assert_eq!(cursor.0, 20);
        assert!(List::new(vec![1, 2], 2, |id| *id).next.is_none());
        assert!("20".parse::<Cursor>().is_err());
    }

    proptest! {
        #[test]
        fn every_key_is_found_again_by_its_cursor(key in prop_oneof![any::<i64>(), -3..3_i64]) {
            let page = List::new(vec![key, key], 1, |key| *key);
            let cursor: Cursor = page.next.unwrap().parse().map_err(|_e| ()).unwrap();
            prop_assert_eq!(cursor.0, key);
        }

        #[test]
        fn what_is_percent_encoded_is_utf_8_or_not_as_it_was(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let query: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(is_utf8(&query), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
