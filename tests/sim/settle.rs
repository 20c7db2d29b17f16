//! Deletes and visibility changes: the queue's side of them, and whether the engine may ask.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use forebay::machine::OnFunctionError;
use forebay::machine::{Fault, FaultKind, Receipt, SettleOutcome};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::lane::{EXTENDED_LATE, Hold, IN_THE_WAY, Lane, LaneState, Lease, Place};
use crate::leases::{TWELVE_HOURS, millis};
use crate::plan::SideOf;
use crate::session::Session;

/// What is asked for one message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Delete,
    Visibility(Duration),
}

/// What will come of a call, decided before it takes effect.
enum Fate {
    Answers,
    FailsFirst(FaultKind),
    LosesAnswer,
}

pub(crate) const RETURNED: &str = "returned by a drain";
const WITH_ITS_GROUP: &str = "returned with its group";
/// After so many tries of a return, the message may be left to its visibility timeout.
const RETURN_TRIES: u32 = 3;

impl Lease {
    /// A change of its visibility failed: a return is to be tried again.
    fn did_not_work(&mut self, now: u64) {
        self.not_extended = Some(now);
        if matches!(self.excuse, Some(RETURNED | WITH_ITS_GROUP)) {
            self.failed_returns += 1;
            if self.excuse == Some(RETURNED) && self.failed_returns < RETURN_TRIES {
                self.excuse = None;
            }
        }
    }
}

impl Session {
    /// Makes one call of up to ten entries. It goes on at the server even when the engine gives it up.
    pub(crate) fn settle(&self, entries: Vec<(Receipt, Change)>) -> BoxFuture<'_, Result<Vec<SettleOutcome>, Fault>> {
        async move {
            self.lane.world.enter().await;
            let entries = self.admit(entries);
            let (asked, settled) = (self.lane.world.now(), entries.clone());
            let (answer, answered) = oneshot::channel();
            let lane = Arc::clone(&self.lane);
            tokio::spawn(async move {
                let result = lane.carry_out(&entries).await;
                // Nobody listens when the engine gave the call up.
                answer.send(result).ok();
            });
            match answered.await {
                Ok(result) => {
                    self.lane.answered(&settled);
                    if self.alive()
                        && let Ok(outcomes) = &result
                    {
                        self.heard(asked, &settled, outcomes);
                    }
                    result
                }
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }

    /// The engine learns what came of a call that it made at `asked`.
    fn heard(&self, asked: u64, entries: &[(usize, Change)], outcomes: &[SettleOutcome]) {
        let now = self.lane.world.now();
        let mut state = self.lane.state();
        for (&(index, change), outcome) in entries.iter().zip(outcomes) {
            match (change, outcome) {
                (Change::Delete, SettleOutcome::Done) => {
                    state.counts.deleted += 1;
                    state.counts.deleted_fairly += u64::from(self.lane.world.fair());
                }
                (Change::Delete, SettleOutcome::Gone) => state.counts.gone += 1,
                (Change::Visibility(hidden), SettleOutcome::Done) => {
                    let lease = &mut state.leases[index];
                    if lease.known <= now {
                        lease.gone.get_or_insert(lease.known);
                    }
                    if lease.known <= now && lease.not_extended.is_some() {
                        lease.excuse.get_or_insert(EXTENDED_LATE);
                    }
                    lease.known = lease.known.max(asked + millis(hidden));
                    lease.not_extended = None;
                }
                (Change::Visibility(_), SettleOutcome::Gone) => {
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
        let lane = &self.lane;
        let mut state = lane.state();
        lane.sweep(&mut state);
        if !self.alive() {
            lane.violate("a dead process settles");
        }
        if !(1..=10).contains(&entries.len()) {
            lane.violate(format_args!("a settlement has {} entries", entries.len()));
        }
        let mut seen = BTreeSet::new();
        let mut found = Vec::with_capacity(entries.len());
        for (receipt, change) in entries {
            let Some(&index) = state.by_receipt.get(receipt.as_str()) else {
                lane.violate(format_args!("{receipt:?} was never made"));
                continue;
            };
            if !seen.insert(index) {
                lane.violate(format_args!("L{index} stands twice in one call"));
            }
            lane.note(format_args!("asks {} of L{index}", describe(change)));
            match change {
                Change::Delete => check_delete(lane, &state, index),
                Change::Visibility(hidden) => {
                    self.check_group(&mut state, index, hidden);
                    self.check_visibility(&mut state, index, hidden);
                }
            }
            found.push((index, change));
        }
        found
    }

    fn check_visibility(&self, state: &mut LaneState, index: usize, hidden: Duration) {
        let lane = &self.lane;
        let now = lane.world.now();
        let quiet = state.quiet.is_some();
        let broken = lane.group_is_broken(state, index);
        if quiet && hidden.is_zero() {
            self.check_not_last(state, index);
        }
        let lease = &mut state.leases[index];
        lease.extending += 1;
        if lease.delivered.is_none() {
            lane.violate(format_args!("L{index} never reached the engine, and is changed"));
        }
        if hidden.subsec_nanos() != 0 || hidden.as_secs() > 43_200 {
            lane.violate(format_args!("L{index} is to be hidden for {hidden:?}"));
        }
        let span = now.saturating_sub(lease.received) + u64::try_from(hidden.as_millis()).unwrap_or(u64::MAX);
        if !hidden.is_zero() && span > TWELVE_HOURS {
            lane.violate(format_args!("L{index} is to be hidden for {span} ms in all, over 12 hours"));
        }
        let policy = &self.mapping.poller.visibility.on_function_error;
        let just = |at: u64| at + 1 >= now;
        match (lease.hold, hidden.is_zero()) {
            _ if lease.perhaps_given_up => {}
            (Hold::Failed(_), true) if *policy == OnFunctionError::Release || lane.plan.queue.visibility == 0 => {
                lease.excuse = Some("failed, released");
            }
            (Hold::Failed(_), false) if self.crosses_failure(lease, hidden) => {}
            (Hold::Failed(_), false) if matches!(policy, OnFunctionError::Backoff(_)) => {
                if let OnFunctionError::Backoff(backoff) = policy
                    && hidden > backoff.maximum + Duration::from_secs(1)
                {
                    lane.violate(format_args!("L{index} backs off {hidden:?}, more than {:?}", backoff.maximum));
                }
                lease.excuse = Some("failed, backs off");
            }
            (Hold::Failed(at), false) if !just(at) => {
                lane.violate(format_args!("L{index} is extended {} ms after it failed", now - at));
            }
            (Hold::Unstarted | Hold::Waiting, true) if quiet => lease.excuse = Some(RETURNED),
            (Hold::Unstarted | Hold::Waiting | Hold::Failed(_), true) if broken => lease.excuse = Some(WITH_ITS_GROUP),
            // The same return once more, or one that comes too late.
            (_, true) if lease.excuse == Some(WITH_ITS_GROUP) && lease.failed_returns > 0 => {}
            // A drain that was taken back since had begun it, and its answer was lost.
            (_, true) if lease.failed_returns > 0 => lease.excuse = Some(RETURNED),
            (_, true) if lease.excuse == Some(IN_THE_WAY) => {}
            (hold, true) => lane.violate(format_args!("L{index} is made visible while {hold:?}")),
            (_, false) => {}
        }
    }
}

impl Session {
    /// A drain does not give back what the queue would move to its dead-letter queue next. Of a FIFO queue it must where
    /// the group has lost another message.
    fn check_not_last(&self, state: &LaneState, index: usize) {
        let lease = &state.leases[index];
        let unstarted = matches!(lease.hold, Hold::Unstarted | Hold::Waiting) && lease.excuse.is_none();
        let current = state.messages[lease.message].current == Some(index);
        let knows = state.sessions[self.id].described && !self.lane.is_fifo();
        if unstarted && current && knows && self.lane.is_last(state, index) {
            self.lane.violate(format_args!("L{index} is given back although it goes to the dead-letter queue then"));
        }
    }
}

const fn describe(change: Change) -> &'static str {
    match change {
        Change::Delete => "the delete",
        Change::Visibility(hidden) if hidden.is_zero() => "the release",
        Change::Visibility(_) => "an extension",
    }
}

/// A delivery is deleted only when the function succeeded with it, or its failure record is confirmed.
fn check_delete(lane: &Lane, state: &LaneState, index: usize) {
    let lease = &state.leases[index];
    if !matches!(lease.hold, Hold::Succeeded | Hold::Recorded) {
        lane.violate(format_args!("L{index} (m{}) is deleted while {:?}", lease.message, lease.hold));
    }
}

impl Lane {
    /// Nothing of this call is open any more.
    fn answered(&self, entries: &[(usize, Change)]) {
        let mut state = self.state();
        self.sweep(&mut state);
        for &(index, change) in entries {
            if matches!(change, Change::Visibility(_)) {
                state.leases[index].extending -= 1;
            }
        }
    }

    async fn carry_out(&self, entries: &[(usize, Change)]) -> Result<Vec<SettleOutcome>, Fault> {
        let fate = self.fate();
        self.pause().await;
        if let Fate::FailsFirst(kind) = fate {
            self.blame(entries);
            if kind == FaultKind::Timeout {
                self.world.sleep_until(self.world.now() + 5_000).await;
            }
            self.note(format_args!("a settlement of {} fails: {}", entries.len(), kind.as_str()));
            return Err(Fault::new(kind, "the settlement failed"));
        }
        let outcomes = entries.iter().map(|&(index, change)| self.apply(index, change)).collect();
        if matches!(fate, Fate::LosesAnswer) {
            self.blame(entries);
            self.world.sleep_until(self.world.now() + 5_000).await;
            self.note(format_args!("the answer to a settlement of {} is lost", entries.len()));
            return Err(Fault::new(FaultKind::Timeout, "no answer"));
        }
        self.pause().await;
        Ok(outcomes)
    }

    fn fate(&self) -> Fate {
        let faults = &self.plan.faults;
        if let Some(outage) = self.outage(SideOf::Queue) {
            return Fate::FailsFirst(outage.kind);
        }
        if self.strikes(faults.settle_error) {
            return Fate::FailsFirst(match self.world.between(0, 2) {
                0 => FaultKind::Throttled,
                1 => FaultKind::Transient,
                _ => FaultKind::Timeout,
            });
        }
        if self.strikes(faults.settle_lost) { Fate::LosesAnswer } else { Fate::Answers }
    }

    /// The engine is not to blame if these end now.
    fn blame(&self, entries: &[(usize, Change)]) {
        let now = self.world.now();
        let mut state = self.state();
        for &(index, change) in entries {
            if matches!(change, Change::Visibility(_)) {
                state.leases[index].did_not_work(now);
            }
        }
    }

    /// One entry takes effect, or not.
    fn apply(&self, index: usize, change: Change) -> SettleOutcome {
        let fails = self.strikes(self.plan.faults.entry_error);
        let mut state = self.state();
        self.sweep(&mut state);
        let n = state.leases[index].message;
        if fails {
            if matches!(change, Change::Visibility(_)) {
                state.leases[index].did_not_work(self.world.now());
            }
            self.note(format_args!("{} of L{index} fails alone", describe(change)));
            return SettleOutcome::Failed(Fault::new(FaultKind::Transient, "InternalError"));
        }
        if state.messages[n].place != Place::Queued {
            state.lost = true;
            return match change {
                Change::Delete if self.world.chance(0.5) => SettleOutcome::Done,
                _ => SettleOutcome::Gone,
            };
        }
        let current = state.messages[n].current == Some(index);
        match change {
            Change::Delete if current || (!self.is_fifo() && self.old_receipt_works(&state, n)) => {
                self.delete(&mut state, index);
                SettleOutcome::Done
            }
            Change::Visibility(hidden) if current && !self.slips(&mut state, index, hidden) => {
                self.hide(&mut state, index, hidden);
                SettleOutcome::Done
            }
            _ => {
                state.lost = true;
                self.note(format_args!("L{index} is gone"));
                SettleOutcome::Gone
            }
        }
    }

    /// Whether a standard queue takes the receipt of an earlier delivery.
    fn old_receipt_works(&self, state: &LaneState, n: usize) -> bool {
        state.messages[n].current.is_none() || !self.strikes(self.plan.faults.old_receipt_gone)
    }

    fn hide(&self, state: &mut LaneState, index: usize, hidden: Duration) {
        let now = self.world.now();
        let lease = &mut state.leases[index];
        lease.changed = true;
        lease.until = now + u64::try_from(hidden.as_millis()).expect("at most twelve hours");
        self.note(format_args!("L{index} is hidden for {} s", hidden.as_secs()));
        if hidden.is_zero() {
            self.end(state, index);
            self.arrived.notify_waiters();
        }
    }

    /// The message goes, now, later or never; the answer is the same.
    fn delete(&self, state: &mut LaneState, index: usize) {
        let faults = &self.plan.faults;
        let n = state.leases[index].message;
        if self.strikes(faults.delete_lost) {
            self.note(format_args!("the delete of m{n} is lost"));
            state.leases[index].excuse.get_or_insert("its delete was lost");
        } else if self.strikes(faults.delete_late) {
            self.note(format_args!("the delete of m{n} will take effect later"));
            state.leases[index].excuse.get_or_insert("its delete is late");
            state.late.push((self.world.now() + self.world.between(1, 20_000), n));
        } else {
            self.remove(state, n);
        }
    }

    /// The message is gone for good.
    pub(crate) fn remove(&self, state: &mut LaneState, n: usize) {
        if let Some(index) = state.messages[n].current.take() {
            state.leases[index].over = true;
            state.open.retain(|&open| open != index);
        }
        if state.messages[n].place == Place::Queued {
            state.messages[n].place = Place::Deleted;
            self.note(format_args!("m{n} is deleted"));
        }
    }
}
