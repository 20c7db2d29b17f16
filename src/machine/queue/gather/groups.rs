//! Message groups of a FIFO queue: what is held of each, and which go to the function together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::Failed;
use super::batcher::Closed;
use super::turns::Turns;
use crate::machine::envelope::{MAX_BODY_BYTES, body_bytes};
use crate::machine::queue::attempts::Attempts;
use crate::machine::queue::options::{GroupOrder, QueueOptions};
use crate::machine::{BatchId, FlushReason};

#[cfg(test)]
mod tests;

/// Every group of which a message is held.
///
/// At most one batch at a time has messages of a group, and they go in the order in which they were received. Groups
/// take turns: the one that has waited longest goes first. A group whose last batch failed goes alone until it has
/// succeeded, so that its failures concern no other. Where it matters which of its messages the function failed, and
/// the function did not say, they go one by one.
#[derive(Debug)]
pub(crate) struct Groups {
    rules: Rules,
    /// Every message that is held.
    messages: BTreeMap<u64, Message>,
    groups: BTreeMap<Arc<str>, Group>,
    /// Groups that may go: those with waiting messages and no batch.
    ready: Turns,
    /// Groups that go alone.
    failing: Attempts,
    /// Groups that go one by one, and how many messages are to succeed so.
    unclear: Attempts,
    /// Groups of which a message was parted with since the last input came.
    parted: BTreeSet<Arc<str>>,
}

/// What the mapping wants.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// `BatchSize`.
    most: usize,
    order: GroupOrder,
    /// It matters which message the function failed: there is a failure destination.
    counts: bool,
}

#[derive(Debug)]
struct Message {
    group: Arc<str>,
    /// The size of its fragment.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Group {
    /// All its messages that are held.
    members: BTreeSet<u64>,
    /// Those that are in no batch yet, in their order.
    waiting: VecDeque<u64>,
    /// The batch that has messages of it.
    busy: Option<BatchId>,
    turn: Option<u64>,
}

impl Rules {
    fn of(options: &QueueOptions) -> Self {
        Self {
            most: options.batch_size as usize,
            order: options.fifo.unwrap_or_default(),
            counts: options.on_failure.is_some(),
        }
    }
}

impl Groups {
    pub(super) fn new(options: &QueueOptions) -> Self {
        Self {
            rules: Rules::of(options),
            messages: BTreeMap::new(),
            groups: BTreeMap::new(),
            ready: Turns::default(),
            failing: Attempts::default(),
            unclear: Attempts::default(),
            parted: BTreeSet::new(),
        }
    }

    /// What a successor goes on with, which holds no message yet: which groups fail. Also the groups of which a message
    /// was parted with since the last input came.
    pub(super) fn handed_over(self, options: &QueueOptions) -> (Self, BTreeSet<Arc<str>>) {
        (Self { failing: self.failing, unclear: self.unclear, ..Self::new(options) }, self.parted)
    }

    /// Other options count for the batches that are formed from now on.
    pub(super) fn change(&mut self, options: &QueueOptions) {
        self.rules = Rules::of(options);
    }

    /// All that an input has brought about is done.
    pub(super) fn input_done(&mut self) {
        self.parted.clear();
    }

    /// How many groups messages are held of.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether a group could go if there were a slot.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// A message of this group is held from now on.
    pub(super) fn join(&mut self, token: u64, group: &Arc<str>, bytes: usize) {
        self.messages.insert(token, Message { group: Arc::clone(group), bytes });
        self.groups.entry(Arc::clone(group)).or_default().members.insert(token);
    }

    /// A message is held no more.
    pub(super) fn part(&mut self, token: u64) {
        let Some(name) = self.messages.remove(&token).map(|message| message.group) else { return };
        let Some(group) = self.groups.get_mut(&name) else { return };
        group.members.remove(&token);
        group.waiting.retain(|&waiting| waiting != token);
        if group.members.is_empty() {
            self.ready.leave(group.turn);
            self.groups.remove(&name);
        } else {
            self.review(&name);
        }
        self.parted.insert(name);
    }

    pub(super) fn group_of(&self, token: u64) -> Option<&Arc<str>> {
        self.messages.get(&token).map(|message| &message.group)
    }

    /// The groups of these messages, each once.
    fn groups_of(&self, tokens: &[u64]) -> BTreeSet<Arc<str>> {
        tokens.iter().filter_map(|&token| self.group_of(token).cloned()).collect()
    }

    /// A message that is held waits behind the others of its group.
    pub(super) fn wait(&mut self, token: u64) {
        self.queue(token, VecDeque::push_back);
    }

    fn queue(&mut self, token: u64, push: impl Fn(&mut VecDeque<u64>, u64)) {
        let Some(name) = self.group_of(token).cloned() else { return };
        if let Some(group) = self.groups.get_mut(&name) {
            push(&mut group.waiting, token);
        }
        self.review(&name);
    }

    /// What waits of the groups of these messages waits no more.
    pub(super) fn take_behind(&mut self, tokens: &[u64]) -> Vec<u64> {
        let mut behind = Vec::new();
        for name in self.groups_of(tokens) {
            if let Some(group) = self.groups.get_mut(&name) {
                behind.extend(group.waiting.drain(..));
            }
            self.review(&name);
        }
        behind
    }

    /// No message of any group waits any more.
    pub(super) fn abandon(&mut self) -> Vec<u64> {
        self.ready.clear();
        let mut tokens: Vec<u64> = Vec::new();
        for group in self.groups.values_mut() {
            group.turn = None;
            tokens.extend(group.waiting.drain(..));
        }
        tokens.sort_unstable();
        tokens
    }

    /// Forms the next batch, for one of `slots` that are free: each group goes alone as long as there are slots for all
    /// that are ready, else they are dealt out evenly. A message that is too large for any batch is alone in one.
    pub(super) fn next_batch(&mut self, id: BatchId, slots: usize) -> Closed {
        let share = self.ready.len().div_ceil(slots.max(1));
        let goes_alone = |name: &Arc<str>| self.failing.get(name) > 0;
        let first_alone = self.ready.iter().next().is_some_and(goes_alone);
        let names: Vec<Arc<str>> = match first_alone {
            true => self.ready.iter().take(1).cloned().collect(),
            false => {
                let sound = self.ready.iter().filter(|name| !goes_alone(name));
                sound.take(share.min(self.rules.most)).cloned().collect()
            }
        };
        let one_by_one = names.first().is_some_and(|name| self.unclear.get(name) > 0);
        let most = if one_by_one { 1 } else { self.rules.most };
        let (mut tokens, mut bytes) = (Vec::new(), 0);
        for name in names {
            let before = tokens.len();
            self.fill(&name, most, &mut tokens, &mut bytes);
            if tokens.len() == before {
                // The event is full.
                break;
            }
            self.seize(&name, id);
        }
        let is_full = tokens.len() >= self.rules.most;
        let reason = if is_full { FlushReason::Size } else { FlushReason::Immediate };
        Closed { bytes: body_bytes(tokens.len(), bytes), tokens, reason }
    }

    /// Moves as many waiting messages of a group into a batch as it has room for.
    fn fill(&mut self, name: &Arc<str>, most: usize, batch: &mut Vec<u64>, bytes: &mut usize) {
        let Some(group) = self.groups.get_mut(name) else { return };
        while batch.len() < most
            && let Some(&next) = group.waiting.front()
        {
            let more = *bytes + self.messages.get(&next).map_or(0, |message| message.bytes);
            if !batch.is_empty() && body_bytes(batch.len() + 1, more) > MAX_BODY_BYTES {
                return;
            }
            group.waiting.pop_front();
            *bytes = more;
            batch.push(next);
        }
    }

    /// These messages are in this batch.
    pub(super) fn occupy(&mut self, tokens: &[u64], id: BatchId) {
        for name in self.groups_of(tokens) {
            self.seize(&name, id);
        }
    }

    fn seize(&mut self, name: &Arc<str>, id: BatchId) {
        if let Some(group) = self.groups.get_mut(name) {
            group.busy = Some(id);
        }
        self.review(name);
    }

    /// Whether this batch, and no other, has messages of the groups of these.
    pub(super) fn is_alone(&self, tokens: &[u64], id: BatchId) -> bool {
        let is_with = |name: &Arc<str>| self.groups.get(name).is_some_and(|group| group.busy == Some(id));
        self.groups_of(tokens).iter().all(is_with)
    }

    /// The batch that had these messages has them no more.
    pub(super) fn vacate(&mut self, tokens: &[u64]) {
        for name in self.groups_of(tokens) {
            if let Some(group) = self.groups.get_mut(&name) {
                group.busy = None;
            }
            self.review(&name);
        }
    }

    /// Of a batch only these messages are left; the rest waits again, before all others of its groups.
    pub(super) fn divide(&mut self, id: BatchId, kept: &[u64], rest: &[u64]) {
        self.vacate(rest);
        self.occupy(kept, id);
        for &token in rest.iter().rev() {
            self.queue(token, VecDeque::push_front);
        }
    }

    /// Messages of a batch are lost: see [`Gather::stop`](super::Gather::stop).
    pub(super) fn stop(&mut self, lost: &[u64], others: Vec<u64>) -> (Vec<u64>, Vec<u64>) {
        let names = self.groups_of(lost);
        self.vacate(lost);
        let shares = |token: &u64| self.group_of(*token).is_some_and(|name| names.contains(name));
        let (mut stopped, kept): (Vec<u64>, Vec<u64>) = others.into_iter().partition(shares);
        stopped.extend(self.take_behind(lost));
        (stopped, kept)
    }

    /// The function has failed these messages: see [`Gather::fail`](super::Gather::fail).
    ///
    /// Certain is the first of each group that the function named: what stands behind it was perhaps not tried at all.
    /// An error says nothing, unless the batch had no other message. The groups go alone until they succeed, and one by
    /// one where it is to be known what fails. A failure that is certain does not end that.
    pub(super) fn fail(&mut self, tokens: &[u64], named: bool) -> Failed {
        let behind = self.take_behind(tokens);
        let is_certain = named || tokens.len() == 1;
        let unclear = if is_certain || !self.rules.counts { 0 } else { tokens.len() };
        for name in self.groups_of(tokens) {
            self.failing.failed(&name);
            if unclear > 0 {
                self.unclear.put(&name, u32::try_from(unclear).unwrap_or(u32::MAX));
            }
        }
        let mut seen = BTreeSet::new();
        let is_first = |token: &&u64| is_certain && self.group_of(**token).is_some_and(|name| seen.insert(name));
        let (certain, mut others): (Vec<u64>, Vec<u64>) = tokens.iter().partition(is_first);
        others.extend(behind);
        Failed { certain, others }
    }

    /// The function has processed these messages: so far their groups are sound.
    pub(super) fn succeed(&mut self, tokens: &[u64]) {
        for token in tokens {
            let Some(Message { group, .. }) = self.messages.get(token) else { continue };
            let unclear = self.unclear.get(group).saturating_sub(1);
            self.unclear.put(group, unclear);
            if unclear == 0 {
                self.failing.forget(group);
            }
        }
    }

    pub(super) fn kept_in_order(&self, tokens: &[u64], failed: &[usize]) -> Vec<usize> {
        if self.rules.order == GroupOrder::AsReported {
            return Vec::new();
        }
        let (mut broken, mut kept) = (BTreeSet::new(), Vec::new());
        for (index, &token) in tokens.iter().enumerate() {
            let name = self.group_of(token);
            if failed.binary_search(&index).is_ok() {
                broken.insert(name);
            } else if broken.contains(&name) {
                kept.push(index);
            }
        }
        kept
    }

    pub(super) fn together(&self, due: Vec<u64>, is_watched: impl Fn(&u64) -> bool) -> Vec<u64> {
        let names = self.groups_of(&due);
        let members = names.iter().filter_map(|name| self.groups.get(name)).flat_map(|group| &group.members).copied();
        let mut together: BTreeSet<u64> = members.filter(is_watched).collect();
        together.extend(due);
        together.into_iter().collect()
    }

    /// Puts a group in the row of those that may go, or out of it.
    fn review(&mut self, name: &Arc<str>) {
        let Some(group) = self.groups.get_mut(name) else { return };
        let may_go = group.busy.is_none() && !group.waiting.is_empty();
        if !may_go {
            self.ready.leave(group.turn.take());
        } else if group.turn.is_none() {
            group.turn = Some(self.ready.join(name));
        }
    }
}
