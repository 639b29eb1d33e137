//! `download[hdfs:///path name]`: a file that a script wants beside it before it starts.

use std::ops::Range;

use super::text::Text;
use super::{Position, RenderError};

const OPENING: &str = "download[";
/// Where files can come from: HDFS, or the resource centre.
const SCHEMES: [&str; 2] = ["hdfs://", "res://"];
const NAME_BYTES: usize = 255;
/// What stands in the brackets is no longer, its variables not filled in.
const INNER_BYTES: usize = 1024;
/// Files of one script at most.
const MAX_DOWNLOADS: usize = 100;

/// A file that is put into the run's work folder before its script starts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Download {
    /// Where it comes from: `hdfs://…` or `res://…`.
    pub uri: String,
    /// What it is called in the work folder: the address's last part unless the script says.
    pub name: String,
    /// Where the script names it.
    pub position: Position,
}

/// What may be a download, by its bytes in the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// With the `;` that follows, which the shell would stumble over when it stands alone.
    pub(super) whole: Range<usize>,
    pub(super) inner: Range<usize>,
}

impl Candidate {
    /// Whether it is a download whatever its variables say.
    pub(super) fn is_literal(&self, script: &str) -> bool {
        let inner = script.get(self.inner.clone()).unwrap_or_default();
        names_a_source(inner.trim_start())
    }
}

/// The next download at or after `from`: `download[` before an address or a variable, closed on
/// its line. `download[0]=x` stays an array of the shell.
///
/// # Errors
/// Names an address after which nothing is closed.
pub(super) fn next(script: &str, mut from: usize) -> Result<Option<Candidate>, RenderError> {
    while let Some(start) = script.get(from..).and_then(|rest| rest.find(OPENING)) {
        let start = from + start;
        let inner = start + OPENING.len();
        from = inner;
        let word_before = script
            .get(..start)
            .and_then(|before| before.chars().next_back())
            .is_some_and(|c| c.is_alphanumeric() || c == '_');
        let rest = script.get(inner..).unwrap_or_default();
        let address = rest.trim_start_matches([' ', '\t']);
        if word_before || !(names_a_source(address) || address.starts_with("${")) {
            continue;
        }
        match closing(script, inner) {
            Some(end) => {
                return Ok(Some(Candidate {
                    whole: start..end + 1 + semicolon(script.get(end + 1..).unwrap_or_default()),
                    inner: inner..end,
                }));
            }
            None if names_a_source(address) => {
                let message = download_error("it is not closed; add \"]\"");
                return Err(RenderError::at(script, start, &message));
            }
            None => {}
        }
    }
    Ok(None)
}

fn names_a_source(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.starts_with(scheme))
}

/// The `]` of its line that stands in no variable. It is looked for near by only, for a script may
/// hold a hundred thousand brackets that nothing closes.
fn closing(script: &str, from: usize) -> Option<usize> {
    let near = script.floor_char_boundary(from + INNER_BYTES);
    let mut in_variable = false;
    let mut before = ' ';
    for (at, c) in script.get(from..near)?.char_indices() {
        match c {
            '\n' => return None,
            ']' if !in_variable => return Some(from + at),
            '}' => in_variable = false,
            '{' if before == '$' => in_variable = true,
            _ => {}
        }
        before = c;
    }
    None
}

/// How many bytes of what follows go with a download.
fn semicolon(rest: &str) -> usize {
    let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    match rest.get(spaces..) {
        Some(rest) if rest.starts_with(';') => spaces + 1,
        Some(_) | None => 0,
    }
}

/// Reads what stands in the brackets, its variables filled in; nothing if it names no source of
/// files and so is meant for the shell.
pub(super) fn read(inner: &str) -> Option<Result<(String, String), String>> {
    let inner = inner.trim();
    names_a_source(inner).then(|| {
        let words: Vec<&str> = inner.split_whitespace().collect();
        let (uri, name) = match words.as_slice() {
            [uri] => (*uri, last_part(uri)?),
            [uri, name] => {
                last_part(uri)?;
                (*uri, *name)
            }
            more => {
                let count = more.len();
                return Err(format!(
                    "it holds {count} words; write an address and, if you like, a name"
                ));
            }
        };
        let plain = !name.contains(['/', '\\']) && !name.contains(char::is_control);
        if !plain || matches!(name, "." | "..") || name.len() > NAME_BYTES {
            let name = name.escape_debug();
            return Err(format!("\"{name}\" is no name of a file"));
        }
        Ok((uri.to_owned(), name.to_owned()))
    })
}

/// The name of the file that an address ends with.
fn last_part(uri: &str) -> Result<&str, String> {
    let path = uri.split_once("://").map_or(uri, |(_, path)| path);
    let name = path.rsplit_once('/').map_or("", |(_, name)| name);
    if name.is_empty() {
        let uri = uri.escape_debug();
        return Err(format!(
            "\"{uri}\" names no file; write one like hdfs:///lib/tool.jar"
        ));
    }
    Ok(name)
}

/// An error inside a download.
pub(super) fn download_error(message: &str) -> String {
    format!("in this download[…]: {message}")
}

/// The downloads of a script, and what is left of it.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) downloads: Vec<Download>,
    /// What stood in the brackets, with its names filled in.
    pub(super) filled: Vec<Text>,
    /// The parts of the script around them, in bytes.
    pub(super) around: Vec<Range<usize>>,
}

impl Taken {
    /// Adds a download, unless the very same one is there.
    pub(super) fn add(&mut self, download: Download) -> Result<(), String> {
        let name = &download.name;
        match self.downloads.iter().find(|other| other.name == *name) {
            Some(same) if same.uri == download.uri => {}
            Some(_) => {
                return Err(format!(
                    "there are two files \"{name}\"; name one of them otherwise"
                ));
            }
            None if self.downloads.len() == MAX_DOWNLOADS => {
                return Err(format!(
                    "a script takes {MAX_DOWNLOADS} files; put them into an archive"
                ));
            }
            None => self.downloads.push(download),
        }
        Ok(())
    }
}

/// Whether the downloads whose addresses are written out can be read.
pub(super) fn check(script: &str) -> Result<(), RenderError> {
    let mut from = 0;
    while let Some(found) = next(script, from)? {
        from = found.whole.end;
        let inner = script.get(found.inner.clone()).unwrap_or_default();
        if inner.contains("${") {
            continue;
        }
        if let Some(Err(message)) = read(inner) {
            return Err(RenderError::at(
                script,
                found.whole.start,
                &download_error(&message),
            ));
        }
    }
    Ok(())
}
