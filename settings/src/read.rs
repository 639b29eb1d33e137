//! Every setting: its names, its kind, its default. The one table of known keys.

mod network;
mod running;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;

use crate::error::{Problem, SettingsError};
use crate::layers::{Layers, Sources};
use crate::reader::{MILLIS, Reader, Reading, Report, SECONDS};
use crate::settings::{
    Alarms, Hdfs, Kerberos, Mail, Rerun, Retention, Scheduling, Settings, Timing,
};
use crate::types::LoadBalance;

/// Time a worker needs, after fencing itself, until all it ran is surely gone.
const FENCE_MARGIN: Duration = Duration::from_secs(5);
/// What a timing may be, in milliseconds.
const A_DAY: RangeInclusive<u64> = 1..=86_400_000;

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
        let (settings, reading) = Self::read(sources)?;
        if reading.problems.is_empty() {
            Ok((settings, reading.report))
        } else {
            Err(SettingsError(reading.problems))
        }
    }

    /// Reads everything that can be read, defaults in the place of what is wrong.
    pub(crate) fn read(sources: &Sources) -> Result<(Self, Reading), SettingsError> {
        let layers = Layers::of(sources)?;
        let mut reader = Reader::new(&layers, &sources.env);
        let settings = settings(&mut reader);
        check(&settings, &mut reader);
        Ok((settings, reader.finish()))
    }

    /// What only an admin must not be: its port for workers open to others without a word.
    ///
    /// # Errors
    /// The rule that is broken, with the ways to keep it.
    pub fn check_for_admin(&self) -> Result<(), SettingsError> {
        let cluster = &self.cluster;
        let tls = cluster.tls.as_ref();
        let has_identity = tls.is_some_and(|tls| tls.identity.is_some());
        if tls.is_some() && !has_identity {
            return Err(Problem::Rule(
                "hera.tls.caFile makes this admin ask others for TLS that it does not serve itself: \
                 set hera.tls.certFile and hera.tls.keyFile too"
                    .to_owned(),
            )
            .into());
        }
        if self.web.bind.is_loopback() || cluster.insecure_grpc || has_identity {
            return Ok(());
        }
        Err(Problem::Rule(format!(
            "the port for workers would be open on {} without TLS: set hera.tls.certFile and \
             hera.tls.keyFile, or hera.insecureGrpc: true if the network can be trusted, or bind to 127.0.0.1",
            self.web.bind
        ))
        .into())
    }
}

fn settings(r: &mut Reader<'_>) -> Settings {
    let data_dir = path(r, "hera.dataDir").unwrap_or_default();
    let bind = network::bind(r);
    Settings {
        environment: r.text_or_empty("hera.env"),
        area: r.text_or_empty("hera.area"),
        timezone: r
            .parsed(
                "hera.timezone",
                "the name of a time zone, e.g. Asia/Shanghai",
                |name| name.parse().ok(),
            )
            .unwrap_or(Tz::UTC),
        database: network::database(r),
        pool: network::pool(r),
        web: network::web(r, bind),
        cluster: network::cluster(r),
        timing: timing(r),
        scheduling: scheduling(r),
        worker: running::worker(r),
        script_types: running::script_types(r),
        logging: running::logging(r),
        alarms: Alarms {
            environments: r.list("hera.alarmEnv"),
            monitor_users: r.list("hera.monitorUsers"),
            monitor_emails: r.list("hera.monitorEmails"),
        },
        mail: Mail {
            host: r.text("mail.host"),
            port: r.number("mail.port", 1..=u16::MAX),
            protocol: r.text_or_empty("mail.protocol"),
            user: r.text("mail.user"),
            password: r.secret("mail.password"),
        },
        rerun: Rerun {
            max_parallel: r.number("hera.rerun.maxParallelNum", 1..=10_000),
            hours: r
                .parsed(
                    "hera.rerun.timeRange",
                    "two hours of the day, e.g. 0-23",
                    hours,
                )
                .unwrap_or((0, 23)),
        },
        retention: Retention {
            runs_days: days(r, "hera.retention.runsDays", 1),
            logs_days: days(r, "hera.retention.logsDays", 1),
            // Rows must outlive the farthest window that looks back at them.
            versions_days: days(r, "hera.retention.versionsDays", 400),
            records_days: days(r, "hera.retention.recordsDays", 1),
            worker_days: days(r, "hera.retention.workerDays", 1),
        },
        hdfs: Hdfs {
            enabled: r.boolean("hera.hdfs.enabled"),
            conf_dir: path(r, "hera.hdfs.confDir"),
            upload_path: r.text_or_empty("hera.hdfsUploadPath"),
            resource_managers: r.list("hera.yarn.resourceManagers"),
        },
        kerberos: Kerberos {
            principal: r.text("hera.kerberos.principal"),
            keytab: path(r, "hera.kerberos.keytabpath"),
        },
        spark: running::spark(r),
        data_dir,
    }
}

fn timing(r: &mut Reader<'_>) -> Timing {
    let heartbeat = r.duration("hera.heartBeat", SECONDS, 1..=600_000);
    let heartbeat_ms = r.optional_duration("hera.heartBeatMs", MILLIS, 50..=600_000);
    Timing {
        heartbeat: heartbeat_ms.unwrap_or(heartbeat),
        lease: r.duration("hera.leaseMs", MILLIS, A_DAY),
        renew: r.duration("hera.renewMs", MILLIS, A_DAY),
        worker_lost: r.duration("hera.workerLostMs", MILLIS, A_DAY),
        self_fence: r.duration("hera.selfFenceMs", MILLIS, A_DAY),
        request_timeout: r.duration("hera.requestTimeout", MILLIS, A_DAY),
        channel_timeout: r.duration("hera.channelTimeout", MILLIS, A_DAY),
    }
}

fn scheduling(r: &mut Reader<'_>) -> Scheduling {
    let hour = 3_600_000;
    Scheduling {
        default_host_group: r.number("hera.defaultWorkerGroup", 1..=i64::MAX),
        max_parallel: r.number("hera.maxParallelNum", 1..=100_000),
        max_memory_rate: r.number("hera.maxMemRate", 0.0..=1.0),
        max_load_per_core: r.number("hera.maxCpuLoadPerCore", 0.0..=1000.0),
        system_memory_mib: r.mebibytes("hera.systemMemUsed", 0..=10_000_000),
        task_memory_mib: r.mebibytes("hera.perTaskUseMem", 1..=10_000_000),
        load_balance: r
            .parsed(
                "hera.loadBalance",
                "roundrobin, random or least-loaded",
                LoadBalance::parse,
            )
            .unwrap_or(LoadBalance::RoundRobin),
        warm_up: r.duration("hera.warmUpCheck", SECONDS, 0..=hour),
        task_timeout_hours: r.number("hera.taskTimeout", 1..=8760),
        waiting_days: r.number("hera.waitingDays", 1..=365),
        misfire_window_hours: r.number("hera.misfireWindowHours", 1..=8760),
        no_worker_alarm_minutes: r.number("hera.noWorkerAlarmMinutes", 1..=10_080),
    }
}

fn check(settings: &Settings, r: &mut Reader<'_>) {
    let timing = &settings.timing;
    if timing.renew * 2 > timing.lease {
        r.problem(Problem::Rule(format!(
            "hera.renewMs {} is too long for hera.leaseMs {}: a lease must outlive two renewals; set hera.renewMs to at most {}",
            timing.renew.as_millis(),
            timing.lease.as_millis(),
            timing.lease.as_millis() / 2
        )));
    }
    let by_ms = r.is_set("hera.heartBeatMs");
    let heartbeat = if by_ms {
        "hera.heartBeatMs"
    } else {
        "hera.heartBeat"
    };
    // A tenth of a short workerLost is margin enough, for those who test.
    let fenced = timing.self_fence + timing.heartbeat;
    let needed = (fenced + FENCE_MARGIN).min(fenced * 10 / 9);
    if needed > timing.worker_lost {
        r.problem(Problem::Rule(format!(
            "hera.workerLostMs {} is too short: a run could be started again while the first still lives; \
             set it to at least {} (hera.selfFenceMs {} + {heartbeat} {} + {}), or set hera.selfFenceMs lower",
            timing.worker_lost.as_millis(),
            needed.as_millis(),
            timing.self_fence.as_millis(),
            timing.heartbeat.as_millis(),
            (needed - fenced).as_millis(),
        )));
    }
    if settings.web.port == settings.cluster.connect_port {
        r.problem(Problem::Rule(format!(
            "server.port and hera.connectPort are both {}: pages and workers need a port each",
            settings.web.port
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

fn path(r: &mut Reader<'_>, name: &str) -> Option<PathBuf> {
    r.text(name).map(PathBuf::from)
}

fn days(r: &mut Reader<'_>, name: &str, least: u32) -> u32 {
    r.number(name, least..=36_500)
}

fn hours(text: &str) -> Option<(u8, u8)> {
    let (first, last) = text.split_once('-')?;
    let hour = |text: &str| text.trim().parse().ok().filter(|hour| *hour < 24);
    Some((hour(first)?, hour(last)?))
}
