//! Answers on stdout: plain tables for people, JSON for programs.

use std::io::{ErrorKind, Write as _};

use serde_json::Value;

/// Prints a line. A reader that has had enough (`| head`) is no error of ours.
pub(super) fn say(line: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints rows under a head, each column as wide as its widest cell.
pub(super) fn print(head: &[&str], rows: &[Vec<String>]) -> anyhow::Result<()> {
    let mut widths: Vec<usize> = head.iter().map(|cell| width(cell)).collect();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            widths[column] = widths[column].max(width(cell));
        }
    }
    say(&line(head.iter().copied(), &widths))?;
    for row in rows {
        say(&line(row.iter().map(String::as_str), &widths))?;
    }
    Ok(())
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let padded = cells.zip(widths).map(|(cell, wide)| {
        // Nothing that is shown may move the cursor.
        let cell = cell.replace(|c: char| c.is_control(), " ");
        let missing = wide.saturating_sub(width(&cell));
        format!("{cell}{}", " ".repeat(missing))
    });
    let line = padded.collect::<Vec<_>>().join("  ");
    line.trim_end().to_owned()
}

/// Columns of a terminal: a Chinese character takes two.
fn width(text: &str) -> usize {
    let wide = |c: char| matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x20000..=0x3fffd);
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// An instant of the API without its milliseconds; any other text as it is.
pub(super) fn short_time(text: &str) -> String {
    let is_instant = text.len() == 24 && text.ends_with('Z') && text.get(10..11) == Some("T");
    match text.get(..19) {
        Some(seconds) if is_instant => format!("{seconds}Z"),
        Some(_) | None => text.to_owned(),
    }
}

/// A JSON value as a cell.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_shown_to_the_second() {
        assert_eq!(
            short_time("2026-11-20T06:00:00.123Z"),
            "2026-11-20T06:00:00Z"
        );
        assert_eq!(
            short_time("nothing of that kind 24Z"),
            "nothing of that kind 24Z"
        );
    }

    #[test]
    fn columns_stand_below_each_other_in_chinese_too() {
        let widths = [6, 3];
        assert_eq!(line(["测试", "x"].into_iter(), &widths), "测试    x");
        assert_eq!(line(["abcdef", "x"].into_iter(), &widths), "abcdef  x");
    }
}
