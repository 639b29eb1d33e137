//! One YAML document as a tree that knows its lines.
//!
//! Scalars keep their text: whether `1.0` is a number or a text is for the reader of the field to
//! say. What costs more than its size is refused: depth, and aliases that unfold beyond bounds.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::Value;

/// How deep lists and mappings may be nested; ours end at 4.
const MAX_DEPTH: usize = 32;
/// The most bytes of a file.
const MAX_BYTES: usize = 4 << 20;
/// What aliases may add to a document, in bytes and nodes.
const MAX_UNFOLDED: usize = 1 << 20;

/// Where a text is no YAML of ours, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) message: String,
}

impl Wrong {
    pub(super) fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
        }
    }
}

/// A value and the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Without quotes: may also be meant as a number, a truth value or nothing.
    Plain(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) node: Node,
}

impl Node {
    /// The value as JSON, plain scalars by YAML's core schema as far as our fields need it.
    pub(super) fn json(&self) -> Value {
        match &self.content {
            Content::Plain(text) => plain(text),
            Content::Text(text) => text.as_str().into(),
            Content::List(items) => items.iter().map(Self::json).collect(),
            Content::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.node.json()))
                    .collect(),
            ),
        }
    }

    /// The text of a scalar, as it was written; nothing for null, lists and mappings.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Plain(text) if is_null(text) => None,
            Content::Plain(text) | Content::Text(text) => Some(text),
            Content::List(_) | Content::Map(_) => None,
        }
    }

    /// The entries of a mapping; none for what is not one.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            Content::Plain(_) | Content::Text(_) | Content::List(_) => &[],
        }
    }

    /// The entry of a key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The line of a field named like `schedule.dependencies[0].window`, or of what should hold
    /// it; nothing if not even its first key is there.
    pub(super) fn line_of(&self, field: &str) -> Option<usize> {
        let field = field.trim_start_matches('.');
        if let Some(index) = field.strip_prefix('[') {
            let (index, rest) = index.split_once(']')?;
            let Content::List(items) = &self.content else {
                return None;
            };
            let item = items.get(index.parse::<usize>().ok()?)?;
            return item.line_of(rest).or(Some(item.line));
        }
        // A key of a config may hold dots itself: the longest that fits is meant.
        let fits = |key: &str| {
            let rest = field.strip_prefix(key)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
        };
        let named = self.entries().iter();
        let named = named.filter_map(|entry| Some((entry, fits(&entry.key)?)));
        let (entry, rest) = named.max_by_key(|(entry, _)| entry.key.len())?;
        entry.node.line_of(rest).or(Some(entry.line))
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn plain(text: &str) -> Value {
    match text {
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ if is_null(text) => return Value::Null,
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits == "0" || digits.starts_with(|c: char| matches!(c, '1'..='9'));
    match text.parse::<i64>() {
        Ok(number) if is_number => number.into(),
        Ok(_) | Err(_) => text.into(),
    }
}

/// Reads the only document of a text.
pub(super) fn parse(text: &str) -> Result<Node, Wrong> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "has {} bytes and may have {MAX_BYTES}; is this a job's file?",
            text.len()
        );
        return Err(Wrong::new(1, message));
    }
    let mut walk = Walk {
        parser: Parser::new_from_str(text.trim_start_matches('\u{feff}')),
        anchors: HashMap::new(),
        unfolded: 0,
    };
    let mut document = None;
    loop {
        let (event, line) = walk.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::DocumentStart(_) if document.is_some() => {
                return Err(Wrong::new(
                    line,
                    "a second document begins; keep one a file",
                ));
            }
            Event::DocumentStart(_) => {
                let (event, line) = walk.next()?;
                document = Some(walk.node(event, line, 0)?);
            }
            Event::StreamEnd => {
                return document.ok_or_else(|| Wrong::new(1, "the file is empty"));
            }
            Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::SequenceEnd
            | Event::MappingStart(..)
            | Event::MappingEnd => return Err(Wrong::new(line, "not YAML")),
        }
    }
}

struct Walk<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// What aliases stand for, and how much that is.
    anchors: HashMap<usize, (Node, usize)>,
    unfolded: usize,
}

impl<'a> Walk<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), Wrong> {
        match self.parser.next_event() {
            Some(Ok((event, Span { start, .. }))) => Ok((event, start.line())),
            Some(Err(error)) => {
                let message = format!("not YAML: {}", error.info());
                Err(Wrong::new(error.marker().line(), message))
            }
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, Wrong> {
        if depth > MAX_DEPTH {
            return Err(Wrong::new(line, "nested too deep"));
        }
        let (anchor, content) = match event {
            Event::Alias(anchor) => return self.alias(anchor, line),
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = is_text(tag.as_deref(), line)?;
                let text = text.into_owned();
                let content = if style == ScalarStyle::Plain && !is_text {
                    Content::Plain(text)
                } else {
                    Content::Text(text)
                };
                (anchor, content)
            }
            Event::SequenceStart(anchor, tag) => {
                no_tag(tag.as_deref(), line)?;
                (anchor, Content::List(self.list(depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                no_tag(tag.as_deref(), line)?;
                (anchor, Content::Map(self.map(depth)?))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(Wrong::new(line, "a value is missing")),
        };
        let node = Node { line, content };
        if anchor > 0 {
            let weight = weight(&node);
            self.unfold(weight, line)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Wrong> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Wrong> {
        let mut entries = Vec::new();
        let mut lines: HashMap<String, usize> = HashMap::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(key, ..), line) => (key.into_owned(), line),
                (_, line) => return Err(Wrong::new(line, "a key must be plain text")),
            };
            if let Some(before) = lines.insert(key.clone(), line) {
                let message = format!("{key} is already on line {before}; keep one of them");
                return Err(Wrong::new(line, message));
            }
            let (event, at) = self.next()?;
            let node = self.node(event, at, depth + 1)?;
            entries.push(Entry { key, line, node });
        }
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<Node, Wrong> {
        let Some(weight) = self.anchors.get(&anchor).map(|(_, weight)| *weight) else {
            return Err(Wrong::new(line, "an alias stands inside of what it means"));
        };
        self.unfold(weight, line)?;
        let (node, _) = &self.anchors[&anchor];
        Ok(Node {
            line,
            content: node.content.clone(),
        })
    }

    fn unfold(&mut self, weight: usize, line: usize) -> Result<(), Wrong> {
        self.unfolded += weight;
        if self.unfolded > MAX_UNFOLDED {
            return Err(Wrong::new(line, "the aliases stand for too much"));
        }
        Ok(())
    }
}

fn weight(node: &Node) -> usize {
    let inner = match &node.content {
        Content::Plain(text) | Content::Text(text) => text.len(),
        Content::List(items) => items.iter().map(weight).sum(),
        Content::Map(entries) => entries
            .iter()
            .map(|entry| entry.key.len() + weight(&entry.node))
            .sum(),
    };
    // A node takes room even if it says nothing.
    inner + 32
}

/// `!!str` makes a text of any scalar; other tags mean nothing here.
fn is_text(tag: Option<&Tag>, line: usize) -> Result<bool, Wrong> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(true),
        tag => no_tag(tag, line).map(|()| false),
    }
}

fn no_tag(tag: Option<&Tag>, line: usize) -> Result<(), Wrong> {
    match tag {
        None => Ok(()),
        Some(tag) => Err(Wrong::new(
            line,
            format!("the tag {tag} means nothing here; remove it"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn error(text: &str) -> String {
        let wrong = parse(text).unwrap_err();
        format!("{}: {}", wrong.line, wrong.message)
    }

    #[test]
    fn scalars_are_what_the_core_schema_says() {
        let text =
            "a: 1\nb: '1'\nc: 1.0\nd: on\ne: true\nf:\ng: ~\nh: -3\ni: 007\nj: !!str 5\nk: +1\n";
        assert_eq!(
            parse(text).unwrap().json(),
            json!({
                "a": 1, "b": "1", "c": "1.0", "d": "on", "e": true, "f": null, "g": null,
                "h": -3, "i": "007", "j": "5", "k": "+1",
            })
        );
        let read = parse("a: 1.0\n").unwrap();
        assert_eq!(read.entry("a").unwrap().node.text(), Some("1.0"));
    }

    #[test]
    fn a_field_is_found_by_its_line() {
        let text = "name: x\nconfig:\n  a.b: '1'\n  a: 2\nschedule:\n  kind: dependent\n  dependencies:\n    - job: up\n      window: all\n";
        let read = parse(text).unwrap();
        assert_eq!(read.line_of("config.a.b"), Some(3));
        assert_eq!(read.line_of("schedule.dependencies[0].window"), Some(9));
        assert_eq!(read.line_of("schedule.dependencies[7]"), Some(7));
        assert_eq!(
            read.line_of("schedule.cron"),
            Some(5),
            "what should hold it"
        );
        assert_eq!(read.line_of("colour"), None);
    }

    #[test]
    fn what_is_no_yaml_of_ours_is_named_by_line() {
        assert!(error("a: 1\nb:\n\t- c\n  d: [1\n").starts_with("3: not YAML"));
        assert_eq!(
            error("a: 1\nb: 2\na: 3\n"),
            "3: a is already on line 1; keep one of them"
        );
        assert_eq!(
            error("a: 1\n---\nb: 2\n"),
            "2: a second document begins; keep one a file"
        );
        assert_eq!(
            error("a: 1\nb: !ruby/object x\n"),
            "2: the tag !ruby/object means nothing here; remove it"
        );
        assert_eq!(error("? [a]\n: 1\n"), "1: a key must be plain text");
        assert_eq!(error(""), "1: the file is empty");
        assert!(error(&"[".repeat(100)).contains("nested too deep"));
    }

    #[test]
    fn aliases_stand_for_what_they_name_within_bounds() {
        let read = parse("a: &x {k: [1, 2]}\nb: *x\n").unwrap();
        assert_eq!(read.json()["b"], json!({"k": [1, 2]}));
        assert!(error("a: &x [*x]\n").contains("inside of what it means"));

        let mut laughs = String::from("l0: &l0 [lol, lol, lol]\n");
        for level in 1..20 {
            let before = level - 1;
            laughs += &format!(
                "l{level}: &l{level} [{}]\n",
                vec![format!("*l{before}"); 9].join(", ")
            );
        }
        assert!(error(&laughs).ends_with("the aliases stand for too much"));
    }

    #[test]
    fn strange_files_take_no_long_time() {
        let half = MAX_BYTES / 2;
        let cases = [
            "[".repeat(half),
            "{a: ".repeat(half / 4),
            "- ".repeat(half / 2),
            "? ".repeat(half / 2),
            "&a ".repeat(half / 3),
            "a:\n".repeat(half / 3),
            "\"".to_owned() + &"\\".repeat(half),
            "|\n".to_owned() + &"\n".repeat(half),
            "# ".repeat(half / 2),
            "a".repeat(half),
            "--- ".repeat(half / 4),
            "!".repeat(half),
            "%".repeat(half),
            "%TAG ! tag:a\n".repeat(half / 16),
            " ".repeat(half),
            "\t".repeat(half),
            "a: b\n".repeat(half / 5),
            (0..half / 16)
                .map(|i| format!("k{i}: [x, 'y']\n"))
                .collect(),
        ];
        for text in cases {
            let start = Instant::now();
            drop(parse(&text));
            let took = start.elapsed();
            assert!(
                took < Duration::from_secs(20),
                "{took:?}: {:?}",
                text.get(..20)
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(
            text in "(?s)([ \t\n#:'\"|>~!%@&*?\\-{}\\[\\],.a01<]|---|\\.\\.\\.|&a|\\*a|: |\n  ){0,60}|.{0,60}"
        ) {
            match parse(&text) {
                Ok(read) => {
                    read.json();
                    read.line_of(&text);
                }
                Err(wrong) => prop_assert!(wrong.line > 0, "{:?}", wrong),
            }
        }
    }
}
