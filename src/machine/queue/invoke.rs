//! Batches on their way to the function, and what each answer means for their messages.

use std::time::Duration;

use super::QueueMachine;
use super::machine::Stage;
use crate::machine::envelope::{MAX_BODY_BYTES, join};
use crate::machine::outcome::{Answer, read};
use crate::machine::{
    BatchId, Event, Fault, FaultKind, FunctionAnswer, Invariant, InvokeEnd, InvokeRequest, InvokeResult, Mono, Output,
    Problem,
};

/// An answer wakes a batch that has failed more than once only after so long: a batch that the service always refuses would
/// else be tried with each answer to another one.
const WAKES_AFTER: Duration = Duration::from_secs(5);

/// A request that the service refuses for what it is gets this many tries before its messages count as failed:
/// the fault may lie in the function's configuration, and be mended.
const INVALID_TRIES: u32 = 5;

/// A closed batch.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) tokens: Vec<u64>,
    attempt: u32,
    failures: u32,
    /// While it waits: from when on an answer to another batch may wake it.
    wakes: Mono,
    pub(super) flying: bool,
    /// Whether the function reported batch item failures when this try was begun.
    reports: bool,
}

impl Batch {
    /// Everything beyond the first `most` messages, as a batch of its own.
    pub(super) fn split_off(&mut self, most: usize) -> Option<Self> {
        let is_larger = !self.flying && self.tokens.len() > most;
        is_larger.then(|| Self { tokens: self.tokens.split_off(most), ..*self })
    }

    /// The same batch with these messages, as it was before a try that was not begun after all.
    pub(super) fn unbegun(self, tokens: Vec<u64>) -> Self {
        Self { tokens, attempt: self.attempt - u32::from(self.flying), flying: false, ..self }
    }
}

impl QueueMachine {
    pub(super) fn take_closed_batches(&mut self) {
        while let Some(closed) = self.batcher.take_closed() {
            self.out.emit(Event::Flushed { records: closed.tokens.len(), bytes: closed.bytes, reason: closed.reason });
            let id = BatchId(self.out.name());
            self.add_batch(id, closed.tokens);
        }
    }

    pub(super) fn add_batch(&mut self, id: BatchId, tokens: Vec<u64>) {
        self.restage(&tokens, Stage::Batched(id));
        let batch = Batch { tokens, attempt: 0, failures: 0, wakes: Mono::ZERO, flying: false, reports: false };
        self.batches.insert(id, batch);
        self.ready.insert(id);
        self.cut_to_size(id);
    }

    /// Whether no try of this batch was ever begun.
    pub(super) fn is_fresh(&self, id: BatchId) -> bool {
        self.batches.get(&id).is_some_and(|batch| batch.attempt == 0)
    }

    pub(super) fn restage(&mut self, tokens: &[u64], stage: Stage) {
        for token in tokens {
            if let Some(held) = self.held.get_mut(token) {
                held.stage = stage;
            }
        }
    }

    pub(super) fn due_retries(&mut self) {
        while let Some(&(at, id)) = self.waiting.first()
            && at <= self.now
        {
            self.waiting.pop_first();
            self.ready.insert(id);
        }
    }

    pub(super) fn start_invokes(&mut self) {
        while self.in_flight < self.scaler.limit() {
            let Some(id) = self.ready.pop_first() else { return };
            self.invoke(id);
        }
    }

    fn invoke(&mut self, id: BatchId) {
        self.drop_lost(id);
        let Some(batch) = self.batches.get_mut(&id) else { return };
        batch.attempt += 1;
        batch.flying = true;
        batch.reports = self.options.report_batch_item_failures;
        let (attempt, tokens) = (batch.attempt, batch.tokens.clone());
        let body = join(tokens.iter().filter_map(|token| self.held.get(token)).map(|held| &held.record.fragment));
        self.out.check(
            Invariant::BatchWithinLimits,
            body.len() <= MAX_BODY_BYTES && tokens.len() <= self.options.batch_size as usize,
        );
        self.out.check(Invariant::OneBatchPerLane, self.has_groups(&tokens, id));
        self.restage(&tokens, Stage::InFlight);
        self.in_flight += 1;
        self.out.emit(Event::InvokeStarted { records: tokens.len(), attempt });
        self.out.push(Output::Invoke(InvokeRequest { batch: id, body, records: tokens.len(), attempt }));
    }

    /// Leaves out the messages whose visibility has ended: they may be in other hands by now. Of a FIFO queue it also
    /// leaves out what shares a group with one of them.
    pub(super) fn drop_lost(&mut self, id: BatchId) {
        let Some(batch) = self.batches.get(&id) else { return };
        let is_lost = |token: &u64| self.held.get(token).is_none_or(|held| held.lease.ends <= self.now);
        let (lost, kept): (Vec<u64>, Vec<u64>) = batch.tokens.iter().copied().partition(is_lost);
        if lost.is_empty() {
            return;
        }
        let (stopped, kept) = self.stop_groups(&lost, kept);
        if kept.is_empty() {
            self.batches.remove(&id);
        } else if let Some(batch) = self.batches.get_mut(&id) {
            batch.tokens = kept;
        }
        for &token in &lost {
            self.forget(token);
        }
        self.out.emit(Event::LeaseLost { records: lost.len(), reason: "visibility ended before the invoke" });
        self.give_back_stopped(&stopped);
    }

    pub(super) fn invoked(&mut self, id: BatchId, result: InvokeResult, took: Duration) {
        let Some(batch) = self.batches.get_mut(&id).filter(|batch| batch.flying) else { return };
        batch.flying = false;
        let records = batch.tokens.len();
        self.in_flight -= 1;
        let (end, failed, problem) = match result {
            Ok(answer) => {
                self.run = took;
                let (end, failed, problem) = self.answered(id, &answer);
                match &problem {
                    Some(problem) => self.health.batch_failed(problem, self.now),
                    None => self.health.batch_succeeded(),
                }
                (end, failed, problem)
            }
            Err(fault) => {
                self.faulted(id, &fault);
                (InvokeEnd::Fault(fault.kind), records, Some(Problem::of_fault(&fault)))
            }
        };
        self.out.emit(Event::InvokeEnded { end, records, failed, took, problem });
    }

    fn answered(&mut self, id: BatchId, answer: &FunctionAnswer) -> (InvokeEnd, usize, Option<Problem>) {
        self.health.function_ok();
        self.scaler.answered(self.now);
        self.wake_held();
        let reports = self.batches.get(&id).is_some_and(|batch| batch.reports);
        let tokens = self.take_batch(id);
        if let Some(error) = &answer.function_error {
            if !reports {
                self.scaler.function_failed();
            }
            self.fail_genuinely(&tokens, Some(answer));
            return (InvokeEnd::FunctionError, tokens.len(), Some(Problem::of_function(error, answer)));
        }
        if !reports {
            self.succeed(&tokens);
            return (InvokeEnd::Success, 0, None);
        }
        match self.read_answer(&tokens, answer) {
            Answer::Success => {
                self.succeed(&tokens);
                (InvokeEnd::Success, 0, None)
            }
            Answer::Partial(failed) => {
                let kept = self.kept_in_order(&tokens, &failed);
                if !kept.is_empty() {
                    self.out.emit(Event::OrderKept { records: kept.len() });
                }
                let is_in = |set: &[usize], index: &usize| set.binary_search(index).is_ok();
                let succeeded: Vec<usize> =
                    (0..tokens.len()).filter(|index| !is_in(&failed, index) && !is_in(&kept, index)).collect();
                let pick = |indices: &[usize]| indices.iter().map(|&index| tokens[index]).collect::<Vec<u64>>();
                self.succeed(&pick(&succeeded));
                self.fail_reported(&pick(&failed), &pick(&kept), true, Some(answer));
                let problem = succeeded.is_empty().then(Problem::all_reported);
                (InvokeEnd::Partial, failed.len(), problem)
            }
            Answer::Malformed(reason) => {
                self.out.emit(Event::MalformedResponse { reason });
                self.fail_genuinely(&tokens, Some(answer));
                (InvokeEnd::FunctionError, tokens.len(), Some(Problem::malformed(reason)))
            }
        }
    }

    fn read_answer(&self, tokens: &[u64], answer: &FunctionAnswer) -> Answer {
        let ids: Vec<&str> =
            tokens.iter().filter_map(|token| self.held.get(token)).map(|held| &*held.record.id).collect();
        read(&answer.payload, &ids)
    }

    /// The function takes work: as many batches as there are free slots need not wait any longer, those first that have
    /// waited longest.
    fn wake_held(&mut self) {
        let spoken_for = self.in_flight as usize + self.ready.len();
        let free = (self.scaler.limit() as usize).saturating_sub(spoken_for);
        let may_wake = |id: &BatchId| self.batches.get(id).is_none_or(|batch| batch.wakes <= self.now);
        let woken: Vec<_> = self.waiting.iter().filter(|(_, id)| may_wake(id)).take(free).copied().collect();
        for entry in woken {
            self.waiting.remove(&entry);
            self.ready.insert(entry.1);
        }
    }

    fn faulted(&mut self, id: BatchId, fault: &Fault) {
        let Some(batch) = self.batches.get_mut(&id) else { return };
        batch.failures += 1;
        let failures = batch.failures;
        if fault.kind == FaultKind::TooLarge {
            return self.split(id);
        }
        self.health.function_failed(fault);
        if fault.kind == FaultKind::Invalid && failures >= INVALID_TRIES {
            let tokens = self.take_batch_and_behind(id);
            return self.fail(&tokens);
        }
        self.scaler.refused(self.in_flight, self.now);
        self.hold_back(id, failures, fault);
    }

    /// Keeps a batch that the function could not take; its messages stay ours, so no receive is spent.
    fn hold_back(&mut self, id: BatchId, failures: u32, fault: &Fault) {
        let tokens = self.batches.get(&id).map(|batch| batch.tokens.clone()).unwrap_or_default();
        let is_last =
            tokens.iter().filter_map(|token| self.held.get(token)).any(|held| self.receiving.is_last(&held.record));
        if self.draining.is_some() && !is_last {
            let tokens = self.take_batch_and_behind(id);
            return self.give_back_unstarted(&tokens);
        }
        let pause = self.pause_after(failures, fault);
        let oldest = tokens.iter().filter_map(|token| self.held.get(token)).map(|held| held.lease.received).min();
        if oldest.is_some_and(|received| self.now.since(received) + pause > self.options.hold_limit) {
            let tokens = self.take_batch_and_behind(id);
            self.leave(&tokens);
            return self.out.emit(Event::LeaseLost { records: tokens.len(), reason: "held for as long as is allowed" });
        }
        self.restage(&tokens, Stage::Batched(id));
        if let Some(batch) = self.batches.get_mut(&id) {
            batch.wakes = if failures > 1 { self.now + WAKES_AFTER } else { self.now };
        }
        self.waiting.insert((self.now + pause, id));
        self.cut_to_size(id);
        self.out.emit(Event::Held { records: tokens.len(), retry_in: pause });
    }

    /// How long a batch waits for its next try. Where no other batch will show earlier that the function is back, this one
    /// is the probe.
    fn pause_after(&mut self, failures: u32, fault: &Fault) -> Duration {
        let pause = self.options.retry.after_fault(failures, self.run, &mut self.rng);
        let probe = self.options.retry.of_probes().pause(failures, &mut self.rng);
        let alone = self.in_flight == 0
            && self.ready.is_empty()
            && self.waiting.first().is_none_or(|&(at, _)| at > self.now + probe);
        let pause = if alone { pause.min(probe) } else { pause };
        pause.max(fault.retry_after.unwrap_or_default())
    }

    /// The service found the event too large although we counted it as allowed: halves may pass.
    fn split(&mut self, id: BatchId) {
        let tokens = self.take_batch(id);
        if tokens.len() > 1 {
            let (first, second) = tokens.split_at(tokens.len() / 2);
            let id = BatchId(self.out.name());
            self.occupy(first, id);
            self.add_batch(id, first.to_vec());
            if self.groups.is_some() {
                return self.wait_in_group_again(second);
            }
            let id = BatchId(self.out.name());
            return self.add_batch(id, second.to_vec());
        }
        for token in &tokens {
            if let Some(held) = self.held.get(token) {
                let (id, bytes) = (held.record.id.to_string(), join([&held.record.fragment].into_iter()).len());
                self.out.emit(Event::TooLarge { id, bytes });
            }
        }
        self.fail_genuinely(&tokens, None);
    }

    pub(super) fn take_batch(&mut self, id: BatchId) -> Vec<u64> {
        let tokens = self.batches.remove(&id).map(|batch| batch.tokens).unwrap_or_default();
        self.vacate(&tokens);
        tokens
    }

    /// A batch, and what waits behind it in its message groups.
    fn take_batch_and_behind(&mut self, id: BatchId) -> Vec<u64> {
        let mut tokens = self.take_batch(id);
        let behind = self.take_behind(&tokens);
        tokens.extend(behind);
        tokens
    }
}
