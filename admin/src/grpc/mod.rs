//! The gRPC port of an admin: sessions of workers with the writer of their logs, and what admins
//! ask each other.

mod admission;
mod log_writer;
mod peers;
mod presence;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use admission::Gate;
pub(crate) use log_writer::LogWriter;
pub(crate) use peers::{AdminService, News, Peer, Peers};
pub(crate) use presence::Presence;
pub(crate) use session::{Leadership, SessionService};
