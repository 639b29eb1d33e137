//! The stream of a run's log, as a browser reads it.

use std::io::{BufRead as _, BufReader};

use anyhow::Context as _;

/// One message of a stream of server-sent events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: Option<String>,
    pub event: String,
    pub data: String,
}

/// An open stream.
pub struct Stream {
    lines: BufReader<ureq::BodyReader<'static>>,
}

impl Stream {
    pub(crate) fn new(body: ureq::Body) -> Self {
        Self {
            lines: BufReader::new(body.into_reader()),
        }
    }

    /// The next message; `None` when the server has ended the stream.
    ///
    /// # Errors
    /// When the connection breaks or is silent for too long.
    pub fn next_message(&mut self) -> anyhow::Result<Option<Message>> {
        let mut id = None;
        let mut event = "message".to_owned();
        let mut data: Vec<String> = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            if self
                .lines
                .read_line(&mut line)
                .context("the stream broke")?
                == 0
            {
                return Ok(None);
            }
            let text = line.trim_end_matches(['\n', '\r']);
            if text.is_empty() {
                if data.is_empty() && id.is_none() && event == "message" {
                    continue;
                }
                let data = data.join("\n");
                return Ok(Some(Message { id, event, data }));
            }
            let (field, value) = text.split_once(':').unwrap_or((text, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "id" => id = Some(value),
                "event" => event = value,
                "data" => data.push(value),
                // A comment keeps the connection alive.
                _ => {}
            }
        }
    }
}
