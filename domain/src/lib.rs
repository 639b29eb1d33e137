//! What the scheduler means, as pure code.
//!
//! Nothing in this crate reads a clock (but [`clock`]), touches a file, the network or the
//! environment, or knows of async. Everything the scheduler decides can therefore be tested by
//! handing it values, and replayed: same snapshot, same events, same times, same decisions.

pub mod calendar;
pub mod check;
pub mod clock;
pub mod config;
pub mod cron;
pub mod engine;
pub mod graph;
pub mod group;
pub mod host_group;
pub mod id;
pub mod job;
pub mod reason;
pub mod status;
mod text_enum;
pub mod vars;
pub mod version_id;
pub mod zone;
