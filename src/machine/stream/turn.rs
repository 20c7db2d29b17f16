//! A `Lane` at work: its batches on their way to the function.

use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::lanes::{Admission, Due, Lane, LaneKey, Limits, Piece};
use super::reading::Reading;
use super::records::Records;
use super::retry::{End, expired};
use super::windows::{LastOfWindow, Windows};
use crate::machine::envelope::{MAX_BODY_BYTES, beyond_plain};
use crate::machine::{BatchId, Condition, Event, Fault, FaultKind, FlushReason, Invariant, InvokeRequest, Output};

/// A `Lane`, and what it works with.
pub(super) struct Turn<'a> {
    pub(super) key: LaneKey,
    pub(super) lane: &'a mut Lane,
    pub(super) records: &'a mut Records,
    pub(super) reading: &'a Reading,
    pub(super) cx: &'a mut Context,
}

impl Turn<'_> {
    /// Does what the `Lane` is ready for, until it waits for the function, for time or for records.
    pub(super) fn advance(&mut self) {
        while !self.lane.is_flying() && self.may_begin() && self.step() {}
    }

    /// The same when its turn has come: it may invoke.
    pub(super) fn take(&mut self) {
        self.lane.admission = Admission::Has;
        self.advance();
        self.lane.admission = Admission::Free;
    }

    /// Whether something may go to the function now.
    fn is_admitted(&mut self) -> bool {
        match self.lane.admission {
            Admission::Has => true,
            Admission::Awaits => false,
            Admission::Free if self.cx.flights.admit(self.key) => true,
            Admission::Free => {
                self.lane.admission = Admission::Awaits;
                false
            }
        }
    }

    /// Whether the `Lane` may begin something: always, but in a drain only to catch up, and not if it failed before.
    fn may_begin(&self) -> bool {
        let Some(draining) = &self.cx.draining else { return true };
        let behind = self.lane.next_place().is_some_and(|place| place < self.records.goal);
        draining.is_patient(self.cx.mono()) && behind && !self.lane.is_stuck()
    }

    /// Says whether something else may be next.
    fn step(&mut self) -> bool {
        let Some(piece) = self.lane.next_piece() else { return self.start_batch() };
        let Some(piece) = self.discard_expired(piece) else { return true };
        if piece.wake.is_some_and(|wake| wake > self.cx.mono()) {
            self.lane.start(piece);
            return false;
        }
        if !self.is_admitted() {
            self.lane.start(Piece { wake: None, ..piece });
            return false;
        }
        self.invoke(piece)
    }

    /// Forms the next batch of a free `Lane`, if one is due.
    fn start_batch(&mut self) -> bool {
        let (now, records, age) = (self.cx.now, &mut *self.records, self.cx.options.maximum_record_age);
        let old = expired(self.lane.waiting().map(|place| records.frontier.arrived(place)), age, now.unix_ms);
        if old > 0 {
            let old = Piece::new(self.lane.take(old));
            records.discard(old, Condition::RecordAgeExceeded, self.cx);
            return true;
        }
        let (mut within, mut limits) = (usize::MAX, self.cx.limits);
        if let Some(windows) = &mut records.windows {
            within = windows.within(self.lane.waiting().map(|place| records.frontier.arrived(place)));
            limits = Limits { bytes: limits.bytes - beyond_plain(&windows.tail(None)), ..limits };
        }
        let draining = self.cx.draining.is_some();
        if draining {
            within = self.lane.waiting().take_while(|&place| place < records.goal).count();
        }
        let end = self.reading.is_at_end() || draining;
        let Some(Due { records, bytes, reason }) = self.lane.batch_due(&limits, within, end, now.mono) else {
            return self.close_window(within);
        };
        if !self.is_admitted() {
            return false;
        }
        self.cx.out.emit(Event::Flushed { records, bytes, reason });
        let places = self.lane.take(records);
        self.invoke(Piece::new(places))
    }

    /// Starts the final invoke of a tumbling window whose records are all processed.
    fn close_window(&mut self, within: usize) -> bool {
        let Some(ends) = self.records.windows.as_ref().and_then(Windows::ends) else { return false };
        let over = if self.lane.queued() > 0 {
            within == 0
        } else {
            self.reading.is_at_end() || self.reading.is_quiet_since(ends, self.cx.options.reads.window_grace)
        };
        // Its discarded records finish only with their failure records, and they do not change the state.
        if over {
            self.start_last_of_window(LastOfWindow::Complete);
        }
        over
    }

    pub(super) fn start_last_of_window(&mut self, last: LastOfWindow) {
        self.lane.start(Piece::last(last));
        self.cx.out.emit(Event::Flushed { records: 0, bytes: 0, reason: FlushReason::End });
    }

    /// Hands a piece to the function; `true` when it could not be sent, and something else may be next.
    fn invoke(&mut self, mut piece: Piece) -> bool {
        let body = self.records.body(&piece.places, piece.last_of_window);
        if body.len() > MAX_BODY_BYTES {
            self.too_large(piece, body.len());
            return true;
        }
        self.cx.flights.let_go(self.key);
        let batch = *piece.batch.get_or_insert_with(|| BatchId(self.cx.out.name()));
        let (records, attempt) = (piece.places.len(), piece.attempts + piece.faults + 1);
        let is_alone = !self.lane.is_flying() && self.cx.flights.begin(batch, self.key);
        self.cx.out.check(Invariant::OneBatchPerLane, is_alone);
        self.cx.out.check(Invariant::BatchWithinLimits, records <= self.cx.limits.records);
        if let Some(last) = piece.places.last().and_then(|&place| self.records.frontier.get(place)) {
            let age = Duration::from_millis(self.cx.now.unix_ms.saturating_sub(last.arrived_unix_ms));
            self.records.shown_age = age;
            self.cx.out.emit(Event::IteratorAge { shard: Arc::clone(&self.records.id), age });
        }
        self.lane.fly(piece);
        self.cx.out.emit(Event::InvokeStarted { records, attempt });
        self.cx.out.push(Output::Invoke(InvokeRequest { batch, body, records, attempt }));
        false
    }

    /// The event would be larger than the function takes, so it is not sent: the try counts all the same.
    fn too_large(&mut self, piece: Piece, bytes: usize) {
        if let (&[place], 0) = (piece.places.as_slice(), piece.attempts) {
            let id = self.records.frontier.get(place).map(|record| record.id.to_string()).unwrap_or_default();
            let reason = format!("record {id} alone makes an event of {bytes} bytes, more than the 6 MB allowed");
            self.cx.out.emit(Event::TooLarge { id, bytes });
            self.cx.health.function_failed(&Fault::new(FaultKind::TooLarge, reason));
        }
        self.conclude(piece, End::TooLarge, None);
    }
}
