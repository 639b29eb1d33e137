//! The database, the two ports, and how admins and workers find and trust each other.

use std::net::IpAddr;

use super::path;
use crate::database::{Database, without_password};
use crate::error::Problem;
use crate::reader::{MILLIS, MINUTES, Reader};
use crate::settings::{Cluster, Pool, Tls, Web};
use crate::types::{Secret, duration, size};

/// A shorter token could be guessed.
const MIN_TOKEN_CHARS: usize = 16;
/// A shorter password could be guessed, where others can try.
const MIN_PASSWORD_CHARS: usize = 8;

pub(super) fn database(r: &mut Reader<'_>) -> Database {
    let user = r.text("datasource.username");
    let password = r.text("datasource.password");
    let fallback = Database::Sqlite("hera.db".into());
    let Some(found) = r.found("datasource.url") else {
        return fallback;
    };
    match Database::parse(&found.text, user.as_deref(), password.as_deref()) {
        Ok(database) => {
            if asks_for_tls(&found.text) {
                r.note(format!(
                    "{} asks for TLS: connections to the database are not encrypted yet, keep them in a network that can be trusted",
                    found.place()
                ));
            }
            database
        }
        Err(expected) => {
            r.problem(Problem::Value {
                place: found.place(),
                value: without_password(&found.text),
                expected,
            });
            fallback
        }
    }
}

/// Whether a JDBC URL wants what would quietly not be given.
fn asks_for_tls(url: &str) -> bool {
    let (_, query) = url.split_once('?').unwrap_or_default();
    query.split(['&', ';']).any(|parameter| {
        let parameter = parameter.trim_start_matches("amp;").to_ascii_lowercase();
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        match name {
            "usessl" | "requiressl" => value == "true",
            "sslmode" => !matches!(value, "disabled" | "preferred"),
            _ => false,
        }
    })
}

pub(super) fn pool(r: &mut Reader<'_>) -> Pool {
    let hour = 3_600_000;
    let max_active = r.number("datasource.max-active", 1..=1000);
    Pool {
        max_active,
        initial_size: at_most_all(r, "datasource.initial-size", max_active),
        min_idle: at_most_all(r, "datasource.min-idle", max_active),
        max_wait: r.duration("datasource.max-wait", MILLIS, 1..=hour),
        min_evictable_idle: r.duration(
            "datasource.min-evictable-idle-time-millis",
            MILLIS,
            1000..=24 * hour,
        ),
        test_on_borrow: r.boolean("datasource.test-on-borrow"),
        slow_sql: slow_sql(r),
    }
}

/// A part of the pool: more than all there may be is a mistake, unless it is only the default.
fn at_most_all(r: &mut Reader<'_>, name: &str, max_active: u32) -> u32 {
    let part = r.number(name, 0..=1000);
    if part > max_active && r.is_set(name) {
        r.problem(Problem::Rule(format!(
            "{name} {part} is more than datasource.max-active {max_active}: lower the one or raise the other"
        )));
    }
    part.min(max_active)
}

/// Its own key, or Druid's way to say it among the properties of the connection.
fn slow_sql(r: &mut Reader<'_>) -> std::time::Duration {
    let own = r.duration("datasource.slowSqlMillis", MILLIS, 1..=3_600_000);
    let is_set = r.is_set("datasource.slowSqlMillis");
    let Some(properties) = r.found("datasource.connection-properties") else {
        return own;
    };
    let pairs = properties.text.split([';', '&']);
    let mut slow = pairs
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.trim() == "druid.stat.slowSqlMillis");
    let Some((_, millis)) = slow.next().filter(|_| !is_set) else {
        return own;
    };
    duration(millis.trim(), MILLIS).unwrap_or_else(|| {
        r.problem(Problem::Value {
            place: format!("{}: druid.stat.slowSqlMillis", properties.place()),
            value: millis.to_owned(),
            expected: "milliseconds, e.g. 5000".to_owned(),
        });
        own
    })
}

pub(super) fn bind(r: &mut Reader<'_>) -> IpAddr {
    let loopback = IpAddr::from([127, 0, 0, 1]);
    r.parsed("server.address", "an IP address, e.g. 127.0.0.1", |text| {
        if text == "localhost" {
            return Some(loopback);
        }
        text.parse().ok()
    })
    .unwrap_or(loopback)
}

pub(super) fn web(r: &mut Reader<'_>, bind: IpAddr) -> Web {
    let expected = "/hera: the product lives there, and a proxy in front may map other paths to it";
    let a_size = "a size, e.g. 100Mb";
    let ten_years = 10 * 365 * 24 * 3_600_000;
    let bytes = |text: &str| size(text, 1).filter(|bytes| *bytes > 0);
    Web {
        bind,
        port: r.number("server.port", 1..=u16::MAX),
        context_path: r
            .parsed("server.context-path", expected, |path| {
                let path = path.trim_end_matches('/');
                (path == "/hera").then(|| path.to_owned())
            })
            .unwrap_or_default(),
        max_file_bytes: r
            .parsed("spring.http.multipart.max-file-size", a_size, bytes)
            .unwrap_or_default(),
        max_request_bytes: r
            .parsed("spring.http.multipart.max-request-size", a_size, bytes)
            .unwrap_or_default(),
        session: r.duration("hera.webSessionExpire", MINUTES, 1000..=ten_years),
        log_head_lines: r.number("hera.webLogHeadCount", 1..=1_000_000),
        log_tail_lines: r.number("hera.webLogTailCount", 1..=1_000_000),
        admin_user: r.text_or_empty("hera.admin"),
        first_password: first_password(r, bind),
    }
}

fn first_password(r: &mut Reader<'_>, bind: IpAddr) -> Option<Secret> {
    let found = r.found("hera.adminPassword")?;
    let chars = found.text.chars().count();
    if chars < MIN_PASSWORD_CHARS && !bind.is_loopback() {
        r.problem(Problem::Rule(format!(
            "{} has {chars} characters: a password that others can try ({bind} is not loopback) needs at least {MIN_PASSWORD_CHARS}",
            found.place()
        )));
    }
    Some(Secret::new(found.text))
}

pub(super) fn cluster(r: &mut Reader<'_>) -> Cluster {
    let connect_port = r.number("hera.connectPort", 1..=u16::MAX);
    let admin_addresses = r.parsed(
        "hera.adminAddress",
        "host:port of each admin, separated by commas",
        |list| {
            let addresses = crate::yaml::names(list);
            addresses
                .iter()
                .map(|address| host_port(address, connect_port))
                .collect()
        },
    );
    Cluster {
        connect_port,
        advertise: r.text_or_empty("hera.advertise"),
        admin_addresses: admin_addresses.unwrap_or_default(),
        join_token: join_token(r),
        insecure_grpc: r.boolean("hera.insecureGrpc"),
        tls: tls(r),
        leader_host_group: r.number("hera.preemptionMasterGroup", 1..=i64::MAX),
    }
}

fn join_token(r: &mut Reader<'_>) -> Option<Secret> {
    let found = r.found("hera.joinToken")?;
    let token = found.text.trim();
    let chars = token.chars().count();
    if chars < MIN_TOKEN_CHARS {
        r.problem(Problem::Rule(format!(
            "{} has {chars} characters: a join token needs at least {MIN_TOKEN_CHARS}",
            found.place()
        )));
        return None;
    }
    Some(Secret::new(token))
}

fn tls(r: &mut Reader<'_>) -> Option<Tls> {
    let cert_file = path(r, "hera.tls.certFile");
    let key_file = path(r, "hera.tls.keyFile");
    let ca_file = path(r, "hera.tls.caFile");
    let identity = match (cert_file, key_file) {
        (Some(cert_file), Some(key_file)) => Some((cert_file, key_file)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            r.problem(Problem::Rule(
                "hera.tls.certFile and hera.tls.keyFile belong together: set both or none"
                    .to_owned(),
            ));
            None
        }
    };
    (identity.is_some() || ca_file.is_some()).then_some(Tls { identity, ca_file })
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
