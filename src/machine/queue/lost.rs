//! Leases: they are extended while messages are ours, and what is lost is not begun.

use super::QueueMachine;
use super::context::Context;
use super::finishing::{Ended, Finishing};
use super::message::{Messages, Stage};
use crate::machine::{BatchId, Event, Fault, HeartbeatResult, ReceiptOutcome, ReceiptRequestId};

impl Finishing {
    /// Asks for more time for all messages whose lease is half over.
    pub(super) fn extend(&mut self, cx: &mut Context, messages: &mut Messages) {
        let mut lost = 0;
        for token in messages.due(cx.now) {
            let span = messages.extend(token, cx.now);
            match (span, messages.get(token)) {
                (Some(span), Some(held)) => self.changes.extend(token, held.message.receipt.clone(), span),
                // SQS's 12 hours are over. A batch in flight may still succeed in time.
                _ => lost += 1,
            }
        }
        if lost > 0 {
            cx.out.emit(Event::LeaseLost { records: lost, reason: "SQS hides a message for at most 12 hours" });
        }
    }
}

impl QueueMachine {
    /// A call to the source was answered.
    pub(super) fn receipts_answered(&mut self, id: ReceiptRequestId, result: Result<Vec<ReceiptOutcome>, Fault>) {
        let (mut extended, mut failed, mut lost, mut released, mut expired) = (0, 0, 0, 0, 0);
        for (change, outcome) in self.finishing.answered(&mut self.cx, &mut self.messages, id, result) {
            match self.finishing.changes.ended(&mut self.cx, change, &outcome) {
                Ended::Extended { token, asked, span } => {
                    self.messages.extended(token, asked, span);
                    extended += 1;
                }
                Ended::NotExtended => failed += 1,
                Ended::Lost { token } => {
                    self.lose(token);
                    lost += 1;
                }
                Ended::Released => released += 1,
                Ended::ReleaseFailed => {}
                Ended::Expires => expired += 1,
            }
        }
        let beats =
            [(HeartbeatResult::Extended, extended), (HeartbeatResult::Failed, failed), (HeartbeatResult::Lost, lost)];
        for (result, records) in beats.into_iter().filter(|&(_, records)| records > 0) {
            self.cx.out.emit(Event::Heartbeat { result, records });
        }
        if released > 0 {
            self.cx.out.emit(Event::Released { records: released });
        }
        if expired > 0 {
            self.cx.out.emit(Event::Left { records: expired });
        }
    }

    /// The message is deleted, or another consumer has it: what has not begun with it is not begun.
    fn lose(&mut self, token: u64) {
        let Self { cx, messages, finishing, .. } = self;
        let Some(held) = messages.get(token) else { return };
        let bytes = held.message.record.fragment.len();
        match held.stage {
            Stage::Gathering => {
                let stopped = messages.gather.withdraw(token, bytes);
                messages.forget(cx, token);
                finishing.release_stopped(cx, messages, &stopped);
            }
            Stage::Batched(batch) => {
                messages.lose(token, cx.now);
                self.leave_lost_out(batch);
            }
            // A delivery that is to be tried again leaves it out.
            Stage::DeadLettered => messages.lose(token, cx.now),
            // The function has it; if it succeeds, the deletion is tried. If it is to be tried again, it is left out.
            // What waits behind it does not begin.
            Stage::InFlight => {
                messages.lose(token, cx.now);
                let stopped = messages.gather.take_behind(&[token]);
                finishing.release_stopped(cx, messages, &stopped);
            }
            // It is about to be deleted: that is tried.
            Stage::Deleting(_) | Stage::FilteredOut => messages.unwatch(token),
            // Nothing is left to release. What stands behind it in its group is not begun, even if the drain is taken
            // back.
            Stage::Returning => {
                let group = messages.gather.group_of(token).cloned();
                let is_of_group = |other: &u64| group.is_some() && messages.gather.group_of(*other) == group.as_ref();
                finishing.stop_returning(token, is_of_group);
                messages.forget(cx, token);
            }
        }
    }

    /// Leaves out of a batch the messages whose visibility has ended: another consumer may have them by now. Of a FIFO
    /// queue also what shares a group with one of them.
    pub(super) fn leave_lost_out(&mut self, id: BatchId) {
        let Self { cx, messages, invoking, finishing, .. } = self;
        let (lost, kept): (Vec<u64>, Vec<u64>) =
            invoking.tokens(id).iter().partition(|&&token| messages.is_over(token, cx.now));
        if lost.is_empty() {
            return;
        }
        let (stopped, kept) = messages.gather.stop(&lost, kept);
        invoking.keep(id, kept);
        for &token in &lost {
            messages.forget(cx, token);
        }
        cx.out.emit(Event::LeaseLost { records: lost.len(), reason: "visibility ended before the invoke" });
        finishing.release_stopped(cx, messages, &stopped);
    }
}
