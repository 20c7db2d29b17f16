//! What an invoke must keep of the order of message groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::queue::delivery::{Hold, Place};
use crate::queue::session::Session;
use crate::queue::subject::SubjectState;

/// Between the moment when something is due and the call that shows it (milliseconds).
const SLACK: u64 = 5;

impl Session {
    /// Checks which messages an invoke begins with, and with which others.
    pub(crate) fn check_order(&self, state: &SubjectState, leases: &[usize]) {
        let subject = &self.subject;
        if !subject.is_fifo() {
            return;
        }
        let groups = state.groups_of(leases);
        self.check_company(state, leases, &groups);
        for (at, &index) in leases.iter().enumerate() {
            let (n, group) = (state.leases[index].message, state.group_of(index));
            let behind = |&&other: &&usize| state.group_of(other) == group && state.leases[other].message >= n;
            if let Some(other) = leases[..at].iter().find(behind) {
                let other = state.leases[*other].message;
                subject.violate(format_args!("m{n} stands behind m{other} in one event"));
            }
            self.check_ahead(state, leases, n, group);
        }
    }

    /// Nothing is begun while something ahead of it in its group, that the engine was ever given, is undone.
    fn check_ahead(&self, state: &SubjectState, leases: &[usize], n: usize, group: Option<&Arc<str>>) {
        let ahead = state.messages[..n].iter().enumerate();
        for (e, earlier) in ahead.filter(|(_, earlier)| earlier.group.as_ref() == group) {
            let Some(reached) = earlier.reached.filter(|_| earlier.place == Place::Queued) else { continue };
            let lease = &state.leases[reached];
            let here = leases.iter().any(|&index| state.leases[index].message == e);
            if lease.session == self.id && !here && !matches!(lease.hold, Hold::Succeeded | Hold::Recorded) {
                self.subject.violate(format_args!("m{n} is begun while m{e} of its group is {:?}", lease.hold));
            }
        }
    }

    /// No group is in two invokes at once. One that has just failed is alone in its batch; a message of it is, where it
    /// is to be known which one fails.
    fn check_company(&self, state: &SubjectState, leases: &[usize], groups: &BTreeSet<Arc<str>>) {
        let subject = &self.subject;
        for (id, call) in &state.calls {
            if let Some(group) = call.groups.intersection(groups).next() {
                subject.violate(format_args!("{group} is invoked while invoke {id} has it"));
            }
        }
        let unclear = |group: &&Arc<str>| state.sessions[self.id].unclear.get(*group).is_some_and(|left| *left > 0);
        if leases.len() > 1
            && let Some(group) = groups.iter().find(unclear)
        {
            subject.violate(format_args!("{group} is to go one by one, and {} go together", leases.len()));
        }
        if groups.len() < 2 {
            return;
        }
        let failing = &state.sessions[self.id].failing;
        if let Some(group) = groups.intersection(failing).next() {
            subject.violate(format_args!("{group} is invoked with others although its last batch failed"));
        }
        if subject.calm() && self.limit().is_none() {
            subject.violate(format_args!("{} groups share an event where each could have its own", groups.len()));
        }
    }

    /// What came before these deliveries in their groups, and is in no invoke, is not held any more.
    pub(crate) fn pass(&self, state: &mut SubjectState, leases: &[usize]) {
        let came = |state: &SubjectState, index: usize| (state.leases[index].delivered, index);
        for group in state.groups_of(leases) {
            let of_group = leases.iter().copied().filter(|&index| state.group_of(index) == Some(&group));
            let Some(first) = of_group.map(|index| came(state, index)).min() else { continue };
            for index in 0..state.leases.len() {
                let earlier = state.group_of(index) == Some(&group) && came(state, index) < first;
                let lease = &mut state.leases[index];
                if earlier && lease.session == self.id && matches!(lease.hold, Hold::Unstarted | Hold::Waiting) {
                    lease.passed = true;
                }
            }
        }
    }

    /// Receives only what a slot is free for, and nothing while a group waits for one.
    pub(crate) fn check_group_admission(&self, state: &SubjectState, limit: usize) {
        let subject = &self.subject;
        let now = subject.world.now();
        let in_hand = |hold| {
            let known = |&index: &usize| self.has_in_hand(&state.leases[index], hold);
            let held: Vec<usize> = state.open.iter().copied().filter(known).collect();
            held.into_iter().filter(|&index| !subject.group_broke(state, index)).collect::<Vec<usize>>()
        };
        // What was cut or split off waits in its group, which another batch keeps busy.
        let called = |group: &Arc<str>| state.calls.values().any(|call| call.groups.contains(group));
        let mut waiting = in_hand(Hold::Waiting);
        waiting
            .retain(|&index| !state.group_of(index).is_some_and(called) && !subject.is_behind_one_left(state, index));
        let batches: BTreeSet<u64> = waiting.iter().map(|&index| state.leases[index].batch).collect();
        let busy = state.calls.len() + batches.len();
        let open = state.sessions[self.id].receives.len();
        if busy + open >= limit {
            subject.violate(format_args!(
                "a receive begins although {limit} batches may be in flight, {busy} are and {open} receives are open"
            ));
        }
        // What waits for the rate limit has a slot already.
        if self.mapping.poller.rate_limit.is_some() {
            return;
        }
        // A batch that is held keeps its groups busy until it is looked at again, even when its leases have ended by
        // then; and when it was left, what waited behind it was, too.
        let is_held = |&index: &usize| {
            let lease = &state.leases[index];
            lease.session == self.id && lease.hold == Hold::Waiting && (lease.is_perhaps_held() || lease.gone.is_some())
        };
        let held: Vec<usize> = (0..state.leases.len()).filter(is_held).collect();
        let mut with_batch = state.groups_of(&held);
        with_batch.extend(state.calls.values().flat_map(|call| call.groups.iter().cloned()));
        // A receive may begin before what another brought is heard of.
        let heard = |at: u64| at + SLACK < now;
        let waits = in_hand(Hold::Unstarted).into_iter().find(|&index| {
            let came = state.leases[index].delivered.is_some_and(heard);
            let group = state.group_of(index);
            came && group.is_some_and(|group| {
                !with_batch.contains(group) && state.fifo.freed.get(group).copied().is_none_or(heard)
            })
        });
        if let Some(index) = waits {
            subject.violate(format_args!("a receive begins although L{index} waits for a slot"));
        }
    }

    /// In a calm scenario a message waits for nothing but a slot, and what is ahead of it.
    pub(crate) fn check_prompt(&self, state: &SubjectState, leases: &[usize]) {
        let subject = &self.subject;
        if !subject.calm() || self.mapping.poller.rate_limit.is_some() {
            return;
        }
        let now = subject.world.now();
        for &index in leases {
            let came = state.leases[index].delivered.unwrap_or(now);
            let freed = state.group_of(index).and_then(|group| state.fifo.freed.get(group)).copied().unwrap_or(0);
            let due = came.max(freed).max(state.last_full).max(state.sessions[self.id].changed);
            if now > due + SLACK {
                subject.violate(format_args!("L{index} is begun {} ms after it could have been", now - due));
            }
        }
    }
}
