//! Message groups of a FIFO queue: what is held of each, and which go to the function together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::BatchId;
use super::attempts::Attempts;
use super::envelope::{MAX_BODY_BYTES, body_bytes};

/// Every group of which a message is held.
///
/// At most one batch at a time has messages of a group, and they go in the order in which they were received. Groups
/// take turns: who has waited longest goes first. A group whose last batch failed goes alone until it has succeeded,
/// so that its failures are nobody else's. Where it matters which of its messages the function failed, and the function
/// did not say, they go one by one.
#[derive(Debug)]
pub(crate) struct Groups {
    /// `BatchSize`.
    most: usize,
    groups: BTreeMap<Arc<str>, Group>,
    /// Groups that may go: those with waiting messages and no batch, by turn.
    ready: BTreeMap<u64, Arc<str>>,
    turn: u64,
    /// Groups that go alone.
    failing: Attempts,
    /// Groups that go one by one, and how many messages are to succeed so.
    unclear: Attempts,
    /// Groups of which a message was parted with since the last input came.
    parted: BTreeSet<Arc<str>>,
}

#[derive(Debug, Default)]
struct Group {
    /// The tokens of all its messages that are held.
    members: BTreeSet<u64>,
    /// Those that are in no batch yet, in their order.
    waiting: VecDeque<Waiting>,
    /// The batch that has messages of it.
    busy: Option<BatchId>,
    turn: Option<u64>,
}

/// A message that is in no batch yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Names the message.
    pub(crate) token: u64,
    /// The size of its fragment.
    pub(crate) bytes: usize,
}

impl Groups {
    pub(crate) fn new(most: usize) -> Self {
        let (failing, unclear) = (Attempts::default(), Attempts::default());
        let parted = BTreeSet::new();
        Self { most, groups: BTreeMap::new(), ready: BTreeMap::new(), turn: 0, failing, unclear, parted }
    }

    /// What a successor goes on with, which holds no message yet: which groups fail. Also the groups of which a message was
    /// parted with since the last input came.
    pub(crate) fn handed_over(self, most: usize) -> (Self, BTreeSet<Arc<str>>) {
        (Self { failing: self.failing, unclear: self.unclear, ..Self::new(most) }, self.parted)
    }

    /// Another input has come.
    pub(crate) fn begin(&mut self) {
        self.parted.clear();
    }

    /// Another `BatchSize` counts for the batches that are formed from now on.
    pub(crate) const fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    /// How many groups messages are held of.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether a group could go if there were a slot.
    pub(crate) fn waits(&self) -> bool {
        !self.ready.is_empty()
    }

    /// A message of this group is held from now on.
    pub(crate) fn join(&mut self, name: &Arc<str>, token: u64) {
        self.groups.entry(Arc::clone(name)).or_default().members.insert(token);
    }

    /// A message of this group is held no more.
    pub(crate) fn part(&mut self, name: &Arc<str>, token: u64) {
        let Some(group) = self.groups.get_mut(name) else { return };
        group.members.remove(&token);
        self.parted.insert(Arc::clone(name));
        group.waiting.retain(|waiting| waiting.token != token);
        if !group.members.is_empty() {
            return self.review(name);
        }
        if let Some(turn) = self.groups.remove(name).and_then(|group| group.turn) {
            self.ready.remove(&turn);
        }
    }

    /// The messages of this group that are held, in their order.
    pub(crate) fn members(&self, name: &Arc<str>) -> impl Iterator<Item = u64> {
        self.groups.get(name).into_iter().flat_map(|group| group.members.iter().copied())
    }

    /// A message that is held waits behind the others of its group.
    pub(crate) fn wait(&mut self, name: &Arc<str>, message: Waiting) {
        if let Some(group) = self.groups.get_mut(name) {
            group.waiting.push_back(message);
        }
        self.review(name);
    }

    /// A message that was in a batch waits again, before the others of its group.
    pub(crate) fn wait_again(&mut self, name: &Arc<str>, message: Waiting) {
        if let Some(group) = self.groups.get_mut(name) {
            group.waiting.push_front(message);
        }
        self.review(name);
    }

    /// The messages of this group that are in no batch wait no more.
    pub(crate) fn take_waiting(&mut self, name: &Arc<str>) -> Vec<u64> {
        let Some(group) = self.groups.get_mut(name) else { return Vec::new() };
        let tokens = group.waiting.drain(..).map(|waiting| waiting.token).collect();
        self.review(name);
        tokens
    }

    /// No message of any group waits any more.
    pub(crate) fn abandon(&mut self) -> Vec<u64> {
        self.ready.clear();
        let mut tokens: Vec<u64> = Vec::new();
        for group in self.groups.values_mut() {
            group.turn = None;
            tokens.extend(group.waiting.drain(..).map(|waiting| waiting.token));
        }
        tokens.sort_unstable();
        tokens
    }

    /// Forms the next batch, for one of `slots` that are free: each group goes alone as long as there are slots for all
    /// that are ready, else they are dealt out evenly.
    pub(crate) fn next_batch(&mut self, id: BatchId, slots: usize) -> Vec<Waiting> {
        let share = self.ready.len().div_ceil(slots.max(1));
        let goes_alone = |name: &Arc<str>| self.failing.get(name) > 0;
        let first_alone = self.ready.values().next().is_some_and(goes_alone);
        let names: Vec<Arc<str>> = match first_alone {
            true => self.ready.values().take(1).cloned().collect(),
            false => self.ready.values().filter(|name| !goes_alone(name)).take(share.min(self.most)).cloned().collect(),
        };
        let one_by_one = names.first().is_some_and(|name| self.unclear.get(name) > 0);
        let most = if one_by_one { 1 } else { self.most };
        let mut batch = Vec::new();
        let mut bytes = 0;
        for name in names {
            let before = batch.len();
            self.fill(&name, most, &mut batch, &mut bytes);
            if batch.len() == before {
                // The event is full.
                break;
            }
            self.occupy(&name, id);
        }
        batch
    }

    /// Moves as many waiting messages of a group into a batch as it has room for.
    fn fill(&mut self, name: &Arc<str>, most: usize, batch: &mut Vec<Waiting>, bytes: &mut usize) {
        let Some(group) = self.groups.get_mut(name) else { return };
        while batch.len() < most
            && let Some(&next) = group.waiting.front()
            && (batch.is_empty() || body_bytes(batch.len() + 1, *bytes + next.bytes) <= MAX_BODY_BYTES)
        {
            group.waiting.pop_front();
            *bytes += next.bytes;
            batch.push(next);
        }
    }

    /// This batch has messages of this group.
    pub(crate) fn occupy(&mut self, name: &Arc<str>, id: BatchId) {
        if let Some(group) = self.groups.get_mut(name) {
            group.busy = Some(id);
        }
        self.review(name);
    }

    /// Whether this batch, and no other, has messages of this group.
    pub(crate) fn is_with(&self, name: &Arc<str>, id: BatchId) -> bool {
        self.groups.get(name).is_some_and(|group| group.busy == Some(id))
    }

    /// The batch that had messages of this group has them no more.
    pub(crate) fn vacate(&mut self, name: &Arc<str>) {
        if let Some(group) = self.groups.get_mut(name) {
            group.busy = None;
        }
        self.review(name);
    }

    /// The function has failed messages of this group, which goes alone from now on, and one by one until `unclear` of
    /// them have succeeded. A failure that is clear does not end that.
    pub(crate) fn failed(&mut self, name: &Arc<str>, unclear: u32) {
        self.failing.failed(name);
        if unclear > 0 {
            self.unclear.put(name, unclear);
        }
    }

    /// The function has processed so many messages of this group, all that its batch had.
    pub(crate) fn succeeded(&mut self, name: &Arc<str>, messages: u32) {
        let unclear = self.unclear.get(name).saturating_sub(messages);
        self.unclear.put(name, unclear);
        if unclear == 0 {
            self.failing.forget(name);
        }
    }

    /// Puts a group in the row of those that may go, or out of it.
    fn review(&mut self, name: &Arc<str>) {
        let Some(group) = self.groups.get_mut(name) else { return };
        let may_go = group.busy.is_none() && !group.waiting.is_empty();
        match group.turn {
            None if may_go => {
                self.turn += 1;
                group.turn = Some(self.turn);
                self.ready.insert(self.turn, Arc::clone(name));
            }
            Some(turn) if !may_go => {
                group.turn = None;
                self.ready.remove(&turn);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    /// Groups with these messages, each named by its group and numbered from 1 on.
    fn groups(most: usize, messages: &str) -> Groups {
        let mut groups = Groups::new(most);
        for (index, letter) in messages.chars().enumerate() {
            add(&mut groups, &letter.to_string(), index as u64 + 1, 10);
        }
        groups
    }

    fn add(groups: &mut Groups, group: &str, token: u64, bytes: usize) {
        groups.join(&name(group), token);
        groups.wait(&name(group), Waiting { token, bytes });
    }

    fn next(groups: &mut Groups, id: u64, slots: usize) -> Vec<u64> {
        groups.next_batch(BatchId(id), slots).into_iter().map(|waiting| waiting.token).collect()
    }

    #[test]
    fn with_slots_for_all_each_group_goes_alone() {
        let mut groups = groups(10, "abacb");
        assert_eq!((groups.len(), groups.waits()), (3, true));
        assert_eq!(next(&mut groups, 1, 5), [1, 3]);
        assert_eq!(next(&mut groups, 2, 4), [2, 5]);
        assert_eq!(next(&mut groups, 3, 3), [4]);
        assert!(next(&mut groups, 4, 2).is_empty());
        assert!(!groups.waits());
    }

    #[test]
    fn with_fewer_slots_groups_are_dealt_out_evenly() {
        let mut groups = groups(10, "abcdeab");
        assert_eq!(next(&mut groups, 1, 2), [1, 6, 2, 7, 3], "three of the five");
        assert_eq!(next(&mut groups, 2, 1), [4, 5]);
    }

    #[test]
    fn a_batch_has_its_bounds_and_leaves_the_rest_waiting() {
        let mut groups = groups(3, "aabbc");
        assert_eq!(next(&mut groups, 1, 1), [1, 2, 3]);
        assert_eq!(next(&mut groups, 2, 1), [5], "b is busy with its first message");
        groups.vacate(&name("b"));
        assert_eq!(next(&mut groups, 3, 1), [4]);

        let mut groups = groups_of_megabytes();
        assert_eq!(next(&mut groups, 1, 1), [1, 2, 3], "six megabytes and no more");
        assert_eq!(next(&mut groups, 2, 1), [5], "a and b are busy");
    }

    fn groups_of_megabytes() -> Groups {
        let mut groups = Groups::new(10);
        for (token, group) in [(1, "a"), (2, "a"), (3, "b"), (4, "b"), (5, "c")] {
            add(&mut groups, group, token, 15 * MAX_BODY_BYTES / 50);
        }
        groups
    }

    #[test]
    fn a_busy_group_waits_for_its_batch_and_takes_its_turn_behind_the_others() {
        let mut groups = groups(1, "ab");
        assert_eq!(next(&mut groups, 1, 2), [1]);
        assert!(groups.is_with(&name("a"), BatchId(1)) && !groups.is_with(&name("a"), BatchId(2)));
        add(&mut groups, "a", 3, 10);
        assert_eq!(next(&mut groups, 2, 1), [2]);
        assert!(next(&mut groups, 3, 1).is_empty());
        add(&mut groups, "b", 4, 10);
        groups.vacate(&name("b"));
        groups.vacate(&name("a"));
        assert_eq!(next(&mut groups, 3, 1), [4]);
        assert_eq!(next(&mut groups, 4, 1), [3]);
    }

    #[test]
    fn a_failing_group_goes_alone_until_it_succeeds() {
        let mut groups = groups(10, "abc");
        groups.failed(&name("b"), 0);
        assert_eq!(next(&mut groups, 1, 1), [1, 3]);
        assert_eq!(next(&mut groups, 2, 1), [2]);
        for letter in ["a", "b", "c"] {
            groups.vacate(&name(letter));
        }
        for (token, letter) in [(4, "b"), (5, "a")] {
            add(&mut groups, letter, token, 10);
        }
        assert_eq!(next(&mut groups, 3, 1), [4], "nobody joins it either");
        groups.vacate(&name("b"));
        groups.succeeded(&name("b"), 1);
        add(&mut groups, "b", 6, 10);
        assert_eq!(next(&mut groups, 4, 1), [5, 6]);
    }

    #[test]
    fn a_group_of_which_it_is_unclear_what_failed_goes_one_by_one() {
        let mut groups = groups(10, "aaa");
        groups.failed(&name("a"), 2);
        groups.failed(&name("a"), 0);
        for (id, tokens) in [(1, vec![1]), (2, vec![2]), (3, vec![3])] {
            if id == 3 {
                add(&mut groups, "a", 9, 10);
            }
            let expected = if id == 3 { vec![3, 9] } else { tokens };
            assert_eq!(next(&mut groups, id, 9), expected);
            groups.vacate(&name("a"));
            groups.succeeded(&name("a"), 1);
        }
    }

    #[test]
    fn messages_wait_again_before_the_others_and_can_be_taken_out() {
        let mut groups = groups(2, "aaa");
        assert_eq!(next(&mut groups, 1, 1), [1, 2]);
        groups.vacate(&name("a"));
        for token in [2, 1] {
            groups.wait_again(&name("a"), Waiting { token, bytes: 10 });
        }
        assert_eq!(groups.members(&name("a")).collect::<Vec<_>>(), [1, 2, 3]);
        groups.part(&name("a"), 2);
        assert_eq!(next(&mut groups, 2, 1), [1, 3]);
        groups.vacate(&name("a"));
        for token in [1, 3] {
            groups.part(&name("a"), token);
        }
        assert_eq!((groups.len(), groups.waits()), (0, false));
        assert_eq!(groups.members(&name("a")).count(), 0);
    }

    #[test]
    fn what_waits_can_be_given_up_for_a_group_and_for_all() {
        let mut groups = groups(10, "abab");
        assert_eq!(groups.take_waiting(&name("a")), [1, 3]);
        assert!(groups.take_waiting(&name("x")).is_empty());
        add(&mut groups, "a", 5, 10);
        assert_eq!(groups.abandon(), [2, 4, 5]);
        assert!(!groups.waits());
        assert!(next(&mut groups, 1, 9).is_empty());
        add(&mut groups, "a", 6, 10);
        assert_eq!(next(&mut groups, 2, 9), [6]);
    }
}
