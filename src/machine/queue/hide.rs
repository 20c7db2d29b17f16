//! Changes of visibility: extensions of what is ours, and returns of what is not to be.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::QueueMachine;
use super::machine::Stage;
use super::settle::{Call, MAX_ENTRIES};
use crate::machine::{BackoffPolicy, Event, HeartbeatResult, Mono, Receipt, SettleAction, SettleEntry, SettleOutcome};

const RELEASE_BACKOFF: BackoffPolicy =
    BackoffPolicy { initial: Duration::from_millis(200), maximum: Duration::from_secs(2) };
/// A release that fails this often is left to the visibility timeout.
const RELEASE_TRIES: u32 = 5;

/// What is to be hidden for another time than it is.
#[derive(Debug, Default)]
pub(super) struct Changes {
    waiting: VecDeque<Change>,
    /// Releases that failed and are to be tried again, by when and a number that keeps them apart.
    later: BTreeMap<(Mono, u64), Change>,
    /// Tokens with open extensions, and how many.
    extending: BTreeMap<u64, u32>,
    /// Changes that wait for an open extension of the same message: the last one to arrive would win.
    deferred: BTreeMap<u64, Change>,
}

/// One change of visibility.
#[derive(Debug)]
pub(super) struct Change {
    receipt: Receipt,
    span: Duration,
    purpose: Purpose,
}

impl Change {
    pub(super) const fn is_return(&self) -> bool {
        matches!(self.purpose, Purpose::Release { .. })
    }
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// The message stays ours.
    Extend { token: u64 },
    /// The message is no longer ours.
    Release { tries: u32 },
}

impl Changes {
    /// Whether nothing waits to be sent; what is deferred waits for a call that is open.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.later.is_empty()
    }

    /// Messages that are still to be given back.
    pub(super) fn returns(&self) -> usize {
        self.waiting.iter().chain(self.later.values()).chain(self.deferred.values()).filter(|it| it.is_return()).count()
    }

    pub(super) fn next_retry(&self) -> Option<Mono> {
        self.later.first_key_value().map(|(&(at, _), _)| at)
    }

    /// What a successor goes on with, of which these calls are open, and these were never made: what is to be given back.
    /// Extensions are asked for by the leases themselves.
    pub(super) fn handed_over<'a>(self, open: impl Iterator<Item = &'a Change>, unmade: Vec<Change>) -> Self {
        let mut next = Self { later: self.later, ..Self::default() };
        for change in open {
            if let Purpose::Extend { token } = change.purpose {
                *next.extending.entry(token).or_default() += 1;
            }
        }
        next.waiting = unmade.into_iter().chain(self.waiting).filter(Change::is_return).collect();
        for (token, change) in self.deferred {
            if next.extending.contains_key(&token) {
                next.deferred.insert(token, change);
            } else {
                next.waiting.push_back(change);
            }
        }
        next
    }

    fn extension_ended(&mut self, token: u64) {
        if let Some(open) = self.extending.get_mut(&token)
            && *open > 1
        {
            *open -= 1;
            return;
        }
        self.extending.remove(&token);
        self.waiting.extend(self.deferred.remove(&token));
    }
}

impl QueueMachine {
    /// Makes messages visible again at once.
    pub(super) fn release(&mut self, tokens: &[u64]) {
        for &token in tokens {
            self.give_back(token, Duration::ZERO);
        }
    }

    pub(super) fn give_back(&mut self, token: u64, span: Duration) {
        if let Some(held) = self.forget(token) {
            let purpose = Purpose::Release { tries: 0 };
            let change = Change { receipt: held.record.receipt, span, purpose };
            if self.settling.changes.extending.contains_key(&token) {
                self.settling.changes.deferred.insert(token, change);
            } else {
                self.settling.changes.waiting.push_back(change);
            }
        }
    }

    /// Asks for more time for all messages whose lease is half over.
    pub(super) fn extend_leases(&mut self) {
        let due: Vec<u64> = self.leases.due(self.now).collect();
        let due = self.with_groups(due);
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
            *self.settling.changes.extending.entry(token).or_default() += 1;
            self.settling.changes.waiting.push_back(Change { receipt, span, purpose: Purpose::Extend { token } });
        }
        if lost > 0 {
            self.out.emit(Event::LeaseLost { records: lost, reason: "SQS hides a message for at most 12 hours" });
        }
    }

    pub(super) fn flush_changes(&mut self) {
        while let Some(entry) = self.settling.changes.later.first_entry()
            && entry.key().0 <= self.now
        {
            self.settling.changes.waiting.push_back(entry.remove());
        }
        while !self.settling.changes.waiting.is_empty() {
            let count = self.settling.changes.waiting.len().min(MAX_ENTRIES);
            let changes: Vec<Change> = self.settling.changes.waiting.drain(..count).collect();
            let entries =
                changes.iter().map(|change| SettleEntry { receipt: change.receipt.clone(), visibility: change.span });
            self.send(SettleAction::ChangeVisibility, entries.collect(), Call::Change { changes, asked: self.now });
        }
    }

    pub(super) fn change_answered(&mut self, changes: Vec<Change>, asked: Mono, outcomes: Vec<SettleOutcome>) {
        let (mut extended, mut failed, mut lost, mut released, mut left) = (0, 0, 0, 0, 0);
        for (change, outcome) in changes.into_iter().zip(outcomes) {
            if let Purpose::Extend { token } = change.purpose {
                self.settling.changes.extension_ended(token);
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
                    let key = (at, self.out.name());
                    self.settling.changes.later.insert(key, Change { purpose: Purpose::Release { tries }, ..change });
                }
                (Purpose::Release { .. }, _) => left += 1,
            }
        }
        let beats =
            [(HeartbeatResult::Extended, extended), (HeartbeatResult::Failed, failed), (HeartbeatResult::Lost, lost)];
        for (result, records) in beats.into_iter().filter(|&(_, records)| records > 0) {
            self.out.emit(Event::Heartbeat { result, records });
        }
        if released > 0 {
            self.out.emit(Event::Released { records: released });
        }
        if left > 0 {
            self.out.emit(Event::Left { records: left });
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
                let stopped = self.take_behind(&[token]);
                self.batcher.remove(token, bytes);
                self.forget(token);
                let others: Vec<u64> = stopped.into_iter().filter(|&other| other != token).collect();
                self.give_back_stopped(&others);
            }
            Stage::Batched(batch) => {
                held.lease.ends = self.now;
                self.leases.end(token, &held.lease);
                self.drop_lost(batch);
            }
            // A delivery that is to be tried again leaves it out.
            Stage::GivenUp => {
                held.lease.ends = self.now;
                self.leases.end(token, &held.lease);
            }
            // The function has it; if it succeeds, the deletion is tried. If it is to be tried again, it is left out. What
            // waits behind it does not begin.
            Stage::InFlight => {
                held.lease.ends = self.now;
                self.leases.end(token, &held.lease);
                let stopped = self.take_behind(&[token]);
                self.give_back_stopped(&stopped);
            }
            // It is about to be given back: likewise.
            Stage::Deleting(_) | Stage::Returning | Stage::FilteredOut => self.leases.end(token, &held.lease),
        }
    }
}
