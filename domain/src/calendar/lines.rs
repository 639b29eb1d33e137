//! The exceptions of a calendar as lines of text: `2026-10-01..2026-10-07 National Day`.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

/// Days of one range at most: a slip of the pen shall not fill a calendar.
const MAX_RANGE: i64 = 366;

/// A line that names no days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: {problem}; write 2026-10-01 or 2026-10-01..2026-10-07, then a note if you like"
)]
pub struct LineError {
    /// Counted from 1.
    pub line: usize,
    pub problem: String,
}

/// Reads days with their notes; blank lines count for nothing, of a day that stands twice the
/// later note holds.
///
/// # Errors
/// Names the first line that cannot be read.
pub fn parse_lines(text: &str) -> Result<BTreeMap<NaiveDate, String>, LineError> {
    let mut days = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let wrong = |problem: String| LineError {
            line: index + 1,
            problem,
        };
        let (range, note) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (first, last) = range.split_once("..").unwrap_or((range, range));
        let date = |text: &str| {
            let read = text.parse::<NaiveDate>();
            read.map_err(|_e| wrong(format!("\"{}\" is no date", text.escape_debug())))
        };
        let (first, last) = (date(first)?, date(last)?);
        let length = (last - first).num_days() + 1;
        if !(1..=MAX_RANGE).contains(&length) {
            return Err(wrong(format!(
                "{first}..{last} is no range of 1 to {MAX_RANGE} days"
            )));
        }
        for day in first.iter_days().take_while(|day| *day <= last) {
            days.insert(day, note.trim().to_owned());
        }
    }
    Ok(days)
}

/// Writes days as [`parse_lines`] reads them: a line for every run of days with the same note.
pub fn to_lines(days: &BTreeMap<NaiveDate, String>) -> String {
    let mut lines = String::new();
    let mut rest = days.iter().peekable();
    while let Some((first, note)) = rest.next() {
        let mut last = *first;
        let follows = |last: NaiveDate, next: &(&NaiveDate, &String)| {
            let short = (last - *first).num_days() + 1 < MAX_RANGE;
            short && last.checked_add_days(Days::new(1)) == Some(*next.0) && next.1 == note
        };
        while let Some((day, _)) = rest.next_if(|next| follows(last, next)) {
            last = *day;
        }
        lines.push_str(&first.to_string());
        if last > *first {
            lines.push_str(&format!("..{last}"));
        }
        if !note.is_empty() {
            lines.push(' ');
            lines.push_str(note);
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_notes_and_single_days_are_read_and_written() {
        let text = "2026-10-01..2026-10-07 国庆节\n2026-10-10\n2026-12-25 Christmas Day\n";
        let days = parse_lines(text).unwrap();
        assert_eq!(days.len(), 9);
        assert_eq!(to_lines(&days), text);
        let spread = "\n 2026-10-02   国庆节\r\n2026-10-01 国庆节";
        let days = parse_lines(spread).unwrap();
        assert_eq!(to_lines(&days), "2026-10-01..2026-10-02 国庆节\n");
    }

    #[test]
    fn a_line_that_names_no_days_is_named() {
        let error = |text: &str| parse_lines(text).unwrap_err().to_string();
        assert!(error("2026-10-01\n2026-02-30 x").starts_with("line 2: \"2026-02-30\" is no date"));
        assert!(error("2026-10-07..2026-10-01").contains("no range"));
        assert!(error("2026-01-01..2036-01-01").contains("no range"));
        assert!(error("the first of May").contains("\"the\" is no date"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
            let _ = parse_lines(&text);
        }

        #[test]
        fn what_is_written_is_read_again(
            days in prop::collection::btree_map(0..2_000_u64, "([a-z国庆]( [a-z国庆])?)?", 0..60)
        ) {
            let from = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
            let days = days.into_iter().map(|(n, note)| (from + Days::new(n), note)).collect();
            prop_assert_eq!(parse_lines(&to_lines(&days)).unwrap(), days);
        }
    }
}
