//! Server-sent events: a run's log while it grows.
//!
//! ```text
//! id: 1234                 the offset to go on from (Last-Event-ID)
//! event: log               the text, one `data:` per line
//! event: gap               {"from":1234,"to":5678}: what is missing here of a log that grew too long
//! event: status            {"status":"running"}
//! event: end               {"status":"success","size":1234}; nothing follows
//! ```

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use hera_domain::id::RunId;
use hera_domain::status::RunStatus;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use super::AppState;
use super::error::Error;
use crate::logs::Chunk;
use crate::master::Notice;

/// Read from the store at once.
const PIECE: usize = 256 * 1024;
/// Events that a slow browser may be behind before we wait for it.
const AHEAD: usize = 4;
/// A comment now and then shows a dead connection to both sides; the store is looked at too, in
/// case a notice went missing.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often the store is looked at where chunks do not pass by: they go to the leading admin.
const LOOK: Duration = Duration::from_millis(500);

/// The log of a run from `offset` on, until the run has ended and everything is sent.
pub(super) fn follow_log(
    state: &AppState,
    run: RunId,
    offset: u64,
) -> impl Stream<Item = Result<Bytes, Error>> + use<> {
    let (events, stream) = mpsc::channel(AHEAD);
    let stop = state.stop.clone();
    // Subscribed before the store is read for the first time: nothing falls between.
    let follower = Follower {
        state: state.clone(),
        run,
        text: Text::from(offset),
        status: None,
        chunks: state.logs.subscribe(run),
        notices: state.master.notices(),
        events,
        quiet_since: Instant::now(),
    };
    tokio::spawn(async move {
        // Ended by the run, by the browser or by us: the stream just closes.
        stop.run_until_cancelled(follower.run()).await;
    });
    ReceiverStream::new(stream).map(Ok)
}

struct Follower {
    state: AppState,
    run: RunId,
    text: Text,
    /// As it was told.
    status: Option<RunStatus>,
    chunks: broadcast::Receiver<Chunk>,
    notices: broadcast::Receiver<Notice>,
    events: mpsc::Sender<Bytes>,
    /// When it was last shown that this side lives, if nothing else was sent.
    quiet_since: Instant,
}

/// The browser has gone.
struct Gone;

impl Follower {
    async fn run(mut self) {
        loop {
            match self.catch_up().await {
                Ok(Some(end)) => {
                    drop(self.events.send(end).await);
                    return;
                }
                Ok(None) => {}
                Err(Gone) => return,
            }
            if self.follow().await.is_err() {
                return;
            }
        }
    }

    /// Sends what is stored; with the run's end, the last event.
    async fn catch_up(&mut self) -> Result<Option<Bytes>, Gone> {
        // The status first: a log read after the run was final is the whole log.
        let status = match self.state.store.run(self.run).await {
            Ok(Some(view)) => view.run.status,
            Ok(None) => return Err(Gone),
            Err(error) => return self.unreadable(&error),
        };
        loop {
            let offset = self.text.offset;
            let slice = match self.state.store.read_log(self.run, offset, PIECE).await {
                Ok(slice) => slice,
                Err(error) => return self.unreadable(&error),
            };
            if slice.bytes.is_empty() {
                self.tell(status).await?;
                if !(status.is_final() && slice.complete) {
                    return Ok(None);
                }
                let rest = self.text.finish();
                self.send(rest).await?;
                let end = json!({ "status": status, "size": slice.size });
                return Ok(Some(self.event("end", &end.to_string())));
            }
            if slice.start > offset {
                self.tell_gap(offset, slice.start).await?;
            }
            let event = self.text.add(slice.start, &slice.bytes);
            self.send(event).await?;
        }
    }

    /// Sends what is published until something happened that only the store knows.
    async fn follow(&mut self) -> Result<(), Gone> {
        loop {
            tokio::select! {
                chunk = self.chunks.recv() => match chunk {
                    Ok(chunk) => {
                        if chunk.offset > self.text.offset {
                            return Ok(());
                        }
                        let known = self.text.offset - chunk.offset;
                        let known = usize::try_from(known).unwrap_or(usize::MAX);
                        if let Some(new) = chunk.data.get(known..).filter(|new| !new.is_empty()) {
                            let event = self.text.add(self.text.offset, new);
                            self.send(event).await?;
                        }
                    }
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return Ok(()),
                },
                notice = self.notices.recv() => match notice {
                    Ok(Notice::Run { run, .. }) if run == self.run => return Ok(()),
                    Ok(_other) => {}
                    Err(RecvError::Lagged(_)) => return Ok(()),
                    Err(RecvError::Closed) => return Err(Gone),
                },
                () = self.events.closed() => return Err(Gone),
                () = tokio::time::sleep(LOOK), if !self.state.master.leader().is_self => {
                    if self.quiet_since.elapsed() >= KEEP_ALIVE {
                        self.show_life().await?;
                    }
                    return Ok(());
                }
                () = tokio::time::sleep(KEEP_ALIVE) => return self.show_life().await,
            }
        }
    }

    async fn show_life(&mut self) -> Result<(), Gone> {
        self.quiet_since = Instant::now();
        let comment = Bytes::from_static(b": \n\n");
        self.events.send(comment).await.map_err(|_gone| Gone)
    }

    /// The browser connects again by itself, with its offset: better than an open, silent stream.
    fn unreadable<T>(&self, error: &crate::store::StoreError) -> Result<T, Gone> {
        tracing::warn!(
            run.id = self.run.0,
            "the log cannot be read for a viewer: {error}"
        );
        Err(Gone)
    }

    async fn tell(&mut self, status: RunStatus) -> Result<(), Gone> {
        if self.status.replace(status) == Some(status) {
            return Ok(());
        }
        let event = self.event("status", &json!({ "status": status }).to_string());
        self.events.send(event).await.map_err(|_gone| Gone)
    }

    /// What was read so far ends here; the log goes on at `to`.
    async fn tell_gap(&mut self, from: u64, to: u64) -> Result<(), Gone> {
        let rest = self.text.finish();
        self.send(rest).await?;
        self.text.offset = to;
        let event = self.event("gap", &json!({ "from": from, "to": to }).to_string());
        self.events.send(event).await.map_err(|_gone| Gone)
    }

    async fn send(&self, text: String) -> Result<(), Gone> {
        if text.is_empty() {
            return Ok(());
        }
        let event = self.event("log", &text);
        self.events.send(event).await.map_err(|_gone| Gone)
    }

    fn event(&self, kind: &str, text: &str) -> Bytes {
        Bytes::from(event(self.text.sent(), kind, text))
    }
}

/// One event. A lone carriage return ends a line in this format as well, so it becomes one.
fn event(id: u64, kind: &str, text: &str) -> String {
    let mut event = format!("id: {id}\nevent: {kind}\n");
    for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event
}

/// Bytes into text: a character that is cut by the end of a piece waits for its rest.
struct Text {
    /// The offset of the next byte to read.
    offset: u64,
    /// The beginning of a character.
    cut: Vec<u8>,
}

impl Text {
    fn from(offset: u64) -> Self {
        Self {
            offset,
            cut: Vec::new(),
        }
    }

    /// The offset up to which text was given out.
    fn sent(&self) -> u64 {
        self.offset - self.cut.len() as u64
    }

    /// The text of bytes that begin at `start` (further on than expected after a gap).
    fn add(&mut self, start: u64, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.cut);
        all.extend_from_slice(bytes);
        self.offset = start + bytes.len() as u64;
        let whole = all.len() - cut_at_end(&all);
        self.cut = all.split_off(whole);
        String::from_utf8_lossy(&all).into_owned()
    }

    /// What is left when nothing follows.
    fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.cut)).into_owned()
    }
}

/// How many bytes at the end begin a character that needs more, or a line end: of a carriage
/// return it must be known whether a line feed follows.
fn cut_at_end(bytes: &[u8]) -> usize {
    if bytes.ends_with(b"\r") {
        return 1;
    }
    (1..=bytes.len().min(3))
        .find(|back| bytes[bytes.len() - back] & 0b1100_0000 == 0b1100_0000)
        .filter(|back| {
            let needed = match bytes[bytes.len() - back] {
                0xf0.. => 4,
                0xe0.. => 3,
                _ => 2,
            };
            needed > *back
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_character_cut_in_two_arrives_whole_and_the_id_stays_before_it() {
        let mut text = Text::from(10);
        let bytes = "日志".as_bytes();
        assert_eq!(text.add(10, &bytes[..4]), "日");
        assert_eq!(text.sent(), 13);
        assert_eq!(text.add(14, &bytes[4..]), "志");
        assert_eq!(text.sent(), 16);
        assert_eq!(text.add(16, b"\xe6"), "");
        assert_eq!(text.finish(), "\u{fffd}");
    }

    #[test]
    fn bytes_that_are_no_text_do_not_wait_for_ever() {
        let mut text = Text::from(0);
        assert_eq!(text.add(0, b"a\x80\x80\x80"), "a\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(text.sent(), 4);
    }

    /// What a browser makes of an event: its id and its text.
    fn read(event: &str) -> (u64, String) {
        let lines: Vec<_> = event.lines().collect();
        let id = lines[0].strip_prefix("id: ").unwrap().parse().unwrap();
        let data = lines.iter().filter_map(|line| line.strip_prefix("data: "));
        (id, data.collect::<Vec<_>>().join("\n"))
    }

    proptest! {
        #[test]
        fn however_a_log_is_cut_and_wherever_the_reader_comes_back_nothing_is_lost_or_doubled(
            log in "[a日志\r\n]{0,40}",
            pieces in proptest::collection::vec((1usize..7, any::<bool>()), 1..60),
        ) {
            let bytes = log.as_bytes();
            let mut text = Text::from(0);
            let mut seen = String::new();
            for (length, comes_back) in pieces.into_iter().chain([(log.len().max(1), false)]) {
                let start = usize::try_from(text.offset).unwrap();
                let end = (start + length).min(bytes.len());
                let piece = text.add(start as u64, &bytes[start..end]);
                if !piece.is_empty() {
                    let (id, data) = read(&event(text.sent(), "log", &piece));
                    seen.push_str(&data);
                    if comes_back {
                        text = Text::from(id);
                    }
                }
            }
            seen.push_str(&text.finish().replace('\r', "\n"));
            prop_assert_eq!(seen, log.replace("\r\n", "\n").replace('\r', "\n"));
        }
    }

    #[test]
    fn every_kind_of_line_end_stays_inside_its_event() {
        assert_eq!(
            event(7, "log", "a\nb\r\nc\rd"),
            "id: 7\nevent: log\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
        );
    }
}
