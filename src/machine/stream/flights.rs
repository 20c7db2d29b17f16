//! Batches that are with the function, and lanes that a fault of its service holds back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::context::Context;
use super::lanes::LaneKey;
use crate::machine::{BatchId, Fault, Mono};

/// An answer to another lane wakes a lane that has met more than one fault only after so long: a batch that the service
/// always refuses would else be tried with each of them.
const WAKES_AFTER: Duration = Duration::from_secs(5);
/// So many lanes are woken by an answer: after an outage the calls double with each round.
const WOKEN: usize = 2;

/// Where the batches in flight are, and which lanes wait after a fault.
#[derive(Debug)]
pub(super) struct Flights {
    open: BTreeMap<BatchId, LaneKey>,
    held_back: BTreeMap<LaneKey, Times>,
    /// How long the function took for its last answer.
    run: Duration,
}

impl Default for Flights {
    fn default() -> Self {
        // Nothing is known of the function yet.
        Self { open: BTreeMap::new(), held_back: BTreeMap::new(), run: Duration::MAX }
    }
}

#[derive(Debug)]
struct Times {
    /// From when on an answer to another lane may wake it.
    wakes: Mono,
    /// When it is tried by itself.
    due: Mono,
}

impl Flights {
    /// A batch of this lane goes to the function; `false` where it is there already.
    pub(super) fn begin(&mut self, batch: BatchId, lane: LaneKey) -> bool {
        self.open.insert(batch, lane).is_none()
    }

    /// The lane of a batch that was answered.
    pub(super) fn end(&mut self, batch: BatchId) -> Option<LaneKey> {
        self.open.remove(&batch)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The function has answered.
    pub(super) const fn answered(&mut self, took: Duration) {
        self.run = took;
    }

    /// No fault holds this lane back any more.
    pub(super) fn let_go(&mut self, lane: LaneKey) {
        self.held_back.remove(&lane);
    }

    /// The function takes work: the lanes that need not wait any longer.
    pub(super) fn woken(&mut self, now: Mono) -> Vec<LaneKey> {
        let may_wake = self.held_back.iter().filter(|(_, times)| times.wakes <= now);
        let woken: Vec<LaneKey> = may_wake.map(|(&lane, _)| lane).take(WOKEN).collect();
        for &lane in &woken {
            self.let_go(lane);
        }
        woken
    }
}

impl Context {
    /// Holds a lane back after so many faults, and says for how long.
    pub(super) fn hold_back(&mut self, lane: LaneKey, faults: u32, fault: &Fault) -> Duration {
        let Self { flights, options, rng, now, .. } = self;
        let now = now.mono;
        let mut pause = options.retry.after_fault(faults, flights.run, rng);
        let probe = options.retry.of_probes().pause(faults, rng);
        // Where no other lane will show earlier that the function is back, this one is the probe.
        if flights.is_empty() && flights.held_back.values().all(|other| other.due > now + probe) {
            pause = pause.min(probe);
        }
        let pause = pause.max(fault.retry_after.unwrap_or_default());
        let wakes = if faults > 1 { now + WAKES_AFTER } else { now };
        flights.held_back.insert(lane, Times { wakes, due: now + pause });
        pause
    }
}
