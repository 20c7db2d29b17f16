//! Records that are given up: to the failure destination, whose confirmation settles them, or dropped where there
//! is none.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::invoke::Settled;
use super::lanes::{LastOfWindow, Piece};
use super::shard::ShardKey;
use super::{DestinationOrder, StreamMachine};
use crate::machine::{
    BatchId, Condition, DeliverRequest, DeliveryId, Event, FailedBatch, FailedSpan, Failure, Fault, Mono, Output, uuid,
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
    /// What settles when it is confirmed.
    settled: Settled,
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

    fn confirmed(&mut self, id: DeliveryId) -> Option<Delivery> {
        let delivery = self.open.remove(&id)?;
        if let Some(line) = self.lines.get_mut(&delivery.shard) {
            line.pop_front();
            match line.front() {
                Some(&next) => self.ready.push_back(next),
                None => drop(self.lines.remove(&delivery.shard)),
            }
        }
        Some(delivery)
    }

    /// Lets all that wait be tried now.
    pub(super) fn hasten(&mut self, now: Mono) {
        self.waiting = std::mem::take(&mut self.waiting).into_iter().map(|(_, id)| (now, id)).collect();
    }
}

impl StreamMachine {
    /// Gives up the records of a piece, or the final invoke of a window.
    pub(super) fn give_up(&mut self, key: ShardKey, piece: Piece, condition: Condition) {
        let (destination, records) = (self.options.destination, piece.places.len());
        let failure = destination.map(|_| self.failure(key, &piece, condition));
        // A window that is given up is closed for good: the next one need not wait for the destination.
        let settled = match piece.last_of_window {
            Some(last) => self.window_closed(key, last),
            None => Settled::Records(piece.places),
        };
        let Some(failure) = failure else {
            self.out.emit(Event::Dropped { records, condition });
            return self.settle(key, &settled);
        };
        let Some(shard) = self.shards.get_mut(&key) else { return };
        shard.deliveries += 1;
        let id = DeliveryId(self.out.name());
        let ordered = destination == Some(DestinationOrder::Kept);
        self.deliveries.add(id, Delivery { shard: key, settled, failure, tries: 0 }, ordered);
    }

    fn failure(&mut self, key: ShardKey, piece: &Piece, condition: Condition) -> Failure {
        let (uuid, spare) = (uuid::random(&mut self.rng), uuid::random(&mut self.rng));
        let shard = self.shards.get(&key);
        let record = |place: Option<&u64>| shard.and_then(|shard| shard.frontier.get(*place?));
        let span = record(piece.places.first()).zip(record(piece.places.last())).map(|(first, last)| FailedSpan {
            start: Arc::clone(&first.id),
            end: Arc::clone(&last.id),
            first_unix_ms: first.arrived_unix_ms,
            last_unix_ms: last.arrived_unix_ms,
            records: piece.places.len(),
        });
        let window = shard.and_then(|shard| shard.windows.as_ref()).and_then(|windows| {
            windows.info(piece.last_of_window.is_some(), piece.last_of_window == Some(LastOfWindow::Early))
        });
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
            unix_ms: self.now.unix_ms,
            batch: FailedBatch::Stream {
                shard: shard.map(|shard| Arc::clone(&shard.id)).unwrap_or_default(),
                span,
                window,
            },
            payload: shard
                .filter(|shard| shard.windows.is_some())
                .map(|shard| self.body(shard, piece))
                .unwrap_or_default(),
        }
    }

    fn deliver(&mut self, id: DeliveryId) {
        let Some(delivery) = self.deliveries.open.get(&id) else { return };
        let Some(shard) = self.shards.get(&delivery.shard) else { return };
        // Built anew for each try, so that it does not lie in memory beside the records.
        let payload = match &delivery.settled {
            Settled::Records(places) if delivery.failure.payload.is_empty() => {
                self.body(shard, &Piece::new(BatchId(0), places.clone()))
            }
            _ => delivery.failure.payload.clone(),
        };
        let failure = Arc::new(Failure { payload, ..delivery.failure.clone() });
        self.deliveries.in_flight += 1;
        self.out.push(Output::Deliver(DeliverRequest { id, failure }));
    }

    /// Sends what is due, and what there was no room for.
    pub(super) fn send_deliveries(&mut self) {
        while let Some(&(at, id)) = self.deliveries.waiting.first()
            && at <= self.now.mono
        {
            self.deliveries.waiting.pop_first();
            self.deliveries.ready.push_back(id);
        }
        while self.deliveries.in_flight < MOST_DELIVERIES
            && let Some(id) = self.deliveries.ready.pop_front()
        {
            self.deliver(id);
        }
    }

    pub(super) fn delivered(&mut self, id: DeliveryId, result: Result<(), Fault>) {
        let Some(delivery) = self.deliveries.open.get_mut(&id) else { return };
        self.deliveries.in_flight -= 1;
        let (records, condition) = (delivery.failure.batch.records(), delivery.failure.condition);
        let Err(fault) = result else {
            self.health.destination_ok();
            let Some(delivery) = self.deliveries.confirmed(id) else { return };
            self.out.emit(Event::DeliveredToDestination { records, condition });
            if let Some(shard) = self.shards.get_mut(&delivery.shard) {
                shard.deliveries -= 1;
            }
            self.settle(delivery.shard, &delivery.settled);
            return self.advance_shard(delivery.shard);
        };
        delivery.tries += 1;
        let tries = delivery.tries;
        let retry_in = self.options.retry.pause(tries, &mut self.rng).max(fault.retry_after.unwrap_or_default());
        self.deliveries.waiting.insert((self.now.mono + retry_in, id));
        self.health.destination_failed(&fault);
        let Fault { kind, message, .. } = fault;
        self.out.emit(Event::DestinationFailed { records, kind, message, retry_in });
    }
}
