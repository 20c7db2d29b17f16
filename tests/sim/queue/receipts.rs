//! Deletes and visibility changes: whether the engine may ask for them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use forebay::machine::{Fault, OnFunctionError, Receipt, ReceiptOutcome};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::queue::delivery::{EXTENDED_LATE, Hold, IN_THE_WAY, Lease};
use crate::queue::leases::TWELVE_HOURS;
use crate::queue::session::{STOP_GRACE, Session};
use crate::queue::subject::{Subject, SubjectState};
use crate::run::millis;

/// What is asked for one message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Delete,
    Visibility(Duration),
}

pub(crate) const RETURNED: &str = "returned by a drain";
const WITH_ITS_GROUP: &str = "returned with its group";
/// After so many tries of a return, the message may be left to its visibility timeout.
const RETURN_TRIES: u32 = 3;

impl Lease {
    /// A change of its visibility failed: a return is to be tried again.
    pub(crate) fn did_not_work(&mut self, now: u64) {
        self.not_extended = Some(now);
        if matches!(self.allowed, Some(RETURNED | WITH_ITS_GROUP)) {
            self.failed_returns += 1;
            if self.allowed == Some(RETURNED) && self.failed_returns < RETURN_TRIES {
                self.allowed = None;
            }
        }
    }
}

impl Session {
    /// Makes one call of up to ten entries. It goes on at the server even when the engine gives it up.
    pub(crate) fn use_receipts(
        &self,
        entries: Vec<(Receipt, Change)>,
    ) -> BoxFuture<'_, Result<Vec<ReceiptOutcome>, Fault>> {
        async move {
            self.subject.world.enter().await;
            let entries = self.admit(entries);
            let (asked, sent) = (self.subject.world.now(), entries.clone());
            let (answer, answered) = oneshot::channel();
            let subject = Arc::clone(&self.subject);
            tokio::spawn(async move {
                let result = subject.carry_out(&entries).await;
                // No one listens when the engine has abandoned the call.
                answer.send(result).ok();
            });
            match answered.await {
                Ok(result) => {
                    self.subject.answered(&sent);
                    if self.alive() {
                        let outcomes = result.as_deref().ok();
                        self.count_futile(&mut self.subject.state(), &sent, outcomes);
                        self.heard(asked, &sent, outcomes.unwrap_or_default());
                    }
                    result
                }
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }

    /// The engine learns what came of a call that it made at `asked`.
    fn heard(&self, asked: u64, entries: &[(usize, Change)], outcomes: &[ReceiptOutcome]) {
        let now = self.subject.world.now();
        let mut state = self.subject.state();
        for (&(index, change), outcome) in entries.iter().zip(outcomes) {
            match (change, outcome) {
                (Change::Delete, ReceiptOutcome::Done) => {
                    state.counts.deleted += 1;
                    state.counts.deleted_fairly += u64::from(self.subject.world.fair());
                }
                (Change::Delete, ReceiptOutcome::Gone) => state.counts.gone += 1,
                (Change::Visibility(hidden), ReceiptOutcome::Done) => {
                    let lease = &mut state.leases[index];
                    if lease.known <= now {
                        lease.gone.get_or_insert(lease.known);
                    }
                    if lease.known <= now && lease.not_extended.is_some() {
                        lease.allowed.get_or_insert(EXTENDED_LATE);
                    }
                    lease.known = lease.known.max(asked + millis(hidden));
                    lease.not_extended = None;
                }
                (Change::Visibility(_), ReceiptOutcome::Gone) => {
                    let lease = &mut state.leases[index];
                    lease.gone = Some(now);
                    lease.known = lease.known.min(now);
                }
                _ => {}
            }
        }
    }

    /// Checks what is asked, and finds the deliveries.
    fn admit(&self, entries: Vec<(Receipt, Change)>) -> Vec<(usize, Change)> {
        let subject = &self.subject;
        let mut state = subject.state();
        subject.sweep(&mut state);
        if !self.alive() {
            subject.violate("a dead process settles");
        }
        if !(1..=10).contains(&entries.len()) {
            subject.violate(format_args!("a settlement has {} entries", entries.len()));
        }
        let mut seen = BTreeSet::new();
        let mut found = Vec::with_capacity(entries.len());
        for (receipt, change) in entries {
            let Some(&index) = state.by_receipt.get(receipt.as_str()) else {
                subject.violate(format_args!("{receipt:?} was never made"));
                continue;
            };
            if !seen.insert(index) {
                subject.violate(format_args!("L{index} stands twice in one call"));
            }
            subject.note(format_args!("asks {} of L{index}", describe(change)));
            match change {
                Change::Delete => check_delete(subject, &state, index),
                Change::Visibility(hidden) => {
                    self.check_group(&mut state, index, hidden);
                    self.check_visibility(&mut state, index, hidden);
                }
            }
            found.push((index, change));
        }
        found
    }

    fn check_visibility(&self, state: &mut SubjectState, index: usize, hidden: Duration) {
        let subject = &self.subject;
        let now = subject.world.now();
        let quiet = state.quiet.is_some();
        let broken = subject.group_is_broken(state, index);
        if quiet && hidden.is_zero() {
            self.check_not_last(state, index);
        }
        let policies: Vec<OnFunctionError> = match state.leases[index].hold {
            Hold::Failed(at) => state.sessions[self.id].policies_at(at).collect(),
            _ => Vec::new(),
        };
        let longest = policies.iter().filter_map(|policy| match policy {
            OnFunctionError::Backoff(backoff) => Some(backoff.maximum),
            _ => None,
        });
        let longest = longest.max();
        let lease = &mut state.leases[index];
        lease.extending += 1;
        if lease.delivered.is_none() {
            subject.violate(format_args!("L{index} never reached the engine, and is changed"));
        }
        if hidden.subsec_nanos() != 0 || hidden.as_secs() > 43_200 {
            subject.violate(format_args!("L{index} is to be hidden for {hidden:?}"));
        }
        let span = now.saturating_sub(lease.received) + u64::try_from(hidden.as_millis()).unwrap_or(u64::MAX);
        if !hidden.is_zero() && span > TWELVE_HOURS {
            subject.violate(format_args!("L{index} is to be hidden for {span} ms in all, over 12 hours"));
        }
        let waits_out = self.waits_out_receives(state, now, hidden);
        let lease = &mut state.leases[index];
        let just = |at: u64| at + 1 >= now;
        match (lease.hold, hidden.is_zero()) {
            _ if lease.perhaps_undelivered => {}
            (Hold::Failed(_), true)
                if policies.contains(&OnFunctionError::Release) || subject.plan.queue.visibility == 0 =>
            {
                lease.allowed = Some("failed, released");
            }
            (Hold::Unstarted | Hold::Waiting | Hold::FilteredOut, false) if waits_out => {
                lease.returning = true;
                lease.allowed = Some(RETURNED);
            }
            // It goes back with its group, and its return is asked for once more.
            (Hold::Failed(_), false) if waits_out && (broken || lease.over) => lease.allowed = Some(WITH_ITS_GROUP),
            (Hold::Failed(_), false) if self.crosses_failure(lease, hidden) => {}
            (Hold::Failed(_), false) if longest.is_some() => {
                if longest.is_some_and(|longest| hidden > longest + Duration::from_secs(1)) {
                    subject.violate(format_args!("L{index} backs off {hidden:?}, more than {longest:?}"));
                }
                lease.allowed = Some("failed, backs off");
            }
            (Hold::Failed(at), false) if !just(at) => {
                subject.violate(format_args!("L{index} is extended {} ms after it failed", now - at));
            }
            // The same return once more, or one that comes too late.
            (_, true) if lease.allowed == Some(WITH_ITS_GROUP) && lease.failed_returns > 0 => {}
            (Hold::Unstarted | Hold::Waiting | Hold::FilteredOut, true) if quiet || lease.doubtful => {
                lease.returning = true;
                lease.allowed = Some(RETURNED);
            }
            (Hold::Unstarted | Hold::Waiting | Hold::Failed(_), true) if broken => lease.allowed = Some(WITH_ITS_GROUP),
            // A drain that was taken back since had begun it, and its answer was lost.
            (_, true) if lease.failed_returns > 0 => lease.allowed = Some(RETURNED),
            (_, true) if lease.allowed == Some(IN_THE_WAY) => {}
            (hold, true) => subject.violate(format_args!("L{index} is made visible while {hold:?}")),
            (_, false) => {}
        }
    }
}

impl Session {
    /// Whether this may be a release of a drain that is to take effect when its receives are over: one that is open
    /// would take the message again.
    fn waits_out_receives(&self, state: &SubjectState, now: u64, hidden: Duration) -> bool {
        let Some(quiet) = state.quiet.filter(|_| state.open_receives() > 0) else { return false };
        let (Some(bound), Some(receives)) = (quiet.bound, quiet.receives) else { return false };
        let ends = quiet.since + receives.max(bound);
        let is_extension = millis(hidden) == self.subject.hidden(&self.mapping);
        !is_extension && (ends.saturating_sub(1_000)..=ends + 1_000 + 2 * STOP_GRACE).contains(&(now + millis(hidden)))
    }

    /// A drain does not give back what the queue would move to its dead-letter queue next. Of a FIFO queue it must
    /// where the group has lost another message.
    fn check_not_last(&self, state: &SubjectState, index: usize) {
        let lease = &state.leases[index];
        let unstarted = matches!(lease.hold, Hold::Unstarted | Hold::Waiting) && lease.allowed.is_none();
        let current = state.messages[lease.message].current == Some(index);
        let knows = state.sessions[self.id].described && !self.subject.is_fifo();
        if unstarted && current && knows && self.subject.is_last(state, index) {
            self.subject.violate(format_args!("L{index} is given back although it goes to the dead-letter queue then"));
        }
    }
}

pub(crate) const fn describe(change: Change) -> &'static str {
    match change {
        Change::Delete => "the delete",
        Change::Visibility(hidden) if hidden.is_zero() => "the release",
        Change::Visibility(_) => "an extension",
    }
}

/// A delivery is deleted only when the function succeeded with it, its failure record is confirmed, or filters do not
/// let it pass.
fn check_delete(subject: &Subject, state: &SubjectState, index: usize) {
    let lease = &state.leases[index];
    if !matches!(lease.hold, Hold::Succeeded | Hold::Recorded | Hold::FilteredOut) && !lease.perhaps_filtered_out {
        subject.violate(format_args!("L{index} (m{}) is deleted while {:?}", lease.message, lease.hold));
    }
}
