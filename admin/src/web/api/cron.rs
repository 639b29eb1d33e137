//! What a cron expression means: its next fires.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use chrono_tz::Tz;
use hera_domain::calendar::{CalendarContent, CalendarDef, DayRule, DayVerdict};
use hera_domain::clock::Timestamp;
use hera_domain::cron::{CronExpr, CronKind};
use hera_domain::zone::local_date;
use serde::Serialize;
use utoipa::ToSchema;

use crate::master::Definitions;
use crate::web::AppState;
use crate::web::error::{Error, Result};
use crate::web::extract::{Instant, MAX_LIMIT, Query, opt_time, rfc3339, time};
use crate::web::i18n::Lang;

#[utoipa::path(
    get,
    path = "/hera/api/v1/cron/next",
    tag = "rendering",
    summary = "When an expression fires next",
    params(("expr" = String, Query, description = "the expression"), ("calendar" = Option<String>, Query, description = "the name of a calendar"), ("rule" = Option<DayRule>, Query, description = "what it does to the fires"), ("timezone" = Option<String>, Query, description = "the zone; the installation's if not given"), ("from" = Option<String>, Query, description = "fires after this instant; now if not given"), ("count" = Option<u16>, Query, description = "1 to 1000; 5 if not given")),
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
    let rule = (query.take("calendar")?, query.take("rule")?);
    query.end()?;
    let calendar = calendar(&state.master.definitions(), rule)?;
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
    let words = Words::of(|lang| lang.cron(&words));
    let (fires, changed) = web::block(move || {
        let fires: Vec<_> = expr.fires(zone, from).take(count).collect();
        let changed = calendar.map(|(calendar, rule)| {
            let changed = fires
                .iter()
                .filter_map(|at| ChangedJson::of(&calendar.content, rule, zone, *at));
            changed.collect()
        });
        (fires, changed)
    })
    .await
    .map_err(|e| Error::Internal(e.into()))?;
    Ok(HttpResponse::Ok().json(FiresJson {
        fires: fires.into_iter().map(rfc3339).collect(),
        kind,
        words,
        changed,
    }))
}

/// The calendar and what it does, if they are asked for: both or neither.
fn calendar(
    definitions: &Definitions,
    asked: (Option<String>, Option<DayRule>),
) -> Result<Option<(Arc<CalendarDef>, DayRule)>> {
    match asked {
        (None, None) => Ok(None),
        (Some(name), Some(rule)) => match definitions.calendar_named(&name) {
            Some(calendar) => Ok(Some((Arc::clone(calendar), rule))),
            None => {
                let message = format!("there is no calendar \"{}\"", name.escape_debug());
                Err(Error::invalid("calendar", message))
            }
        },
        (Some(_), None) => Err(Error::invalid(
            "rule",
            "is missing: say what the calendar does",
        )),
        (None, Some(_)) => Err(Error::invalid(
            "calendar",
            "is missing: say which one the rule is for",
        )),
    }
}

/// When an expression fires next.
#[derive(Serialize, ToSchema)]
struct FiresJson {
    #[schema(value_type = Vec<String>, example = json!(["2026-11-20T19:00:00.000Z"]))]
    fires: Vec<String>,
    kind: CronKind,
    words: Words,
    /// The fires that the calendar changes; only with a calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Vec<ChangedJson>>,
}

/// A fire that is not due as planned, and why.
#[derive(Serialize, ToSchema)]
struct ChangedJson {
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    fire: Timestamp,
    /// When it is due instead; none if it is skipped.
    #[serde(serialize_with = "opt_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due_at: Option<Timestamp>,
    words: Words,
}

impl ChangedJson {
    fn of(calendar: &CalendarContent, rule: DayRule, zone: Tz, fire: Timestamp) -> Option<Self> {
        let day = local_date(zone, fire);
        let verdict = calendar.judge(rule, day);
        let due_at = match verdict {
            DayVerdict::AsPlanned => return None,
            DayVerdict::Skipped => None,
            DayVerdict::Moved(_) | DayVerdict::NowhereToGo => {
                Some(calendar.due_at(rule, zone, fire))
            }
        };
        let note = calendar.note(day);
        let words = Words::of(|lang| lang.day_verdict(verdict, note).unwrap_or_default());
        Some(Self {
            fire,
            due_at,
            words,
        })
    }
}

/// Something as people say it.
#[derive(Serialize, ToSchema)]
struct Words {
    #[schema(example = "every day at 06:30")]
    en: String,
    #[schema(example = "每天 06:30")]
    zh: String,
}

impl Words {
    fn of(say: impl Fn(Lang) -> String) -> Self {
        Self {
            en: say(Lang::En),
            zh: say(Lang::Zh),
        }
    }
}
