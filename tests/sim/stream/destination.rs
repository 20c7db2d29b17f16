//! A failure destination in memory, and the checks of what it gets.

use std::sync::Arc;

use forebay::destination::Destination;
use forebay::machine::{Condition, FailedBatch, FailedResponse, FailedSpan, Failure, Fault, FaultKind};
use forebay::mapping::DestinationKind;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::event;
use super::model::{Delivery, State};
use super::session::Session;
use super::shards::places;
use super::view::{Piece, Stage, With};
use crate::plan::SideOf;

/// What an adapter waits for an answer before it gives a delivery up (milliseconds).
const DELIVERY_TIMEOUT: u64 = 10_000;

impl Destination for Session {
    fn deliver(&self, failure: Arc<Failure>) -> BoxFuture<'_, Result<(), Fault>> {
        async move {
            self.model.world.enter().await;
            let mut open = OpenDelivery { session: self, uuid: failure.uuid, ended: false };
            self.begin_delivery(&failure);
            let result = self.take(&failure).await;
            open.ended = true;
            self.end_delivery(failure.uuid, &result);
            result
        }
        .boxed()
    }
}

/// A delivery that the engine waits for. Dropping it gives it up.
struct OpenDelivery<'a> {
    session: &'a Session,
    uuid: u128,
    ended: bool,
}

impl Drop for OpenDelivery<'_> {
    fn drop(&mut self) {
        if !self.ended && !self.session.model.world.closed() {
            let mut state = self.session.model.state();
            if let Some(delivery) = state.session(self.session.consumer, self.session.id).deliveries.get_mut(&self.uuid)
            {
                delivery.open = false;
            }
        }
    }
}

impl Session {
    async fn take(&self, failure: &Arc<Failure>) -> Result<(), Fault> {
        let (model, faults) = (&self.model, &self.model.consumer(self.consumer).faults);
        model.pause(model.plan.stream.latency).await;
        if let Some(outage) = model.outage(SideOf::Destination) {
            return Err(Fault::new(outage.kind, "the destination is out of reach"));
        }
        if model.strikes(faults.deliver_error) {
            let kind = if model.world.chance(0.5) { FaultKind::Throttled } else { FaultKind::Transient };
            return Err(Fault::new(kind, "the destination refuses"));
        }
        model.state().consumers[self.consumer].kept.push(Arc::clone(failure));
        if model.strikes(faults.deliver_lost) {
            model.world.sleep_until(model.world.now() + DELIVERY_TIMEOUT).await;
            return Err(Fault::new(FaultKind::Timeout, "no answer"));
        }
        model.pause(model.plan.stream.latency).await;
        Ok(())
    }

    fn begin_delivery(&self, failure: &Arc<Failure>) {
        let mut state = self.model.state();
        self.model.sweep(&mut state);
        self.check_alive(&state, "a delivery");
        if self.mapping.on_failure.is_none() {
            self.violate("delivers a failure record although the mapping has no destination");
        }
        if let Some(known) = state.session(self.consumer, self.id).deliveries.get_mut(&failure.uuid) {
            if known.confirmed || known.open || known.failure != *failure {
                let (open, confirmed) = (known.open, known.confirmed);
                self.violate(format_args!(
                    "a failure record is delivered again: open {open}, confirmed {confirmed}, or changed"
                ));
            }
            known.open = true;
            return;
        }
        let records = match event::read(&state, &failure.payload, self.mapping.source.id()) {
            Ok((records, _)) => records,
            Err(wrong) => return self.violate(format_args!("a failure record's event: {wrong}")),
        };
        let named = places(&state, &records);
        let condition = failure.condition.as_str();
        self.note(format_args!("gives {named} up: {condition} after {} invokes", failure.invokes));
        if let Some(shard) = self.check_batch(&state, failure, &records) {
            match failure.condition {
                Condition::RetryAttemptsExhausted => self.check_exhausted(&mut state, shard, failure, &records),
                Condition::RecordAgeExceeded => self.check_too_old(&mut state, shard, failure, &records),
                Condition::FilteredOut | Condition::FilterUndecidable => self.violate("there are no filters"),
            }
        }
        let delivery = Delivery { failure: Arc::clone(failure), records, open: true, confirmed: false };
        state.session(self.consumer, self.id).deliveries.insert(failure.uuid, delivery);
    }

    /// What the record says of its batch is what the event holds.
    fn check_batch(&self, state: &State, failure: &Failure, records: &[usize]) -> Option<usize> {
        let FailedBatch::Stream { shard, span, window } = &failure.batch else {
            self.violate("a failure record of a stream speaks of a queue");
            return None;
        };
        let Some(index) = state.shard(shard) else {
            self.violate(format_args!("a failure record names the shard {shard}"));
            return None;
        };
        let expected = records.first().zip(records.last()).map(|(&first, &last)| FailedSpan {
            start: Arc::clone(&state.records[first].sequence),
            end: Arc::clone(&state.records[last].sequence),
            first_unix_ms: state.records[first].stamp,
            last_unix_ms: state.records[last].stamp,
            records: records.len(),
        });
        if *span != expected || records.iter().any(|&record| state.records[record].shard != index) {
            self.violate(format_args!("a failure record says {span:?}, its event {expected:?}"));
        }
        let windowed = self.mapping.source.stream().is_some_and(|stream| stream.tumbling_window.is_some());
        // What becomes too old before its window was opened may tell of none.
        let unopened = windowed && failure.condition == Condition::RecordAgeExceeded;
        if (window.is_some() != windowed && !unopened)
            || (records.is_empty() && !window.is_some_and(|window| window.is_final))
        {
            self.violate(format_args!("a failure record says of its window: {window:?}"));
        }
        let now = self.model.world.unix_ms();
        if failure.unix_ms > now {
            self.violate("a failure record comes from the future");
        }
        let fifo = self.mapping.on_failure.as_ref().is_some_and(|to| to.kind == DestinationKind::Sqs { fifo: true });
        let session = &state.consumers[self.consumer].sessions[self.id];
        let same =
            |other: &&Delivery| matches!(&other.failure.batch, FailedBatch::Stream { shard: of, .. } if of == shard);
        for other in session.deliveries.values().filter(same).filter(|_| fifo) {
            if !other.confirmed || other.failure.unix_ms > failure.unix_ms + self.model.clock_lag() {
                self.violate(format_args!("a failure record of {shard} overtakes another, where order is kept"));
            }
        }
        Some(index)
    }

    /// Discarded because the budget is used up: it is, exactly, and the record has the last answer.
    fn check_exhausted(&self, state: &mut State, shard: usize, failure: &Failure, records: &[usize]) {
        let named = places(state, records);
        let view = state.view(self.consumer, self.id, shard);
        let is = |piece: &Piece| piece.records == records && (!records.is_empty() || piece.is_final());
        let Some(given) = view.given.iter().position(is) else {
            return self.violate(format_args!("{named} is given up although its budget is not used up"));
        };
        let piece = view.given.remove(given);
        if !(piece.counted..=piece.tried).contains(&failure.invokes) {
            let (counted, tried) = (piece.counted, piece.tried);
            self.violate(format_args!(
                "{named}: {} invokes are told of, {tried} were made, {counted} count",
                failure.invokes
            ));
        }
        let response = piece.answer.as_ref().map(|answer| FailedResponse {
            status: answer.status,
            executed_version: answer.executed_version.clone(),
            function_error: answer.function_error.clone(),
            payload: answer.payload.clone(),
        });
        if failure.response != response {
            self.violate(format_args!("{named}: {:?} is told of, the answer was {response:?}", failure.response));
        }
        let request = piece.answer.as_ref().and_then(|answer| answer.request_id.as_deref());
        if request.is_some_and(|request| request != failure.request_id) {
            self.violate(format_args!("{named}: the request {} is told of, it was {request:?}", failure.request_id));
        }
    }

    /// Discarded because of its age: all of it is too old, it is the next of its lane, and the record has no answer.
    fn check_too_old(&self, state: &mut State, shard: usize, failure: &Failure, records: &[usize]) {
        let named = places(state, records);
        let session = &state.consumers[self.consumer].sessions[self.id];
        if let Some(&young) =
            records.iter().find(|&&record| !session.is_expired(state.records[record].stamp, failure.unix_ms))
        {
            self.violate(format_args!("r{young} is given up as too old, and is not"));
        }
        if failure.response.is_some() {
            self.violate(format_args!("{named} is given up as too old, with an answer"));
        }
        let view = state.view(self.consumer, self.id, shard);
        let fresh: Vec<usize> = records.iter().copied().filter(|record| !view.owing.remove(record)).collect();
        if fresh.is_empty() && !records.is_empty() {
            return;
        }
        let records = &fresh[..];
        let lane = records.iter().find_map(|&record| view.lane_of(record));
        let Some(lane) = lane else {
            if records.is_empty() {
                return self.check_old_window(state, shard, failure);
            }
            self.check_follows(state, shard, records);
            if failure.invokes != 1 {
                self.violate(format_args!("{named} was never invoked, and {} invokes are told of", failure.invokes));
            }
            return;
        };
        let Some(piece) = view.lanes[lane].last_mut() else { return };
        let tried = piece.tried;
        if matches!(piece.stage, Stage::InFlight(_)) || !piece.records.starts_with(records) {
            return self
                .violate(format_args!("{named} is given up, which is not the head of what its lane was trying"));
        }
        // What is left of a batch is another batch, with a budget of its own.
        *piece = Piece::new(piece.records.split_off(records.len()), piece.tail.take());
        if piece.records.is_empty() {
            view.lanes[lane].pop();
        }
        view.tidy();
        if failure.invokes > tried.max(1) {
            self.violate(format_args!("{named}: {} invokes are told of, {tried} were made", failure.invokes));
        }
    }

    /// The end of a window is discarded as too old: its invoke has failed before, and its window is that old.
    fn check_old_window(&self, state: &mut State, shard: usize, failure: &Failure) {
        let FailedBatch::Stream { window: Some(window), .. } = &failure.batch else { return };
        let session = &state.consumers[self.consumer].sessions[self.id];
        let old = session.is_expired(window.end_unix_ms, failure.unix_ms);
        let view = state.view(self.consumer, self.id, shard);
        if view.owing_windows.remove(&window.start_unix_ms) {
            return;
        }
        let is = |piece: &Piece| {
            piece.is_final() && piece.tail.as_ref().is_some_and(|tail| tail.start == window.start_unix_ms)
        };
        let lane = view.lanes.iter().position(|lane| lane.last().is_some_and(is));
        if !old || lane.is_none() {
            self.violate(format_args!("the end of window {} is given up as too old, and is not", window.start_unix_ms));
        }
        if let Some(lane) = lane {
            view.lanes[lane].pop();
            view.discard_window(window.start_unix_ms);
            view.tidy();
        }
    }

    fn end_delivery(&self, uuid: u128, result: &Result<(), Fault>) {
        let mut state = self.model.state();
        let Some(delivery) = state.session(self.consumer, self.id).deliveries.get_mut(&uuid) else { return };
        delivery.open = false;
        if result.is_ok() {
            delivery.confirmed = true;
            let records = delivery.records.clone();
            let batch = delivery.failure.batch.clone();
            for &record in &records {
                self.model.finish_record(&mut state, self.consumer, self.id, record);
            }
            if let FailedBatch::Stream { shard, window: Some(window), .. } = batch
                && window.is_final
                && let Some(shard) = state.shard(&shard)
            {
                let with = With::Failure(window.start_unix_ms);
                self.model.end_window(&mut state, self.consumer, self.id, shard, with);
            }
        }
        drop(state);
        let end = result.as_ref().err().map_or("confirmed", |fault| fault.kind.as_str());
        self.note(format_args!("a delivery ends: {end}"));
    }
}
