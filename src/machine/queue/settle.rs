//! What becomes of messages: deletions, changes of visibility, and the answers to both.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::QueueMachine;
use super::machine::Stage;
use super::options::OnFunctionError;
use crate::machine::{
    BackoffPolicy, Event, Fault, FaultKind, HeartbeatResult, Invariant, Mono, Output, Receipt, SettleAction,
    SettleEntry, SettleId, SettleOutcome, SettleRequest,
};

/// SQS's largest settlement call.
const MAX_ENTRIES: usize = 10;
/// So many deletion calls may be open at once.
const MAX_DELETE_CALLS: usize = 64;
/// With more deletions than this waiting or failing, nothing new is received.
const BACKLOG: usize = 2_000;
/// How long a deletion may wait for others to share its call.
const LINGER: Duration = Duration::from_millis(10);
const DELETE_BACKOFF: BackoffPolicy =
    BackoffPolicy { initial: Duration::from_millis(250), maximum: Duration::from_secs(5) };
const RELEASE_BACKOFF: BackoffPolicy =
    BackoffPolicy { initial: Duration::from_millis(200), maximum: Duration::from_secs(2) };
/// A release that fails this often is left to the visibility timeout.
const RELEASE_TRIES: u32 = 5;

/// What waits to be sent to the source, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Settling {
    deletes: VecDeque<u64>,
    oldest_delete: Mono,
    retries: BTreeSet<(Mono, u64)>,
    changes: VecDeque<Change>,
    /// Releases that failed and are to be tried again, by when and a number that keeps them apart.
    later: BTreeMap<(Mono, u64), Change>,
    /// Tokens with open extensions, and how many.
    extending: BTreeMap<u64, u32>,
    /// Changes that wait for an open extension of the same message: the last one to arrive would win.
    deferred: BTreeMap<u64, Change>,
    calls: BTreeMap<SettleId, Call>,
    open_deletes: usize,
}

/// One change of visibility.
#[derive(Debug)]
struct Change {
    receipt: Receipt,
    span: Duration,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// The message stays ours.
    Extend { token: u64 },
    /// The message is no longer ours.
    Release { tries: u32 },
}

#[derive(Debug)]
enum Call {
    Delete(Vec<u64>),
    Change { changes: Vec<Change>, asked: Mono },
}

impl Settling {
    pub(super) fn is_behind(&self) -> bool {
        self.deletes.len() + self.retries.len() >= BACKLOG
    }

    pub(super) fn has_deletions(&self) -> bool {
        !self.deletes.is_empty() || !self.retries.is_empty() || self.open_deletes > 0
    }

    pub(super) fn is_idle(&self) -> bool {
        self.deletes.is_empty()
            && self.retries.is_empty()
            && self.changes.is_empty()
            && self.later.is_empty()
            && self.calls.is_empty()
    }

    pub(super) fn next_flush(&self) -> Option<Mono> {
        // A full house of calls wakes the machine by its answers.
        let linger =
            (!self.deletes.is_empty() && self.open_deletes < MAX_DELETE_CALLS).then(|| self.oldest_delete + LINGER);
        let retry = self.retries.first().map(|&(at, _)| at);
        let release = self.later.first_key_value().map(|(&(at, _), _)| at);
        [linger, retry, release].into_iter().flatten().min()
    }

    fn extension_ended(&mut self, token: u64) {
        if let Some(open) = self.extending.get_mut(&token)
            && *open > 1
        {
            *open -= 1;
            return;
        }
        self.extending.remove(&token);
        self.changes.extend(self.deferred.remove(&token));
    }

    fn delete(&mut self, token: u64, now: Mono) {
        if self.deletes.is_empty() {
            self.oldest_delete = now;
        }
        self.deletes.push_back(token);
    }
}

impl QueueMachine {
    /// The function has processed these messages: they are to be deleted.
    pub(super) fn succeed(&mut self, tokens: &[u64]) {
        for &token in tokens {
            let Some(held) = self.held.get_mut(&token) else { continue };
            let was_with_the_function = held.stage == Stage::InFlight;
            held.stage = Stage::Deleting(0);
            held.record.fragment = Bytes::new();
            self.check(Invariant::DeleteAfterSuccess, was_with_the_function);
            self.settling.delete(token, self.now);
        }
    }

    /// The function has failed these messages: they go the way that the mapping wants.
    pub(super) fn fail(&mut self, tokens: &[u64]) {
        match self.options.on_function_error {
            // A queue without a visibility timeout of its own wants them back at once.
            OnFunctionError::Wait if self.options.visibility.is_none() && self.receiving.queue_has_no_timeout() => {
                self.release(tokens);
            }
            OnFunctionError::Wait => self.leave(tokens),
            OnFunctionError::Release => self.release(tokens),
            OnFunctionError::Backoff(policy) => {
                for &token in tokens {
                    let receives = self.held.get(&token).map_or(1, |held| held.record.receive_count);
                    self.give_back(token, Duration::from_secs(policy.bare(receives).as_secs()));
                }
            }
        }
    }

    /// Lets messages become visible again when their visibility timeout ends.
    pub(super) fn leave(&mut self, tokens: &[u64]) {
        for &token in tokens {
            self.forget(token);
        }
        self.emit(Event::Left { records: tokens.len() });
    }

    /// Makes messages visible again at once.
    pub(super) fn release(&mut self, tokens: &[u64]) {
        for &token in tokens {
            self.give_back(token, Duration::ZERO);
        }
    }

    fn give_back(&mut self, token: u64, span: Duration) {
        if let Some(held) = self.forget(token) {
            let purpose = Purpose::Release { tries: 0 };
            let change = Change { receipt: held.record.receipt, span, purpose };
            if self.settling.extending.contains_key(&token) {
                self.settling.deferred.insert(token, change);
            } else {
                self.settling.changes.push_back(change);
            }
        }
    }

    /// Asks for more time for all messages whose lease is half over.
    pub(super) fn extend_leases(&mut self) {
        let due: Vec<u64> = self.leases.due(self.now).collect();
        let mut lost = 0;
        for token in due {
            let Some(held) = self.held.get_mut(&token) else { continue };
            let Some(span) = self.leases.extension(&held.lease, self.now) else {
                // SQS's 12 hours are over. A batch in flight may still succeed in time.
                self.leases.end(token, &held.lease);
                lost += 1;
                continue;
            };
            self.leases.extending(token, &mut held.lease, self.now);
            let receipt = held.record.receipt.clone();
            *self.settling.extending.entry(token).or_default() += 1;
            self.settling.changes.push_back(Change { receipt, span, purpose: Purpose::Extend { token } });
        }
        if lost > 0 {
            self.emit(Event::LeaseLost { records: lost, reason: "SQS hides a message for at most 12 hours" });
        }
    }

    pub(super) fn flush_settlements(&mut self) {
        while let Some(entry) = self.settling.later.first_entry()
            && entry.key().0 <= self.now
        {
            self.settling.changes.push_back(entry.remove());
        }
        while !self.settling.changes.is_empty() {
            let count = self.settling.changes.len().min(MAX_ENTRIES);
            let changes: Vec<Change> = self.settling.changes.drain(..count).collect();
            let entries =
                changes.iter().map(|change| SettleEntry { receipt: change.receipt.clone(), visibility: change.span });
            self.send(SettleAction::ChangeVisibility, entries.collect(), Call::Change { changes, asked: self.now });
        }
        while let Some(&(at, token)) = self.settling.retries.first()
            && at <= self.now
        {
            self.settling.retries.pop_first();
            self.settling.delete(token, self.now);
        }
        while self.deletes_are_due() {
            let count = self.settling.deletes.len().min(MAX_ENTRIES);
            let tokens: Vec<u64> = self.settling.deletes.drain(..count).collect();
            let held = tokens.iter().filter_map(|token| self.held.get(token));
            let entries: Vec<SettleEntry> = held
                .map(|held| SettleEntry { receipt: held.record.receipt.clone(), visibility: Duration::ZERO })
                .collect();
            self.settling.open_deletes += 1;
            self.settling.oldest_delete = self.now;
            self.send(SettleAction::Delete, entries, Call::Delete(tokens));
        }
    }

    fn deletes_are_due(&self) -> bool {
        let settling = &self.settling;
        let lingered = settling.oldest_delete + LINGER <= self.now || self.draining.is_some();
        let due = settling.deletes.len() >= MAX_ENTRIES || (!settling.deletes.is_empty() && lingered);
        due && settling.open_deletes < MAX_DELETE_CALLS
    }

    fn send(&mut self, action: SettleAction, entries: Vec<SettleEntry>, call: Call) {
        let id = SettleId(self.name());
        self.settling.calls.insert(id, call);
        self.out.push_back(Output::Settle(SettleRequest { id, action, entries }));
    }

    pub(super) fn settled(&mut self, id: SettleId, result: Result<Vec<SettleOutcome>, Fault>) {
        let Some(call) = self.settling.calls.remove(&id) else { return };
        match call {
            Call::Delete(tokens) => {
                self.settling.open_deletes -= 1;
                self.delete_answered(&tokens, result);
            }
            Call::Change { changes, asked } => self.change_answered(changes, asked, result),
        }
    }

    fn delete_answered(&mut self, tokens: &[u64], result: Result<Vec<SettleOutcome>, Fault>) {
        let (mut deleted, mut gone, mut failed) = (0, 0, Vec::new());
        for (&token, outcome) in tokens.iter().zip(each(result, tokens.len())) {
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
        if deleted + gone > 0 {
            // A receipt that is no longer valid was answered as well: the source takes deletions.
            self.health.deletion_ok();
        }
        if deleted > 0 {
            self.emit(Event::Deleted { records: deleted });
        }
        if gone > 0 {
            self.emit(Event::LeaseLost { records: gone, reason: "the receipt was no longer valid for the deletion" });
        }
        if let Some((_, fault)) = failed.first() {
            self.health.deletion_failed(fault);
            self.emit(Event::DeleteFailed { records: failed.len(), message: fault.message.clone() });
        }
        self.retry_deletes(failed);
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
            let pause = DELETE_BACKOFF.pause(*tries, &mut self.rng).max(fault.retry_after.unwrap_or_default());
            self.settling.retries.insert((self.now + pause, token));
        }
        if lost > 0 {
            self.emit(Event::LeaseLost { records: lost, reason: "the deletion failed until visibility ended" });
        }
    }

    fn change_answered(&mut self, changes: Vec<Change>, asked: Mono, result: Result<Vec<SettleOutcome>, Fault>) {
        let outcomes = each(result, changes.len());
        let (mut extended, mut failed, mut lost, mut released, mut left) = (0, 0, 0, 0, 0);
        for (change, outcome) in changes.into_iter().zip(outcomes) {
            if let Purpose::Extend { token } = change.purpose {
                self.settling.extension_ended(token);
            }
            match (change.purpose, outcome) {
                (Purpose::Extend { token }, SettleOutcome::Done) => {
                    self.extended(token, asked, change.span);
                    extended += 1;
                }
                (Purpose::Extend { .. }, SettleOutcome::Failed(_)) => failed += 1,
                (Purpose::Extend { token }, SettleOutcome::Gone) => {
                    self.lease_lost(token);
                    lost += 1;
                }
                (Purpose::Release { .. }, SettleOutcome::Done) => released += 1,
                (Purpose::Release { tries }, SettleOutcome::Failed(_)) if tries + 1 < RELEASE_TRIES => {
                    let tries = tries + 1;
                    let at = self.now + RELEASE_BACKOFF.pause(tries, &mut self.rng);
                    let key = (at, self.name());
                    self.settling.later.insert(key, Change { purpose: Purpose::Release { tries }, ..change });
                }
                (Purpose::Release { .. }, _) => left += 1,
            }
        }
        let beats =
            [(HeartbeatResult::Extended, extended), (HeartbeatResult::Failed, failed), (HeartbeatResult::Lost, lost)];
        for (result, records) in beats.into_iter().filter(|&(_, records)| records > 0) {
            self.emit(Event::Heartbeat { result, records });
        }
        if released > 0 {
            self.emit(Event::Released { records: released });
        }
        if left > 0 {
            self.emit(Event::Left { records: left });
        }
    }

    fn extended(&mut self, token: u64, asked: Mono, span: Duration) {
        if let Some(held) = self.held.get_mut(&token) {
            self.leases.extended(token, &mut held.lease, asked, span);
        }
    }

    /// The message is deleted or in other hands: what has not begun with it is not begun.
    fn lease_lost(&mut self, token: u64) {
        let Some(held) = self.held.get_mut(&token) else { return };
        let bytes = held.record.fragment.len();
        match held.stage {
            Stage::Gathering => {
                self.batcher.remove(token, bytes);
                self.forget(token);
            }
            // The batch leaves it out when its turn comes.
            Stage::Batched(_) => {
                held.lease.ends = self.now;
                self.leases.end(token, &held.lease);
            }
            // The function has it; if it succeeds, the deletion is tried. Or it is about to be given back: likewise.
            Stage::InFlight | Stage::Deleting(_) | Stage::Returning => self.leases.end(token, &held.lease),
        }
    }
}

/// One outcome for each entry, whatever the call as a whole came to.
fn each(result: Result<Vec<SettleOutcome>, Fault>, entries: usize) -> Vec<SettleOutcome> {
    match result {
        Ok(mut outcomes) => {
            let silence = Fault::new(FaultKind::Transient, "the answer left the entry out");
            outcomes.resize(entries, SettleOutcome::Failed(silence));
            outcomes
        }
        Err(fault) => vec![SettleOutcome::Failed(fault); entries],
    }
}
