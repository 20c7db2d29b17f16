//! What a receive brings is taken in and set on its way.

use std::time::Duration;

use super::QueueMachine;
use super::context::Context;
use super::finishing::Finishing;
use super::message::{Messages, Stage};
use super::receiving::{Ended, Received};
use crate::machine::envelope::{MAX_BODY_BYTES, body_bytes};
use crate::machine::screening::Tally;
use crate::machine::{Event, Fault, Message, PollId, Screened};

impl QueueMachine {
    pub(super) fn polled(&mut self, poll: PollId, result: Result<Vec<Message>, Fault>) {
        match self.receiving.answered(&mut self.cx, poll, result) {
            Ended::Received(received) => self.received(received),
            Ended::Failed => self.invoking.scaler.poll_failed(),
            Ended::Nothing => {}
        }
    }

    fn received(&mut self, Received { messages, wanted, since, took, lease }: Received) {
        if self.finishing.deletes.is_idle() {
            self.cx.health.deletions_over();
        }
        if self.finishing.deliveries.is_empty() {
            self.cx.health.deliveries_over();
        }
        let count = messages.len();
        if count == 0 {
            self.finishing.deletes.found_nothing(&mut self.cx, since);
        }
        // What the queue would move to its dead-letter queue next is processed, although the mapping drains.
        let goes_back = self.cx.drains() && !messages.iter().any(|message| self.cx.is_last(message));
        if let Some(draining) = self.cx.draining.as_mut().filter(|_| count > 0 && !goes_back) {
            draining.allow_for_receives();
        }
        let mut tally = Tally::of(self.cx.options.screening);
        for message in messages {
            tally.add(message.record.screening);
            self.take_in(message, lease, goes_back);
        }
        self.cx.out.report(tally);
        self.messages.gather.receive_ended(self.cx.drains());
        self.form_batches();
        let spoken_for = self.invoking.len() + self.receiving.open();
        // Where the target's capacity is the limit, no more may be in flight however many messages there are.
        let saturated = spoken_for >= self.invoking.scaler.limit() as usize;
        let full = self.messages.gather.leaves_backlog(count, wanted);
        self.invoking.scaler.received(count, full, took, saturated, self.cx.now);
    }

    fn take_in(&mut self, message: Message, lease: Duration, goes_back: bool) {
        let record = &message.record;
        let bytes = body_bytes(1, record.fragment.len());
        if bytes > MAX_BODY_BYTES && self.cx.options.screening.of(record.screening) == Screened::Deliver {
            self.cx.out.emit(Event::TooLarge { id: record.id.to_string(), bytes });
        }
        let token = self.messages.take_in(&mut self.cx, message, lease);
        if goes_back {
            self.finishing.release_unstarted(&mut self.cx, &mut self.messages, &[token]);
        } else {
            self.finishing.place(&mut self.cx, &mut self.messages, token);
        }
    }

    /// Sets messages on their way (again) that were not begun.
    pub(super) fn place_all(&mut self, tokens: &[u64]) {
        self.messages.restage(tokens, Stage::Gathering);
        for &token in tokens {
            self.finishing.place(&mut self.cx, &mut self.messages, token);
        }
        self.messages.gather.receive_ended(false);
    }

    /// Forms batches of what waits, as far as slots are free.
    pub(super) fn form_batches(&mut self) {
        let Self { cx, receiving, messages, invoking, finishing, .. } = self;
        while let Some((id, closed)) = messages.gather.next_batch(&mut cx.out, invoking.free(), receiving.open()) {
            if closed.bytes > MAX_BODY_BYTES {
                // Its only message is too large for any.
                messages.gather.vacate(&closed.tokens);
                finishing.fail(cx, messages, &closed.tokens, None);
                continue;
            }
            cx.out.emit(Event::Flushed { records: closed.tokens.len(), bytes: closed.bytes, reason: closed.reason });
            invoking.add(cx, messages, id, closed.tokens);
        }
    }
}

impl Finishing {
    /// Sets a message on its way that was not begun.
    fn place(&mut self, cx: &mut Context, messages: &mut Messages, token: u64) {
        let Some(screening) = messages.get(token).map(|held| held.message.record.screening) else { return };
        if cx.options.screening.of(screening) != Screened::Deliver {
            self.screen(cx, messages, token, screening);
        } else if !messages.wait(token) {
            self.fail(cx, messages, &[token], None);
        }
    }
}
