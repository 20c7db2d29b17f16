//! Stopping: receive no more, finish what is in flight, wait for the receives that are open, release what was never
//! started, delete what is done.

use super::QueueMachine;
use super::context::Context;
use super::draining::Draining;
use super::finishing::Deliveries;
use super::invoking::Invoking;
use super::message::{Held, Messages, Stage};
use crate::machine::{Invariant, Output};

impl QueueMachine {
    pub(super) fn drain(&mut self, draining: Draining) {
        if let Some(begun) = &mut self.cx.draining {
            return begun.shorten(&draining);
        }
        self.cx.draining = Some(draining);
        self.stop_starting();
    }

    /// Asks for no more messages, and releases what was never started.
    pub(super) fn stop_starting(&mut self) {
        self.receiving.stop();
        let unstarted = self.messages.take_unstarted(&mut self.invoking, &self.cx);
        self.finishing.release_unstarted(&mut self.cx, &mut self.messages, &unstarted);
        // What stays is not gathered any longer.
        self.messages.gather.receive_ended(true);
        // One more try for what the destination did not take, but no waiting for another.
        self.finishing.deliveries.hasten();
    }

    /// Takes a drain back that has not ended: what was to be released is set on its way again.
    pub(super) fn resume(&mut self) {
        if self.cx.draining.take_if(|draining| !draining.is_cut()).is_none() {
            return;
        }
        self.receiving.resume();
        self.finishing.changes.release_not_before(None);
        let stopped = std::mem::take(&mut self.finishing.stopped);
        self.finishing.release_now(&mut self.cx, &mut self.messages, &stopped);
        let mut tokens: Vec<u64> = std::mem::take(&mut self.finishing.returning).into();
        tokens.sort_unstable();
        // What came during the drain has not met the filters yet.
        self.place_all(&tokens);
    }

    pub(super) fn advance_drain(&mut self) {
        let Some(draining) = &self.cx.draining else { return };
        let open = self.receiving.open();
        // The calls of a machine end with it. A receive that is open would hide what it brings.
        if open > 0 && draining.is_outlasted(self.cx.now) && self.has_work() {
            return self.abandon_work();
        }
        let Some(draining) = &mut self.cx.draining else { return };
        self.finishing.changes.release_not_before((open > 0).then(|| draining.receives_end()));
        if open > 0 && draining.cancels_receives(self.cx.now) {
            self.cx.out.push(Output::CancelPolls);
        }
        if open == 0 {
            self.finishing.release_returning(&mut self.cx, &mut self.messages);
        }
    }

    /// Waits for nothing any more that is, or was to be, invoked or delivered: it is left to its visibility timeout.
    fn abandon_work(&mut self) {
        let Self { cx, messages, invoking, finishing, .. } = self;
        let ends = |held: &Held| held.stage.is_idle() || matches!(held.stage, Stage::InFlight | Stage::DeadLettered);
        let tokens: Vec<u64> = messages.tokens(ends).into_iter().collect();
        let _waiting = messages.gather.abandon(|_| false);
        messages.gather.vacate(&tokens);
        if let Some(draining) = &mut cx.draining {
            draining.abandon(invoking.in_flight());
        }
        invoking.abandon();
        finishing.deliveries = Deliveries::default();
        finishing.expire(cx, messages, &tokens);
    }

    /// Whether something is left that is, or will be, invoked or delivered.
    pub(super) fn has_work(&self) -> bool {
        let waits = self.messages.gather.is_ready() || self.messages.gather.gathered() > 0;
        waits || self.invoking.len() > 0 || !self.finishing.deliveries.is_empty()
    }

    /// Whether the drain is over, with the number of batches that it had to abandon.
    pub(super) fn drained(&mut self) -> Option<usize> {
        let draining = self.cx.draining?;
        let has_work = self.has_work();
        let quiet = self.receiving.open() == 0 && self.finishing.is_idle();
        if quiet && !has_work {
            self.cx.out.check(Invariant::DrainedClean, self.messages.is_empty());
        }
        let over = quiet && (draining.is_cut() || !has_work) || draining.is_over(has_work, self.cx.now);
        over.then_some((draining.abandoned() + self.invoking.in_flight()) as usize)
    }
}

impl Messages {
    /// Takes what was never started out of the batches, but for what is to be finished: messages that the queue would
    /// move to its dead-letter queue instead of handing them out once more, and what would share a batch with them. Of
    /// a FIFO queue all stay then, in their order.
    fn take_unstarted(&mut self, invoking: &mut Invoking, cx: &Context) -> Vec<u64> {
        let last = self.tokens(|held: &Held| cx.is_last(&held.message) && held.stage.is_idle());
        let is_last = |token: &u64| last.contains(token);
        if cx.options.fifo.is_some() && !last.is_empty() {
            return Vec::new();
        }
        let mut waiting = self.gather.abandon(is_last);
        let mut batched = invoking.take_unstarted(self, is_last);
        if cx.options.fifo.is_some() {
            batched.extend(waiting);
            return batched;
        }
        waiting.extend(batched);
        waiting
    }
}
