//! What must be true when a drain is over, and when everything has come to rest.

use crate::queue::delivery::{Hold, Place};
use crate::queue::subject::Subject;

impl Subject {
    /// What must be true when a drain has ended within its bound.
    pub(crate) fn check_drained(&self, what: &str) {
        let now = self.world.now();
        let mut state = self.state();
        self.sweep(&mut state);
        let receives = state.open_receives();
        if receives > 0 || !state.calls.is_empty() {
            let calls = state.calls.len();
            drop(state);
            self.violate(format_args!("after {what}, {receives} receives and {calls} invokes are still open"));
            return;
        }
        let held: Vec<String> = state
            .open
            .iter()
            .map(|&index| (index, &state.leases[index]))
            .filter(|(_, lease)| {
                lease.delivered.is_some()
                    && lease.allowed.is_none()
                    && lease.known > now
                    && !matches!(lease.hold, Hold::Failed(_))
            })
            .map(|(index, lease)| format!("L{index} (m{}) {:?}", lease.message, lease.hold))
            .collect();
        drop(state);
        if !held.is_empty() {
            self.violate(format_args!("after {what} these were neither deleted nor returned: {}", held.join(", ")));
        }
    }

    /// Whether every message is where it belongs for good.
    pub(crate) fn is_at_rest(&self) -> bool {
        let mut state = self.state();
        self.sweep(&mut state);
        if state.sent < self.plan.sends.len() {
            return false;
        }
        // A message that spent its receives waits for the next receive to be moved.
        self.find_visible(&mut state);
        state.messages.iter().all(|message| message.place != Place::Queued)
    }

    /// What is left in the queue, for the report of a scenario that does not finish.
    pub(crate) fn left(&self) -> String {
        let state = self.state();
        let left = state.messages.iter().enumerate().filter(|(_, message)| message.place == Place::Queued);
        let left: Vec<String> = left
            .map(|(n, message)| match message.current {
                Some(index) => {
                    let lease = &state.leases[index];
                    format!("m{n} in L{index} {:?} until {} ms", lease.hold, lease.until)
                }
                None => format!("m{n} visible after {} receives", message.receive_count),
            })
            .collect();
        format!("{} messages: {}", left.len(), left.join(", "))
    }

    /// What must be true of every message at the end.
    pub(crate) fn check_messages(&self) {
        let state = self.state();
        for (n, message) in state.messages.iter().enumerate() {
            match message.place {
                Place::Deleted if message.processed || message.recorded => {}
                Place::Deleted => self.violate(format_args!("m{n} was deleted, and neither processed nor recorded")),
                Place::Dead if Some(message.receive_count) >= self.plan.queue.max_receive_count => {}
                Place::Dead => self.violate(format_args!("m{n} is dead after {} receives", message.receive_count)),
                Place::Queued => self.violate(format_args!("m{n} is still in the queue")),
            }
        }
    }
}
