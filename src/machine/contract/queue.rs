//! What the machine of a queue and its source have to say to each other.

use std::sync::Arc;
use std::time::Duration;

use super::Protocol;
use crate::machine::{Fault, Message, QueueOptions, Receipt};

/// The protocol of queues that hide what they hand out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Queue;

impl Protocol for Queue {
    type Request = QueueRequest;
    type Call = QueueCall;
    type Answer = QueueAnswer;
    type Command = QueueCommand;

    fn call(request: &QueueRequest) -> QueueCall {
        match request {
            QueueRequest::Describe => QueueCall::Describe,
            QueueRequest::Poll(poll) => QueueCall::Poll(poll.id),
            QueueRequest::Receipts(request) => QueueCall::Receipts(request.id),
        }
    }

    fn is_poll(call: QueueCall) -> bool {
        matches!(call, QueueCall::Poll(_))
    }

    fn failed(call: QueueCall, fault: Fault) -> QueueAnswer {
        match call {
            QueueCall::Describe => QueueAnswer::Described(Err(fault)),
            QueueCall::Poll(poll) => QueueAnswer::Polled { poll, result: Err(fault) },
            QueueCall::Receipts(request) => QueueAnswer::Receipts { request, result: Err(fault) },
        }
    }
}

/// What a queue is asked for.
#[derive(Debug)]
pub enum QueueRequest {
    /// Its attributes.
    Describe,
    /// Messages.
    Poll(PollRequest),
    /// To delete messages, or to change their visibility.
    Receipts(ReceiptRequest),
}

/// Names an open request to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueueCall {
    /// [`QueueRequest::Describe`].
    Describe,
    /// A receive.
    Poll(PollId),
    /// A call with receipts.
    Receipts(ReceiptRequestId),
}

/// What came of a request to a queue.
#[derive(Debug)]
pub enum QueueAnswer {
    /// The queue described itself.
    Described(Result<QueueAttributes, Fault>),
    /// A receive ended.
    Polled {
        /// Which one.
        poll: PollId,
        /// The messages, in the order of the queue's answer.
        result: Result<Vec<Message>, Fault>,
    },
    /// A call with receipts ended.
    Receipts {
        /// Which one.
        request: ReceiptRequestId,
        /// One outcome an entry, in the order of the request; a fault concerns all of them.
        result: Result<Vec<ReceiptOutcome>, Fault>,
    },
}

/// What an operator can ask of a queue's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueCommand {
    /// Stop receiving, finish what is in flight within `bound`, wait for the receives that are open, return what was
    /// never started, send what is to be deleted, then be [`Output::Done`](super::Output::Done).
    Drain {
        /// The longest that what is in flight may take.
        bound: Duration,
        /// How long open receives are waited for, where that is longer than `bound`.
        receives: Duration,
    },
    /// End a drain now.
    Cut,
    /// Go on after all: a drain that has not ended is over.
    Resume,
    /// Go on with other settings.
    Change(Box<QueueOptions>),
}

/// Names one poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PollId(pub u64);

/// Names one call with receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptRequestId(pub u64);

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

/// One call with receipts: at most ten entries, all of one kind.
#[derive(Clone, Debug)]
pub struct ReceiptRequest {
    /// Names the call in its answer.
    pub id: ReceiptRequestId,
    /// What is done with the entries.
    pub action: ReceiptAction,
    /// One to ten entries.
    pub entries: Vec<ReceiptEntry>,
}

/// What a call does with its receipts: SQS's `DeleteMessageBatch` and `ChangeMessageVisibilityBatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReceiptAction {
    /// Delete the messages.
    Delete,
    /// Hide the messages for [`ReceiptEntry::visibility`] from now (zero: visible at once).
    ChangeVisibility,
}

/// One message of a call with receipts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptEntry {
    /// The right to do it.
    pub receipt: Receipt,
    /// The new visibility timeout, in whole seconds (0 to 12 h); unused when deleting.
    pub visibility: Duration,
}

/// What came of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// It took effect.
    Done,
    /// The receipt is no longer valid: the message is deleted, or another consumer has received it.
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
