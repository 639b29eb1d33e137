//! The figures of attacks as a table.

use std::collections::BTreeMap;
use std::fmt;

use crate::attack::Report;
use crate::fault::Fault;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(f, "VIOLATED {violation}")?;
        }
        if let Some(folder) = &self.folder {
            writeln!(f, "everything is kept in {}", folder.display())?;
        }
        writeln!(f, "{}", Sum(std::slice::from_ref(self)))
    }
}

/// Attacks added up.
#[derive(Debug)]
pub struct Sum<'a>(pub &'a [Report]);

impl fmt::Display for Sum<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut faults: BTreeMap<Fault, (usize, usize)> = BTreeMap::new();
        for (fault, (hit, missed)) in self.0.iter().flat_map(|report| &report.faults) {
            let sum = faults.entry(*fault).or_default();
            sum.0 += hit;
            sum.1 += missed;
        }
        writeln!(f, "| fault | times | moment missed |\n|---|---|---|")?;
        for (fault, (hit, missed)) in &faults {
            writeln!(f, "| {fault:?} | {hit} | {missed} |")?;
        }
        let sum = |of: fn(&Report) -> usize| self.0.iter().map(of).sum::<usize>();
        let hit: usize = faults.values().map(|(hit, _)| hit).sum();
        writeln!(f)?;
        writeln!(
            f,
            "| attacks | faults | takeovers | versions | runs | lines of truth | minutes | slowest healing | violations |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        writeln!(
            f,
            "| {} | {hit} | {} | {} | {} | {} | {:.1} | {:.1} s | {} |",
            self.0.len(),
            self.0.iter().map(|report| report.epochs).sum::<i64>(),
            sum(|report| report.versions),
            sum(|report| report.runs),
            sum(|report| report.lines),
            self.0
                .iter()
                .map(|report| report.took.as_secs_f64())
                .sum::<f64>()
                / 60.0,
            self.0
                .iter()
                .map(|report| report.healed_in.as_secs_f64())
                .fold(0.0, f64::max),
            sum(|report| report.violations.len()),
        )
    }
}
