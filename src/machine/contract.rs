//! The contract between a machine and whoever drives it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{
    Deadline, DeliverRequest, DeliveryId, Event, Fault, Now, Operation, Positions, QueueOptions, ReadAnswer, ReadId,
    ReadRequest, Receipt, Record, SaveId, SaveRequest, StreamListing,
};

/// A deterministic state machine for one ordering domain: a queue, or one shard of a stream.
pub trait Machine {
    /// Takes in what happened. Never blocks, never fails; to be followed by a complete drain of
    /// [`poll_output`](Self::poll_output).
    fn handle(&mut self, input: Input, now: Now);

    /// The next thing to do. The answer changes only after a `handle`; after
    /// [`Output::Timeout`] or [`Output::Done`] further calls repeat that answer.
    #[must_use]
    fn poll_output(&mut self) -> Output;

    /// How much the machine has in its hands; for `status`.
    #[must_use]
    fn gauges(&self) -> Gauges;

    /// After a panic in one of the others, with these words: a fresh machine that goes on with what this one held, and
    /// with the calls that are `open`. `None` where nothing is handed over.
    #[must_use]
    fn successor(&mut self, open: &BTreeSet<Operation>, panic: &str) -> Option<Self>
    where
        Self: Sized;
}

/// How much a machine has in its hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Records that are ours and not settled.
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
    /// When the oldest record was read that no saved mark covers yet (Unix milliseconds); for streams.
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
pub enum Input {
    /// The source described itself.
    Described(Result<QueueAttributes, Fault>),
    /// A poll ended.
    Polled {
        /// Which one.
        poll: PollId,
        /// The records, in the order of the source's answer.
        result: Result<Vec<Record>, Fault>,
    },
    /// An invoke ended.
    Invoked {
        /// Which batch.
        batch: BatchId,
        /// The function's answer, or why there is none.
        result: InvokeResult,
        /// From request to answer.
        took: Duration,
    },
    /// A settlement call ended.
    Settled {
        /// Which one.
        settle: SettleId,
        /// One outcome an entry, in the order of the request; a fault concerns all of them.
        result: Result<Vec<SettleOutcome>, Fault>,
    },
    /// The stream's shards were listed.
    Listed(Result<StreamListing, Fault>),
    /// The store handed the mapping's marks over.
    Claimed(Result<Positions, Fault>),
    /// A read of a shard ended.
    Read {
        /// Which one.
        read: ReadId,
        /// What it brought.
        result: Result<ReadAnswer, Fault>,
    },
    /// A write of marks ended.
    Saved {
        /// Which one.
        save: SaveId,
        /// Whether it took effect.
        result: Result<(), Fault>,
    },
    /// A delivery to the failure destination ended.
    Delivered {
        /// Which one.
        delivery: DeliveryId,
        /// Whether the destination confirmed it.
        result: Result<(), Fault>,
    },
    /// The operator wants something.
    Command(Command),
    /// The deadline of the last [`Output::Timeout`] has come (or any other time: harmless).
    Timeout,
}

/// What is to be done outside.
#[derive(Debug)]
pub enum Output {
    /// Ask the source for its attributes.
    Describe,
    /// Receive records.
    Poll(PollRequest),
    /// Give up every open poll and read; each is answered with a [`FaultKind::Cancelled`](super::FaultKind) fault.
    CancelPolls,
    /// List the stream's shards, closed ones included.
    List,
    /// Claim the mapping's marks from the store.
    Claim,
    /// Read a shard.
    Read(ReadRequest),
    /// Write marks.
    Save(SaveRequest),
    /// Deliver a failure record to the destination.
    Deliver(DeliverRequest),
    /// Invoke the function.
    Invoke(InvokeRequest),
    /// Delete messages or change their visibility.
    Settle(SettleRequest),
    /// Tell the world; nothing is fed back.
    Emit(Event),
    /// Nothing more for now; wake the machine at the deadline, if there is one.
    Timeout(Option<Deadline>),
    /// The machine is drained and will never want anything again.
    Done,
}

/// What an operator can ask of a running machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stop receiving, finish what is in flight within `bound`, wait for the receives that are open, return what was
    /// never started, send what is to be deleted, then be [`Output::Done`].
    Drain {
        /// The longest that what is in flight may take.
        bound: Duration,
        /// How long open receives are waited for, where that is longer than `bound`; for queues.
        receives: Duration,
    },
    /// End a drain now.
    Cut,
    /// Go on after all: a drain that has not ended is over; for queues.
    Resume,
    /// Go on with other settings; for queues.
    Change(Box<QueueOptions>),
}

/// Names one poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PollId(pub u64);

/// Names one batch; a retry of a batch keeps its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub u64);

/// Names one settlement call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SettleId(pub u64);

/// One receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollRequest {
    /// Names the poll in its answer.
    pub id: PollId,
    /// The most records wanted (SQS: 1 to 10).
    pub max: u32,
    /// How long the source may wait for a first record (SQS: whole seconds, 0 to 20).
    pub wait: Duration,
    /// The visibility timeout to ask for instead of the queue's own.
    pub visibility: Option<Duration>,
    /// `ReceiveRequestAttemptId`, for FIFO queues: a receive whose answer was lost is made again under the same name,
    /// and brings the same messages.
    pub attempt: Option<Arc<str>>,
}

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
    /// The id of the request, as the service tells it.
    pub request_id: Option<String>,
    /// What the function returned.
    pub payload: Bytes,
}

/// One settlement call: at most ten entries, all of one kind.
#[derive(Clone, Debug)]
pub struct SettleRequest {
    /// Names the call in its answer.
    pub id: SettleId,
    /// What is done with the entries.
    pub action: SettleAction,
    /// One to ten entries.
    pub entries: Vec<SettleEntry>,
}

/// What a settlement call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettleAction {
    /// Delete the messages.
    Delete,
    /// Hide the messages for [`SettleEntry::visibility`] from now (zero: visible at once).
    ChangeVisibility,
}

/// One message of a settlement call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettleEntry {
    /// The right to do it.
    pub receipt: Receipt,
    /// The new visibility timeout, in whole seconds (0 to 12 h); unused when deleting.
    pub visibility: Duration,
}

/// What came of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleOutcome {
    /// It took effect.
    Done,
    /// The receipt is no longer valid: the message is deleted or in other hands.
    Gone,
    /// It did not take effect and may be tried again.
    Failed(Fault),
}

/// What a queue says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAttributes {
    /// `VisibilityTimeout`.
    pub visibility: Duration,
    /// `ApproximateNumberOfMessages`: waiting, approximately.
    pub backlog: Option<u64>,
    /// `ApproximateNumberOfMessagesNotVisible`: in flight, approximately.
    pub in_flight: Option<u64>,
    /// `maxReceiveCount` of the redrive policy, where there is one.
    pub max_receive_count: Option<u32>,
    /// `MessageRetentionPeriod`.
    pub retention: Option<Duration>,
}
