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
        return Err(WireError::Invalid("nonce", quoted(&wire.nonce)));
    }
    if wire.run_id <= 0 {
        return Err(WireError::Invalid("run_id", wire.run_id.to_string()));
    }
    Ok(RunRef {
        run: RunId(wire.run_id),
        nonce: wire.nonce,
    })
}

/// A text of a stranger for the log: short, and on one line.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let shown: String = text.chars().take(SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", shown.escape_debug())
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
            disk_free_mib: wire.disk_free_mib,
            disk_full: wire.disk_full,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn nonce() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9a-fA-F]{32}", "[0-9a-g/.]{31,33}", "(?s).{0,50}"]
    }

    fn wire_run() -> impl Strategy<Value = Option<v1::RunRef>> {
        let ids = prop_oneof![any::<i64>(), -2..3_i64];
        let run = (ids, nonce()).prop_map(|(run_id, nonce)| v1::RunRef { run_id, nonce });
        proptest::option::of(run)
    }

    fn end() -> impl Strategy<Value = End> {
        (
            any::<(Option<i32>, Option<i32>, Option<bool>)>(),
            proptest::option::of("(?s).{1,20}"),
            any::<(Option<i64>, Option<i64>)>(),
        )
            .prop_map(|((exit_code, signal, kill_confirmed), note, numbers)| End {
                exit_code,
                signal,
                kill_confirmed,
                note,
                cpu_ms: numbers.0,
                peak_memory_kib: numbers.1,
            })
    }

    fn item() -> impl Strategy<Value = v1::InventoryItem> {
        let ended = proptest::option::of(end().prop_map(v1::Ended::from));
        (wire_run(), ended).prop_map(|(run, ended)| v1::InventoryItem { run, ended })
    }

    fn any_number() -> impl Strategy<Value = f64> {
        any::<u64>().prop_map(f64::from_bits)
    }

    proptest! {
        #[test]
        fn a_run_is_named_as_a_leader_names_it_or_refused_in_a_short_line(wire in wire_run()) {
            match run_ref(wire.clone()) {
                Ok(run) => {
                    prop_assert!(run.run.0 > 0);
                    let file = std::path::Path::new(&run.nonce);
                    prop_assert!(run.nonce.len() == 32 && file.components().count() == 1);
                    prop_assert_eq!(Some(v1::RunRef::from(run)), wire);
                }
                Err(error) => {
                    let text = error.to_string();
                    prop_assert!(!text.contains(char::is_control), "{:?}", text);
                    prop_assert!(text.chars().count() < 500, "{:?}", text);
                    let named = wire.filter(|run| run.run_id > 0 && run.nonce.len() == 32);
                    let hex = named.is_some_and(|run| run.nonce.bytes().all(|b| b.is_ascii_hexdigit()));
                    prop_assert!(!hex, "{}", text);
                }
            }
        }

        #[test]
        fn an_end_goes_over_the_wire_and_comes_out_as_it_was(end in end()) {
            let bytes = v1::Ended::from(end.clone()).encode_to_vec();
            prop_assert_eq!(End::from(v1::Ended::decode(bytes.as_slice()).unwrap()), end);
        }

        #[test]
        fn what_is_said_of_a_run_is_taken_for_live_or_ended_as_it_is_said(item in item()) {
            let ended = item.ended.clone();
            if let Ok(taken) = InventoryItem::try_from(item) {
                match taken.state {
                    InventoryState::Live => prop_assert!(ended.is_none()),
                    InventoryState::Ended(end) => prop_assert_eq!(ended.map(End::from), Some(end)),
                }
            }
        }

        #[test]
        fn no_load_is_more_than_full_or_less_than_nothing(
            memory_rate in any_number(), load_per_core in any_number(), memory_total_mib: u64
        ) {
            let wire = v1::Heartbeat { memory_rate, load_per_core, memory_total_mib, ..v1::Heartbeat::default() };
            let load = Load::from(wire);
            prop_assert!((0.0..=1.0).contains(&load.memory_rate));
            prop_assert!(load.load_per_core.is_finite() && load.load_per_core >= 0.0);
            prop_assert_eq!(load.memory_total_mib, memory_total_mib);
        }

        #[test]
        fn bytes_that_went_wrong_on_the_way_are_refused_or_read(
            item in item(), at: prop::sample::Index, bits: u8, cut: prop::sample::Index
        ) {
            let mut bytes = item.encode_to_vec();
            if let Some(byte) = (!bytes.is_empty()).then(|| at.index(bytes.len())) {
                bytes[byte] ^= bits;
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            if let Ok(Ok(taken)) = v1::InventoryItem::decode(bytes.as_slice()).map(InventoryItem::try_from) {
                prop_assert!(taken.run.run.0 > 0 && taken.run.nonce.len() == 32);
            }
        }
    }
}
