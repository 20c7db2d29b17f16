//! Where messages wait for a batch: in a window, or, of a FIFO queue, in their message groups.

mod batcher;
mod groups;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) use self::batcher::BatchLimits;
use self::batcher::{Batcher, Closed};
use self::groups::Groups;
use super::options::QueueOptions;
use crate::machine::outbox::Outbox;
use crate::machine::{BatchId, Message, Mono, Queue};

/// Where messages wait for a batch. What only groups know of has no effect in a window.
#[derive(Debug)]
pub(super) enum Gather {
    /// They fill one batch after the other, each for as long as its window lasts.
    Window(Batcher),
    /// Each waits in its message group until that group's turn comes.
    Groups(Groups),
}

/// What a failure means for the messages of a batch, and for what waits behind them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The function has failed them for certain.
    pub(crate) certain: Vec<u64>,
    /// They go the way of the others.
    pub(crate) others: Vec<u64>,
}

impl Gather {
    pub(super) fn new(options: &QueueOptions) -> Self {
        match options.fifo {
            Some(_) => Self::Groups(Groups::new(options)),
            None => Self::Window(Batcher::new(options.limits())),
        }
    }

    /// What a successor goes on with, where no message waits yet, and the groups of which a message was parted with
    /// since the last input came.
    pub(super) fn handed_over(self, options: &QueueOptions) -> (Self, BTreeSet<Arc<str>>) {
        match self {
            Self::Window(_) => (Self::new(options), BTreeSet::new()),
            Self::Groups(groups) => {
                let (groups, parted) = groups.handed_over(options);
                (Self::Groups(groups), parted)
            }
        }
    }

    /// Other options count from now on. Gives what is to wait once more, together with what was in no batch that was
    /// ever begun; `None`: all stays where it is.
    pub(super) fn change(&mut self, options: &QueueOptions) -> Option<Vec<u64>> {
        match self {
            Self::Window(batcher) => {
                let tokens = batcher.abandon(|_| false);
                *batcher = Batcher::new(options.limits());
                Some(tokens)
            }
            Self::Groups(groups) => {
                groups.change(options);
                None
            }
        }
    }

    /// All that an input has brought about is done.
    pub(super) fn input_done(&mut self) {
        if let Self::Groups(groups) = self {
            groups.input_done();
        }
    }

    /// Closes the window that is over.
    pub(super) fn advance(&mut self, now: Mono) {
        if let Self::Window(batcher) = self {
            batcher.advance(now);
        }
    }

    /// A message is held from now on.
    pub(super) fn join(&mut self, token: u64, message: &mut Message) {
        if let Self::Groups(groups) = self {
            // Without a group, which SQS never leaves out, a message has all others like it to wait for.
            groups.join(token, message.group.get_or_insert_default(), message.record.fragment.len());
        }
    }

    /// A message is held no more.
    pub(super) fn part(&mut self, token: u64) {
        if let Self::Groups(groups) = self {
            groups.part(token);
        }
    }

    /// A message that is held waits for a batch. `false`: it is too large for any, and does not wait.
    #[must_use]
    pub(super) fn wait(&mut self, token: u64, bytes: usize, received: Mono) -> bool {
        match self {
            Self::Window(_) if !Batcher::fits_alone(bytes) => return false,
            Self::Window(batcher) => batcher.push(token, bytes, received),
            // One that is too large stands in the way of its group until its turn comes.
            Self::Groups(groups) => groups.wait(token),
        }
        true
    }

    /// All of one receive waits now; `at_once` where it is to wait no longer for more.
    pub(super) fn receive_ended(&mut self, at_once: bool) {
        match self {
            Self::Window(batcher) if at_once => batcher.flush(),
            Self::Window(batcher) => batcher.receive_ended(),
            Self::Groups(_) => {}
        }
    }

    /// When a window ends.
    pub(super) fn window_ends(&self) -> Option<Mono> {
        match self {
            Self::Window(batcher) => batcher.window_ends(),
            Self::Groups(_) => None,
        }
    }

    /// How many messages wait for their batch to be filled.
    pub(super) const fn gathered(&self) -> usize {
        match self {
            Self::Window(batcher) => batcher.gathered(),
            Self::Groups(_) => 0,
        }
    }

    /// Whether messages wait for nothing but a free slot.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self, Self::Groups(groups) if groups.is_ready())
    }

    /// Forms the next batch, if there is one: of a window in any case, of groups for one of the slots that are `free`.
    pub(super) fn next_batch(
        &mut self,
        out: &mut Outbox<Queue>,
        free: usize,
        polls: usize,
    ) -> Option<(BatchId, Closed)> {
        match self {
            Self::Window(batcher) => {
                let closed = batcher.take_closed()?;
                Some((BatchId(out.name()), closed))
            }
            Self::Groups(groups) if free > 0 && groups.is_ready() => {
                let id = BatchId(out.name());
                // Every open poll has been promised a slot; but what is here goes before what may come.
                Some((id, groups.next_batch(id, free.saturating_sub(polls).max(1))))
            }
            Self::Groups(_) => None,
        }
    }

    /// Divides a batch: these messages are still in it. Gives back the rest if it is to be a batch of its own, and not
    /// to wait for its turn again.
    pub(super) fn divide(&mut self, id: BatchId, kept: &[u64], rest: Vec<u64>) -> Option<Vec<u64>> {
        match self {
            Self::Window(_) => Some(rest),
            Self::Groups(groups) => {
                groups.divide(id, kept, &rest);
                None
            }
        }
    }

    /// These messages are in this batch.
    pub(super) fn occupy(&mut self, tokens: &[u64], id: BatchId) {
        if let Self::Groups(groups) = self {
            groups.occupy(tokens, id);
        }
    }

    /// These messages are in no batch any more.
    pub(super) fn vacate(&mut self, tokens: &[u64]) {
        if let Self::Groups(groups) = self {
            groups.vacate(tokens);
        }
    }

    /// Whether this batch, and no other, has messages of the groups of these.
    pub(super) fn is_alone(&self, tokens: &[u64], id: BatchId) -> bool {
        match self {
            Self::Window(_) => true,
            Self::Groups(groups) => groups.is_alone(tokens, id),
        }
    }

    /// A message is lost: it waits no more, and neither does what waits of its group, which is given.
    pub(super) fn withdraw(&mut self, token: u64, bytes: usize) -> Vec<u64> {
        match self {
            Self::Window(batcher) => {
                batcher.remove(token, bytes);
                Vec::new()
            }
            Self::Groups(groups) => groups.take_behind(&[token]).into_iter().filter(|&other| other != token).collect(),
        }
    }

    /// What waits behind these messages in their groups waits no more.
    pub(super) fn take_behind(&mut self, tokens: &[u64]) -> Vec<u64> {
        match self {
            Self::Window(_) => Vec::new(),
            Self::Groups(groups) => groups.take_behind(tokens),
        }
    }

    /// Messages of a batch are lost, and their groups are in no batch any more. Gives what shares a group with them and
    /// has not begun, of the `others` of that batch and of what waits; and then those others that stay in the batch.
    pub(super) fn stop(&mut self, lost: &[u64], others: Vec<u64>) -> (Vec<u64>, Vec<u64>) {
        match self {
            Self::Window(_) => (Vec::new(), others),
            Self::Groups(groups) => groups.stop(lost, others),
        }
    }

    /// All that waits for its batch to be filled, or for its turn, waits no more. What would share a batch with a
    /// message that is to be `kept` stays.
    pub(super) fn abandon(&mut self, is_kept: impl Fn(&u64) -> bool) -> Vec<u64> {
        match self {
            Self::Window(batcher) => batcher.abandon(is_kept),
            Self::Groups(groups) => groups.abandon(),
        }
    }

    /// The function has failed these messages; `named` says that it named them. Says which of them have failed for
    /// certain, and which go the same way.
    pub(super) fn fail(&mut self, tokens: &[u64], named: bool) -> Failed {
        match self {
            Self::Window(_) => Failed { certain: tokens.to_vec(), others: Vec::new() },
            Self::Groups(groups) => groups.fail(tokens, named),
        }
    }

    /// The function has processed these messages.
    pub(super) fn succeed(&mut self, tokens: &[u64]) {
        if let Self::Groups(groups) = self {
            groups.succeed(tokens);
        }
    }

    /// Which messages of a batch (by their places) were reported as processed although an earlier one of their group
    /// was not, and count as failed where the mapping protects the order.
    pub(super) fn kept_in_order(&self, tokens: &[u64], failed: &[usize]) -> Vec<usize> {
        match self {
            Self::Window(_) => Vec::new(),
            Self::Groups(groups) => groups.kept_in_order(tokens, failed),
        }
    }

    /// The message group that this message has a place in.
    pub(super) fn group_of(&self, token: u64) -> Option<&Arc<str>> {
        match self {
            Self::Window(_) => None,
            Self::Groups(groups) => groups.group_of(token),
        }
    }

    /// The messages whose leases are extended together with these: those of their groups for which `is_watched` is
    /// true.
    pub(super) fn together(&self, due: Vec<u64>, is_watched: impl Fn(&u64) -> bool) -> Vec<u64> {
        match self {
            Self::Window(_) => due,
            Self::Groups(groups) => groups.together(due, is_watched),
        }
    }

    /// How many polls are worth having open: more than groups that may come free would only wait for each other.
    pub(super) fn polls(&self) -> u32 {
        match self {
            Self::Window(_) => u32::MAX,
            Self::Groups(groups) => u32::try_from(groups.len() + 1).unwrap_or(u32::MAX),
        }
    }

    /// Whether a receive of so many messages of those asked for leaves a backlog behind. A group that is held gives
    /// nothing more: even a small receive may leave one of other groups.
    pub(super) const fn leaves_backlog(&self, received: usize, wanted: usize) -> bool {
        received >= wanted || received > 0 && matches!(self, Self::Groups(_))
    }
}
