//! An installation of real processes in a temporary folder: `hera-admin` and `hera-worker` as they
//! are shipped, on free loopback ports, on SQLite or on a MariaDB database of its own.
//!
//! Tests and the bench drive it as its users do: by its command line, its API, and signals.
//! Dropping it ends the processes it started, by their ids, and removes everything.

mod api;
mod backend;
mod installation;
mod process;
mod sse;

pub use api::{Api, Reply};
pub use backend::{Backend, TestDatabase};
pub use installation::{AnotherAdmin, Installation, Options, example_folder, free_port};
pub use process::{Ended, Program, programs};
pub use sse::{Message, Stream};

use std::time::{Duration, Instant};

/// How long anything may take before a test calls it stuck.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until the answer is there, or for [`PATIENCE`].
///
/// Only for what another process shows and does not announce; `what` names it in the failure.
///
/// # Panics
/// When the time is over.
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, ask)
}

/// [`eventually`] with another limit.
///
/// # Panics
/// When the time is over.
#[expect(clippy::panic, reason = "a test that waits in vain has failed")]
pub fn within<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        if Instant::now() > deadline {
            panic!("not within {limit:?}: {what}");
        }
        pause(Duration::from_millis(20));
    }
}

/// Lets real time pass.
#[expect(
    clippy::disallowed_methods,
    reason = "another process gives no signal to wait for"
)]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A variable of the test run's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "how tests are told of binaries and databases"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
