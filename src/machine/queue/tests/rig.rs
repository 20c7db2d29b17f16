//! A machine with a clock that is moved by hand and a list of what it asked for.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use crate::machine::{
    DeliverRequest, Event, Failure, Fault, FaultKind, FunctionAnswer, Input, InvokeRequest, InvokeResult, Machine,
    Message, Mono, Now, Operation, Output, PollRequest, Queue, QueueAnswer, QueueAttributes, QueueCall, QueueCommand,
    QueueMachine, QueueOptions, QueueRequest, Receipt, ReceiptAction, ReceiptOutcome, ReceiptRequest, Record,
    Screening, fuse,
};

/// The wall clock, which stands still.
pub(super) const UNIX_MS: u64 = 1_760_000_000_000;

/// What the machine asked for and what is not answered yet.
pub(super) struct Rig {
    pub(super) machine: QueueMachine,
    pub(super) now: Mono,
    pub(super) polls: VecDeque<PollRequest>,
    pub(super) invokes: VecDeque<InvokeRequest>,
    pub(super) receipts: VecDeque<ReceiptRequest>,
    pub(super) deliveries: VecDeque<DeliverRequest>,
    pub(super) events: Vec<Event>,
    pub(super) describes: usize,
    pub(super) cancels: usize,
    pub(super) wake: Option<Mono>,
    pub(super) done: bool,
    next: u64,
}

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(super) fn attributes(visibility: u64) -> QueueAttributes {
    QueueAttributes {
        visibility: s(visibility),
        backlog: Some(0),
        in_flight: Some(0),
        max_receive_count: Some(3),
        retention: Some(s(345_600)),
    }
}

pub(super) fn answer(payload: &'static str) -> InvokeResult {
    Ok(FunctionAnswer { status: 200, payload: Bytes::from_static(payload.as_bytes()), ..FunctionAnswer::default() })
}

pub(super) fn function_error() -> InvokeResult {
    Ok(FunctionAnswer {
        status: 200,
        function_error: Some("Unhandled".into()),
        payload: Bytes::from_static(br#"{"errorMessage":"boom"}"#),
        ..FunctionAnswer::default()
    })
}

pub(super) fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, kind.as_str())
}

/// Fragments of all sizes share one buffer: only their sizes matter here.
fn blank(bytes: usize) -> Bytes {
    static BLANK: OnceLock<Bytes> = OnceLock::new();
    BLANK.get_or_init(|| Bytes::from(vec![b' '; 8 * 1024 * 1024])).slice(..bytes)
}

impl Rig {
    /// A machine that has been set going but knows nothing of its queue yet.
    pub(super) fn cold(options: QueueOptions) -> Self {
        let mut rig = Self {
            machine: QueueMachine::new(options),
            now: Mono::ZERO,
            polls: VecDeque::new(),
            invokes: VecDeque::new(),
            receipts: VecDeque::new(),
            deliveries: VecDeque::new(),
            events: Vec::new(),
            describes: 0,
            cancels: 0,
            wake: None,
            done: false,
            next: 0,
        };
        rig.feed(Input::Timeout);
        rig
    }

    /// A machine that polls a queue with this visibility timeout.
    pub(super) fn new(options: QueueOptions, visibility: u64) -> Self {
        let mut rig = Self::cold(options);
        rig.hear(QueueAnswer::Described(Ok(attributes(visibility))));
        rig
    }

    /// Feeds an input. A machine whose fuse burns down meanwhile is followed by its successor.
    pub(super) fn feed(&mut self, input: Input<Queue>) {
        let order = match &input {
            Input::Command(command) => Some(command.clone()),
            _ => None,
        };
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.step(input))) else { return };
        if panic.downcast_ref::<&str>() != Some(&fuse::WORDS) {
            resume_unwind(panic);
        }
        self.hand_over();
        self.feed(order.map_or(Input::Timeout, Input::Command));
    }

    /// The queue answers.
    pub(super) fn hear(&mut self, answer: QueueAnswer) {
        self.feed(Input::Answer(answer));
    }

    /// Has a successor go on with what is open and held.
    pub(super) fn hand_over(&mut self) {
        let open = (self.polls.iter().map(|poll| Operation::Request(QueueCall::Poll(poll.id))))
            .chain(self.invokes.iter().map(|invoke| Operation::Invoke(invoke.batch)))
            .chain(self.receipts.iter().map(|request| Operation::Request(QueueCall::Receipts(request.id))))
            .chain(self.deliveries.iter().map(|delivery| Operation::Deliver(delivery.id)));
        self.machine = self.machine.successor(&open.collect(), fuse::WORDS).expect("queues hand over");
    }

    fn step(&mut self, input: Input<Queue>) {
        self.machine.handle(input, Now { mono: self.now, unix_ms: UNIX_MS, ahead_ms: 0 });
        loop {
            match self.machine.poll_output() {
                Output::Request(QueueRequest::Describe) => self.describes += 1,
                Output::Request(QueueRequest::Poll(request)) => self.polls.push_back(request),
                Output::CancelPolls => self.cancels += 1,
                Output::Invoke(request) => self.invokes.push_back(request),
                Output::Request(QueueRequest::Receipts(request)) => self.receipts.push_back(request),
                Output::Emit(event) => self.events.push(event),
                Output::Deliver(request) => self.deliveries.push_back(request),
                Output::Timeout(deadline) => {
                    self.wake = deadline.map(|deadline| deadline.at);
                    return;
                }
                Output::Done => {
                    self.done = true;
                    return;
                }
            }
        }
    }

    /// Lets time pass, with every wake that the machine asked for on the way.
    pub(super) fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        let mut wakes = 0;
        while let Some(at) = self.wake.filter(|at| *at <= until && !self.done) {
            assert!(wakes < 10_000, "the machine wants to be woken again and again at {at:?}");
            wakes += 1;
            self.now = self.now.max(at);
            self.feed(Input::Timeout);
        }
        self.now = until;
        self.feed(Input::Timeout);
    }

    /// Answers the oldest poll with this many messages of 100 bytes.
    pub(super) fn bring(&mut self, messages: usize) {
        self.bring_sized(messages, 100);
    }

    pub(super) fn bring_sized(&mut self, messages: usize, bytes: usize) {
        let records = (0..messages).map(|_| self.message(bytes)).collect();
        let poll = self.polls.pop_front().expect("a poll is open").id;
        self.hear(QueueAnswer::Polled { poll, result: Ok(records) });
    }

    pub(super) fn message(&mut self, bytes: usize) -> Message {
        self.next += 1;
        let record = Record {
            id: format!("m-{}", self.next).into(),
            fragment: blank(bytes),
            arrived_unix_ms: 0,
            screening: Screening::Passes,
        };
        Message { record, receipt: Receipt::new(format!("r-{}", self.next)), receive_count: 1, group: None }
    }

    pub(super) fn fail_poll(&mut self, kind: FaultKind) {
        let poll = self.polls.pop_front().expect("a poll is open").id;
        self.hear(QueueAnswer::Polled { poll, result: Err(fault(kind)) });
    }

    /// Every open poll is abandoned.
    pub(super) fn fail_polls(&mut self) {
        while !self.polls.is_empty() {
            self.fail_poll(FaultKind::Cancelled);
        }
    }

    /// Answers the oldest invoke.
    pub(super) fn finish(&mut self, result: InvokeResult) {
        let batch = self.invokes.pop_front().expect("an invoke is open").batch;
        self.feed(Input::Invoked { batch, result, took: ms(5) });
    }

    /// Answers the oldest delivery of a failure record, and gives what it held.
    pub(super) fn confirm(&mut self, result: Result<(), Fault>) -> Arc<Failure> {
        let DeliverRequest { id, failure } = self.deliveries.pop_front().expect("a delivery is open");
        self.feed(Input::Delivered { delivery: id, result });
        failure
    }

    /// Answers every open call with receipts, and gives the receipts by what was done with them.
    pub(super) fn answer_receipts(&mut self) -> Answered {
        let mut answered = Answered::default();
        while let Some(request) = self.receipts.pop_front() {
            assert!((1..=10).contains(&request.entries.len()));
            for entry in &request.entries {
                let receipt = entry.receipt.as_str().to_owned();
                match request.action {
                    ReceiptAction::Delete => answered.deleted.push(receipt),
                    ReceiptAction::ChangeVisibility => answered.changed.push((receipt, entry.visibility.as_secs())),
                }
            }
            let result = Ok(vec![ReceiptOutcome::Done; request.entries.len()]);
            self.hear(QueueAnswer::Receipts { request: request.id, result });
        }
        answered
    }

    /// Answers the oldest call with receipts, with one outcome for all its entries.
    pub(super) fn answer_receipts_as(&mut self, outcome: ReceiptOutcome) -> ReceiptRequest {
        let request = self.receipts.pop_front().expect("a call with receipts is open");
        let result = Ok(vec![outcome; request.entries.len()]);
        self.hear(QueueAnswer::Receipts { request: request.id, result });
        request
    }

    pub(super) fn drain(&mut self, bound: Duration) {
        self.feed(Input::Command(QueueCommand::Drain { bound, receives: s(0) }));
    }

    /// The messages that are with the function, by the batch.
    pub(super) fn in_flight(&self) -> Vec<Vec<Arc<str>>> {
        let batches = self.invokes.iter().map(|invoke| self.machine.invoking.tokens(invoke.batch));
        batches
            .map(|tokens| self.machine.messages.of(tokens).map(|held| Arc::clone(&held.message.record.id)).collect())
            .collect()
    }

    pub(super) fn held(&self) -> usize {
        self.machine.gauges().held
    }

    pub(super) fn saw(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }
}

/// What was done with the receipts of answered calls.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) deleted: Vec<String>,
    pub(super) changed: Vec<(String, u64)>,
}
