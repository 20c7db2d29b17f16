//! Stopping: receive no more, finish what is in flight, give back what was never started, delete what is done.

use std::collections::VecDeque;
use std::time::Duration;

use super::QueueMachine;
use super::machine::Stage;
use crate::machine::groups::Groups;
use crate::machine::{Invariant, Mono, Output};

/// A poll that is answered within this time after the drain began is waited for: giving it up could hide the
/// messages of its answer until their visibility ends.
const GRACE: Duration = Duration::from_millis(500);
/// How long a drain that is cut short waits for the calls that give messages back.
const LAST_CALLS: Duration = Duration::from_secs(1);

/// A drain that has begun.
#[derive(Debug)]
pub(super) struct Draining {
    ends: Mono,
    grace: Option<Mono>,
    /// What is in flight is no longer waited for.
    cut: bool,
    /// Messages that were never started and are still to be given back.
    returning: VecDeque<u64>,
    /// How many polls were open when a message was last given back to end one of them.
    baited: usize,
}

impl Draining {
    pub(super) fn next(&self) -> Mono {
        self.grace.map_or(self.ends, |grace| grace.min(self.ends))
    }

    pub(super) const fn is_cut(&self) -> bool {
        self.cut
    }
}

impl QueueMachine {
    pub(super) fn begin_drain(&mut self, bound: Duration) {
        let ends = self.now + bound;
        if let Some(draining) = &mut self.draining {
            // A second wish can only shorten the first.
            draining.ends = draining.ends.min(ends);
            return;
        }
        let grace = Some(self.now + GRACE.min(bound / 2));
        self.draining = Some(Draining { ends, grace, cut: false, returning: VecDeque::new(), baited: usize::MAX });
        self.receiving.stop();
        let mut unstarted = self.batcher.abandon();
        let idle: Vec<_> = self.batches.iter().filter(|(_, batch)| !batch.flying).map(|(&id, _)| id).collect();
        for id in idle {
            unstarted.extend(self.take_batch(id));
        }
        unstarted.extend(self.groups.as_mut().map(Groups::abandon).unwrap_or_default());
        self.ready.clear();
        self.waiting.clear();
        self.give_back_unstarted(&unstarted);
        // One more try for what the destination did not take, but no waiting for another.
        self.deliveries.hasten();
    }

    /// Gives messages back as soon as no poll of our own would take them again, and spend a receive of each.
    pub(super) fn give_back_unstarted(&mut self, tokens: &[u64]) {
        self.restage(tokens, Stage::Returning);
        if let Some(draining) = &mut self.draining {
            draining.returning.extend(tokens);
        }
    }

    /// Ends a drain now, but for the calls that give messages back.
    pub(super) fn cut_drain(&mut self) {
        self.begin_drain(LAST_CALLS);
        if let Some(draining) = &mut self.draining {
            draining.cut = true;
            draining.grace = draining.grace.map(|_| self.now);
        }
    }

    pub(super) fn advance_drain(&mut self) {
        let Some(draining) = &mut self.draining else { return };
        if draining.grace.is_some_and(|grace| grace <= self.now) {
            draining.grace = None;
            if self.receiving.open() > 0 {
                self.out.push(Output::CancelPolls);
            }
        }
        let open = self.receiving.open();
        let count = if open == 0 {
            draining.returning.len()
        } else if open < draining.baited && !draining.returning.is_empty() {
            // A long poll ends with the first message that it gets. Given up instead, it could hide messages from
            // everybody: not every server hears that its caller is gone.
            draining.baited = open;
            1
        } else {
            0
        };
        let tokens: Vec<u64> = draining.returning.drain(..count).collect();
        self.release(&tokens);
    }

    /// Whether the drain is over, with the number of batches that it had to abandon.
    pub(super) fn drained(&mut self) -> Option<usize> {
        let Draining { ends, cut, .. } = *self.draining.as_ref()?;
        let quiet = self.receiving.open() == 0 && self.settling.is_idle();
        let finished = self.in_flight == 0 && self.deliveries.is_empty();
        if quiet && finished {
            self.out.check(Invariant::DrainedClean, self.held.is_empty() && self.batches.is_empty());
        }
        let over = quiet && (cut || finished) || ends <= self.now;
        over.then_some(self.in_flight as usize)
    }
}
