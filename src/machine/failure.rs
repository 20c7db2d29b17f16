//! What a failure destination gets about discarded records.

use std::sync::Arc;

use bytes::Bytes;

/// Names one delivery to the failure destination; its retries keep the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub u64);

/// One delivery to the failure destination.
#[derive(Clone, Debug)]
pub struct DeliverRequest {
    /// Names the delivery in its answer.
    pub id: DeliveryId,
    /// What is delivered; the same for every try.
    pub failure: Arc<Failure>,
}

/// Discarded records, and why they were discarded: the content of AWS's invocation record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Random, the same for every try: names the object in S3 and deduplicates in FIFO queues and topics.
    pub uuid: u128,
    /// The function's last request id, or a random UUID where it was never reached.
    pub request_id: String,
    /// Why the records were discarded.
    pub condition: Condition,
    /// `approximateInvokeCount`.
    pub invokes: u32,
    /// What the function answered last; `None` when it never answered for these records, or when they became too old.
    pub response: Option<FailedResponse>,
    /// When they were discarded, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// Which records they were.
    pub batch: FailedBatch,
    /// The event as the function would get it.
    pub payload: Bytes,
}

/// Why records were discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `MaximumRetryAttempts` were used up.
    RetryAttemptsExhausted,
    /// They were older than `MaximumRecordAgeInSeconds`.
    RecordAgeExceeded,
    /// No filter of the mapping matches, and it wants such records kept.
    FilteredOut,
    /// The filters of the mapping cannot be applied, and it wants such records kept.
    FilterUndecidable,
}

impl Condition {
    /// As AWS spells it in `requestContext.condition`; those of filters are ours.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Self::RecordAgeExceeded => "RecordAgeExceeded",
            Self::FilteredOut => "FilteredOut",
            Self::FilterUndecidable => "FilterUndecidable",
        }
    }

    /// Whether the records were kept from the function by the mapping's filters.
    #[must_use]
    pub const fn is_of_filters(self) -> bool {
        matches!(self, Self::FilteredOut | Self::FilterUndecidable)
    }
}

/// The function's last answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedResponse {
    /// `statusCode`.
    pub status: u16,
    /// `executedVersion`.
    pub executed_version: Option<String>,
    /// `functionError`; `None` when the function returned but reported a failure.
    pub function_error: Option<String>,
    /// What it returned.
    pub payload: Bytes,
}

/// Which records were discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailedBatch {
    /// Records of one shard.
    Stream {
        /// The shard.
        shard: Arc<str>,
        /// First and last record; `None` for the final invoke of a window, which has no records.
        span: Option<FailedSpan>,
        /// The tumbling window, where there is one.
        window: Option<WindowInfo>,
    },
    /// One message of a queue.
    Queue {
        /// The message group, of a FIFO queue.
        group: Option<Arc<str>>,
        /// `messageId`.
        message_id: Arc<str>,
        /// `ApproximateReceiveCount` of its last delivery.
        receive_count: u32,
        /// `SentTimestamp`, in milliseconds since the Unix epoch.
        sent_unix_ms: u64,
    },
}

impl FailedBatch {
    /// How many records were discarded.
    #[must_use]
    pub fn records(&self) -> usize {
        match self {
            Self::Stream { span, .. } => span.as_ref().map_or(0, |span| span.records),
            Self::Queue { .. } => 1,
        }
    }
}

/// The first and the last record of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedSpan {
    /// The first record's sequence number.
    pub start: Arc<str>,
    /// The last record's sequence number.
    pub end: Arc<str>,
    /// When the first record arrived, in milliseconds since the Unix epoch.
    pub first_unix_ms: u64,
    /// When the last record arrived.
    pub last_unix_ms: u64,
    /// How many records.
    pub records: usize,
}

/// A tumbling window as events and failure records show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowInfo {
    /// Its begin, in milliseconds since the Unix epoch; a whole second.
    pub start_unix_ms: u64,
    /// Its end.
    pub end_unix_ms: u64,
    /// `isFinalInvokeForWindow`.
    pub is_final: bool,
    /// `isWindowTerminatedEarly`.
    pub early: bool,
}
