//! Batches go to the function, and what each answer means for their messages.

use std::time::Duration;

use super::QueueMachine;
use super::invoking::Batch;
use crate::machine::outcome::{Answer, read};
use crate::machine::{BatchId, Event, FunctionAnswer, InvokeEnd, InvokeResult, Problem};

/// How an invoke ended.
struct End {
    end: InvokeEnd,
    /// Records that count as failed.
    failed: usize,
    /// What it failed of, when nothing of the batch is done.
    problem: Option<Problem>,
}

impl QueueMachine {
    pub(super) fn start_invokes(&mut self) {
        while let Some(id) = self.invoking.next_ready() {
            self.leave_lost_out(id);
            self.invoking.begin(&mut self.cx, &mut self.messages, id);
        }
    }

    pub(super) fn invoked(&mut self, id: BatchId, result: InvokeResult, took: Duration) {
        let Some(batch) = self.invoking.landed(id) else { return };
        let records = batch.tokens.len();
        let End { end, failed, problem } = match result {
            Ok(answer) => {
                let end = self.answered(batch, &answer, took);
                match &end.problem {
                    Some(problem) => self.cx.health.batch_failed(problem, self.cx.now),
                    None => self.cx.health.batch_succeeded(),
                }
                end
            }
            Err(fault) => {
                self.faulted(batch, &fault);
                End { end: InvokeEnd::Fault(fault.kind), failed: records, problem: Some(Problem::of_fault(&fault)) }
            }
        };
        self.cx.out.emit(Event::InvokeEnded { end, records, failed, took, problem });
    }

    fn answered(&mut self, batch: Batch, answer: &FunctionAnswer, took: Duration) -> End {
        let Self { cx, messages, invoking, finishing, .. } = self;
        cx.health.function_ok();
        invoking.answered(took, cx.now);
        let (reports, tokens) = (batch.reports(), batch.tokens);
        messages.gather.vacate(&tokens);
        let records = tokens.len();
        if let Some(error) = &answer.function_error {
            if !reports {
                invoking.scaler.function_failed();
            }
            finishing.fail(cx, messages, &tokens, Some(answer));
            let problem = Some(Problem::of_function(error, answer));
            return End { end: InvokeEnd::FunctionError, failed: records, problem };
        }
        let ids: Vec<&str> = messages.of(&tokens).map(|held| &*held.message.record.id).collect();
        match if reports { read(&answer.payload, &ids) } else { Answer::Success } {
            Answer::Success => {
                finishing.succeed(cx, messages, &tokens);
                End { end: InvokeEnd::Success, failed: 0, problem: None }
            }
            Answer::Partial(failed) => {
                let kept = messages.gather.kept_in_order(&tokens, &failed);
                if !kept.is_empty() {
                    cx.out.emit(Event::OrderKept { records: kept.len() });
                }
                let is_in = |set: &[usize], index: &usize| set.binary_search(index).is_ok();
                let processed: Vec<usize> =
                    (0..records).filter(|index| !is_in(&failed, index) && !is_in(&kept, index)).collect();
                let pick = |indices: &[usize]| indices.iter().map(|&index| tokens[index]).collect::<Vec<u64>>();
                finishing.succeed(cx, messages, &pick(&processed));
                finishing.fail_reported(cx, messages, &pick(&failed), &pick(&kept), answer);
                let problem = processed.is_empty().then(Problem::all_reported);
                End { end: InvokeEnd::Partial, failed: failed.len(), problem }
            }
            Answer::Malformed(reason) => {
                cx.out.emit(Event::MalformedResponse { reason });
                finishing.fail(cx, messages, &tokens, Some(answer));
                End { end: InvokeEnd::FunctionError, failed: records, problem: Some(Problem::malformed(reason)) }
            }
        }
    }
}
