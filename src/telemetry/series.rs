//! The series that are one number each: their names, whose they are, and how the number is read.

use std::sync::atomic::Ordering::Relaxed;

use super::MappingMetrics;
use super::counts::Counts;
use crate::mapping::SourceKind;

/// Reads a number.
pub(super) type Read<T> = fn(&Counts) -> T;

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
            Self::Queues => mapping.kind().noun() == SourceKind::Sqs.noun(),
            Self::Streams => mapping.kind().noun() != SourceKind::Sqs.noun(),
        }
    }
}

/// Counters without a label of their own: name, whose, help, number.
pub(super) const COUNTERS: [(&str, Of, &str, Read<u64>); 21] = [
    ("events_polled", Of::All, "Records received from the source.", |counts| counts.polled.get()),
    ("events_filtered", Of::All, "Records that no filter matched.", |counts| counts.filtered.get()),
    ("events_undecidable", Of::All, "Records to which the filters could not be applied.", |counts| {
        counts.undecidable.get()
    }),
    ("events_invoked", Of::All, "Records handed to the function; again on each retry and throttle.", |counts| {
        counts.invoked.get()
    }),
    ("events_failed", Of::All, "Records that the function, or the way to it, failed.", |counts| counts.failed.get()),
    (
        "events_exhausted",
        Of::Queues,
        "Messages that the function failed on the last receive before the dead-letter queue.",
        |counts| counts.exhausted.get(),
    ),
    ("events_deleted", Of::Queues, "Messages deleted after they were processed.", |counts| counts.deleted.get()),
    (
        "events_kept_in_order",
        Of::Queues,
        "Messages reported as processed that come again behind an earlier one of their group.",
        |counts| counts.kept_in_order.get(),
    ),
    ("events_dropped", Of::Streams, "Records that were given up and had no destination.", |counts| {
        counts.dropped.get()
    }),
    ("events_delivered_to_destination", Of::All, "Records given up whose failure record was confirmed.", |counts| {
        counts.delivered.get()
    }),
    ("destination_failures", Of::All, "Failure records that were not confirmed and delivered again.", |counts| {
        counts.destination_failures.get()
    }),
    ("bisections", Of::Streams, "Failed batches that were split.", |counts| counts.bisections.get()),
    ("trimmed", Of::Streams, "Times that records were trimmed from a shard before they were read.", |counts| {
        counts.trimmed.get()
    }),
    ("shards_gone", Of::Streams, "Shards that the stream no longer lists.", |counts| counts.shards_gone.get()),
    ("iterators_expired", Of::Streams, "Iterators that were past their time and opened again.", |counts| {
        counts.iterators_expired.get()
    }),
    ("list_failures", Of::Streams, "Times that the stream's shards could not be listed.", |counts| {
        counts.list_failures.get()
    }),
    ("throttles", Of::All, "Invokes that were throttled.", |counts| counts.throttles.get()),
    ("malformed_responses", Of::All, "Answers that broke the form of ReportBatchItemFailures.", |counts| {
        counts.malformed.get()
    }),
    ("leases_lost", Of::Queues, "Messages whose receipt was lost before they were settled.", |counts| {
        counts.leases_lost.get()
    }),
    ("delete_failures", Of::Queues, "Deletions that did not work and were tried again.", |counts| {
        counts.delete_failures.get()
    }),
    ("oversized_messages", Of::All, "Records whose event alone is over 6 MB.", |counts| counts.oversized.get()),
];

/// Gauges: name, whose, help, and the number where it is known.
pub(super) const GAUGES: [(&str, Of, &str, Read<Option<u64>>); 6] = [
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
        |counts| Some(counts.backlog.load(Relaxed)).filter(|known| *known != u64::MAX),
    ),
    (
        "source_not_visible",
        Of::Queues,
        "Messages hidden from receives, approximately, when the source was last asked.",
        |counts| Some(counts.not_visible.load(Relaxed)).filter(|known| *known != u64::MAX),
    ),
    ("mapping_degraded", Of::All, "1 while the mapping cannot do its work, or only in part.", |counts| {
        Some(u64::from(counts.degraded.load(Relaxed)))
    }),
    ("mapping_failing", Of::All, "1 while the function fails everything, and has for a minute.", |counts| {
        Some(u64::from(counts.failing.load(Relaxed)))
    }),
];
