//! The calls that carry out what becomes of messages: deletions, changes of visibility, and deliveries to the failure
//! destination. What becomes of which message is decided in `failure.rs`.

mod changes;
mod deletes;
mod deliveries;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem::take;
use std::time::Duration;

use self::changes::Changes;
pub(super) use self::changes::{Change, Ended};
pub(super) use self::deletes::Deletes;
pub(super) use self::deliveries::{Deliveries, Undelivered};
use super::attempts::Attempts;
use super::context::Context;
use super::message::{Messages, Stage};
use crate::machine::{
    Deadline, Fault, FaultKind, Mono, Operation, Queue, QueueCall, QueueRequest, ReceiptAction, ReceiptEntry,
    ReceiptOutcome, ReceiptRequest, ReceiptRequestId, Wake,
};

/// What waits to be sent to the source and to the destination, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Finishing {
    pub(super) deletes: Deletes,
    pub(super) changes: Changes,
    calls: BTreeMap<ReceiptRequestId, Call>,
    pub(super) deliveries: Deliveries,
    /// How often the function has failed each message.
    pub(super) attempts: Attempts,
    /// Messages of a drain that were never started: released when no receive is open any more.
    pub(super) returning: VecDeque<u64>,
    /// Those of them that are released even if the drain is taken back: their group has lost a message.
    pub(super) stopped: Vec<u64>,
}

/// A call on its way.
#[derive(Debug)]
enum Call {
    Delete(Vec<u64>),
    Change(Vec<Change>),
}

impl Call {
    fn changes(&self) -> &[Change] {
        match self {
            Self::Change(changes) => changes,
            Self::Delete(_) => &[],
        }
    }
}

impl Finishing {
    /// What a successor goes on with: the calls that are open, and all that waits for one. What was to be returned is
    /// decided once more.
    pub(super) fn handed_over(self, messages: &Messages, open: &BTreeSet<Operation<Queue>>, now: Mono) -> Self {
        let mut again = messages.tokens(|held| matches!(held.stage, Stage::Deleting(_)));
        let (mut calls, mut unmade) = (BTreeMap::new(), Vec::new());
        for (id, call) in self.calls {
            let is_open = open.contains(&Operation::Request(QueueCall::Receipts(id)));
            match call {
                Call::Delete(tokens) if is_open && tokens.iter().all(|token| again.contains(token)) => {
                    again.retain(|token| !tokens.contains(token));
                    calls.insert(id, Call::Delete(tokens));
                }
                Call::Change(_) if is_open => drop(calls.insert(id, call)),
                Call::Change(changes) => unmade.extend(changes),
                // What it says comes too late, or never.
                Call::Delete(_) => {}
            }
        }
        let mut deletes =
            self.deletes.handed_over(calls.values().filter(|call| matches!(call, Call::Delete(_))).count());
        again.into_iter().for_each(|token| deletes.add(token, now));
        let changes = self.changes.handed_over(calls.values().flat_map(Call::changes), unmade);
        let dead = messages.tokens(|held| held.stage == Stage::DeadLettered);
        let deliveries = self.deliveries.handed_over(&dead, open);
        Self { deletes, changes, calls, deliveries, attempts: self.attempts, ..Self::default() }
    }

    /// A message that was to be released is lost: those that this is true of are stopped with it.
    pub(super) fn stop_returning(&mut self, lost: u64, is_stopped: impl Fn(&u64) -> bool) {
        self.stopped.retain(|&token| token != lost);
        let returning = take(&mut self.returning).into_iter().filter(|&token| token != lost);
        let (stopped, returning) = returning.partition::<VecDeque<u64>, _>(is_stopped);
        self.stopped.extend(stopped);
        self.returning = returning;
    }

    /// Whether nothing waits to be sent to the source, and no call is open.
    pub(super) fn is_idle(&self) -> bool {
        self.deletes.is_idle() && self.changes.is_idle() && self.calls.is_empty()
    }

    /// Whether so much waits that nothing more is to be received.
    pub(super) fn is_behind(&self) -> bool {
        self.deletes.is_behind() || self.deliveries.is_behind()
    }

    /// Messages that are released, as long as the source has not confirmed it.
    pub(super) fn releases(&self) -> usize {
        let open = self.calls.values().flat_map(Call::changes).filter(|change| change.is_release());
        self.changes.releases() + open.count()
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let flush = [self.deletes.next_flush(), self.changes.next_retry()].into_iter().flatten().min();
        let flush = flush.map(|at| Deadline { at, reason: Wake::Delete });
        let delivery = self.deliveries.next_try().map(|at| Deadline { at, reason: Wake::Deliver });
        flush.into_iter().chain(delivery).min()
    }

    /// Sends what is to be sent to the source by now.
    pub(super) fn flush(&mut self, cx: &mut Context, messages: &Messages) {
        self.changes.retry_due(cx.now);
        let least = self.changes.least_release(cx.now);
        while let Some(changes) = self.changes.next_call(cx.now) {
            let entries = changes.iter().map(|change| change.entry(least)).collect();
            self.send(cx, ReceiptAction::ChangeVisibility, entries, Call::Change(changes));
        }
        self.deletes.retry_due(cx.now);
        // A message group goes on only when its messages are deleted.
        let at_once = cx.drains() || cx.options.fifo.is_some();
        while let Some(tokens) = self.deletes.next_call(cx.now, at_once) {
            let receipts = messages.of(&tokens).map(|held| held.message.receipt.clone());
            let entries = receipts.map(|receipt| ReceiptEntry { receipt, visibility: Duration::ZERO }).collect();
            self.send(cx, ReceiptAction::Delete, entries, Call::Delete(tokens));
        }
    }

    fn send(&mut self, cx: &mut Context, action: ReceiptAction, entries: Vec<ReceiptEntry>, call: Call) {
        let id = ReceiptRequestId(cx.out.name());
        self.calls.insert(id, call);
        cx.out.ask(QueueRequest::Receipts(ReceiptRequest { id, action, entries }));
    }

    /// A call was answered. Gives what came of changes of visibility, each for itself; deletions are dealt with.
    pub(super) fn answered(
        &mut self,
        cx: &mut Context,
        messages: &mut Messages,
        id: ReceiptRequestId,
        result: Result<Vec<ReceiptOutcome>, Fault>,
    ) -> Vec<(Change, ReceiptOutcome)> {
        match self.calls.remove(&id) {
            None => Vec::new(),
            Some(Call::Delete(tokens)) => {
                let outcomes = each(result, tokens.len());
                self.deletes.answered(cx, messages, &tokens, outcomes);
                Vec::new()
            }
            Some(Call::Change(changes)) => {
                let outcomes = each(result, changes.len());
                changes.into_iter().zip(outcomes).collect()
            }
        }
    }
}

/// One outcome for each entry, however the call as a whole ended.
fn each(result: Result<Vec<ReceiptOutcome>, Fault>, entries: usize) -> Vec<ReceiptOutcome> {
    match result {
        Ok(mut outcomes) => {
            let silence = Fault::new(FaultKind::Transient, "the answer left the entry out");
            outcomes.resize(entries, ReceiptOutcome::Failed(silence));
            outcomes
        }
        Err(fault) => vec![ReceiptOutcome::Failed(fault); entries],
    }
}
