//! Messages that the function failed too often: their failure record goes to the destination, and only when that has
//! confirmed it is the message deleted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::QueueMachine;
use super::drain::Draining;
use super::machine::Stage;
use crate::machine::attempts::Attempts;
use crate::machine::envelope::join;
use crate::machine::{
    Condition, DeliverRequest, DeliveryId, Event, FailedBatch, FailedResponse, Failure, Fault, FaultKind,
    FunctionAnswer, Mono, Operation, Output, uuid,
};

/// So many deliveries may be open at once.
const MAX_OPEN: usize = 16;
/// With more failure records than this undelivered, or with more bytes in them, nothing new is received.
const BACKLOG: usize = 1_000;
const BACKLOG_BYTES: usize = 64 * 1024 * 1024;
/// A record that the destination refuses for what it is gets this many tries: the fault may lie in the
/// destination's configuration, and be mended.
const INVALID_TRIES: u32 = 5;

/// What is on its way to the failure destination.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    attempts: Attempts,
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

impl Deliveries {
    pub(super) fn is_empty(&self) -> bool {
        self.undelivered.is_empty()
    }

    pub(super) fn is_behind(&self) -> bool {
        self.undelivered.len() >= BACKLOG || self.bytes >= BACKLOG_BYTES
    }

    pub(super) fn next_try(&self) -> Option<Mono> {
        self.waiting.first().map(|&(at, _)| at)
    }

    /// Lets all that wait be tried now.
    pub(super) fn hasten(&mut self) {
        self.ready.extend(std::mem::take(&mut self.waiting).into_iter().map(|(_, id)| id));
    }

    /// The function processed this message: earlier failures count no more.
    pub(super) fn succeeded(&mut self, id: &str) {
        self.attempts.forget(id);
    }

    /// What a successor goes on with: the failure records of messages that are held for them. One whose delivery is not
    /// open is delivered again.
    pub(super) fn handed_over(self, is_ours: impl Fn(u64) -> bool, open: &BTreeSet<Operation>) -> Self {
        let mut next = Self { attempts: self.attempts, waiting: self.waiting, ..Self::default() };
        for (id, mut delivery) in self.undelivered.into_iter().filter(|(_, delivery)| is_ours(delivery.token)) {
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

    /// The messages whose failure records are not confirmed.
    pub(super) fn tokens(&self) -> impl Iterator<Item = u64> {
        self.undelivered.values().map(|delivery| delivery.token)
    }

    fn remove(&mut self, id: DeliveryId) -> Option<u64> {
        let delivery = self.undelivered.remove(&id)?;
        self.bytes -= delivery.failure.payload.len();
        Some(delivery.token)
    }
}

impl QueueMachine {
    /// The function has failed these messages with an error, or no invoke can ever hold them: whoever has failed too
    /// often is given up.
    pub(super) fn fail_genuinely(&mut self, tokens: &[u64], answer: Option<&FunctionAnswer>) {
        self.fail_reported(tokens, &[], false, answer);
    }

    /// The function has failed these messages; `reported` says that it named them. Those of `kept`, and what waits
    /// behind in their message groups, go the way of the others without having failed.
    pub(super) fn fail_reported(
        &mut self,
        tokens: &[u64],
        kept: &[u64],
        reported: bool,
        answer: Option<&FunctionAnswer>,
    ) {
        let behind = self.take_behind(tokens);
        let (blamed, others) = self.blame(tokens, reported);
        let mut failed = self.give_up_often_failed(&blamed, answer);
        if !(others.is_empty() && kept.is_empty() && behind.is_empty()) {
            failed.extend(others.iter().chain(kept).chain(&behind));
            // In the order of their receipt: that of their groups.
            failed.sort_unstable();
        }
        if !failed.is_empty() {
            self.fail(&failed);
        }
    }

    /// Counts a failure for each of these messages, and gives those back that may be tried again.
    fn give_up_often_failed(&mut self, tokens: &[u64], answer: Option<&FunctionAnswer>) -> Vec<u64> {
        let Some(most) = self.options.on_failure else { return tokens.to_vec() };
        let mut counted = BTreeSet::new();
        let (mut failed, mut given_up) = (Vec::new(), Vec::new());
        for &token in tokens {
            let Some(held) = self.held.get(&token) else { continue };
            let id = &held.record.id;
            // A message that was delivered twice into one batch has failed once.
            let failures = if counted.insert(Arc::clone(id)) { self.deliveries.attempts.failed(id) } else { 0 };
            // What may be in other hands by now is given up there.
            if failures >= most.max(1) && held.lease.ends > self.now {
                given_up.push((token, failures));
            } else {
                failed.push(token);
            }
        }
        for (token, failures) in given_up {
            self.give_up(token, Condition::RetryAttemptsExhausted, failures, answer);
        }
        failed
    }

    pub(super) fn give_up(&mut self, token: u64, condition: Condition, invokes: u32, answer: Option<&FunctionAnswer>) {
        let (uuid, spare) = (uuid::random(&mut self.rng), uuid::random(&mut self.rng));
        let id = DeliveryId(self.out.name());
        let Some(held) = self.held.get_mut(&token) else { return };
        held.stage = Stage::GivenUp;
        // From here on the failure record holds the event.
        let fragment = std::mem::take(&mut held.record.fragment);
        let failure = Arc::new(Failure {
            uuid,
            request_id: answer.and_then(|answer| answer.request_id.clone()).unwrap_or_else(|| uuid::hyphenated(spare)),
            condition,
            invokes,
            response: answer.map(|answer| FailedResponse {
                status: answer.status,
                executed_version: answer.executed_version.clone(),
                function_error: answer.function_error.clone(),
                payload: Bytes::clone(&answer.payload),
            }),
            unix_ms: self.unix_ms,
            batch: FailedBatch::Queue {
                group: self.groups.as_ref().and(held.record.key.clone()),
                message_id: Arc::clone(&held.record.id),
                receive_count: held.record.receive_count,
                sent_unix_ms: held.record.arrived_unix_ms,
            },
            payload: join([&fragment].into_iter()),
        });
        self.deliveries.attempts.forget(&held.record.id);
        self.deliveries.bytes += failure.payload.len();
        self.deliveries.undelivered.insert(id, Delivery { token, failure, tries: 0, open: false });
        self.deliveries.ready.push_back(id);
    }

    pub(super) fn start_deliveries(&mut self) {
        // What nobody would wait for is not begun: its message comes again.
        if self.draining.as_ref().is_some_and(Draining::is_cut) {
            return;
        }
        while let Some(&(at, id)) = self.deliveries.waiting.first()
            && at <= self.now
        {
            self.deliveries.waiting.pop_first();
            self.deliveries.ready.push_back(id);
        }
        while self.deliveries.open < MAX_OPEN {
            let Some(id) = self.deliveries.ready.pop_front() else { return };
            self.deliver(id);
        }
    }

    fn deliver(&mut self, id: DeliveryId) {
        let Some(delivery) = self.deliveries.undelivered.get_mut(&id) else { return };
        if self.held.get(&delivery.token).is_some_and(|held| held.lease.ends > self.now) {
            delivery.open = true;
            self.deliveries.open += 1;
            let failure = Arc::clone(&delivery.failure);
            return self.out.push(Output::Deliver(DeliverRequest { id, failure }));
        }
        if let Some(token) = self.deliveries.remove(id) {
            self.forget(token);
        }
        self.out
            .emit(Event::LeaseLost { records: 1, reason: "visibility ended before its failure record was delivered" });
    }

    pub(super) fn delivered(&mut self, id: DeliveryId, result: Result<(), Fault>) {
        let Some(delivery) = self.deliveries.undelivered.get_mut(&id).filter(|delivery| delivery.open) else { return };
        delivery.open = false;
        self.deliveries.open -= 1;
        let condition = delivery.failure.condition;
        match result {
            Ok(()) => {
                self.health.destination_ok();
                self.out.emit(Event::DeliveredToDestination { records: 1, condition });
                if let Some(token) = self.deliveries.remove(id) {
                    self.delete(token, Stage::GivenUp);
                }
            }
            Err(fault) => self.not_delivered(id, fault),
        }
    }

    fn not_delivered(&mut self, id: DeliveryId, fault: Fault) {
        self.health.destination_failed(&fault);
        let Some(delivery) = self.deliveries.undelivered.get_mut(&id) else { return };
        delivery.tries += 1;
        let (token, tries) = (delivery.token, delivery.tries);
        let pause = self.options.retry.pause(tries, &mut self.rng).max(fault.retry_after.unwrap_or_default());
        let Some(lease) = self.held.get(&token).map(|held| held.lease) else { return };
        let held_too_long = self.now.since(lease.received) + pause > self.options.hold_limit;
        let refused = match fault.kind {
            FaultKind::TooLarge => true,
            FaultKind::Invalid => tries >= INVALID_TRIES,
            _ => false,
        };
        let is_left = refused || held_too_long || self.draining.is_some();
        // What is left is received again, and its failures are counted anew.
        let retry_in = if is_left { lease.ends.since(self.now) } else { pause };
        self.out.emit(Event::DestinationFailed { records: 1, kind: fault.kind, message: fault.message, retry_in });
        if !is_left {
            self.deliveries.waiting.insert((self.now + pause, id));
            return;
        }
        self.deliveries.remove(id);
        self.leave(&[token]);
        if held_too_long {
            self.out.emit(Event::LeaseLost { records: 1, reason: "held for as long as is allowed" });
        }
    }
}
