//! What a person can write, and what they are told when it is wrong.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;
use hera_settings::{Database, LoadBalance, Report, Settings, SettingsError, Sources};

const HERA: &str = include_str!("data/hera-application.yml");

fn file(text: &str) -> Sources {
    Sources {
        file: Some(("application.yml".into(), text.into())),
        ..Sources::default()
    }
}

fn env(pairs: &[(&str, &str)]) -> Sources {
    Sources {
        env: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Sources::default()
    }
}

fn load(sources: &Sources) -> Result<(Settings, Report), SettingsError> {
    Settings::load(sources)
}

fn settings(sources: &Sources) -> Settings {
    load(sources).expect("valid settings").0
}

fn error(sources: &Sources) -> String {
    load(sources)
        .expect_err("settings that are refused")
        .to_string()
}

fn mysql(settings: &Settings) -> String {
    settings.database.mysql_url().expect("a MySQL database")
}

#[test]
fn the_documented_sample_is_the_defaults() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../application.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let (from_sample, report) = load(&file(&text)).unwrap();
    assert_eq!(from_sample, Settings::default());
    assert_eq!(report, Report::default());
}

#[test]
fn the_sample_uncommented_names_only_known_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../application.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let uncommented: String = text
        .lines()
        .map(|line| line.replacen("#: ", "", 1) + "\n")
        .collect();
    assert_ne!(text, uncommented);
    let (_, report) = load(&file(&uncommented)).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.ignored_java_keys.is_empty(), "{report:?}");
}

#[test]
fn heras_own_file_starts_the_product() {
    let (settings, report) = load(&file(HERA)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.profiles, ["dev"]);
    assert_eq!(
        mysql(&settings),
        "mysql://root:change-me@localhost:3306/hera"
    );
    assert_eq!(settings.web.max_file_bytes, 100 << 20);
    assert_eq!(settings.web.port, 8080);
    assert_eq!(settings.web.admin_user, "biadmin");
    assert!((settings.scheduling.max_memory_rate - 0.8).abs() < 1e-9);
    assert!((settings.scheduling.max_load_per_core - 1.0).abs() < 1e-9);
    assert_eq!(settings.timing.heartbeat, Duration::from_secs(3));
    assert_eq!(settings.worker.work_dir, Path::new("/opt/logs/spring-boot"));
    assert_eq!(settings.logging.dir, Path::new("/opt/logs/spring-boot"));
    assert_eq!(settings.hdfs.upload_path, "/hera/hdfs-upload-dir");
    assert_eq!(settings.worker.exclude_suffixes, ["jar", "war"]);
    assert_eq!(settings.logging.filter, "info");
    assert_eq!(settings.spark.options[..2], ["--master", "yarn"]);
    assert_eq!(settings.spark.options[6..8], ["--executor-memory", "1g"]);

    for key in [
        "clean.path",
        "druid.datasource.filters",
        "hera.scanRate",
        "hera.schedule-group",
        "logging.config",
        "logging.level.com.dfire.logs.HeartLog",
        "mybatis.configuration.mapUnderscoreToCamelCase",
        "spring.freemarker.suffix",
    ] {
        let times = report
            .ignored_java_keys
            .iter()
            .filter(|k| *k == key)
            .count();
        assert_eq!(times, 1, "{key} in {:?}", report.ignored_java_keys);
    }
}

#[test]
fn a_profile_overlays_the_base() {
    let mut sources = file(HERA);
    sources.profile = Some("publish".into());
    let settings = settings(&sources);
    assert_eq!(mysql(&settings), "mysql://root:root@localhost:3306/lineage");
    assert_eq!(settings.timing.heartbeat, Duration::from_secs(3));

    sources.profile = None;
    sources.env.insert("HERA_PROFILE".into(), "pre".into());
    let (_, report) = load(&sources).unwrap();
    assert_eq!(report.profiles, ["pre"]);
}

#[test]
fn a_profile_asked_for_by_hand_must_exist() {
    let mut sources = file(HERA);
    sources.profile = Some("prod".into());
    assert_eq!(
        error(&sources),
        "no document is for profile prod: there are dev, daily, pre, publish"
    );
    // The file's own choice is only noted: HERA's files are made for several environments.
    let (_, report) = load(&file("spring.profiles.active: prod")).unwrap();
    assert_eq!(report.notes.len(), 1);
}

#[test]
fn the_environment_wins_over_the_file_and_set_over_both() {
    let mut sources = file("server:\n  port: 1\nhera:\n  connectPort: 2\n  workDir: /file\n");
    sources.env = env(&[
        ("HERA_PORT", "18080"),
        ("HERA_BIND", "0.0.0.0"),
        ("HERA_CONNECT_PORT", "19887"),
        ("HERA_ADVERTISE", "etl1"),
        ("HERA_DATABASE_URL", "mysql://u:p@db:3307/etl"),
        ("HERA_DATA_DIR", "/srv/hera"),
        ("HERA_ADMIN_PASSWORD", "correct horse"),
        ("HERA_JOIN_TOKEN", "0123456789abcdef"),
        ("HERA_ADMIN_ADDRESS", "a:9887, b"),
        ("HERA_WORKER_NAME", "w1"),
        ("HERA_TIMEZONE", "Asia/Shanghai"),
        ("HERA_LOG", "hera=debug"),
        ("HERA_SOMETHING_ELSE", "1"),
    ])
    .env;
    sources.sets = vec!["server.port=28080".into()];
    let settings = settings(&sources);
    assert_eq!(settings.web.port, 28080);
    assert_eq!(settings.web.bind.to_string(), "0.0.0.0");
    assert_eq!(settings.cluster.connect_port, 19887);
    assert_eq!(settings.cluster.advertise, "etl1");
    assert_eq!(mysql(&settings), "mysql://u:p@db:3307/etl");
    assert_eq!(settings.data_dir, Path::new("/srv/hera"));
    assert_eq!(settings.worker.work_dir, Path::new("/srv/hera"));
    assert_eq!(settings.logging.dir, Path::new("/srv/hera/logs"));
    assert_eq!(
        settings.web.first_password.unwrap().reveal(),
        "correct horse"
    );
    assert_eq!(
        settings.cluster.join_token.unwrap().reveal(),
        "0123456789abcdef"
    );
    assert_eq!(settings.cluster.admin_addresses, ["a:9887", "b:19887"]);
    assert_eq!(settings.worker.name.as_deref(), Some("w1"));
    assert_eq!(settings.timezone, Tz::Asia__Shanghai);
    assert_eq!(settings.logging.filter, "hera=debug");
}

#[test]
fn without_a_database_url_it_is_a_file_in_the_data_folder() {
    let at = |path: &str| Database::Sqlite(PathBuf::from(path));
    assert_eq!(Settings::default().database, at("data/hera.db"));
    let settings = settings(&env(&[("HERA_DATA_DIR", "/srv/hera")]));
    assert_eq!(settings.database, at("/srv/hera/hera.db"));
    assert_eq!(
        settings.join_token_file(),
        Path::new("/srv/hera/join-token")
    );
}

#[test]
fn how_the_words_of_a_key_are_joined_does_not_matter() {
    for text in [
        "hera.max-parallel-num: 7",
        "hera:\n  MAX_PARALLEL_NUM: 7",
        "hera:\n  maxparallelnum: 7",
    ] {
        assert_eq!(settings(&file(text)).scheduling.max_parallel, 7, "{text}");
    }
}

#[test]
fn references_are_resolved_to_settings_and_the_environment() {
    let mut sources = file(
        "base: {dir: /srv}\nhera:\n  env: ${NAME}\n  area: ${hera.env}-${zone:east}\n  workDir: ${hera.data-dir}/w\n  dataDir: /srv\n",
    );
    sources.env.insert("NAME".into(), "pre".into());
    let error = error(&sources);
    assert!(error.contains("base.dir is not a known setting"), "{error}");

    sources.file.as_mut().unwrap().1.replace_range(..17, "");
    let settings = settings(&sources);
    assert_eq!(settings.environment, "pre");
    assert_eq!(settings.area, "pre-east");
    assert_eq!(settings.worker.work_dir, Path::new("/srv/w"));
}

#[test]
fn a_reference_that_leads_nowhere_is_named() {
    assert_eq!(
        error(&file("hera:\n  env: ${nowhere}\n")),
        "application.yml:2: hera.env refers to ${nowhere}, which is neither a setting nor an environment variable"
    );
    let message = error(&file("hera.env: ${hera.area}\nhera.area: ${hera.env}\n"));
    assert!(
        message.contains("a loop: hera.env → hera.area → hera.env"),
        "{message}"
    );
}

#[test]
fn an_unknown_key_suggests_the_nearest() {
    assert_eq!(
        error(&file("hera:\n  env: dev\n  maxMemRat: 0.5\n")),
        "application.yml:3: hera.maxMemRat is not a known setting; did you mean hera.maxMemRate?"
    );
    assert_eq!(
        error(&file("druid.datasource.usename: x\n")),
        "application.yml:1: druid.datasource.usename is not a known setting; did you mean druid.datasource.username?"
    );
    assert_eq!(
        error(&file("kubernetes.namespace: x\n")),
        "application.yml:1: kubernetes.namespace is not a known setting; remove it"
    );
    let sources = Sources {
        sets: vec!["server.prot=1".into()],
        ..Sources::default()
    };
    assert_eq!(
        error(&sources),
        "--set server.prot is not a known setting; did you mean server.port?"
    );
}

#[test]
fn every_wrong_value_is_named_at_once_with_what_is_expected() {
    let mut sources = file("hera:\n  maxMemRate: lots\n  timezone: Mars/Olympus\n");
    sources.env = env(&[("HERA_PORT", "http"), ("HERA_JOIN_TOKEN", "short")]).env;
    sources.sets = vec!["hera.sudoUser=perhaps".into()];
    let message = error(&sources);
    for line in [
        "application.yml:2: hera.maxMemRate is \"lots\": expected a number from 0 to 1",
        "application.yml:3: hera.timezone is \"Mars/Olympus\": expected the name of a time zone, e.g. Asia/Shanghai",
        "HERA_PORT is \"http\": expected a number from 1 to 65535",
        "HERA_JOIN_TOKEN has 5 characters: a join token needs at least 16",
        "--set hera.sudoUser is \"perhaps\": expected true or false",
    ] {
        assert!(
            message.lines().any(|l| l == line),
            "{line}\nis not in\n{message}"
        );
    }
}

#[test]
fn no_message_repeats_a_password_or_token() {
    let mut sources = env(&[("HERA_DATABASE_URL", "mysql://u:hunter2@db")]);
    sources.sets = vec!["hera.joinToken=hunter3".into()];
    let message = error(&sources);
    assert!(
        message.contains("HERA_DATABASE_URL is \"mysql://u:…@db\""),
        "{message}"
    );
    assert!(!message.contains("hunter"), "{message}");
}

#[test]
fn timings_that_break_the_promises_are_refused() {
    let timing = |sets: &[&str]| Sources {
        sets: sets.iter().map(|s| (*s).to_owned()).collect(),
        ..Sources::default()
    };
    let message = error(&timing(&["hera.workerLostMs=57000"]));
    assert!(
        message.contains(
            "set it to at least 58000 (hera.selfFenceMs 50000 + hera.heartBeat 3000 + 5000)"
        ),
        "{message}"
    );
    let message = error(&timing(&["hera.renewMs=5000"]));
    assert!(message.contains("two renewals"), "{message}");
    let short = |lost| {
        [
            lost,
            "hera.selfFenceMs=1500",
            "hera.heartBeatMs=300",
            "hera.leaseMs=600",
            "hera.renewMs=200",
        ]
    };
    settings(&timing(&short("hera.workerLostMs=2000")));
    let message = error(&timing(&short("hera.workerLostMs=1999")));
    assert!(message.contains("at least 2000 "), "{message}");
    let fine = settings(&timing(&[
        "hera.workerLostMs=7000",
        "hera.selfFenceMs=1500",
        "hera.heartBeatMs=500",
        "hera.leaseMs=600",
        "hera.renewMs=200",
    ]));
    assert_eq!(fine.timing.heartbeat, Duration::from_millis(500));
}

#[test]
fn an_open_port_for_workers_needs_tls_or_a_word() {
    let open = env(&[("HERA_BIND", "0.0.0.0")]);
    let (settings, report) = load(&open).unwrap();
    let message = settings.check_for_admin().unwrap_err().to_string();
    assert!(message.contains("hera.insecureGrpc"), "{message}");
    assert!(report.notes[0].contains("HERA_ADVERTISE"), "{report:?}");

    let mut trusted = open;
    trusted.sets = vec!["hera.insecureGrpc=true".into()];
    assert!(load(&trusted).unwrap().0.check_for_admin().is_ok());
    let mut tls = env(&[("HERA_BIND", "0.0.0.0")]);
    tls.sets = vec!["hera.tls.certFile=c".into(), "hera.tls.keyFile=k".into()];
    let (settings, _) = load(&tls).unwrap();
    assert!(settings.check_for_admin().is_ok());
    let mut asks = env(&[]);
    asks.sets = vec!["hera.tls.caFile=ca".into()];
    let (settings, _) = load(&asks).unwrap();
    let message = settings.check_for_admin().unwrap_err().to_string();
    assert!(message.contains("hera.tls.certFile"), "{message}");
    assert!(Settings::default().check_for_admin().is_ok());
}

#[test]
fn a_script_type_is_added_by_configuration_alone() {
    let text = "hera:\n  job:\n    shell.bin: /bin/dash\n    spark-sql:\n      bin: /opt/spark-sql\n    r-lang:\n      bin: Rscript\n      args: --vanilla -q\n      suffix: R\n";
    let types = settings(&file(text)).script_types;
    assert_eq!(types["shell"].bin, "/bin/dash");
    assert_eq!(types["spark"].bin, "/opt/spark-sql");
    assert_eq!(types["spark"].args, ["-f"]);
    assert_eq!(types["r-lang"].args, ["--vanilla", "-q"]);
    assert_eq!(types["r-lang"].suffix, ".R");
    let message = error(&file("hera.job.lua.args: -x\n"));
    assert_eq!(message, "hera.job.lua has no command: set hera.job.lua.bin");
}

#[test]
fn levels_of_our_own_targets_become_the_filter() {
    let text = "logging.level:\n  root: WARN\n  hera: DEBUG\n  org.apache: ERROR\n";
    let (settings, report) = load(&file(text)).unwrap();
    assert_eq!(settings.logging.filter, "warn,hera=debug");
    assert_eq!(report.ignored_java_keys, ["logging.level.org.apache"]);
}

#[test]
fn the_way_of_balancing_is_a_word() {
    let way = |word: &str| {
        settings(&file(&format!("hera.loadBalance: {word}")))
            .scheduling
            .load_balance
    };
    assert_eq!(way("roundrobin"), LoadBalance::RoundRobin);
    assert_eq!(way("random"), LoadBalance::Random);
    assert_eq!(way("least-loaded"), LoadBalance::LeastLoaded);
}

#[test]
fn a_key_written_twice_is_refused() {
    let message = error(&file("hera:\n  heartBeat: 3\n  heart-beat: 4\n"));
    assert_eq!(
        message,
        "application.yml:3: hera.heart-beat is written a second time (first in line 2); keep one"
    );
}

#[test]
fn a_context_path_that_is_not_served_is_refused_with_the_one_that_is() {
    let other = file("server:\n  context-path: /etl\n");
    let told = error(&other);
    assert!(told.contains("server.context-path"), "{told}");
    assert!(told.contains("/hera"), "{told}");
    assert!(load(&file("server:\n  context-path: /hera/\n")).is_ok());
}

#[test]
fn values_that_double_each_other_are_refused_at_once() {
    let mut text = String::from("hera.env: ${a0}\n");
    for n in 0..60 {
        text.push_str(&format!("a{n}: ${{a{m}}}${{a{m}}}\n", m = n + 1));
    }
    text.push_str("a60: boom\n");
    let message = error(&file(&text));
    assert!(
        message.contains("application.yml:1: hera.env refers to"),
        "{message}"
    );
}

#[test]
fn a_reference_finds_defaults_and_other_names_and_may_be_escaped() {
    let text = "hera:\n  env: ${server.port}\n  downloadDir: /w\n  envFile: ${hera.workDir}/env\n  area: a$${b}\n";
    let settings = settings(&file(text));
    assert_eq!(settings.area, "a${b}");
    assert_eq!(settings.environment, "8080");
    assert_eq!(settings.worker.env_file.unwrap(), Path::new("/w/env"));
}

#[test]
fn a_variable_is_taken_as_it_is() {
    let password = "p${a}ss ${hera.env}";
    let settings = settings(&env(&[("HERA_ADMIN_PASSWORD", password)]));
    assert_eq!(settings.web.first_password.unwrap().reveal(), password);
}

#[test]
fn an_address_that_asks_for_tls_is_told_that_there_is_none() {
    let notes = |url: &str| load(&env(&[("HERA_DATABASE_URL", url)])).unwrap().1.notes;
    let asked = notes("jdbc:mysql://db/hera?a=b&amp;sslMode=REQUIRED");
    assert!(
        asked[0].starts_with("HERA_DATABASE_URL asks for TLS"),
        "{asked:?}"
    );
    assert_eq!(notes("jdbc:mysql://db/hera?useSSL=false"), [""; 0]);
}

#[test]
fn times_and_memory_take_units() {
    let text = "hera:\n  heartBeat: 500ms\n  leaseMs: 4s\n  webSessionExpire: 2d\n  warmUpCheck: 10\n  systemMemUsed: 4Gb\n  perTaskUseMem: 512\n";
    let settings = settings(&file(text));
    assert_eq!(settings.timing.heartbeat, Duration::from_millis(500));
    assert_eq!(settings.timing.lease, Duration::from_secs(4));
    assert_eq!(settings.web.session, Duration::from_hours(48));
    assert_eq!(settings.scheduling.warm_up, Duration::from_secs(10));
    assert_eq!(settings.scheduling.system_memory_mib, 4096);
    assert_eq!(settings.scheduling.task_memory_mib, 512);
    assert_eq!(
        error(&file("hera.leaseMs: soon\n")),
        "application.yml:1: hera.leaseMs is \"soon\": expected milliseconds, or a time like 500ms, 5s, 2m, from 1ms to 1d"
    );
}

#[test]
fn druids_pool_is_ours_and_its_parts_fit() {
    let text = "druid.datasource:\n  initial-size: 2\n  min-idle: 3\n  max-active: 4\n  max-wait: 700\n  min-evictable-idle-time-millis: 60000\n  test-on-borrow: false\n  connection-properties: druid.stat.mergeSql=true;druid.stat.slowSqlMillis=1500\n";
    let pool = settings(&file(text)).pool;
    let sizes = (pool.initial_size, pool.min_idle, pool.max_active);
    assert_eq!(sizes, (2, 3, 4));
    assert_eq!(pool.max_wait, Duration::from_millis(700));
    assert_eq!(pool.min_evictable_idle, Duration::from_mins(1));
    assert!(!pool.test_on_borrow);
    assert_eq!(pool.slow_sql, Duration::from_millis(1500));
    // A default gives way, what was written does not.
    let small = settings(&file("datasource.max-active: 3")).pool;
    assert_eq!(small.initial_size, 3);
    let message = error(&file("datasource: {max-active: 3, min-idle: 4}"));
    assert!(
        message.contains("datasource.min-idle 4 is more than datasource.max-active 3"),
        "{message}"
    );
}

#[test]
fn a_short_first_password_is_for_loopback_only() {
    let short = ("HERA_ADMIN_PASSWORD", "geheim7");
    assert!(load(&env(&[short])).is_ok());
    let message = error(&env(&[short, ("HERA_BIND", "10.0.0.1")]));
    assert!(
        message.starts_with("HERA_ADMIN_PASSWORD has 7 characters"),
        "{message}"
    );
    assert!(!message.contains("geheim"), "{message}");
}

#[test]
fn levels_and_filters_that_nobody_can_read_are_refused() {
    let message = error(&file("logging.level:\n  root: LOUD\n"));
    assert!(
        message.contains("logging.level.root is \"LOUD\""),
        "{message}"
    );
    let message = error(&env(&[("HERA_LOG", "hera=[")]));
    assert!(message.starts_with("HERA_LOG is"), "{message}");
    let fatal = settings(&file("logging.level.root: FATAL"));
    assert_eq!(fatal.logging.filter, "error");
}

#[test]
fn profiles_are_chosen_in_order_and_only_where_they_can_be() {
    let text = "hera.env: base\n---\nspring.profiles: a\nhera.env: a\n---\nspring.config.activate.on-profile: b\nhera.env: b\n";
    let mut sources = file(text);
    sources.sets = vec!["spring.profiles.active=a,b".into()];
    let (both, report) = load(&sources).unwrap();
    assert_eq!(both.environment, "b");
    assert_eq!(report.profiles, ["a", "b"]);
    let nested = "spring.profiles.active: a\n---\nspring.profiles: a\nspring.profiles.active: b\n";
    let message = error(&file(nested));
    assert!(
        message.contains("application.yml:4: spring.profiles.active"),
        "{message}"
    );
}
