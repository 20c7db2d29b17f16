//! The slots of a function: each `GET /next` is one, and an event goes to the one that asked last.
//!
//! A slot is idle while it asks, busy while a worker has an event, and at rest between its answer and its next request.
//! The protocol names no workers, so what is known of one comes from its connection.

mod claim;
mod hand_over;
mod pending;
mod seen;
mod state;
mod turns;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until};

pub(super) use self::claim::Denied;
pub(super) use self::hand_over::HandOver;
use self::state::{GRACE, Idle, Late, Open, Rest, State};
pub(super) use self::state::{Place, PortView};
use self::turns::Call;
use super::payloads::exited;
use crate::machine::FunctionAnswer;
use crate::machine::uuid::{hyphenated, random};

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
        Attached { slots: Arc::clone(self), id, receiver, is_over: false }
    }

    /// Gives what waits to the slots that are idle.
    fn match_up(self: &Arc<Self>, state: &mut State) {
        while !state.waiting.is_empty()
            && let Some(Idle { place, sender, .. }) = state.idle.pop()
            && let Some(mut call) = state.waiting.pop()
        {
            let invocation_id: Arc<str> = hyphenated(random(&mut fastrand::Rng::new())).into();
            let handed = HandOver::new(self, &call, &invocation_id);
            match sender.send(handed) {
                Ok(()) => {
                    call.due = Instant::now() + call.timeout;
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

    fn wait_again(self: &Arc<Self>, state: &mut State, mut call: Call) {
        call.due = Instant::now() + call.attach_wait;
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
                open.call.result.send(Ok(exited(&request_id, None))).ok();
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
            let answer = exited(&open.call.request_id, how);
            open.call.result.send(Ok(answer)).ok();
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
    /// It has its event: it is not idle.
    is_over: bool,
}

impl Attached {
    /// The event, as soon as there is one; `None` when the server ends.
    pub(super) async fn event(&mut self) -> Option<HandOver> {
        let event = (&mut self.receiver).await.ok();
        self.is_over = event.is_some();
        event
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut state = self.slots.lock();
        let before = state.idle.len();
        state.idle.retain(|idle| idle.id != self.id);
        state.parked.retain(|idle| idle.id != self.id);
        if state.idle.len() != before {
            self.slots.publish(&state);
        }
    }
}

#[cfg(test)]
mod tests;
