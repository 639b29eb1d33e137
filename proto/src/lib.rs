//! The wire between admin and worker, and its conversion to and from the domain's types.

mod convert;
mod endpoint;

pub use convert::{WireError, run_ref};
pub use endpoint::{TlsFileError, Trust, server_tls};

/// The generated messages and service.
#[allow(
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    clippy::too_many_lines,
    clippy::wildcard_imports,
    unreachable_pub,
    missing_docs,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("hera.v1");
}

/// The protocol both sides of this build speak.
pub const PROTOCOL: u32 = 1;
/// In the metadata of a session that a worker asks for: the token that it was given when it joined.
pub const NODE_TOKEN_HEADER: &str = "hera-node-token";
/// In the metadata of a refused session: host:port where the leading admin takes workers.
pub const LEADER_HEADER: &str = "hera-leader";
/// The greatest chunk of a log, in bytes.
pub const LOG_CHUNK_BYTES: usize = 64 * 1024;
/// The greatest tail of a log in a report of the end, in bytes.
pub const LOG_TAIL_BYTES: usize = 64 * 1024;
/// How many bytes of log may be unacknowledged in one session.
pub const LOG_WINDOW_BYTES: usize = 1024 * 1024;
/// How much of a log's start and of its end is kept by the admin, in bytes each.
pub const LOG_KEEP_BYTES: i64 = 4 * 1024 * 1024;
