//! Whatever is written where settings come from: the answer comes soon, and names its place.

use std::time::{Duration, Instant};

use hera_settings::{KEYS, Settings, SettingsError, Sources};
use proptest::prelude::*;

/// Far more than any of these inputs needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pieces that mean something to YAML or to us: a sequence of them reaches deeper places than
/// random letters do.
const PIECES: &[&str] = &[
    "hera",
    "hera.env: ",
    "hera.job.x.bin: ",
    "logging.level.a: ",
    "spring.profiles: a\n",
    "spring.profiles.active: a\n",
    "---\n",
    "${hera.env}",
    "${",
    "}",
    "$",
    ": ",
    "\n",
    "\n  ",
    "- ",
    "[",
    "]",
    "{",
    "&a ",
    "*a",
    "!!x ",
    "| ",
    "> ",
    "\"",
    "'",
    "#",
    "? ",
    "\t",
    "%YAML 1.2\n",
    "é",
    "0",
];

fn read(sources: &Sources) -> Result<(), SettingsError> {
    let started = Instant::now();
    let answer = Settings::load(sources).map(drop);
    // Explaining must bear everything too.
    let explanation = Settings::explain(sources);
    assert!(!format!("{explanation:?}").is_empty());
    assert!(started.elapsed() < PATIENCE, "it hangs");
    answer
}

fn file(text: &str) -> Sources {
    Sources {
        file: Some(("a.yml".into(), text.into())),
        ..Sources::default()
    }
}

fn set(argument: String) -> Sources {
    Sources {
        sets: vec![argument],
        ..Sources::default()
    }
}

fn pieces() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..60)
        .prop_map(|pieces| pieces.concat())
}

/// Values that one of the kinds might take, and any others.
fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        "[0-9]{1,25}",
        "-?[0-9]{1,5}(\\.[0-9]{1,5})?[a-zA-Z]{0,2}",
        "(jdbc:)?(mysql|sqlite|mariadb)://[a-z:@/?&=;%0-9\\[\\],]{0,30}",
        "[a-z0-9./:,;|-]{0,30}",
        "\\$\\{[a-zA-Z.]{0,15}(:[a-z$\\{\\}]{0,9})?\\}?",
    ]
}

proptest! {
    #[test]
    fn any_text_as_a_file_is_answered_with_places(text in prop_oneof!["\\PC*", ".*", pieces()]) {
        let Err(error) = read(&file(&text)) else { return Ok(()) };
        for problem in error.0 {
            let line = problem.to_string();
            let placed = line.contains("a.yml:")
                || KEYS.iter().any(|key| line.contains(key.name))
                || ["hera.job.", "logging.level.", "spring.profiles", "no document is for"]
                    .iter().any(|word| line.contains(word));
            prop_assert!(placed, "{line:?} names no place");
        }
    }

    #[test]
    fn any_argument_of_set_is_answered_with_its_name(
        argument in prop_oneof!["\\PC*", "[a-zA-Z.]{0,12}=\\PC*", pieces()],
    ) {
        let Err(error) = read(&set(argument.clone())) else { return Ok(()) };
        let text = error.to_string();
        let key = argument.split('=').next().unwrap_or_default().trim();
        prop_assert!(text.contains(key), "{argument:?}: {text}");
    }

    #[test]
    fn any_value_of_any_key_is_taken_or_refused_by_its_name(
        key in proptest::sample::select(KEYS),
        value in values(),
    ) {
        let quoted = value.replace('\'', "''");
        let in_file = file(&format!("\n{}: '{quoted}'\n", key.name));
        for (sources, place) in [
            (in_file, "a.yml:2"),
            (set(format!("{}={value}", key.name)), "--set"),
        ] {
            let Err(error) = read(&sources) else { continue };
            let text = error.to_string();
            // A rule about several settings names them all; every other problem has a place.
            prop_assert!(
                text.contains(key.name) || text.contains(place),
                "{} = {value:?}: {text}", key.name
            );
        }
        if let Some(variable) = key.variable {
            let sources = Sources {
                env: [(variable.to_owned(), value.clone())].into(),
                ..Sources::default()
            };
            let Err(error) = read(&sources) else { return Ok(()) };
            let text = error.to_string();
            prop_assert!(text.contains(variable) || text.contains(key.name), "{value:?}: {text}");
        }
    }

    #[test]
    fn any_web_of_references_comes_to_an_end(
        links in proptest::collection::vec((0..8_usize, 0..8_usize, 0..8_usize), 8),
    ) {
        let names = [
            "hera.env", "hera.area", "mail.host", "mail.user", "hera.advertise", "w", "x", "y",
        ];
        let mut text = String::new();
        for (name, (a, b, c)) in names.iter().zip(links) {
            let (a, b, c) = (names[a], names[b], names[c]);
            text.push_str(&format!("{name}: ${{{a}}}${{{b}:x}}-${{{c}}}\n"));
        }
        prop_assert!(read(&file(&text)).is_err(), "every value refers to another");
    }
}

#[test]
fn deep_and_long_files_are_answered() {
    let deep: String = (0..3_000)
        .map(|n: usize| format!("{}a:\n", " ".repeat(n.min(300))))
        .collect();
    let chain: String = (0..20_000)
        .map(|n| format!("k{n}: ${{k{}}}\n", n + 1))
        .collect();
    for (what, text) in [
        ("deep", deep),
        ("brackets", "[".repeat(50_000)),
        ("braces", "{a: ".repeat(20_000)),
        (
            "many references",
            format!("hera.env: {}", "${hera.area}".repeat(10_000)),
        ),
        ("many unknown keys", chain.clone()),
        ("a chain", format!("hera.env: ${{k0}}\n{chain}")),
        ("documents", "---\na: 1\n".repeat(2_000)),
        ("a long key", format!("{}: 1\n", "k".repeat(100_000))),
    ] {
        assert!(read(&file(&text)).is_err(), "{what}");
    }
}
