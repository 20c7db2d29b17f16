//! The series that are one number each: their names, whose they are, and how the number is read.

use std::sync::atomic::Ordering::Relaxed;

use super::MappingMetrics;
use super::counts::Counts;
use super::numbers::Count;

/// Which mappings have a series.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    All,
    Queues,
    Streams,
}

impl Of {
    pub(super) fn takes(self, mapping: &MappingMetrics) -> bool {
        match self {
            Self::All => true,
            Self::Queues => !mapping.kind().rules().sharded,
            Self::Streams => mapping.kind().rules().sharded,
        }
    }
}

/// Picks a counter.
type Pick = fn(&Plain) -> &Count;
/// Reads a gauge.
type Gauge = fn(&Counts) -> Option<u64>;

/// Writes the counters that are a series each: their field, whose they are, their name and their help.
macro_rules! counters {
    ($($field:ident: $of:ident, $name:literal, $help:literal;)*) => {
        /// The counters without a label of their own.
        #[derive(Debug, Default)]
        pub(super) struct Plain {
            $(#[doc = $help] pub(super) $field: Count,)*
        }

        /// Name, whose, help, and the counter.
        pub(super) const COUNTERS: &[(&str, Of, &str, Pick)] =
            &[$(($name, Of::$of, $help, |plain| &plain.$field)),*];
    };
}

counters! {
    polled: All, "events_polled", "Records received from the source.";
    filtered: All, "events_filtered", "Records that no filter matched.";
    undecidable: All, "events_undecidable", "Records whose filters could not be evaluated.";
    invoked: All, "events_invoked", "Records sent to the function; again on each retry and throttle.";
    failed: All, "events_failed", "Records whose invoke failed, or that the function reported as failed.";
    exhausted: Queues, "events_exhausted",
        "Messages that the function failed on the last receive before the dead-letter queue.";
    deleted: Queues, "events_deleted", "Messages deleted after they were processed.";
    kept_in_order: Queues, "events_kept_in_order",
        "Messages reported as processed behind a failed one of their group: they are delivered again.";
    dropped: Streams, "events_dropped", "Records discarded: they failed for good, and had no failure destination.";
    delivered: All, "events_delivered_to_destination", "Records whose failure record the destination confirmed.";
    destination_failures: All, "destination_failures", "Failure records that the destination did not confirm: they \
        are delivered again.";
    bisections: Streams, "bisections", "Failed batches that were split.";
    trimmed: Streams, "trimmed", "Times that records were trimmed from a shard before they were read.";
    shards_gone: Streams, "shards_gone", "Shards that the stream no longer lists.";
    iterators_expired: Streams, "iterators_expired", "Expired iterators: the shard was opened again.";
    list_failures: Streams, "list_failures", "Times that the stream's shards could not be listed.";
    throttles: All, "throttles", "Invokes that were throttled.";
    malformed: All, "malformed_responses", "Responses that break the form of ReportBatchItemFailures.";
    leases_lost: Queues, "leases_lost", "Messages whose receipt was lost before they were deleted.";
    delete_failures: Queues, "delete_failures", "Deletions that failed and were retried.";
    oversized: All, "oversized_messages", "Records whose event alone is over 6 MB.";
}

/// Gauges: name, whose, help, and the number where it is known.
pub(super) const GAUGES: [(&str, Of, &str, Gauge); 6] = [
    ("invokes_in_flight", Of::All, "Batches in flight.", |counts| Some(counts.in_flight.load(Relaxed))),
    ("invokes_in_flight_limit", Of::All, "How many batches may be in flight.", |counts| {
        Some(counts.in_flight_limit.load(Relaxed))
    }),
    (
        "source_backlog",
        Of::Queues,
        "Messages waiting in the source, approximately, when it was last asked.",
        |counts| counts.backlog.get(),
    ),
    (
        "source_not_visible",
        Of::Queues,
        "Messages that are not visible, approximately, when the source was last asked.",
        |counts| counts.not_visible.get(),
    ),
    ("mapping_degraded", Of::All, "1 while the mapping cannot do its work, or only in part.", |counts| {
        Some(u64::from(counts.degraded.load(Relaxed)))
    }),
    ("mapping_failing", Of::All, "1 while the function fails everything, and has for a minute.", |counts| {
        Some(u64::from(counts.failing.load(Relaxed)))
    }),
];
