//! For machines that watch: is it alive, can it be used, how is it doing?

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::AppState;
use crate::store::SchemaStatus;

/// The process answers; nothing else is asked.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

/// Whether requests can be served: the database answers with the schema of this build, and
/// somebody leads and takes commands, this process or another: one that hangs leads nobody.
pub(super) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let database = match state.store.schema_status().await {
        Ok(SchemaStatus::Current) => Ok(()),
        Ok(SchemaStatus::Empty) => Err("it has no schema yet".to_owned()),
        Ok(SchemaStatus::Behind(missing)) => {
            Err(format!("its schema lacks {}", missing.join(", ")))
        }
        Ok(SchemaStatus::Newer(unknown)) => {
            Err(format!("its schema is newer: {}", unknown.join(", ")))
        }
        Err(error) => Err(error.to_string()),
    };
    let leader = state.master.leader();
    let known = leader.is_self || leader.leader.is_some();
    let leads = known && state.master.takes_commands().await;
    let body = json!({
        "ready": database.is_ok() && leads,
        "database": database.as_ref().err().map_or("ok", String::as_str),
        "leader": leader.leader.as_ref().map(|at| &at.name),
        "leading": leader.is_self && leads,
    });
    if database.is_ok() && leads {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header(("retry-after", "1"))
            .json(body)
    }
}

/// Prometheus' page.
pub(super) async fn metrics(state: web::Data<AppState>) -> HttpResponse {
    let connected = state
        .master
        .workers()
        .iter()
        .filter(|worker| worker.connected)
        .count();
    let page = state
        .metrics
        .render(connected, state.master.leader().epoch.0);
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(page)
}
