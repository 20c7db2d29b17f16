//! Messages on their way into the queue.

use std::sync::Arc;

use crate::queue::delivery::{Message, Place};
use crate::queue::plan::Send;
use crate::queue::subject::Subject;

/// So long a FIFO queue knows what was sent (milliseconds).
const REMEMBERED: u64 = 300_000;

/// Sends what the plan says.
pub(crate) async fn arrivals(subject: Arc<Subject>) {
    // When the message was taken in that may be sent again.
    let mut taken = None;
    for send in subject.plan.sends.clone() {
        subject.world.sleep_until(send.at).await;
        let now = subject.world.now();
        if send.again && taken.is_some_and(|taken| now - taken < REMEMBERED) {
            subject.note(format_args!("a message of g{} is sent again, and swallowed", send.group));
            subject.state().sent += 1;
        } else {
            taken = Some(now);
            subject.send(send);
        }
    }
}

impl Subject {
    /// A message arrives.
    fn send(&self, send: Send) {
        let now = self.world.now();
        let mut state = self.state();
        let n = state.messages.len();
        let id: Arc<str> = format!("{n:08x}-0000-4000-8000-{:012x}", self.index).into();
        let flavour = if send.poison { " (poison)" } else { "" };
        let group: Option<Arc<str>> = self.is_fifo().then(|| format!("g{}", send.group).into());
        match &group {
            Some(group) => self.note(format_args!("sent m{n} of {group}, {} bytes{flavour}", send.size)),
            None => self.note(format_args!("sent m{n} of {} bytes{flavour}", send.size)),
        }
        state.messages.push(Message {
            id,
            size: send.size,
            poison: send.poison,
            sent: now,
            first_received: None,
            receive_count: 0,
            place: Place::Queued,
            current: None,
            processed: false,
            recorded: false,
            filtered_out: false,
            group,
            reached: None,
            succeeded: false,
            slips: send.slips,
        });
        state.sent += 1;
        drop(state);
        self.arrived.notify_waiters();
    }
}
