//! What an answer means for the rest of a message group.

use std::collections::BTreeSet;
use std::sync::Arc;

use forebay::machine::GroupOrder;
use forebay::mapping::SourceSpec;

use crate::plan::Manner;
use crate::queue::delivery::{Hold, Place};
use crate::queue::session::{STOP_GRACE, Session};
use crate::queue::subject::{Subject, SubjectState};

impl Subject {
    /// What the function does not process because of these failures, with the failures themselves.
    pub(crate) fn left_undone(&self, leases: &[usize], failed: Vec<usize>) -> Vec<usize> {
        let state = self.state();
        let first = failed.first().copied();
        let failed: BTreeSet<usize> = failed.into_iter().collect();
        let shares = |at: usize, other: &usize| state.group_of(leases[at]) == state.group_of(leases[*other]);
        let is_left = |&at: &usize| match self.plan.function.manner {
            Manner::Careless => failed.contains(&at),
            Manner::Honest => failed.iter().any(|other| *other <= at && shares(at, other)),
            Manner::Strict => first.is_some_and(|first| first <= at),
        };
        (0..leases.len()).filter(is_left).collect()
    }
}

impl Session {
    /// Whether the order of groups is worth more than what the function reports.
    fn protects(&self) -> bool {
        matches!(&self.mapping.source, SourceSpec::Fifo(fifo) if fifo.group_order == GroupOrder::Protect)
    }

    /// Places of the batch that are reported as processed behind one of their group that failed.
    pub(crate) fn kept(&self, state: &SubjectState, leases: &[usize], failed: &[usize]) -> Vec<usize> {
        if !self.protects() {
            return Vec::new();
        }
        let ahead = |at: usize, other: usize| other < at && state.group_of(leases[other]) == state.group_of(leases[at]);
        let is_kept = |&at: &usize| !failed.contains(&at) && failed.iter().any(|&other| ahead(at, other));
        (0..leases.len()).filter(is_kept).collect()
    }

    /// Places of the batch that failed, and perhaps only because of another: all but the first of each group that the
    /// function names, and the whole batch where it names none.
    pub(crate) fn spared(&self, state: &SubjectState, leases: &[usize], failed: &[usize], named: bool) -> Vec<usize> {
        if !self.subject.is_fifo() || leases.len() == 1 {
            return Vec::new();
        }
        let first = |at: usize| {
            failed.iter().find(|&&other| state.group_of(leases[other]) == state.group_of(leases[at])) == Some(&at)
        };
        failed.iter().copied().filter(|&at| !named || !first(at)).collect()
    }

    /// The function has answered: what waits behind a failure fails with it, and successes come in order.
    pub(crate) fn keep_order(&self, state: &mut SubjectState, call: u64, leases: &[usize], named: bool) {
        if !self.subject.is_fifo() {
            return;
        }
        let clear = named || leases.len() == 1 || self.mapping.on_failure.is_none();
        for group in state.groups_of(leases) {
            let of_group: Vec<usize> =
                leases.iter().copied().filter(|&index| state.group_of(index) == Some(&group)).collect();
            let failed = |&index: &usize| matches!(state.leases[index].hold, Hold::Failed(_) | Hold::Undelivered);
            let session = &mut state.sessions[self.id];
            let Some(first) = of_group.iter().copied().find(failed) else {
                session.failing.remove(&group);
                if let Some(left) = session.unclear.get_mut(&group) {
                    *left = left.saturating_sub(of_group.len());
                }
                continue;
            };
            if !clear {
                session.unclear.insert(Arc::clone(&group), leases.len());
            }
            session.failing.insert(group);
            self.stop_behind(state, call, first);
            for index in of_group {
                if matches!(state.leases[index].hold, Hold::Failed(_)) {
                    state.leases[index].fails_in(call);
                }
            }
        }
        for &index in leases {
            if state.leases[index].hold == Hold::Succeeded {
                self.succeed_in_order(state, index);
            }
        }
    }

    /// What came with a failed message, waits behind it and was never begun is not begun any more.
    fn stop_behind(&self, state: &mut SubjectState, call: u64, first: usize) {
        let now = self.subject.world.now();
        let (n, receive) = (state.leases[first].message, state.leases[first].receive);
        for index in 0..state.leases.len() {
            // A copy of what was ahead came after it, and waits behind it as well.
            let behind =
                state.group_of(index) == state.group_of(first) && (state.leases[index].message >= n || index > first);
            let returns = self.returns(state, index);
            let lease = &mut state.leases[index];
            if !behind || lease.session != self.id || !matches!(lease.hold, Hold::Unstarted | Hold::Waiting) {
                continue;
            }
            let given_back = lease.allowed.is_some() && !lease.is_perhaps_held();
            if given_back || lease.failed_returns > 0 || returns == Some(true) {
                // It is on its way back already.
            } else if lease.receive == receive && returns == Some(false) {
                lease.hold = Hold::Failed(now);
                lease.fails_in(call);
            } else {
                // What failed was no longer ours: this came after it, and may go on or not. Or the drain that returns
                // it begins just now.
                lease.allowed.get_or_insert("behind one that failed");
                lease.perhaps_undelivered = true;
            }
        }
    }

    /// Whether a drain has begun to return this delivery, which no invoke has: its begin is not known from outside.
    /// What is split in a drain waits for its turn, like the first half, and so does what the queue would dead-letter.
    fn returns(&self, state: &SubjectState, index: usize) -> Option<bool> {
        let Some(quiet) = state.quiet else { return Some(false) };
        if self.subject.is_last(state, index) {
            return Some(false);
        }
        let heard = quiet.since + STOP_GRACE;
        match state.leases[index].split {
            Some(at) if at > heard => Some(false),
            Some(at) if at >= quiet.since => None,
            _ => (self.subject.world.now() > heard).then_some(true),
        }
    }

    fn succeed_in_order(&self, state: &mut SubjectState, index: usize) {
        let n = state.leases[index].message;
        state.messages[n].succeeded = true;
        if !self.protects() {
            return;
        }
        let undone = state.messages[..n].iter().position(|earlier| {
            let done = earlier.succeeded || earlier.recorded || earlier.place != Place::Queued;
            earlier.group == state.messages[n].group && !done
        });
        if let Some(e) = undone {
            self.subject.violate(format_args!("m{n} succeeds before m{e} of its group"));
        }
    }
}
