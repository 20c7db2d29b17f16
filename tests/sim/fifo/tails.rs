//! What is held of a group is held together, and what failed of it comes back together.

use std::sync::Arc;
use std::time::Duration;

use forebay::machine::OnFunctionError;

use crate::plan::queue;
use crate::queue::delivery::{Hold, Lease};
use crate::queue::leases::TWELVE_HOURS;
use crate::queue::session::Session;
use crate::queue::subject::{Subject, SubjectState};
use crate::run::millis;

/// An engine may see a lease end this much earlier or later than the world (milliseconds).
const SLACK: u64 = 50;
/// Near the end of SQS's twelve hours each message is extended as far as it goes (milliseconds).
const LAST: u64 = 600_000;

const fn is_in_hand(lease: &Lease) -> bool {
    matches!(lease.hold, Hold::Unstarted | Hold::Waiting | Hold::Running)
}

impl Session {
    /// A change of visibility is asked for.
    pub(crate) fn check_group(&self, state: &mut SubjectState, index: usize, hidden: Duration) {
        let Some(group) = state.group_of(index).map(Arc::clone) else { return };
        let now = self.subject.world.now();
        if matches!(state.leases[index].hold, Hold::Failed(_)) {
            if self.crosses_failure(&state.leases[index], hidden) {
                return;
            }
            if !self.subject.group_is_broken(state, index) {
                self.check_tail(state, index, hidden);
            }
            state.leases[index].span = Some(hidden);
        } else if !hidden.is_zero() {
            state.leases[index].asked = Some(now);
            if is_in_hand(&state.leases[index]) {
                state.fifo.extended.push((now, self.id, group));
            }
        }
    }

    /// Whether this is an extension that was sent before the failure was heard of: as long as a lease, and longer than
    /// what has failed is hidden.
    pub(crate) fn crosses_failure(&self, lease: &Lease, hidden: Duration) -> bool {
        let OnFunctionError::Backoff(backoff) = queue(&self.mapping).visibility.on_function_error else { return false };
        let is_just = matches!(lease.hold, Hold::Failed(at) if at + 1 >= self.subject.world.now());
        let is_extension = millis(hidden) >= self.subject.hidden(&self.mapping) && hidden > backoff.maximum;
        is_just && is_extension
    }

    /// What failed together comes back together, first to last.
    fn check_tail(&self, state: &SubjectState, index: usize, hidden: Duration) {
        let subject = &self.subject;
        let now = subject.world.now();
        let lease = &state.leases[index];
        let tail = state.leases.iter().enumerate().filter(|(other, lease)| {
            *other != index
                && lease.failed_in == state.leases[index].failed_in
                && matches!(lease.hold, Hold::Failed(_))
                && state.group_of(*other) == state.group_of(index)
        });
        for (other, mate) in tail {
            let known = !mate.over && mate.gone.is_none() && mate.known > now + SLACK && !mate.deferred;
            if mate.message < lease.message && mate.span.is_none() && known {
                subject.violate(format_args!("L{index} is returned before L{other}, which is ahead of it"));
            }
            let backs_off = matches!(queue(&self.mapping).visibility.on_function_error, OnFunctionError::Backoff(_));
            // What was asked for both when they failed was an extension on its way, and this is the backoff.
            let crossed = |span: Duration| lease.span == Some(span) && millis(span) == subject.hidden(&self.mapping);
            if let Some(span) = mate.span.filter(|span| backs_off && *span != hidden && !crossed(*span)) {
                subject.violate(format_args!("L{index} backs off {hidden:?}, and L{other} of its group {span:?}"));
            }
        }
    }
}

impl Subject {
    /// Whether another message of its group has slipped out of the engine's hands since this one came, or had before
    /// and stands in a batch still, or waits ahead of this one.
    pub(crate) fn group_is_broken(&self, state: &SubjectState, index: usize) -> bool {
        let stands = |lease: &Lease| match lease.hold {
            Hold::Running => true,
            Hold::Waiting => !lease.passed,
            // It is found lost when it is to begin, and what came after it goes back with it.
            Hold::Unstarted => lease.is_perhaps_held(),
            _ => false,
        };
        self.has_slipped_mate(state, index, stands)
    }

    /// The same, of what slipped since this one came.
    pub(crate) fn group_broke(&self, state: &SubjectState, index: usize) -> bool {
        self.has_slipped_mate(state, index, |_| false)
    }

    fn has_slipped_mate(&self, state: &SubjectState, index: usize, earlier: impl Fn(&Lease) -> bool) -> bool {
        let now = self.world.now();
        let Some(group) = state.group_of(index) else { return false };
        let since = state.leases[index].delivered.unwrap_or(now);
        state.leases.iter().enumerate().any(|(other, lease)| {
            let over = |at: u64| at <= now + SLACK && (at >= since || earlier(lease));
            other != index
                && lease.session == state.leases[index].session
                && lease.delivered.is_some()
                && (lease.gone.is_some_and(over) || over(lease.known))
                && state.group_of(other) == Some(group)
        })
    }

    /// Whether it waited for a batch with messages of its group that was perhaps left: held for as long as is allowed,
    /// and neither extended nor invoked since.
    pub(crate) fn is_behind_one_left(&self, state: &SubjectState, index: usize) -> bool {
        let lease = &state.leases[index];
        let Some(group) = state.group_of(index) else { return false };
        state.leases.iter().enumerate().any(|(other, mate)| {
            let since = |at| mate.asked <= Some(at) && lease.delivered.is_some_and(|delivered| delivered <= at);
            mate.hold == Hold::Waiting
                && mate.session == lease.session
                && mate.left.is_some_and(since)
                && state.group_of(other) == Some(group)
        })
    }

    /// When one message of a group was extended, all that is held of it was.
    pub(crate) fn check_together(&self, state: &mut SubjectState) {
        if state.fifo.extended.first().is_none_or(|(at, ..)| *at == self.world.now()) {
            return;
        }
        let extended = std::mem::take(&mut state.fifo.extended);
        if state.quiet.is_some() {
            // What a drain gives back is extended no more.
            return;
        }
        for (at, session, group) in extended {
            for &index in &state.open {
                let lease = &state.leases[index];
                let held = is_in_hand(lease) && lease.delivered.is_some_and(|delivered| delivered < at);
                let ours = lease.session == session && state.group_of(index) == Some(&group);
                let known = lease.known > at && lease.gone.is_none() && lease.received + TWELVE_HOURS > at + LAST;
                let allowed = lease.allowed.is_some() || lease.extending > 0 || lease.asked >= Some(at);
                if held && ours && known && !allowed {
                    let what = format!("L{index} was not extended at {at} ms, when others of {group} were");
                    return self.violate(what);
                }
            }
        }
    }
}
