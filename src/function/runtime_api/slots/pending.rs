//! Calls of the function that are waited for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::turns::Call;
use super::{Late, Open, Slots};
use crate::function::answers::timed_out;
use crate::function::deadline;
use crate::machine::{Fault, FaultKind, InvokeResult};
use crate::mapping::{LateAnswers, RuntimeApiTarget};

impl Slots {
    /// Gives an event to a worker as soon as one is free, and waits for the answer. `caller` is the mapping: mappings
    /// take turns.
    pub(in crate::function::runtime_api) async fn invoke(
        self: &Arc<Self>,
        caller: &Arc<str>,
        request_id: Arc<str>,
        body: Bytes,
        target: &RuntimeApiTarget,
    ) -> InvokeResult {
        let (result, mut answered) = oneshot::channel();
        let begun = Instant::now();
        let call = self.wait(|id| Call {
            id,
            caller: Arc::clone(caller),
            request_id: Arc::clone(&request_id),
            body,
            attach_wait: target.attach_wait,
            timeout: target.timeout,
            due: begun + target.attach_wait,
            late_answers: target.late_answers,
            breaks: 0,
            result,
        });
        let mut pending = Pending { slots: self, call, request_id: &request_id, is_over: false };
        // No one is woken when a worker gets the event. So a look comes before its time can be over.
        let mut look = begun + target.attach_wait.min(target.timeout);
        loop {
            let answer = deadline::until(look, &mut answered).await;
            if let Some(answer) = answer {
                pending.is_over = true;
                return answer.unwrap_or_else(|_| Err(displaced()));
            }
            let now = Instant::now();
            look = match pending.due() {
                Due::Never => now + target.timeout,
                Due::ForWorker(due) if due > now => due.min(now + target.timeout),
                Due::ForAnswer(due) if due > now => due,
                due => {
                    pending.give_up();
                    // It may have been answered at the last moment.
                    return match (answered.try_recv(), due) {
                        (Ok(result), _) => result,
                        (Err(_), Due::ForAnswer(_)) => Ok(timed_out(&request_id, target.timeout)),
                        (Err(_), _) => Err(no_worker(target.attach_wait)),
                    };
                }
            };
        }
    }
}

/// A call that is waited for; where this is dropped, the call is abandoned.
struct Pending<'a> {
    slots: &'a Arc<Slots>,
    call: u64,
    request_id: &'a Arc<str>,
    /// It has been answered.
    is_over: bool,
}

/// What a call waits for, and until when.
#[derive(Clone, Copy)]
enum Due {
    ForWorker(Instant),
    ForAnswer(Instant),
    /// It has been answered.
    Never,
}

impl Pending<'_> {
    fn due(&self) -> Due {
        let state = self.slots.lock();
        let open = state.open().get(self.request_id).filter(|open| open.call.id == self.call);
        match (open, state.waiting.get(self.call)) {
            (Some(open), _) => Due::ForAnswer(open.call.due),
            (None, Some(call)) => Due::ForWorker(call.due),
            (None, None) => Due::Never,
        }
    }

    fn give_up(&self) {
        let mut state = self.slots.lock();
        if state.waiting.remove(self.call)
            || state.open().get(self.request_id).is_none_or(|open| open.call.id != self.call)
        {
            return;
        }
        let Some(Open { call, invocation_id, place, .. }) = state.end(self.request_id) else { return };
        // Where it is a process of our own, it is of no use any more: it may hang.
        state.let_end(place.port);
        state.remember_late(Late {
            request_id: call.request_id,
            invocation_id,
            place,
            since: Instant::now(),
            accepts: call.late_answers == LateAnswers::Accept,
        });
        self.slots.publish(&state);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.give_up();
        }
    }
}

fn no_worker(waited: Duration) -> Fault {
    Fault::new(FaultKind::Throttled, format!("no worker was free within {waited:?}"))
}

fn displaced() -> Fault {
    Fault::new(FaultKind::Transient, "the same invocation was given to a worker once more")
}
