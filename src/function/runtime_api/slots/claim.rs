//! The right to answer an invocation: the first who answers has it.

use std::sync::Arc;

use tokio::time::Instant;

use super::{FunctionAnswer, GRACE, Open, Rest, Slots, State};
use crate::function::runtime_api::errors::Refusal;
use crate::function::runtime_api::payloads::cut_off;

/// The right to answer an invocation. Dropped without an answer, the answer was cut off.
pub(in crate::function::runtime_api) struct Claim {
    slots: Arc<Slots>,
    pub(in crate::function::runtime_api) request_id: Arc<str>,
    invocation_id: Arc<str>,
    connection: u64,
    is_done: bool,
}

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::function::runtime_api) enum Denied {
    Refused(Refusal),
    /// It came after the timeout, and the worker is to hear that all is well.
    Late,
}

/// From the state in which an answer was sent.
const SENT: &str = "RuntimeResponseSentState";

impl Slots {
    /// Claims the right to answer an invocation for a request of this connection. `echoed` is the invocation's own id,
    /// where the client repeats it; `transition` names the kind of answer.
    pub(in crate::function::runtime_api) fn claim(
        self: &Arc<Self>,
        request_id: &str,
        echoed: Option<&[u8]>,
        connection: u64,
        transition: &'static str,
    ) -> Result<Claim, Denied> {
        let mut state = self.lock();
        if let Some(late) = late(&state, request_id, echoed, connection) {
            let (seconds, accepts) = (late.since.elapsed().as_secs_f64(), late.accepts);
            let function = &*self.function;
            tracing::warn!(
                function,
                request_id,
                "a worker answered {seconds:.1} s after the timeout: it does not count"
            );
            return Err(if accepts { Denied::Late } else { Denied::Refused(Refusal::RequestId) });
        }
        let is_answered = state.resting.iter().any(|rest| &*rest.request_id == request_id);
        match state.open_mut(request_id) {
            Some(open) if echoed.is_some_and(|id| id != open.invocation_id.as_bytes()) => {
                Err(Denied::Refused(Refusal::RequestId))
            }
            Some(open) if open.answering => Err(Denied::Refused(Refusal::Transition(SENT, transition))),
            Some(open) => {
                open.answering = true;
                let (request_id, invocation_id) = (Arc::clone(&open.call.request_id), Arc::clone(&open.invocation_id));
                Ok(Claim { slots: Arc::clone(self), request_id, invocation_id, connection, is_done: false })
            }
            None if is_answered => Err(Denied::Refused(Refusal::Transition(SENT, transition))),
            None => Err(Denied::Refused(Refusal::RequestId)),
        }
    }
}

/// Whether an answer is for an attempt that was abandoned. Another attempt may be at work under the same request id.
fn late<'s>(state: &'s State, request_id: &str, echoed: Option<&[u8]>, connection: u64) -> Option<&'s super::Late> {
    let open = state.open().get(request_id);
    state.late.iter().rev().filter(|late| &*late.request_id == request_id).find(|late| match (echoed, open) {
        (Some(id), _) => id == late.invocation_id.as_bytes(),
        (None, None) => true,
        (None, Some(open)) => late.place.connection == connection && open.place.connection != connection,
    })
}

impl Claim {
    /// Answers; false where the time was over before.
    pub(in crate::function::runtime_api) fn finish(mut self, answer: FunctionAnswer) -> bool {
        self.end(answer)
    }

    fn end(&mut self, answer: FunctionAnswer) -> bool {
        self.is_done = true;
        let mut state = self.slots.lock();
        if state.open().get(&self.request_id).is_none_or(|open| open.invocation_id != self.invocation_id) {
            return false;
        }
        let Some(Open { call, place, .. }) = state.end(&self.request_id) else { return false };
        let now = Instant::now();
        state.resting.push_back(Rest {
            request_id: Arc::clone(&self.request_id),
            place,
            answered_on: self.connection,
            since: now,
            counts_until: Some(now + GRACE),
        });
        call.result.send(Ok(answer)).ok();
        self.slots.rested.notify_one();
        true
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_done {
            let answer = cut_off(&self.request_id);
            self.end(answer);
        }
    }
}
