//! Wire ⇄ domain. What a stranger sends is checked here and nowhere else.

use hera_domain::engine::{End, InventoryItem, InventoryState, Load, RunRef};
use hera_domain::id::RunId;

use crate::v1;

/// A message that does not say what it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A part is missing.
    #[error("the message has no {0}")]
    Missing(&'static str),
    /// A part has a value that no peer of ours sends.
    #[error("{0} is not valid: {1}")]
    Invalid(&'static str, String),
}

impl From<RunRef> for v1::RunRef {
    fn from(run: RunRef) -> Self {
        Self {
            run_id: run.run.0,
            nonce: run.nonce,
        }
    }
}

/// Reads the run that a message must name.
///
/// # Errors
/// When the message names none, or one that no leader can have made.
pub fn run_ref(wire: Option<v1::RunRef>) -> Result<RunRef, WireError> {
    let wire = wire.ok_or(WireError::Missing("run"))?;
    // The nonce becomes part of a folder's name on the worker.
    if wire.nonce.len() != 32 || !wire.nonce.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(WireError::Invalid("nonce", wire.nonce));
    }
    if wire.run_id <= 0 {
        return Err(WireError::Invalid("run_id", wire.run_id.to_string()));
    }
    Ok(RunRef {
        run: RunId(wire.run_id),
        nonce: wire.nonce,
    })
}

impl From<End> for v1::Ended {
    fn from(end: End) -> Self {
        let End {
            exit_code,
            signal,
            kill_confirmed,
            note,
            cpu_ms,
            peak_memory_kib,
        } = end;
        Self {
            exit_code,
            signal,
            kill_confirmed,
            note: note.unwrap_or_default(),
            cpu_ms,
            peak_memory_kib,
            at_unix_ms: 0,
        }
    }
}

impl From<v1::Ended> for End {
    fn from(wire: v1::Ended) -> Self {
        Self {
            exit_code: wire.exit_code,
            signal: wire.signal,
            kill_confirmed: wire.kill_confirmed,
            note: (!wire.note.is_empty()).then_some(wire.note),
            cpu_ms: wire.cpu_ms,
            peak_memory_kib: wire.peak_memory_kib,
        }
    }
}

impl TryFrom<v1::InventoryItem> for InventoryItem {
    type Error = WireError;
    fn try_from(wire: v1::InventoryItem) -> Result<Self, WireError> {
        let state = match wire.ended {
            None => InventoryState::Live,
            Some(ended) => InventoryState::Ended(ended.into()),
        };
        Ok(Self {
            run: run_ref(wire.run)?,
            state,
        })
    }
}

impl From<v1::Heartbeat> for Load {
    fn from(wire: v1::Heartbeat) -> Self {
        let finite = |x: f64| if x.is_finite() { x.max(0.0) } else { 0.0 };
        Self {
            memory_total_mib: wire.memory_total_mib,
            memory_rate: finite(wire.memory_rate).min(1.0),
            load_per_core: finite(wire.load_per_core),
            cores: wire.cores,
        }
    }
}
