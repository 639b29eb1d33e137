//! What `config check` tells: every setting, where it was set, and nothing secret; and what the
//! documentation says of each.

use hera_settings::{KEYS, Settings, Sources};

fn file(text: &str) -> Sources {
    Sources {
        file: Some(("application.yml".into(), text.into())),
        ..Sources::default()
    }
}

fn env<const N: usize>(pairs: [(&str, &str); N]) -> std::collections::BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn told(sources: &Sources, key: &str, value: &str, origin: &str, hides: &[&str]) {
    let all = Settings::explain(sources);
    let found = all.value(key).expect("a setting");
    let hidden: Vec<String> = found.hides.iter().map(ToString::to_string).collect();
    assert_eq!(
        (found.shown().as_str(), found.origin.to_string().as_str()),
        (value, origin),
        "{key}"
    );
    assert_eq!(hidden, hides, "{key}");
}

#[test]
fn every_value_is_explained_by_where_it_was_set() {
    let mut sources =
        file("server.port: 1\nhera.downloadDir: /w\n---\nspring.profiles: p\nserver:\n  port: 2\n");
    sources.profile = Some("p".into());
    let (base, profile) = ("application.yml:1", "application.yml:6 (profile p)");
    told(&sources, "server.port", "2", profile, &[base]);
    told(&sources, "hera.workDir", "/w", "application.yml:2", &[]);
    told(&sources, "hera.timezone", "UTC", "this machine", &[]);
    told(&sources, "logging.path", "data/logs", "default", &[]);

    sources.env = env([("HERA_PORT", "3"), ("HERA_DATA_DIR", "/d")]);
    sources.sets = vec!["server.port=4".into()];
    told(
        &sources,
        "server.port",
        "4",
        "--set",
        &[base, profile, "HERA_PORT"],
    );
    told(
        &sources,
        "HERA.work_dir",
        "/d",
        "HERA_DATA_DIR",
        &["application.yml:2"],
    );
    told(
        &sources,
        "druid.datasource.url",
        "sqlite:///d/hera.db",
        "default",
        &[],
    );
}

#[test]
fn all_settings_are_told_although_some_are_wrong_and_no_secret_is() {
    let mut sources = file(
        "mail.password: hunter2\nhera.env: ${mail.password}\nhera.nothing: 1\nhera.leaseMs: x\n",
    );
    let url = "mysql://u:hunter3@db/hera?password=hunter4";
    sources.env = env([("HERA_DATABASE_URL", url)]);
    let all = Settings::explain(&sources);
    assert_eq!(all.problems.len(), 2, "{:?}", all.problems);
    for key in KEYS {
        assert!(
            all.value(key.name).is_some(),
            "{} is not explained",
            key.name
        );
    }
    let text = format!("{all:?}");
    assert!(!text.contains("hunter"), "{text}");
    let masked = all.value("mail.password").unwrap().shown();
    assert!(!masked.is_empty());
    assert_eq!(all.value("hera.env").unwrap().shown(), masked);
}

#[test]
fn the_documentation_lists_every_key_with_its_default() {
    for language in ["en", "zh"] {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let path = format!("{root}/docs/{language}/configuration.md");
        let text = std::fs::read_to_string(&path).unwrap();
        for key in KEYS {
            let default = match key.default {
                "" => "–".to_owned(),
                default => format!("`{default}`"),
            };
            let start = format!("| `{}` | {default} | ", key.name);
            let row = text.lines().find(|line| line.starts_with(&start));
            let row = row.unwrap_or_else(|| panic!("{path} lacks {} with {default}", key.name));
            for other in key.aliases.iter().copied().chain(key.variable) {
                assert!(
                    row.contains(&format!("`{other}`")),
                    "{other} is not in {row}"
                );
            }
        }
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(rows.count(), KEYS.len(), "{path} has rows of unknown keys");
    }
}
