//! What a stream's machine gets when it is made.

use std::sync::Arc;
use std::time::Duration;

use crate::machine::{BackoffPolicy, ScreeningPolicy, StartingPosition};

/// The parameters of one stream mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// The mapping's name, for the commands that help.
    pub mapping: Arc<str>,
    /// How its shards are read.
    pub reads: ShardReads,
    /// The stream's ARN, as the events of tumbling windows show it.
    pub source_arn: Arc<str>,
    /// Where it begins when nothing is kept of it.
    pub start: StartingPosition,
    /// `BatchSize`: 1 to 10,000.
    pub batch_size: u32,
    /// `MaximumBatchingWindowInSeconds`.
    pub window: Duration,
    /// Concurrent batches of each shard: 1 to 100.
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
    /// The time between two saves: a crash repeats what was finished since the last one.
    pub save_every: Duration,
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

/// How the shards of a source are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardReads {
    /// The pause between reads of a shard that is caught up.
    pub base_pause: Duration,
    /// The most records that one read can bring.
    pub most_records: u32,
    /// So many milliseconds after the end of a tumbling window a read must be asked for, so that what it does not bring
    /// is not in the window.
    pub window_grace: u64,
    /// A shard can be opened at a time. Where it cannot, its records show their arrival in whole seconds.
    pub by_time: bool,
}

impl Default for StreamOptions {
    /// AWS's defaults of a Kinesis mapping that begins at `TRIM_HORIZON`.
    fn default() -> Self {
        Self {
            mapping: "".into(),
            reads: ShardReads {
                base_pause: Duration::from_secs(1),
                most_records: 10_000,
                window_grace: 1_000,
                by_time: true,
            },
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
            save_every: Duration::from_secs(1),
            retry: BackoffPolicy::default(),
            seed: 0,
        }
    }
}
