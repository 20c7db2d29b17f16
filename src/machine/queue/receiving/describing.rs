//! What the queue says of itself, and when it is asked.

use std::time::Duration;

use crate::machine::queue::context::Context;
use crate::machine::{Event, Mono, QueueAttributes, QueueRequest};

/// How often the attributes are read again: they may be changed at any time.
const EVERY: Duration = Duration::from_secs(60);
/// How soon after the last time they may be read again because the backlog that they named is no longer true.
const AGAIN: Duration = Duration::from_secs(5);

/// The attributes as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Describing {
    /// Whether receives may begin: the visibility timeout is known, or one is asked for.
    pub(super) is_done: bool,
    is_open: bool,
    next: Mono,
    /// What the queue said last of the messages that wait, until that is known to be outdated.
    backlog: u64,
    /// The same of all messages in it.
    messages: u64,
    /// Something was received since nothing was held.
    is_busy: bool,
}

impl Describing {
    /// What a successor goes on with; it asks again.
    pub(super) fn handed_over(self, is_open: bool) -> Self {
        Self { is_done: self.is_done, is_open, is_busy: self.is_busy, ..Self::default() }
    }

    pub(super) fn due(&self) -> Option<Mono> {
        (!self.is_open).then_some(self.next)
    }

    pub(super) fn start_if_due(&mut self, cx: &mut Context) {
        if self.due().is_some_and(|due| due <= cx.now) {
            self.is_open = true;
            cx.out.ask(QueueRequest::Describe);
        }
    }

    /// The question was answered, well or not.
    pub(super) fn ended(&mut self, now: Mono) {
        self.is_open = false;
        self.next = now + EVERY;
    }

    pub(super) fn described(&mut self, cx: &mut Context, attributes: &QueueAttributes) {
        let QueueAttributes { visibility, backlog, in_flight: not_visible, .. } = *attributes;
        self.is_done = true;
        self.backlog = backlog.unwrap_or(0);
        self.messages = self.backlog.saturating_add(not_visible.unwrap_or(0));
        cx.queue.visibility = Some(visibility);
        cx.queue.max_receive_count = attributes.max_receive_count;
        cx.out.emit(Event::Described { backlog, not_visible, visibility });
    }

    /// Asks at that time at the latest.
    pub(super) fn ask_at(&mut self, at: Mono) {
        self.next = at;
    }

    /// A receive brought so many messages.
    pub(super) fn received(&mut self, count: usize, now: Mono) {
        self.is_busy |= count > 0;
        if count == 0 && self.backlog > 0 {
            self.refresh(now);
        }
    }

    /// Nothing is held: the backlog is another one by now.
    pub(super) fn idle(&mut self, now: Mono) {
        if std::mem::take(&mut self.is_busy) && self.messages > 0 {
            self.refresh(now);
        }
    }

    /// What the queue said of its messages is true no more: it is asked again soon.
    fn refresh(&mut self, now: Mono) {
        (self.backlog, self.messages) = (0, 0);
        self.next = self.next.min(now + AGAIN);
    }
}
