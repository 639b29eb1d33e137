//! Every setting: its names, its kind, its default. The one table of known keys.

mod network;
mod running;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Problem, SettingsError};
use crate::layers::{Layers, Sources};
use crate::reader::{Reader, Report};
use crate::settings::{
    Alarms, Hdfs, Kerberos, Mail, Rerun, Retention, Scheduling, Settings, Timing,
};
use crate::types::LoadBalance;

/// Time a worker needs, after fencing itself, until all it ran is surely gone.
const FENCE_MARGIN: Duration = Duration::from_secs(5);

impl Default for Settings {
    fn default() -> Self {
        let (settings, _) = Self::load(&Sources::default()).expect("the defaults are valid");
        settings
    }
}

impl Settings {
    /// Lays the sources over each other, reads every value and checks that they go together.
    ///
    /// # Errors
    /// All problems at once: syntax, unknown keys, values of the wrong kind, broken rules.
    pub fn load(sources: &Sources) -> Result<(Self, Report), SettingsError> {
        let layers = Layers::of(sources)?;
        let mut reader = Reader::new(&layers, &sources.env);
        let settings = settings(&mut reader, sources);
        check(&settings, &mut reader);
        let (report, problems) = reader.finish();
        if problems.is_empty() {
            Ok((settings, report))
        } else {
            Err(SettingsError(problems))
        }
    }

    /// What only an admin must not be: its port for workers open to others without TLS.
    ///
    /// # Errors
    /// The rule that is broken, with the ways to keep it.
    pub fn check_for_admin(&self) -> Result<(), SettingsError> {
        let cluster = &self.cluster;
        if self.web.bind.is_loopback() || cluster.tls.is_some() || cluster.insecure_grpc {
            return Ok(());
        }
        Err(Problem::Rule(format!(
            "the port for workers would be open on {} without TLS: set hera.tls.certFile and hera.tls.keyFile, \
             or hera.insecureGrpc: true if the network can be trusted",
            self.web.bind
        ))
        .into())
    }
}

fn settings(r: &mut Reader<'_>, sources: &Sources) -> Settings {
    let data_dir = path_or(r, &["hera.dataDir"], "data");
    // The environment's folder is for everything, so that installations run side by side.
    let own_folder = sources
        .env
        .get("HERA_DATA_DIR")
        .filter(|dir| !dir.is_empty());
    let bind = r
        .parsed(
            &["server.address"],
            "an IP address, e.g. 127.0.0.1",
            network::bind,
        )
        .unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let connect_port = r.number(&["hera.connectPort"], 1..=u16::MAX, 9887);
    Settings {
        environment: r.text_or(&["hera.env"], "dev"),
        area: r.text_or(&["hera.area"], "all"),
        timezone: r
            .parsed(
                &["hera.timezone"],
                "the name of a time zone, e.g. Asia/Shanghai",
                |name| name.parse().ok(),
            )
            .unwrap_or(sources.machine_timezone),
        database: network::database(r, &data_dir),
        pool: network::pool(r),
        web: network::web(r, bind),
        cluster: network::cluster(r, bind, connect_port),
        timing: timing(r),
        scheduling: scheduling(r),
        worker: running::worker(r, &data_dir, own_folder.is_some()),
        script_types: running::script_types(r),
        logging: running::logging(r, &data_dir, own_folder.is_some()),
        alarms: Alarms {
            environments: r.list(&["hera.alarmEnv"]),
            monitor_users: r.list(&["hera.monitorUsers"]),
            monitor_emails: r.list(&["hera.monitorEmails"]),
        },
        mail: Mail {
            host: r.text(&["mail.host"]),
            port: r.number(&["mail.port"], 1..=u16::MAX, 465),
            protocol: r.text_or(&["mail.protocol"], "smtp"),
            user: r.text(&["mail.user"]),
            password: r.secret(&["mail.password"]),
        },
        rerun: Rerun {
            max_parallel: r.number(&["hera.rerun.maxParallelNum"], 1..=10_000, 20),
            hours: r
                .parsed(
                    &["hera.rerun.timeRange"],
                    "two hours of the day, e.g. 0-23",
                    hours,
                )
                .unwrap_or((0, 23)),
        },
        retention: Retention {
            runs_days: r.number(&["hera.retention.runsDays"], 1..=36_500, 90),
            logs_days: r.number(&["hera.retention.logsDays"], 1..=36_500, 30),
            // Rows must outlive the farthest window that looks back at them.
            versions_days: r.number(&["hera.retention.versionsDays"], 400..=36_500, 400),
            records_days: r.number(&["hera.retention.recordsDays"], 1..=36_500, 730),
            worker_days: r.number(&["hera.retention.workerDays"], 1..=36_500, 7),
        },
        hdfs: Hdfs {
            enabled: r.boolean(&["hera.hdfs.enabled"], false),
            conf_dir: path(r, &["hera.hdfs.confDir"]),
            upload_path: r.text_or(
                &["hera.hdfsUploadPath", "hera.hdfsLibPath"],
                "/hera/hdfs-upload-dir",
            ),
            resource_managers: r.list(&["hera.yarn.resourceManagers"]),
        },
        kerberos: Kerberos {
            principal: r.text(&["hera.kerberos.principal"]),
            keytab: path(r, &["hera.kerberos.keytabpath"]),
        },
        spark: running::spark(r),
        data_dir,
    }
}

fn timing(r: &mut Reader<'_>) -> Timing {
    let heartbeat = Duration::from_secs(r.number(&["hera.heartBeat"], 1..=600, 3));
    let heartbeat_ms = r.optional_number(&["hera.heartBeatMs"], 50..=600_000);
    Timing {
        heartbeat: heartbeat_ms.map_or(heartbeat, Duration::from_millis),
        lease: millis(r, &["hera.leaseMs"], 5000),
        renew: millis(r, &["hera.renewMs"], 1000),
        worker_lost: millis(r, &["hera.workerLostMs"], 60_000),
        self_fence: millis(r, &["hera.selfFenceMs"], 50_000),
        request_timeout: millis(r, &["hera.requestTimeout"], 10_000),
        channel_timeout: millis(r, &["hera.channelTimeout"], 1000),
    }
}

fn scheduling(r: &mut Reader<'_>) -> Scheduling {
    Scheduling {
        default_host_group: r.number(&["hera.defaultWorkerGroup"], 1..=i64::MAX, 1),
        max_parallel: r.number(&["hera.maxParallelNum"], 1..=100_000, 2000),
        max_memory_rate: r.number(&["hera.maxMemRate"], 0.0..=1.0, 0.0),
        max_load_per_core: r.number(&["hera.maxCpuLoadPerCore"], 0.0..=1000.0, 0.0),
        system_memory_mib: r.number(&["hera.systemMemUsed"], 0..=10_000_000, 4000),
        task_memory_mib: r.number(&["hera.perTaskUseMem"], 1..=10_000_000, 500),
        load_balance: r
            .parsed(
                &["hera.loadBalance"],
                "roundrobin, random or least-loaded",
                LoadBalance::parse,
            )
            .unwrap_or(LoadBalance::RoundRobin),
        warm_up: Duration::from_secs(r.number(&["hera.warmUpCheck"], 0..=3600, 0)),
        task_timeout_hours: r.number(&["hera.taskTimeout"], 1..=8760, 12),
        waiting_days: r.number(&["hera.waitingDays"], 1..=365, 7),
        misfire_window_hours: r.number(&["hera.misfireWindowHours"], 1..=8760, 24),
        no_worker_alarm_minutes: r.number(&["hera.noWorkerAlarmMinutes"], 1..=10_080, 10),
    }
}

fn check(settings: &Settings, r: &mut Reader<'_>) {
    let timing = &settings.timing;
    if timing.renew * 2 > timing.lease {
        r.problem(Problem::Rule(format!(
            "hera.renewMs {} is too long for hera.leaseMs {}: a lease must outlive two renewals",
            timing.renew.as_millis(),
            timing.lease.as_millis()
        )));
    }
    let needed = timing.self_fence + timing.heartbeat + FENCE_MARGIN;
    if needed > timing.worker_lost {
        r.problem(Problem::Rule(format!(
            "hera.workerLostMs {} is too short: it must be at least selfFence {} + heartbeat {} + {} = {} ms, \
             or a run could be started again while the first still lives",
            timing.worker_lost.as_millis(),
            timing.self_fence.as_millis(),
            timing.heartbeat.as_millis(),
            FENCE_MARGIN.as_millis(),
            needed.as_millis()
        )));
    }
    if settings.web.bind.is_unspecified()
        && settings.cluster.advertise == settings.web.bind.to_string()
    {
        r.note(format!(
            "bound to {}: set HERA_ADVERTISE to the host by which others reach this admin",
            settings.web.bind
        ));
    }
}

fn path(r: &mut Reader<'_>, names: &[&'static str]) -> Option<PathBuf> {
    r.text(names).map(PathBuf::from)
}

fn path_or(r: &mut Reader<'_>, names: &[&'static str], default: &str) -> PathBuf {
    path(r, names).unwrap_or_else(|| PathBuf::from(default))
}

fn millis(r: &mut Reader<'_>, names: &[&'static str], default: u64) -> Duration {
    Duration::from_millis(r.number(names, 1..=86_400_000, default))
}

fn hours(text: &str) -> Option<(u8, u8)> {
    let (first, last) = text.split_once('-')?;
    let hour = |text: &str| text.trim().parse().ok().filter(|hour| *hour < 24);
    Some((hour(first)?, hour(last)?))
}
