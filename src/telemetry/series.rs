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
    undecidable: All, "events_undecidable", "Records to which the filters could not be applied.";
    invoked: All, "events_invoked", "Records handed to the function; again on each retry and throttle.";
    failed: All, "events_failed", "Records that the function, or the way to it, failed.";
    exhausted: Queues, "events_exhausted",
        "Messages that the function failed on the last receive before the dead-letter queue.";
    deleted: Queues, "events_deleted", "Messages deleted after they were processed.";
    kept_in_order: Queues, "events_kept_in_order",
        "Messages reported as processed that come again behind an earlier one of their group.";
    dropped: Streams, "events_dropped", "Records that were given up and had no destination.";
    delivered: All, "events_delivered_to_destination", "Records given up whose failure record was confirmed.";
    destination_failures: All, "destination_failures", "Failure records that were not confirmed and delivered again.";
    bisections: Streams, "bisections", "Failed batches that were split.";
    trimmed: Streams, "trimmed", "Times that records were trimmed from a shard before they were read.";
    shards_gone: Streams, "shards_gone", "Shards that the stream no longer lists.";
    iterators_expired: Streams, "iterators_expired", "Iterators that were past their time and opened again.";
    list_failures: Streams, "list_failures", "Times that the stream's shards could not be listed.";
    throttles: All, "throttles", "Invokes that were throttled.";
    malformed: All, "malformed_responses", "Answers that broke the form of ReportBatchItemFailures.";
    leases_lost: Queues, "leases_lost", "Messages whose receipt was lost before they were settled.";
    delete_failures: Queues, "delete_failures", "Deletions that did not work and were tried again.";
    oversized: All, "oversized_messages", "Records whose event alone is over 6 MB.";
}

/// Gauges: name, whose, help, and the number where it is known.
pub(super) const GAUGES: [(&str, Of, &str, Gauge); 6] = [
    ("invokes_in_flight", Of::All, "Batches that are with the function.", |counts| {
        Some(counts.in_flight.load(Relaxed))
    }),
    ("invokes_in_flight_limit", Of::All, "How many batches may be with the function.", |counts| {
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
        "Messages hidden from receives, approximately, when the source was last asked.",
        |counts| counts.not_visible.get(),
    ),
    ("mapping_degraded", Of::All, "1 while the mapping cannot do its work, or only in part.", |counts| {
        Some(u64::from(counts.degraded.load(Relaxed)))
    }),
    ("mapping_failing", Of::All, "1 while the function fails everything, and has for a minute.", |counts| {
        Some(u64::from(counts.failing.load(Relaxed)))
    }),
];
