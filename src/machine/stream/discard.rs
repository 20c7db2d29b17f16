//! Discarded records: the confirmation of the failure destination finishes them. Without a destination they are
//! dropped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::context::Context;
use super::lanes::Piece;
use super::records::{Finished, Records};
use super::shard::ShardKey;
use super::{DestinationOrder, StreamMachine};
use crate::machine::{
    Condition, DeliverRequest, DeliveryId, Event, FailedBatch, FailedSpan, Failure, Fault, Mono, Output, uuid,
};

/// Deliveries of a mapping that are open at once: each takes a connection.
const MOST_DELIVERIES: usize = 64;

/// Failure records on their way.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    open: BTreeMap<DeliveryId, Delivery>,
    /// To be sent as soon as there is room.
    ready: VecDeque<DeliveryId>,
    /// To be tried again.
    waiting: BTreeSet<(Mono, DeliveryId)>,
    in_flight: usize,
    /// Where the destination keeps an order: what of each shard comes one after the other, the first one on its way.
    lines: BTreeMap<ShardKey, VecDeque<DeliveryId>>,
}

/// One failure record that is not confirmed.
#[derive(Debug)]
struct Delivery {
    shard: ShardKey,
    /// What is finished when it is confirmed.
    finished: Finished,
    /// The failure without its payload, unless that could not be built again.
    failure: Failure,
    tries: u32,
}

impl Deliveries {
    /// When the next one is to be tried again.
    pub(super) fn due(&self) -> Option<Mono> {
        self.waiting.first().map(|&(at, _)| at)
    }

    /// Nothing is being sent, or about to be.
    pub(super) fn is_quiet(&self) -> bool {
        self.in_flight == 0 && self.ready.is_empty()
    }

    fn add(&mut self, id: DeliveryId, delivery: Delivery, ordered: bool) {
        let line = ordered.then(|| self.lines.entry(delivery.shard).or_default());
        self.open.insert(id, delivery);
        if let Some(line) = line {
            line.push_back(id);
            if line.len() > 1 {
                return;
            }
        }
        self.ready.push_back(id);
    }

    /// The next one that may be sent counts as sent.
    fn begin(&mut self) -> Option<(DeliveryId, &Delivery)> {
        if self.in_flight >= MOST_DELIVERIES {
            return None;
        }
        let id = self.ready.pop_front()?;
        let delivery = self.open.get(&id)?;
        self.in_flight += 1;
        Some((id, delivery))
    }

    fn confirmed(&mut self, id: DeliveryId) -> Option<Delivery> {
        let delivery = self.open.remove(&id)?;
        self.in_flight -= 1;
        if let Some(line) = self.lines.get_mut(&delivery.shard) {
            line.pop_front();
            match line.front() {
                Some(&next) => self.ready.push_back(next),
                None => drop(self.lines.remove(&delivery.shard)),
            }
        }
        Some(delivery)
    }

    /// Lets those be sent again whose pause is over.
    fn wake(&mut self, now: Mono) {
        while let Some(&(at, id)) = self.waiting.first()
            && at <= now
        {
            self.waiting.pop_first();
            self.ready.push_back(id);
        }
    }

    /// Lets all that wait be tried now.
    pub(super) fn hasten(&mut self, now: Mono) {
        self.waiting = std::mem::take(&mut self.waiting).into_iter().map(|(_, id)| (now, id)).collect();
    }
}

impl Records {
    /// Discards the records of a piece, or the final invoke of a window.
    pub(super) fn discard(&mut self, piece: Piece, condition: Condition, cx: &mut Context) {
        let records = piece.places.len();
        let failure = cx.options.destination.map(|order| (order, self.failure(&piece, condition, cx)));
        // A discarded window is closed for good: the next one need not wait for the destination.
        let finished = match piece.last_of_window {
            Some(last) => self.window_closed(last),
            None => Finished::Records(piece.places),
        };
        let Some((order, failure)) = failure else {
            cx.out.emit(Event::Dropped { records, condition });
            return self.finish(&finished, cx);
        };
        self.deliveries += 1;
        let id = DeliveryId(cx.out.name());
        let delivery = Delivery { shard: self.key, finished, failure, tries: 0 };
        cx.deliveries.add(id, delivery, order == DestinationOrder::Kept);
    }

    fn failure(&self, piece: &Piece, condition: Condition, cx: &mut Context) -> Failure {
        let (uuid, spare) = (uuid::random(&mut cx.rng), uuid::random(&mut cx.rng));
        let record = |place: Option<&u64>| self.frontier.get(*place?);
        let span = record(piece.places.first()).zip(record(piece.places.last())).map(|(first, last)| FailedSpan {
            start: Arc::clone(&first.id),
            end: Arc::clone(&last.id),
            first_unix_ms: first.arrived_unix_ms,
            last_unix_ms: last.arrived_unix_ms,
            records: piece.places.len(),
        });
        let window = self.windows.as_ref().and_then(|windows| windows.info(piece.last_of_window));
        let answer = piece.answer.as_ref();
        let request_id = answer.and_then(|answer| answer.request_id.clone());
        Failure {
            uuid,
            request_id: request_id.unwrap_or_else(|| uuid::hyphenated(spare)),
            condition,
            // Records that became too old before their first invoke count as invoked once.
            invokes: if condition.is_of_filters() { 0 } else { piece.attempts.max(1) },
            response: answer
                .filter(|_| condition == Condition::RetryAttemptsExhausted)
                .map(|answer| answer.response.clone()),
            unix_ms: cx.now.unix_ms,
            batch: FailedBatch::Stream { shard: Arc::clone(&self.id), span, window },
            // The state of a window goes on, so its events cannot be built again.
            payload: match self.windows {
                Some(_) => self.body(&piece.places, piece.last_of_window),
                None => Bytes::new(),
            },
        }
    }

    /// Built again for each attempt, so that its payload is not in memory in addition to the records.
    fn to_deliver(&self, delivery: &Delivery) -> Failure {
        let payload = match &delivery.finished {
            Finished::Records(places) if delivery.failure.payload.is_empty() => self.body(places, None),
            _ => delivery.failure.payload.clone(),
        };
        Failure { payload, ..delivery.failure.clone() }
    }
}

impl StreamMachine {
    /// Sends what is due, and what there was no room for.
    pub(super) fn send_deliveries(&mut self) {
        let Context { deliveries, out, now, .. } = &mut self.cx;
        deliveries.wake(now.mono);
        while let Some((id, delivery)) = deliveries.begin() {
            if let Some(shard) = self.shards.get(&delivery.shard) {
                let failure = Arc::new(shard.records.to_deliver(delivery));
                out.push(Output::Deliver(DeliverRequest { id, failure }));
            }
        }
    }

    pub(super) fn delivered(&mut self, id: DeliveryId, result: Result<(), Fault>) {
        if let Err(fault) = result {
            return self.cx.delivery_failed(id, fault);
        }
        let Some(Delivery { shard, finished, failure, .. }) = self.cx.deliveries.confirmed(id) else { return };
        self.cx.health.destination_ok();
        let (records, condition) = (failure.batch.records(), failure.condition);
        self.cx.out.emit(Event::DeliveredToDestination { records, condition });
        self.work_on(shard, |shard, cx| {
            shard.records.deliveries -= 1;
            shard.records.finish(&finished, cx);
        });
    }
}

impl Context {
    fn delivery_failed(&mut self, id: DeliveryId, fault: Fault) {
        let Some(delivery) = self.deliveries.open.get_mut(&id) else { return };
        delivery.tries += 1;
        let (tries, records) = (delivery.tries, delivery.failure.batch.records());
        let retry_in = self.pause(tries, &fault);
        self.deliveries.in_flight -= 1;
        self.deliveries.waiting.insert((self.now.mono + retry_in, id));
        self.health.destination_failed(&fault);
        let Fault { kind, message, .. } = fault;
        self.out.emit(Event::DestinationFailed { records, kind, message, retry_in });
    }
}
