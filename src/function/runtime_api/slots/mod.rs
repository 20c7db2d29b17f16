//! The slots of a function: each `GET /next` is one, and an event goes to the one that asked last.
//!
//! A slot is idle while it asks, busy while a worker has an event, and at rest between its answer and its next request.
//! The protocol names no workers, so what is known of one comes from its connection.

mod claim;
mod hand_over;
mod seen;
mod state;
mod turns;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

pub(super) use self::claim::Denied;
pub(super) use self::hand_over::HandOver;
use self::state::{GRACE, Idle, Late, Open, Rest, State};
pub(super) use self::state::{Place, PortView};
use self::turns::{Call, Step};
use super::payloads::exited;
use crate::function::Invocation;
use crate::function::answers::timed_out;
use crate::function::deadline;
use crate::machine::uuid::{hyphenated, random};
use crate::machine::{Fault, FaultKind, FunctionAnswer, InvokeResult};
use crate::mapping::{LateAnswers, RuntimeApiTarget};

/// So often an event goes to another worker because the connection broke before the event was read. After that, the
/// event itself is what workers die of.
const MOST_BREAKS: u32 = 3;

/// All slots of a function.
pub(super) struct Slots {
    /// For the log.
    function: Arc<str>,
    state: Mutex<State>,
    capacity: watch::Sender<u32>,
    rested: Notify,
}

impl Slots {
    pub(super) fn new(function: Arc<str>) -> Arc<Self> {
        let (capacity, _) = watch::channel(0);
        Arc::new(Self { function, state: Mutex::default(), capacity, rested: Notify::new() })
    }

    pub(super) fn capacity(&self) -> watch::Receiver<u32> {
        self.capacity.subscribe()
    }

    /// Gives an event to a worker as soon as one is free, and waits for the answer. `caller` is the mapping: mappings
    /// take turns.
    pub(super) async fn invoke(
        self: &Arc<Self>,
        caller: &Arc<str>,
        invocation: Invocation,
        target: &RuntimeApiTarget,
    ) -> InvokeResult {
        let (steps, mut taken) = mpsc::unbounded_channel();
        let request_id = Arc::clone(&invocation.request_id);
        let call = self.wait(|id| Call {
            id,
            caller: Arc::clone(caller),
            request_id: invocation.request_id,
            body: invocation.body,
            timeout: target.timeout,
            late_answers: target.late_answers,
            breaks: 0,
            steps,
        });
        let pending = Pending { slots: self, call, request_id: &request_id };
        let mut until = Instant::now() + target.attach_wait;
        let mut works = false;
        loop {
            match deadline::until(until, taken.recv()).await {
                Some(Some(Step::HandedOver)) => (until, works) = (Instant::now() + target.timeout, true),
                Some(Some(Step::Returned)) => (until, works) = (Instant::now() + target.attach_wait, false),
                Some(Some(Step::Done(result))) => return result,
                Some(None) => return Err(displaced()),
                None => {
                    pending.give_up();
                    // It may have been answered at the last moment.
                    let result = std::iter::from_fn(|| taken.try_recv().ok()).find_map(|step| match step {
                        Step::Done(result) => Some(result),
                        Step::HandedOver | Step::Returned => None,
                    });
                    return match result {
                        Some(result) => result,
                        None if works => Ok(timed_out(&request_id, target.timeout)),
                        None => Err(no_worker(target.attach_wait)),
                    };
                }
            }
        }
    }

    fn wait(self: &Arc<Self>, call: impl FnOnce(u64) -> Call) -> u64 {
        let mut state = self.lock();
        let id = state.next_id();
        state.waiting.push(call(id));
        self.match_up(&mut state);
        id
    }

    /// A worker asks for an event: one more slot, until what this returns is dropped or has one.
    pub(super) fn attach(self: &Arc<Self>, place: Place) -> Attached {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        state.end_rest(place);
        let id = state.next_id();
        state.ask(Idle { id, place, sender });
        self.match_up(&mut state);
        self.publish(&state);
        Attached { slots: Arc::clone(self), id, receiver }
    }

    /// Gives what waits to the slots that are idle.
    fn match_up(self: &Arc<Self>, state: &mut State) {
        while !state.waiting.is_empty()
            && let Some(Idle { place, sender, .. }) = state.idle.pop()
            && let Some(call) = state.waiting.pop()
        {
            let invocation_id: Arc<str> = hyphenated(random(&mut fastrand::Rng::new())).into();
            let handed = HandOver::new(self, &call, &invocation_id);
            match sender.send(handed) {
                Ok(()) => {
                    call.steps.send(Step::HandedOver).ok();
                    state.begin(Open { invocation_id, place, answering: false, call });
                }
                // Its connection has just closed.
                Err(handed) => {
                    handed.taken();
                    state.waiting.push_first(call);
                }
            }
        }
    }

    /// The event that a slot got did not reach its worker: the next one gets it.
    fn give_back(self: &Arc<Self>, request_id: &str, invocation_id: &str) {
        let mut state = self.lock();
        if state.open().get(request_id).is_some_and(|open| &*open.invocation_id == invocation_id)
            && let Some(Open { call, .. }) = state.end(request_id)
        {
            self.wait_again(&mut state, call);
        }
    }

    fn wait_again(self: &Arc<Self>, state: &mut State, call: Call) {
        call.steps.send(Step::Returned).ok();
        state.waiting.push_first(call);
        self.match_up(state);
        self.publish(state);
    }

    /// A connection has closed after so many requests. `broken`: not in the orderly way, so that what was sent last was
    /// not read to its end.
    pub(super) fn closed(self: &Arc<Self>, connection: u64, requests: u64, broken: bool) {
        let mut state = self.lock();
        for rest in &mut state.resting {
            if rest.place.connection == connection && rest.answered_on == connection {
                rest.counts_until = None;
            }
        }
        let gone = state.end_all(|open| {
            let is_last = open.place.connection == connection && open.place.request == requests && !open.answering;
            is_last && (open.place.keeps || broken)
        });
        for mut open in gone {
            let request_id = Arc::clone(&open.call.request_id);
            if broken && open.call.breaks < MOST_BREAKS {
                open.call.breaks += 1;
                self.wait_again(&mut state, open.call);
            } else {
                tracing::warn!(function = %self.function, %request_id, "a worker ended during an invocation");
                open.call.steps.send(Step::Done(Ok(exited(&request_id, None)))).ok();
            }
        }
        self.publish(&state);
    }

    /// A process of forebay's own is about to attach at this port.
    pub(super) fn open_port(&self, port: u64) -> watch::Receiver<PortView> {
        self.lock().open_port(port)
    }

    /// The process behind a port gets no more events: it is to end when it has answered what it has.
    pub(super) fn let_end(&self, port: u64) {
        let mut state = self.lock();
        state.let_end(port);
        self.publish(&state);
    }

    /// The process behind a port has ended, and all that it has sent is read: what it had fails.
    pub(super) fn close_port(&self, port: u64, how: &str) -> PortView {
        let mut state = self.lock();
        let how = Some(how).filter(|how| *how != "exit status 0");
        for open in state.end_all(|open| open.place.port == port) {
            open.call.steps.send(Step::Done(Ok(exited(&open.call.request_id, how)))).ok();
        }
        let view = state.close_port(port).unwrap_or_default();
        self.publish(&state);
        view
    }

    /// The request id of the event that the process behind a port has, or had last; `None` where it has several.
    pub(super) fn last_request(&self, port: u64) -> Option<Arc<str>> {
        self.lock().last(port)
    }

    /// Counts slots that rest too long no more; never ends.
    pub(super) async fn tend(&self) {
        loop {
            let due = self.lock().next_rest_end();
            match due {
                Some(due) => sleep_until(due).await,
                None => self.rested.notified().await,
            }
            let mut state = self.lock();
            state.expire_rests(Instant::now());
            self.publish(&state);
        }
    }

    fn publish(&self, state: &State) {
        let now = state.capacity();
        self.capacity.send_if_modified(|capacity| {
            match (*capacity, now) {
                (0, 1..) => tracing::info!(function = %self.function, "a worker is attached"),
                (1.., 0) => tracing::warn!(function = %self.function, "no worker is attached any more"),
                _ => {}
            }
            std::mem::replace(capacity, now) != now
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot that waits for an event.
pub(super) struct Attached {
    slots: Arc<Slots>,
    id: u64,
    receiver: oneshot::Receiver<HandOver>,
}

impl Attached {
    /// The event, as soon as there is one; `None` when the server ends.
    pub(super) async fn event(&mut self) -> Option<HandOver> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        let before = state.idle.len();
        state.idle.retain(|idle| idle.id != self.id);
        state.parked.retain(|idle| idle.id != self.id);
        if state.idle.len() != before {
            self.slots.publish(&state);
        }
    }
}

/// A call that is waited for; where this is dropped, the call is abandoned.
struct Pending<'a> {
    slots: &'a Arc<Slots>,
    call: u64,
    request_id: &'a Arc<str>,
}

impl Pending<'_> {
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
        self.give_up();
    }
}

fn no_worker(waited: Duration) -> Fault {
    Fault::new(FaultKind::Throttled, format!("no worker was free within {waited:?}"))
}

fn displaced() -> Fault {
    Fault::new(FaultKind::Transient, "the same invocation was given to a worker once more")
}

#[cfg(test)]
mod tests;
