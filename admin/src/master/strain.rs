//! Whether the leader has more to do than it can: then it starts nothing by hand, and says so.
//! What is planned goes on, and so does whatever workers report.

use std::fs;

use hera_domain::engine::Limits;
use serde::{Deserialize, Serialize};

use super::campaign::INBOX;

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strain {
    /// Messages wait for its next turn.
    Inbox { waiting: usize },
    /// Per cent of this machine's memory are in use, more than `hera.maxMemRate`.
    Memory { percent: u32, limit: u32 },
    /// Hundredths of load per core, more than `hera.maxCpuLoadPerCore`.
    Load { hundredths: u32, limit: u32 },
}

impl std::fmt::Display for Strain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inbox { waiting } => write!(f, "{waiting} messages wait for it"),
            Self::Memory { percent, limit } => write!(
                f,
                "{percent} % of its machine's memory are in use, the limit is {limit} % (hera.maxMemRate)"
            ),
            Self::Load { hundredths, limit } => {
                let [load, limit] = [*hundredths, *limit].map(|n| f64::from(n) / 100.0);
                write!(
                    f,
                    "its machine's load per core is {load:.2}, the limit is {limit:.2} (hera.maxCpuLoadPerCore)"
                )
            }
        }
    }
}

impl Strain {
    /// Looks at the machine as far as it is limited, and at what waits. An inbox that was nearly
    /// full must be nearly empty again, so that intake does not flutter.
    pub(super) fn look(before: Option<Self>, waiting: usize, limits: &Limits) -> Option<Self> {
        let bound = match before {
            Some(Self::Inbox { .. }) => INBOX / 4,
            Some(Self::Memory { .. } | Self::Load { .. }) | None => INBOX / 4 * 3,
        };
        if waiting > bound {
            return Some(Self::Inbox { waiting });
        }
        let (memory, load) = (limits.max_memory_rate, limits.max_load_per_core);
        let used = (memory > 0.0).then(|| memory_rate(&read("/proc/meminfo")));
        if let Some(used) = used.flatten().filter(|used| *used > memory) {
            let [percent, limit] = [used, memory].map(hundredths);
            return Some(Self::Memory { percent, limit });
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let now = (load > 0.0).then(|| load_per_core(&read("/proc/loadavg"), cores));
        let now = now.flatten().filter(|now| *now > load)?;
        let [hundredths, limit] = [now, load].map(hundredths);
        Some(Self::Load { hundredths, limit })
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The share of memory that is in use.
fn memory_rate(meminfo: &str) -> Option<f64> {
    let kib = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()
    };
    let (total, available) = (kib("MemTotal:")?, kib("MemAvailable:")?);
    (total > 0.0).then(|| 1.0 - available / total)
}

fn load_per_core(loadavg: &str, cores: usize) -> Option<f64> {
    let load: f64 = loadavg.split_whitespace().next()?.parse().ok()?;
    Some(load / f64::from(u32::try_from(cores).ok()?))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "loads and shares are small, and what is shown of them is rounded"
)]
fn hundredths(share: f64) -> u32 {
    (share * 100.0).round().max(0.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nearly_full_inbox_strains_until_it_is_nearly_empty() {
        let limits = Limits::default();
        let look = |before, waiting| Strain::look(before, waiting, &limits);
        assert_eq!(look(None, INBOX / 2), None);
        let strained = look(None, INBOX - 1);
        assert_eq!(strained, Some(Strain::Inbox { waiting: INBOX - 1 }));
        assert!(look(strained, INBOX / 2).is_some());
        assert_eq!(look(strained, INBOX / 4), None);
    }

    #[test]
    fn a_machine_is_looked_at_only_where_it_is_limited() {
        let limits = Limits {
            max_memory_rate: 0.000_001,
            ..Limits::default()
        };
        let strained = Strain::look(None, 0, &limits);
        assert!(
            matches!(strained, Some(Strain::Memory { .. })),
            "{strained:?}"
        );
    }

    #[test]
    fn memory_and_load_are_read_as_the_kernel_writes_them() {
        let meminfo = "MemTotal:       16000 kB\nMemFree: 1 kB\nMemAvailable:    4000 kB\n";
        assert_eq!(memory_rate(meminfo), Some(0.75));
        assert_eq!(load_per_core("3.00 2.5 1 1/9 7\n", 2), Some(1.5));
        assert_eq!((memory_rate(""), load_per_core("", 2)), (None, None));
        let strained = Strain::Load {
            hundredths: 150,
            limit: 100,
        };
        assert_eq!(
            strained.to_string(),
            "its machine's load per core is 1.50, the limit is 1.00 (hera.maxCpuLoadPerCore)"
        );
    }
}
