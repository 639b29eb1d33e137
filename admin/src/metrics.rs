//! What Prometheus reads at `/hera/metrics`.

use std::sync::atomic::{AtomicI64, AtomicU64};

use hera_domain::status::{Lane, RunStatus, Trigger};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Labels of the runs that have ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndedLabels {
    trigger: &'static str,
    status: &'static str,
}

/// Labels of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    host_group: String,
    lane: &'static str,
}

/// The metrics of this process. The master records, the web shows.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    ended: Family<EndedLabels, Counter>,
    queued: Family<QueueLabels, Gauge>,
    due_to_start: Histogram,
    commit: Histogram,
    workers: Gauge,
    epoch: Gauge,
    strained: Gauge,
    memory: Gauge<i64, AtomicI64>,
    cpu: Gauge<f64, AtomicU64>,
    open_files: Gauge<i64, AtomicI64>,
    threads: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = [
            0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0,
        ];
        let mut metrics = Self {
            registry: Registry::default(),
            ended: Family::default(),
            queued: Family::default(),
            due_to_start: Histogram::new(seconds),
            commit: Histogram::new(seconds),
            workers: Gauge::default(),
            epoch: Gauge::default(),
            strained: Gauge::default(),
            memory: Gauge::default(),
            cpu: Gauge::default(),
            open_files: Gauge::default(),
            threads: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        // The encoder appends `_total` and the unit.
        r.register("hera_runs", "Runs that have ended", self.ended.clone());
        r.register(
            "hera_queue_depth",
            "Runs that wait for a worker",
            self.queued.clone(),
        );
        r.register_with_unit(
            "hera_due_to_start",
            "From the instant a version is due to the start of its process",
            Unit::Seconds,
            self.due_to_start.clone(),
        );
        r.register_with_unit(
            "hera_commit",
            "Duration of the leader's commits",
            Unit::Seconds,
            self.commit.clone(),
        );
        r.register("hera_workers", "Connected workers", self.workers.clone());
        r.register(
            "hera_leader_epoch",
            "Number of the present leadership",
            self.epoch.clone(),
        );
        r.register(
            "hera_leader_strained",
            "Whether this leader has too much to do and starts nothing by hand",
            self.strained.clone(),
        );
        r.register_with_unit(
            "process_resident_memory",
            "Resident memory of this process",
            Unit::Bytes,
            self.memory.clone(),
        );
        r.register(
            "process_cpu_seconds_total",
            "Processor time used by this process",
            self.cpu.clone(),
        );
        r.register(
            "process_open_fds",
            "Open file descriptors of this process",
            self.open_files.clone(),
        );
        r.register(
            "process_threads",
            "Threads of this process",
            self.threads.clone(),
        );
    }

    /// Notes whether this leader has too much to do.
    pub fn strained(&self, strained: bool) {
        self.strained.set(i64::from(strained));
    }

    /// Counts a run that has ended.
    pub fn run_ended(&self, trigger: Trigger, status: RunStatus) {
        let labels = EndedLabels {
            trigger: trigger.as_str(),
            status: status.as_str(),
        };
        self.ended.get_or_create(&labels).inc();
    }

    /// Sets how many runs wait in the lanes of the host groups; others are forgotten, and of two
    /// numbers for the same lane the later one counts.
    pub fn queues(&self, depths: impl Iterator<Item = (String, Lane, usize)>) {
        self.queued.clear();
        for (host_group, lane, depth) in depths {
            let lane = lane.as_str();
            let labels = QueueLabels { host_group, lane };
            let depth = i64::try_from(depth).unwrap_or(i64::MAX);
            self.queued.get_or_create(&labels).set(depth);
        }
    }

    /// Records how long after its due time a version's process started.
    pub fn started_after(&self, late: std::time::Duration) {
        self.due_to_start.observe(late.as_secs_f64());
    }

    /// Records a commit of the leader.
    pub fn committed_in(&self, took: std::time::Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    /// Everything in the text form of Prometheus. What other parts know better is asked for here.
    pub fn render(&self, connected_workers: usize, epoch: i64) -> String {
        self.workers
            .set(i64::try_from(connected_workers).unwrap_or(i64::MAX));
        self.epoch.set(epoch);
        if let Some(process) = process::read() {
            self.memory.set(process.resident_bytes);
            self.cpu.set(process.cpu_seconds);
            self.open_files.set(process.open_files);
            self.threads.set(process.threads);
        }
        let mut page = String::new();
        text::encode(&mut page, &self.registry).expect("a String takes everything");
        page
    }
}

/// The process as /proc shows it.
mod process {
    use std::fs;

    pub(super) struct Process {
        pub(super) resident_bytes: i64,
        pub(super) cpu_seconds: f64,
        pub(super) open_files: i64,
        pub(super) threads: i64,
    }

    /// Clock ticks per second: a constant of the kernel's interface on every platform we run on.
    const TICKS: f64 = 100.0;

    pub(super) fn read() -> Option<Process> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        // The second field is the program's name in parentheses and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?
            .trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<i64>()
            .ok()?;
        let files = fs::read_dir("/proc/self/fd").ok()?.count();
        Some(Process {
            resident_bytes: kib * 1024,
            cpu_seconds: ticks / TICKS,
            open_files: i64::try_from(files).ok()?,
            threads: fields.get(17)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_page_names_what_the_contract_promises() {
        let metrics = Metrics::default();
        metrics.run_ended(Trigger::Schedule, RunStatus::Success);
        let queue = |depth| ("默认组".to_owned(), Lane::Manual, depth);
        metrics.queues([queue(0), queue(3)].into_iter());
        metrics.started_after(Duration::from_millis(3));
        metrics.committed_in(Duration::from_millis(2));
        let page = metrics.render(2, 5);
        for line in [
            "hera_runs_total{trigger=\"schedule\",status=\"success\"} 1",
            "hera_queue_depth{host_group=\"默认组\",lane=\"manual\"} 3",
            "hera_due_to_start_seconds_bucket{le=\"0.005\"} 1",
            "hera_commit_seconds_count 1",
            "hera_workers 2",
            "hera_leader_epoch 5",
            "hera_leader_strained 0",
            "process_resident_memory_bytes ",
            "process_cpu_seconds_total ",
            "process_open_fds ",
        ] {
            assert!(page.contains(line), "{line} is missing in\n{page}");
        }
    }
}
