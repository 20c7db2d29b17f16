//! FIFO queues: what is held is batched by message group, and nothing of a group goes on behind a message that failed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::QueueMachine;
use super::machine::Stage;
use super::options::GroupOrder;
use crate::machine::batcher::Batcher;
use crate::machine::envelope::body_bytes;
use crate::machine::groups::{Groups, Waiting};
use crate::machine::{BatchId, Event, FlushReason, Mono, uuid};

/// SQS knows a `ReceiveRequestAttemptId` for five minutes; the request takes a part of them.
const ATTEMPT_LIVES: Duration = Duration::from_secs(290);

/// Receives whose answers were lost, to be made again under their names.
#[derive(Debug, Default)]
pub(super) struct LostReceives(VecDeque<Attempt>);

/// The name of a receive (`ReceiveRequestAttemptId`).
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) id: Arc<str>,
    /// When it was first used.
    first: Mono,
    /// How many messages it asked for: a name stands for one request.
    pub(super) max: u32,
}

impl LostReceives {
    pub(super) fn add(&mut self, attempt: Attempt) {
        self.0.push_back(attempt);
    }

    fn take(&mut self, max: u32, now: Mono) -> Option<Attempt> {
        self.0.retain(|attempt| now.since(attempt.first) < ATTEMPT_LIVES);
        let index = self.0.iter().position(|attempt| attempt.max <= max)?;
        self.0.remove(index)
    }
}

impl QueueMachine {
    /// The name of the next receive of a FIFO queue, and so how many messages it asks for: at most `max`.
    pub(super) fn attempt(&mut self, max: u32) -> Option<Attempt> {
        self.options.fifo?;
        let lost = self.receiving.lost.take(max, self.now);
        let fresh = || Attempt { id: uuid::hyphenated(uuid::random(&mut self.rng)).into(), first: self.now, max };
        Some(lost.unwrap_or_else(fresh))
    }

    /// A message waits in its group until its turn comes.
    pub(super) fn wait_in_group(&mut self, token: u64) {
        let Some((name, message)) = self.in_group(token) else { return };
        if let Some(groups) = &mut self.groups {
            groups.wait(&name, message);
        }
    }

    /// Messages that were in a batch wait again, before all others of their groups.
    pub(super) fn wait_in_group_again(&mut self, tokens: &[u64]) {
        self.restage(tokens, Stage::Gathering);
        for &token in tokens.iter().rev() {
            let Some((name, message)) = self.in_group(token) else { continue };
            if let Some(groups) = &mut self.groups {
                groups.wait_again(&name, message);
            }
        }
    }

    fn in_group(&self, token: u64) -> Option<(Arc<str>, Waiting)> {
        let record = &self.held.get(&token)?.record;
        Some((record.key.clone()?, Waiting { token, bytes: record.fragment.len() }))
    }

    /// Forms batches of what waits, as far as slots are free.
    pub(super) fn batch_groups(&mut self) {
        while let Some(groups) = self.groups.as_mut().filter(|groups| groups.waits()) {
            let free = (self.scaler.limit() as usize).saturating_sub(self.batches.len());
            if free == 0 {
                return;
            }
            // Every open poll has been promised a slot; but what is here goes before what may come.
            let slots = free.saturating_sub(self.receiving.open()).max(1);
            let id = BatchId(self.out.name());
            let batch = groups.next_batch(id, slots);
            let tokens: Vec<u64> = batch.iter().map(|message| message.token).collect();
            let bytes = body_bytes(batch.len(), batch.iter().map(|message| message.bytes).sum());
            if batch.len() == 1 && !Batcher::fits_alone(batch[0].bytes) {
                self.vacate(&tokens);
                self.fail_genuinely(&tokens, None);
                continue;
            }
            let is_full = tokens.len() >= self.options.batch_size as usize;
            let reason = if is_full { FlushReason::Size } else { FlushReason::Immediate };
            self.out.emit(Event::Flushed { records: tokens.len(), bytes, reason });
            self.add_batch(id, tokens);
        }
    }

    /// The groups of these messages, each once.
    pub(super) fn groups_of(&self, tokens: &[u64]) -> BTreeSet<Arc<str>> {
        if self.groups.is_none() {
            return BTreeSet::new();
        }
        tokens.iter().filter_map(|token| self.held.get(token)?.record.key.clone()).collect()
    }

    /// These messages are in this batch.
    pub(super) fn occupy(&mut self, tokens: &[u64], id: BatchId) {
        for name in self.groups_of(tokens) {
            if let Some(groups) = &mut self.groups {
                groups.occupy(&name, id);
            }
        }
    }

    /// These messages are in no batch any more.
    pub(super) fn vacate(&mut self, tokens: &[u64]) {
        for name in self.groups_of(tokens) {
            if let Some(groups) = &mut self.groups {
                groups.vacate(&name);
            }
        }
    }

    /// Whether this batch, and no other, has messages of the groups of these.
    pub(super) fn has_groups(&self, tokens: &[u64], id: BatchId) -> bool {
        let is_with = |name: &Arc<str>| self.groups.as_ref().is_none_or(|groups| groups.is_with(name, id));
        self.groups_of(tokens).iter().all(is_with)
    }

    /// What waits behind these messages in their groups: it waits no more.
    pub(super) fn take_behind(&mut self, tokens: &[u64]) -> Vec<u64> {
        let names = self.groups_of(tokens);
        let Some(groups) = &mut self.groups else { return Vec::new() };
        names.iter().flat_map(|name| groups.take_waiting(name)).collect()
    }

    /// Which messages of a batch (by their places) were reported as processed although an earlier one of their group
    /// was not, and count as failed where the mapping protects the order.
    pub(super) fn kept_in_order(&self, tokens: &[u64], failed: &[usize]) -> Vec<usize> {
        if self.options.fifo != Some(GroupOrder::Protect) {
            return Vec::new();
        }
        let name = |index: usize| self.held.get(&tokens[index]).and_then(|held| held.record.key.as_ref());
        let mut broken = BTreeSet::new();
        let mut kept = Vec::new();
        for index in 0..tokens.len() {
            if failed.binary_search(&index).is_ok() {
                broken.insert(name(index));
            } else if broken.contains(&name(index)) {
                kept.push(index);
            }
        }
        kept
    }

    /// Which of these failed messages the function has failed for certain, and the others.
    ///
    /// Of a FIFO queue that is the first of each group that a partial response names: what stands behind it was perhaps
    /// not tried at all. An error says nothing, unless the batch had no other message. The groups go alone until they
    /// succeed, and one by one where it is to be known what fails.
    pub(super) fn blame(&mut self, tokens: &[u64], reported: bool) -> (Vec<u64>, Vec<u64>) {
        let names = self.groups_of(tokens);
        let Some(groups) = &mut self.groups else { return (tokens.to_vec(), Vec::new()) };
        let is_clear = reported || tokens.len() == 1;
        let counts = self.options.on_failure.is_some();
        for name in &names {
            let unclear = if is_clear || !counts { 0 } else { tokens.len() };
            groups.failed(name, u32::try_from(unclear).unwrap_or(u32::MAX));
        }
        let mut seen = BTreeSet::new();
        tokens.iter().partition(|token| {
            is_clear && self.held.get(token).is_some_and(|held| seen.insert(held.record.key.clone()))
        })
    }

    /// The function has processed these messages: so far their groups are sound.
    pub(super) fn groups_succeeded(&mut self, tokens: &[u64]) {
        let Some(groups) = &mut self.groups else { return };
        let names = tokens.iter().filter_map(|token| self.held.get(token)?.record.key.as_ref());
        for name in names {
            groups.succeeded(name, 1);
        }
    }

    /// How long each of these failed messages is to be hidden: those of a group as long as the first of them, so that
    /// they come back together.
    pub(super) fn spans_by_group(&self, tokens: &[u64], span: impl Fn(u32) -> Duration) -> Vec<Duration> {
        let mut of_groups = BTreeMap::new();
        let mut spans = Vec::with_capacity(tokens.len());
        for token in tokens {
            let Some(held) = self.held.get(token) else {
                spans.push(Duration::ZERO);
                continue;
            };
            let own = span(held.record.receive_count);
            spans.push(match &held.record.key {
                Some(name) if self.groups.is_some() => *of_groups.entry(Arc::clone(name)).or_insert(own),
                _ => own,
            });
        }
        spans
    }

    /// Messages of a FIFO queue are extended together with the others of their groups.
    pub(super) fn with_groups(&self, due: Vec<u64>) -> Vec<u64> {
        let Some(groups) = &self.groups else { return due };
        let names = self.groups_of(&due);
        let is_ours = |token: &u64| {
            self.held.get(token).is_some_and(|held| {
                self.leases.watches(*token, &held.lease)
                    && matches!(
                        held.stage,
                        Stage::Gathering | Stage::Batched(_) | Stage::InFlight | Stage::GivenUp | Stage::Returning
                    )
            })
        };
        let mut together: BTreeSet<u64> = names.iter().flat_map(|name| groups.members(name)).filter(is_ours).collect();
        together.extend(due);
        together.into_iter().collect()
    }

    /// What shares a group with these lost messages and has not begun: of `others`, and of what waits. The groups are
    /// in no batch any more.
    pub(super) fn stop_groups(&mut self, lost: &[u64], others: Vec<u64>) -> (Vec<u64>, Vec<u64>) {
        let names = self.groups_of(lost);
        self.vacate(lost);
        let shares = |token: &u64| {
            self.held.get(token).and_then(|held| held.record.key.as_ref()).is_some_and(|name| names.contains(name))
        };
        let (mut stopped, kept): (Vec<u64>, Vec<u64>) = others.into_iter().partition(shares);
        stopped.extend(self.take_behind(lost));
        (stopped, kept)
    }

    /// Gives back what was not begun; what may be in other hands by now is only forgotten.
    pub(super) fn give_back_stopped(&mut self, tokens: &[u64]) {
        let is_over = |token: &u64| self.held.get(token).is_some_and(|held| held.lease.ends <= self.now);
        let (over, ours): (Vec<u64>, Vec<u64>) = tokens.iter().copied().partition(is_over);
        for &token in &over {
            self.forget(token);
        }
        if !over.is_empty() {
            self.out.emit(Event::LeaseLost { records: over.len(), reason: "visibility ended before the invoke" });
        }
        if self.draining.is_some() {
            return self.give_back_unstarted(&ours);
        }
        self.release(&ours);
    }
}

/// The groups of a FIFO queue's machine.
pub(super) fn groups(options: &super::QueueOptions) -> Option<Groups> {
    options.fifo.map(|_| Groups::new(options.batch_size as usize))
}
