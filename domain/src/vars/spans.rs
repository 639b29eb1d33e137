//! Where in a rendered script the values stand, and the names that stay.

use super::text::Text;
use super::{Span, Spot};

/// The places of values and of names that stay. Where one of these stands inside a value, it goes
/// before: the value is what was meant, the name what went wrong.
pub(super) fn spans(done: &Text, left: Vec<Span>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut left = left.into_iter().peekable();
    // Where each value begins in the script: the parts of one value make one span.
    let mut last = None;
    for (piece, part) in done.pieces_in(0..done.text.len()) {
        let over = spans.last().map_or(0, |span| span.end);
        let mut at = part.start.max(over);
        while let Some(name) = left.next_if(|name| name.start < part.end) {
            if let Some(variable) = piece.value_of.filter(|_| at < name.start) {
                spans.push(filled(at, name.start, variable));
            }
            at = name.end;
            spans.push(name);
            last = None;
        }
        let Some(variable) = piece.value_of else {
            last = None;
            continue;
        };
        if at >= part.end {
            continue;
        }
        match spans.last_mut() {
            Some(before) if last == Some(piece.source) && before.end == at => {
                before.end = part.end;
            }
            _ => spans.push(filled(at, part.end, variable)),
        }
        last = Some(piece.source);
    }
    spans
}

fn filled(start: usize, end: usize, variable: usize) -> Span {
    Span {
        start,
        end,
        what: Spot::Filled(variable),
    }
}
