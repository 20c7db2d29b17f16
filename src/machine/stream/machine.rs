//! The machine itself: its state, the order in which it does things, and when it wants to be woken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::StreamOptions;
use super::again::HeldBack;
use super::drain::Draining;
use super::give_up::Deliveries;
use super::lanes::Limits;
use super::list::Listing;
use super::retry::Rules;
use super::save::Saving;
use super::shard::{Shard, ShardKey};
use crate::machine::envelope::MAX_BODY_BYTES;
use crate::machine::health::HealthWatch;
use crate::machine::outbox::Outbox;
use crate::machine::{
    BatchId, Deadline, Gauges, Input, Machine, Mono, Now, Operation, Output, ReadId, Stream, StreamAnswer,
    StreamCommand, Wake,
};

/// Reads the shards of one stream, gathers batches in lanes, invokes, and settles every record.
///
/// One machine holds all shards of its mapping, each with lanes, retries and a frontier of its own, because what
/// starts and stops them (the lineage, the marks in the store, a drain) concerns them together.
#[derive(Debug)]
pub struct StreamMachine {
    pub(super) options: StreamOptions,
    pub(super) limits: Limits,
    pub(super) rules: Rules,
    pub(super) now: Now,
    pub(super) rng: fastrand::Rng,
    pub(super) out: Outbox<Stream>,
    pub(super) health: HealthWatch,
    pub(super) listing: Listing,
    pub(super) shards: BTreeMap<ShardKey, Shard>,
    pub(super) reads: BTreeMap<ReadId, ShardKey>,
    /// Bytes that the open reads are expected to bring.
    pub(super) expected: usize,
    /// Shards whose last read failed; [`ShardKey::LISTING`] stands for the listing.
    pub(super) failing: BTreeSet<ShardKey>,
    /// Shards that may read as soon as there is room, and since when they are due.
    pub(super) parked: BTreeSet<(Mono, ShardKey)>,
    /// Where the batches in flight are.
    pub(super) batches: BTreeMap<BatchId, (ShardKey, usize)>,
    /// Lanes that wait after a fault of the function's service.
    pub(super) held_back: HeldBack,
    /// How long the function took for its last answer.
    pub(super) run: Duration,
    pub(super) deliveries: Deliveries,
    pub(super) saving: Saving,
    pub(super) draining: Option<Draining>,
    /// Records and bytes of all shards that are not settled.
    pub(super) held: (usize, usize),
    /// When the oldest record of each shard was read that no saved mark covers.
    pub(super) unsaved: BTreeSet<(u64, ShardKey)>,
    timers: BTreeSet<(Mono, ShardKey)>,
    /// Since when there is no shard to read.
    pub(super) unread: Option<Mono>,
    /// How far the host's clock is ahead of the source's, as it was told last (milliseconds).
    pub(super) skew: i64,
    pub(super) done: bool,
}

impl StreamMachine {
    /// A machine that has not asked for anything yet: feed it an [`Input::Timeout`] to set it going.
    #[must_use]
    pub fn new(options: StreamOptions) -> Self {
        Self {
            limits: Limits { records: options.batch_size as usize, window: options.window, bytes: MAX_BODY_BYTES },
            rules: Rules { bisect: options.bisect, retries: options.maximum_retry_attempts },
            now: Now::default(),
            rng: fastrand::Rng::with_seed(options.seed),
            out: Outbox::default(),
            health: HealthWatch::default(),
            listing: Listing::default(),
            shards: BTreeMap::new(),
            reads: BTreeMap::new(),
            expected: 0,
            failing: BTreeSet::new(),
            parked: BTreeSet::new(),
            batches: BTreeMap::new(),
            held_back: HeldBack::default(),
            run: Duration::MAX,
            deliveries: Deliveries::default(),
            saving: Saving::default(),
            draining: None,
            held: (0, 0),
            unsaved: BTreeSet::new(),
            timers: BTreeSet::new(),
            unread: None,
            skew: 0,
            done: false,
            options,
        }
    }

    /// Everything that has become possible in one shard.
    pub(super) fn advance_shard(&mut self, key: ShardKey) {
        let lanes = self.shards.get(&key).map_or(0, |shard| shard.lanes.len());
        for lane in 0..lanes {
            self.advance_lane(key, lane);
        }
        self.read_if_due(key);
        self.finish_if_ended(key);
        self.note(key);
    }

    /// Brings sums and timers in line with a shard.
    fn note(&mut self, key: ShardKey) {
        let due = self.shard_due(key);
        let Some(shard) = self.shards.get_mut(&key) else { return };
        if shard.timer != due {
            if let Some(at) = std::mem::replace(&mut shard.timer, due) {
                self.timers.remove(&(at, key));
            }
            self.timers.extend(due.map(|at| (at, key)));
        }
        let (held, bytes) = (shard.frontier.held(), shard.frontier.bytes());
        self.held.0 = self.held.0 + held - shard.counted.0;
        self.held.1 = self.held.1 + bytes - shard.counted.1;
        shard.counted = (held, bytes);
        let unsaved = match (shard.unsaved, shard.frontier.oldest_read()) {
            // The mark moves only by a save, so until then the older time counts.
            (Some(since), _) => Some(since),
            (None, oldest) => oldest,
        };
        self.set_unsaved(key, unsaved);
    }

    pub(super) fn set_unsaved(&mut self, key: ShardKey, since: Option<u64>) {
        let Some(shard) = self.shards.get_mut(&key) else { return };
        if shard.unsaved == since {
            return;
        }
        if let Some(before) = std::mem::replace(&mut shard.unsaved, since) {
            self.unsaved.remove(&(before, key));
        }
        self.unsaved.extend(since.map(|since| (since, key)));
    }

    /// Takes a shard out of all books.
    pub(super) fn forget_shard(&mut self, key: ShardKey) -> Option<Arc<str>> {
        let shard = self.shards.remove(&key)?;
        if let Some(at) = shard.timer {
            self.timers.remove(&(at, key));
        }
        if let Some(since) = shard.unsaved {
            self.unsaved.remove(&(since, key));
        }
        self.held.0 -= shard.counted.0;
        self.held.1 -= shard.counted.1;
        self.failing.remove(&key);
        self.parked.remove(&(shard.read_at, key));
        Some(shard.id)
    }

    /// When something in a shard is due by itself.
    fn shard_due(&self, key: ShardKey) -> Option<Mono> {
        let shard = self.shards.get(&key).filter(|_| self.draining.is_none())?;
        let read = (shard.reading.is_none() && !shard.at_end && shard.read_at > self.now.mono).then_some(shard.read_at);
        let lanes = (0..shard.lanes.len()).filter_map(|lane| {
            let due = shard.lane_due(lane, &self.limits);
            [due, self.expiry(shard, lane)].into_iter().flatten().min()
        });
        lanes.chain(read).min()
    }

    /// How many batches may be in flight.
    fn lanes(&self) -> usize {
        self.shards.len() * self.options.parallelization as usize
    }

    fn advance(&mut self) {
        while let Some(&(at, key)) = self.timers.first()
            && at <= self.now.mono
        {
            self.timers.pop_first();
            if let Some(shard) = self.shards.get_mut(&key) {
                shard.timer = None;
            }
            self.advance_shard(key);
        }
        self.claim_and_list();
        self.send_deliveries();
        self.read_parked();
        self.save_if_due();
        self.watch_reading();
        self.watch_clock();
        let limit = u32::try_from(self.lanes()).unwrap_or(u32::MAX);
        self.out.show(&mut self.health, limit, self.now.mono);
        self.check_idle();
        self.finish_drain();
    }

    fn deadline(&self) -> Option<Deadline> {
        let candidates = [
            (self.timers.first().map(|&(at, _)| at), Wake::Retry),
            (self.listing.due().filter(|_| self.draining.is_none()), Wake::Describe),
            (self.unread_due(), Wake::Describe),
            (self.deliveries.due(), Wake::Deliver),
            (self.save_due(), Wake::Checkpoint),
            (self.health.due(), Wake::Health),
            (self.draining.as_ref().map(|draining| draining.next(self.now.mono)), Wake::Drain),
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
        self.now = Now { mono: self.now.mono.max(now.mono), ..now };
        match input {
            Input::Answer(StreamAnswer::Claimed(result)) => self.claimed(result),
            Input::Answer(StreamAnswer::Listed(result)) => self.listed(result),
            Input::Answer(StreamAnswer::Read { read, result }) => self.was_read(read, result),
            Input::Invoked { batch, result, took } => self.invoked(batch, result, took),
            Input::Delivered { delivery, result } => self.delivered(delivery, result),
            Input::Answer(StreamAnswer::Saved { save, result }) => self.saved(save, result),
            Input::Command(StreamCommand::Drain { bound }) => self.begin_drain(bound),
            Input::Command(StreamCommand::Cut) => self.cut_drain(),
            Input::Timeout => {}
        }
        if !self.done {
            self.advance();
        }
    }

    fn poll_output(&mut self) -> Output<Stream> {
        match self.out.pop() {
            Some(output) => output,
            None if self.done => Output::Done,
            None => Output::Timeout(self.deadline()),
        }
    }

    fn gauges(&self) -> Gauges {
        Gauges {
            held: self.held.0,
            in_flight: self.batches.len(),
            limit: self.lanes(),
            lowered: None,
            receiving: 0,
            quiet: false,
            unsaved_since_unix_ms: self.unsaved.first().map(|&(since, _)| since),
        }
    }

    /// Reads hide nothing: a machine that begins at the marks loses nothing.
    fn successor(&mut self, _: &BTreeSet<Operation<Stream>>, _: &str) -> Option<Self> {
        None
    }
}
