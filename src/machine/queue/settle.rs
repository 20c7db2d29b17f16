//! What becomes of messages, and the calls that carry it out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::QueueMachine;
use super::delete::Deletes;
use super::hide::{Change, Changes};
use super::options::OnFunctionError;
use crate::machine::{
    Event, Fault, FaultKind, Mono, Operation, Output, SettleAction, SettleEntry, SettleId, SettleOutcome, SettleRequest,
};

/// SQS's largest settlement call.
pub(super) const MAX_ENTRIES: usize = 10;

/// What waits to be sent to the source, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Settling {
    pub(super) deletes: Deletes,
    pub(super) changes: Changes,
    calls: BTreeMap<SettleId, Call>,
}

/// A call on its way.
#[derive(Debug)]
pub(super) enum Call {
    Delete(Vec<u64>),
    Change { changes: Vec<Change>, asked: Mono },
}

impl Settling {
    pub(super) fn is_idle(&self) -> bool {
        self.deletes.is_empty() && self.changes.is_empty() && self.calls.is_empty()
    }

    /// Messages that are given back, as long as the source has not confirmed it.
    pub(super) fn returns(&self) -> usize {
        let open = self.calls.values().map(|call| match call {
            Call::Change { changes, .. } => changes.iter().filter(|change| change.is_return()).count(),
            Call::Delete(_) => 0,
        });
        self.changes.returns() + open.sum::<usize>()
    }

    /// What a successor goes on with. What of `deleting` is in no open call is to be deleted again.
    pub(super) fn handed_over(self, deleting: &BTreeSet<u64>, open: &BTreeSet<Operation>, now: Mono) -> Self {
        let (mut calls, mut unmade, mut again) = (BTreeMap::new(), Vec::new(), deleting.clone());
        for (id, call) in self.calls {
            let is_open = open.contains(&Operation::Settle(id));
            match call {
                Call::Delete(tokens) if is_open && tokens.iter().all(|token| again.contains(token)) => {
                    for token in &tokens {
                        again.remove(token);
                    }
                    calls.insert(id, Call::Delete(tokens));
                }
                Call::Change { .. } if is_open => drop(calls.insert(id, call)),
                Call::Change { changes, .. } => unmade.extend(changes),
                // What it says comes too late, or never.
                Call::Delete(_) => {}
            }
        }
        let mut deletes =
            self.deletes.handed_over(calls.values().filter(|call| matches!(call, Call::Delete(_))).count());
        again.into_iter().for_each(|token| deletes.add(token, now));
        let changes = calls.values().flat_map(|call| match call {
            Call::Change { changes, .. } => changes.as_slice(),
            Call::Delete(_) => &[],
        });
        let changes = self.changes.handed_over(changes, unmade);
        Self { deletes, changes, calls }
    }

    pub(super) fn next_flush(&self) -> Option<Mono> {
        [self.deletes.next_flush(), self.changes.next_retry()].into_iter().flatten().min()
    }
}

impl QueueMachine {
    /// The function has failed these messages: they go the way that the mapping wants.
    pub(super) fn fail(&mut self, tokens: &[u64]) {
        self.count_exhausted(tokens);
        match self.options.on_function_error {
            // A queue without a visibility timeout of its own wants them back at once.
            OnFunctionError::Wait if self.options.visibility.is_none() && self.receiving.queue_has_no_timeout() => {
                self.release(tokens);
            }
            OnFunctionError::Wait => self.leave(tokens),
            OnFunctionError::Release => self.release(tokens),
            OnFunctionError::Backoff(policy) => {
                let spans =
                    self.spans_by_group(tokens, |receives| Duration::from_secs(policy.bare(receives).as_secs()));
                for (&token, span) in tokens.iter().zip(spans) {
                    self.give_back(token, span);
                }
            }
        }
    }

    /// Counts messages whose next receive would be one too many.
    fn count_exhausted(&mut self, tokens: &[u64]) {
        let Some(receives) = self.receiving.max_receive_count else { return };
        let spent = |token: &&u64| self.held.get(token).is_some_and(|held| held.record.receive_count >= receives);
        let records = tokens.iter().filter(spent).count();
        if records > 0 {
            self.out.emit(Event::Exhausted { records, receives });
        }
    }

    /// Lets messages become visible again when their visibility timeout ends.
    pub(super) fn leave(&mut self, tokens: &[u64]) {
        for &token in tokens {
            self.forget(token);
        }
        self.out.emit(Event::Left { records: tokens.len() });
    }

    pub(super) fn flush_settlements(&mut self) {
        self.flush_changes();
        self.flush_deletes();
    }

    pub(super) fn send(&mut self, action: SettleAction, entries: Vec<SettleEntry>, call: Call) {
        let id = SettleId(self.out.name());
        self.settling.calls.insert(id, call);
        self.out.push(Output::Settle(SettleRequest { id, action, entries }));
    }

    pub(super) fn settled(&mut self, id: SettleId, result: Result<Vec<SettleOutcome>, Fault>) {
        let Some(call) = self.settling.calls.remove(&id) else { return };
        match call {
            Call::Delete(tokens) => {
                let outcomes = each(result, tokens.len());
                self.delete_answered(&tokens, outcomes);
            }
            Call::Change { changes, asked } => {
                let outcomes = each(result, changes.len());
                self.change_answered(changes, asked, outcomes);
            }
        }
    }
}

/// One outcome for each entry, whatever the call as a whole came to.
fn each(result: Result<Vec<SettleOutcome>, Fault>, entries: usize) -> Vec<SettleOutcome> {
    match result {
        Ok(mut outcomes) => {
            let silence = Fault::new(FaultKind::Transient, "the answer left the entry out");
            outcomes.resize(entries, SettleOutcome::Failed(silence));
            outcomes
        }
        Err(fault) => vec![SettleOutcome::Failed(fault); entries],
    }
}
