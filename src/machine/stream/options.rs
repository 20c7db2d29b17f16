//! What a stream's machine is told when it is made.

use std::sync::Arc;
use std::time::Duration;

use crate::machine::{BackoffPolicy, ScreeningPolicy, StartingPosition};

/// The parameters of one stream mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// The mapping's name, for the commands that help.
    pub mapping: Arc<str>,
    /// Which kind of stream it is.
    pub kind: StreamKind,
    /// The stream's ARN, as the events of tumbling windows show it.
    pub source_arn: Arc<str>,
    /// Where it begins when nothing is kept of it.
    pub start: StartingPosition,
    /// `BatchSize`: 1 to 10,000.
    pub batch_size: u32,
    /// `MaximumBatchingWindowInSeconds`.
    pub window: Duration,
    /// Lanes of each shard: 1 to 100.
    pub parallelization: u32,
    /// Whether the function reports batch item failures.
    pub report_batch_item_failures: bool,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// `MaximumRetryAttempts`; `None`: without end.
    pub maximum_retry_attempts: Option<u32>,
    /// `MaximumRecordAgeInSeconds`; `None`: without end.
    pub maximum_record_age: Option<Duration>,
    /// `TumblingWindowInSeconds`.
    pub tumbling_window: Option<Duration>,
    /// What becomes of records that the filters do not let pass.
    pub screening: ScreeningPolicy,
    /// The failure destination, where there is one, by the order that it keeps.
    pub destination: Option<DestinationOrder>,
    /// The pause between tries of a batch, a read, a save and a delivery.
    pub retry: BackoffPolicy,
    /// The seed of all jitter.
    pub seed: u64,
}

/// Whether a failure destination keeps the order in which it is given records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationOrder {
    /// A FIFO queue or topic: the failure records of a shard are sent one after the other.
    Kept,
    /// Anything else: they are sent side by side.
    Free,
}

/// The kinds of streams, by what differs for the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// Read once a second when caught up, up to 10,000 records at a time; knows positions in time.
    Kinesis,
    /// Read four times a second when caught up, up to 1,000 records at a time; knows no positions in time.
    DynamoDb,
}

impl StreamKind {
    /// The pause between reads of a shard that is caught up.
    pub(crate) const fn base_pause(self) -> Duration {
        match self {
            Self::Kinesis => Duration::from_secs(1),
            Self::DynamoDb => Duration::from_millis(250),
        }
    }

    /// The most records that one read can bring.
    pub(crate) const fn most_records(self) -> u32 {
        match self {
            Self::Kinesis => 10_000,
            Self::DynamoDb => 1_000,
        }
    }
}

impl Default for StreamOptions {
    /// AWS's defaults of a Kinesis mapping that begins at `TRIM_HORIZON`.
    fn default() -> Self {
        Self {
            mapping: "".into(),
            kind: StreamKind::Kinesis,
            source_arn: "".into(),
            start: StartingPosition::TrimHorizon,
            batch_size: 100,
            window: Duration::ZERO,
            parallelization: 1,
            report_batch_item_failures: false,
            bisect: false,
            maximum_retry_attempts: None,
            maximum_record_age: None,
            tumbling_window: None,
            screening: ScreeningPolicy::default(),
            destination: None,
            retry: BackoffPolicy::default(),
            seed: 0,
        }
    }
}
