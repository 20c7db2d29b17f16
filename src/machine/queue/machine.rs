//! The machine itself: its parts, the order in which they do things, and when it wants to be woken.

use std::collections::BTreeSet;

use super::context::Context;
use super::draining::Draining;
use super::finishing::Finishing;
use super::invoking::Invoking;
use super::message::Messages;
use super::options::QueueOptions;
use super::receiving::{Receiving, Room};
use crate::machine::{
    Deadline, Event, Gauges, Input, Lowered, Machine, Mono, Now, Operation, Output, Queue, QueueAnswer, QueueCommand,
    Wake,
};

/// Polls one SQS queue, gathers batches, invokes, and deletes or returns every message.
#[derive(Debug)]
pub struct QueueMachine {
    pub(super) cx: Context,
    pub(super) receiving: Receiving,
    /// What is ours, and what of it waits for a batch.
    pub(super) messages: Messages,
    pub(super) invoking: Invoking,
    pub(super) finishing: Finishing,
    pub(super) done: bool,
}

impl QueueMachine {
    /// A machine that has not asked for anything yet: feed it an [`Input::Timeout`] to set it going.
    #[must_use]
    pub fn new(options: QueueOptions) -> Self {
        let cx = Context::new(options);
        Self {
            receiving: Receiving::default(),
            messages: Messages::new(&cx.options, cx.lease()),
            invoking: Invoking::new(&cx.options),
            finishing: Finishing::default(),
            done: false,
            cx,
        }
    }

    /// Everything that time or the last input has made possible.
    fn advance(&mut self) {
        self.messages.set_lease(self.cx.lease());
        self.messages.gather.advance(self.cx.now);
        self.invoking.advance(self.cx.now);
        self.advance_drain();
        self.finishing.extend(&mut self.cx, &mut self.messages);
        self.begin_batches();
        self.finishing.deliveries.start(&mut self.cx, &mut self.messages);
        // What was not begun after all goes back, too.
        self.advance_drain();
        self.finishing.flush(&mut self.cx, &self.messages);
        self.receiving.describe(&mut self.cx, self.messages.is_empty());
        let room = self.room();
        self.receiving.start(&mut self.cx, &room);
        self.cx.out.show(&mut self.cx.health, self.invoking.limit(), self.cx.now);
        if let Some(abandoned) = self.drained() {
            self.done = true;
            self.cx.out.emit(Event::Drained { abandoned, unsaved: Vec::new() });
            self.cx.out.push(Output::Done);
        }
        self.messages.gather.input_done();
    }

    /// Begins all that there is a slot for. A batch whose leases are over leaves its slot to what waits.
    fn begin_batches(&mut self) {
        loop {
            self.form_batches();
            self.start_invokes();
            if self.invoking.free() == 0 || !self.messages.gather.is_ready() {
                return;
            }
        }
    }

    /// What there is room for: a message is only received when a slot is free for its batch.
    fn room(&self) -> Room {
        let probe_at = self.finishing.deletes.probe_at();
        let may_probe = |at: Mono| self.messages.is_empty() && at <= self.cx.now;
        Room {
            is_closed: self.invoking.is_ready()
                || self.finishing.is_behind()
                || probe_at.is_some_and(|at| !may_probe(at)),
            polls: self.invoking.scaler.polls().min(self.messages.gather.polls()),
            slots: self.invoking.free(),
            gathered: self.messages.gather.gathered(),
            window_ends: self.messages.gather.window_ends(),
            is_probe: probe_at.is_some(),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        // A message may be received although no deletion works.
        let probes = self.messages.is_empty() && !self.receiving.is_stopped();
        let probe_at = self.finishing.deletes.probe_at().filter(|&at| probes && at > self.cx.now);
        let wake = |at: Option<Mono>, reason| at.map(|at| Deadline { at, reason });
        let deadlines = [
            self.receiving.deadline(),
            wake(self.messages.gather.window_ends(), Wake::Window),
            wake(self.invoking.next_retry(), Wake::Retry),
            wake(self.messages.next_beat(), Wake::Heartbeat),
            self.finishing.deadline(),
            wake(probe_at, Wake::Poll),
            wake(self.cx.health.due(), Wake::Health),
            wake(self.cx.draining.as_ref().and_then(|draining| draining.next(self.cx.now)), Wake::Drain),
        ];
        deadlines.into_iter().flatten().min()
    }
}

impl Machine for QueueMachine {
    type Protocol = Queue;

    fn handle(&mut self, input: Input<Queue>, now: Now) {
        if self.done {
            return;
        }
        self.cx.advance(now);
        match input {
            Input::Answer(QueueAnswer::Described(result)) => {
                if !self.receiving.described(&mut self.cx, result) {
                    self.invoking.scaler.poll_failed();
                }
            }
            Input::Answer(QueueAnswer::Polled { poll, result }) => self.polled(poll, result),
            Input::Invoked { batch, result, took } => self.invoked(batch, result, took),
            Input::Answer(QueueAnswer::Receipts { request, result }) => self.receipts_answered(request, result),
            Input::Delivered { delivery, result } => {
                self.finishing.delivered(&mut self.cx, &mut self.messages, delivery, result);
            }
            Input::Capacity(capacity) => {
                self.invoking.capacity = capacity;
                self.cx.health.capacity(capacity, self.cx.now);
            }
            Input::Command(QueueCommand::Drain { bound, receives }) => {
                self.drain(Draining::new(self.cx.now, bound, receives));
            }
            Input::Command(QueueCommand::Cut) => self.drain(Draining::cut(self.cx.now)),
            Input::Command(QueueCommand::Resume) => self.resume(),
            Input::Command(QueueCommand::Change(options)) => self.change(*options),
            Input::Timeout => {}
        }
        self.advance();
    }

    fn poll_output(&mut self) -> Output<Queue> {
        match self.cx.out.pop() {
            Some(output) => output,
            None if self.done => Output::Done,
            None => Output::Timeout(self.deadline()),
        }
    }

    fn gauges(&self) -> Gauges {
        Gauges {
            // What a drain gives back is ours until that is confirmed.
            held: self.messages.len() + if self.cx.drains() { self.finishing.releases() } else { 0 },
            in_flight: self.invoking.in_flight() as usize,
            limit: self.invoking.limit() as usize,
            lowered: self.invoking.scaler.lowered().map(|(goal, since)| {
                let ago = u64::try_from(self.cx.now.since(since).as_millis()).unwrap_or(u64::MAX);
                Lowered { goal: goal as usize, since_unix_ms: self.cx.unix_ms.saturating_sub(ago) }
            }),
            receiving: self.receiving.open(),
            quiet: self.cx.drains() && !self.has_work(),
            unsaved_since_unix_ms: None,
        }
    }

    fn successor(&mut self, open: &BTreeSet<Operation<Queue>>, panic: &str) -> Option<Self> {
        Some(self.hand_over(open, panic))
    }
}
