//! The database, the two ports, and how admins and workers find and trust each other.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::{millis, path};
use crate::database::Database;
use crate::error::Problem;
use crate::reader::Reader;
use crate::settings::{Cluster, Pool, Tls, Web};
use crate::types::{Secret, size};

/// A shorter token could be guessed.
const MIN_TOKEN_CHARS: usize = 16;

pub(super) fn database(r: &mut Reader<'_>, data_dir: &Path) -> Database {
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

pub(super) fn pool(r: &mut Reader<'_>) -> Pool {
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

pub(super) fn web(r: &mut Reader<'_>, bind: IpAddr) -> Web {
    let expected = "/hera: the product lives there, and a proxy in front may map other paths to it";
    let hundred_mib = 100 << 20;
    Web {
        bind,
        port: r.number(&["server.port"], 1..=u16::MAX, 8080),
        context_path: r
            .parsed(
                &["server.context-path", "server.servlet.context-path"],
                expected,
                |path| {
                    let path = path.trim_end_matches('/');
                    (path == "/hera").then(|| path.to_owned())
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

pub(super) fn cluster(r: &mut Reader<'_>, bind: IpAddr, connect_port: u16) -> Cluster {
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
            return Some(Secret::new(token));
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

pub(super) fn bind(text: &str) -> Option<IpAddr> {
    if text == "localhost" {
        return Some(IpAddr::from([127, 0, 0, 1]));
    }
    text.parse().ok()
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
