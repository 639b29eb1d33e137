//! YAML documents as flat lists of `dotted.key = text`, with the line of each.
//!
//! Events instead of a tree of values: the line is needed for the messages, and the text as it
//! was written (`0.80`, `1g`, `on`) is what the typed reader wants.

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

use crate::error::Problem;

/// How deep keys may be nested; ours end at 4.
const MAX_DEPTH: usize = 16;

/// The longest key; a child repeats its parents' names.
const MAX_KEY_BYTES: usize = 256;
/// Each is for a profile.
const MAX_DOCUMENTS: usize = 1_000;

/// One document of the file.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// The profiles it is for; `None` = it belongs to the base.
    pub(crate) profiles: Option<Vec<String>>,
    pub(crate) pairs: Vec<Pair>,
}

/// One value.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The path as it was written.
    pub(crate) key: String,
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// Reads all documents of a file. `path` is for the messages.
pub(crate) fn documents(path: &str, text: &str) -> Result<Vec<Document>, Problem> {
    let mut walk = Walk {
        path,
        parser: Parser::new_from_str(text.trim_start_matches('\u{feff}')),
    };
    let mut documents = Vec::new();
    loop {
        match walk.next()? {
            (Event::DocumentStart(_), line) if documents.len() == MAX_DOCUMENTS => {
                let most =
                    format!("more than {MAX_DOCUMENTS} documents; is this the settings file?");
                return Err(walk.syntax(line, most));
            }
            (Event::DocumentStart(_), _) => documents.push(walk.document()?),
            (Event::StreamEnd, _) => return Ok(documents),
            _ => {}
        }
    }
}

struct Walk<'a> {
    path: &'a str,
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Walk<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), Problem> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => {
                Err(self.syntax(error.marker().line(), format!("not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn syntax(&self, line: usize, message: impl Into<String>) -> Problem {
        Problem::Syntax {
            path: self.path.to_owned(),
            line,
            message: message.into(),
        }
    }

    fn document(&mut self) -> Result<Document, Problem> {
        let mut document = Document::default();
        match self.next()? {
            (Event::MappingStart(..), _) => self.mapping("", 0, &mut document.pairs)?,
            // An empty document.
            (Event::Scalar(text, ..), _) if is_null(&text) => {}
            (_, line) => {
                return Err(self.syntax(line, "expected `key: value` lines at the top"));
            }
        }
        document.profiles = take_profiles(&mut document.pairs);
        Ok(document)
    }

    fn mapping(&mut self, prefix: &str, depth: usize, to: &mut Vec<Pair>) -> Result<(), Problem> {
        loop {
            match self.next()? {
                (Event::MappingEnd, _) => return Ok(()),
                (Event::Scalar(key, ..), line) => {
                    if depth == MAX_DEPTH {
                        return Err(self.syntax(line, "nested too deep"));
                    }
                    let key = if prefix.is_empty() {
                        key.into_owned()
                    } else {
                        format!("{prefix}.{key}")
                    };
                    if key.len() > MAX_KEY_BYTES {
                        return Err(self.syntax(line, "a key is too long"));
                    }
                    self.value(key, line, depth, to)?;
                }
                (_, line) => return Err(self.syntax(line, "a key must be plain text")),
            }
        }
    }

    fn value(
        &mut self,
        key: String,
        line: usize,
        depth: usize,
        to: &mut Vec<Pair>,
    ) -> Result<(), Problem> {
        match self.next()? {
            (Event::MappingStart(..), _) => self.mapping(&key, depth + 1, to),
            (Event::SequenceStart(..), _) => {
                let text = self.sequence()?;
                to.push(Pair { key, text, line });
                Ok(())
            }
            (Event::Scalar(text, style, ..), _) => {
                // `key:` without a value says nothing: the default stays.
                if style != ScalarStyle::Plain || !is_null(&text) {
                    let text = text.into_owned();
                    to.push(Pair { key, text, line });
                }
                Ok(())
            }
            (Event::Alias(_), at) => Err(self.syntax(
                at,
                format!("{key}: write the value out, or refer to it by ${{other.key}}"),
            )),
            (_, at) => Err(self.syntax(at, format!("{key} has no value that can be read"))),
        }
    }

    /// A list of plain values reads like the same values separated by commas.
    fn sequence(&mut self) -> Result<String, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items.join(",")),
                (Event::Scalar(text, ..), _) => items.push(text.into_owned()),
                (_, line) => return Err(self.syntax(line, "a list holds plain values only")),
            }
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// `spring.profiles: a,b` (or Spring's newer word for it) marks a document;
/// `spring.profiles.active` is an ordinary key.
fn take_profiles(pairs: &mut Vec<Pair>) -> Option<Vec<String>> {
    let marks = ["spring.profiles", "spring.config.activate.on-profile"];
    let at = pairs
        .iter()
        .position(|pair| marks.contains(&pair.key.as_str()))?;
    Some(names(&pairs.remove(at).text))
}

/// The names of a comma list.
pub(crate) fn names(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Vec<(String, String, usize)> {
        documents("a.yml", text)
            .unwrap()
            .into_iter()
            .flat_map(|d| d.pairs)
            .map(|p| (p.key, p.text, p.line))
            .collect()
    }

    #[test]
    fn keys_are_joined_by_dots_and_keep_their_line_and_text() {
        let read =
            flat("hera:\n  maxMemRate : 0.80\n  job:\n    shell.bin: 'bash'\nlist: [a, b]\n");
        let expected = [
            ("hera.maxMemRate", "0.80", 2),
            ("hera.job.shell.bin", "bash", 4),
            ("list", "a,b", 5),
        ]
        .map(|(k, v, l)| (k.to_owned(), v.to_owned(), l));
        assert_eq!(read, expected);
    }

    #[test]
    fn a_document_is_for_the_profiles_it_names() {
        let documents = documents(
            "a.yml",
            "a: 1\nb:\n---\nspring:\n  profiles: dev, pre\na: 2\n---\n",
        )
        .unwrap();
        assert_eq!(documents.len(), 3);
        assert_eq!(documents[0].profiles, None);
        assert_eq!(
            documents[0].pairs.len(),
            1,
            "a key without value says nothing"
        );
        assert_eq!(
            documents[1].profiles,
            Some(vec!["dev".to_owned(), "pre".to_owned()])
        );
    }

    #[test]
    fn broken_yaml_names_the_line() {
        let problem = documents("a.yml", "a: 1\nb:\n\t- c\n  d: [1\n").unwrap_err();
        assert!(problem.to_string().starts_with("a.yml:"), "{problem}");
        let problem = documents("a.yml", "- a\n").unwrap_err();
        assert_eq!(
            problem.to_string(),
            "a.yml:1: expected `key: value` lines at the top"
        );
    }
}
