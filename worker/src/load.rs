//! How busy this machine is.

use std::path::PathBuf;

use hera_proto::v1::Heartbeat;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::disk;

const MIB: u64 = 1024 * 1024;

/// Samples memory, load and disk; cheap enough for every heartbeat.
pub(crate) struct LoadMeter {
    /// `None` where the system cannot be asked.
    system: Option<System>,
    cores: u32,
    folder: PathBuf,
    min_free_mib: u64,
}

impl LoadMeter {
    /// `folder` is on the disk whose free space counts.
    /// With less than `min_free_mib` it is full.
    pub(crate) fn new(folder: PathBuf, min_free_mib: u64) -> Self {
        let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            system: System::new_with_specifics(memory)
                .inspect_err(|error| tracing::warn!("the machine's memory cannot be read: {error}"))
                .ok(),
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            folder,
            min_free_mib,
        }
    }

    pub(crate) fn sample(&mut self, running: u32) -> Heartbeat {
        let (total, available) = self.system.as_mut().map_or((0, 0), |system| {
            system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
            (system.total_memory(), system.available_memory())
        });
        let used = total.saturating_sub(available);
        let disk_free = disk::free_mib(&self.folder);
        let load = System::load_average().map_or(0.0, |load| load.one);
        Heartbeat {
            memory_total_mib: total / MIB,
            memory_rate: share(used, total),
            load_per_core: load / f64::from(self.cores),
            cores: self.cores,
            running,
            number: 0,
            disk_free_mib: disk_free.unwrap_or(0),
            disk_full: disk_free.is_some_and(|free| free < self.min_free_mib),
        }
    }
}

/// In per mille steps, which is plenty and needs no lossy conversion.
fn share(used: u64, total: u64) -> f64 {
    let per_mille = (used.saturating_mul(1000) / total.max(1)).min(1000);
    f64::from(u32::try_from(per_mille).unwrap_or(1000)) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_plausible() {
        let load = LoadMeter::new(PathBuf::from("/"), 0).sample(3);
        assert!(!load.disk_full);
        assert!(
            LoadMeter::new(PathBuf::from("/"), u64::MAX)
                .sample(3)
                .disk_full
        );
        assert!(load.memory_total_mib > 0 && load.cores > 0 && load.disk_free_mib > 0);
        assert!((0.0..=1.0).contains(&load.memory_rate));
        assert_eq!(load.running, 3);
    }
}
