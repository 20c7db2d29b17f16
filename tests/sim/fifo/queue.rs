//! What is FIFO about a queue: groups that wait for what is in flight, and receives that can be made again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use forebay::machine::PollRequest;

use crate::queue::delivery::{Hold, Message, Place, REFUSED};
use crate::queue::subject::{Subject, SubjectState};

/// So long a receive can be made again under its name (milliseconds).
pub(crate) const FIVE_MINUTES: u64 = 300_000;

/// What a subject knows of a FIFO queue.
#[derive(Debug, Default)]
pub(crate) struct FifoState {
    /// Receives by their name: when each was first answered, and what it brought.
    answers: BTreeMap<Arc<str>, (u64, Vec<usize>)>,
    /// When the last invoke with each group ended.
    pub(crate) freed: BTreeMap<Arc<str>, u64>,
    /// Groups one of whose messages is to be hidden for longer: when, and for which session.
    pub(crate) extended: Vec<(u64, usize, Arc<str>)>,
    /// Answers of receives that were asked for again, and came.
    pub(crate) recovered: usize,
}

/// The attributes that only messages of FIFO queues have, with the comma before them.
pub(crate) fn attributes(message: &Message, n: usize) -> String {
    message.group.as_ref().map_or_else(String::new, |group| {
        format!(
            ",\"SequenceNumber\":\"{:020}\",\"MessageGroupId\":\"{group}\",\"MessageDeduplicationId\":\"d{n}\"",
            18_870_000_000_000_000_000 + 256 * n as u128
        )
    })
}

impl SubjectState {
    /// The groups of these deliveries.
    pub(crate) fn groups_of(&self, leases: &[usize]) -> BTreeSet<Arc<str>> {
        leases.iter().filter_map(|&index| self.group_of(index)).cloned().collect()
    }

    /// The group of a delivery's message.
    pub(crate) fn group_of(&self, index: usize) -> Option<&Arc<str>> {
        self.messages[self.leases[index].message].group.as_ref()
    }
}

impl Subject {
    /// What a receive would find, group by group, the longest waiting first. What is at the head of a group and has
    /// spent its receives goes to the dead-letter queue.
    pub(crate) fn find_groups(&self, state: &mut SubjectState) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
        let mut in_flight = BTreeSet::new();
        for (n, message) in state.messages.iter().enumerate() {
            if let Some(group) = message.group.as_ref().filter(|_| message.place == Place::Queued) {
                if message.current.is_some() {
                    in_flight.insert(Arc::clone(group));
                }
                groups.entry(Arc::clone(group)).or_default().push(n);
            }
        }
        let limit = self.plan.queue.max_receive_count.unwrap_or(u32::MAX);
        let mut found = Vec::new();
        for (group, messages) in groups {
            if in_flight.contains(&group) {
                continue;
            }
            let spent = messages.iter().take_while(|&&n| state.messages[n].receive_count >= limit).count();
            for &n in &messages[..spent] {
                state.messages[n].place = Place::Dead;
                self.note(format_args!("m{n} goes to the dead-letter queue after {limit} receives"));
            }
            if spent < messages.len() {
                found.push(messages[spent..].to_vec());
            }
        }
        found.sort_unstable();
        found
    }

    /// Which messages a receive brings: of each group the first ones, in order.
    pub(crate) fn choose_from_groups(&self, state: &mut SubjectState, max: usize) -> Vec<usize> {
        let mut groups = self.find_groups(state);
        if groups.is_empty() {
            return Vec::new();
        }
        if self.strikes(self.plan.faults.receive_shuffled) {
            self.world.shuffle(&mut groups);
        }
        let mut most = max;
        if self.strikes(self.plan.faults.receive_partial) {
            most = usize::try_from(self.world.between(1, max as u64)).expect("at most ten");
        }
        let mut picked = Vec::new();
        if self.world.chance(self.plan.queue.mixing) {
            groups.iter_mut().for_each(|group| group.reverse());
            while picked.len() < most && !groups.is_empty() {
                let at = usize::try_from(self.world.between(0, groups.len() as u64 - 1)).expect("an index");
                picked.extend(groups[at].pop());
                groups.retain(|group| !group.is_empty());
            }
        } else {
            picked = groups.concat();
            picked.truncate(most);
        }
        picked
    }

    /// The answer of the receive that had the same name, where it is still as it was: hidden again, with the same
    /// receipts.
    pub(crate) fn hand_out_again(
        &self,
        state: &mut SubjectState,
        request: &PollRequest,
        session: usize,
        until: u64,
        receive: u64,
    ) -> Option<Vec<usize>> {
        let now = self.world.now();
        let (made, leases) = state.fifo.answers.get(request.attempt.as_ref()?)?;
        let untouched = |&index: &usize| {
            let lease = &state.leases[index];
            !lease.over && !lease.changed && state.messages[lease.message].current == Some(index)
        };
        if now - made > FIVE_MINUTES || !leases.iter().all(untouched) {
            return None;
        }
        let leases = leases.clone();
        state.fifo.recovered += 1;
        for &index in &leases {
            let lease = &mut state.leases[index];
            self.note(format_args!("L{index} (m{}) is handed out again", lease.message));
            (lease.session, lease.receive) = (session, receive);
            (lease.received, lease.until) = (now, until);
            (lease.hold, lease.allowed) = (Hold::Underway, None);
        }
        Some(leases)
    }

    /// Keeps what a receive was answered, for another under the same name.
    pub(crate) fn remember(&self, state: &mut SubjectState, request: &PollRequest, picked: &[usize]) {
        if let Some(attempt) = &request.attempt {
            state.fifo.answers.insert(Arc::clone(attempt), (self.world.now(), picked.to_vec()));
        }
    }

    /// Whether a receipt is refused although its time is not over: its message is visible from now on, and waits for
    /// those of its group that are in flight.
    pub(crate) fn slips(&self, state: &mut SubjectState, index: usize, hidden: Duration) -> bool {
        let message = &mut state.messages[state.leases[index].message];
        if hidden.is_zero() || self.world.fair() || !std::mem::take(&mut message.slips) {
            return false;
        }
        state.leases[index].allowed.get_or_insert(REFUSED);
        self.end(state, index);
        true
    }
}
