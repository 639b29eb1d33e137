//! What holds for every page and for what it loads.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::samples::pages;
use crate::web::i18n::Lang;

const LANGS: [Lang; 2] = [Lang::En, Lang::Zh];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn templates() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("templates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The values of an attribute, wherever it stands.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    html.split(&opening)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn every_page_has_landmarks_one_heading_and_its_language() {
    let folder = root().join("target/pages");
    fs::create_dir_all(&folder).unwrap();
    for lang in LANGS {
        for (name, html) in pages(lang) {
            fs::write(folder.join(format!("{name}.{}.html", lang.code())), &html).unwrap();
            assert_eq!(
                html.matches("<main").count(),
                1,
                "{name}: one main landmark"
            );
            assert_eq!(html.matches("<h1").count(), 1, "{name}: one first heading");
            assert!(html.contains(&format!("<html lang=\"{}\"", lang.code())));
        }
    }
}

#[test]
fn every_field_has_a_label_and_every_id_is_unique() {
    for (name, html) in pages(Lang::En) {
        let ids = values(&html, "id");
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(
            unique.len(),
            ids.len(),
            "{name}: an id stands twice: {ids:?}"
        );
        let labelled: BTreeSet<_> = values(&html, "for").into_iter().collect();
        for tag in ["<input", "<select", "<textarea"] {
            for field in html.split(tag).skip(1) {
                let field = field.split('>').next().unwrap_or_default();
                let hidden = field.contains("type=\"hidden\"") || field.contains("aria-hidden");
                let inside =
                    field.contains("type=\"radio\"") || field.contains("type=\"checkbox\"");
                let by_id = values(field, "id").iter().any(|id| labelled.contains(id));
                let named = field.contains("aria-label=");
                assert!(
                    hidden || inside || by_id || named,
                    "{name}: no label for {field}"
                );
            }
        }
    }
}

#[test]
fn nothing_on_a_page_needs_a_looser_content_security_policy() {
    for (name, html) in pages(Lang::En) {
        assert!(values(&html, "style").is_empty(), "{name}: an inline style");
        assert!(!html.contains("<style"), "{name}: an inline style sheet");
        for script in html.split("<script").skip(1) {
            assert!(
                script.contains("src=\"/hera/static/"),
                "{name}: an inline script"
            );
        }
        for handler in [
            " onclick=",
            " onload=",
            " onsubmit=",
            " hx-on",
            "javascript:",
        ] {
            assert!(!html.contains(handler), "{name}: {handler}");
        }
        for url in values(&html, "src")
            .into_iter()
            .chain(values(&html, "href"))
        {
            assert!(!url.contains("://"), "{name}: {url} is another site");
        }
    }
}

#[test]
fn no_template_switches_escaping_off_or_speaks_one_language_only() {
    for (path, text) in templates() {
        assert!(!text.contains("|safe"), "{}: |safe", path.display());
        if path.ends_with("sprite.html") {
            continue;
        }
        let words = words_outside_tags(&text);
        assert!(
            words.is_empty(),
            "{}: not translated: {words:?}",
            path.display()
        );
    }
}

/// Words of two and more letters that are neither markup nor code nor the product's name.
fn words_outside_tags(template: &str) -> Vec<String> {
    let mut rest = template.to_owned();
    for (open, close) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}")] {
        while let Some(from) = rest.find(open) {
            let Some(length) = rest.get(from..).and_then(|tail| tail.find(close)) else {
                break;
            };
            // Code may hold the signs that end a tag, so it goes first.
            rest.replace_range(from..from + length + close.len(), "");
        }
    }
    let mut inside = false;
    let text: String = rest
        .chars()
        .map(|c| match c {
            '<' => {
                inside = true;
                ' '
            }
            '>' => {
                inside = false;
                ' '
            }
            _ if inside => ' ',
            c => c,
        })
        .collect();
    text.split(|c: char| !c.is_alphabetic())
        .filter(|word| word.chars().count() > 1)
        .filter(|word| !["HERA", "Ctrl", "full", "split"].contains(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_icon_that_is_named_is_in_the_sprite() {
    let sprite = fs::read_to_string(root().join("templates/partials/sprite.html")).unwrap();
    let there: BTreeSet<_> = values(&sprite, "id").into_iter().collect();
    for (name, html) in pages(Lang::En) {
        for icon in values(&html, "href")
            .into_iter()
            .filter(|h| h.starts_with("#i-"))
        {
            let id = icon.trim_start_matches('#');
            assert!(there.contains(id), "{name}: {icon} is not in the sprite");
        }
    }
}

#[test]
fn what_a_page_loads_stays_within_its_budget() {
    let dist = root().join("static/dist");
    let size = |name: &str| gzip(&fs::read(dist.join(name)).unwrap());
    let first = size("app.css") + size("app.js") + size("log.js");
    assert!(first <= 120_000, "{first} bytes of own CSS and JS");
    let editor = size("editor.js");
    assert!(editor <= 200_000, "{editor} bytes of editor");
    for (name, html) in pages(Lang::Zh) {
        let bytes = gzip(html.as_bytes());
        assert!(bytes <= 60_000, "{name}: {bytes} bytes of HTML");
    }
}

/// The size after `gzip -9`.
fn gzip(data: &[u8]) -> usize {
    let mut child = Command::new("gzip")
        .args(["-9", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip is on every system that builds this");
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(data).unwrap());
        child.wait_with_output().unwrap().stdout.len()
    })
}
