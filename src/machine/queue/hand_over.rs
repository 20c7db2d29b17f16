//! After a panic: a fresh machine goes on with what is open and held, as far as the one that panicked can be trusted.
//!
//! What is owed is kept: a message that is with the function stays there until its invoke is answered, one that is to be
//! deleted is deleted again, and one whose failure record is not confirmed waits for that. What was not begun is begun by
//! the successor. Where it is not known what became of a message, it is left to its visibility timeout, and of a FIFO
//! queue nothing passes it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::sync::Arc;

use super::QueueMachine;
use super::drain::Draining;
use super::invoke::Batch;
use super::machine::Stage;
use crate::machine::{BatchId, Mono, Operation};

impl QueueMachine {
    /// The machine that follows this one.
    pub(super) fn hand_over(&mut self, open: &BTreeSet<Operation>, panic: &str) -> Self {
        let mut next = Self::new(self.options.clone());
        (next.now, next.unix_ms) = (self.now, self.unix_ms);
        // Random names and pauses do not repeat either.
        next.rng = self.rng.clone();
        next.out = take(&mut self.out).handed_over();
        next.health.panicked(panic, self.now);
        next.receiving = take(&mut self.receiving).handed_over(open);
        next.use_visibility();
        let most = self.options.batch_size as usize;
        let (groups, parted) = self.groups.take().map(|groups| groups.handed_over(most)).unzip();
        next.groups = groups;
        next.held = take(&mut self.held);
        for (&token, held) in &mut next.held {
            if held.lease.ends > next.now {
                next.leases.watch(token, &held.lease);
            }
            if let (Some(groups), Some(name)) = (&mut next.groups, &held.record.key) {
                groups.join(name, token);
            }
            if held.stage == Stage::FilteredOut {
                held.stage = Stage::Deleting(0);
            }
        }
        let deleting = next.at(|stage| matches!(stage, Stage::Deleting(_)));
        next.settling = take(&mut self.settling).handed_over(&deleting, open, next.now);
        let given_up = next.at(|stage| stage == Stage::GivenUp);
        next.deliveries = take(&mut self.deliveries).handed_over(|token| given_up.contains(&token), open);
        let idle = next.take_over_flights(take(&mut self.batches), open);

        let unknown = next.unknown(given_up);
        let broken = next.broken_groups(parted.unwrap_or_default(), &unknown);
        if !unknown.is_empty() {
            next.leave(&unknown);
        }
        next.take_over_idle(idle, &take(&mut self.waiting).into_iter().map(|(at, id)| (id, at)).collect(), &broken);
        next.draining = self.draining.take().map(Draining::handed_over);
        next.place_rest(&broken);
        if next.draining.is_some() {
            next.stop_starting();
        }
        next
    }

    fn at(&self, is_it: impl Fn(Stage) -> bool) -> BTreeSet<u64> {
        self.held.iter().filter(|(_, held)| is_it(held.stage)).map(|(&token, _)| token).collect()
    }

    /// Takes the batches over whose invokes are open, and gives the others.
    fn take_over_flights(
        &mut self,
        batches: BTreeMap<BatchId, Batch>,
        open: &BTreeSet<Operation>,
    ) -> BTreeMap<BatchId, Batch> {
        let mut idle = BTreeMap::new();
        for (id, mut batch) in batches {
            batch.tokens.retain(|token| self.held.contains_key(token));
            if batch.flying && open.contains(&Operation::Invoke(id)) {
                self.restage(&batch.tokens, Stage::InFlight);
                self.occupy(&batch.tokens, id);
                self.in_flight += 1;
                self.batches.insert(id, batch);
                continue;
            }
            if batch.flying {
                // It was about to be invoked.
                self.restage(&batch.tokens, Stage::Batched(id));
            }
            batch.tokens.retain(|token| self.held.get(token).is_some_and(|held| held.stage == Stage::Batched(id)));
            let tokens = take(&mut batch.tokens);
            idle.insert(id, batch.unbegun(tokens));
        }
        idle
    }

    /// The messages of which it is not known what became of them: the function's answer was being read, or their failure
    /// records were being made or confirmed.
    fn unknown(&self, given_up: BTreeSet<u64>) -> Vec<u64> {
        let mut known: BTreeSet<u64> = self.batches.values().flat_map(|batch| batch.tokens.iter().copied()).collect();
        known.extend(self.deliveries.tokens());
        let in_flight = self.at(|stage| stage == Stage::InFlight);
        in_flight.into_iter().chain(given_up).filter(|token| !known.contains(token)).collect()
    }

    /// The message groups of which nothing may be begun now: something of them comes again, or was just parted with.
    fn broken_groups(&self, mut parted: BTreeSet<Arc<str>>, unknown: &[u64]) -> BTreeSet<Arc<str>> {
        parted.extend(self.groups_of(unknown));
        let stands_still =
            self.held.iter().filter(|(_, held)| held.stage == Stage::GivenUp || held.lease.ends <= self.now);
        let tokens: Vec<u64> = stands_still.map(|(&token, _)| token).collect();
        parted.extend(self.groups_of(&tokens));
        parted
    }

    fn is_broken(&self, token: u64, broken: &BTreeSet<Arc<str>>) -> bool {
        self.held.get(&token).and_then(|held| held.record.key.as_ref()).is_some_and(|name| broken.contains(name))
    }

    /// Batches that wait keep their pauses and attempts.
    fn take_over_idle(
        &mut self,
        idle: BTreeMap<BatchId, Batch>,
        waiting: &BTreeMap<BatchId, Mono>,
        broken: &BTreeSet<Arc<str>>,
    ) {
        for (id, mut batch) in idle {
            batch.tokens.retain(|&token| !self.is_broken(token, broken));
            if batch.tokens.is_empty() {
                continue;
            }
            self.occupy(&batch.tokens, id);
            self.batches.insert(id, batch);
            match waiting.get(&id) {
                Some(&at) => drop(self.waiting.insert((at, id))),
                None => drop(self.ready.insert(id)),
            }
        }
    }

    /// Sets all that is in no batch on its way, but for what is to be given back: of broken groups, and what a drain returns.
    fn place_rest(&mut self, broken: &BTreeSet<Arc<str>>) {
        let batched: BTreeSet<u64> = self.batches.values().flat_map(|batch| batch.tokens.iter().copied()).collect();
        let is_idle = |stage| matches!(stage, Stage::Gathering | Stage::Batched(_) | Stage::Returning);
        let rest: Vec<u64> = self.at(is_idle).into_iter().filter(|token| !batched.contains(token)).collect();
        let (stopped, rest): (Vec<u64>, Vec<u64>) = rest.into_iter().partition(|&token| self.is_broken(token, broken));
        let drains = self.draining.is_some();
        let returns = |token: &u64| drains && self.held.get(token).is_some_and(|held| held.stage == Stage::Returning);
        let (returning, fresh): (Vec<u64>, Vec<u64>) = rest.into_iter().partition(returns);
        self.give_back_stopped(&stopped);
        self.give_back_unstarted(&returning);
        self.restage(&fresh, Stage::Gathering);
        for token in fresh {
            self.place(token);
        }
        self.batcher.receive_ended();
        self.take_closed_batches();
    }
}
