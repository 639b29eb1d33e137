//! The table of settings: how each is called, which variable sets it, what it is unless it is set.
//! Kinds, ranges and rules stand where a value is read ([`crate::read`]).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::layers::canonical;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    /// What HERA's files call it too; the first name that is set wins within a layer.
    pub aliases: &'static [&'static str],
    /// Empty = none. May refer to other settings as a file may.
    pub default: &'static str,
    /// The environment variable that wins over the file.
    pub variable: Option<&'static str>,
    /// Never printed.
    pub secret: bool,
}

impl Key {
    const fn new(name: &'static str, default: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            default,
            variable: None,
            secret: false,
        }
    }

    const fn also(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn env(self, variable: &'static str) -> Self {
        Self {
            variable: Some(variable),
            ..self
        }
    }

    const fn secret(self) -> Self {
        Self {
            secret: true,
            ..self
        }
    }

    /// All its names, the chief one first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// Where the keys of script types begin: `hera.job.<type>.bin`, `.args`, `.suffix`.
pub(crate) const SCRIPT_TYPES: &str = "hera.job.";
/// Where the keys of log levels begin: `logging.level.<target>`.
pub(crate) const LOG_LEVELS: &str = "logging.level.";
/// Where the keys of teams' env files begin: `hera.envFiles.<team>`.
pub(crate) const ENV_FILES: &str = "hera.envFiles.";
/// Chooses the documents of the file; read before all others.
pub(crate) const ACTIVE_PROFILES: &str = "spring.profiles.active";

/// Every setting, in the order in which people look for them.
pub const KEYS: &[Key] = &[
    Key::new("server.address", "127.0.0.1").env("HERA_BIND"),
    Key::new("server.port", "8080").env("HERA_PORT"),
    Key::new("server.context-path", "/hera").also(&["server.servlet.context-path"]),
    Key::new("datasource.url", "sqlite://${hera.dataDir}/hera.db")
        .also(&["druid.datasource.url"])
        .env("HERA_DATABASE_URL"),
    Key::new("datasource.username", "").also(&["druid.datasource.username"]),
    Key::new("datasource.password", "")
        .also(&["druid.datasource.password"])
        .secret(),
    Key::new("datasource.initial-size", "5").also(&["druid.datasource.initial-size"]),
    Key::new("datasource.min-idle", "1").also(&["druid.datasource.min-idle"]),
    Key::new("datasource.max-active", "16").also(&["druid.datasource.max-active"]),
    Key::new("datasource.max-wait", "5000").also(&["druid.datasource.max-wait"]),
    Key::new("datasource.min-evictable-idle-time-millis", "300000")
        .also(&["druid.datasource.min-evictable-idle-time-millis"]),
    Key::new("datasource.test-on-borrow", "true").also(&["druid.datasource.test-on-borrow"]),
    Key::new("datasource.slowSqlMillis", "5000").also(&["druid.datasource.slowSqlMillis"]),
    Key::new("datasource.connection-properties", "")
        .also(&["druid.datasource.connection-properties"])
        .secret(),
    Key::new("spring.http.multipart.max-file-size", "100Mb")
        .also(&["spring.servlet.multipart.max-file-size"]),
    Key::new("spring.http.multipart.max-request-size", "100Mb")
        .also(&["spring.servlet.multipart.max-request-size"]),
    Key::new("hera.dataDir", "data").env("HERA_DATA_DIR"),
    Key::new("hera.workDir", "${hera.dataDir}").also(&["hera.downloadDir"]),
    Key::new("hera.env", "dev"),
    Key::new("hera.area", "all"),
    Key::new("hera.timezone", "").env("HERA_TIMEZONE"),
    Key::new("hera.admin", "hera"),
    Key::new("hera.adminPassword", "")
        .env("HERA_ADMIN_PASSWORD")
        .secret(),
    Key::new("hera.webSessionExpire", "4320"),
    Key::new("hera.webLogHeadCount", "5000"),
    Key::new("hera.webLogTailCount", "5000"),
    Key::new("hera.connectPort", "9887").env("HERA_CONNECT_PORT"),
    Key::new("hera.advertise", "${server.address}").env("HERA_ADVERTISE"),
    Key::new("hera.adminAddress", "127.0.0.1:${hera.connectPort}").env("HERA_ADMIN_ADDRESS"),
    Key::new("hera.workerName", "").env("HERA_WORKER_NAME"),
    Key::new("hera.joinToken", "")
        .env("HERA_JOIN_TOKEN")
        .secret(),
    Key::new("hera.insecureGrpc", "false"),
    Key::new("hera.tls.certFile", ""),
    Key::new("hera.tls.keyFile", ""),
    Key::new("hera.tls.caFile", ""),
    Key::new("hera.defaultWorkerGroup", "1"),
    Key::new("hera.preemptionMasterGroup", "1"),
    Key::new("hera.maxParallelNum", "2000"),
    Key::new("hera.worker.maxRuns", "").also(&["worker.maxRuns"]),
    Key::new("hera.worker.minDiskFree", "500"),
    Key::new("hera.worker.maxLog", "1024"),
    Key::new("hera.worker.cgroup", "auto"),
    Key::new("hera.worker.patience.interrupt", "2"),
    Key::new("hera.worker.patience.terminate", "5"),
    Key::new("hera.worker.limits.memory", "0"),
    Key::new("hera.worker.limits.cpu", "0"),
    Key::new("hera.worker.limits.cpuTime", "0"),
    Key::new("hera.worker.limits.openFiles", "0"),
    Key::new("hera.worker.limits.processes", "0"),
    Key::new("hera.worker.labels", "").also(&["worker.labels"]),
    Key::new("hera.systemMemUsed", "4000"),
    Key::new("hera.perTaskUseMem", "500"),
    Key::new("hera.maxMemRate", "0"),
    Key::new("hera.maxCpuLoadPerCore", "0"),
    Key::new("hera.loadBalance", "roundrobin"),
    Key::new("hera.warmUpCheck", "0"),
    Key::new("hera.taskTimeout", "12"),
    Key::new("hera.waitingDays", "7"),
    Key::new("hera.misfireWindowHours", "24"),
    Key::new("hera.noWorkerAlarmMinutes", "10"),
    Key::new("hera.heartBeat", "3"),
    Key::new("hera.heartBeatMs", ""),
    Key::new("hera.leaseMs", "5000"),
    Key::new("hera.renewMs", "1000"),
    Key::new("hera.workerLostMs", "60000"),
    Key::new("hera.selfFenceMs", "50000"),
    Key::new("hera.requestTimeout", "10000"),
    Key::new("hera.channelTimeout", "1000"),
    Key::new("hera.job.shell.bin", "bash"),
    Key::new("hera.job.shell.args", ""),
    Key::new("hera.job.shell.suffix", ".sh"),
    Key::new("hera.job.python.bin", "python3"),
    Key::new("hera.job.python.args", ""),
    Key::new("hera.job.python.suffix", ".py"),
    Key::new("hera.job.hive.bin", "hive"),
    Key::new("hera.job.hive.args", "-f"),
    Key::new("hera.job.hive.suffix", ".hive"),
    // The Java HERA names the program where it means the type.
    Key::new("hera.job.spark.bin", "spark-sql").also(&["hera.job.spark-sql.bin"]),
    Key::new("hera.job.spark.args", "-f").also(&["hera.job.spark-sql.args"]),
    Key::new("hera.job.spark.suffix", ".sql").also(&["hera.job.spark-sql.suffix"]),
    Key::new("hera.job.java.bin", "java"),
    Key::new("hera.job.java.args", ""),
    Key::new("hera.job.java.suffix", ".java"),
    Key::new("hera.sudoUser", "false"),
    Key::new("hera.envFile", ""),
    Key::new("hera.excludeFile", "jar;war"),
    Key::new("hera.alarmEnv", ""),
    Key::new("hera.monitorUsers", ""),
    Key::new("hera.monitorEmails", ""),
    Key::new("hera.rerun.maxParallelNum", "20"),
    Key::new("hera.rerun.timeRange", "0-23"),
    Key::new("hera.retention.runsDays", "90"),
    Key::new("hera.retention.logsDays", "30"),
    Key::new("hera.retention.versionsDays", "400"),
    Key::new("hera.retention.recordsDays", "730"),
    Key::new("hera.retention.workerDays", "7"),
    Key::new("hera.hdfsUploadPath", "/hera/hdfs-upload-dir").also(&["hera.hdfsLibPath"]),
    Key::new("hera.hdfs.enabled", "false"),
    Key::new("hera.hdfs.confDir", ""),
    Key::new("hera.yarn.resourceManagers", ""),
    Key::new("hera.kerberos.principal", ""),
    Key::new("hera.kerberos.keytabpath", ""),
    Key::new("mail.host", ""),
    Key::new("mail.port", "465"),
    Key::new("mail.protocol", "smtp"),
    Key::new("mail.user", ""),
    Key::new("mail.password", "").secret(),
    Key::new("logging.path", "${hera.dataDir}/logs"),
    Key::new("logging.level.root", "INFO"),
    Key::new("logging.filter", "").env("HERA_LOG"),
    Key::new("spark.address", ""),
    Key::new("spark.username", ""),
    Key::new("spark.password", "").secret(),
    Key::new("spark.master", ""),
    Key::new("spark.driver-memory", ""),
    Key::new("spark.driver-cores", ""),
    Key::new("spark.executor-memory", ""),
    Key::new("spark.executor-cores", ""),
];

/// The table by every name, as it is compared.
static BY_NAME: LazyLock<BTreeMap<String, &'static Key>> = LazyLock::new(|| {
    let names = |key: &'static Key| key.names().map(move |name| (canonical(name), key));
    KEYS.iter().flat_map(names).collect()
});

/// The setting with this name, however its words are joined.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    BY_NAME.get(&canonical(name)).copied()
}

/// The documented name that is least different, unless all are too different to be meant.
pub(crate) fn nearest(key: &str) -> Option<(usize, &'static str)> {
    let key = canonical(key);
    let furthest = key.len() / 3;
    KEYS.iter()
        .flat_map(Key::names)
        .chain([ACTIVE_PROFILES])
        .map(|name| (strsim::osa_distance(&key, &canonical(name)), name))
        .min()
        .filter(|(distance, _)| *distance <= furthest)
}

/// Keys of the Java HERA, and beginnings of keys of its libraries, that mean nothing here.
const JAVA: &[&str] = &[
    "aliYun.",
    "clean.path",
    "druid.",
    "hera.aws_emr_type",
    "hera.emr",
    "hera.job.script-echo",
    "hera.jobCacheDay",
    "hera.keyPath",
    "hera.scanRate",
    "hera.schedule-group",
    "india.",
    "logging.config",
    "logging.file",
    "logging.pattern.",
    "management.",
    "mybatis.",
    "mybatis-plus.",
    "pagehelper.",
    "server.tomcat.",
    "spark.driver",
    "spring.aop.",
    "spring.application.",
    "spring.datasource.",
    "spring.devtools.",
    "spring.freemarker.",
    "spring.http.encoding.",
    "spring.jackson.",
    "spring.jmx.",
    "spring.main.",
    "spring.messages.",
    "spring.mvc.",
    "spring.output.",
    "spring.resources.",
    "swagger.",
];

/// Whether a key is one that only the Java HERA or its libraries understand.
pub(crate) fn is_java(key: &str) -> bool {
    let key = canonical(key);
    // logging.level.<a Java package>; our own targets have no dots.
    let package = key.strip_prefix(LOG_LEVELS);
    let begins = |java: &&str| {
        let java = canonical(java);
        // A whole key, or the beginning of a family. `hera.emr` alone has both kinds.
        key == java || (key.starts_with(&java) && (java.ends_with('.') || java == "hera.emr"))
    };
    package.is_some_and(|target| target.contains('.')) || JAVA.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_and_no_variable_means_two_settings() {
        let names: Vec<String> = KEYS.iter().flat_map(Key::names).map(canonical).collect();
        let distinct: BTreeSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        let variables: Vec<&str> = KEYS.iter().filter_map(|key| key.variable).collect();
        let distinct: BTreeSet<&&str> = variables.iter().collect();
        assert_eq!(distinct.len(), variables.len());
    }

    #[test]
    fn a_java_key_is_whole_or_of_a_family() {
        for key in [
            "hera.scan-rate",
            "druid.x.y",
            "hera.emrJob",
            "hera.emr_groups",
            "spark.driver",
        ] {
            assert!(is_java(key), "{key}");
        }
        for key in [
            "hera.scanRates",
            "spark.driverx",
            "hera.env",
            "logging.level.hera",
        ] {
            assert!(!is_java(key), "{key}");
        }
    }
}
