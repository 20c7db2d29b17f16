//! One shard that is being read and processed.

use super::StreamOptions;
use super::books::{Entries, Held};
use super::context::Context;
use super::lanes::{Admission, Lane, LaneKey};
use super::reading::Reading;
use super::records::Records;
use super::turn::Turn;
use super::windows::Windows;
use crate::machine::Mono;

/// Names a shard inside the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShardKey(pub(super) u32);

/// A shard: how it is read, what was read of it and is not finished, and each `Lane` in which that is processed.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) reading: Reading,
    pub(super) records: Records,
    pub(super) lanes: Vec<Lane>,
    /// What stands of it in the machine's books.
    pub(super) entries: Entries,
}

impl Shard {
    /// A shard of which nothing was read yet.
    pub(super) fn new(reading: Reading, records: Records, options: &StreamOptions) -> Self {
        let lanes = (0..options.parallelization.max(1)).map(|_| Lane::default()).collect();
        Self { reading, records, lanes, entries: Entries::default() }
    }

    /// Does everything that has become possible, and brings the machine's books in line with it.
    pub(super) fn advance(&mut self, cx: &mut Context) {
        for lane in 0..self.lanes.len() {
            self.turn(lane, cx).advance();
        }
        self.read_if_due(cx);
        let due = self.due(cx);
        cx.books.set_timer(self.records.key, &mut self.entries, due);
        cx.books.set_held(&mut self.entries, self.records.frontier.held());
        let unsaved = self.entries.unsaved_since(self.records.frontier.oldest_read());
        cx.books.set_unsaved(self.records.key, &mut self.entries, unsaved);
    }

    /// A `Lane`, and what it works with.
    pub(super) fn turn<'a>(&'a mut self, lane: usize, cx: &'a mut Context) -> Turn<'a> {
        let key = LaneKey { shard: self.records.key, lane };
        Turn { key, lane: &mut self.lanes[lane], records: &mut self.records, reading: &self.reading, cx }
    }

    /// The `Lane` of a key.
    pub(super) fn lane_of(&mut self, key_hash: u64) -> &mut Lane {
        let lane = key_hash % self.lanes.len() as u64;
        // The remainder is smaller than the number of `Lane`s, which is at most 100.
        &mut self.lanes[usize::try_from(lane).unwrap_or_default()]
    }

    /// Records and bytes that wait where a `Lane` makes progress.
    pub(super) fn flowing(&self) -> Held {
        let flowing = self.lanes.iter().filter(|lane| !lane.is_stuck());
        flowing.fold(Held::default(), |sum, lane| Held {
            records: sum.records + lane.queued(),
            bytes: sum.bytes + lane.queued_bytes(),
        })
    }

    /// In a drain: lets each `Lane` that lags behind others finish what the others have passed. Else all after it would
    /// be processed again, because the checkpoint cannot pass it.
    pub(super) fn catch_up(&mut self) {
        let flying = self.lanes.iter().filter_map(Lane::flying_to).max();
        self.records.goal = self.records.frontier.reached().max(flying.unwrap_or_default());
    }

    /// Everything of it is finished and nothing can follow.
    pub(super) fn is_finished(&self) -> bool {
        self.reading.is_at_end()
            && self.records.frontier.is_clear()
            && self.records.deliveries == 0
            && self.lanes.iter().all(Lane::is_idle)
            && self.records.windows.as_ref().is_none_or(Windows::is_closed)
    }

    /// When something is due by itself.
    fn due(&self, cx: &Context) -> Option<Mono> {
        if cx.draining.is_some() {
            return None;
        }
        let waiting = self.lanes.iter().filter(|lane| !lane.is_flying());
        let lanes = waiting.filter_map(|lane| {
            let expiry = lane.next_place().and_then(|place| self.records.expiry(place, cx));
            // What is due of one that awaits its turn has to wait for that.
            let due = lane.due(&cx.limits).filter(|_| lane.admission != Admission::Awaits);
            [due, expiry].into_iter().flatten().min()
        });
        lanes.chain(self.reading.due().filter(|&due| due > cx.mono())).min()
    }
}
