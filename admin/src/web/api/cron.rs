//! What a cron expression means: its next fires.

use actix_web::{HttpResponse, web};
use chrono_tz::Tz;
use hera_domain::cron::{CronExpr, CronKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::AppState;
use crate::web::error::{Error, Result};
use crate::web::extract::{Instant, MAX_LIMIT, Query, rfc3339};
use crate::web::i18n::Lang;

#[utoipa::path(
    get,
    path = "/hera/api/v1/cron/next",
    tag = "rendering",
    summary = "When an expression fires next",
    params(("expr" = String, Query, description = "the expression"), ("timezone" = Option<String>, Query, description = "the zone; the installation's if not given"), ("from" = Option<String>, Query, description = "fires after this instant; now if not given"), ("count" = Option<u16>, Query, description = "1 to 1000; 5 if not given")),
    responses((status = 200, description = "done", body = FiresJson)),
)]
pub(in crate::web) async fn next(
    state: web::Data<AppState>,
    mut query: Query,
) -> Result<HttpResponse> {
    let text = query.need::<String>("expr")?;
    let zone = query
        .take::<Tz>("timezone")?
        .unwrap_or(state.settings.timezone);
    let from = query
        .take::<Instant>("from")?
        .map_or_else(|| state.clock.now(), |at| at.0);
    let count = query.take::<usize>("count")?.unwrap_or(5);
    query.end()?;
    if count == 0 || count > MAX_LIMIT {
        return Err(Error::invalid(
            "count",
            format!("must be between 1 and {MAX_LIMIT}"),
        ));
    }
    let expr = CronExpr::parse(&text).map_err(|e| Error::invalid("expr", e.to_string()))?;
    // An expression may fire once in four years: looking for it is work for another thread.
    let kind = expr.kind();
    let words = expr.words();
    let words = Words {
        en: Lang::En.cron(&words),
        zh: Lang::Zh.cron(&words),
    };
    let fires = web::block(move || {
        expr.fires(zone, from)
            .take(count)
            .map(rfc3339)
            .collect::<Vec<_>>()
    })
    .await
    .map_err(|e| Error::Internal(e.into()))?;
    Ok(HttpResponse::Ok().json(FiresJson { fires, kind, words }))
}

/// When an expression fires next.
#[derive(Serialize, ToSchema)]
struct FiresJson {
    #[schema(value_type = Vec<String>, example = json!(["2026-11-20T19:00:00.000Z"]))]
    fires: Vec<String>,
    kind: CronKind,
    words: Words,
}

/// The expression as people say it.
#[derive(Serialize, ToSchema)]
struct Words {
    #[schema(example = "every day at 06:30")]
    en: String,
    #[schema(example = "每天 06:30")]
    zh: String,
}
