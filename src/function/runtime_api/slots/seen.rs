//! What the slots show of themselves.

use std::collections::BTreeMap;

use super::{PortView, Slots};
use crate::function::runtime_api::parts::Seen;

impl Slots {
    /// What is known of each port of forebay's own processes, and of each connection at any port.
    pub(in crate::function::runtime_api) fn seen(&self) -> (BTreeMap<u64, PortView>, BTreeMap<(u64, u64), Seen>) {
        let state = self.lock();
        let mut connections: BTreeMap<(u64, u64), Seen> = BTreeMap::new();
        for late in &state.late {
            let seen = connections.entry((late.place.port, late.place.connection)).or_default();
            (seen.at_work, seen.late) = (1, 1);
        }
        for open in state.open().values() {
            let seen = connections.entry((open.place.port, open.place.connection)).or_default();
            seen.at_work += 1;
        }
        let idle = state.idle.iter().map(|idle| idle.place);
        let resting = state.resting.iter().filter(|rest| rest.counts_until.is_some()).map(|rest| rest.place);
        for place in idle.chain(resting) {
            // It asks again: what it was late with is over.
            let seen = connections.entry((place.port, place.connection)).or_default();
            seen.at_work -= std::mem::take(&mut seen.late);
            seen.asks = true;
        }
        (state.port_views(), connections)
    }

    /// Whether the process behind a port has started, has nothing to do, and asks for nothing either.
    pub(in crate::function::runtime_api) fn is_absent(&self, port: u64) -> bool {
        let state = self.lock();
        let asks = state.idle.iter().chain(&state.parked).any(|idle| idle.place.port == port);
        !asks && state.port_views().get(&port).is_some_and(|view| view.has_asked && view.at_work == 0)
    }
}
