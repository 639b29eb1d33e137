//! A run as it goes on: its log as it is written, and its end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use tokio::time::Instant;

use super::client::{Client, Refused};
use super::{End, block_on, table};

/// How long we try to reach an admin again.
const PATIENCE: Duration = Duration::from_secs(120);
/// A connection is used for so long: one that died without a word is noticed then.
const CONNECTION: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Patience {
    /// Give up waiting after so long, as 90s, 10m or 2h; the run goes on
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
}

/// `90s`, `10m`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no time; write one like 90s, 10m or 2h");
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_no_number| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * factor))
}

/// Waits for the end of a run, its log on stdout if asked for. Goes on where it was after the
/// connection broke.
pub(super) fn follow(
    client: &Client,
    run: i64,
    with_log: bool,
    patience: Patience,
) -> anyhow::Result<End> {
    let deadline = patience.timeout.map(|time| Instant::now() + time);
    // Whether the run is there at all is told at once.
    client.get(&format!("/runs/{run}"))?;
    let mut follower = Follower {
        client,
        run,
        with_log,
        deadline,
        offset: 0,
        heard: Instant::now(),
    };
    loop {
        match follower.once() {
            Ok(Some(end)) => return Ok(end),
            Ok(None) => {}
            // What the admin refuses it would refuse again.
            Err(error) if is_final(&error) || follower.heard.elapsed() > PATIENCE => {
                return Err(error);
            }
            Err(_) => {}
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            eprintln!("hera-admin: run {run} goes on; gave up waiting");
            return Ok(End::TimedOut);
        }
        block_on(async {
            tokio::time::sleep(PAUSE).await;
            Ok(())
        })?;
    }
}

fn is_final(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<Refused>();
    refused.is_some_and(|refused| refused.status != 503) || error.is::<Closed>()
}

/// Nobody reads what we print any more.
#[derive(Debug, thiserror::Error)]
#[error("the output was closed")]
struct Closed;

struct Follower<'a> {
    client: &'a Client,
    run: i64,
    with_log: bool,
    deadline: Option<Instant>,
    /// The next byte of the log.
    offset: u64,
    /// When the admin said something last.
    heard: Instant,
}

impl Follower<'_> {
    /// Follows one connection to its end; nothing if that was not the run's.
    fn once(&mut self) -> anyhow::Result<Option<End>> {
        let path = format!("/runs/{}/log/stream?offset={}", self.run, self.offset);
        let answer = self.client.open_for(&path, self.wait())?;
        let mut message = Message::default();
        for line in BufReader::new(answer.into_body().into_reader()).split(b'\n') {
            let line = line.context("the log broke off")?;
            self.heard = Instant::now();
            if let Some(message) = message.line(&String::from_utf8_lossy(&line))
                && let Some(end) = self.message(&message)?
            {
                return Ok(Some(end));
            }
            if self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
            {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// How long this connection is used.
    fn wait(&self) -> Duration {
        let left = self.deadline.map(|deadline| deadline - Instant::now());
        left.unwrap_or(CONNECTION)
            .min(CONNECTION)
            .max(Duration::from_millis(1))
    }

    fn message(&mut self, message: &Message) -> anyhow::Result<Option<End>> {
        match message.kind.as_str() {
            "log" if self.with_log => {
                let mut out = std::io::stdout();
                let written = out
                    .write_all(message.text.as_bytes())
                    .and_then(|()| out.flush());
                written.map_err(|_closed| Closed)?;
            }
            "gap" if self.with_log => eprintln!("hera-admin: a part of the log is not kept"),
            "end" => return Ok(Some(ended(self.run, &message.text)?)),
            _ => {}
        }
        if let Some(offset) = message.offset {
            self.offset = offset;
        }
        Ok(None)
    }
}

fn ended(run: i64, text: &str) -> anyhow::Result<End> {
    let end: Value = serde_json::from_str(text).unwrap_or_default();
    match table::cell(&end["status"]).as_str() {
        "success" => Ok(End::Done),
        "" => bail!("the admin did not say how run {run} ended"),
        status => {
            eprintln!("hera-admin: run {run} ended as {status}");
            Ok(End::NotSuccess)
        }
    }
}

/// A server-sent event, gathered line by line.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Message {
    kind: String,
    text: String,
    offset: Option<u64>,
    lines: usize,
}

impl Message {
    /// Takes a line; the event, if that was its last one.
    fn line(&mut self, line: &str) -> Option<Self> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return Some(std::mem::take(self));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.kind),
            "id" => self.offset = value.parse().ok(),
            "data" => {
                if self.lines > 0 {
                    self.text.push('\n');
                }
                self.text.push_str(value);
                self.lines += 1;
            }
            // Comments are signs of life.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_gathered_from_their_lines() {
        let mut message = Message::default();
        let lines = [
            ": alive",
            "id: 12",
            "event: log",
            "data: a",
            "data:",
            "data:  b",
        ];
        for line in lines {
            assert_eq!(message.line(line), None);
        }
        let whole = message.line("").unwrap();
        assert_eq!(
            (whole.kind.as_str(), whole.text.as_str()),
            ("log", "a\n\n b")
        );
        assert_eq!(whole.offset, Some(12));
        assert_eq!(message, Message::default());
    }

    #[test]
    fn a_timeout_has_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["", "90", "m", "-1s", "1d", "1名"] {
            assert!(duration(wrong).unwrap_err().contains("10m"), "{wrong}");
        }
    }
}
