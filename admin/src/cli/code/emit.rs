//! YAML for people: block style, quotes only where they are needed.
//!
//! Everything written here is read again as it was by [`super::yaml`] and by any reader of YAML
//! 1.1 or 1.2: what another reader could take for a number or a truth value is quoted.

use serde_json::{Map, Value};

/// Fields in the order in which they shall stand.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, Item)>);

#[derive(Debug)]
enum Item {
    Value(Value),
    Fields(Fields),
    List(Vec<Fields>),
    /// Texts, each on a line of its own.
    Lines(Vec<String>),
    /// On one line: `{secret: NAME}`.
    Reference(&'static str, String),
}

impl Fields {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, key: &str, value: impl Into<Value>) {
        self.0.push((key.to_owned(), Item::Value(value.into())));
    }

    pub(super) fn add_fields(&mut self, key: &str, fields: Fields) {
        self.0.push((key.to_owned(), Item::Fields(fields)));
    }

    pub(super) fn add_list(&mut self, key: &str, items: Vec<Fields>) {
        self.0.push((key.to_owned(), Item::List(items)));
    }

    pub(super) fn add_lines(&mut self, key: &str, lines: Vec<String>) {
        self.0.push((key.to_owned(), Item::Lines(lines)));
    }

    pub(super) fn add_reference(&mut self, key: &str, word: &'static str, name: String) {
        self.0.push((key.to_owned(), Item::Reference(word, name)));
    }

    /// Takes fields out of an object: first those named, in that order, then the rest by
    /// alphabet.
    pub(super) fn add_ordered(&mut self, mut from: Map<String, Value>, first: &[&str]) {
        for key in first {
            if let Some(value) = from.remove(*key) {
                self.add(key, value);
            }
        }
        for (key, value) in from {
            self.add(&key, value);
        }
    }

    /// The whole document.
    pub(super) fn document(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, 0, "");
        text
    }

    /// `lead` stands before the first line in place of its indent.
    fn write(&self, to: &mut String, indent: usize, lead: &str) {
        for (index, (key, item)) in self.0.iter().enumerate() {
            if index == 0 && !lead.is_empty() {
                to.push_str(lead);
            } else {
                pad(to, indent);
            }
            to.push_str(&scalar(key));
            to.push(':');
            item.write(to, indent);
        }
    }
}

impl Item {
    fn write(&self, to: &mut String, indent: usize) {
        match self {
            Self::Value(value) => write_value(to, value, indent),
            Self::Reference(word, name) => {
                to.push_str(&format!(" {{{word}: {}}}\n", flow(name)));
            }
            Self::Fields(fields) => {
                to.push('\n');
                fields.write(to, indent + 2, "");
            }
            Self::Lines(lines) => {
                to.push('\n');
                for line in lines {
                    pad(to, indent + 2);
                    to.push_str(&format!("- {}\n", line_of_list(line)));
                }
            }
            Self::List(items) => {
                to.push('\n');
                for fields in items {
                    let lead = format!("{}- ", " ".repeat(indent + 2));
                    fields.write(to, indent + 4, &lead);
                }
            }
        }
    }
}

fn write_value(to: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(text) if is_block(text) => write_block(to, text, indent + 2),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            to.push(' ');
            to.push_str(&atom(value, scalar));
            to.push('\n');
        }
        Value::Array(items) if items.iter().all(is_atom) => {
            let items: Vec<String> = items.iter().map(|item| atom(item, flow)).collect();
            to.push_str(&format!(" [{}]\n", items.join(", ")));
        }
        Value::Array(items) => {
            to.push('\n');
            for item in items {
                let lead = format!("{}- ", " ".repeat(indent + 2));
                match item.as_object().filter(|fields| !fields.is_empty()) {
                    Some(fields) => of_object(fields).write(to, indent + 4, &lead),
                    // JSON is YAML.
                    None => to.push_str(&format!("{lead}{}\n", json(item))),
                }
            }
        }
        Value::Object(fields) if fields.is_empty() => to.push_str(" {}\n"),
        Value::Object(fields) => {
            to.push('\n');
            of_object(fields).write(to, indent + 2, "");
        }
    }
}

fn of_object(object: &Map<String, Value>) -> Fields {
    let mut fields = Fields::default();
    fields.add_ordered(object.clone(), &[]);
    fields
}

fn is_atom(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn atom(value: &Value, text: fn(&str) -> String) -> String {
    value.as_str().map_or_else(|| json(value), text)
}

fn pad(to: &mut String, indent: usize) {
    to.extend(std::iter::repeat_n(' ', indent));
}

/// Whether a text is better read as lines of its own.
fn is_block(text: &str) -> bool {
    let clean = |c: char| c == '\n' || c == '\t' || is_printable(c);
    let first = text.lines().next().unwrap_or_default();
    text.trim_end_matches('\n').contains('\n')
        && text.chars().all(clean)
        && !first.is_empty()
        && !first.starts_with([' ', '\t'])
        // A blank line at the end that holds blanks could be taken for the indent.
        && !text.ends_with([' ', '\t'])
        && text.lines().all(|line| line.is_empty() || !line.trim().is_empty())
}

fn write_block(to: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    to.push_str(match ends {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    for line in body.split('\n') {
        if !line.is_empty() {
            pad(to, indent);
            to.push_str(line);
        }
        to.push('\n');
    }
    for _ in 1..ends {
        to.push('\n');
    }
}

/// A text in block context.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '/' | '$'))
        && can_be_plain(text)
        && !is_word(text);
    if plain { text.to_owned() } else { quoted(text) }
}

/// A text of a list that begins with a date: no reader takes one with a note for anything else, and
/// a date alone is as good as its text.
fn line_of_list(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && can_be_plain(text);
    if plain { text.to_owned() } else { quoted(text) }
}

/// Whether nothing after the first character has a meaning in block context.
fn can_be_plain(text: &str) -> bool {
    text.chars().all(is_printable)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
}

/// A text inside of `[…]` or `{…}`.
fn flow(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !is_word(text);
    if plain { text.to_owned() } else { quoted(text) }
}

/// Words that some reader takes for something else than a text.
fn is_word(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What YAML lets stand unescaped, but for lines.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'
        )
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_printable(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

fn json(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<String> = fields
                .map(|(key, value)| format!("{}: {}", quoted(key), json(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::yaml;
    use super::*;

    fn document(value: Value) -> String {
        let Value::Object(fields) = value else {
            panic!("a document is an object");
        };
        of_object(&fields).document()
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        let text = document(json!({
            "name": "订单 日报", "cron": "0 0 6 * * ?", "switch": "on", "many": 3, "open": true,
            "home": "${example.home}", "areas": ["all", "no", "a b"], "empty": "", "url": "hdfs:///a",
            "text": "a: b", "note": "two\nlines\n", "odd": "tail \n x\r\n", "kept": "a\n\nb\n\n",
            "list": [{"job": "a", "deep": {"x": 1}}, {"job": "b"}],
        }));
        insta::assert_snapshot!(text, @r#"
        areas: [all, "no", "a b"]
        cron: "0 0 6 * * ?"
        empty: ""
        home: ${example.home}
        kept: |+
          a

          b

        list:
          - deep:
              x: 1
            job: a
          - job: b
        many: 3
        name: 订单 日报
        note: |
          two
          lines
        odd: "tail \n x\r\n"
        open: true
        switch: "on"
        text: "a: b"
        url: hdfs:///a
        "#);
    }

    #[test]
    fn a_reference_stands_on_one_line() {
        let mut fields = Fields::default();
        fields.add_reference("secret.key", "secret", "KEY 1".to_owned());
        assert_eq!(fields.document(), "secret.key: {secret: \"KEY 1\"}\n");
    }

    /// Texts that YAML makes trouble of, and any others.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "(?s).{0,12}",
            "[ \t\r\n#:'\"|>~!%@`&*?\\-{}\\[\\],.a0\u{85}\u{2028}\u{feff}\u{7f}名]{0,10}",
            "(---|\\.\\.\\.|yes|No|null|~|0o7|1_000|0x1F|1e3|\\.inf|<<|=|2026-01-01|12:30:45)",
        ]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was_by_us_and_by_another_reader(
            fields in prop::collection::btree_map(text(), any_value(), 1..6)
        ) {
            let value = Value::Object(fields.into_iter().collect());
            let text = document(value.clone());
            let read = yaml::parse(&text).map_err(|e| TestCaseError::fail(format!("{e:?}\n{text}")))?;
            prop_assert_eq!(read.json(), value.clone(), "{}", text);
            let other: Value = serde_norway::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
            prop_assert_eq!(other, value, "{}", text);
        }
    }
}
