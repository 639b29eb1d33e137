//! What every handler can reach, and the settings of the web.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use hera_domain::clock::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::password::Passwords;
use crate::logs;
use crate::master::Handle;
use crate::metrics::Metrics;
use crate::store::{AdminSeen, Store};

/// Everything a handler needs; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub master: Handle,
    /// The admins that are alive, this one first.
    pub admins: watch::Receiver<Vec<AdminSeen>>,
    pub store: Store,
    /// Log bytes as they arrive.
    pub logs: logs::Hub,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
    pub passwords: Arc<Passwords>,
    pub settings: Arc<WebSettings>,
    /// Streams end when this does, so that a stop never waits for a browser.
    pub stop: CancellationToken,
}

/// The settings of the web, from application.yml and the environment.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// How other admins know this one.
    pub name: String,
    /// Where it listens; the port is part of the cookie's name.
    pub listen: SocketAddr,
    /// `hera.env`, the badge on every page.
    pub env: String,
    /// `hera.area`, for variables.
    pub area: String,
    /// `hera.timezone`: of jobs that name none.
    pub timezone: Tz,
    /// `hera.webSessionExpire`: a session ends this long after its last use.
    pub session_lasts: TimeDelta,
    /// `hera.admin`: this user too is an admin of the installation.
    pub admin_user: String,
    /// The greatest body of a request that is not an upload, in bytes.
    pub max_body: usize,
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            name: "127.0.0.1:8080".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            env: "dev".to_owned(),
            area: "all".to_owned(),
            timezone: Tz::UTC,
            session_lasts: TimeDelta::days(3),
            admin_user: "hera".to_owned(),
            max_body: 16 * 1024 * 1024,
        }
    }
}

impl AppState {
    /// The session cookie's name. Cookies do not know ports, and several installations may run on
    /// one machine.
    pub fn cookie_name(&self) -> String {
        format!("hera_session_{}", self.settings.listen.port())
    }
}
