//! From when and until when a schedule holds.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The instants at which a schedule is valid: `from` is the first, `until` no longer one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Validity {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Validity {
    /// Without bounds.
    pub const ALWAYS: Self = Self {
        from: None,
        until: None,
    };

    /// Whether it has no bounds.
    pub fn is_always(&self) -> bool {
        *self == Self::ALWAYS
    }

    /// Whether the schedule is valid at an instant.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Whether there is no instant at which it is valid.
    pub fn is_empty(self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if until <= from)
    }
}
