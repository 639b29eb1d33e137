//! A rendered script as the preview shows it: lines with the places of their variables, a row for
//! each variable with the lines that use it, and what there is to say.

use askama::Template;
use askama::filters::HtmlSafe;
use hera_domain::config::{self, Origin};
use hera_domain::vars::{Download, Overridden, RenderError, Rendered, Span, Spot, Used};

use super::preview::Says;
use crate::master::not_fetched;
use crate::web::BASE;
use crate::web::i18n::Lang;

/// Lines that a variable's row leads to at most.
const LINKS: usize = 6;

/// More warnings than these are shown when they are asked for.
const SHOWN: usize = 4;

/// A line of the script.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub number: usize,
    pub pieces: Vec<Piece>,
    /// Something is to be said of it.
    pub marked: bool,
}

/// A part of a line.
#[derive(Debug)]
pub(super) struct Piece {
    pub text: String,
    pub mark: Option<Mark>,
}

/// Where a part of a line comes from, if not from the script.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// The origin's colour; `left` for a name that stays.
    pub class: &'static str,
    /// Where it leads to on the page.
    pub href: String,
    /// What is told when it is pointed at.
    pub tip: String,
}

/// A variable that was filled in.
#[derive(Debug)]
pub(super) struct VariableRow {
    pub place: usize,
    pub name: String,
    pub value: String,
    pub written: Option<String>,
    pub origin: OriginBadge,
    pub overrides: Vec<(String, OriginBadge)>,
    pub lines: Vec<usize>,
    /// It stands in more lines than are named.
    pub more: bool,
    /// Another value may be tried.
    pub can_override: bool,
}

/// Where a value comes from, as a word in its colour.
#[derive(Debug, Clone, Template)]
#[template(
    source = r##"{% if let Some(href) = href %}<a class="badge origin from-{{ class }}" href="{{ href }}"><svg class="i" aria-hidden="true"><use href="#i-folder"/></svg>{{ word }}</a>{% else %}<span class="badge origin from-{{ class }}">{{ word }}</span>{% endif %}"##,
    ext = "html"
)]
pub(super) struct OriginBadge {
    pub class: &'static str,
    pub word: String,
    pub href: Option<String>,
}

impl HtmlSafe for OriginBadge {}

/// Something to be said of a line.
#[derive(Debug)]
pub(super) struct Remark {
    pub line: usize,
    pub text: String,
}

/// What the page is made of.
#[derive(Debug)]
pub(super) struct Work {
    pub lines: Vec<Line>,
    pub variables: Vec<VariableRow>,
    /// The files that are taken out of the script.
    pub files: Vec<Download>,
    pub says: Says,
}

/// Draws what came of a script. One that cannot be rendered is shown as it is written.
pub(super) fn draw(made: &Result<Rendered, RenderError>, script: &str, lang: Lang) -> Work {
    match made {
        Ok(rendered) => rendered_work(rendered, lang),
        Err(error) => {
            let mut lines = lines(script, &[], |_| None);
            let line = error.position.line;
            if let Some(line) = lines.get_mut(line - 1) {
                line.marked = true;
            }
            let text = lang.at_column(error.position.column, &lang.message(&error.message));
            Work {
                lines,
                variables: Vec::new(),
                files: Vec::new(),
                says: Says {
                    error: Some(Remark { line, text }),
                    unfetched: None,
                    warnings: Vec::new(),
                    at: Some(String::new()),
                    open: true,
                },
            }
        }
    }
}

fn rendered_work(rendered: &Rendered, lang: Lang) -> Work {
    let mut rows: Vec<VariableRow> = rendered
        .variables
        .iter()
        .enumerate()
        .map(|(place, used)| row(place, used, lang))
        .collect();
    let mark = |what: Spot| match what {
        Spot::Filled(place) => rows.get(place).map(|row| Mark {
            class: row.origin.class,
            href: format!("#v{place}"),
            tip: format!("{} = {} · {}", row.name, row.value, row.origin.word),
        }),
        Spot::Left(place) => rendered.warnings.get(place).map(|left| Mark {
            class: "left",
            href: "#says".to_owned(),
            tip: lang.left(&left.name, left.known),
        }),
    };
    let mut lines = lines(&rendered.script, &rendered.spans, mark);
    let mut first = vec![None; rendered.warnings.len()];
    for (number, spot) in places(&rendered.script, &rendered.spans) {
        match spot {
            Spot::Filled(place) => {
                if let Some(row) = rows
                    .get_mut(place)
                    .filter(|r| r.lines.last() != Some(&number))
                {
                    row.more = row.lines.len() >= LINKS;
                    if !row.more {
                        row.lines.push(number);
                    }
                }
            }
            Spot::Left(place) => {
                if let Some(line) = lines.get_mut(number - 1) {
                    line.marked = true;
                }
                if let Some(first) = first.get_mut(place) {
                    first.get_or_insert(number);
                }
            }
        }
    }
    let names = rendered.warnings.iter().zip(first);
    let names = names.map(|(left, line)| Remark {
        line: line.unwrap_or(left.position.line),
        text: lang.left(&left.name, left.known),
    });
    let warnings = names.collect();
    let unfetched = rendered.downloads.first().map(|file| Remark {
        line: file.position.line,
        text: lang.message(&not_fetched(file)),
    });
    // A date that stands in another variable's value only is told with that.
    rows.retain(|row| row.origin.class != "date" || !row.lines.is_empty());
    Work {
        lines,
        variables: rows,
        files: rendered.downloads.clone(),
        says: Says {
            error: None,
            unfetched,
            warnings,
            at: Some(String::new()),
            open: rendered.warnings.len() <= SHOWN,
        },
    }
}

fn row(place: usize, used: &Used, lang: Lang) -> VariableRow {
    let badge = |origin: &Origin, key: Option<&String>| origin_badge(origin, key, &used.name, lang);
    let shown = |hidden: &Overridden| {
        let badge = badge(&hidden.origin, hidden.key.as_ref());
        (hidden.value.clone(), badge)
    };
    VariableRow {
        place,
        name: used.name.clone(),
        value: used.value.clone(),
        written: used.written.clone(),
        origin: badge(&used.origin, used.key.as_ref()),
        overrides: used.overrides.iter().map(shown).collect(),
        lines: Vec::new(),
        more: false,
        can_override: match used.origin {
            Origin::Job | Origin::Group(..) | Origin::BuiltIn => !config::is_secret(&used.name),
            Origin::Run | Origin::Date => false,
        },
    }
}

/// The word and the colour of an origin; `key` = how that level writes it, with its area.
pub(super) fn origin_badge(
    origin: &Origin,
    key: Option<&String>,
    name: &str,
    lang: Lang,
) -> OriginBadge {
    let t = &lang.texts().preview;
    let (class, word, href) = match origin {
        Origin::Run => ("param", t.origin_param.to_owned(), None),
        Origin::Job => ("job", t.origin_job.to_owned(), None),
        Origin::Group(id, name) => (
            "group",
            name.clone(),
            Some(format!("{BASE}/schedule/groups/{id}")),
        ),
        Origin::BuiltIn => ("builtin", t.origin_builtin.to_owned(), None),
        Origin::Date => ("date", t.origin_date.to_owned(), None),
    };
    let area = key.and_then(|key| key.strip_suffix(name)?.strip_suffix('.'));
    let word = match area {
        Some(area) => format!("{word} · {} {area}", t.area),
        None => word,
    };
    OriginBadge { class, word, href }
}

/// Cuts a script into lines and marks its spans; one that goes over several lines is marked in each.
fn lines(script: &str, spans: &[Span], mark: impl Fn(Spot) -> Option<Mark>) -> Vec<Line> {
    let mut lines = vec![Line {
        number: 1,
        ..Line::default()
    }];
    let mut add = |text: &str, mark: Option<&Mark>| {
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                lines.push(Line {
                    number: lines.len() + 1,
                    ..Line::default()
                });
            }
            if let Some(line) = lines.last_mut().filter(|_| !part.is_empty()) {
                line.pieces.push(Piece {
                    text: part.to_owned(),
                    mark: mark.cloned(),
                });
            }
        }
    };
    let mut done = 0;
    for span in spans {
        add(script.get(done..span.start).unwrap_or_default(), None);
        let text = script.get(span.start..span.end).unwrap_or_default();
        add(text, mark(span.what).as_ref());
        done = span.end;
    }
    add(script.get(done..).unwrap_or_default(), None);
    // The end of the last line is not the start of another one.
    if lines.len() > 1 && lines.last().is_some_and(|line| line.pieces.is_empty()) {
        lines.pop();
    }
    lines
}

/// The line in which each span starts.
fn places<'a>(script: &'a str, spans: &'a [Span]) -> impl Iterator<Item = (usize, Spot)> + 'a {
    let (mut line, mut at) = (1, 0);
    spans.iter().map(move |span| {
        let before = script.get(at..span.start).unwrap_or_default();
        line += before.bytes().filter(|byte| *byte == b'\n').count();
        at = span.start;
        (line, span.what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_found_again_in_their_lines() {
        let script = "a 1\n2 b\nc\n";
        let span = |start, end, what| Span { start, end, what };
        let spans = [
            span(2, 5, Spot::Filled(0)),
            span(6, 7, Spot::Left(0)),
            span(8, 9, Spot::Filled(1)),
        ];
        let mark = |spot| {
            Some(Mark {
                class: match spot {
                    Spot::Filled(_) => "filled",
                    Spot::Left(_) => "left",
                },
                href: String::new(),
                tip: String::new(),
            })
        };
        let drawn = lines(script, &spans, mark);
        let drawn: Vec<Vec<(&str, &str)>> = drawn
            .iter()
            .map(|line| {
                let piece = |piece: &'_ Piece| piece.mark.as_ref().map_or("", |mark| mark.class);
                let pieces = line.pieces.iter();
                pieces.map(|p| (p.text.as_str(), piece(p))).collect()
            })
            .collect();
        assert_eq!(
            drawn,
            [
                vec![("a ", ""), ("1", "filled")],
                vec![("2", "filled"), (" ", ""), ("b", "left")],
                vec![("c", "filled")],
            ]
        );
        let found: Vec<_> = places(script, &spans).map(|(line, _)| line).collect();
        assert_eq!(found, [1, 2, 3]);
    }
}
