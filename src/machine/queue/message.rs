//! The messages that are ours, by token: each with its record, its lease and how far it has come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::gather::Gather;
use super::leases::{Lease, Leases};
use super::options::QueueOptions;
use crate::machine::{BatchId, Invariant, Message, Mono};

/// One message that is ours.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) message: Message,
    pub(super) lease: Lease,
    pub(super) stage: Stage,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for a batch: in the window or in its message group.
    Gathering,
    /// In a batch that waits for a slot or for another try.
    Batched(BatchId),
    /// With the function.
    InFlight,
    /// Never started, and to be released.
    Returning,
    /// It goes to the failure destination, which has not confirmed its failure record yet.
    DeadLettered,
    /// The filters did not let it pass.
    FilteredOut,
    /// It was processed or filtered out, or the destination has its failure record; the deletion is not confirmed yet.
    /// The number of failed tries.
    Deleting(u32),
}

impl Stage {
    /// Nothing was begun with it.
    pub(super) const fn is_idle(self) -> bool {
        matches!(self, Self::Gathering | Self::Batched(_))
    }

    /// Its lease is to be kept for what is still to come.
    const fn needs_lease(self) -> bool {
        self.is_idle() || matches!(self, Self::InFlight | Self::DeadLettered | Self::Returning)
    }
}

/// Every message that is ours, and where those wait that are in no batch yet.
#[derive(Debug)]
pub(super) struct Messages {
    held: BTreeMap<u64, Held>,
    leases: Leases,
    pub(super) gather: Gather,
}

impl Messages {
    pub(super) fn new(options: &QueueOptions, lease: Duration) -> Self {
        Self { held: BTreeMap::new(), leases: Leases::new(lease), gather: Gather::new(options) }
    }

    /// What a successor goes on with, and the groups of which a message was parted with since the last input came.
    pub(super) fn handed_over(self, options: &QueueOptions, now: Mono) -> (Self, BTreeSet<Arc<str>>) {
        let (gather, parted) = self.gather.handed_over(options);
        let mut next = Self { held: self.held, leases: Leases::new(self.leases.length()), gather };
        for (&token, held) in &mut next.held {
            if !held.lease.is_over(now) {
                next.leases.watch(token, &held.lease);
            }
            next.gather.join(token, &mut held.message);
            if held.stage == Stage::FilteredOut {
                held.stage = Stage::Deleting(0);
            }
        }
        (next, parted)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn get(&self, token: u64) -> Option<&Held> {
        self.held.get(&token)
    }

    pub(super) fn get_mut(&mut self, token: u64) -> Option<&mut Held> {
        self.held.get_mut(&token)
    }

    /// Those of these messages that are held, in their order.
    pub(super) fn of<'a>(&'a self, tokens: &'a [u64]) -> impl Iterator<Item = &'a Held> + Clone {
        tokens.iter().filter_map(|token| self.held.get(token))
    }

    /// The tokens of those of which this is true, in the order of their receipt.
    pub(super) fn tokens(&self, is_it: impl Fn(&Held) -> bool) -> BTreeSet<u64> {
        self.held.iter().filter(|(_, held)| is_it(held)).map(|(&token, _)| token).collect()
    }

    /// Takes in a message that was received now and is hidden for `lease`. Gives its token.
    pub(super) fn take_in(&mut self, cx: &mut Context, mut message: Message, lease: Duration) -> u64 {
        let token = cx.out.name();
        let lease = self.leases.begin(token, cx.now, lease);
        self.gather.join(token, &mut message);
        let previous = self.held.insert(token, Held { message, lease, stage: Stage::Gathering });
        cx.out.check(Invariant::FinishedOnce, previous.is_none());
        token
    }

    /// The machine no longer holds a message. The queue may still have it.
    pub(super) fn forget(&mut self, cx: &mut Context, token: u64) -> Option<Held> {
        // The group learns it first: should anything panic from here on, nothing passes the message.
        self.gather.part(token);
        let held = self.held.remove(&token);
        if let Some(held) = &held {
            self.leases.end(token, &held.lease);
        }
        cx.out.check(Invariant::FinishedOnce, held.is_some());
        held
    }

    pub(super) fn restage(&mut self, tokens: &[u64], stage: Stage) {
        for token in tokens {
            if let Some(held) = self.held.get_mut(token) {
                held.stage = stage;
            }
        }
    }

    /// Divides a batch: these messages are still in it. Gives back the rest if it is to be a batch of its own, and not
    /// to wait for its turn again.
    pub(super) fn divide(&mut self, id: BatchId, kept: &[u64], rest: Vec<u64>) -> Option<Vec<u64>> {
        self.restage(&rest, Stage::Gathering);
        self.gather.divide(id, kept, rest)
    }

    /// These messages are in no batch any more. Gives them, and what waits behind them in their groups.
    pub(super) fn take_whole(&mut self, mut tokens: Vec<u64>) -> Vec<u64> {
        self.gather.vacate(&tokens);
        tokens.extend(self.gather.take_behind(&tokens));
        tokens
    }

    /// Lets messages wait for a batch once more: their windows count from their receipt.
    pub(super) fn regather(&mut self, tokens: &[u64]) {
        self.restage(tokens, Stage::Gathering);
        for &token in tokens {
            let _fits = self.wait(token);
        }
        self.gather.receive_ended(false);
    }

    /// Lets a message wait for a batch. `false`: it is too large for any.
    pub(super) fn wait(&mut self, token: u64) -> bool {
        let Some(held) = self.held.get(&token) else { return true };
        self.gather.wait(token, held.message.record.fragment.len(), held.lease.received)
    }

    /// When the first of these messages was received.
    pub(super) fn first_received(&self, tokens: &[u64]) -> Option<Mono> {
        self.of(tokens).map(|held| held.lease.received).min()
    }

    /// Whether another consumer may have the message by now.
    pub(super) fn is_over(&self, token: u64, now: Mono) -> bool {
        self.held.get(&token).is_none_or(|held| held.lease.is_over(now))
    }

    /// Another consumer has the message, or it is deleted: nothing more is begun with it.
    pub(super) fn lose(&mut self, token: u64, now: Mono) {
        if let Some(held) = self.held.get_mut(&token) {
            held.lease.ends = now;
            self.leases.end(token, &held.lease);
        }
    }

    /// How long leases are that begin or are extended from now on.
    pub(super) fn set_lease(&mut self, length: Duration) {
        self.leases.set_length(length);
    }

    /// When the next lease is to be extended.
    pub(super) fn next_beat(&self) -> Option<Mono> {
        self.leases.next_beat()
    }

    /// The messages whose leases are to be extended now: those of a group together.
    pub(super) fn due(&self, now: Mono) -> Vec<u64> {
        let due: Vec<u64> = self.leases.due(now).collect();
        let is_watched = |token: &u64| {
            self.held
                .get(token)
                .is_some_and(|held| held.stage.needs_lease() && self.leases.watches(*token, &held.lease))
        };
        self.gather.together(due, is_watched)
    }

    /// How far the lease of this message is to be extended now; `None`: SQS's 12 hours are over.
    pub(super) fn extend(&mut self, token: u64, now: Mono) -> Option<Duration> {
        let held = self.held.get_mut(&token)?;
        let span = self.leases.extension(&held.lease, now);
        match span {
            Some(_) => self.leases.extending(token, &mut held.lease, now),
            // A batch in flight may still succeed in time.
            None => self.leases.end(token, &held.lease),
        }
        span
    }

    /// An extension by `span`, asked for at `asked`, took effect.
    pub(super) fn extended(&mut self, token: u64, asked: Mono, span: Duration) {
        if let Some(held) = self.held.get_mut(&token) {
            self.leases.extended(token, &mut held.lease, asked, span);
        }
    }

    /// The lease of a message is extended no more.
    pub(super) fn unwatch(&mut self, token: u64) {
        if let Some(held) = self.held.get(&token) {
            self.leases.end(token, &held.lease);
        }
    }
}
