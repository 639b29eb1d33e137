//! The leader: one loop that feeds the engine, commits what it decides and sends it out.

#[expect(dead_code, reason = "the loop that makes handles is not here yet")]
mod handle;

pub use handle::{
    Answer, Chain, Command, CommandError, Definitions, EdgeState, GroupContent, GroupDef, Handle,
    Inquiry, LeaderView, Notice, PlannedVersion, SaveJob, Saved, TriggerRun, Triggered, WorkerView,
};
