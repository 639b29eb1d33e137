//! Which bytes of which log to send next: go-back-N inside one window for the whole session.
//!
//! Pure. A log may take at most half of what the window has left, so logs that the admin is slow to
//! store leave room for the others.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hera_domain::engine::RunRef;
use hera_proto::{LOG_CHUNK_BYTES, LOG_KEEP_BYTES, LOG_WINDOW_BYTES};
use tokio::time::Instant;

/// After this long without an answer the first unacknowledged chunk is sent again.
const RESEND: Duration = Duration::from_secs(5);
/// Room for less than this is not worth a message, unless it is all there is to send.
const SMALLEST: usize = 4 * 1024;

/// A part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: i64,
    pub(super) len: usize,
}

impl Piece {
    fn end(self) -> i64 {
        self.offset + i64::try_from(self.len).unwrap_or(i64::MAX)
    }
}

/// The unacknowledged pieces of all logs of a session.
#[derive(Debug, Default)]
pub(super) struct LogWindow {
    logs: BTreeMap<RunRef, Log>,
    in_flight: usize,
}

#[derive(Debug)]
struct Log {
    stored: i64,
    next: i64,
    in_flight: VecDeque<Piece>,
    /// One piece at a time, until the admin has confirmed where the log goes on.
    probing: bool,
    last_news: Instant,
    /// The admin wants every byte.
    whole: bool,
}

impl Log {
    fn in_flight(&self) -> usize {
        self.in_flight.iter().map(|piece| piece.len).sum()
    }

    fn go_back(&mut self, to: i64, now: Instant) {
        self.in_flight.clear();
        self.next = to;
        self.probing = true;
        self.last_news = now;
    }

    /// A log that is far behind leaves out what the admin would throw away.
    fn skip(&mut self, size: i64) {
        let behind = size - self.next;
        let head_is_stored = self.next >= LOG_KEEP_BYTES;
        if !self.whole && head_is_stored && behind > LOG_KEEP_BYTES && self.in_flight.is_empty() {
            self.next = size - LOG_KEEP_BYTES;
            self.probing = true;
        }
    }
}

impl LogWindow {
    /// The next piece of a log that is `size` bytes long, if one may be sent; it counts as sent.
    ///
    /// `stored` is what an earlier session knew to be stored.
    pub(super) fn take(
        &mut self,
        run: &RunRef,
        stored: i64,
        size: i64,
        now: Instant,
    ) -> Option<Piece> {
        let log = self.logs.entry(run.clone()).or_insert_with(|| Log {
            stored,
            next: stored,
            in_flight: VecDeque::new(),
            probing: true,
            last_news: now,
            whole: false,
        });
        if !log.in_flight.is_empty() && now.duration_since(log.last_news) >= RESEND {
            self.in_flight -= log.in_flight();
            log.go_back(log.stored, now);
        }
        log.skip(size);
        let taken = log.in_flight();
        if log.probing && taken > 0 {
            return None;
        }
        let waiting = usize::try_from(size - log.next).ok().filter(|n| *n > 0)?;
        let room = ((LOG_WINDOW_BYTES - self.in_flight) / 2).saturating_sub(taken);
        let len = waiting.min(LOG_CHUNK_BYTES).min(room);
        if len == 0 || len < waiting.min(SMALLEST) {
            return None;
        }
        let piece = Piece {
            offset: log.next,
            len,
        };
        if log.in_flight.is_empty() {
            log.last_news = now;
        }
        log.in_flight.push_back(piece);
        log.next = piece.end();
        self.in_flight += len;
        Some(piece)
    }

    /// The admin has stored `size` bytes of this log.
    pub(super) fn acknowledge(&mut self, run: &RunRef, size: i64, now: Instant) {
        let Some(log) = self.logs.get_mut(run) else {
            return;
        };
        let before = log.in_flight();
        if let Some(position) = log.in_flight.iter().position(|piece| piece.end() == size) {
            log.in_flight.drain(..=position);
            log.probing = false;
            log.last_news = now;
        } else if log.probing && size == log.stored {
            // It repeats itself, because of pieces that were on the way when we went back; or it
            // does not take the leap over the middle of a long log.
            if log
                .in_flight
                .front()
                .is_some_and(|piece| piece.offset > size)
            {
                log.whole = true;
                log.go_back(size, now);
            }
        } else {
            log.go_back(size, now);
        }
        log.stored = size;
        self.in_flight -= before - log.in_flight();
    }

    /// Nothing more of this log is to be sent.
    pub(super) fn retain(&mut self, known: impl Fn(&RunRef) -> bool) {
        self.logs.retain(|run, log| {
            let keep = known(run);
            if !keep {
                self.in_flight -= log.in_flight();
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hera_domain::id::RunId;

    const CHUNK: i64 = 64 * 1024;
    const MIB: i64 = 1024 * 1024;

    fn run(id: i64) -> RunRef {
        RunRef {
            run: RunId(id),
            nonce: "n".into(),
        }
    }

    fn offset(piece: Option<Piece>) -> Option<i64> {
        piece.map(|piece| piece.offset)
    }

    #[test]
    fn the_first_piece_asks_where_to_go_on() {
        let (mut window, now) = (LogWindow::default(), Instant::now());
        assert_eq!(offset(window.take(&run(1), 0, MIB, now)), Some(0));
        assert_eq!(window.take(&run(1), 0, MIB, now), None);
        // The admin had more already, from before a restart of this worker.
        window.acknowledge(&run(1), 300_000, now);
        assert_eq!(offset(window.take(&run(1), 0, MIB, now)), Some(300_000));
        window.acknowledge(&run(1), 300_000 + CHUNK, now);
        for n in 1..5 {
            let next = offset(window.take(&run(1), 0, MIB, now));
            assert_eq!(next, Some(300_000 + n * CHUNK));
        }
    }

    #[test]
    fn a_log_that_is_not_acknowledged_leaves_room_for_others() {
        let (mut window, now) = (LogWindow::default(), Instant::now());
        let mut total = 0;
        for id in 1..9 {
            let piece = window.take(&run(id), 0, MIB, now);
            total += piece.expect("there is room for every log").len;
            let end = piece.unwrap().end();
            window.acknowledge(&run(id), end, now);
            total -= piece.unwrap().len;
            while let Some(piece) = window.take(&run(id), 0, 8 * MIB, now) {
                total += piece.len;
            }
            assert!(total <= LOG_WINDOW_BYTES);
        }
    }

    #[test]
    fn a_rewind_is_followed_once_however_often_it_is_said() {
        let (mut window, now) = (LogWindow::default(), Instant::now());
        window.take(&run(1), 0, MIB, now);
        window.acknowledge(&run(1), CHUNK, now);
        for _ in 0..3 {
            window.take(&run(1), 0, MIB, now);
        }
        for _ in 0..3 {
            window.acknowledge(&run(1), 1000, now);
        }
        assert_eq!(offset(window.take(&run(1), 0, MIB, now)), Some(1000));
        window.acknowledge(&run(1), 1000, now);
        assert_eq!(window.take(&run(1), 0, MIB, now), None);
        window.acknowledge(&run(1), 1000 + CHUNK, now);
        let next = offset(window.take(&run(1), 0, MIB, now));
        assert_eq!(next, Some(1000 + CHUNK));
    }

    #[test]
    fn what_is_not_answered_is_sent_again() {
        let (mut window, now) = (LogWindow::default(), Instant::now());
        assert_eq!(offset(window.take(&run(1), 0, 10, now)), Some(0));
        assert_eq!(window.take(&run(1), 0, 10, now), None);
        let later = now + RESEND;
        assert_eq!(offset(window.take(&run(1), 0, 10, later)), Some(0));
    }

    #[test]
    fn a_long_log_leaves_out_its_middle_unless_the_admin_wants_it() {
        let (mut window, now) = (LogWindow::default(), Instant::now());
        let size = 100 * MIB;
        let leap = window.take(&run(1), LOG_KEEP_BYTES, size, now);
        assert_eq!(offset(leap), Some(size - LOG_KEEP_BYTES));
        window.acknowledge(&run(1), LOG_KEEP_BYTES, now);
        let back = window.take(&run(1), LOG_KEEP_BYTES, size, now);
        assert_eq!(offset(back), Some(LOG_KEEP_BYTES));
    }

    #[test]
    fn a_forgotten_log_gives_its_room_back() {
        let (mut window, now) = (LogWindow::default(), Instant::now());
        window.take(&run(1), 0, MIB, now);
        window.retain(|_| false);
        assert_eq!(window.in_flight, 0);
    }
}
