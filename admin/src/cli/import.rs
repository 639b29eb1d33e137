//! `hera-admin import-hera`: groups, jobs, people and files of a HERA.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use hera_settings::Settings;

use super::database::open_ready;
use super::table::{self, say};
use crate::app;
use crate::import::{self, Finding, Kind, Options, Report, Severity};

/// Lines of one severity and kind that a person is shown; the rest is in the whole report. A dry
/// run shows all that is lost or kept closed: it is made for that.
const SHOWN: usize = 10;
/// Rows of one line.
const ROWS: usize = 8;

#[derive(Debug, Args)]
pub(super) struct ImportLine {
    /// HERA's database: mysql://user:password@host:port/database, or its JDBC address. From the
    /// environment, no list of processes shows the password
    #[arg(env = "HERA_IMPORT_URL", hide_env_values = true)]
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
    let mut is_cut = false;
    for severity in Severity::ALL {
        is_cut |= print_findings(report, severity)?;
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
        rest(report.renumbered.len().saturating_sub(SHOWN))?;
    }
    is_cut |= report.renumbered.len() > SHOWN;
    if is_cut && !is_written {
        say("\n--report FILE writes the whole report, --json prints it.")?;
    }
    if report.dry_run {
        say("\nThis was a dry run: nothing was changed.")?;
    }
    Ok(())
}

/// Whether some were left out.
fn print_findings(report: &Report, severity: Severity) -> anyhow::Result<bool> {
    let all = report.of(severity);
    if all == 0 {
        return Ok(false);
    }
    say(&format!("\n{} ({all}):", severity.title()))?;
    let is_whole = report.dry_run && severity <= Severity::Closed;
    let mut is_cut = false;
    for lines in lines(&report.findings, severity).values() {
        let shown = if is_whole { lines.len() } else { SHOWN };
        for line in lines.iter().take(shown) {
            say(&format!("  {line}"))?;
        }
        is_cut |= rest(lines.len().saturating_sub(shown))?;
    }
    Ok(is_cut)
}

/// The findings of a severity as sentences; what is so of several rows is said once.
fn lines(findings: &[Finding], severity: Severity) -> BTreeMap<Kind, Vec<String>> {
    let mut kinds: BTreeMap<Kind, Vec<Vec<&Finding>>> = BTreeMap::new();
    let mut places: BTreeMap<(Kind, &str, &str, &str), usize> = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.severity == severity) {
        let groups = kinds.entry(finding.kind).or_default();
        let said = (finding.kind, finding.column, &*finding.what, &*finding.todo);
        match places.get(&said) {
            Some(place) if finding.id != 0 => groups[*place].push(finding),
            Some(_) | None => {
                if finding.id != 0 {
                    places.insert(said, groups.len());
                }
                groups.push(vec![finding]);
            }
        }
    }
    let kinds = kinds.into_iter();
    kinds
        .map(|(kind, groups)| (kind, groups.iter().map(|rows| sentence(rows)).collect()))
        .collect()
}

/// What is so of these rows.
fn sentence(rows: &[&Finding]) -> String {
    let [first, ..] = rows else {
        return String::new();
    };
    let kind = first.kind.as_str();
    let who = match (first.id, first.name.as_str()) {
        _ if rows.len() > 1 => {
            let ids: Vec<String> = rows.iter().take(ROWS).map(|f| f.id.to_string()).collect();
            let more = match rows.len().checked_sub(ROWS) {
                Some(more) if more > 0 => format!(" and {more} more"),
                Some(_) | None => String::new(),
            };
            format!("{kind} {}{more}", ids.join(", "))
        }
        // Of a table that is not read, the name is all.
        (0, name) if first.table.is_empty() => name.to_owned(),
        (0, _) => first.table.to_owned(),
        (id, "") => format!("{kind} {id}"),
        (id, name) => format!("{kind} {id} ({name})"),
    };
    let place = if first.column.is_empty() {
        who
    } else {
        format!("{who}, {}", first.column)
    };
    let todo = if first.todo.is_empty() {
        String::new()
    } else {
        format!(" → {}", first.todo)
    };
    format!("{place}: {}{todo}", first.what)
}

/// Says that lines were left out, if any were.
fn rest(more: usize) -> anyhow::Result<bool> {
    if more > 0 {
        say(&format!("  … and {more} more"))?;
    }
    Ok(more > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: i64, name: &str, what: &str) -> Finding {
        Finding {
            severity: Severity::Closed,
            kind: Kind::Job,
            table: Kind::Job.table(),
            id,
            name: name.to_owned(),
            column: "configs",
            what: what.to_owned(),
            todo: "set it".to_owned(),
        }
    }

    #[test]
    fn what_is_so_of_several_rows_is_said_once_and_each_row_is_named() {
        let mut findings: Vec<Finding> = (1..=10).map(|id| finding(id, "a", "same")).collect();
        findings.push(finding(11, "汇总", "other"));
        findings.push(finding(12, "", "third"));
        findings.push(finding(0, "", "all"));
        let said = lines(&findings, Severity::Closed);
        assert_eq!(
            said[&Kind::Job],
            [
                "job 1, 2, 3, 4, 5, 6, 7, 8 and 2 more, configs: same → set it",
                "job 11 (汇总), configs: other → set it",
                "job 12, configs: third → set it",
                "hera_job, configs: all → set it",
            ]
        );
        assert!(lines(&findings, Severity::Refused).is_empty());
    }
}
