//! Stopping: read no more, finish what is in flight, save the last marks.

use std::time::Duration;

use super::StreamMachine;
use super::lanes::Lane;
use super::shard::{Shard, ShardKey};
use crate::machine::{Event, Invariant, Mono, Output};

/// How much of a drain's bound is kept for the last write.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// A drain that has begun.
#[derive(Debug)]
pub(super) struct Draining {
    /// What is in flight is waited for until then.
    patience: Mono,
    /// The drain is over then, whatever is left.
    ends: Mono,
}

impl Draining {
    /// When it is to be looked at again.
    pub(super) fn next(&self, now: Mono) -> Mono {
        if self.patience > now { self.patience } else { self.ends }
    }
}

impl StreamMachine {
    pub(super) fn begin_drain(&mut self, bound: Duration) {
        let now = self.now.mono;
        let (patience, ends) = (now + (bound - LAST_WRITE.min(bound / 4)), now + bound);
        if let Some(draining) = &mut self.draining {
            // A second wish can only shorten the first.
            draining.patience = draining.patience.min(patience);
            draining.ends = draining.ends.min(ends);
            return;
        }
        self.draining = Some(Draining { patience, ends });
        self.listing.stop();
        if !self.reads.is_empty() {
            self.out.push(Output::CancelPolls);
        }
        self.catch_up();
        // One more chance for what the destination did not take, but no waiting for another.
        self.deliveries.hasten(now);
    }

    /// Lets lanes that lag behind others finish what the others are beyond: else it would be processed again after the
    /// mark, which cannot pass it.
    fn catch_up(&mut self) {
        let keys: Vec<ShardKey> = self.shards.keys().copied().collect();
        for key in keys {
            let Some(shard) = self.shards.get_mut(&key).filter(|shard| shard.lanes.len() > 1) else { continue };
            let flying = shard.lanes.iter().filter_map(Lane::flying_to).max();
            shard.goal = shard.frontier.reached().max(flying.unwrap_or_default());
            self.advance_shard(key);
        }
    }

    /// Whether a lane may begin something: always, but in a drain only to catch up, and not if it failed before.
    pub(super) fn may_begin(&self, shard: &Shard, lane: &Lane) -> bool {
        let Some(draining) = &self.draining else { return true };
        let behind = lane.next_place().is_some_and(|place| place < shard.goal);
        draining.patience > self.now.mono && behind && !lane.is_stuck()
    }

    /// Ends a drain now, but for the last write.
    pub(super) fn cut_drain(&mut self) {
        self.begin_drain(LAST_WRITE);
        if let Some(draining) = &mut self.draining {
            draining.patience = self.now.mono;
        }
    }

    pub(super) fn finish_drain(&mut self) {
        let now = self.now.mono;
        let Some(draining) = &self.draining else { return };
        let quiet = self.batches.is_empty() && self.deliveries.is_quiet();
        let over = draining.ends <= now;
        if !quiet && draining.patience > now {
            return;
        }
        self.saving.hasten(now);
        self.save_if_due();
        if !over && !self.saving.is_idle() {
            return;
        }
        if quiet && !over {
            self.out.check(Invariant::DrainedClean, self.saving.is_idle());
        }
        let abandoned = self.batches.len();
        self.done = true;
        self.out.emit(Event::Drained { abandoned, unsaved: self.unsaved() });
        self.out.push(Output::Done);
    }
}
