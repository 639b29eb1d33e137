//! The machine, and what the programs take of it while nothing runs.

use std::time::Duration;

use anyhow::Context as _;
use hera_tests::{Installation, pause};

/// How long the programs are watched.
const WATCHED: Duration = Duration::from_secs(5);

/// What an idle program takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) resident_mb: f64,
    pub(crate) cpu_percent: f64,
}

/// Watches both programs while there is nothing to do.
pub(crate) fn idle(hera: &mut Installation) -> anyhow::Result<[(&'static str, Usage); 2]> {
    let pids = [
        ("hera-admin", hera.admin().pid()),
        ("hera-worker", hera.worker().pid()),
    ];
    // What starting up has cost is not idling.
    pause(Duration::from_secs(2));
    let before = pids.map(|(_, pid)| cpu_ticks(pid));
    pause(WATCHED);
    let mut usages = Vec::new();
    for ((name, pid), before) in pids.into_iter().zip(before) {
        let ticks = cpu_ticks(pid)? - before?;
        usages.push((
            name,
            Usage {
                resident_mb: resident_kib(pid)? / 1024.0,
                // Linux counts 100 ticks a second on every platform that matters.
                cpu_percent: ticks / WATCHED.as_secs_f64(),
            },
        ));
    }
    usages.try_into().ok().context("two programs were watched")
}

/// What one program takes while something goes on.
pub(crate) fn usage(pid: u32, watched: Duration) -> anyhow::Result<Usage> {
    let before = cpu_ticks(pid)?;
    pause(watched);
    Ok(Usage {
        resident_mb: resident_kib(pid)? / 1024.0,
        cpu_percent: (cpu_ticks(pid)? - before) / watched.as_secs_f64(),
    })
}

/// Cores and processor, for whoever compares tables.
pub(crate) fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    format!("{cores} cores, {model}")
}

fn cpu_ticks(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat
        .rsplit_once(") ")
        .context("stat has a name in brackets")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let user: f64 = fields[11].parse()?;
    let system: f64 = fields[12].parse()?;
    Ok(user + system)
}

fn resident_kib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("status has VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
