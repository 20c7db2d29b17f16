//! The machine itself: its state, the order in which it does things, and when it wants to be woken.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::QueueOptions;
use super::drain::Draining;
use super::give_up::Deliveries;
use super::invoke::Batch;
use super::receive::Receiving;
use super::settle::Settling;
use crate::machine::batcher::Batcher;
use crate::machine::groups::Groups;
use crate::machine::health::HealthWatch;
use crate::machine::outbox::Outbox;
use crate::machine::scaler::Scaler;
use crate::machine::visibility::{Lease, Leases};
use crate::machine::{
    BatchId, Command, Deadline, Event, Gauges, Input, Invariant, Lowered, Machine, Mono, Now, Operation, Output,
    Record, Wake,
};

/// Polls one SQS queue, gathers batches, invokes, and settles every message.
#[derive(Debug)]
pub struct QueueMachine {
    pub(super) options: QueueOptions,
    pub(super) now: Mono,
    /// The wall clock of the last input.
    pub(super) unix_ms: u64,
    pub(super) rng: fastrand::Rng,
    pub(super) out: Outbox,
    pub(super) scaler: Scaler,
    pub(super) health: HealthWatch,
    pub(super) receiving: Receiving,
    pub(super) batcher: Batcher,
    /// What is held of each message group; for FIFO queues, whose messages wait here and not in the batcher.
    pub(super) groups: Option<Groups>,
    pub(super) leases: Leases,
    /// Every message that is ours, by a token that grows.
    pub(super) held: BTreeMap<u64, Held>,
    pub(super) batches: BTreeMap<BatchId, Batch>,
    /// Batches that may be invoked as soon as a slot is free.
    pub(super) ready: BTreeSet<BatchId>,
    /// Batches that wait before they are tried again.
    pub(super) waiting: BTreeSet<(Mono, BatchId)>,
    pub(super) in_flight: u32,
    /// How long the function took for its last answer.
    pub(super) run: Duration,
    pub(super) settling: Settling,
    pub(super) deliveries: Deliveries,
    pub(super) draining: Option<Draining>,
    done: bool,
}

/// One message that is ours.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) record: Record,
    pub(super) lease: Lease,
    pub(super) stage: Stage,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the batch that is being gathered, or waiting in its message group.
    Gathering,
    /// In a closed batch that waits for a slot or for another try.
    Batched(BatchId),
    /// With the function.
    InFlight,
    /// Never started, and to be given back.
    Returning,
    /// The function has failed it too often; its failure record is not confirmed yet.
    GivenUp,
    /// The filters did not let it pass.
    FilteredOut,
    /// It was processed or filtered out, or the destination has its failure record; the deletion is not confirmed yet. The
    /// number of failed tries.
    Deleting(u32),
}

impl QueueMachine {
    /// A machine that has not asked for anything yet: feed it an [`Input::Timeout`] to set it going.
    #[must_use]
    pub fn new(options: QueueOptions) -> Self {
        Self {
            now: Mono::ZERO,
            unix_ms: 0,
            rng: fastrand::Rng::with_seed(options.seed),
            out: Outbox::default(),
            scaler: if options.fifo.is_some() {
                Scaler::for_groups(options.maximum_concurrency)
            } else {
                Scaler::new(options.maximum_concurrency)
            },
            health: HealthWatch::default(),
            receiving: Receiving::default(),
            batcher: Batcher::new(options.limits()),
            groups: super::fifo::groups(&options),
            leases: Leases::new(super::receive::ASSUMED_VISIBILITY),
            held: BTreeMap::new(),
            batches: BTreeMap::new(),
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            in_flight: 0,
            run: Duration::MAX,
            settling: Settling::default(),
            deliveries: Deliveries::default(),
            draining: None,
            done: false,
            options,
        }
    }

    /// Takes a message out of our hands, whatever becomes of it in the queue.
    pub(super) fn forget(&mut self, token: u64) -> Option<Held> {
        let held = self.held.remove(&token);
        self.out.check(Invariant::SettlesOnce, held.is_some());
        if let Some(held) = &held {
            self.leases.end(token, &held.lease);
            if let (Some(groups), Some(name)) = (&mut self.groups, &held.record.key) {
                groups.part(name, token);
            }
        }
        held
    }

    /// Everything that time or the last input has made possible.
    fn advance(&mut self) {
        self.batcher.advance(self.now);
        self.take_closed_batches();
        self.due_retries();
        self.advance_drain();
        self.extend_leases();
        self.batch_groups();
        self.start_invokes();
        self.start_deliveries();
        // What was not begun after all goes back, too.
        self.advance_drain();
        self.flush_settlements();
        self.refresh_when_idle();
        self.describe_if_due();
        self.start_polls();
        self.out.show(&mut self.health, self.scaler.limit(), self.now);
        self.finish_drain();
    }

    fn finish_drain(&mut self) {
        let Some(abandoned) = self.drained() else { return };
        self.done = true;
        self.out.emit(Event::Drained { abandoned, unsaved: Vec::new() });
        self.out.push(Output::Done);
    }

    fn deadline(&self) -> Option<Deadline> {
        let candidates = [
            (self.receiving.describe_due(), Wake::Describe),
            (self.receiving.retry_due(), Wake::Poll),
            (self.batcher.window_ends(), Wake::Window),
            (self.waiting.first().map(|&(at, _)| at), Wake::Retry),
            (self.leases.next_beat(), Wake::Heartbeat),
            (self.settling.next_flush(), Wake::Settle),
            (self.deliveries.next_try(), Wake::Deliver),
            (self.probe_due(), Wake::Poll),
            (self.health.due(), Wake::Health),
            (self.draining.as_ref().and_then(|draining| draining.next(self.now)), Wake::Drain),
        ];
        let next = candidates.into_iter().filter_map(|(at, reason)| Some((at?, reason))).min();
        next.map(|(at, reason)| Deadline { at, reason })
    }
}

impl Machine for QueueMachine {
    fn handle(&mut self, input: Input, now: Now) {
        if self.done {
            return;
        }
        // A clock that steps back would make spans negative; time only ever moves on here.
        self.now = self.now.max(now.mono);
        self.unix_ms = now.unix_ms;
        if let Some(groups) = &mut self.groups {
            groups.begin();
        }
        match input {
            Input::Described(result) => self.described(result),
            Input::Polled { poll, result } => self.polled(poll, result),
            Input::Invoked { batch, result, took } => self.invoked(batch, result, took),
            Input::Settled { settle, result } => self.settled(settle, result),
            Input::Delivered { delivery, result } => self.delivered(delivery, result),
            Input::Command(Command::Drain { bound, receives }) => self.begin_drain(bound, receives),
            Input::Command(Command::Cut) => self.cut_drain(),
            Input::Command(Command::Resume) => self.resume(),
            Input::Command(Command::Change(options)) => self.change(*options),
            // The rest concerns streams.
            Input::Listed(_) | Input::Claimed(_) | Input::Read { .. } | Input::Saved { .. } | Input::Timeout => {}
        }
        self.advance();
    }

    fn poll_output(&mut self) -> Output {
        match self.out.pop() {
            Some(output) => output,
            None if self.done => Output::Done,
            None => Output::Timeout(self.deadline()),
        }
    }

    fn gauges(&self) -> Gauges {
        Gauges {
            // What a drain gives back is ours until that is confirmed.
            held: self.held.len() + self.draining.as_ref().map_or(0, |_| self.settling.returns()),
            in_flight: self.in_flight as usize,
            limit: self.scaler.limit() as usize,
            lowered: self.scaler.lowered().map(|(goal, since)| {
                let ago = u64::try_from(self.now.since(since).as_millis()).unwrap_or(u64::MAX);
                Lowered { goal: goal as usize, since_unix_ms: self.unix_ms.saturating_sub(ago) }
            }),
            receiving: self.receiving.open(),
            quiet: self.draining.is_some() && !self.has_work(),
            unsaved_since_unix_ms: None,
        }
    }

    fn successor(&mut self, open: &BTreeSet<Operation>, panic: &str) -> Option<Self> {
        Some(self.hand_over(open, panic))
    }
}
