//! The engine decides what runs when. It is a state machine without I/O: the master feeds it
//! events and the time, writes its [`Decisions`] in one transaction and only then sends.

mod decision;
mod event;
mod record;

pub use decision::{Alarm, AlarmKind, Change, Decisions, Outcome, Refusal, Send};
pub use event::{
    At, End, Event, InventoryItem, InventoryState, Load, RunRef, Tick, TriggerRequest, WorkerEvent,
    WorkerHello,
};
pub use record::{CancelledBy, HostGroup, Limits, Run, Snapshot, Version};

crate::text_enum::text_enum! {
    /// How a worker is chosen among those that can take a run (HERA's `loadBalance`).
    Balance {
        RoundRobin = "roundrobin",
        Random = "random",
        LeastLoaded = "least-loaded",
    }
}
