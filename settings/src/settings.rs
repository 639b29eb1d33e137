//! The settings of an installation, as both programs use them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;

use crate::database::Database;
use crate::types::{CgroupChoice, LoadBalance, ScriptType, Secret};

/// Everything that can be set. Defaults are those of [`Settings::default`], which the documented
/// `application.yml` repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Database, keys, logs of an admin; run directories and spool of a worker.
    pub data_dir: PathBuf,
    /// `hera.env`: the badge on every page.
    pub environment: String,
    /// This installation's region; `all` = none in particular.
    pub area: String,
    /// Of jobs that name none.
    pub timezone: Tz,
    pub database: Database,
    pub pool: Pool,
    pub web: Web,
    pub cluster: Cluster,
    pub timing: Timing,
    pub scheduling: Scheduling,
    pub worker: Worker,
    /// By run type: shell, python, …
    pub script_types: BTreeMap<String, ScriptType>,
    pub logging: Logging,
    pub alarms: Alarms,
    pub mail: Mail,
    pub rerun: Rerun,
    pub retention: Retention,
    pub hdfs: Hdfs,
    pub kerberos: Kerberos,
    pub spark: Spark,
}

/// The pool of database connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    pub initial_size: u32,
    pub min_idle: u32,
    pub max_active: u32,
    /// How long a request waits for a connection.
    pub max_wait: Duration,
    /// An unused connection is closed after this.
    pub min_evictable_idle: Duration,
    pub test_on_borrow: bool,
    /// A statement that takes longer is logged.
    pub slow_sql: Duration,
}

/// Pages and API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Of the web port and of the port for workers.
    pub bind: IpAddr,
    pub port: u16,
    pub context_path: String,
    pub max_file_bytes: u64,
    pub max_request_bytes: u64,
    /// How long a login lasts.
    pub session: Duration,
    /// Lines of a log's start and end that a page shows.
    pub log_head_lines: u32,
    pub log_tail_lines: u32,
    /// This user too is an admin of the installation.
    pub admin_user: String,
    /// Password of the first user at the first start.
    pub first_password: Option<Secret>,
}

/// How admins and workers find and trust each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Port for workers.
    pub connect_port: u16,
    /// Host by which others reach this admin.
    pub advertise: String,
    /// `host:port` of the admins a worker joins.
    pub admin_addresses: Vec<String>,
    /// `None`: the one in [`Settings::join_token_file`].
    pub join_token: Option<Secret>,
    pub insecure_grpc: bool,
    pub tls: Option<Tls>,
    /// Host group whose machines may lead.
    pub leader_host_group: i64,
}

/// TLS on the port for workers and between admins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Certificate chain and key of an admin's port.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The authority that is trusted; `None` = those of the machine.
    pub ca_file: Option<PathBuf>,
}

/// How long things take at most. Loading refuses sets that break the scheduler's promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    pub heartbeat: Duration,
    pub lease: Duration,
    pub renew: Duration,
    /// Silence after which a worker's runs are unreachable.
    pub worker_lost: Duration,
    /// Time without contact after which a worker ends what may be started elsewhere.
    pub self_fence: Duration,
    /// For commands that are forwarded to the leader.
    pub request_timeout: Duration,
    /// For one message to a peer.
    pub channel_timeout: Duration,
}

/// Limits of what runs where and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduling {
    pub default_host_group: i64,
    /// Runs on all workers together.
    pub max_parallel: u32,
    /// Share of a worker's memory; 0 = off.
    pub max_memory_rate: f64,
    /// 0 = off.
    pub max_load_per_core: f64,
    pub system_memory_mib: u64,
    pub task_memory_mib: u64,
    pub load_balance: LoadBalance,
    /// A worker under load that was given a run gets no other for this long.
    pub warm_up: Duration,
    pub task_timeout_hours: u32,
    pub waiting_days: u32,
    pub misfire_window_hours: u32,
    pub no_worker_alarm_minutes: u32,
}

/// What a worker does with scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// `None` = the machine's name.
    pub name: Option<String>,
    /// Run directories and spool.
    pub work_dir: PathBuf,
    /// Slots; `None` = reckoned from memory.
    pub max_runs: Option<u32>,
    /// By which host groups may name it.
    pub labels: Vec<String>,
    /// Whether a script runs as its team's user.
    pub sudo_user: bool,
    /// Sourced before every script.
    pub env_file: Option<PathBuf>,
    /// Sourced after it before scripts of a team, by the team's name.
    pub team_env_files: BTreeMap<String, PathBuf>,
    /// With less room on its disk it takes no more runs; 0 = off.
    pub min_disk_free_mib: u64,
    /// Of one run's log on its disk.
    pub max_log_mib: u64,
    pub cgroup: CgroupChoice,
    /// How long the processes of a cancelled run get after INT, and then after TERM; 0 = the
    /// signal is not sent.
    pub after_interrupt: Duration,
    pub after_terminate: Duration,
    pub limits: RunLimits,
    /// Suffixes of downloads whose line ends are left alone.
    pub exclude_suffixes: Vec<String>,
}

/// What one run may use; 0 = the machine's own limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    pub memory_mib: u64,
    /// Thousandths of a core.
    pub cpu_millis: u32,
    pub cpu_time: Duration,
    pub open_files: u64,
    pub processes: u64,
}

/// Where the log goes and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    pub dir: PathBuf,
    /// In the syntax of `tracing`.
    pub filter: String,
}

/// Who hears of failures of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarms {
    /// Environments that alarm at all; empty = every one.
    pub environments: Vec<String>,
    pub monitor_users: Vec<String>,
    pub monitor_emails: Vec<String>,
}

/// The mail server; without a host no mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub host: Option<String>,
    pub port: u16,
    pub protocol: String,
    pub user: Option<String>,
    pub password: Option<Secret>,
}

/// Limits of backfills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rerun {
    pub max_parallel: u32,
    /// Hours of the day, first and last.
    pub hours: (u8, u8),
}

/// Days after which things are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    pub runs_days: u32,
    pub logs_days: u32,
    pub versions_days: u32,
    pub records_days: u32,
    /// Full logs on a worker.
    pub worker_days: u32,
}

/// Hadoop's file system and resource managers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hdfs {
    pub enabled: bool,
    pub conf_dir: Option<PathBuf>,
    pub upload_path: String,
    pub resource_managers: Vec<String>,
}

/// How a worker logs in to a secured cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kerberos {
    pub principal: Option<String>,
    pub keytab: Option<PathBuf>,
}

/// Options of spark-sql, and the thrift server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spark {
    pub address: Option<String>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub options: Vec<String>,
}

impl Settings {
    /// Where the join token is kept when none is set: written by the admin's first start, read
    /// by a worker on the same machine.
    pub fn join_token_file(&self) -> PathBuf {
        self.data_dir.join("join-token")
    }
}
