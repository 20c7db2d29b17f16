//! Stopping: receive no more, finish what is in flight, wait for the receives that are open, give back what was never
//! started, delete what is done.

use std::collections::VecDeque;
use std::time::Duration;

use super::QueueMachine;
use super::machine::Stage;
use crate::machine::groups::Groups;
use crate::machine::{BatchId, Invariant, Mono, Output};

/// How long the calls that give messages back may take when nothing else is waited for any more.
const LAST_CALLS: Duration = Duration::from_secs(1);

/// A drain that has begun.
#[derive(Debug)]
pub(super) struct Draining {
    /// What is in flight is waited for until then.
    ends: Mono,
    /// Receives that are open are waited for until then: a receive that nobody waits for any more hides its messages
    /// until their visibility ends, and has spent a receive of each.
    receives_end: Mono,
    /// The drain is over then, if all that is left is open receives and what waits for them.
    quiet_ends: Mono,
    /// The receives that are open are given up.
    gave_up: bool,
    /// What is in flight is no longer waited for.
    cut: bool,
    /// Messages that were never started and are still to be given back.
    returning: VecDeque<u64>,
}

impl Draining {
    /// When it is to be looked at again.
    pub(super) fn next(&self, now: Mono) -> Option<Mono> {
        [self.receives_end, self.ends, self.quiet_ends].into_iter().filter(|&at| at > now).min()
    }

    /// What a successor goes on with.
    pub(super) fn handed_over(self) -> Self {
        Self { gave_up: false, returning: VecDeque::new(), ..self }
    }

    /// What a receive brought late is processed: it has as long as receives are waited for.
    pub(super) fn allow_for_receives(&mut self) {
        self.ends = self.ends.max(self.quiet_ends);
    }

    pub(super) const fn is_cut(&self) -> bool {
        self.cut
    }
}

impl QueueMachine {
    pub(super) fn begin_drain(&mut self, bound: Duration, receives: Duration) {
        let ends = self.now + bound;
        let receives_end = self.now + (bound - LAST_CALLS.min(bound / 2)).max(receives);
        let quiet_ends = if receives > bound { receives_end + LAST_CALLS } else { ends };
        if let Some(draining) = &mut self.draining {
            // A second wish can only shorten the first.
            draining.ends = draining.ends.min(ends);
            draining.receives_end = draining.receives_end.min(receives_end);
            draining.quiet_ends = draining.quiet_ends.min(quiet_ends);
            return;
        }
        let returning = VecDeque::new();
        self.draining = Some(Draining { ends, receives_end, quiet_ends, gave_up: false, cut: false, returning });
        self.stop_starting();
    }

    /// Asks for no more messages, and gives back what was never started.
    pub(super) fn stop_starting(&mut self) {
        self.receiving.stop();
        let unstarted = self.unstarted();
        self.give_back_unstarted(&unstarted);
        // What stays is not gathered any longer.
        self.batcher.flush();
        self.take_closed_batches();
        // One more try for what the destination did not take, but no waiting for another.
        self.deliveries.hasten();
    }

    /// Takes what was never started out of the batches, but for what is to be finished: messages that the queue would
    /// move to its dead-letter queue instead of handing them out once more, and what would share a batch with them. Of a
    /// FIFO queue all stay then, in their order.
    fn unstarted(&mut self) -> Vec<u64> {
        let is_last = |token: &u64| self.held.get(token).is_some_and(|held| self.receiving.is_last(&held.record));
        let is_idle = |stage: Stage| matches!(stage, Stage::Gathering | Stage::Batched(_));
        if self.groups.is_some() && self.held.iter().any(|(token, held)| is_idle(held.stage) && is_last(token)) {
            return Vec::new();
        }
        let mut unstarted = Vec::new();
        let idle = self.batches.iter().filter(|(_, batch)| !batch.flying && !batch.tokens.iter().any(is_last));
        let idle: Vec<BatchId> = idle.map(|(&id, _)| id).collect();
        if !self.batcher.open().iter().any(is_last) {
            unstarted.extend(self.batcher.abandon());
        }
        for id in idle {
            self.ready.remove(&id);
            self.waiting.retain(|&(_, waiting)| waiting != id);
            unstarted.extend(self.take_batch(id));
        }
        unstarted.extend(self.groups.as_mut().map(Groups::abandon).unwrap_or_default());
        unstarted
    }

    /// Gives messages back as soon as no receive of our own would take them again, and spend a receive of each.
    pub(super) fn give_back_unstarted(&mut self, tokens: &[u64]) {
        self.restage(tokens, Stage::Returning);
        match &mut self.draining {
            Some(draining) => draining.returning.extend(tokens),
            None => self.release(tokens),
        }
    }

    /// Ends a drain now, but for the calls that give messages back.
    pub(super) fn cut_drain(&mut self) {
        self.begin_drain(LAST_CALLS, Duration::ZERO);
        if let Some(draining) = &mut self.draining {
            draining.cut = true;
            draining.receives_end = self.now;
        }
    }

    /// Takes a drain back that has not ended: what was to be given back is gathered again.
    pub(super) fn resume(&mut self) {
        let Some(draining) = self.draining.take_if(|draining| !draining.cut) else { return };
        self.receiving.resume();
        self.gather_again(draining.returning.into());
    }

    pub(super) fn advance_drain(&mut self) {
        let Some(draining) = &mut self.draining else { return };
        let open = self.receiving.open();
        if open > 0 && draining.receives_end <= self.now && !std::mem::replace(&mut draining.gave_up, true) {
            self.out.push(Output::CancelPolls);
        }
        if open == 0 {
            let tokens: Vec<u64> = draining.returning.drain(..).collect();
            self.release(&tokens);
        }
    }

    /// Whether something is left that is, or will be, invoked or delivered.
    pub(super) fn has_work(&self) -> bool {
        let waits = self.groups.as_ref().is_some_and(Groups::waits) || self.batcher.gathered() > 0;
        waits || !self.batches.is_empty() || !self.deliveries.is_empty()
    }

    /// Whether the drain is over, with the number of batches that it had to abandon.
    pub(super) fn drained(&mut self) -> Option<usize> {
        let draining = self.draining.as_ref()?;
        let (cut, finished) = (draining.cut, !self.has_work());
        // With nothing in flight the bound is that of the receives.
        let ends = if finished { draining.quiet_ends } else { draining.ends };
        let quiet = self.receiving.open() == 0 && self.settling.is_idle();
        if quiet && finished {
            self.out.check(Invariant::DrainedClean, self.held.is_empty() && self.batches.is_empty());
        }
        let over = quiet && (cut || finished) || ends <= self.now;
        over.then_some(self.in_flight as usize)
    }
}
