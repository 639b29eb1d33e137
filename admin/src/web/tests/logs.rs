//! A run's log: by offset, and live.

use bytes::Bytes;
use futures_util::StreamExt as _;

use super::*;
use crate::store::{LogAppend, LogTail};

async fn append(app: &App, offset: u64, text: &'static str) {
    let data = Bytes::from_static(text.as_bytes());
    let piece = LogAppend {
        run: RunId(1),
        offset,
        data: data.clone(),
    };
    app.db.store.append_logs(vec![piece]).await.unwrap();
    app.state.logs.published(RunId(1), offset, data);
}

#[actix_web::test]
async fn a_log_is_read_by_offset_and_says_how_much_there_is() {
    let app = App::start().await;
    let token = app.token(Role::Viewer).await;
    app.write_run(1, None, RunStatus::Running);
    append(&app, 0, "one\ntwo\n").await;
    let all = app.get(&token, "/hera/api/v1/runs/1/log").await;
    assert_eq!(all.text(), "one\ntwo\n");
    assert_eq!(all.header("x-log-size"), "8");
    assert_eq!(all.header("x-log-complete"), "false");
    let part = app
        .get(&token, "/hera/api/v1/runs/1/log?offset=4&limit=3")
        .await;
    assert_eq!(part.text(), "two");
    let past = app.get(&token, "/hera/api/v1/runs/1/log?offset=100").await;
    assert_eq!((past.status, past.text()), (StatusCode::OK, String::new()));
    assert_eq!(
        app.get(&token, "/hera/api/v1/runs/2/log").await.status,
        StatusCode::NOT_FOUND
    );
}

/// The events of a stream as they come.
struct Events {
    stream: std::pin::Pin<
        Box<dyn futures_util::Stream<Item = Result<Bytes, crate::web::error::Error>>>,
    >,
}

impl Events {
    fn of(app: &App, offset: u64) -> Self {
        let stream = crate::web::sse::follow_log(&app.state, RunId(1), offset);
        Self {
            stream: Box::pin(stream),
        }
    }

    async fn next(&mut self) -> String {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), self.stream.next());
        let bytes = next
            .await
            .expect("an event comes")
            .expect("the stream goes on")
            .unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

#[actix_web::test]
async fn a_live_log_is_followed_to_the_end_of_its_run() {
    let app = App::start().await;
    let mut leader = Leader::of(&app.db);
    leader.write(1, None, RunStatus::Running, Vec::new());
    append(&app, 0, "one\n").await;

    let mut events = Events::of(&app, 0);
    assert_eq!(
        events.next().await,
        "id: 4\nevent: log\ndata: one\ndata: \n\n"
    );
    assert_eq!(
        events.next().await,
        "id: 4\nevent: status\ndata: {\"status\":\"running\"}\n\n"
    );
    append(&app, 4, "two\n").await;
    assert_eq!(
        events.next().await,
        "id: 8\nevent: log\ndata: two\ndata: \n\n"
    );

    // The end of the log comes with the end of the run.
    let tail = LogTail {
        run: RunId(1),
        offset: 4,
        data: Bytes::from_static(b"two\nthree\n"),
    };
    leader.write(1, Some(RunStatus::Running), RunStatus::Success, vec![tail]);
    let notice = Notice::Run {
        run: RunId(1),
        job: JobId(1),
        status: RunStatus::Success,
    };
    app.notices.send(notice).unwrap();
    assert_eq!(
        events.next().await,
        "id: 14\nevent: log\ndata: three\ndata: \n\n"
    );
    assert_eq!(
        events.next().await,
        "id: 14\nevent: status\ndata: {\"status\":\"success\"}\n\n"
    );
    assert_eq!(
        events.next().await,
        "id: 14\nevent: end\ndata: {\"size\":14,\"status\":\"success\"}\n\n"
    );
    assert!(events.stream.next().await.is_none());
}

#[actix_web::test]
async fn a_stream_resumes_where_the_browser_left_it() {
    let app = App::start().await;
    let token = app.token(Role::Viewer).await;
    {
        let mut leader = Leader::of(&app.db);
        leader.write(1, None, RunStatus::Running, Vec::new());
        append(&app, 0, "one\ntwo\n").await;
        let tail = LogTail {
            run: RunId(1),
            offset: 8,
            data: Bytes::new(),
        };
        leader.write(1, Some(RunStatus::Running), RunStatus::Failed, vec![tail]);
    }
    let stream = request(Method::GET, "/hera/api/v1/runs/1/log/stream")
        .insert_header(bearer(&token))
        .insert_header(("last-event-id", "4"));
    let reply = app.send(stream).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let text = reply.text();
    assert!(text.starts_with("id: 8\nevent: log\ndata: two\n"), "{text}");
    assert!(
        text.contains("event: end\ndata: {\"size\":8,\"status\":\"failed\"}"),
        "{text}"
    );
}

/// Ids and texts of the events of a kind.
fn events(stream: &str, kind: &str) -> Vec<(String, String)> {
    let of_kind = format!("event: {kind}");
    let events = stream.split("\n\n");
    events
        .filter(|event| event.lines().any(|line| line == of_kind))
        .map(|event| {
            let field = |name: &str| {
                let lines = event.lines().filter_map(|line| line.strip_prefix(name));
                lines.collect::<Vec<_>>().join("\n")
            };
            (field("id: "), field("data: "))
        })
        .collect()
}

#[actix_web::test]
async fn wherever_a_stream_is_cut_the_rest_follows_without_loss_or_repetition() {
    let app = App::start().await;
    let token = app.token(Role::Viewer).await;
    // Longer than what is read at once, and cut within characters.
    let log = "日志 and a line\n".repeat(40_000);
    {
        let mut leader = Leader::of(&app.db);
        leader.write(1, None, RunStatus::Running, Vec::new());
        let data = Bytes::from(log.clone());
        let run = RunId(1);
        let piece = LogAppend {
            run,
            offset: 0,
            data,
        };
        app.db.store.append_logs(vec![piece]).await.unwrap();
        let tail = LogTail {
            run,
            offset: log.len() as u64,
            data: Bytes::new(),
        };
        leader.write(1, Some(RunStatus::Running), RunStatus::Success, vec![tail]);
    }
    let stream = async |last: Option<&str>| {
        let mut stream = request(Method::GET, "/hera/api/v1/runs/1/log/stream");
        stream = stream.insert_header(bearer(&token));
        if let Some(last) = last {
            stream = stream.insert_header(("last-event-id", last.to_owned()));
        }
        app.send(stream).await.text()
    };
    let whole = events(&stream(None).await, "log");
    assert!(whole.len() > 2, "{} events", whole.len());
    let mut seen = String::new();
    for (id, text) in &whole {
        seen.push_str(text);
        let rest = events(&stream(Some(id)).await, "log");
        let rest: String = rest.iter().map(|(_, text)| text.as_str()).collect();
        assert!(format!("{seen}{rest}") == log, "resumed at {id}");
    }
    assert!(seen == log);
    let (last, _) = whole.last().unwrap();
    let after = stream(Some(last)).await;
    assert_eq!(events(&after, "log"), [], "nothing is sent again");
    assert_eq!(events(&after, "end").len(), 1, "and the end is told");
}

#[actix_web::test]
async fn a_page_that_comes_back_is_told_that_it_may_have_missed_something() {
    let app = App::start().await;
    let token = app.token(Role::Viewer).await;
    let follow = async |came_back: bool| {
        let mut stream = request(Method::GET, "/hera/events").insert_header(bearer(&token));
        if came_back {
            stream = stream.insert_header(("last-event-id", "1"));
        }
        // The stream ends when the server stops, so it can be read whole.
        let ended = app.state.stop.child_token();
        let state = crate::web::AppState {
            stop: ended.clone(),
            ..app.state.clone()
        };
        ended.cancel();
        let service = actix_web::test::init_service(crate::web::app(state)).await;
        let stream = stream.peer_addr("127.0.0.1:40000".parse().unwrap());
        let response = actix_web::test::call_service(&service, stream.to_request()).await;
        let body = actix_web::body::to_bytes(response.into_body()).await;
        String::from_utf8(body.unwrap().to_vec()).unwrap()
    };
    assert_eq!(follow(false).await, "retry: 2000\n\n");
    assert_eq!(
        follow(true).await,
        "retry: 2000\n\nid: 1\nevent: change\ndata: all\n\n"
    );
}

#[actix_web::test]
async fn a_gap_is_told_where_it_is() {
    let app = App::start().await;
    let mut leader = Leader::of(&app.db);
    leader.write(1, None, RunStatus::Running, Vec::new());
    append(&app, 0, "one\n").await;
    let tail = LogTail {
        run: RunId(1),
        offset: 100,
        data: Bytes::from_static(b"end\n"),
    };
    leader.write(1, Some(RunStatus::Running), RunStatus::Success, vec![tail]);

    let mut events = Events::of(&app, 0);
    assert_eq!(
        events.next().await,
        "id: 4\nevent: log\ndata: one\ndata: \n\n"
    );
    assert_eq!(
        events.next().await,
        "id: 100\nevent: gap\ndata: {\"from\":4,\"to\":100}\n\n"
    );
    assert_eq!(
        events.next().await,
        "id: 104\nevent: log\ndata: end\ndata: \n\n"
    );

    let token = app.token(Role::Viewer).await;
    let file = app.get(&token, "/hera/runs/1/log.txt").await;
    assert!(file.text().starts_with("one\n\n⋯ 96 B "), "{}", file.text());
    assert!(file.text().ends_with("⋯\nend\n"), "{}", file.text());
}

#[actix_web::test]
async fn a_viewer_who_leaves_is_forgotten() {
    let app = App::start().await;
    app.write_run(1, None, RunStatus::Running);
    append(&app, 0, "one\n").await;
    let mut events = Events::of(&app, 0);
    events.next().await;
    assert!(app.state.logs.is_watched(RunId(1)));
    drop(events);
    let gone = async {
        while app.state.logs.is_watched(RunId(1)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone)
        .await
        .unwrap();
}
