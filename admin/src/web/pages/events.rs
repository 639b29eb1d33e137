//! The stream that tells an open page what has changed, so that it fetches itself anew.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;

use super::visit::Visit;
use crate::master::Notice;
use crate::web::error::{Error, Result};

/// How often a silent stream shows that it lives.
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(15);

/// `GET /events`: one `change` event per notice; its data is `run run:12 job:3`, `version job:3`,
/// `job job:3`, `group group:4`, `workers`, or `all` after a gap. Events have ids only so that a
/// browser that comes back sends the last one: what it missed is not kept, so it is told `all`.
pub(super) async fn stream(visit: Visit, request: HttpRequest) -> Result<HttpResponse> {
    let notices = visit.state.master.notices();
    let stop = visit.state.stop.clone();
    let came_back = request.headers().contains_key("last-event-id");
    let missed = came_back.then(|| Ok(event("all")));
    let events = stream::unfold((notices, stop), |(mut notices, stop)| async move {
        let event = tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(KEEP_ALIVE) => Bytes::from_static(b": \n\n"),
            notice = notices.recv() => match notice {
                Ok(notice) => event(&words(&notice)),
                Err(RecvError::Lagged(_)) => event("all"),
                Err(RecvError::Closed) => return None,
            },
        };
        Some((Ok::<_, Error>(event), (notices, stop)))
    });
    // The first bytes tell the browser at once that it is connected.
    let hello = stream::once(async { Ok(Bytes::from_static(b"retry: 2000\n\n")) });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(hello.chain(stream::iter(missed)).chain(events)))
}

fn event(data: &str) -> Bytes {
    Bytes::from(format!("id: 1\nevent: change\ndata: {data}\n\n"))
}

fn words(notice: &Notice) -> String {
    match notice {
        Notice::Run { run, job, .. } => format!("run run:{run} job:{job}"),
        Notice::Version { job, .. } => format!("version job:{job}"),
        Notice::Job { job } => format!("job job:{job}"),
        Notice::Group { group } => format!("group group:{group}"),
        Notice::Workers => "workers".to_owned(),
        Notice::Missed => "all".to_owned(),
    }
}
