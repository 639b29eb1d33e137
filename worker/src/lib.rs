//! Runs scripts near the data and reports them to the leading admin.
//!
//! ```text
//! app ─┬─ session ─┬─ inbound   what the admin says  ──►  installation
//!      │           ├─ reports   accepted, started, ended  ◄── installation
//!      │           └─ logs      chunks, inside a window of unacknowledged bytes
//!      ├─ contact    ends fenced runs when no leader has answered for too long
//!      └─ installation ── run (one task each) ──► hera-run ──► bash, python, …
//! ```
//!
//! A run lives in its folder ([`rundir`]), not in this process: `hera-run` ([`runner`]) owns the
//! script's processes and writes down how it ended, so the worker may die and come back at any
//! instant. Reports are level-triggered: a session compares what is with what it has told, hence
//! a new session repeats everything that has not been acknowledged.

pub mod app;
mod cgroup;
mod contact;
mod disk;
mod files;
mod installation;
mod kill;
pub mod limits;
mod load;
mod masks;
mod node;
pub mod output;
mod process;
mod removal;
mod retention;
mod run;
pub mod rundir;
pub mod runner;
mod script;
mod session;
pub mod settings;
pub mod tenant;

pub use app::{AppError, Stop};
pub use settings::WorkerSettings;
