//! Chaos: an installation of real processes whose parts are killed, stopped and cut off while
//! jobs run, and a checker that holds what its tasks wrote against what its database says.
//!
//! ```text
//!  people ──▶ admins ══▶ MariaDB        ══ wires: every link goes through a proxy that can
//!                ▲                         hold, lose, slow or cut it, in one direction or both
//!                ║
//!             workers ──▶ tasks ──▶ files (the truth)
//!
//!  schedule of a seed ──▶ faults ──▶ all healed ──▶ quiet ──▶ history ──▶ checker
//! ```
//!
//! What the faults cannot make (messages twice or out of order) is the deterministic simulation's
//! part (`domain/src/engine/sim*`).

pub mod attack;
pub mod checker;
pub mod database;
pub mod fault;
pub mod history;
pub mod people;
pub mod plan;
pub mod proxy;
pub mod report;
pub mod takeover;
pub mod world;

pub use attack::{Orders, Report, attack};
pub use fault::Fault;
pub use report::Sum;
pub use takeover::{LEASE, takeovers};
pub use world::{Shape, small_disks};
