//! After a panic: a fresh machine goes on with what is open and held, as far as the one that panicked can be trusted.
//!
//! What is owed is kept: a message that is with the function stays there until its invoke is answered, one that is to
//! be deleted is deleted again, and one whose failure record is not confirmed waits for that. What was not begun is
//! begun by the successor. Where it is not known what became of a message, it is left to its visibility timeout, and of
//! a FIFO queue nothing passes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::QueueMachine;
use super::draining::Draining;
use super::message::{Messages, Stage};
use crate::machine::{Mono, Operation, Queue};

impl QueueMachine {
    /// The machine that follows this one.
    pub(super) fn hand_over(&mut self, open: &BTreeSet<Operation<Queue>>, panic: &str) -> Self {
        let fresh = Self::new(self.cx.options.clone());
        let Self { cx: mut before, receiving, messages, invoking, finishing, .. } = std::mem::replace(self, fresh);
        let cx = before.handed_over(panic);
        let (mut messages, parted) = messages.handed_over(&cx.options, cx.now);
        let finishing = finishing.handed_over(&messages, open, cx.now);
        let (invoking, idle) = invoking.handed_over(&cx.options, &mut messages, open);
        let receiving = receiving.handed_over(open);
        let mut next = Self { cx, receiving, messages, invoking, finishing, done: false };

        let mut known = next.invoking.all_tokens();
        known.extend(next.finishing.deliveries.tokens());
        let unknown = next.messages.unknown(&known);
        let broken = next.messages.broken_groups(parted, &unknown, next.cx.now);
        if !unknown.is_empty() {
            next.finishing.expire(&mut next.cx, &mut next.messages, &unknown);
        }
        for mut batch in idle {
            batch.tokens.retain(|&token| !is_of(&next.messages, token, &broken));
            if !batch.tokens.is_empty() {
                next.messages.gather.occupy(&batch.tokens, batch.id);
                next.invoking.put(batch);
            }
        }
        next.cx.draining = before.draining.map(Draining::handed_over);
        next.place_rest(&broken);
        if next.cx.drains() {
            next.stop_starting();
        }
        next
    }

    /// Sets all that is in no batch on its way, but for what is to be released: of broken groups, and what a drain
    /// returns.
    fn place_rest(&mut self, broken: &BTreeSet<Arc<str>>) {
        let batched = self.invoking.all_tokens();
        let mut rest = self.messages.tokens(|held| held.stage.is_idle() || held.stage == Stage::Returning);
        rest.retain(|token| !batched.contains(token));
        let (stopped, rest): (Vec<u64>, Vec<u64>) =
            rest.into_iter().partition(|&token| is_of(&self.messages, token, broken));
        let returns = |token: &u64| {
            self.cx.drains() && self.messages.get(*token).is_some_and(|held| held.stage == Stage::Returning)
        };
        let (returning, fresh): (Vec<u64>, Vec<u64>) = rest.into_iter().partition(returns);
        self.finishing.release_stopped(&mut self.cx, &mut self.messages, &stopped);
        self.finishing.release_unstarted(&mut self.cx, &mut self.messages, &returning);
        self.place_all(&fresh);
    }
}

impl Messages {
    /// The messages of which it is not known what became of them: the function's answer was being read, or their
    /// failure records were being made or confirmed. `known` are those of batches and deliveries.
    fn unknown(&self, known: &BTreeSet<u64>) -> Vec<u64> {
        let in_flight = self.tokens(|held| held.stage == Stage::InFlight);
        let dead = self.tokens(|held| held.stage == Stage::DeadLettered);
        in_flight.into_iter().chain(dead).filter(|token| !known.contains(token)).collect()
    }

    /// The message groups of which nothing may be begun now: something of them comes again, or was just parted with.
    fn broken_groups(&self, mut parted: BTreeSet<Arc<str>>, unknown: &[u64], now: Mono) -> BTreeSet<Arc<str>> {
        let still = self.tokens(|held| held.stage == Stage::DeadLettered || held.lease.is_over(now));
        let groups = unknown.iter().chain(&still).filter_map(|&token| self.gather.group_of(token));
        parted.extend(groups.cloned());
        parted
    }
}

/// Whether a message is of one of these groups.
fn is_of(messages: &Messages, token: u64, groups: &BTreeSet<Arc<str>>) -> bool {
    messages.gather.group_of(token).is_some_and(|name| groups.contains(name))
}
