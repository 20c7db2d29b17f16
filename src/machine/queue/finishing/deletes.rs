//! Deletions: gathered into calls across batches, and tried again one by one.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::machine::queue::context::Context;
use crate::machine::queue::message::{Messages, Stage};
use crate::machine::{BackoffPolicy, Event, Fault, FaultKind, MAX_ENTRIES, Mono, ReceiptOutcome};

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
pub(crate) struct Deletes {
    waiting: VecDeque<u64>,
    oldest: Mono,
    retries: BTreeSet<(Mono, u64)>,
    open: usize,
    /// Calls in a row that deleted nothing.
    futile: u32,
    /// When a message may be received although no deletion works.
    probe_at: Mono,
    /// By then everything is visible again of which the deletion had no effect.
    visible_by: Mono,
}

impl Deletes {
    /// What a successor goes on with, of which so many calls are open.
    pub(super) fn handed_over(&self, open: usize) -> Self {
        let (futile, probe_at, visible_by) = (self.futile, self.probe_at, self.visible_by);
        Self { open, futile, probe_at, visible_by, ..Self::default() }
    }

    pub(super) fn is_behind(&self) -> bool {
        self.waiting.len() + self.retries.len() >= BACKLOG
    }

    /// Whether nothing waits to be deleted, and no deletion is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.retries.is_empty() && self.open == 0
    }

    pub(super) fn next_flush(&self) -> Option<Mono> {
        // A full house of calls wakes the machine by its answers.
        let linger = (!self.waiting.is_empty() && self.open < MAX_CALLS).then(|| self.oldest + LINGER);
        let retry = self.retries.first().map(|&(at, _)| at);
        linger.into_iter().chain(retry).min()
    }

    /// Since when a message may be received although no deletion works; `None`: they work.
    pub(crate) fn probe_at(&self) -> Option<Mono> {
        (self.futile >= FUTILE).then_some(self.probe_at)
    }

    pub(crate) fn add(&mut self, token: u64, now: Mono) {
        if self.waiting.is_empty() {
            self.oldest = now;
        }
        self.waiting.push_back(token);
    }

    /// Lets those wait for a call whose pause is over.
    pub(super) fn retry_due(&mut self, now: Mono) {
        while let Some(&(at, token)) = self.retries.first()
            && at <= now
        {
            self.retries.pop_first();
            self.add(token, now);
        }
    }

    /// The tokens of the next call, when it is due; `at_once` where nothing is worth waiting for.
    pub(super) fn next_call(&mut self, now: Mono, at_once: bool) -> Option<Vec<u64>> {
        let lingered = !self.waiting.is_empty() && (at_once || self.oldest + LINGER <= now);
        if self.open >= MAX_CALLS || !(lingered || self.waiting.len() >= MAX_ENTRIES) {
            return None;
        }
        self.open += 1;
        self.oldest = now;
        let count = self.waiting.len().min(MAX_ENTRIES);
        Some(self.waiting.drain(..count).collect())
    }

    /// A call was answered: what is deleted, or no longer ours, is forgotten, and the rest is tried again.
    pub(super) fn answered(
        &mut self,
        cx: &mut Context,
        messages: &mut Messages,
        tokens: &[u64],
        outcomes: Vec<ReceiptOutcome>,
    ) {
        self.open -= 1;
        let (mut deleted, mut gone, mut failed) = (0, 0, Vec::new());
        for (&token, outcome) in tokens.iter().zip(outcomes) {
            match outcome {
                ReceiptOutcome::Done => {
                    messages.forget(cx, token);
                    deleted += 1;
                }
                ReceiptOutcome::Gone => {
                    messages.forget(cx, token);
                    gone += 1;
                }
                ReceiptOutcome::Failed(fault) => failed.push((token, fault)),
            }
        }
        if deleted > 0 {
            self.futile = 0;
            cx.health.deletion_ok();
            cx.out.emit(Event::Deleted { records: deleted });
        } else {
            self.deleted_nothing(cx, gone > 0);
        }
        if gone > 0 {
            let reason = "the receipt was no longer valid for the deletion";
            cx.out.emit(Event::LeaseLost { records: gone, reason });
        }
        if let Some((_, fault)) = failed.first() {
            cx.health.deletion_failed(fault);
            cx.out.emit(Event::DeleteFailed { records: failed.len(), message: fault.message.clone() });
        }
        self.retry(cx, messages, failed);
    }

    /// A call had no effect. One that finds its receipts no longer valid may come late; when all do, every message
    /// comes again without end.
    fn deleted_nothing(&mut self, cx: &mut Context, refused: bool) {
        self.futile = self.futile.saturating_add(1);
        self.visible_by = self.visible_by.max(cx.now + cx.lease());
        if self.futile < FUTILE {
            return;
        }
        self.probe_at = cx.now + PROBE.pause(self.futile - FUTILE + 1, &mut cx.rng);
        if refused {
            cx.health.deletion_failed(&Fault::new(FaultKind::Invalid, NO_EFFECT));
        }
    }

    /// A receive that began at `since` found nothing. Had the deletions had no effect, their messages would have come.
    pub(crate) fn found_nothing(&mut self, cx: &mut Context, since: Mono) {
        if self.probe_at().is_some() && since >= self.visible_by {
            self.futile = 0;
            cx.health.deletion_ok();
        }
    }

    fn retry(&mut self, cx: &mut Context, messages: &mut Messages, failed: Vec<(u64, Fault)>) {
        let mut lost = 0;
        for (token, fault) in failed {
            let Some(held) = messages.get_mut(token) else { continue };
            if held.lease.is_over(cx.now) {
                messages.forget(cx, token);
                lost += 1;
                continue;
            }
            let Stage::Deleting(tries) = &mut held.stage else { continue };
            *tries += 1;
            let pause = BACKOFF.pause(*tries, &mut cx.rng).max(fault.retry_after.unwrap_or_default());
            self.retries.insert((cx.now + pause, token));
        }
        if lost > 0 {
            cx.out.emit(Event::LeaseLost { records: lost, reason: "the deletion failed until visibility ended" });
        }
    }
}
