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
    Places::of(text).place(byte)
}

/// Tells the places of many bytes. Those that come in their order cost one pass through the text
/// together: a script may hold a hundred thousand names.
pub(super) struct Places<'a> {
    text: &'a str,
    /// The byte up to which has been counted.
    byte: usize,
    at: Position,
}

impl<'a> Places<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let at = Position {
            offset: 0,
            line: 1,
            column: 1,
        };
        Self { text, byte: 0, at }
    }

    pub(super) fn place(&mut self, byte: usize) -> Position {
        let end = self.text.floor_char_boundary(byte);
        if end < self.byte {
            *self = Self::of(self.text);
        }
        for c in self.text.get(self.byte..end).unwrap_or_default().chars() {
            self.at.offset += 1;
            self.at.column += 1;
            if c == '\n' {
                self.at.line += 1;
                self.at.column = 1;
            }
        }
        self.byte = end;
        self.at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_is_counted_from_the_start_whatever_was_asked_before(
            text in "[a日\n]{0,30}", bytes in prop::collection::vec(0usize..100, 1..6)
        ) {
            let mut places = Places::of(&text);
            for byte in bytes {
                let before = text.get(..text.floor_char_boundary(byte)).unwrap_or_default();
                let line = before.rsplit('\n').next().unwrap_or_default();
                let counted = Position {
                    offset: before.chars().count(),
                    line: before.split('\n').count(),
                    column: line.chars().count() + 1,
                };
                prop_assert_eq!(places.place(byte), counted);
            }
        }
    }
}
