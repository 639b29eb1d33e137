//! `hera-admin import-hera`: groups, jobs, people and files of a HERA.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use hera_settings::Settings;

use super::database::open_ready;
use super::table::{self, say};
use crate::app;
use crate::import::{self, Finding, Options, Report, Severity};

/// Findings of one severity and kind that a person is shown; the rest is in the whole report.
const SHOWN: usize = 10;

#[derive(Debug, Args)]
pub(super) struct ImportLine {
    /// HERA's database: mysql://user:password@host:port/database, or its JDBC address
    url: String,
    /// Change nothing and only report; works while an admin runs
    #[arg(long)]
    dry_run: bool,
    /// Import every new job closed, so that it does not run here while it still runs in HERA
    #[arg(long)]
    closed: bool,
    /// Finished runs and their logs too
    #[arg(long)]
    with_history: bool,
    /// The name under which this HERA is remembered; by default its address
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
    /// Write the whole report as JSON to a file too
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(super) async fn run(line: ImportLine, settings: &Settings) -> anyhow::Result<()> {
    let store = open_ready(settings).await?;
    let options = Options {
        source: line.source,
        closed: line.closed,
        dry_run: line.dry_run,
        with_history: line.with_history,
        timezone: settings.timezone,
        area: settings.area.clone(),
        admin: settings.web.admin_user.clone(),
        limits: app::limits(settings),
        content_limits: app::content_limits(settings),
    };
    let report = import::run(&store, &line.url, options).await?;
    let whole = serde_json::to_string_pretty(&report)?;
    if let Some(file) = &line.report {
        std::fs::write(file, &whole)
            .with_context(|| format!("the report cannot be written to {}", file.display()))?;
    }
    if line.json {
        say(&whole)
    } else {
        print(&report, line.report.is_some())
    }
}

fn print(report: &Report, is_written: bool) -> anyhow::Result<()> {
    say(&format!("{} → {}", report.from, report.into))?;
    say("")?;
    let rows: Vec<Vec<String>> = report
        .counts
        .iter()
        .map(|(kind, counts)| {
            let numbers = [
                counts.read,
                counts.imported,
                counts.updated,
                counts.unchanged,
                counts.left,
                counts.refused,
                counts.deleted,
            ];
            let numbers = numbers.iter().map(ToString::to_string);
            std::iter::once(kind.as_str().to_owned())
                .chain(numbers)
                .collect()
        })
        .collect();
    let head = [
        "",
        "READ",
        "IMPORTED",
        "UPDATED",
        "UNCHANGED",
        "CHANGED HERE, LEFT",
        "REFUSED",
        "DELETED IN HERA",
    ];
    table::print(&head, &rows)?;
    for severity in Severity::ALL {
        print_findings(report, severity)?;
    }
    if !report.renumbered.is_empty() {
        say(&format!("\nother ids ({}):", report.renumbered.len()))?;
        for moved in report.renumbered.iter().take(SHOWN) {
            let kind = moved.kind.as_str();
            say(&format!(
                "  {kind} {} → {}  {}",
                moved.old, moved.new, moved.name
            ))?;
        }
        rest(report.renumbered.len())?;
    }
    let is_cut = report.renumbered.len() > SHOWN || is_cut(report);
    if is_cut && !is_written {
        say("\n--report FILE writes the whole report, --json prints it.")?;
    }
    if report.dry_run {
        say("\nThis was a dry run: nothing was changed.")?;
    }
    Ok(())
}

fn print_findings(report: &Report, severity: Severity) -> anyhow::Result<()> {
    let all: Vec<&Finding> = of(report, severity).collect();
    if all.is_empty() {
        return Ok(());
    }
    say(&format!("\n{} ({}):", severity.title(), all.len()))?;
    let mut kinds: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in all {
        kinds.entry(finding.kind).or_default().push(finding);
    }
    for findings in kinds.values() {
        for finding in findings.iter().take(SHOWN) {
            say(&format!("  {}", sentence(finding)))?;
        }
        rest(findings.len())?;
    }
    Ok(())
}

fn sentence(finding: &Finding) -> String {
    let Finding {
        severity: _,
        kind,
        table,
        id,
        name,
        column,
        what,
        todo,
    } = finding;
    let row = match (id, name.as_str()) {
        // Of a table that is not read, the name is all.
        (0, name) if table.is_empty() => name.to_owned(),
        (0, _) => (*table).to_owned(),
        (id, "") => format!("{} {id}", kind.as_str()),
        (id, name) => format!("{} {id} ({name})", kind.as_str()),
    };
    let place = if column.is_empty() {
        row
    } else {
        format!("{row}, {column}")
    };
    let todo = if todo.is_empty() {
        String::new()
    } else {
        format!(" → {todo}")
    };
    format!("{place}: {what}{todo}")
}

fn rest(count: usize) -> anyhow::Result<()> {
    match count.checked_sub(SHOWN) {
        Some(more) if more > 0 => say(&format!("  … and {more} more")),
        Some(_) | None => Ok(()),
    }
}

fn of(report: &Report, severity: Severity) -> impl Iterator<Item = &Finding> {
    let findings = report.findings.iter();
    findings.filter(move |finding| finding.severity == severity)
}

fn is_cut(report: &Report) -> bool {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for finding in &report.findings {
        *counts.entry((finding.severity, finding.kind)).or_default() += 1;
    }
    counts.values().any(|count| *count > SHOWN)
}
