//! What a run may use at most.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// Limits of one run; 0 = the machine's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of all its processes together in a control group, else of each.
    pub memory_mib: u64,
    /// Thousandths of a core; in a control group only.
    pub cpu_millis: u32,
    /// Of each process.
    pub cpu_seconds: u64,
    /// Of each process.
    pub open_files: u64,
    /// In a control group, else all of its user's.
    pub processes: u64,
}

/// Between the signal that says that the time is over and the one that ends it.
const LAST_SECONDS: u64 = 10;

impl Limits {
    /// What is left to set in the process itself where a control group sees to the rest.
    pub(crate) fn without_groups(&self, memory: bool, processes: bool) -> Self {
        Self {
            memory_mib: if memory { 0 } else { self.memory_mib },
            processes: if processes { 0 } else { self.processes },
            ..self.clone()
        }
    }

    /// Limits this process and those that it starts.
    ///
    /// # Errors
    /// When the machine does not take one.
    pub(crate) fn apply(&self) -> nix::Result<()> {
        let kinds = [
            // Private memory that can be written: unlike the address space, what a JVM merely
            // reserves does not count.
            (Resource::RLIMIT_DATA, self.memory_mib << 20, 0),
            (Resource::RLIMIT_CPU, self.cpu_seconds, LAST_SECONDS),
            (Resource::RLIMIT_NOFILE, self.open_files, 0),
            (Resource::RLIMIT_NPROC, self.processes, 0),
        ];
        for (resource, limit, grace) in kinds {
            if limit > 0 {
                let (_, most) = getrlimit(resource)?;
                setrlimit(resource, limit.min(most), (limit + grace).min(most))?;
            }
        }
        Ok(())
    }
}
