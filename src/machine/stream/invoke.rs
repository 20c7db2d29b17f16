//! Lanes at work: batches on their way to the function, and what each answer means for their records.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::StreamMachine;
use super::lanes::{Lane, LastAnswer, LastOfWindow, Limits, Piece};
use super::retry::{End, Verdict, expired, judge};
use super::shard::{Shard, ShardKey};
use super::windows::{Windows, returned};
use crate::machine::envelope::{MAX_BODY_BYTES, beyond_plain, join_with};
use crate::machine::outcome::{Answer, read};
use crate::machine::{
    BatchId, Condition, Event, FailedResponse, Fault, FaultKind, FlushReason, FunctionAnswer, Invariant, InvokeEnd,
    InvokeRequest, InvokeResult, Output, Problem,
};

const PLAIN_TAIL: &[u8] = b"]}";

/// What settles together.
#[derive(Debug)]
pub(super) enum Settled {
    /// The records at these places.
    Records(Vec<u64>),
    /// Everything that was processed in this tumbling window.
    Window(u64),
}

impl StreamMachine {
    /// Does what a lane is ready for, until it waits for the function, for time or for records.
    pub(super) fn advance_lane(&mut self, key: ShardKey, lane: usize) {
        loop {
            let Some(shard) = self.shards.get(&key) else { return };
            let Some(at) = shard.lanes.get(lane).filter(|lane| !lane.flying) else { return };
            if !self.may_begin(shard, at) {
                return;
            }
            let waits = at.piece().is_some_and(|piece| piece.wake.is_some_and(|wake| wake > self.now.mono));
            let progress = match at.piece() {
                None => self.start_batch(key, lane),
                Some(_) => self.give_up_expired(key, lane) || !waits && self.invoke(key, lane),
            };
            if !progress {
                return;
            }
        }
    }

    /// Forms the next batch of a free lane, if one is due.
    fn start_batch(&mut self, key: ShardKey, lane: usize) -> bool {
        let (now, unix_ms, age) = (self.now.mono, self.now.unix_ms, self.options.maximum_record_age);
        let draining = self.draining.is_some();
        let Some(shard) = self.shards.get_mut(&key) else { return false };
        let (frontier, at_end) = (&shard.frontier, shard.at_end);
        let Some(at) = shard.lanes.get_mut(lane) else { return false };
        let arrived = |place| frontier.get(place).map_or(u64::MAX, |record| record.arrived_unix_ms);
        let old = expired(at.waiting().map(arrived), age, unix_ms);
        if old > 0 {
            let places = at.take(old);
            self.give_up(key, Piece::new(BatchId(0), places), Condition::RecordAgeExceeded);
            return true;
        }
        let (mut within, mut limits) = (usize::MAX, self.limits);
        if let Some(windows) = &mut shard.windows {
            within = windows.within(at.waiting().map(arrived));
            let tail = windows.tail(&shard.id, &self.options.source_arn, false, false);
            limits = Limits { bytes: limits.bytes - beyond_plain(&tail), ..limits };
        }
        if draining {
            within = at.waiting().take_while(|&place| place < shard.goal).count();
        }
        let Some(closed) = at.close(&limits, within, at_end || draining, now) else {
            return self.close_window(key, lane, within);
        };
        let (records, bytes, reason) = (closed.places.len(), closed.bytes, closed.reason);
        let piece = Piece::new(BatchId(self.out.name()), closed.places);
        self.lane_mut(key, lane, |lane| lane.start(piece));
        self.out.emit(Event::Flushed { records, bytes, reason });
        true
    }

    /// Starts the final invoke of a tumbling window whose records are all processed.
    fn close_window(&mut self, key: ShardKey, lane: usize, within: usize) -> bool {
        let Some(shard) = self.shards.get(&key) else { return false };
        let Some(ends) = shard.windows.as_ref().and_then(Windows::ends) else { return false };
        let waits = shard.lanes.get(lane).is_some_and(|lane| lane.queued() > 0);
        let over = if waits { within == 0 } else { shard.at_end || self.is_quiet_since(shard, ends) };
        // Its records that were given up settle only with their failure records, and they do not change the state.
        if over {
            self.start_last_of_window(key, lane, LastOfWindow::Complete);
        }
        over
    }

    fn start_last_of_window(&mut self, key: ShardKey, lane: usize, last: LastOfWindow) {
        let mut piece = Piece::new(BatchId(self.out.name()), Vec::new());
        piece.last_of_window = Some(last);
        self.lane_mut(key, lane, |lane| lane.start(piece));
        self.out.emit(Event::Flushed { records: 0, bytes: 0, reason: FlushReason::End });
    }

    /// Hands the next piece to the function; `true` when it could not be sent, and something else may be next.
    fn invoke(&mut self, key: ShardKey, lane: usize) -> bool {
        let Some(shard) = self.shards.get(&key) else { return false };
        let Some(piece) = shard.lanes.get(lane).and_then(|lane| lane.piece()) else { return false };
        let (batch, attempt, records) = (piece.batch, piece.attempts + piece.faults + 1, piece.places.len());
        let body = self.body(shard, piece);
        if body.len() > MAX_BODY_BYTES {
            self.too_large(key, lane, body.len());
            return true;
        }
        let last = piece.places.last().and_then(|&place| shard.frontier.get(place));
        let age = last.map(|record| Duration::from_millis(self.now.unix_ms.saturating_sub(record.arrived_unix_ms)));
        let id = Arc::clone(&shard.id);
        let free = !shard.lanes.get(lane).is_some_and(|lane| lane.flying) && !self.batches.contains_key(&batch);
        self.out.check(Invariant::OneBatchPerLane, free);
        self.out.check(Invariant::BatchWithinLimits, records <= self.limits.records);
        self.lane_mut(key, lane, |lane| lane.flying = true);
        self.batches.insert(batch, (key, lane));
        if let Some(age) = age {
            if let Some(shard) = self.shards.get_mut(&key) {
                shard.shown_age = age;
            }
            self.out.emit(Event::IteratorAge { shard: id, age });
        }
        self.out.emit(Event::InvokeStarted { records, attempt });
        self.out.push(Output::Invoke(InvokeRequest { batch, body, records, attempt }));
        false
    }

    /// The event of a batch: the same bytes for every try.
    pub(super) fn body(&self, shard: &Shard, piece: &Piece) -> Bytes {
        let fragments = piece.places.iter().filter_map(|&place| shard.frontier.get(place));
        let tail = shard.windows.as_ref().map(|windows| {
            let early = piece.last_of_window == Some(LastOfWindow::Early);
            windows.tail(&shard.id, &self.options.source_arn, piece.last_of_window.is_some(), early)
        });
        join_with(fragments.map(|record| &record.fragment), tail.as_deref().unwrap_or(PLAIN_TAIL))
    }

    /// The event would be larger than the function takes, so it is not sent: the try counts all the same.
    fn too_large(&mut self, key: ShardKey, lane: usize, bytes: usize) {
        let Some(shard) = self.shards.get(&key) else { return };
        let Some(piece) = shard.lanes.get(lane).and_then(|lane| lane.piece()) else { return };
        if let (&[place], 0) = (piece.places.as_slice(), piece.attempts) {
            let id = shard.frontier.get(place).map(|record| record.id.to_string()).unwrap_or_default();
            let reason = format!("record {id} alone makes an event of {bytes} bytes, more than the 6 MB allowed");
            self.out.emit(Event::TooLarge { id, bytes });
            self.health.function_failed(&Fault::new(FaultKind::TooLarge, reason));
        }
        self.conclude(key, lane, End::TooLarge, None);
    }

    pub(super) fn invoked(&mut self, batch: BatchId, result: InvokeResult, took: Duration) {
        let Some((key, lane)) = self.batches.remove(&batch) else { return };
        self.lane_mut(key, lane, |lane| lane.flying = false);
        let shard = self.shards.get(&key);
        let records = shard.and_then(|shard| shard.lanes.get(lane)?.piece()).map_or(0, |piece| piece.places.len());
        let is_answer = result.is_ok();
        let (end, failed, problem) = match result {
            Ok(answer) => {
                self.run = took;
                let (end, failed, problem) = self.answered(key, lane, answer);
                match &problem {
                    Some(problem) => self.health.batch_failed(problem, self.now.mono),
                    None => self.health.batch_succeeded(),
                }
                (end, failed, problem)
            }
            Err(fault) => {
                self.faulted(key, lane, &fault);
                (InvokeEnd::Fault(fault.kind), records, Some(Problem::of_fault(&fault)))
            }
        };
        self.out.emit(Event::InvokeEnded { end, records, failed, took, problem });
        self.advance_shard(key);
        if is_answer {
            self.wake_held_back();
        }
    }

    fn answered(&mut self, key: ShardKey, lane: usize, answer: FunctionAnswer) -> (InvokeEnd, usize, Option<Problem>) {
        self.health.function_ok();
        let Some(shard) = self.shards.get(&key) else { return (InvokeEnd::Success, 0, None) };
        let Some(piece) = shard.lanes.get(lane).and_then(|lane| lane.piece()) else {
            return (InvokeEnd::Success, 0, None);
        };
        let records = piece.places.len();
        let needs_state = shard.windows.is_some() && piece.last_of_window.is_none();
        let mut state = None;
        let (end, problem, malformed) = if let Some(error) = &answer.function_error {
            (End::Failed, Some(Problem::of_function(error, &answer)), None)
        } else {
            let parsed = self.read_answer(shard, piece, &answer);
            let malformed = match (&parsed, needs_state) {
                (Answer::Malformed(reason), _) => Some(*reason),
                (_, true) => {
                    state = returned(&answer.payload);
                    state.is_none().then_some("the answer for a tumbling window has no state")
                }
                (_, false) => None,
            };
            let end = if malformed.is_some() { End::Failed } else { End::of(&parsed) };
            (end, malformed.map(Problem::malformed), malformed)
        };
        if let Some(reason) = malformed {
            self.out.emit(Event::MalformedResponse { reason });
        }
        let FunctionAnswer { status, function_error, executed_version, request_id, payload } = answer;
        if end != End::Success {
            let response = FailedResponse { status, executed_version, function_error, payload };
            self.piece_mut(key, lane, |piece| piece.answer = Some(LastAnswer { request_id, response }));
        }
        self.conclude(key, lane, end, state);
        match end {
            End::Success => (InvokeEnd::Success, 0, None),
            End::FailedAt(index) => (InvokeEnd::Partial, records - index, (index == 0).then(Problem::all_reported)),
            End::Failed | End::TooLarge => (InvokeEnd::FunctionError, records, problem),
        }
    }

    fn read_answer(&self, shard: &Shard, piece: &Piece, answer: &FunctionAnswer) -> Answer {
        if !self.options.report_batch_item_failures {
            return Answer::Success;
        }
        let records = piece.places.iter().filter_map(|&place| shard.frontier.get(place));
        let ids: Vec<&str> = records.map(|record| &*record.id).collect();
        read(&answer.payload, &ids)
    }

    /// Applies the verdict on a try.
    fn conclude(&mut self, key: ShardKey, lane: usize, end: End, state: Option<Bytes>) {
        let (now, name, second) = (self.now.mono, BatchId(self.out.name()), BatchId(self.out.name()));
        let rules = self.rules;
        let Some(at) = self.shards.get_mut(&key).and_then(|shard| shard.lanes.get_mut(lane)) else { return };
        let Some(piece) = at.piece_mut() else { return };
        piece.faults = 0;
        piece.wake = None;
        let records = piece.places.len();
        let attempts = piece.attempts + 1;
        match judge(end, records, attempts, rules) {
            Verdict::Done => {
                let Some(piece) = at.finish(now) else { return };
                self.complete(key, lane, piece, state);
            }
            Verdict::Rest(index) => {
                let rest = piece.places.split_off(index);
                let done = std::mem::replace(piece, Piece::new(name, rest));
                self.complete(key, lane, done, state);
            }
            Verdict::Halves(index) => {
                let Some(mut first) = at.finish(now) else { return };
                let rest = first.places.split_off(index);
                at.start(Piece::new(second, rest));
                at.start(Piece::new(name, first.places));
                self.out.emit(Event::Bisected { records });
            }
            Verdict::Again => {
                piece.attempts = attempts;
                let pause = self.options.retry.pause(attempts, &mut self.rng);
                piece.wake = Some(now + pause);
                self.out.emit(Event::Held { records, retry_in: pause });
            }
            Verdict::GiveUp => {
                let Some(mut piece) = at.finish(now) else { return };
                piece.attempts = attempts;
                self.give_up(key, piece, Condition::RetryAttemptsExhausted);
            }
        }
    }

    /// The function could not take the batch: it stays as it is, and nothing is spent.
    fn faulted(&mut self, key: ShardKey, lane: usize, fault: &Fault) {
        if fault.kind == FaultKind::TooLarge {
            return self.conclude(key, lane, End::TooLarge, None);
        }
        self.health.function_failed(fault);
        self.hold_back(key, lane, fault);
    }

    /// The function has processed these records.
    fn complete(&mut self, key: ShardKey, lane: usize, piece: Piece, state: Option<Bytes>) {
        if let Some(last) = piece.last_of_window {
            let settled = self.window_closed(key, last);
            return self.settle(key, &settled);
        }
        let mut in_order = true;
        self.lane_mut(key, lane, |lane| in_order = lane.pass(&piece.places));
        self.out.check(Invariant::KeyOrder, in_order);
        let Some(shard) = self.shards.get_mut(&key) else { return };
        let Some(windows) = &mut shard.windows else {
            return self.settle(key, &Settled::Records(piece.places));
        };
        let (window, fits) = (windows.number(), windows.advance(state));
        let processed = piece.places.iter().filter(|&&place| shard.frontier.process(place, window)).count();
        self.out.check(Invariant::SettlesOnce, processed == piece.places.len());
        if !fits {
            self.start_last_of_window(key, lane, LastOfWindow::Early);
        }
    }

    /// The final invoke of a window is over: what settles with it.
    pub(super) fn window_closed(&mut self, key: ShardKey, last: LastOfWindow) -> Settled {
        let windows = self.shards.get_mut(&key).and_then(|shard| shard.windows.as_mut());
        Settled::Window(windows.map(|windows| windows.close(last == LastOfWindow::Early)).unwrap_or_default())
    }

    /// Settles records for good.
    pub(super) fn settle(&mut self, key: ShardKey, settled: &Settled) {
        let Some(shard) = self.shards.get_mut(&key) else { return };
        match settled {
            Settled::Window(window) => shard.frontier.release(*window),
            Settled::Records(places) => {
                let once = places.iter().filter(|&&place| shard.frontier.settle(place)).count();
                self.out.check(Invariant::SettlesOnce, once == places.len());
            }
        }
        self.saving.touch(key);
    }

    fn lane_mut(&mut self, key: ShardKey, lane: usize, change: impl FnOnce(&mut Lane)) {
        if let Some(lane) = self.shards.get_mut(&key).and_then(|shard| shard.lanes.get_mut(lane)) {
            change(lane);
        }
    }

    pub(super) fn piece_mut(&mut self, key: ShardKey, lane: usize, change: impl FnOnce(&mut Piece)) {
        self.lane_mut(key, lane, |lane| {
            if let Some(piece) = lane.piece_mut() {
                change(piece);
            }
        });
    }
}
