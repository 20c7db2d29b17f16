//! Deletions: gathered into calls across batches, and tried again one by one.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::QueueMachine;
use super::machine::Stage;
use super::settle::{Call, MAX_ENTRIES};
use crate::machine::{
    BackoffPolicy, Event, Fault, FaultKind, Invariant, Mono, SettleAction, SettleEntry, SettleOutcome,
};

/// So many deletion calls may be open at once.
const MAX_CALLS: usize = 64;
/// With more deletions than this waiting or failing, nothing new is received.
const BACKLOG: usize = 2_000;
/// How long a deletion may wait for others to share its call.
const LINGER: Duration = Duration::from_millis(10);
/// After so many calls in a row that deleted nothing, messages are received one at a time: each comes again and again.
const FUTILE: u32 = 3;
/// The pauses between them.
const PROBE: BackoffPolicy = BackoffPolicy { initial: Duration::from_secs(1), maximum: Duration::from_secs(60) };
const BACKOFF: BackoffPolicy = BackoffPolicy { initial: Duration::from_millis(250), maximum: Duration::from_secs(5) };

const NO_EFFECT: &str =
    "the queue refuses the receipt of every message that is to be deleted (ReceiptHandleIsInvalid): all come again";

/// Messages that are done with, by token.
#[derive(Debug, Default)]
pub(super) struct Deletes {
    waiting: VecDeque<u64>,
    oldest: Mono,
    retries: BTreeSet<(Mono, u64)>,
    open: usize,
    /// Calls in a row that deleted nothing.
    futile: u32,
    /// When a message may be received although no deletion works.
    probe_at: Mono,
}

impl Deletes {
    pub(super) fn is_behind(&self) -> bool {
        self.waiting.len() + self.retries.len() >= BACKLOG
    }

    /// What a successor goes on with, of which so many calls are open.
    pub(super) fn handed_over(&self, open: usize) -> Self {
        Self { open, futile: self.futile, probe_at: self.probe_at, ..Self::default() }
    }

    /// Whether nothing waits to be deleted, and no deletion is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.retries.is_empty() && self.open == 0
    }

    pub(super) fn next_flush(&self) -> Option<Mono> {
        // A full house of calls wakes the machine by its answers.
        let linger = (!self.waiting.is_empty() && self.open < MAX_CALLS).then(|| self.oldest + LINGER);
        let retry = self.retries.first().map(|&(at, _)| at);
        linger.into_iter().chain(retry).min()
    }

    pub(super) fn add(&mut self, token: u64, now: Mono) {
        if self.waiting.is_empty() {
            self.oldest = now;
        }
        self.waiting.push_back(token);
    }

    fn take_retry(&mut self, now: Mono) -> Option<u64> {
        let &(at, token) = self.retries.first().filter(|(at, _)| *at <= now)?;
        self.retries.remove(&(at, token));
        Some(token)
    }

    /// The tokens of the next call, when it is due; `at_once` where nothing is worth waiting for.
    fn take_call(&mut self, now: Mono, at_once: bool) -> Option<Vec<u64>> {
        let lingered = !self.waiting.is_empty() && (at_once || self.oldest + LINGER <= now);
        if self.open >= MAX_CALLS || !(lingered || self.waiting.len() >= MAX_ENTRIES) {
            return None;
        }
        self.open += 1;
        self.oldest = now;
        let count = self.waiting.len().min(MAX_ENTRIES);
        Some(self.waiting.drain(..count).collect())
    }
}

impl QueueMachine {
    /// The function has processed these messages: they are to be deleted.
    pub(super) fn succeed(&mut self, tokens: &[u64]) {
        self.groups_succeeded(tokens);
        for &token in tokens {
            self.delete(token, Stage::InFlight);
        }
    }

    /// Deletes a message, which its stage must have earned it: it comes from the function, or its failure record was
    /// confirmed.
    pub(super) fn delete(&mut self, token: u64, earned: Stage) {
        let Some(held) = self.held.get_mut(&token) else { return };
        let has_earned_it = held.stage == earned;
        held.stage = Stage::Deleting(0);
        held.record.fragment = Bytes::new();
        self.deliveries.succeeded(&held.record.id);
        self.out.check(Invariant::DeleteAfterSuccess, has_earned_it);
        self.settling.deletes.add(token, self.now);
    }

    pub(super) fn flush_deletes(&mut self) {
        while let Some(token) = self.settling.deletes.take_retry(self.now) {
            self.settling.deletes.add(token, self.now);
        }
        // A message group goes on only when its messages are deleted.
        let at_once = self.draining.is_some() || self.groups.is_some();
        while let Some(tokens) = self.settling.deletes.take_call(self.now, at_once) {
            let held = tokens.iter().filter_map(|token| self.held.get(token));
            let entries = held
                .map(|held| SettleEntry { receipt: held.record.receipt.clone(), visibility: Duration::ZERO })
                .collect();
            self.send(SettleAction::Delete, entries, Call::Delete(tokens));
        }
    }

    pub(super) fn delete_answered(&mut self, tokens: &[u64], outcomes: Vec<SettleOutcome>) {
        self.settling.deletes.open -= 1;
        let (mut deleted, mut gone, mut failed) = (0, 0, Vec::new());
        for (&token, outcome) in tokens.iter().zip(outcomes) {
            match outcome {
                SettleOutcome::Done => {
                    self.forget(token);
                    deleted += 1;
                }
                SettleOutcome::Gone => {
                    self.forget(token);
                    gone += 1;
                }
                SettleOutcome::Failed(fault) => failed.push((token, fault)),
            }
        }
        if deleted > 0 {
            self.settling.deletes.futile = 0;
            self.health.deletion_ok();
            self.out.emit(Event::Deleted { records: deleted });
        } else {
            self.deleted_nothing(gone > 0);
        }
        if gone > 0 {
            self.out
                .emit(Event::LeaseLost { records: gone, reason: "the receipt was no longer valid for the deletion" });
        }
        if let Some((_, fault)) = failed.first() {
            self.health.deletion_failed(fault);
            self.out.emit(Event::DeleteFailed { records: failed.len(), message: fault.message.clone() });
        }
        self.retry_deletes(failed);
    }

    /// A call had no effect. One that finds its receipts no longer valid may come late; when all do, every message comes
    /// again without end.
    fn deleted_nothing(&mut self, refused: bool) {
        let deletes = &mut self.settling.deletes;
        deletes.futile = deletes.futile.saturating_add(1);
        if deletes.futile < FUTILE {
            return;
        }
        deletes.probe_at = self.now + PROBE.pause(deletes.futile - FUTILE + 1, &mut self.rng);
        if refused {
            self.health.deletion_failed(&Fault::new(FaultKind::Invalid, NO_EFFECT));
        }
    }

    pub(super) const fn deletes_are_futile(&self) -> bool {
        self.settling.deletes.futile >= FUTILE
    }

    /// Whether one message may be received to see whether deletions work again.
    pub(super) fn may_probe(&self) -> bool {
        self.held.is_empty() && self.receiving.open() == 0 && self.settling.deletes.probe_at <= self.now
    }

    /// When that will be.
    pub(super) fn probe_due(&self) -> Option<Mono> {
        let waits = self.deletes_are_futile() && self.held.is_empty() && !self.receiving.is_stopped();
        waits.then_some(self.settling.deletes.probe_at).filter(|at| *at > self.now)
    }

    fn retry_deletes(&mut self, failed: Vec<(u64, Fault)>) {
        let mut lost = 0;
        for (token, fault) in failed {
            let Some(held) = self.held.get_mut(&token) else { continue };
            if held.lease.ends <= self.now {
                self.forget(token);
                lost += 1;
                continue;
            }
            let Stage::Deleting(tries) = &mut held.stage else { continue };
            *tries += 1;
            let pause = BACKOFF.pause(*tries, &mut self.rng).max(fault.retry_after.unwrap_or_default());
            self.settling.deletes.retries.insert((self.now + pause, token));
        }
        if lost > 0 {
            self.out.emit(Event::LeaseLost { records: lost, reason: "the deletion failed until visibility ended" });
        }
    }
}
