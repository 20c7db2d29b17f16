//! The contract between a machine and its driver.
//!
//! What all machines have in common is here: functions, failure destinations, time. What a kind of source adds is its
//! [`Protocol`]: [`Queue`](super::Queue) and [`Stream`](super::Stream).

pub(super) mod queue;
pub(super) mod stream;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;

use super::{Deadline, DeliverRequest, DeliveryId, Event, Fault, Now};

/// What a machine and its kind of source have to say to each other.
pub trait Protocol: Copy + Ord + Debug + Send + 'static {
    /// What the source, or the store, is asked for.
    type Request: Debug + Send + 'static;
    /// Names a request that is open.
    type Call: Copy + Ord + Debug + Send + 'static;
    /// What came of a request.
    type Answer: Debug + Send + 'static;
    /// What an operator can ask of a running machine.
    type Command: Clone + Debug + Send + 'static;

    /// The name of a request.
    fn call(request: &Self::Request) -> Self::Call;

    /// Whether the call takes records, and ends when the machine wants no more of them.
    fn is_poll(call: Self::Call) -> bool;

    /// What came of a call that did not end by itself.
    fn failed(call: Self::Call, fault: Fault) -> Self::Answer;
}

/// A deterministic state machine for one mapping: a queue, or all shards of a stream.
pub trait Machine {
    /// The kind of its source.
    type Protocol: Protocol;

    /// Takes in what happened. Never blocks, never fails; to be followed by a complete drain of
    /// [`poll_output`](Self::poll_output).
    fn handle(&mut self, input: Input<Self::Protocol>, now: Now);

    /// The next thing to do. The answer changes only after a `handle`; after
    /// [`Output::Timeout`] or [`Output::Done`] further calls repeat that answer.
    #[must_use]
    fn poll_output(&mut self) -> Output<Self::Protocol>;

    /// How much the machine holds; for `status`.
    #[must_use]
    fn gauges(&self) -> Gauges;

    /// After a panic in one of the others, with these words: a fresh machine that goes on with what this one held, and
    /// with the calls that are `open`. `None` where nothing is handed over.
    #[must_use]
    fn successor(&mut self, open: &BTreeSet<Operation<Self::Protocol>>, panic: &str) -> Option<Self>
    where
        Self: Sized;
}

/// How much a machine holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Records that the machine holds and that are not finished.
    pub held: usize,
    /// Batches with the function.
    pub in_flight: usize,
    /// How many batches may be in flight.
    pub limit: usize,
    /// The limit is lower than it would be because the function refuses calls; for queues.
    pub lowered: Option<Lowered>,
    /// Receives that are open; for queues.
    pub receiving: usize,
    /// It drains, and nothing is left that would be invoked or delivered; for queues.
    pub quiet: bool,
    /// When the oldest record was read that no saved checkpoint covers yet (Unix milliseconds); for streams.
    pub unsaved_since_unix_ms: Option<u64>,
}

/// A limit that refused calls keep low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// How many batches might be in flight without it.
    pub goal: usize,
    /// Since when the limit is lower than that (Unix milliseconds).
    pub since_unix_ms: u64,
}

/// What happened outside.
#[derive(Debug)]
pub enum Input<P: Protocol> {
    /// A request to the source, or the store, ended.
    Answer(P::Answer),
    /// An invoke ended.
    Invoked {
        /// Which batch.
        batch: BatchId,
        /// The function's answer, or why there is none.
        result: InvokeResult,
        /// From request to answer.
        took: Duration,
    },
    /// A delivery to the failure destination ended.
    Delivered {
        /// Which one.
        delivery: DeliveryId,
        /// Whether the destination confirmed it.
        result: Result<(), Fault>,
    },
    /// The function's target can have so many invocations at a time from now on; `None`: it does not say.
    Capacity(Option<u32>),
    /// The operator wants something.
    Command(P::Command),
    /// The deadline of the last [`Output::Timeout`] has come (or any other time: harmless).
    Timeout,
}

/// What is to be done outside.
#[derive(Debug)]
pub enum Output<P: Protocol> {
    /// Ask the source, or the store.
    Request(P::Request),
    /// Abandon every open call that takes records; each is answered with a
    /// [`FaultKind::Cancelled`](super::FaultKind) fault.
    CancelPolls,
    /// Invoke the function.
    Invoke(InvokeRequest),
    /// Deliver a failure record to the destination.
    Deliver(DeliverRequest),
    /// Tell the world; nothing is fed back.
    Emit(Event),
    /// Nothing more for now; wake the machine at the deadline, if there is one.
    Timeout(Option<Deadline>),
    /// The machine is drained and will never want anything again.
    Done,
}

/// Names an open call: each [`Output`] that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation<P: Protocol> {
    /// A request to the source, or the store.
    Request(P::Call),
    /// An invoke.
    Invoke(BatchId),
    /// A delivery to the failure destination.
    Deliver(DeliveryId),
}

impl<P: Protocol> Operation<P> {
    /// What is fed to the machine when the call did not end by itself.
    #[must_use]
    pub fn failed(self, fault: Fault) -> Input<P> {
        match self {
            Self::Request(call) => Input::Answer(P::failed(call, fault)),
            Self::Invoke(batch) => Input::Invoked { batch, result: Err(fault), took: Duration::ZERO },
            Self::Deliver(delivery) => Input::Delivered { delivery, result: Err(fault) },
        }
    }
}

/// Names one batch; a retry of a batch keeps its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub u64);

/// One invoke.
#[derive(Clone, Debug)]
pub struct InvokeRequest {
    /// Names the batch in its answer.
    pub batch: BatchId,
    /// The whole event.
    pub body: Bytes,
    /// Records in it.
    pub records: usize,
    /// 1 for the first try of this batch in this lease.
    pub attempt: u32,
}

/// What came of an invoke.
pub type InvokeResult = Result<FunctionAnswer, Fault>;

/// The answer of a function that was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionAnswer {
    /// The HTTP status (200 for Lambda).
    pub status: u16,
    /// `X-Amz-Function-Error`: `Unhandled`, or `Handled` in old runtimes.
    pub function_error: Option<String>,
    /// `X-Amz-Executed-Version`.
    pub executed_version: Option<String>,
    /// The id of the request, as the service reports it.
    pub request_id: Option<String>,
    /// What the function returned.
    pub payload: Bytes,
    /// The function has failed, and says that it always will: the batch is not tried again.
    pub is_terminal: bool,
}
