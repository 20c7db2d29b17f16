//! When lanes that a fault of the service holds back are tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::StreamMachine;
use super::shard::ShardKey;
use crate::machine::{Event, Fault, Mono};

/// An answer to another lane wakes a lane that has met more than one fault only after so long: a batch that the service
/// always refuses would else be tried with each of them.
const WAKES_AFTER: Duration = Duration::from_secs(5);
/// So many lanes are woken by an answer: after an outage the calls double with each round.
const WOKEN: usize = 2;

/// The lanes that wait after a fault.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    lanes: BTreeMap<(ShardKey, usize), Times>,
}

#[derive(Debug)]
struct Times {
    /// From when on an answer to another lane may wake it.
    wakes: Mono,
    /// When it is tried by itself.
    due: Mono,
}

impl StreamMachine {
    /// The function could not take the batch of a lane: it stays as it is, and nothing is spent.
    pub(super) fn hold_back(&mut self, key: ShardKey, lane: usize, fault: &Fault) {
        let now = self.now.mono;
        let Some(shard) = self.shards.get_mut(&key) else { return };
        let Some(piece) = shard.lanes.get_mut(lane).and_then(|lane| lane.piece_mut()) else { return };
        piece.faults += 1;
        let (faults, records) = (piece.faults, piece.places.len());
        self.held_back.lanes.remove(&(key, lane));
        let mut pause = self.options.retry.after_fault(faults, self.run, &mut self.rng);
        let probe = self.options.retry.of_probes().pause(faults, &mut self.rng);
        // Where no other lane will show earlier that the function is back, this one is the probe.
        if self.batches.is_empty() && self.held_back.lanes.values().all(|other| other.due > now + probe) {
            pause = pause.min(probe);
        }
        let pause = pause.max(fault.retry_after.unwrap_or_default());
        let (wakes, due) = (if faults > 1 { now + WAKES_AFTER } else { now }, now + pause);
        self.held_back.lanes.insert((key, lane), Times { wakes, due });
        let piece = self.shards.get_mut(&key).and_then(|shard| shard.lanes.get_mut(lane)?.piece_mut());
        if let Some(piece) = piece {
            piece.wake = Some(due);
        }
        self.out.emit(Event::Held { records, retry_in: pause });
    }

    /// The function takes work: lanes that a fault holds back need not wait any longer.
    pub(super) fn wake_held_back(&mut self) {
        if self.held_back.lanes.is_empty() {
            return;
        }
        let (now, shards) = (self.now.mono, &self.shards);
        let waits = |&(key, lane): &(ShardKey, usize), due| {
            let lane = shards.get(&key).and_then(|shard| shard.lanes.get(lane)).filter(|lane| !lane.flying);
            lane.and_then(|lane| lane.piece()).is_some_and(|piece| piece.faults > 0 && piece.wake == Some(due))
        };
        self.held_back.lanes.retain(|place, times| waits(place, times.due));
        let may_wake = self.held_back.lanes.iter().filter(|(_, times)| times.wakes <= now);
        let woken: Vec<(ShardKey, usize)> = may_wake.map(|(place, _)| *place).take(WOKEN).collect();
        for (key, lane) in woken {
            self.held_back.lanes.remove(&(key, lane));
            self.piece_mut(key, lane, |piece| piece.wake = None);
            self.advance_shard(key);
        }
    }
}
