//! Every setting: its names, its kind, its default. The one table of known keys.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::database::Database;
use crate::error::{Problem, SettingsError};
use crate::layers::{Layers, Sources};
use crate::reader::{Reader, Report};
use crate::settings::{
    Alarms, Cluster, Hdfs, Kerberos, Logging, Mail, Pool, Rerun, Retention, Scheduling, Settings,
    Spark, Timing, Tls, Web, Worker,
};
use crate::types::{LoadBalance, ScriptType, size};

/// A shorter token could be guessed.
const MIN_TOKEN_CHARS: usize = 16;
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
        .parsed(&["server.address"], "an IP address, e.g. 127.0.0.1", bind)
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
        database: database(r, &data_dir),
        pool: pool(r),
        web: web(r, bind),
        cluster: cluster(r, bind, connect_port),
        timing: timing(r),
        scheduling: scheduling(r),
        worker: worker(r, &data_dir, own_folder.is_some()),
        script_types: script_types(r),
        logging: logging(r, &data_dir, own_folder.is_some()),
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
        spark: spark(r),
        data_dir,
    }
}

fn database(r: &mut Reader<'_>, data_dir: &Path) -> Database {
    let user = r.text(&["datasource.username", "druid.datasource.username"]);
    let password = r.text(&["datasource.password", "druid.datasource.password"]);
    let file = || Database::Sqlite(data_dir.join("hera.db"));
    let Some((entry, url)) = r.entry(&["datasource.url", "druid.datasource.url"]) else {
        return file();
    };
    match Database::parse(&url, user.as_deref(), password.as_deref()) {
        Ok(database) => database,
        Err(expected) => {
            // What stands before the @ may hold the password.
            let shown = match url.rsplit_once('@') {
                Some((_, address)) => format!("…@{address}"),
                None => url,
            };
            r.problem(Problem::Value {
                place: entry.origin.place(&entry.key),
                value: shown,
                expected,
            });
            file()
        }
    }
}

fn pool(r: &mut Reader<'_>) -> Pool {
    Pool {
        initial_size: r.number(
            &["datasource.initial-size", "druid.datasource.initial-size"],
            0..=1000,
            5,
        ),
        min_idle: r.number(
            &["datasource.min-idle", "druid.datasource.min-idle"],
            0..=1000,
            1,
        ),
        max_active: r.number(
            &["datasource.max-active", "druid.datasource.max-active"],
            1..=1000,
            16,
        ),
        max_wait: millis(
            r,
            &["datasource.max-wait", "druid.datasource.max-wait"],
            5000,
        ),
        min_evictable_idle: millis(
            r,
            &[
                "datasource.min-evictable-idle-time-millis",
                "druid.datasource.min-evictable-idle-time-millis",
            ],
            300_000,
        ),
        test_on_borrow: r.boolean(
            &[
                "datasource.test-on-borrow",
                "druid.datasource.test-on-borrow",
            ],
            true,
        ),
        slow_sql: millis(
            r,
            &["datasource.slowSqlMillis", "druid.datasource.slowSqlMillis"],
            5000,
        ),
    }
}

fn web(r: &mut Reader<'_>, bind: IpAddr) -> Web {
    let expected = "a path that begins with /, e.g. /hera";
    let hundred_mib = 100 << 20;
    Web {
        bind,
        port: r.number(&["server.port"], 1..=u16::MAX, 8080),
        context_path: r
            .parsed(
                &["server.context-path", "server.servlet.context-path"],
                expected,
                |path| {
                    path.starts_with('/')
                        .then(|| path.trim_end_matches('/').to_owned())
                },
            )
            .unwrap_or_else(|| "/hera".to_owned()),
        max_file_bytes: r
            .parsed(
                &["spring.http.multipart.max-file-size"],
                "a size, e.g. 100Mb",
                size,
            )
            .unwrap_or(hundred_mib),
        max_request_bytes: r
            .parsed(
                &["spring.http.multipart.max-request-size"],
                "a size, e.g. 100Mb",
                size,
            )
            .unwrap_or(hundred_mib),
        session: Duration::from_secs(
            60 * r.number(&["hera.webSessionExpire"], 1..=5_256_000, 4320),
        ),
        log_head_lines: r.number(&["hera.webLogHeadCount"], 1..=1_000_000, 5000),
        log_tail_lines: r.number(&["hera.webLogTailCount"], 1..=1_000_000, 5000),
        admin_user: r.text_or(&["hera.admin"], "hera"),
        first_password: r.secret(&["hera.adminPassword"]),
    }
}

fn cluster(r: &mut Reader<'_>, bind: IpAddr, connect_port: u16) -> Cluster {
    let advertise = r.text_or(&["hera.advertise"], &bind.to_string());
    let admin_addresses = match r.entry(&["hera.adminAddress"]) {
        None => vec![format!("127.0.0.1:{connect_port}")],
        Some((entry, list)) => {
            let addresses: Option<Vec<String>> = crate::yaml::names(&list)
                .iter()
                .map(|address| host_port(address, connect_port))
                .collect();
            addresses.unwrap_or_else(|| {
                r.problem(Problem::Value {
                    place: entry.origin.place(&entry.key),
                    value: list,
                    expected: "host:port of each admin, separated by commas".to_owned(),
                });
                Vec::new()
            })
        }
    };
    let join_token = r.entry(&["hera.joinToken"]).and_then(|(entry, token)| {
        let token = token.trim().to_owned();
        let chars = token.chars().count();
        if chars >= MIN_TOKEN_CHARS {
            return Some(crate::types::Secret::new(token));
        }
        r.problem(Problem::Rule(format!(
            "{} has {chars} characters: a join token needs at least {MIN_TOKEN_CHARS}",
            entry
                .origin
                .place(&entry.key)
                .split('=')
                .next()
                .unwrap_or_default(),
        )));
        None
    });
    Cluster {
        connect_port,
        advertise,
        admin_addresses,
        join_token,
        insecure_grpc: r.boolean(&["hera.insecureGrpc"], false),
        tls: tls(r),
        leader_host_group: r.number(&["hera.preemptionMasterGroup"], 1..=i64::MAX, 1),
    }
}

fn tls(r: &mut Reader<'_>) -> Option<Tls> {
    let cert_file = path(r, &["hera.tls.certFile"]);
    let key_file = path(r, &["hera.tls.keyFile"]);
    let ca_file = path(r, &["hera.tls.caFile"]);
    match (cert_file, key_file) {
        (Some(cert_file), Some(key_file)) => Some(Tls {
            cert_file,
            key_file,
            ca_file,
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            r.problem(Problem::Rule(
                "hera.tls.certFile and hera.tls.keyFile belong together: set both or none"
                    .to_owned(),
            ));
            None
        }
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

fn worker(r: &mut Reader<'_>, data_dir: &Path, own_folder: bool) -> Worker {
    let work_dir = chosen_dir(r, &["hera.workDir", "hera.downloadDir"], own_folder);
    Worker {
        name: r.text(&["hera.workerName"]),
        work_dir: work_dir.unwrap_or_else(|| data_dir.to_owned()),
        max_runs: r.optional_number(&["hera.worker.maxRuns", "worker.maxRuns"], 1..=10_000),
        sudo_user: r.boolean(&["hera.sudoUser"], false),
        env_file: path(r, &["hera.envFile"]),
        exclude_suffixes: match r.text(&["hera.excludeFile"]) {
            None => vec!["jar".to_owned(), "war".to_owned()],
            Some(_) => r.list(&["hera.excludeFile"]),
        },
    }
}

/// The types that need no configuration, then what `hera.job.<type>.…` changes or adds.
fn script_types(r: &mut Reader<'_>) -> BTreeMap<String, ScriptType> {
    let mut types: BTreeMap<String, ScriptType> = [
        ("shell", "bash", "", ".sh"),
        ("python", "python3", "", ".py"),
        ("hive", "hive", "-f", ".hive"),
        ("spark", "spark-sql", "-f", ".sql"),
        ("java", "java", "", ".java"),
    ]
    .into_iter()
    .map(|(name, bin, args, suffix)| (name.to_owned(), script_type(bin, args, suffix)))
    .collect();
    for (rest, value) in r.map("hera.job.") {
        let Some((name, part)) = rest.rsplit_once('.') else {
            r.problem(Problem::Rule(format!(
                "hera.job.{rest}: expected hera.job.<type>.bin, .args or .suffix"
            )));
            continue;
        };
        // The Java HERA names the program where it means the type.
        let name = if name == "spark-sql" { "spark" } else { name };
        let entry = types
            .entry(name.to_owned())
            .or_insert_with(|| script_type("", "", &format!(".{name}")));
        match part {
            "bin" => entry.bin = value,
            "args" => entry.args = value.split_whitespace().map(ToOwned::to_owned).collect(),
            "suffix" => entry.suffix = format!(".{}", value.trim_start_matches('.')),
            _ => r.problem(Problem::Rule(format!(
                "hera.job.{rest}: a script type has bin, args and suffix"
            ))),
        }
    }
    for (name, kind) in &types {
        if kind.bin.is_empty() {
            r.problem(Problem::Rule(format!(
                "hera.job.{name} has no command: set hera.job.{name}.bin"
            )));
        }
    }
    types
}

fn script_type(bin: &str, args: &str, suffix: &str) -> ScriptType {
    ScriptType {
        bin: bin.to_owned(),
        args: args.split_whitespace().map(ToOwned::to_owned).collect(),
        suffix: suffix.to_owned(),
    }
}

fn logging(r: &mut Reader<'_>, data_dir: &Path, own_folder: bool) -> Logging {
    let dir = chosen_dir(r, &["logging.path"], own_folder);
    let levels = r.map("logging.level.");
    let filter = r.text(&["logging.filter"]).unwrap_or_else(|| {
        let root = levels.get("root").map_or("info", String::as_str);
        let mut filter = root.to_ascii_lowercase();
        for (target, level) in levels.iter().filter(|(target, _)| *target != "root") {
            filter.push_str(&format!(",{target}={}", level.to_ascii_lowercase()));
        }
        filter
    });
    Logging {
        dir: dir.unwrap_or_else(|| data_dir.join("logs")),
        filter,
    }
}

/// A folder of the file, unless the environment gives the installation a folder of its own.
fn chosen_dir(r: &mut Reader<'_>, names: &[&'static str], own_folder: bool) -> Option<PathBuf> {
    let (entry, text) = r.entry(names)?;
    let from_file = matches!(entry.origin, crate::error::Origin::File { .. });
    (!(own_folder && from_file)).then(|| PathBuf::from(text))
}

fn spark(r: &mut Reader<'_>) -> Spark {
    let mut options = Vec::new();
    for name in [
        &["spark.master"],
        &["spark.driver-memory"],
        &["spark.driver-cores"],
        &["spark.executor-memory"],
        &["spark.executor-cores"],
    ] {
        // HERA's own file has a blank after the dashes of some.
        let text = r.text(name).unwrap_or_default().replace("-- ", "--");
        options.extend(text.split_whitespace().map(ToOwned::to_owned));
    }
    // A JDBC driver's class means nothing here.
    r.text(&["spark.driver"]);
    Spark {
        address: r.text(&["spark.address"]),
        username: r.text(&["spark.username"]),
        password: r.secret(&["spark.password"]),
        options,
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

fn bind(text: &str) -> Option<IpAddr> {
    if text == "localhost" {
        return Some(IpAddr::from([127, 0, 0, 1]));
    }
    text.parse().ok()
}

fn hours(text: &str) -> Option<(u8, u8)> {
    let (first, last) = text.split_once('-')?;
    let hour = |text: &str| text.trim().parse().ok().filter(|hour| *hour < 24);
    Some((hour(first)?, hour(last)?))
}

/// `host:port`, with the default port where none is given.
fn host_port(address: &str, default_port: u16) -> Option<String> {
    match address.rsplit_once(':') {
        None => Some(format!("{address}:{default_port}")),
        Some((host, port)) if !host.is_empty() => {
            port.parse::<u16>().ok()?;
            Some(address.to_owned())
        }
        Some(_) => None,
    }
}
