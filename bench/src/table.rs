//! The figures as a table that reads well in a terminal and in Markdown.

use std::time::Duration;

use crate::load::Round;

/// The head and the scenarios.
pub(crate) fn rows(fan_outs: Vec<Round>, chains: Vec<Round>) -> Vec<[String; 9]> {
    let head = [
        "scenario",
        "tasks",
        "took",
        "bare loop",
        "rate",
        "of bare",
        "p50",
        "p95",
        "p99",
    ];
    vec![
        head.map(ToOwned::to_owned),
        row("fan-out, due→start", fan_outs, 0),
        row("chain, end→next start", chains, 1),
    ]
}

/// The median round by time; `fewer` = by how much a round has fewer latencies than tasks.
fn row(name: &str, mut rounds: Vec<Round>, fewer: usize) -> [String; 9] {
    rounds.sort_by_key(|round| round.took);
    let round = &rounds[rounds.len() / 2];
    let tasks = round.latencies.len() + fewer;
    [
        name.to_owned(),
        tasks.to_string(),
        ms(round.took),
        ms(round.bare),
        format!("{:.0}/s", rate(tasks, round.took)),
        format!("{:.0} %", 100.0 * ratio(round.bare, round.took)),
        ms(percentile(&round.latencies, 50)),
        ms(percentile(&round.latencies, 95)),
        ms(percentile(&round.latencies, 99)),
    ]
}

/// Prints rows, the first as the head.
pub(crate) fn print(rows: &[[String; 9]]) {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| match column {
                0 => format!("{cell:<0$}", width(column)),
                _ => format!("{cell:>0$}", width(column)),
            })
            .collect();
        println!("| {} |", cells.join(" | "));
        if i == 0 {
            let rules: Vec<String> = (0..row.len())
                .map(|column| match column {
                    0 => "-".repeat(width(column)),
                    _ => format!("{}:", "-".repeat(width(column) - 1)),
                })
                .collect();
            println!("| {} |", rules.join(" | "));
        }
    }
}

/// The value below which `percent` of the sorted ones lie (nearest rank).
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

#[expect(clippy::cast_precision_loss, reason = "far fewer tasks than 2^52")]
fn rate(tasks: usize, took: Duration) -> f64 {
    tasks as f64 / took.as_secs_f64()
}

fn ratio(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sorted: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_millis(50));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(99));
        assert_eq!(percentile(&sorted[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
