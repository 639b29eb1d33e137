//! Logs of runs: bytes by offset, and a live stream.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use hera_domain::id::RunId;

use super::runs;
use crate::store::{LogSlice, Store};
use crate::web::AppState;
use crate::web::error::{Error, Result};
use crate::web::extract::Query;
use crate::web::sse;

/// Read from the store at once.
const PIECE: usize = 256 * 1024;

/// The stored bytes from `offset` on, at most `limit` of them.
#[utoipa::path(
    get,
    path = "/hera/api/v1/runs/{id}/log",
    tag = "runs",
    summary = "The log by bytes; X-Log-Size, X-Log-Complete and X-Log-Gap say how much there is",
    params(("id" = RunId, Path, description = "the run"), ("offset" = Option<u64>, Query, description = "the first byte"), ("limit" = Option<u64>, Query, description = "at most so many bytes")),
    responses((status = 200, description = "done", body = String, content_type = "text/plain")),
)]
pub(in crate::web) async fn bytes(
    state: web::Data<AppState>,
    id: web::Path<RunId>,
    mut query: Query,
) -> Result<HttpResponse> {
    let offset = count(&mut query, "offset")?.unwrap_or(0);
    let limit = count(&mut query, "limit")?.unwrap_or(u64::MAX);
    query.end()?;
    let run = runs::find(&state, *id).await?.run.id;
    let first = state.store.read_log(run, offset, piece(limit)).await?;
    let gap = gap(&state.store, run, &first).await?;

    let mut response = HttpResponse::Ok();
    response
        .content_type("text/plain; charset=utf-8")
        .insert_header(("X-Log-Size", first.size.to_string()))
        .insert_header(("X-Log-Complete", first.complete.to_string()));
    if let Some(gap) = gap {
        response.insert_header(("X-Log-Gap", format!("{}-{}", gap.start, gap.end)));
    }
    let rest = Rest {
        store: state.store.clone(),
        run,
        end: first.size,
        left: limit,
        slice: Some(first),
    };
    Ok(response.streaming(stream::try_unfold(rest, Rest::next)))
}

/// A number of bytes; more than 63 bits are none.
fn count(query: &mut Query, name: &str) -> Result<Option<u64>> {
    let Some(number) = query.take::<i64>(name)? else {
        return Ok(None);
    };
    let count = u64::try_from(number);
    let count = count.map_err(|_e| Error::invalid(name, format!("{number} is less than 0")))?;
    Ok(Some(count))
}

/// What has been dropped of a log that grew too long, wherever the reader stands.
async fn gap(store: &Store, run: RunId, first: &LogSlice) -> Result<Option<std::ops::Range<u64>>> {
    let keep = u64::try_from(hera_proto::LOG_KEEP_BYTES).unwrap_or(u64::MAX);
    if first.size <= keep {
        return Ok(None);
    }
    Ok(store.read_log(run, keep, 1).await?.gap)
}

fn piece(left: u64) -> usize {
    usize::try_from(left).unwrap_or(PIECE).min(PIECE)
}

/// The part of a log that a response has still to send: read bit by bit, so that a slow reader
/// costs one piece of memory.
struct Rest {
    store: Store,
    run: RunId,
    /// The size of the log when the request came: what arrives later is another request's.
    end: u64,
    left: u64,
    slice: Option<LogSlice>,
}

impl Rest {
    async fn next(mut self) -> std::result::Result<Option<(Bytes, Self)>, Error> {
        let Some(slice) = self.slice.take() else {
            return Ok(None);
        };
        if slice.bytes.is_empty() {
            return Ok(None);
        }
        let next = slice.next();
        self.left = self.left.saturating_sub(slice.bytes.len() as u64);
        if next < self.end && self.left > 0 {
            let limit = piece(self.left.min(self.end - next));
            self.slice = Some(self.store.read_log(self.run, next, limit).await?);
        }
        Ok(Some((Bytes::from(slice.bytes), self)))
    }
}

/// The log as it grows, as server-sent events.
#[utoipa::path(
    get,
    path = "/hera/api/v1/runs/{id}/log/stream",
    tag = "runs",
    summary = "The log as it grows: server-sent events log, status, end; ids are offsets",
    params(("id" = RunId, Path, description = "the run"), ("offset" = Option<u64>, Query, description = "the first byte"), ("Last-Event-ID" = Option<String>, Header, description = "goes on from this offset")),
    responses((status = 200, description = "done", body = String, content_type = "text/event-stream")),
)]
pub(in crate::web) async fn stream(
    state: web::Data<AppState>,
    request: HttpRequest,
    id: web::Path<RunId>,
    mut query: Query,
) -> Result<HttpResponse> {
    let asked = count(&mut query, "offset")?.unwrap_or(0);
    query.end()?;
    let resumed = request
        .headers()
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    let run = runs::find(&state, *id).await?.run.id;
    let events = sse::follow_log(&state, run, resumed.unwrap_or(asked));
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Compression and proxies would hold events back.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events))
}
