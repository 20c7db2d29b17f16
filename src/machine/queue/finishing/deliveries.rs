//! Failure records on their way to the destination. Only when that has confirmed one is its message deleted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::machine::queue::context::Context;
use crate::machine::queue::draining::Draining;
use crate::machine::queue::message::Messages;
use crate::machine::queue::rules::{AfterDelivery, after_delivery};
use crate::machine::{DeliverRequest, DeliveryId, Event, Failure, Fault, Mono, Operation, Output, Queue};

/// So many deliveries may be open at once.
const MAX_OPEN: usize = 16;
/// With more failure records than this undelivered, or with more bytes in them, nothing new is received.
const BACKLOG: usize = 1_000;
const BACKLOG_BYTES: usize = 64 * 1024 * 1024;

/// What is on its way to the failure destination.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    undelivered: BTreeMap<DeliveryId, Delivery>,
    /// To be sent as soon as fewer are open.
    ready: VecDeque<DeliveryId>,
    /// To be tried again.
    waiting: BTreeSet<(Mono, DeliveryId)>,
    open: usize,
    bytes: usize,
}

/// One failure record that is not confirmed.
#[derive(Debug)]
struct Delivery {
    token: u64,
    failure: Arc<Failure>,
    tries: u32,
    open: bool,
}

/// What follows for the message whose failure record was delivered, or is not to be delivered any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undelivered {
    /// The destination has it.
    No { token: u64 },
    /// It is left to its visibility timeout.
    Yes { token: u64, was_held_too_long: bool },
}

impl Deliveries {
    /// What a successor goes on with: the failure records of these messages. One whose delivery is not open is
    /// delivered again.
    pub(super) fn handed_over(self, tokens: &BTreeSet<u64>, open: &BTreeSet<Operation<Queue>>) -> Self {
        let mut next = Self { waiting: self.waiting, ..Self::default() };
        for (id, mut delivery) in self.undelivered.into_iter().filter(|(_, it)| tokens.contains(&it.token)) {
            delivery.open = open.contains(&Operation::Deliver(id));
            next.open += usize::from(delivery.open);
            next.bytes += delivery.failure.payload.len();
            if !delivery.open && !next.waiting.iter().any(|&(_, waiting)| waiting == id) {
                next.ready.push_back(id);
            }
            next.undelivered.insert(id, delivery);
        }
        next.waiting.retain(|(_, id)| next.undelivered.get(id).is_some_and(|delivery| !delivery.open));
        next
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.undelivered.is_empty()
    }

    pub(super) fn is_behind(&self) -> bool {
        self.undelivered.len() >= BACKLOG || self.bytes >= BACKLOG_BYTES
    }

    pub(super) fn next_try(&self) -> Option<Mono> {
        self.waiting.first().map(|&(at, _)| at)
    }

    /// The messages whose failure records are not confirmed.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = u64> {
        self.undelivered.values().map(|delivery| delivery.token)
    }

    /// Delivers the failure record of a message as soon as fewer than the most are open.
    pub(crate) fn add(&mut self, id: DeliveryId, token: u64, failure: Failure) {
        self.bytes += failure.payload.len();
        self.undelivered.insert(id, Delivery { token, failure: Arc::new(failure), tries: 0, open: false });
        self.ready.push_back(id);
    }

    /// Lets all that wait be tried now.
    pub(crate) fn hasten(&mut self) {
        self.ready.extend(std::mem::take(&mut self.waiting).into_iter().map(|(_, id)| id));
    }

    /// Begins what may begin by now.
    pub(crate) fn start(&mut self, cx: &mut Context, messages: &mut Messages) {
        // What would not be waited for is not begun: its message comes again.
        if cx.draining.as_ref().is_some_and(Draining::is_cut) {
            return;
        }
        while let Some(&(at, id)) = self.waiting.first()
            && at <= cx.now
        {
            self.waiting.pop_first();
            self.ready.push_back(id);
        }
        while self.open < MAX_OPEN {
            let Some(id) = self.ready.pop_front() else { return };
            self.begin(cx, messages, id);
        }
    }

    fn begin(&mut self, cx: &mut Context, messages: &mut Messages, id: DeliveryId) {
        let Some(delivery) = self.undelivered.get_mut(&id) else { return };
        if !messages.is_over(delivery.token, cx.now) {
            delivery.open = true;
            self.open += 1;
            let failure = Arc::clone(&delivery.failure);
            return cx.out.push(Output::Deliver(DeliverRequest { id, failure }));
        }
        if let Some(token) = self.remove(id) {
            messages.forget(cx, token);
        }
        let reason = "visibility ended before its failure record was delivered";
        cx.out.emit(Event::LeaseLost { records: 1, reason });
    }

    fn remove(&mut self, id: DeliveryId) -> Option<u64> {
        let delivery = self.undelivered.remove(&id)?;
        self.bytes -= delivery.failure.payload.len();
        Some(delivery.token)
    }

    /// A delivery was answered. `None`: it is tried again, or is none of ours.
    pub(crate) fn answered(
        &mut self,
        cx: &mut Context,
        messages: &Messages,
        id: DeliveryId,
        result: Result<(), Fault>,
    ) -> Option<Undelivered> {
        let delivery = self.undelivered.get_mut(&id).filter(|delivery| delivery.open)?;
        delivery.open = false;
        self.open -= 1;
        let Err(fault) = result else {
            let condition = delivery.failure.condition;
            cx.health.destination_ok();
            cx.out.emit(Event::DeliveredToDestination { records: 1, condition });
            return self.remove(id).map(|token| Undelivered::No { token });
        };
        cx.health.destination_failed(&fault);
        delivery.tries += 1;
        let token = delivery.token;
        let pause = cx.options.retry.pause(delivery.tries, &mut cx.rng).max(fault.retry_after.unwrap_or_default());
        let lease = messages.get(token)?.lease;
        let is_too_long = cx.now.since(lease.received) + pause > cx.options.hold_limit;
        let then = after_delivery(fault.kind, delivery.tries, is_too_long, cx.drains());
        // What is left is received again, and its failures are counted from the beginning.
        let retry_in = if then == AfterDelivery::Expire { lease.ends.since(cx.now) } else { pause };
        cx.out.emit(Event::DestinationFailed { records: 1, kind: fault.kind, message: fault.message, retry_in });
        if then == AfterDelivery::Retry {
            self.waiting.insert((cx.now + pause, id));
            return None;
        }
        self.remove(id);
        Some(Undelivered::Yes { token, was_held_too_long: is_too_long })
    }
}
