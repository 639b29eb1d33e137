//! The leader: one loop that feeds the engine, commits what it decides and sends it out.

mod alive;
mod calendars;
mod campaign;
mod circles;
mod clock;
mod command;
mod commands;
mod committer;
mod eligible;
mod follow;
mod groups;
mod handle;
mod host_groups;
pub(crate) mod inbox;
mod leader;
mod offline;
mod publish;
pub(crate) mod render;
mod repeats;
mod sessions;
mod state;
mod strain;
#[cfg(test)]
mod tests;
mod triggers;

pub(crate) use alive::tell_alive;
pub(crate) use campaign::{Campaign, Platform};
pub use command::{Answer, Command, Inquiry, Reply, Request};
pub(crate) use eligible::Eligibility;
pub use handle::{
    Chain, CommandError, Definitions, Handle, LeaderView, Notice, SaveJob, Saved, TriggerRun,
    Triggered, WorkerView,
};
pub(crate) use offline::Offline;
pub(crate) use render::not_fetched;
pub use strain::Strain;
