//! Finding `${…}` in a text.

use super::{Position, zdt};

/// A `${…}`, by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placeholder<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// What stands between the braces, or after `${zdt` for a date expression.
    pub(super) inner: &'a str,
}

/// The next `${name}` at or after `from` that is no date expression. Names hold no braces and no
/// `$`, so of nested ones the inner one is found.
pub(super) fn next_name(text: &str, mut from: usize) -> Option<Placeholder<'_>> {
    loop {
        let start = from + text.get(from..)?.find("${")?;
        let inner = text.get(start + 2..)?;
        from = start + 2;
        if inner.strip_prefix("zdt").is_some_and(zdt::starts) {
            continue;
        }
        let length = inner.find(['$', '{', '}'])?;
        let (name, rest) = inner.split_at_checked(length)?;
        if rest.starts_with('}') && !name.is_empty() {
            let end = start + 2 + length + 1;
            return Some(Placeholder {
                start,
                end,
                inner: name,
            });
        }
    }
}

/// The next `${zdt…` at or after `from`. Its `inner` and `end` are the rest of the text: where it
/// ends is for its parser to say.
pub(super) fn next_date(text: &str, mut from: usize) -> Option<Placeholder<'_>> {
    const OPENING: &str = "${zdt";
    loop {
        let start = from + text.get(from..)?.find(OPENING)?;
        from = start + OPENING.len();
        let inner = text.get(from..)?;
        if zdt::starts(inner) {
            return Some(Placeholder {
                start,
                end: text.len(),
                inner,
            });
        }
    }
}

/// The name, if the whole text is one `${name}`.
pub(super) fn only_name(text: &str) -> Option<&str> {
    let found = next_name(text, 0)?;
    (found.start == 0 && found.end == text.len()).then_some(found.inner)
}

/// The place of a byte in a text.
pub(crate) fn position(text: &str, byte: usize) -> Position {
    let end = text.floor_char_boundary(byte);
    let before = text.get(..end).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        offset: before.chars().count(),
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
    }
}
