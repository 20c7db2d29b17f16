//! The totals that `list` and `status` show.

use serde::{Deserialize, Serialize};

/// Totals since the process started; named like the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Counters {
    /// Records received.
    pub polled: u64,
    /// Records that no filter matched.
    pub filtered: u64,
    /// Records to which the filters could not be applied.
    pub undecidable: u64,
    /// Records handed to the function, retries and throttles included.
    pub invoked: u64,
    /// Records that the function (or the way to it) failed.
    pub failed: u64,
    /// Messages that the function failed on the last receive before the dead-letter queue.
    pub exhausted: u64,
    /// Messages deleted after they were processed.
    pub deleted: u64,
    /// Invokes that were throttled.
    pub throttles: u64,
    /// Invokes.
    pub invokes: u64,
    /// Answers that broke the form of `ReportBatchItemFailures`.
    pub malformed_responses: u64,
    /// Records that were discarded: they failed for good, and had no failure destination.
    pub dropped: u64,
    /// Records whose failure record the destination confirmed.
    pub delivered_to_destination: u64,
    /// Failed batches that were split.
    pub bisections: u64,
    /// Messages that the function reported as processed, but that come again behind an earlier one of their group.
    pub kept_in_order: u64,
}
