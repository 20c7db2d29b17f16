//! Invocations that wait for a worker: mappings take turns, and each keeps its own order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::machine::InvokeResult;
use crate::mapping::LateAnswers;

/// One call of the function, until it is answered.
pub(super) struct Call {
    pub(super) id: u64,
    /// The mapping.
    pub(super) caller: Arc<str>,
    pub(super) request_id: Arc<str>,
    pub(super) body: Bytes,
    /// How long it may wait for a worker.
    pub(super) attach_wait: Duration,
    /// How long a worker may take.
    pub(super) timeout: Duration,
    /// When the one or the other is over.
    pub(super) due: Instant,
    pub(super) late_answers: LateAnswers,
    /// How often a worker's connection broke before it had read the event.
    pub(super) breaks: u32,
    pub(super) result: oneshot::Sender<InvokeResult>,
}

/// The calls that wait, by caller.
#[derive(Default)]
pub(super) struct Turns {
    callers: VecDeque<(Arc<str>, VecDeque<Call>)>,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    pub(super) fn push(&mut self, call: Call) {
        match self.of(&call.caller) {
            Some(calls) => calls.push_back(call),
            None => self.callers.push_back((Arc::clone(&call.caller), VecDeque::from([call]))),
        }
    }

    /// Puts a call back that has had its turn.
    pub(super) fn push_first(&mut self, call: Call) {
        match self.of(&call.caller) {
            Some(calls) => calls.push_front(call),
            None => self.callers.push_front((Arc::clone(&call.caller), VecDeque::from([call]))),
        }
    }

    /// The next call; its caller's others wait behind those of all other callers.
    pub(super) fn pop(&mut self) -> Option<Call> {
        let (caller, mut calls) = self.callers.pop_front()?;
        let call = calls.pop_front();
        if !calls.is_empty() {
            self.callers.push_back((caller, calls));
        }
        call
    }

    /// A call that waits.
    pub(super) fn get(&self, id: u64) -> Option<&Call> {
        self.callers.iter().flat_map(|(_, calls)| calls).find(|call| call.id == id)
    }

    /// Forgets a call; false where it does not wait.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        let mut found = false;
        self.callers.retain_mut(|(_, calls)| {
            calls.retain(|call| {
                found |= call.id == id;
                call.id != id
            });
            !calls.is_empty()
        });
        found
    }

    fn of(&mut self, caller: &Arc<str>) -> Option<&mut VecDeque<Call>> {
        self.callers.iter_mut().find(|(name, _)| name == caller).map(|(_, calls)| calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(caller: &str, id: u64) -> Call {
        Call {
            id,
            caller: caller.into(),
            request_id: "id".into(),
            body: Bytes::new(),
            attach_wait: Duration::ZERO,
            timeout: Duration::ZERO,
            due: Instant::now(),
            late_answers: LateAnswers::Reject,
            breaks: 0,
            result: oneshot::channel().0,
        }
    }

    #[test]
    fn callers_take_turns_and_keep_their_own_order() {
        let mut turns = Turns::default();
        for (caller, id) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6), ("a", 7)] {
            turns.push(call(caller, id));
        }
        assert!(turns.remove(2) && !turns.remove(2));
        let first = turns.pop().unwrap();
        turns.push_first(first);
        let order: Vec<u64> = std::iter::from_fn(|| turns.pop().map(|call| call.id)).collect();
        // The first of `a` had its turn, and came back to the calls of `a`.
        assert_eq!(order, [4, 5, 1, 6, 3, 7]);
        assert!(turns.is_empty());
        turns.push_first(call("d", 8));
        assert!(turns.remove(8) && turns.is_empty() && turns.pop().is_none());
    }
}
