//! What each answer of the function means for a `Lane` and its records.

use std::time::Duration;

use bytes::Bytes;

use super::StreamMachine;
use super::lanes::{LastAnswer, Piece};
use super::records::{Finished, Records};
use super::retry::{End, Verdict, judge};
use super::turn::Turn;
use super::windows::{LastOfWindow, returned};
use crate::machine::outcome::{Answer, read};
use crate::machine::{
    BatchId, Condition, Event, FailedResponse, Fault, FaultKind, FunctionAnswer, Invariant, InvokeEnd, InvokeResult,
    Problem,
};

impl StreamMachine {
    /// An invoke has ended.
    pub(super) fn invoked(&mut self, batch: BatchId, result: InvokeResult, took: Duration) {
        let Some(at) = self.cx.flights.end(batch) else { return };
        let is_answer = result.is_ok();
        self.work_on(at.shard, |shard, cx| {
            let mut turn = shard.turn(at.lane, cx);
            if let Some(piece) = turn.lane.land() {
                turn.landed(piece, result, took);
            }
        });
        if is_answer {
            // Lanes that a fault holds back need not wait any longer.
            for woken in self.cx.flights.woken(self.cx.now.mono) {
                self.work_on(woken.shard, |shard, cx| shard.turn(woken.lane, cx).lane.wake());
            }
        }
    }
}

impl Turn<'_> {
    /// The try of a piece has ended.
    fn landed(&mut self, piece: Piece, result: InvokeResult, took: Duration) {
        let records = piece.places.len();
        let (end, failed, problem) = match result {
            Ok(answer) => {
                self.cx.flights.answered(took);
                let (end, failed, problem) = self.answered(piece, answer);
                match &problem {
                    Some(problem) => self.cx.health.batch_failed(problem, self.cx.now.mono),
                    None => self.cx.health.batch_succeeded(),
                }
                (end, failed, problem)
            }
            Err(fault) => {
                self.faulted(piece, &fault);
                (InvokeEnd::Fault(fault.kind), records, Some(Problem::of_fault(&fault)))
            }
        };
        self.cx.out.emit(Event::InvokeEnded { end, records, failed, took, problem });
    }

    fn answered(&mut self, mut piece: Piece, answer: FunctionAnswer) -> (InvokeEnd, usize, Option<Problem>) {
        self.cx.health.function_ok();
        let records = piece.places.len();
        let needs_state = self.records.windows.is_some() && piece.last_of_window.is_none();
        let mut state = None;
        let (end, problem, malformed) = if let Some(error) = &answer.function_error {
            let end = if answer.is_terminal { End::Terminal } else { End::Failed };
            (end, Some(Problem::of_function(error, &answer)), None)
        } else {
            let parsed = if self.cx.options.report_batch_item_failures {
                reported(self.records, &piece, &answer)
            } else {
                Answer::Success
            };
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
            self.cx.out.emit(Event::MalformedResponse { reason });
        }
        let FunctionAnswer { status, function_error, executed_version, request_id, payload, .. } = answer;
        if end != End::Success {
            let response = FailedResponse { status, executed_version, function_error, payload };
            piece.answer = Some(LastAnswer { request_id, response });
        }
        self.conclude(piece, end, state);
        match end {
            End::Success => (InvokeEnd::Success, 0, None),
            End::FailedAt(index) => (InvokeEnd::Partial, records - index, (index == 0).then(Problem::all_reported)),
            End::Failed | End::Terminal | End::TooLarge => (InvokeEnd::FunctionError, records, problem),
        }
    }

    /// The function could not take the batch: it stays as it is, and nothing is spent.
    fn faulted(&mut self, mut piece: Piece, fault: &Fault) {
        if fault.kind == FaultKind::TooLarge {
            return self.conclude(piece, End::TooLarge, None);
        }
        self.cx.health.function_failed(fault);
        piece.faults += 1;
        let retry_in = self.cx.hold_back(self.key, piece.faults, fault);
        piece.wake = Some(self.cx.mono() + retry_in);
        self.cx.out.emit(Event::Held { records: piece.places.len(), retry_in });
        self.lane.start(piece);
    }

    /// Applies the verdict on a try.
    pub(super) fn conclude(&mut self, mut piece: Piece, end: End, state: Option<Bytes>) {
        let now = self.cx.now.mono;
        let (records, attempts) = (piece.places.len(), piece.attempts + 1);
        (piece.faults, piece.wake) = (0, None);
        match judge(end, records, attempts, self.cx.rules) {
            Verdict::Done => {
                self.lane.freed(now);
                self.complete(piece, state);
            }
            Verdict::Rest(index) => {
                let rest = piece.places.split_off(index);
                self.lane.start(Piece::new(rest));
                self.complete(piece, state);
            }
            Verdict::Halves(index) => {
                let second = piece.places.split_off(index);
                self.lane.start(Piece::new(second));
                self.lane.start(Piece::new(piece.places));
                self.cx.out.emit(Event::Bisected { records });
            }
            Verdict::Again => {
                let pause = self.cx.options.retry.pause(attempts, &mut self.cx.rng);
                (piece.attempts, piece.wake) = (attempts, Some(now + pause));
                self.lane.start(piece);
                self.cx.out.emit(Event::Held { records, retry_in: pause });
            }
            Verdict::Discard => {
                self.lane.freed(now);
                piece.attempts = attempts;
                self.records.discard(piece, Condition::RetryAttemptsExhausted, self.cx);
            }
        }
    }

    /// The function has processed these records.
    fn complete(&mut self, piece: Piece, state: Option<Bytes>) {
        let Self { records, cx, .. } = self;
        if let Some(last) = piece.last_of_window {
            let finished = records.window_closed(last);
            return records.finish(&finished, cx);
        }
        cx.out.check(Invariant::KeyOrder, self.lane.pass(&piece.places));
        let Some(windows) = &mut records.windows else {
            return records.finish(&Finished::Records(piece.places), cx);
        };
        let (window, fits) = (windows.number(), windows.advance(state));
        let processed = piece.places.iter().filter(|&&place| records.frontier.process(place, window)).count();
        cx.out.check(Invariant::FinishedOnce, processed == piece.places.len());
        if !fits {
            self.start_last_of_window(LastOfWindow::Early);
        }
    }
}

/// What an answer says of a piece's records.
fn reported(records: &Records, piece: &Piece, answer: &FunctionAnswer) -> Answer {
    let records = piece.places.iter().filter_map(|&place| records.frontier.get(place));
    let ids: Vec<&str> = records.map(|record| &*record.id).collect();
    read(&answer.payload, &ids)
}
