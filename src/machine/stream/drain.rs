//! Stopping: read no more, finish what is in flight, save the last checkpoints.

use std::time::Duration;

use super::StreamMachine;
use super::shard::ShardKey;
use crate::machine::{Event, Invariant, Mono, Output};

/// How much of a drain's bound is kept for the last write.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// A drain that has begun.
#[derive(Debug)]
pub(super) struct Draining {
    /// What is in flight is waited for until then.
    patience: Mono,
    /// The drain is over then, even if something is left.
    ends: Mono,
}

impl Draining {
    /// When it is to be looked at again.
    pub(super) fn next(&self, now: Mono) -> Mono {
        if self.patience > now { self.patience } else { self.ends }
    }

    /// Whether what is in flight is still waited for.
    pub(super) fn is_patient(&self, now: Mono) -> bool {
        self.patience > now
    }
}

impl StreamMachine {
    pub(super) fn begin_drain(&mut self, bound: Duration) {
        let now = self.cx.mono();
        let (patience, ends) = (now + (bound - LAST_WRITE.min(bound / 4)), now + bound);
        if let Some(draining) = &mut self.cx.draining {
            // A second order can only shorten the first.
            draining.patience = draining.patience.min(patience);
            draining.ends = draining.ends.min(ends);
            return;
        }
        self.cx.draining = Some(Draining { patience, ends });
        self.listing.stop();
        if self.cx.reads.are_open() {
            self.cx.out.push(Output::CancelPolls);
        }
        let of_lanes: Vec<ShardKey> =
            self.shards.iter().filter(|(_, shard)| shard.lanes.len() > 1).map(|(&key, _)| key).collect();
        for key in of_lanes {
            self.work_on(key, |shard, _| shard.catch_up());
        }
        // One more chance for what the destination did not take, but no waiting for another.
        self.cx.deliveries.hasten(now);
    }

    /// Ends a drain now, but for the last write.
    pub(super) fn cut_drain(&mut self) {
        self.begin_drain(LAST_WRITE);
        if let Some(draining) = &mut self.cx.draining {
            draining.patience = self.cx.now.mono;
        }
    }

    pub(super) fn finish_drain(&mut self) {
        let now = self.cx.mono();
        let Some(draining) = &self.cx.draining else { return };
        let (is_patient, over) = (draining.is_patient(now), draining.ends <= now);
        let quiet = self.cx.flights.is_empty() && self.cx.deliveries.is_quiet();
        if !quiet && is_patient {
            return;
        }
        self.cx.saving.hasten(now);
        self.save_if_due();
        let saved = self.cx.saving.is_idle();
        if !over && !saved {
            return;
        }
        if quiet && !over {
            self.cx.out.check(Invariant::DrainedClean, saved);
        }
        let (abandoned, unsaved) = (self.cx.flights.len(), self.cx.saving.unsaved(&self.shards));
        self.done = true;
        self.cx.out.emit(Event::Drained { abandoned, unsaved });
        self.cx.out.push(Output::Done);
    }
}
