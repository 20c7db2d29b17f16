//! Batches that are with the function, and each `Lane` that waits after a fault of its service.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::context::Context;
use super::lanes::LaneKey;
use crate::machine::{BatchId, Fault, Mono};

/// An answer to another `Lane` wakes one that has met more than one fault only after so long. Else a batch that the
/// service always refuses would be retried with each of those answers.
const WAKES_AFTER: Duration = Duration::from_secs(5);
/// An answer wakes so many waiting `Lane`s: after an outage the calls double with each round.
const WOKEN: usize = 2;

/// Which `Lane` each batch in flight belongs to, and which `Lane`s wait after a fault.
#[derive(Debug)]
pub(super) struct Flights {
    open: BTreeMap<BatchId, LaneKey>,
    held_back: BTreeMap<LaneKey, Times>,
    /// How many invocations the function's target can have at a time; `None`: it does not say.
    pub(super) capacity: Option<u32>,
    /// The `Lane`s that wait for one of them, in their order.
    queued: VecDeque<LaneKey>,
    /// How long the function took for its last answer.
    run: Duration,
}

impl Default for Flights {
    fn default() -> Self {
        // Nothing is known of the function yet.
        Self {
            open: BTreeMap::new(),
            held_back: BTreeMap::new(),
            capacity: None,
            queued: VecDeque::new(),
            run: Duration::MAX,
        }
    }
}

#[derive(Debug)]
struct Times {
    /// From when on an answer to another `Lane` may wake it.
    wakes: Mono,
    /// When it is tried by itself.
    due: Mono,
}

impl Flights {
    fn is_full(&self) -> bool {
        self.capacity.is_some_and(|capacity| self.open.len() >= capacity as usize)
    }

    /// Whether a batch of a `Lane` that does not wait for its turn may go to the function now. If not, it waits.
    #[must_use]
    pub(super) fn admit(&mut self, lane: LaneKey) -> bool {
        let may = !self.is_full() && self.queued.is_empty();
        if !may {
            self.queued.push_back(lane);
        }
        may
    }

    /// Takes out the `Lane` whose turn has come.
    pub(super) fn next_queued(&mut self) -> Option<LaneKey> {
        if self.is_full() { None } else { self.queued.pop_front() }
    }

    /// A batch of this `Lane` goes to the function; `false` if it is there already.
    pub(super) fn begin(&mut self, batch: BatchId, lane: LaneKey) -> bool {
        self.open.insert(batch, lane).is_none()
    }

    /// The `Lane` of a batch that was answered.
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

    /// This `Lane` waits no longer after a fault.
    pub(super) fn let_go(&mut self, lane: LaneKey) {
        self.held_back.remove(&lane);
    }

    /// The function takes work: each `Lane` that need not wait any longer.
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
    /// Lets a `Lane` wait after so many faults, and says for how long.
    pub(super) fn hold_back(&mut self, lane: LaneKey, faults: u32, fault: &Fault) -> Duration {
        let Self { flights, options, rng, now, .. } = self;
        let now = now.mono;
        let mut pause = options.retry.after_fault(faults, flights.run, rng);
        let probe = options.retry.of_probes().pause(faults, rng);
        // If no other `Lane` will show earlier that the function is back, this one is the probe.
        if flights.is_empty() && flights.held_back.values().all(|other| other.due > now + probe) {
            pause = pause.min(probe);
        }
        let pause = pause.max(fault.retry_after.unwrap_or_default());
        let wakes = if faults > 1 { now + WAKES_AFTER } else { now };
        flights.held_back.insert(lane, Times { wakes, due: now + pause });
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::super::StreamOptions;
    use super::super::shard::ShardKey;
    use super::*;
    use crate::machine::{FaultKind, Now};

    fn lane(lane: usize) -> LaneKey {
        LaneKey { shard: ShardKey(1), lane }
    }

    fn at(seconds: u64) -> Mono {
        Mono::at(Duration::from_secs(seconds))
    }

    fn throttled() -> Fault {
        Fault::new(FaultKind::Throttled, "slow down")
    }

    #[test]
    fn a_batch_is_with_the_function_once() {
        let mut flights = Flights::default();
        assert!(flights.begin(BatchId(1), lane(0)));
        assert!(!flights.begin(BatchId(1), lane(1)));
        assert_eq!(flights.end(BatchId(1)), Some(lane(1)));
        assert_eq!((flights.end(BatchId(1)), flights.is_empty()), (None, true));
    }

    #[test]
    fn an_answer_wakes_two_lanes_and_those_that_met_several_faults_only_after_five_seconds() {
        let mut cx = Context::new(StreamOptions::default());
        for (number, faults) in [(0, 2), (1, 1), (2, 1), (3, 1)] {
            cx.hold_back(lane(number), faults, &throttled());
        }
        assert_eq!(cx.flights.woken(at(0)), [lane(1), lane(2)]);
        assert_eq!(cx.flights.woken(at(4)), [lane(3)]);
        assert_eq!(cx.flights.woken(at(5)), [lane(0)]);
        assert_eq!(cx.flights.woken(at(60)), []);
    }

    #[test]
    fn one_lane_tries_the_function_soon_and_another_does_when_that_one_has_nothing_left_to_try() {
        let mut cx = Context::new(StreamOptions::default());
        let soon = Duration::from_secs(8);
        assert!(cx.hold_back(lane(0), 8, &throttled()) < soon);
        cx.now = Now { mono: at(3), ..cx.now };
        assert!(cx.hold_back(lane(1), 8, &throttled()) > soon);
        cx.flights.let_go(lane(0));
        assert!(cx.hold_back(lane(2), 8, &throttled()) < soon);
        cx.flights.let_go(lane(2));
        cx.flights.begin(BatchId(1), lane(0));
        assert!(cx.hold_back(lane(3), 8, &throttled()) > soon, "the batch in flight shows whether it is back");
    }
}
