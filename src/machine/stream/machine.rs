//! The machine itself: its state, the order in which it does things, and when it wants to be woken.

use std::collections::{BTreeMap, BTreeSet};

use super::StreamOptions;
use super::context::Context;
use super::list::Listing;
use super::shard::{Shard, ShardKey};
use super::standing::Watch;
use crate::machine::{
    Deadline, Gauges, Input, Machine, Now, Operation, Output, Stream, StreamAnswer, StreamCommand, Wake,
};

/// Reads the shards of one stream, gathers batches in each `Lane`, invokes, and finishes every record.
///
/// One machine holds all shards of its mapping, each with its own `Lane`s, retries and frontier. What starts and stops
/// shards concerns them together: the lineage, the checkpoints in the store, a drain.
#[derive(Debug)]
pub struct StreamMachine {
    pub(super) cx: Context,
    pub(super) shards: BTreeMap<ShardKey, Shard>,
    pub(super) listing: Listing,
    watch: Watch,
    pub(super) done: bool,
}

impl StreamMachine {
    /// A machine that has not asked for anything yet: feed it an [`Input::Timeout`] to set it going.
    #[must_use]
    pub fn new(options: StreamOptions) -> Self {
        Self {
            cx: Context::new(options),
            shards: BTreeMap::new(),
            listing: Listing::default(),
            watch: Watch::default(),
            done: false,
        }
    }

    /// Does something with a shard, and then everything that has become possible in it. A shard stays until nothing of
    /// it is open or held any more, so what concerns one that is gone concerns nothing.
    pub(super) fn work_on(&mut self, key: ShardKey, step: impl FnOnce(&mut Shard, &mut Context)) {
        let Some(shard) = self.shards.get_mut(&key) else { return };
        step(shard, &mut self.cx);
        shard.advance(&mut self.cx);
        if shard.is_finished() {
            self.end_shard(key);
        }
    }

    fn advance(&mut self) {
        while let Some(key) = self.cx.books.next_due(self.cx.now.mono) {
            self.work_on(key, |shard, _| shard.entries.woken());
        }
        while let Some(lane) = self.cx.flights.next_queued() {
            self.work_on(lane.shard, |shard, cx| shard.turn(lane.lane, cx).take());
        }
        self.listing.ask_if_due(&mut self.cx);
        self.send_deliveries();
        self.read_parked();
        self.save_if_due();
        self.watch.reading(!self.shards.is_empty(), &self.listing, &mut self.cx);
        self.watch.clock(&mut self.cx);
        let limit = u32::try_from(self.limit()).unwrap_or(u32::MAX);
        self.cx.out.show(&mut self.cx.health, limit, self.cx.now.mono);
        self.watch.check(&mut self.cx);
        self.finish_drain();
    }

    /// How many batches may be in flight.
    fn limit(&self) -> usize {
        let lanes = self.shards.len() * self.cx.options.parallelization as usize;
        self.cx.flights.capacity.map_or(lanes, |capacity| lanes.min(capacity as usize))
    }

    fn deadline(&self) -> Option<Deadline> {
        let (cx, now) = (&self.cx, self.cx.now.mono);
        let candidates = [
            (cx.books.due(), Wake::Retry),
            (self.listing.due().filter(|_| cx.draining.is_none()), Wake::Describe),
            (self.watch.due(now), Wake::Describe),
            (cx.deliveries.due(), Wake::Deliver),
            (cx.saving.due().filter(|_| self.listing.fence().is_some()), Wake::Checkpoint),
            (cx.health.due(), Wake::Health),
            (cx.draining.as_ref().map(|draining| draining.next(now)), Wake::Drain),
        ];
        let next = candidates.into_iter().filter_map(|(at, reason)| Some((at?, reason))).min();
        next.map(|(at, reason)| Deadline { at, reason })
    }
}

impl Machine for StreamMachine {
    type Protocol = Stream;

    fn handle(&mut self, input: Input<Stream>, now: Now) {
        if self.done {
            return;
        }
        // A clock that steps back would make spans negative; time only ever moves on here.
        self.cx.now = Now { mono: self.cx.now.mono.max(now.mono), ..now };
        match input {
            Input::Answer(StreamAnswer::Claimed(result)) => self.listing.claimed(result, &mut self.cx),
            Input::Answer(StreamAnswer::Listed(result)) => self.listed(result),
            Input::Answer(StreamAnswer::Read { read, result }) => self.was_read(read, result),
            Input::Answer(StreamAnswer::Saved { save, result }) => self.saved(save, result),
            Input::Invoked { batch, result, took } => self.invoked(batch, result, took),
            Input::Delivered { delivery, result } => self.delivered(delivery, result),
            Input::Capacity(capacity) => {
                self.cx.flights.capacity = capacity;
                self.cx.health.capacity(capacity, self.cx.now.mono);
            }
            Input::Command(StreamCommand::Drain { bound }) => self.begin_drain(bound),
            Input::Command(StreamCommand::Cut) => self.cut_drain(),
            Input::Timeout => {}
        }
        if !self.done {
            self.advance();
        }
    }

    fn poll_output(&mut self) -> Output<Stream> {
        match self.cx.out.pop() {
            Some(output) => output,
            None if self.done => Output::Done,
            None => Output::Timeout(self.deadline()),
        }
    }

    fn gauges(&self) -> Gauges {
        Gauges {
            held: self.cx.books.held().records,
            in_flight: self.cx.flights.len(),
            limit: self.limit(),
            lowered: None,
            receiving: 0,
            quiet: false,
            unsaved_since_unix_ms: self.cx.books.unsaved_since(),
        }
    }

    /// Reads hide nothing: a machine that begins at the checkpoints loses nothing.
    fn successor(&mut self, _: &BTreeSet<Operation<Stream>>, _: &str) -> Option<Self> {
        None
    }
}
