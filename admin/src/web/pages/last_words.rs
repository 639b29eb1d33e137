//! What a failed script said last: mostly the cause, shown where the failure is listed.

use hera_domain::id::RunId;

use crate::store::{Store, StoreError};

/// How much of the end of a log is looked at.
const TAIL: u64 = 4 << 10;
/// A line that is shown is cut here.
const LONGEST: usize = 300;

/// The line of the end of a run's log that tells most.
pub(super) async fn last_words(store: &Store, run: RunId) -> Result<String, StoreError> {
    let size = store.read_log(run, 0, 1).await?.size;
    let from = size.saturating_sub(TAIL);
    let tail = store.read_log(run, from, 4 << 10).await?;
    Ok(telling(&String::from_utf8_lossy(&tail.bytes)))
}

/// The last line that speaks of an error, else the last that says anything.
fn telling(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(plain).collect();
    let said = || lines.iter().rev().filter(|line| !line.trim().is_empty());
    let error = said().find(|line| {
        let line = line.to_lowercase();
        ["error", "exception", "fatal", "denied", "not found"]
            .iter()
            .any(|word| line.contains(word))
    });
    let line = error.or_else(|| said().next());
    line.map(|line| line.trim().chars().take(LONGEST).collect())
        .unwrap_or_default()
}

/// The line without the escapes that colour it.
fn plain(line: &str) -> String {
    let mut rest = line.chars();
    let mut text = String::with_capacity(line.len());
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            text.push(c);
        } else if rest.next() == Some('[') {
            // Parameters, then one letter.
            let _letter = rest.find(char::is_ascii_alphabetic);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_tells_more_than_the_last_line() {
        assert_eq!(
            telling("start\nERROR 1146: table ods.orders not found\nrolled back\n\n"),
            "ERROR 1146: table ods.orders not found"
        );
        assert_eq!(telling("start\n  7 rows refused\n\n"), "7 rows refused");
        assert_eq!(
            telling("\u{1b}[1;31mfatal\u{1b}[0m: no disk\n"),
            "fatal: no disk"
        );
        assert_eq!(telling(""), "");
    }
}
