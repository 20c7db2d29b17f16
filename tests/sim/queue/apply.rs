//! Deletes and visibility changes: what becomes of them in the queue.

use std::time::Duration;

use forebay::machine::{Fault, FaultKind, ReceiptOutcome};

use crate::plan::SideOf;
use crate::queue::delivery::Place;
use crate::queue::plan::Futile;
use crate::queue::receipts::{Change, describe};
use crate::queue::subject::{Subject, SubjectState};

/// What will come of a call, decided before it takes effect.
enum Outcome {
    Answers,
    FailsFirst(FaultKind),
    LosesAnswer,
}

impl Subject {
    /// Nothing of this call is open any more.
    pub(crate) fn answered(&self, entries: &[(usize, Change)]) {
        let mut state = self.state();
        self.sweep(&mut state);
        for &(index, change) in entries {
            if matches!(change, Change::Visibility(_)) {
                state.leases[index].extending -= 1;
            }
        }
    }

    pub(crate) async fn carry_out(&self, entries: &[(usize, Change)]) -> Result<Vec<ReceiptOutcome>, Fault> {
        let outcome = self.draw_outcome();
        self.pause().await;
        if let Outcome::FailsFirst(kind) = outcome {
            self.blame(entries);
            if kind == FaultKind::Timeout {
                self.world.sleep_until(self.world.now() + 5_000).await;
            }
            self.note(format_args!("a settlement of {} fails: {}", entries.len(), kind.as_str()));
            return Err(Fault::new(kind, "the settlement failed"));
        }
        let outcomes = entries.iter().map(|&(index, change)| self.apply(index, change)).collect();
        if matches!(outcome, Outcome::LosesAnswer) {
            self.blame(entries);
            self.world.sleep_until(self.world.now() + 5_000).await;
            self.note(format_args!("the answer to a settlement of {} is lost", entries.len()));
            return Err(Fault::new(FaultKind::Timeout, "no answer"));
        }
        self.pause().await;
        Ok(outcomes)
    }

    fn draw_outcome(&self) -> Outcome {
        let faults = &self.plan.faults;
        if let Some(outage) = self.outage(SideOf::Source) {
            return Outcome::FailsFirst(outage.kind);
        }
        if self.strikes(faults.receipts_error) {
            return Outcome::FailsFirst(match self.world.between(0, 2) {
                0 => FaultKind::Throttled,
                1 => FaultKind::Transient,
                _ => FaultKind::Timeout,
            });
        }
        if self.strikes(faults.receipts_lost) { Outcome::LosesAnswer } else { Outcome::Answers }
    }

    /// Whether no deletion has an effect now.
    fn futile(&self) -> Option<Futile> {
        let now = self.world.now();
        self.plan.futile.filter(|futile| !self.world.fair() && (futile.from..futile.until).contains(&now))
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
    fn apply(&self, index: usize, change: Change) -> ReceiptOutcome {
        let fails = self.strikes(self.plan.faults.entry_error);
        let mut state = self.state();
        self.sweep(&mut state);
        let n = state.leases[index].message;
        if fails {
            if matches!(change, Change::Visibility(_)) {
                state.leases[index].did_not_work(self.world.now());
            }
            self.note(format_args!("{} of L{index} fails alone", describe(change)));
            return ReceiptOutcome::Failed(Fault::new(FaultKind::Transient, "InternalError"));
        }
        if let (Change::Delete, Some(futile)) = (change, self.futile()) {
            self.note(format_args!("the delete of L{index} has no effect"));
            if futile.refused {
                state.lost = true;
                state.leases[index].allowed.get_or_insert("its delete was refused");
                return ReceiptOutcome::Gone;
            }
            return ReceiptOutcome::Failed(Fault::new(FaultKind::Denied, "AccessDenied"));
        }
        if state.messages[n].place != Place::Queued {
            state.lost = true;
            return match change {
                Change::Delete if self.world.chance(0.5) => ReceiptOutcome::Done,
                _ => ReceiptOutcome::Gone,
            };
        }
        let current = state.messages[n].current == Some(index);
        match change {
            Change::Delete if current || (!self.is_fifo() && self.old_receipt_works(&state, n)) => {
                self.delete(&mut state, index);
                ReceiptOutcome::Done
            }
            Change::Visibility(hidden) if current && !self.slips(&mut state, index, hidden) => {
                self.hide(&mut state, index, hidden);
                ReceiptOutcome::Done
            }
            _ => {
                state.lost = true;
                self.note(format_args!("L{index} is gone"));
                ReceiptOutcome::Gone
            }
        }
    }

    /// Whether a standard queue takes the receipt of an earlier delivery.
    fn old_receipt_works(&self, state: &SubjectState, n: usize) -> bool {
        state.messages[n].current.is_none() || !self.strikes(self.plan.faults.old_receipt_gone)
    }

    fn hide(&self, state: &mut SubjectState, index: usize, hidden: Duration) {
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
    fn delete(&self, state: &mut SubjectState, index: usize) {
        let faults = &self.plan.faults;
        let n = state.leases[index].message;
        if self.strikes(faults.delete_lost) {
            self.note(format_args!("the delete of m{n} is lost"));
            state.leases[index].allowed.get_or_insert("its delete was lost");
        } else if self.strikes(faults.delete_late) {
            self.note(format_args!("the delete of m{n} will take effect later"));
            state.leases[index].allowed.get_or_insert("its delete is late");
            state.late.push((self.world.now() + self.world.between(1, 20_000), n));
        } else {
            self.remove(state, n);
        }
    }

    /// The message is gone for good.
    pub(crate) fn remove(&self, state: &mut SubjectState, n: usize) {
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
