//! A change of settings: the machine goes on with what is open and held, and nothing is given back for it.

use super::QueueMachine;
use super::machine::Stage;
use super::options::QueueOptions;
use crate::machine::batcher::Batcher;
use crate::machine::{BatchId, Mono};

impl QueueMachine {
    /// Takes over other settings. What is in flight is judged as it was begun; everything else goes on under the new ones.
    pub(super) fn change(&mut self, options: QueueOptions) {
        let before = std::mem::replace(&mut self.options, options);
        if before.maximum_concurrency != self.options.maximum_concurrency {
            self.scaler.set_maximum(self.options.maximum_concurrency, self.options.fifo.is_some());
        }
        // What was wrong may be right by now: the next call shows.
        self.health.begin_again();
        self.use_visibility();
        let most = self.options.batch_size as usize;
        match &mut self.groups {
            Some(groups) => groups.set_most(most),
            None => self.gather_fresh(),
        }
        let idle: Vec<BatchId> = self.batches.iter().filter(|(_, batch)| !batch.flying).map(|(&id, _)| id).collect();
        for id in idle {
            self.cut_to_size(id);
        }
    }

    /// Gathers once more what is in no batch that was ever begun.
    fn gather_fresh(&mut self) {
        let mut tokens = self.batcher.abandon();
        self.batcher = Batcher::new(self.options.limits());
        let fresh: Vec<BatchId> = self.ready.iter().copied().filter(|id| self.is_fresh(*id)).collect();
        for id in fresh {
            self.ready.remove(&id);
            tokens.extend(self.take_batch(id));
        }
        self.gather_again(tokens);
    }

    /// Gathers messages that were held already: their windows count from their receipt.
    pub(super) fn gather_again(&mut self, mut tokens: Vec<u64>) {
        tokens.sort_unstable();
        self.restage(&tokens, Stage::Gathering);
        for &token in &tokens {
            if self.groups.is_some() {
                self.wait_in_group(token);
            } else if let Some(held) = self.held.get(&token) {
                self.batcher.push(token, held.record.fragment.len(), held.lease.received);
            }
        }
        self.batcher.receive_ended();
    }

    /// Splits a batch that is larger than batches may be; what was tried of it counts for each part.
    pub(super) fn cut_to_size(&mut self, id: BatchId) {
        let most = self.options.batch_size as usize;
        let Some(rest) = self.batches.get_mut(&id).and_then(|batch| batch.split_off(most)) else { return };
        if self.groups.is_some() {
            let kept = self.batches.get(&id).map(|batch| batch.tokens.clone()).unwrap_or_default();
            self.vacate(&rest.tokens);
            self.occupy(&kept, id);
            return self.wait_in_group_again(&rest.tokens);
        }
        let next = BatchId(self.out.name());
        self.restage(&rest.tokens, Stage::Batched(next));
        self.batches.insert(next, rest);
        let again: Option<Mono> = self.waiting.iter().find(|(_, waiting)| *waiting == id).map(|&(at, _)| at);
        match again {
            Some(at) => drop(self.waiting.insert((at, next))),
            None => drop(self.ready.insert(next)),
        }
        self.cut_to_size(next);
    }
}
