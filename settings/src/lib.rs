//! `application.yml` and the environment, read into one typed [`Settings`] for both programs.
//!
//! Four layers, the later winning: the documents of the file without a profile, those of the
//! chosen profiles, the environment variables, `--set key=value`. Keys are HERA's own; how their
//! words are joined does not matter (`heartBeat`, `heart-beat`, `HEART_BEAT`). Keys that only
//! Java libraries understand are accepted and reported, every other unknown key is an error that
//! names the nearest one: a misspelt limit must never silently be no limit.
//!
//! ```text
//! file ─ yaml ─┐           keys (names, defaults)
//! environment ─┼─ layers ─ reader ─ settings (typed, checked) + report
//! --set ───────┘            └─ explain (each value's origin, for `config check`)
//! ```
//!
//! [`Settings::load`] is pure; [`Sources::of_process`] is the one place that looks at the process
//! and the disk.

mod database;
mod error;
mod explain;
mod keys;
mod layers;
mod logging;
mod origin;
mod process;
mod read;
mod reader;
mod resolve;
mod settings;
mod types;
mod yaml;

pub use database::Database;
pub use error::{Problem, SettingsError};
pub use explain::{Explained, Explanation};
pub use keys::{KEYS, Key};
pub use layers::Sources;
pub use logging::LogGuard;
pub use origin::Origin;
pub use process::CommandLine;
pub use reader::Report;
pub use settings::{
    Alarms, Cluster, Hdfs, Kerberos, Logging, Mail, Pool, Rerun, Retention, Scheduling, Settings,
    Spark, Timing, Tls, Web, Worker,
};
pub use types::{CgroupChoice, LoadBalance, ScriptType, Secret};
