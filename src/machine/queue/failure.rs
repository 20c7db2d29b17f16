//! What becomes of messages that the function did not process, from the top down. The rules are in `rules.rs`.
//!
//! | verb | ours afterwards | call | counts an attempt |
//! |---|---|---|---|
//! | retry | yes: the batch is invoked again | none | no |
//! | fail | says the verdict on each message | that of the verdict | yes, where it is certain which message failed |
//! | dead-letter | yes, until its failure record is confirmed and it is deleted | a delivery | no |
//! | release | no | a change of visibility, to a time that may be zero | no |
//! | expire | no | none: its visibility timeout ends | no |
//! | delete | until that is confirmed | a deletion | no: failures are forgotten |

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::QueueMachine;
use super::context::Context;
use super::finishing::{Finishing, Undelivered};
use super::invoking::Batch;
use super::message::{Messages, Stage};
use super::rules::{AfterFault, Return, after_failure, after_fault, is_spent};
use crate::machine::envelope::join;
use crate::machine::{
    BackoffPolicy, Condition, DeliveryId, Event, FailedBatch, FailedResponse, Failure, Fault, FunctionAnswer,
    Invariant, Screened, Screening, uuid,
};

/// How long a message is hidden that the filters release for other consumers: longer with each receive, so that it does
/// not come back to us at once, again and again.
const FILTER_RELEASE: BackoffPolicy =
    BackoffPolicy { initial: Duration::from_secs(1), maximum: Duration::from_secs(15 * 60) };

/// Why a hold ends: the mapping, or SQS, allows no longer one.
const HELD_TOO_LONG: &str = "held for as long as is allowed";

impl QueueMachine {
    /// The function could not take a batch.
    pub(super) fn faulted(&mut self, mut batch: Batch, fault: &Fault) {
        let Self { cx, messages, invoking, finishing, .. } = self;
        batch.faults += 1;
        let then = after_fault(fault.kind, batch.faults, batch.tokens.len());
        match then {
            AfterFault::Split => return invoking.split(cx, messages, batch.tokens),
            AfterFault::Fail => {
                messages.gather.vacate(&batch.tokens);
                return finishing.fail_too_large(cx, messages, &batch.tokens);
            }
            AfterFault::Return | AfterFault::Retry => cx.health.function_failed(fault),
        }
        if then == AfterFault::Return {
            let tokens = messages.take_whole(batch.tokens);
            return finishing.send_back(cx, messages, &tokens);
        }
        invoking.refused(cx.now);
        // What the queue would move to its dead-letter queue next is processed, although the mapping drains.
        if cx.drains() && !messages.of(&batch.tokens).any(|held| cx.is_last(&held.message)) {
            let tokens = messages.take_whole(batch.tokens);
            return finishing.release_unstarted(cx, messages, &tokens);
        }
        if let Some(batch) = invoking.retry(cx, messages, batch, fault) {
            let tokens = messages.take_whole(batch.tokens);
            finishing.expire(cx, messages, &tokens);
            cx.out.emit(Event::LeaseLost { records: tokens.len(), reason: HELD_TOO_LONG });
        }
    }
}

impl Finishing {
    /// The events of these messages, each alone in its batch, are larger than the function takes.
    fn fail_too_large(&mut self, cx: &mut Context, messages: &mut Messages, tokens: &[u64]) {
        for held in messages.of(tokens) {
            let (id, bytes) =
                (held.message.record.id.to_string(), join([&held.message.record.fragment].into_iter()).len());
            cx.out.emit(Event::TooLarge { id, bytes });
        }
        self.fail(cx, messages, tokens, None);
    }

    /// The function has failed these messages with an error, or no invoke can ever hold them.
    pub(super) fn fail(
        &mut self,
        cx: &mut Context,
        messages: &mut Messages,
        tokens: &[u64],
        answer: Option<&FunctionAnswer>,
    ) {
        let failed = messages.gather.fail(tokens, false);
        self.judge(cx, messages, &failed.certain, failed.others, answer);
    }

    /// The function has reported these messages as failed. Those of `kept` go the same way for the sake of the order.
    pub(super) fn fail_reported(
        &mut self,
        cx: &mut Context,
        messages: &mut Messages,
        tokens: &[u64],
        kept: &[u64],
        answer: &FunctionAnswer,
    ) {
        let mut failed = messages.gather.fail(tokens, true);
        failed.others.extend(kept);
        self.judge(cx, messages, &failed.certain, failed.others, Some(answer));
    }

    /// Counts an attempt for each message that has `failed` for certain, and dead-letters it if that was the last one.
    /// All others go back to the queue.
    fn judge(
        &mut self,
        cx: &mut Context,
        messages: &mut Messages,
        failed: &[u64],
        others: Vec<u64>,
        answer: Option<&FunctionAnswer>,
    ) {
        let is_terminal = answer.is_some_and(|answer| answer.is_terminal);
        let (spent, mut back) = self.count(cx, messages, failed, is_terminal);
        for (token, attempts) in spent {
            self.dead_letter(cx, messages, token, Condition::RetryAttemptsExhausted, attempts, answer);
        }
        if !others.is_empty() {
            back.extend(others);
            // In the order of their receipt: that of their groups.
            back.sort_unstable();
        }
        if !back.is_empty() {
            self.send_back(cx, messages, &back);
        }
    }

    /// Counts an attempt for each of these messages. Gives those that have none left, with their number, and the
    /// others. `is_terminal`: the first one is the last one.
    fn count(
        &mut self,
        cx: &Context,
        messages: &Messages,
        failed: &[u64],
        is_terminal: bool,
    ) -> (Vec<(u64, u32)>, Vec<u64>) {
        if cx.options.on_failure.is_none() {
            return (Vec::new(), failed.to_vec());
        }
        let most = cx.options.on_failure.map(|most| if is_terminal { 1 } else { most });
        let mut counted = BTreeSet::new();
        let (mut spent, mut back) = (Vec::new(), Vec::new());
        for &token in failed {
            let Some(held) = messages.get(token) else { continue };
            let id = &held.message.record.id;
            // A message that was delivered twice into one batch has failed once.
            let failures = if counted.insert(Arc::clone(id)) { self.attempts.failed(id) } else { 0 };
            // What another consumer may have by now is dead-lettered there.
            if is_spent(failures, most) && !held.lease.is_over(cx.now) {
                spent.push((token, failures));
            } else {
                back.push(token);
            }
        }
        (spent, back)
    }

    /// Sends failed messages back to the queue, in the way that the mapping wants.
    fn send_back(&mut self, cx: &mut Context, messages: &mut Messages, tokens: &[u64]) {
        report_exhausted(cx, messages, tokens);
        // Those of a group are hidden for as long as the first of them, so that they come back together.
        let (mut of_groups, mut expired) = (BTreeMap::new(), Vec::new());
        for &token in tokens {
            let Some(held) = messages.get(token) else { continue };
            let own = after_failure(cx.options.on_function_error, cx.hides_failures(), held.message.receive_count);
            let then = match messages.gather.group_of(token) {
                Some(name) => *of_groups.entry(Arc::clone(name)).or_insert(own),
                None => own,
            };
            match then {
                Return::Expire => expired.push(token),
                Return::Release(span) => self.release(cx, messages, token, span, true),
            }
        }
        if !expired.is_empty() {
            self.expire(cx, messages, &expired);
        }
    }

    /// Leaves messages to their visibility timeout. They are forgotten, and no call is made.
    pub(super) fn expire(&mut self, cx: &mut Context, messages: &mut Messages, tokens: &[u64]) {
        for &token in tokens {
            messages.forget(cx, token);
        }
        cx.out.emit(Event::Left { records: tokens.len() });
    }

    /// Makes a message visible after this time, which was begun or not. It is forgotten, and its visibility is changed.
    fn release(&mut self, cx: &mut Context, messages: &mut Messages, token: u64, span: Duration, begun: bool) {
        if let Some(held) = messages.forget(cx, token) {
            self.changes.release(token, held.message.receipt, span, begun);
        }
    }

    /// Releases messages at once that were never begun.
    pub(super) fn release_now(&mut self, cx: &mut Context, messages: &mut Messages, tokens: &[u64]) {
        for &token in tokens {
            self.release(cx, messages, token, Duration::ZERO, false);
        }
    }

    /// Releases messages that were never started; in a drain as soon as no receive of our own would take them again,
    /// and spend a receive of each.
    pub(super) fn release_unstarted(&mut self, cx: &mut Context, messages: &mut Messages, tokens: &[u64]) {
        messages.restage(tokens, Stage::Returning);
        if cx.drains() {
            self.returning.extend(tokens);
        } else {
            self.release_now(cx, messages, tokens);
        }
    }

    /// No receive of our own is open any more: what was to be released then is released.
    pub(super) fn release_returning(&mut self, cx: &mut Context, messages: &mut Messages) {
        let mut tokens: Vec<u64> = take(&mut self.returning).into();
        tokens.append(&mut self.stopped);
        self.release_now(cx, messages, &tokens);
    }

    /// Releases what was stopped before it began. What another consumer may have by now is only forgotten.
    pub(super) fn release_stopped(&mut self, cx: &mut Context, messages: &mut Messages, tokens: &[u64]) {
        let (over, ours): (Vec<u64>, Vec<u64>) =
            tokens.iter().copied().partition(|&token| messages.is_over(token, cx.now));
        for &token in &over {
            messages.forget(cx, token);
        }
        if !over.is_empty() {
            let reason = "visibility ended before the invoke";
            cx.out.emit(Event::LeaseLost { records: over.len(), reason });
        }
        if cx.drains() {
            self.release_unstarted(cx, messages, &ours);
        } else {
            self.release_now(cx, messages, &ours);
        }
    }

    /// Sends the failure record of a message to the destination. The message stays ours until that is confirmed.
    fn dead_letter(
        &mut self,
        cx: &mut Context,
        messages: &mut Messages,
        token: u64,
        condition: Condition,
        attempts: u32,
        answer: Option<&FunctionAnswer>,
    ) {
        let (uuid, spare) = (uuid::random(&mut cx.rng), uuid::random(&mut cx.rng));
        let id = DeliveryId(cx.out.name());
        let group = messages.gather.group_of(token).cloned();
        let Some(held) = messages.get_mut(token) else { return };
        held.stage = Stage::DeadLettered;
        // From here on the failure record holds the event.
        let fragment = take(&mut held.message.record.fragment);
        let failure = Failure {
            uuid,
            request_id: answer.and_then(|answer| answer.request_id.clone()).unwrap_or_else(|| uuid::hyphenated(spare)),
            condition,
            invokes: attempts,
            response: answer.map(|answer| FailedResponse {
                status: answer.status,
                executed_version: answer.executed_version.clone(),
                function_error: answer.function_error.clone(),
                payload: Bytes::clone(&answer.payload),
            }),
            unix_ms: cx.unix_ms,
            batch: FailedBatch::Queue {
                group,
                message_id: Arc::clone(&held.message.record.id),
                receive_count: held.message.receive_count,
                sent_unix_ms: held.message.record.arrived_unix_ms,
            },
            payload: join([&fragment].into_iter()),
        };
        self.attempts.forget(&held.message.record.id);
        self.deliveries.add(id, token, failure);
    }

    /// A delivery to the failure destination was answered.
    pub(super) fn delivered(
        &mut self,
        cx: &mut Context,
        messages: &mut Messages,
        id: DeliveryId,
        result: Result<(), Fault>,
    ) {
        match self.deliveries.answered(cx, messages, id, result) {
            None => {}
            Some(Undelivered::No { token }) => self.delete(cx, messages, token, Stage::DeadLettered),
            Some(Undelivered::Yes { token, was_held_too_long }) => {
                self.expire(cx, messages, &[token]);
                if was_held_too_long {
                    cx.out.emit(Event::LeaseLost { records: 1, reason: HELD_TOO_LONG });
                }
            }
        }
    }

    /// Does with a message what the mapping wants of those that the filters do not let pass.
    pub(super) fn screen(&mut self, cx: &mut Context, messages: &mut Messages, token: u64, screening: Screening) {
        match cx.options.screening.of(screening) {
            Screened::Drop => {
                messages.restage(&[token], Stage::FilteredOut);
                self.delete(cx, messages, token, Stage::FilteredOut);
            }
            Screened::Release => {
                let receives = messages.get(token).map_or(0, |held| held.message.receive_count);
                self.release(cx, messages, token, FILTER_RELEASE.bare(receives), true);
            }
            Screened::Destination => self.dead_letter(cx, messages, token, screening.condition(), 0, None),
            Screened::Deliver => {}
        }
    }

    /// The function has processed these messages: they are to be deleted.
    pub(super) fn succeed(&mut self, cx: &mut Context, messages: &mut Messages, tokens: &[u64]) {
        messages.gather.succeed(tokens);
        for &token in tokens {
            self.delete(cx, messages, token, Stage::InFlight);
        }
    }

    /// Deletes a message, which its stage must have earned it. It stays ours until that is confirmed.
    fn delete(&mut self, cx: &mut Context, messages: &mut Messages, token: u64, earned: Stage) {
        let Some(held) = messages.get_mut(token) else { return };
        let has_earned_it = held.stage == earned;
        held.stage = Stage::Deleting(0);
        held.message.record.fragment = Bytes::new();
        self.attempts.forget(&held.message.record.id);
        cx.out.check(Invariant::DeleteAfterSuccess, has_earned_it);
        self.deletes.add(token, cx.now);
    }
}

/// Counts messages whose next receive would be one too many.
fn report_exhausted(cx: &mut Context, messages: &Messages, tokens: &[u64]) {
    let Some(receives) = cx.queue.max_receive_count else { return };
    let records = messages.of(tokens).filter(|held| cx.is_last(&held.message)).count();
    if records > 0 {
        cx.out.emit(Event::Exhausted { records, receives });
    }
}
