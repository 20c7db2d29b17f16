//! Changes of visibility: extensions of what is ours, and releases of what is not to be.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::machine::queue::context::Context;
use crate::machine::{BackoffPolicy, MAX_ENTRIES, Mono, Receipt, ReceiptEntry, ReceiptOutcome};

const RELEASE_BACKOFF: BackoffPolicy =
    BackoffPolicy { initial: Duration::from_millis(200), maximum: Duration::from_secs(2) };
/// A release that fails this often is left to the visibility timeout.
const RELEASE_TRIES: u32 = 5;

/// What is to be hidden for another time than it is.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    waiting: VecDeque<Change>,
    /// Releases that failed and are to be tried again, by when and a number that keeps them apart.
    later: BTreeMap<(Mono, u64), Change>,
    /// Tokens with open extensions, and how many.
    extending: BTreeMap<u64, u32>,
    /// Releases that wait for an open extension of the same message: the last one to arrive would win.
    deferred: BTreeMap<u64, Change>,
    /// No message that was never begun is given back before this: a receive of a drain that is open until then would
    /// take it again, and spend a receive of it.
    not_before: Option<Mono>,
}

/// One change of visibility.
#[derive(Debug)]
pub(crate) struct Change {
    receipt: Receipt,
    span: Duration,
    /// When it was sent.
    asked: Mono,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// The message stays ours.
    Extend { token: u64 },
    /// The message is no longer ours.
    Release { tries: u32, begun: bool },
}

/// What came of a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The message is hidden for `span` from when that was asked for.
    Extended {
        token: u64,
        asked: Mono,
        span: Duration,
    },
    /// It is not, and that is asked for again in time.
    NotExtended,
    /// The message is deleted, or another consumer has it.
    Lost {
        token: u64,
    },
    Released,
    /// The release did not take effect, and is tried again.
    ReleaseFailed,
    /// The release did not take effect: the message is visible again when its visibility timeout ends.
    Expires,
}

impl Change {
    pub(super) const fn is_release(&self) -> bool {
        matches!(self.purpose, Purpose::Release { .. })
    }

    /// A message that was never begun is hidden for the `least` time at least.
    pub(super) fn entry(&self, least: Duration) -> ReceiptEntry {
        let waits = matches!(self.purpose, Purpose::Release { begun: false, .. });
        let visibility = if waits { self.span.max(least) } else { self.span };
        ReceiptEntry { receipt: self.receipt.clone(), visibility }
    }
}

impl Changes {
    /// What a successor goes on with, of which these calls are open, and these were never made: what is to be released.
    /// Extensions are asked for by the leases themselves.
    pub(super) fn handed_over<'a>(self, open: impl Iterator<Item = &'a Change>, unmade: Vec<Change>) -> Self {
        let mut next = Self { later: self.later, ..Self::default() };
        for change in open {
            if let Purpose::Extend { token } = change.purpose {
                *next.extending.entry(token).or_default() += 1;
            }
        }
        next.waiting = unmade.into_iter().chain(self.waiting).filter(Change::is_release).collect();
        for (token, change) in self.deferred {
            if next.extending.contains_key(&token) {
                next.deferred.insert(token, change);
            } else {
                next.waiting.push_back(change);
            }
        }
        next
    }

    /// Whether nothing waits to be sent; what is deferred waits for a call that is open.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.later.is_empty()
    }

    /// Messages that are still to be released.
    pub(super) fn releases(&self) -> usize {
        let all = self.waiting.iter().chain(self.later.values()).chain(self.deferred.values());
        all.filter(|change| change.is_release()).count()
    }

    pub(super) fn next_retry(&self) -> Option<Mono> {
        self.later.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Makes a message visible again after this time, which was begun or not.
    pub(crate) fn release(&mut self, token: u64, receipt: Receipt, span: Duration, begun: bool) {
        let change = Change { receipt, span, asked: Mono::ZERO, purpose: Purpose::Release { tries: 0, begun } };
        if self.extending.contains_key(&token) {
            self.deferred.insert(token, change);
        } else {
            self.waiting.push_back(change);
        }
    }

    /// Keeps a message hidden for this time from now on.
    pub(crate) fn extend(&mut self, token: u64, receipt: Receipt, span: Duration) {
        *self.extending.entry(token).or_default() += 1;
        self.waiting.push_back(Change { receipt, span, asked: Mono::ZERO, purpose: Purpose::Extend { token } });
    }

    /// Lets those wait for a call whose pause is over.
    pub(super) fn retry_due(&mut self, now: Mono) {
        while let Some(entry) = self.later.first_entry()
            && entry.key().0 <= now
        {
            self.waiting.push_back(entry.remove());
        }
    }

    /// Lets nothing that was never begun be given back before this.
    pub(crate) fn release_not_before(&mut self, at: Option<Mono>) {
        self.not_before = at;
    }

    /// For how long a message that was never begun is hidden at least, in whole seconds.
    pub(super) fn least_release(&self, now: Mono) -> Duration {
        let left = self.not_before.map_or(Duration::ZERO, |at| at.since(now));
        Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0))
    }

    /// The changes of the next call.
    pub(super) fn next_call(&mut self, now: Mono) -> Option<Vec<Change>> {
        let count = self.waiting.len().min(MAX_ENTRIES);
        let changes = self.waiting.drain(..count).map(|change| Change { asked: now, ..change }).collect();
        (count > 0).then_some(changes)
    }

    /// A change was answered.
    pub(crate) fn ended(&mut self, cx: &mut Context, change: Change, outcome: &ReceiptOutcome) -> Ended {
        if let Purpose::Extend { token } = change.purpose {
            self.extension_ended(token);
        }
        match (change.purpose, outcome) {
            (Purpose::Extend { token }, ReceiptOutcome::Done) => {
                Ended::Extended { token, asked: change.asked, span: change.span }
            }
            (Purpose::Extend { .. }, ReceiptOutcome::Failed(_)) => Ended::NotExtended,
            (Purpose::Extend { token }, ReceiptOutcome::Gone) => Ended::Lost { token },
            (Purpose::Release { .. }, ReceiptOutcome::Done) => Ended::Released,
            (Purpose::Release { tries, begun }, ReceiptOutcome::Failed(_)) if tries + 1 < RELEASE_TRIES => {
                let tries = tries + 1;
                let at = cx.now + RELEASE_BACKOFF.pause(tries, &mut cx.rng);
                let key = (at, cx.out.name());
                self.later.insert(key, Change { purpose: Purpose::Release { tries, begun }, ..change });
                Ended::ReleaseFailed
            }
            (Purpose::Release { .. }, _) => Ended::Expires,
        }
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
