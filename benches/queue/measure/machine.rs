//! The machine alone: whole lives of messages, in one thread, with a world that answers at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::machine::{
    FunctionAnswer, Input, Machine, Message, Mono, Now, Output, QueueAnswer, QueueAttributes, QueueMachine,
    QueueOptions, QueueRequest, Receipt, ReceiptOutcome, Record, Screening,
};

use super::BODY_BYTES;
use crate::common::{Row, median};
use crate::driver::Options;

/// A step, as its inputs see it, takes this long.
const STEP: Duration = Duration::from_micros(20);

/// Steps and messages of one run.
#[derive(Clone, Copy, Default)]
struct Done {
    steps: u64,
    messages: u64,
    seconds: f64,
}

pub(super) fn measure(options: &Options) -> Vec<Row> {
    let messages = if options.quick { 20_000 } else { 1_000_000 };
    let runs: Vec<Done> = (0..options.runs()).map(|_| live(messages)).collect();
    let steps = median(runs.iter().map(|run| run.steps as f64 / run.seconds));
    let each = median(runs.iter().map(|run| run.messages as f64 / run.seconds));
    vec![Row::alone(
        "machine alone, one core, 50 in flight",
        format!("{steps:.0} steps/s, {each:.0} msg/s ({:.2} µs each)", 1e6 / each),
    )]
}

/// Takes messages through receive, invoke and delete until enough are deleted.
fn live(enough: u64) -> Done {
    let mut machine = QueueMachine::new(QueueOptions { maximum_concurrency: Some(50), ..QueueOptions::default() });
    let record = Record {
        id: Arc::from("00000000-0000-4000-8000-000000000000"),
        fragment: Bytes::from(vec![b' '; BODY_BYTES + 900]),
        arrived_unix_ms: 0,
        screening: Screening::Passes,
    };
    let message = Message { record, receipt: Receipt::new("R".repeat(344)), receive_count: 1, group: None };
    let mut inputs = VecDeque::from([Input::Timeout]);
    let mut done = Done::default();
    let mut now = Mono::ZERO;
    let clock = Instant::now();
    while done.messages < enough {
        // With nothing left to answer, the machine waits for its own deadline.
        let input = inputs.pop_front().unwrap_or(Input::Timeout);
        now = now + STEP;
        machine.handle(input, Now { mono: now, unix_ms: 0, ahead_ms: 0 });
        done.steps += 1;
        loop {
            match machine.poll_output() {
                Output::Request(request) => inputs.push_back(Input::Answer(answer(request, &message, &mut done))),
                Output::Invoke(invoke) => {
                    std::hint::black_box(&invoke.body);
                    let answer = FunctionAnswer {
                        status: 200,
                        payload: Bytes::from_static(b"null"),
                        ..FunctionAnswer::default()
                    };
                    inputs.push_back(Input::Invoked { batch: invoke.batch, result: Ok(answer), took: STEP });
                }
                Output::Emit(event) => {
                    std::hint::black_box(&event);
                }
                Output::Timeout(_) | Output::Done => break,
                // Nothing stops or fails here.
                Output::CancelPolls | Output::Deliver(_) => {}
            }
        }
    }
    Done { seconds: clock.elapsed().as_secs_f64(), ..done }
}

fn answer(request: QueueRequest, message: &Message, done: &mut Done) -> QueueAnswer {
    match request {
        QueueRequest::Describe => QueueAnswer::Described(Ok(attributes())),
        QueueRequest::Poll(poll) => {
            QueueAnswer::Polled { poll: poll.id, result: Ok(vec![message.clone(); poll.max as usize]) }
        }
        QueueRequest::Receipts(receipts) => {
            done.messages += receipts.entries.len() as u64;
            let outcomes = vec![ReceiptOutcome::Done; receipts.entries.len()];
            QueueAnswer::Receipts { request: receipts.id, result: Ok(outcomes) }
        }
    }
}

const fn attributes() -> QueueAttributes {
    QueueAttributes {
        visibility: Duration::from_secs(30),
        backlog: None,
        in_flight: None,
        max_receive_count: None,
        retention: None,
    }
}
