//! What the checks say, in the reader's language.
//!
//! A check says what is wrong in English, for the API, the command line and the log. Pages
//! translate it here, as gettext does: the English sentence with holes is the key. A sentence
//! that is not known stays English; a test sends what every check can say through here.

#[cfg(test)]
mod tests;
mod zh;

use super::Lang;

impl Lang {
    /// A message of a check, in this language.
    pub fn message(self, english: &str) -> String {
        match self {
            Self::En => english.to_owned(),
            Self::Zh => translate(english).unwrap_or_else(|| english.to_owned()),
        }
    }
}

/// Translates by the first sentence that fits. `{}` stands for any text, which is kept; `{t}` for
/// a message that is translated in its turn.
fn translate(english: &str) -> Option<String> {
    zh::MESSAGES.iter().find_map(|(key, chinese)| {
        let holes = fit(key, english)?;
        Some(fill(chinese, &holes))
    })
}

/// What stands in the holes of a sentence, if a text is that sentence; each hole is as short as
/// it can be.
fn fit<'a>(key: &str, mut text: &'a str) -> Option<Vec<(bool, &'a str)>> {
    let (start, mut rest) = next_hole(key);
    text = text.strip_prefix(start)?;
    let mut holes = Vec::new();
    while let Some((translated, after)) = rest {
        let (literal, next) = next_hole(after);
        let end = match (&next, literal) {
            (None, literal) => text.strip_suffix(literal)?.len(),
            (Some(_), literal) => text.find(literal)?,
        };
        holes.push((translated, text.get(..end)?));
        text = text.get(end + literal.len()..)?;
        rest = next;
    }
    text.is_empty().then_some(holes)
}

/// The text up to a hole; then whether the hole is translated, and what follows it.
fn next_hole(key: &str) -> (&str, Option<(bool, &str)>) {
    let found = [("{}", false), ("{t}", true)]
        .into_iter()
        .filter_map(|(mark, translated)| Some((key.split_once(mark)?, translated)))
        .min_by_key(|((before, _), _)| before.len());
    match found {
        Some(((before, after), translated)) => (before, Some((translated, after))),
        None => (key, None),
    }
}

/// Puts what stood in the holes into `{0}`, `{1}`…
fn fill(chinese: &str, holes: &[(bool, &str)]) -> String {
    let mut out = String::new();
    let mut rest = chinese;
    while let Some((before, (index, after))) = rest
        .split_once('{')
        .and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        out.push_str(before);
        match index.parse().ok().and_then(|index: usize| holes.get(index)) {
            Some((true, hole)) => out.push_str(&Lang::Zh.message(hole)),
            Some((false, hole)) => out.push_str(hole),
            // A brace of the sentence itself.
            None => {
                out.push('{');
                out.push_str(index);
                out.push('}');
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}
