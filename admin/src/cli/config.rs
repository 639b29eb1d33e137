//! `hera-admin config`: what every setting is and where that was said. Opens no database.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use hera_settings::{Explained, Explanation, Origin, Settings, Sources};
use serde_json::{Value, json};

use super::table::{self, say};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Tell every setting, its value and where it was set, and what is wrong
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print one value alone
    Get {
        /// e.g. server.port
        key: String,
    },
}

pub(super) fn run(command: &ConfigCommand, sources: &Sources) -> anyhow::Result<()> {
    let explanation = Settings::explain(sources);
    match command {
        ConfigCommand::Check { json: true } => say(&format!("{:#}", as_json(&explanation)))?,
        ConfigCommand::Check { json: false } => print(&explanation)?,
        ConfigCommand::Get { key } => return get(&explanation, key),
    }
    match explanation.problems.len() {
        0 => Ok(()),
        1 => bail!("there is a problem with the settings"),
        n => bail!("there are {n} problems with the settings"),
    }
}

fn get(explanation: &Explanation, key: &str) -> anyhow::Result<()> {
    let value = explanation.value(key).with_context(|| {
        format!("there is no setting {key}; `hera-admin config check` tells all")
    })?;
    say(&value.shown())
}

fn print(explanation: &Explanation) -> anyhow::Result<()> {
    let Explanation {
        values,
        report,
        problems,
    } = explanation;
    if !values.is_empty() {
        let rows: Vec<Vec<String>> = values.iter().map(row).collect();
        table::print(&["KEY", "VALUE", "FROM"], &rows)?;
    }
    if !report.profiles.is_empty() {
        say(&format!("\nprofiles: {}", report.profiles.join(", ")))?;
    }
    if !report.ignored_java_keys.is_empty() {
        say("\nkeys of Java libraries, without a meaning here:")?;
        for key in &report.ignored_java_keys {
            say(&format!("  {key}"))?;
        }
    }
    for (title, lines) in [
        ("notes", report.notes.clone()),
        (
            "problems",
            problems.iter().map(ToString::to_string).collect(),
        ),
    ] {
        if !lines.is_empty() {
            say(&format!("\n{title}:"))?;
        }
        for line in lines {
            say(&format!("  {line}"))?;
        }
    }
    Ok(())
}

fn row(value: &Explained) -> Vec<String> {
    let from = match value.hides.as_slice() {
        [] => value.origin.to_string(),
        hidden => {
            let hidden: Vec<String> = hidden.iter().map(ToString::to_string).collect();
            format!("{}, over {}", value.origin, hidden.join(", "))
        }
    };
    vec![value.key.clone(), value.shown(), from]
}

fn as_json(explanation: &Explanation) -> Value {
    let Explanation {
        values,
        report,
        problems,
    } = explanation;
    let values: Vec<Value> = values
        .iter()
        .map(|value| {
            json!({
                "key": value.key,
                "value": value.shown(),
                "secret": value.secret,
                "origin": origin(&value.origin),
                "over": value.hides.iter().map(origin).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "settings": values,
        "profiles": report.profiles,
        "ignored": report.ignored_java_keys,
        "notes": report.notes,
        "problems": problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn origin(origin: &Origin) -> Value {
    match origin {
        Origin::Default => json!({"kind": "default"}),
        Origin::Machine => json!({"kind": "machine"}),
        Origin::File {
            path,
            line,
            profile,
        } => json!({"kind": "file", "file": path, "line": line, "profile": profile}),
        Origin::Variable(name) => json!({"kind": "variable", "name": name}),
        Origin::Set => json!({"kind": "set"}),
    }
}
