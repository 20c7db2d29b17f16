//! Closed batches: those that are ready, waiting for another try, or with the function.

mod batch;
mod congestion;
mod scaler;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) use self::batch::Batch;
use self::batch::State;
pub(super) use self::scaler::CEILING;
use self::scaler::Scaler;
use super::context::Context;
use super::message::{Messages, Stage};
use super::options::QueueOptions;
use crate::machine::envelope::{MAX_BODY_BYTES, join};
use crate::machine::{BatchId, Event, Fault, Invariant, InvokeRequest, Mono, Operation, Output, Queue};

/// An answer wakes a batch that has failed more than once only after so long: a batch that the service always refuses
/// would else be tried with each answer to another one.
const WAKES_AFTER: Duration = Duration::from_secs(5);

/// Every closed batch, and how many may be in flight.
#[derive(Debug)]
pub(super) struct Invoking {
    pub(super) scaler: Scaler,
    /// How many invocations the function's target can have at a time; `None`: it does not say.
    pub(super) capacity: Option<u32>,
    batches: BTreeMap<BatchId, Batch>,
    /// Those that may be invoked as soon as a slot is free.
    ready: BTreeSet<BatchId>,
    /// Those that wait before they are tried again.
    pub(super) waiting: BTreeSet<(Mono, BatchId)>,
    in_flight: u32,
    /// How long the function took for its last answer.
    run: Duration,
}

impl Invoking {
    pub(super) fn new(options: &QueueOptions) -> Self {
        Self {
            scaler: Scaler::new(options.concurrency()),
            capacity: None,
            batches: BTreeMap::new(),
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            in_flight: 0,
            run: Duration::MAX,
        }
    }

    /// What a successor goes on with: the batches whose invokes are open. Gives the others as they were before a try
    /// that was not begun after all.
    pub(super) fn handed_over(
        self,
        options: &QueueOptions,
        messages: &mut Messages,
        open: &BTreeSet<Operation<Queue>>,
    ) -> (Self, Vec<Batch>) {
        let (mut next, mut idle) = (Self { capacity: self.capacity, ..Self::new(options) }, Vec::new());
        for (id, mut batch) in self.batches {
            batch.tokens.retain(|&token| messages.get(token).is_some());
            if batch.is_in_flight() && open.contains(&Operation::Invoke(id)) {
                messages.restage(&batch.tokens, Stage::InFlight);
                messages.gather.occupy(&batch.tokens, id);
                next.in_flight += 1;
                next.batches.insert(id, batch);
                continue;
            }
            if batch.is_in_flight() {
                // It was about to be invoked.
                messages.restage(&batch.tokens, Stage::Batched(id));
                (batch.attempt, batch.state) = (batch.attempt - 1, State::Ready);
            }
            batch.tokens.retain(|&token| messages.get(token).is_some_and(|held| held.stage == Stage::Batched(id)));
            idle.push(batch);
        }
        (next, idle)
    }

    /// How many batches may be in flight.
    pub(super) fn limit(&self) -> u32 {
        self.capacity.unwrap_or(u32::MAX).min(self.scaler.limit())
    }

    /// How many batches there are.
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// Slots that no batch takes, waiting ones included.
    pub(super) fn free(&self) -> usize {
        (self.limit() as usize).saturating_sub(self.len())
    }

    pub(super) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether batches wait for nothing but a free slot.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn next_retry(&self) -> Option<Mono> {
        self.waiting.first().map(|&(at, _)| at)
    }

    /// The messages of a batch.
    pub(super) fn tokens(&self, id: BatchId) -> &[u64] {
        self.batches.get(&id).map_or(&[], |batch| batch.tokens.as_slice())
    }

    /// The messages of all batches.
    pub(super) fn all_tokens(&self) -> BTreeSet<u64> {
        self.batches.values().flat_map(|batch| batch.tokens.iter().copied()).collect()
    }

    /// Takes in a batch that was just closed, in parts if it is larger than batches may be.
    pub(super) fn add(&mut self, cx: &mut Context, messages: &mut Messages, id: BatchId, tokens: Vec<u64>) {
        messages.restage(&tokens, Stage::Batched(id));
        self.put(Batch::new(id, tokens));
        self.cut_to_size(cx, messages, id);
    }

    /// Takes in a batch that is not in flight.
    pub(super) fn put(&mut self, batch: Batch) {
        match batch.state {
            State::Waiting { again, .. } => drop(self.waiting.insert((again, batch.id))),
            State::Ready | State::InFlight { .. } => drop(self.ready.insert(batch.id)),
        }
        self.batches.insert(batch.id, batch);
    }

    /// Takes a batch out that is not in flight.
    fn take(&mut self, id: BatchId) -> Option<Batch> {
        let batch = self.batches.remove(&id)?;
        self.ready.remove(&id);
        if let State::Waiting { again, .. } = batch.state {
            self.waiting.remove(&(again, id));
        }
        Some(batch)
    }

    /// Takes those batches out that are not in flight and of which this is true: their messages.
    fn take_idle(&mut self, messages: &mut Messages, is_it: impl Fn(&Batch) -> bool) -> Vec<u64> {
        let idle = self.batches.values().filter(|batch| !batch.is_in_flight() && is_it(batch));
        let ids: Vec<BatchId> = idle.map(|batch| batch.id).collect();
        let mut tokens = Vec::new();
        for batch in ids.into_iter().filter_map(|id| self.take(id)) {
            messages.gather.vacate(&batch.tokens);
            tokens.extend(batch.tokens);
        }
        tokens
    }

    /// Forgets every batch. What the function answers to one is not heard any more.
    pub(super) fn abandon(&mut self) {
        self.batches.clear();
        self.ready.clear();
        self.waiting.clear();
        self.in_flight = 0;
    }

    /// The messages of the batches of which no try was ever begun.
    pub(super) fn take_fresh(&mut self, messages: &mut Messages) -> Vec<u64> {
        self.take_idle(messages, |batch| batch.attempt == 0)
    }

    /// The messages of the batches that are not in flight, but for those with a message that is to be kept.
    pub(super) fn take_unstarted(&mut self, messages: &mut Messages, is_kept: impl Fn(&u64) -> bool) -> Vec<u64> {
        self.take_idle(messages, |batch| !batch.tokens.iter().any(&is_kept))
    }

    /// Only these messages of a batch are left; without any there is no batch.
    pub(super) fn keep(&mut self, id: BatchId, kept: Vec<u64>) {
        if kept.is_empty() {
            self.take(id);
        } else if let Some(batch) = self.batches.get_mut(&id) {
            batch.tokens = kept;
        }
    }

    /// Splits every batch that is not in flight and is larger than batches may be.
    pub(super) fn cut_all_to_size(&mut self, cx: &mut Context, messages: &mut Messages) {
        let ids: Vec<BatchId> = self.batches.keys().copied().collect();
        for id in ids {
            self.cut_to_size(cx, messages, id);
        }
    }

    /// Splits a batch that is larger than batches may be; what was tried of it counts for each part.
    fn cut_to_size(&mut self, cx: &mut Context, messages: &mut Messages, id: BatchId) {
        let most = cx.options.batch_size as usize;
        let Some(batch) = self.batches.get_mut(&id).filter(|batch| !batch.is_in_flight() && batch.tokens.len() > most)
        else {
            return;
        };
        let rest = batch.tokens.split_off(most);
        let Some(tokens) = messages.divide(id, &batch.tokens, rest) else { return };
        let next = Batch { id: BatchId(cx.out.name()), tokens, ..*batch };
        let id = next.id;
        messages.restage(&next.tokens, Stage::Batched(id));
        self.put(next);
        self.cut_to_size(cx, messages, id);
    }

    /// Makes two batches of one that the service found too large.
    pub(super) fn split(&mut self, cx: &mut Context, messages: &mut Messages, mut first: Vec<u64>) {
        let second = first.split_off(first.len() / 2);
        let id = BatchId(cx.out.name());
        let second = messages.divide(id, &first, second);
        self.add(cx, messages, id, first);
        if let Some(second) = second {
            let id = BatchId(cx.out.name());
            self.add(cx, messages, id, second);
        }
    }

    /// Batches whose pause is over are ready.
    pub(super) fn advance(&mut self, now: Mono) {
        while let Some(&(at, id)) = self.waiting.first()
            && at <= now
        {
            self.wake(at, id);
        }
    }

    fn wake(&mut self, at: Mono, id: BatchId) {
        self.waiting.remove(&(at, id));
        self.ready.insert(id);
        if let Some(batch) = self.batches.get_mut(&id) {
            batch.state = State::Ready;
        }
    }

    /// The next batch to invoke, if a slot is free.
    pub(super) fn next_ready(&mut self) -> Option<BatchId> {
        if self.in_flight < self.limit() { self.ready.pop_first() } else { None }
    }

    /// Invokes a batch.
    pub(super) fn begin(&mut self, cx: &mut Context, messages: &mut Messages, id: BatchId) {
        let Some(batch) = self.batches.get_mut(&id) else { return };
        batch.attempt += 1;
        batch.state = State::InFlight { reports: cx.options.report_batch_item_failures };
        let (attempt, records) = (batch.attempt, batch.tokens.len());
        let body = join(messages.of(&batch.tokens).map(|held| &held.message.record.fragment));
        let is_within = body.len() <= MAX_BODY_BYTES && records <= cx.options.batch_size as usize;
        cx.out.check(Invariant::BatchWithinLimits, is_within);
        cx.out.check(Invariant::OneBatchPerLane, messages.gather.is_alone(&batch.tokens, id));
        messages.restage(&batch.tokens, Stage::InFlight);
        self.in_flight += 1;
        cx.out.emit(Event::InvokeStarted { records, attempt });
        cx.out.push(Output::Invoke(InvokeRequest { batch: id, body, records, attempt }));
    }

    /// An invoke ended: its batch is not among the others any more.
    pub(super) fn landed(&mut self, id: BatchId) -> Option<Batch> {
        self.batches.get(&id).filter(|batch| batch.is_in_flight())?;
        self.in_flight -= 1;
        self.batches.remove(&id)
    }

    /// The function answered, after so long. It takes work: as many batches as there are free slots need not wait any
    /// longer, those first that have waited longest.
    pub(super) fn answered(&mut self, took: Duration, now: Mono) {
        self.run = took;
        self.scaler.answered(now);
        let spoken_for = self.in_flight as usize + self.ready.len();
        let free = (self.limit() as usize).saturating_sub(spoken_for);
        let may_wake = |id: &BatchId| match self.batches.get(id).map(|batch| batch.state) {
            Some(State::Waiting { wakes, .. }) => wakes <= now,
            _ => true,
        };
        let woken: Vec<_> = self.waiting.iter().filter(|(_, id)| may_wake(id)).take(free).copied().collect();
        for (at, id) in woken {
            self.wake(at, id);
        }
    }

    /// The function refused a call.
    pub(super) fn refused(&mut self, now: Mono) {
        self.scaler.refused(self.in_flight, now);
    }

    /// Keeps a batch that the function could not take, to be tried again. Gives it back if it would be held for too
    /// long.
    #[must_use]
    pub(super) fn retry(
        &mut self,
        cx: &mut Context,
        messages: &mut Messages,
        mut batch: Batch,
        fault: &Fault,
    ) -> Option<Batch> {
        let pause = self.pause_after(cx, batch.faults, fault);
        let received = messages.first_received(&batch.tokens);
        if received.is_some_and(|received| cx.now.since(received) + pause > cx.options.hold_limit) {
            return Some(batch);
        }
        let (id, records) = (batch.id, batch.tokens.len());
        messages.restage(&batch.tokens, Stage::Batched(id));
        let wakes = if batch.faults > 1 { cx.now + WAKES_AFTER } else { cx.now };
        batch.state = State::Waiting { again: cx.now + pause, wakes };
        self.put(batch);
        self.cut_to_size(cx, messages, id);
        cx.out.emit(Event::Held { records, retry_in: pause });
        None
    }

    /// How long a batch waits for its next try. Where no other batch will show earlier that the function is back, this
    /// one is the probe.
    fn pause_after(&self, cx: &mut Context, faults: u32, fault: &Fault) -> Duration {
        let pause = cx.options.retry.after_fault(faults, self.run, &mut cx.rng);
        let probe = cx.options.retry.of_probes().pause(faults, &mut cx.rng);
        let alone = self.in_flight == 0
            && self.ready.is_empty()
            && self.waiting.first().is_none_or(|&(at, _)| at > cx.now + probe);
        let pause = if alone { pause.min(probe) } else { pause };
        pause.max(fault.retry_after.unwrap_or_default())
    }
}
