//! What feeds a mapping: each source with what belongs to it alone.

use std::num::NonZeroU32;
use std::time::Duration;

use super::model::Arn;
use super::sources::{dynamodb, kinesis};
use crate::machine::{GroupOrder, MAX_HIDDEN, OnFunctionError, ShardReads, StartingPosition};

/// What feeds a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// A standard SQS queue.
    Queue(QueueSpec),
    /// An SQS FIFO queue.
    Fifo(FifoSpec),
    /// A Kinesis stream, read with shared throughput.
    Kinesis(StreamSpec),
    /// The stream of a DynamoDB table.
    DynamoDb(StreamSpec),
}

/// A queue, and what only mappings of queues have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// `EventSourceArn`.
    pub arn: Arn,
    /// `ScalingConfig.MaximumConcurrency`; `None`: adaptive.
    pub maximum_concurrency: Option<u32>,
    /// `Poller.ReceiveWait`: how long a receive waits for a first message; `None`: as long as the process says
    /// (`--receive-wait`).
    pub receive_wait: Option<Duration>,
    /// How held and failed messages are hidden.
    pub visibility: VisibilityOptions,
    /// `Poller.OnFailureAttempts`: so many times a function may fail a message before it goes to the failure
    /// destination.
    pub on_failure_attempts: u32,
}

/// A FIFO queue, and what only mappings of FIFO queues have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FifoSpec {
    /// What it has as a queue.
    pub queue: QueueSpec,
    /// `Poller.GroupOrder`: what a careless partial response means for the message groups.
    pub group_order: GroupOrder,
}

/// A stream, and what only mappings of streams have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// `EventSourceArn`.
    pub arn: Arn,
    /// `StartingPosition` and `StartingPositionTimestamp`.
    pub start: StartingPosition,
    /// `ParallelizationFactor`, or `Poller.ParallelizationFactor` beyond AWS's ten: 1 to 100.
    pub parallelization: u32,
    /// `MaximumRetryAttempts`; `None`: without end.
    pub maximum_retry_attempts: Option<u32>,
    /// `MaximumRecordAgeInSeconds`; `None`: without end.
    pub maximum_record_age: Option<Duration>,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// `TumblingWindowInSeconds`.
    pub tumbling_window: Option<Duration>,
    /// `Poller.ReadsPerSecond`: the most reads of a shard a second.
    pub reads_per_second: NonZeroU32,
}

/// What a source has in common with the others of its machine.
pub(crate) enum Parts<'a> {
    /// A queue; of a FIFO queue, with the order of its groups.
    Queue(&'a QueueSpec, Option<GroupOrder>),
    /// A stream, and how its shards are read.
    Stream(&'a StreamSpec, ShardReads),
}

impl SourceSpec {
    pub(crate) const fn parts(&self) -> Parts<'_> {
        match self {
            Self::Queue(queue) => Parts::Queue(queue, None),
            Self::Fifo(FifoSpec { queue, group_order }) => Parts::Queue(queue, Some(*group_order)),
            Self::Kinesis(stream) => Parts::Stream(stream, kinesis::READS),
            Self::DynamoDb(stream) => Parts::Stream(stream, dynamodb::READS),
        }
    }

    /// What a user knows it by, and checkpoints are kept under.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.arn().text
    }

    /// Its ARN.
    #[must_use]
    pub const fn arn(&self) -> &Arn {
        match self.parts() {
            Parts::Queue(queue, _) => &queue.arn,
            Parts::Stream(stream, _) => &stream.arn,
        }
    }

    /// Which of the sources it is.
    #[must_use]
    pub const fn kind(&self) -> SourceKind {
        match self {
            Self::Queue(_) => SourceKind::Sqs,
            Self::Fifo(_) => SourceKind::Fifo,
            Self::Kinesis(_) => SourceKind::Kinesis,
            Self::DynamoDb(_) => SourceKind::DynamoDb,
        }
    }

    /// What queues have.
    #[must_use]
    pub const fn queue(&self) -> Option<&QueueSpec> {
        match self.parts() {
            Parts::Queue(queue, _) => Some(queue),
            Parts::Stream(..) => None,
        }
    }

    /// What queues have, to change it.
    pub const fn queue_mut(&mut self) -> Option<&mut QueueSpec> {
        match self {
            Self::Queue(queue) | Self::Fifo(FifoSpec { queue, .. }) => Some(queue),
            Self::Kinesis(_) | Self::DynamoDb(_) => None,
        }
    }

    /// What streams have.
    #[must_use]
    pub const fn stream(&self) -> Option<&StreamSpec> {
        match self.parts() {
            Parts::Stream(stream, _) => Some(stream),
            Parts::Queue(..) => None,
        }
    }

    /// What streams have, to change it.
    pub const fn stream_mut(&mut self) -> Option<&mut StreamSpec> {
        match self {
            Self::Kinesis(stream) | Self::DynamoDb(stream) => Some(stream),
            Self::Queue(_) | Self::Fifo(_) => None,
        }
    }
}

/// The kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceKind {
    /// A standard SQS queue.
    Sqs,
    /// An SQS FIFO queue.
    Fifo,
    /// A Kinesis stream, read with shared throughput.
    Kinesis,
    /// The stream of a DynamoDB table.
    DynamoDb,
}

/// How held and failed messages are hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibilityOptions {
    /// Used instead of the queue's own `VisibilityTimeout`.
    pub timeout: Option<Duration>,
    /// The longest that a message is held through throttles and service errors (SQS allows 12 h).
    pub hold_limit: Duration,
    /// What happens to the messages of a failed batch.
    pub on_function_error: OnFunctionError,
}

impl Default for VisibilityOptions {
    fn default() -> Self {
        Self { timeout: None, hold_limit: MAX_HIDDEN, on_function_error: OnFunctionError::Wait }
    }
}
