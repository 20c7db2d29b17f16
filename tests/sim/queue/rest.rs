//! What must be true when a drain is over, and when everything has come to rest.

use crate::plan::{is_fifo, queue};
use crate::queue::delivery::{Hold, Place};
use crate::queue::plan::SubjectPlan;
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
        // What a machine was returning when it panicked is left to its visibility timeout.
        let most = usize::from(self.world.has_panicked());
        if held.len() > most {
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
                Place::Deleted if message.processed || message.recorded || message.filtered_out => {}
                Place::Deleted => self.violate(format_args!("m{n} was deleted, and neither processed nor recorded")),
                Place::Dead if Some(message.receive_count) >= self.plan.queue.max_receive_count => {}
                Place::Dead => self.violate(format_args!("m{n} is dead after {} receives", message.receive_count)),
                Place::Queued => self.violate(format_args!("m{n} is still in the queue")),
            }
        }
    }
}

/// How long the fair phase may take (milliseconds): everything that is not held becomes visible, what
/// is poisoned goes its rounds, and the rest goes through the narrowest place one by one.
pub(crate) fn patience(subject: &SubjectPlan) -> u64 {
    let hidden = subject.queue.visibility.max(30) * 1000;
    let attempts = subject.mapping.on_failure.as_ref().map_or(1, |_| queue(&subject.mapping).on_failure_attempts);
    let rounds = u64::from(subject.queue.max_receive_count.unwrap_or(1).max(attempts)) + 1;
    let one = subject.function.duration.1 + 4 * subject.queue.latency.1 + 1_000;
    // What may not be in flight together goes one window after the other.
    let windows = 300_000 * (1 + subject.sends.len() / subject.queue.over_limit) as u64;
    let backoff = u64::try_from(subject.mapping.poller.retry_backoff.maximum.as_millis()).unwrap_or(u64::MAX);
    let hold = subject.function.timeout + 10_000;
    // A group goes on only when what is ahead has gone its rounds, and half of them do not count.
    let turns = if is_fifo(&subject.mapping) { 4 * (hidden + one) * subject.sends.len() as u64 } else { 2 * hidden };
    3_600_000 + backoff + hold + rounds * (turns + windows + subject.sends.len() as u64 * one)
}
