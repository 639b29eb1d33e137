//! The workers' side of the admin: one gRPC service, and the writer of their logs.

mod log_writer;
mod session;

pub(crate) use log_writer::LogWriter;
pub(crate) use session::{Leadership, SessionService};
