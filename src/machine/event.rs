//! What a machine reports about itself: one event is one metric and, where it matters, one log line.

use std::sync::Arc;
use std::time::Duration;

use super::{Checkpoint, Condition, FaultKind, Invariant, Problem, Undecided, labels};

/// Something that happened to a mapping.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A poll answered with this many records (0: an empty receive).
    Polled {
        /// Records received.
        records: usize,
    },
    /// A poll failed.
    PollFailed {
        /// The class of the fault.
        kind: FaultKind,
        /// What the source said.
        message: String,
        /// When the next poll is due.
        retry_in: Duration,
    },
    /// The mapping's filters did not let these records pass.
    Screened {
        /// No filter matches.
        filtered_out: usize,
        /// The filters cannot be applied.
        undecided: Undecided,
    },
    /// A batch was closed.
    Flushed {
        /// Records in the batch.
        records: usize,
        /// Bytes of the event body.
        bytes: usize,
        /// What closed it.
        reason: FlushReason,
    },
    /// A batch was handed to the function.
    InvokeStarted {
        /// Records in the batch.
        records: usize,
        /// 1 for the first try of this batch in this lease.
        attempt: u32,
    },
    /// An invoke ended.
    InvokeEnded {
        /// How.
        end: InvokeEnd,
        /// Records in the batch.
        records: usize,
        /// Records that count as failed.
        failed: usize,
        /// From request to answer.
        took: Duration,
        /// What it failed of, when nothing of the batch is done.
        problem: Option<Problem>,
    },
    /// A batch stays with us and will be tried again.
    Held {
        /// Records in the batch.
        records: usize,
        /// When it is due again.
        retry_in: Duration,
    },
    /// The function's answer did not have the form that `ReportBatchItemFailures` asks for;
    /// the whole batch counts as failed.
    MalformedResponse {
        /// Which rule it broke, for the operator.
        reason: &'static str,
    },
    /// A function reported these messages as processed, but an earlier one of their group as failed: they count as
    /// failed, too.
    OrderKept {
        /// How many.
        records: usize,
    },
    /// Messages were deleted after they were processed.
    Deleted {
        /// How many.
        records: usize,
    },
    /// A deletion did not work and is tried again while the message is ours.
    DeleteFailed {
        /// How many.
        records: usize,
        /// What the source said.
        message: String,
    },
    /// The function failed these messages on the last receive that the queue's redrive policy allows: SQS moves them to
    /// the dead-letter queue.
    Exhausted {
        /// How many.
        records: usize,
        /// The policy's `maxReceiveCount`.
        receives: u32,
    },
    /// Messages were left to become visible again when their visibility timeout ends.
    Left {
        /// How many.
        records: usize,
    },
    /// Messages were made visible again before their visibility timeout ended.
    Released {
        /// How many.
        records: usize,
    },
    /// Visibility was, or could not be, extended.
    Heartbeat {
        /// How it went.
        result: HeartbeatResult,
        /// How many messages.
        records: usize,
    },
    /// A hold ended although the message was not finished: the receipt was no longer valid, or SQS's 12
    /// hours or the configured limit were over.
    LeaseLost {
        /// How many messages.
        records: usize,
        /// Why.
        reason: &'static str,
    },
    /// A message can not be delivered at all: its event alone is over 6 MB.
    TooLarge {
        /// The message id.
        id: String,
        /// Bytes of the event body that it would make.
        bytes: usize,
    },
    /// How many batches may be in flight changed.
    Scaled {
        /// The new limit.
        limit: u32,
    },
    /// The source's backlog and timeout as it last described itself.
    Described {
        /// Messages waiting, approximately.
        backlog: Option<u64>,
        /// Messages that are hidden from receives, because they are received or delayed, approximately.
        not_visible: Option<u64>,
        /// The queue's visibility timeout.
        visibility: Duration,
    },
    /// The source would not describe itself; what was known of it is used on.
    DescribeFailed {
        /// The class of the fault.
        kind: FaultKind,
        /// What the source said.
        message: String,
    },
    /// A shard is read from here on.
    ShardStarted {
        /// The shard.
        shard: Arc<str>,
        /// Where it begins.
        from: Checkpoint,
    },
    /// A closed shard was processed to its end.
    ShardEnded {
        /// The shard.
        shard: Arc<str>,
    },
    /// The stream no longer lists a shard that we knew.
    ShardGone {
        /// The shard.
        shard: Arc<str>,
    },
    /// How old the last record of a batch was when it went to the function; zero when a caught-up shard was idle.
    IteratorAge {
        /// The shard.
        shard: Arc<str>,
        /// The age.
        age: Duration,
    },
    /// A shard's checkpoint was saved.
    Checkpointed {
        /// The shard.
        shard: Arc<str>,
        /// How far its records are finished.
        checkpoint: Checkpoint,
    },
    /// Checkpoints could not be saved; the write is retried.
    CheckpointFailed {
        /// What the store said.
        message: String,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// Records between the checkpoint and the oldest record of the stream were trimmed before they were read.
    Trimmed {
        /// The shard.
        shard: Arc<str>,
    },
    /// The host's clock differs much from the source's, by another time than was reported last; zero: not any more.
    ClockSkew {
        /// How far it is ahead, or behind if negative (milliseconds).
        ahead_ms: i64,
    },
    /// A shard was pinned at a time that is still to come; it is pinned at this time instead.
    PinMoved {
        /// The shard.
        shard: Arc<str>,
        /// Where it was pinned.
        from: Checkpoint,
        /// Where it is pinned now.
        to: Checkpoint,
    },
    /// An iterator was past its time; the shard is opened again after the last record read.
    IteratorExpired {
        /// The shard.
        shard: Arc<str>,
    },
    /// The stream's shards could not be listed.
    ListFailed {
        /// The class of the fault.
        kind: FaultKind,
        /// What the source said.
        message: String,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// A failed batch was split.
    Bisected {
        /// Records in the batch.
        records: usize,
    },
    /// Records were discarded, and there is no destination for them.
    Dropped {
        /// How many.
        records: usize,
        /// Why.
        condition: Condition,
    },
    /// The destination confirmed the failure record of discarded records.
    DeliveredToDestination {
        /// How many records.
        records: usize,
        /// Why they were discarded.
        condition: Condition,
    },
    /// The destination did not confirm a failure record; it is delivered again.
    DestinationFailed {
        /// How many records.
        records: usize,
        /// The class of the fault.
        kind: FaultKind,
        /// What the destination said.
        message: String,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The mapping's health changed.
    Health(Health),
    /// The drain ended.
    Drained {
        /// Batches that were still in flight when the bound was reached.
        abandoned: usize,
        /// Checkpoints that the store has not confirmed, by shard: what they cover is processed again.
        unsaved: Vec<(Arc<str>, Checkpoint)>,
    },
    /// A named invariant was untrue.
    Violated(Invariant),
}

labels! {
    /// What closed a batch.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum FlushReason {
        /// `BatchSize` records were gathered.
        Size => "size",
        /// The next record would not have fitted into 6 MB.
        Bytes => "bytes",
        /// `MaximumBatchingWindowInSeconds` were over.
        Window => "window",
        /// No window: what one receive brought is one batch.
        Immediate => "immediate",
        /// The shard, or the tumbling window, is at its end.
        End => "end",
    }
}

/// How an invoke ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InvokeEnd {
    /// Every record succeeded.
    Success,
    /// The function reported some records as failed.
    Partial,
    /// The function threw, timed out, or answered in a form that is not allowed.
    FunctionError,
    /// The invoke itself failed, in this class.
    Fault(FaultKind),
}

impl InvokeEnd {
    /// The label used in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Partial => "partial",
            Self::FunctionError => "function_error",
            Self::Fault(kind) => kind.as_str(),
        }
    }
}

labels! {
    /// How an extension of visibility went.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum HeartbeatResult {
        /// Extended.
        Extended => "extended",
        /// Not extended; tried again before the deadline.
        Failed => "failed",
        /// The receipt is no longer ours.
        Lost => "lost",
    }
}

/// Whether a mapping can do its work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It can.
    #[default]
    Ok,
    /// It cannot, or only in part; it goes on trying.
    Degraded {
        /// Why, and what to do about it.
        reason: String,
    },
    /// It can, but the function has failed everything for a while.
    Failing {
        /// What the function said last.
        reason: String,
    },
}

impl Health {
    /// Why it is not [`Health::Ok`].
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ok => None,
            Self::Degraded { reason } | Self::Failing { reason } => Some(reason),
        }
    }
}
