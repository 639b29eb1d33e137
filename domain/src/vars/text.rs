//! A text between the passes of rendering, which remembers where each part of it comes from.

use std::ops::Range;

/// A text whose variables are being filled in.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) text: String,
    /// They follow each other and cover the text.
    pieces: Vec<Piece>,
}

/// A stretch of the text, up to the start of the next one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Its first byte in the text.
    pub(super) start: usize,
    /// Its first byte in the script, or that of the variable it is the value of.
    pub(super) source: usize,
    /// The variable it is the value of, by its place among those that were used.
    pub(super) value_of: Option<usize>,
}

impl Text {
    /// Adds text of the script.
    pub(super) fn push_script(&mut self, text: &str, source: usize) {
        self.push(text, source, None);
    }

    /// Adds the value of a variable that stands at `source`.
    pub(super) fn push_value(&mut self, text: &str, source: usize, variable: usize) {
        self.push(text, source, Some(variable));
    }

    fn push(&mut self, text: &str, source: usize, value_of: Option<usize>) {
        self.pieces.push(Piece {
            start: self.text.len(),
            source,
            value_of,
        });
        self.text.push_str(text);
    }

    /// Adds a part of another text, with what is known of it.
    pub(super) fn push_part(&mut self, from: &Self, range: Range<usize>) {
        for (piece, part) in from.pieces_in(range) {
            let into = part.start - piece.start;
            let source = match piece.value_of {
                None => piece.source + into,
                Some(_) => piece.source,
            };
            let text = from.text.get(part).unwrap_or_default();
            self.push(text, source, piece.value_of);
        }
    }

    /// The pieces that a range of the text touches, empty ones at its start too, each with the
    /// part of it that lies inside.
    pub(super) fn pieces_in(
        &self,
        range: Range<usize>,
    ) -> impl Iterator<Item = (Piece, Range<usize>)> {
        let after = self
            .pieces
            .partition_point(|piece| piece.start < range.start);
        let first = match self.pieces.get(after) {
            Some(piece) if piece.start == range.start => after,
            Some(_) | None => after.saturating_sub(1),
        };
        let ends = self.pieces.iter().skip(first + 1).map(|next| next.start);
        let ends = ends.chain([self.text.len()]);
        let pieces = self.pieces.iter().skip(first).copied().zip(ends);
        pieces
            .take_while(move |(piece, _)| piece.start < range.end)
            .map(move |(piece, end)| {
                let part = piece.start.max(range.start)..end.min(range.end);
                (piece, part)
            })
    }

    /// The piece in which a byte stands.
    pub(super) fn piece_at(&self, byte: usize) -> Option<Piece> {
        let after = self.pieces.partition_point(|piece| piece.start <= byte);
        self.pieces.get(after.checked_sub(1)?).copied()
    }

    /// The byte of the script from which a byte of the text comes.
    pub(super) fn source_of(&self, byte: usize) -> usize {
        match self.piece_at(byte) {
            Some(piece) if piece.value_of.is_none() => piece.source + (byte - piece.start),
            Some(piece) => piece.source,
            None => 0,
        }
    }

    /// The end of the line that a byte stands in.
    pub(super) fn line_end(&self, byte: usize) -> usize {
        let rest = self.text.get(byte..).unwrap_or_default();
        byte + rest.find('\n').unwrap_or(rest.len())
    }
}
