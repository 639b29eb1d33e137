//! Static files, embedded in the binary. Their addresses carry a piece of their content's hash,
//! so browsers may keep them for ever and a new release is seen at once.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../static/dist"]
struct Dist;

/// The addresses of the bundles, for the templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetUrls {
    pub css: String,
    pub app: String,
    pub log: String,
    pub editor: String,
}

impl AssetUrls {
    /// The addresses below the context path (`/hera`).
    pub fn new(base: &str) -> Self {
        let url = |name: &str| format!("{base}/static/{name}?v={}", version(name));
        Self {
            css: url("app.css"),
            app: url("app.js"),
            log: url("log.js"),
            editor: url("editor.js"),
        }
    }
}

/// `GET {base}/static/{path}`.
pub async fn asset(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let Some(file) = Dist::get(&path) else {
        return HttpResponse::NotFound().finish();
    };
    let tag = format!("\"{}\"", hash(&file));
    let fresh = request.headers().get(IF_NONE_MATCH);
    if fresh.is_some_and(|seen| seen.as_bytes() == tag.as_bytes()) {
        return HttpResponse::NotModified().finish();
    }
    // Fonts carry the hash in their name; the rest is asked for with a version.
    let lasting = request.query_string().starts_with("v=") || path.starts_with("fonts/");
    let caching = if lasting {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type(&path)))
        .insert_header((CACHE_CONTROL, caching))
        .insert_header((ETAG, tag))
        .body(file.data.into_owned())
}

fn version(name: &str) -> String {
    Dist::get(name).map_or_else(String::new, |file| hash(&file))
}

fn hash(file: &EmbeddedFile) -> String {
    let digest = file.metadata.sha256_hash();
    digest.iter().take(6).map(|b| format!("{b:02x}")).collect()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, http::StatusCode};

    #[actix_web::test]
    async fn a_versioned_file_is_kept_for_ever_and_a_known_one_is_not_sent_again() {
        let app = App::new().route("/hera/static/{path:.*}", web::get().to(asset));
        let app = init_service(app).await;
        let url = AssetUrls::new("/hera").css;
        let response = call_service(&app, TestRequest::get().uri(&url).to_request()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let header = |name| response.headers().get(name).unwrap().clone();
        assert_eq!(header(CACHE_CONTROL), "public, max-age=31536000, immutable");
        assert_eq!(header(CONTENT_TYPE), "text/css; charset=utf-8");
        let tag = header(ETAG);
        assert!(!read_body(response).await.is_empty());

        let again = TestRequest::get()
            .uri(&url)
            .insert_header((IF_NONE_MATCH, tag));
        let response = call_service(&app, again.to_request()).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);

        let absent = TestRequest::get().uri("/hera/static/../Cargo.toml");
        let response = call_service(&app, absent.to_request()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
