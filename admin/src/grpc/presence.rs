//! Which workers have a session. One identity is one process: a copy of a machine would take the
//! sessions of the original away, and with them what is known of its runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::master::inbox::SessionNumber;

/// The open sessions by their nodes' ids.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presence {
    seats: Arc<Mutex<BTreeMap<String, Seat>>>,
}

#[derive(Debug)]
struct Seat {
    incarnation: String,
    address: String,
    session: SessionNumber,
    close: CancellationToken,
}

/// Who wants to be present.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    pub(super) node: &'a str,
    pub(super) incarnation: &'a str,
    pub(super) address: &'a str,
    pub(super) session: SessionNumber,
    pub(super) close: &'a CancellationToken,
}

/// The session is open for as long as this is held.
#[derive(Debug)]
pub(super) struct Seated {
    presence: Presence,
    node: String,
    session: SessionNumber,
}

impl Presence {
    /// Notes a session. A process replaces its own earlier session; while another process of the
    /// same node has one that is alive, the answer is that one's address.
    pub(super) fn enter(&self, arrival: &Arrival<'_>) -> Result<Seated, String> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seat) = seats.get(arrival.node)
            && seat.incarnation != arrival.incarnation
            && !seat.close.is_cancelled()
        {
            return Err(seat.address.clone());
        }
        let seat = Seat {
            incarnation: arrival.incarnation.to_owned(),
            address: arrival.address.to_owned(),
            session: arrival.session,
            close: arrival.close.clone(),
        };
        seats.insert(arrival.node.to_owned(), seat);
        Ok(Seated {
            presence: self.clone(),
            node: arrival.node.to_owned(),
            session: arrival.session,
        })
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let seats = &self.presence.seats;
        let mut seats = seats.lock().unwrap_or_else(PoisonError::into_inner);
        if seats
            .get(&self.node)
            .is_some_and(|seat| seat.session == self.session)
        {
            seats.remove(&self.node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_of_a_node_has_the_session_and_may_renew_it() {
        let presence = Presence::default();
        let close = CancellationToken::new();
        let enter = |incarnation, session, close| {
            presence.enter(&Arrival {
                node: "n",
                incarnation,
                address: "10.0.0.1",
                session: SessionNumber(session),
                close,
            })
        };
        let first = enter("a", 1, &close).unwrap();
        assert_eq!(enter("b", 2, &close).unwrap_err(), "10.0.0.1");
        let renewed = enter("a", 3, &close).unwrap();
        // The end of the earlier session does not make room.
        drop(first);
        assert!(enter("b", 4, &close).is_err());
        drop(renewed);
        let other = CancellationToken::new();
        let _second = enter("b", 5, &other).unwrap();
        // One that is being closed does.
        other.cancel();
        enter("a", 6, &close).unwrap();
    }
}
