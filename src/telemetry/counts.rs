//! The numbers of one mapping: plain atomics in one allocation, so that counting costs no lookup and no lock.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::histogram::Histogram;

use crate::engine::Counters;
use crate::machine::{Event, FaultKind, FlushReason, Health, HeartbeatResult, Invariant, InvokeEnd};

/// Every class of fault, each at the place of its discriminant.
pub(super) const FAULTS: [FaultKind; 11] = [
    FaultKind::Throttled,
    FaultKind::Transient,
    FaultKind::Timeout,
    FaultKind::Denied,
    FaultKind::Missing,
    FaultKind::Expired,
    FaultKind::Trimmed,
    FaultKind::TooLarge,
    FaultKind::Invalid,
    FaultKind::Cancelled,
    FaultKind::Fenced,
];
/// Every reason for closing a batch, each at the place of its discriminant.
pub(super) const FLUSHES: [FlushReason; 5] =
    [FlushReason::Size, FlushReason::Bytes, FlushReason::Window, FlushReason::Immediate, FlushReason::End];
/// Every result of an extension of visibility, each at the place of its discriminant.
pub(super) const HEARTBEATS: [HeartbeatResult; 3] =
    [HeartbeatResult::Extended, HeartbeatResult::Failed, HeartbeatResult::Lost];

/// Stands for a time that is not.
pub(super) const NEVER: u64 = u64::MAX;

/// Seconds; Lambda's own range is 1 ms to 15 minutes.
const DURATION_BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0];
/// Records; AWS's default is 10, its maximum 10,000.
const RECORD_BUCKETS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 10_000.0];
/// Seconds that an invoke waited for its turn.
const WAIT_BUCKETS: [f64; 7] = [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 30.0];

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: usize) {
        self.0.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// All numbers of one mapping.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) polled: Count,
    pub(super) invoked: Count,
    pub(super) failed: Count,
    pub(super) filtered: Count,
    pub(super) undecidable: Count,
    pub(super) kept_in_order: Count,
    pub(super) exhausted: Count,
    pub(super) deleted: Count,
    pub(super) throttles: Count,
    pub(super) malformed: Count,
    pub(super) leases_lost: Count,
    pub(super) delete_failures: Count,
    pub(super) oversized: Count,
    pub(super) dropped: Count,
    pub(super) delivered: Count,
    pub(super) destination_failures: Count,
    pub(super) bisections: Count,
    pub(super) checkpoints_saved: Count,
    pub(super) checkpoints_failed: Count,
    pub(super) trimmed: Count,
    pub(super) shards_gone: Count,
    pub(super) iterators_expired: Count,
    pub(super) list_failures: Count,
    pub(super) polls_with_records: Count,
    pub(super) polls_empty: Count,
    pub(super) poll_faults: [Count; FAULTS.len()],
    pub(super) invokes_ok: Count,
    pub(super) invokes_partial: Count,
    pub(super) invokes_function_error: Count,
    pub(super) invoke_faults: [Count; FAULTS.len()],
    pub(super) flushes: [Count; FLUSHES.len()],
    pub(super) heartbeats: [Count; HEARTBEATS.len()],
    pub(super) violations: [Count; Invariant::ALL.len()],
    /// Milliseconds since the Unix epoch; 0: never.
    pub(super) last_poll_unix_ms: AtomicU64,
    /// Milliseconds since the Unix epoch, or [`NEVER`]: everything is saved.
    pub(super) unsaved_since_unix_ms: AtomicU64,
    /// How far the host's clock is ahead of the source's, where that is much (milliseconds).
    pub(super) clock_ahead_ms: AtomicI64,
    pub(super) in_flight: AtomicU64,
    pub(super) in_flight_limit: AtomicU64,
    /// `u64::MAX`: not known.
    pub(super) backlog: AtomicU64,
    /// The same.
    pub(super) not_visible: AtomicU64,
    pub(super) degraded: AtomicBool,
    pub(super) failing: AtomicBool,
    pub(super) invoke_duration: Histogram,
    pub(super) batch_records: Histogram,
    pub(super) limiter_wait: Histogram,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self {
            polled: Count::default(),
            invoked: Count::default(),
            failed: Count::default(),
            filtered: Count::default(),
            undecidable: Count::default(),
            kept_in_order: Count::default(),
            exhausted: Count::default(),
            deleted: Count::default(),
            throttles: Count::default(),
            malformed: Count::default(),
            leases_lost: Count::default(),
            delete_failures: Count::default(),
            oversized: Count::default(),
            dropped: Count::default(),
            delivered: Count::default(),
            destination_failures: Count::default(),
            bisections: Count::default(),
            checkpoints_saved: Count::default(),
            checkpoints_failed: Count::default(),
            trimmed: Count::default(),
            shards_gone: Count::default(),
            iterators_expired: Count::default(),
            list_failures: Count::default(),
            polls_with_records: Count::default(),
            polls_empty: Count::default(),
            poll_faults: Default::default(),
            invokes_ok: Count::default(),
            invokes_partial: Count::default(),
            invokes_function_error: Count::default(),
            invoke_faults: Default::default(),
            flushes: Default::default(),
            heartbeats: Default::default(),
            violations: Default::default(),
            last_poll_unix_ms: AtomicU64::new(0),
            unsaved_since_unix_ms: AtomicU64::new(NEVER),
            clock_ahead_ms: AtomicI64::new(0),
            in_flight: AtomicU64::new(0),
            in_flight_limit: AtomicU64::new(0),
            backlog: AtomicU64::new(u64::MAX),
            not_visible: AtomicU64::new(u64::MAX),
            degraded: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            invoke_duration: Histogram::new(DURATION_BUCKETS),
            batch_records: Histogram::new(RECORD_BUCKETS),
            limiter_wait: Histogram::new(WAIT_BUCKETS),
        }
    }

    /// Counts an event. The meanings are those of AWS's event source mapping metrics: events are
    /// invoked again on every retry and throttle, and failed when the function, or the way to it, failed them.
    pub(super) fn count(&self, event: &Event) {
        match event {
            Event::Polled { records } => {
                self.polled.add(*records);
                if *records == 0 { &self.polls_empty } else { &self.polls_with_records }.add(1);
                self.last_poll_unix_ms.store(unix_ms(), Relaxed);
            }
            Event::PollFailed { kind, .. } => self.poll_faults[*kind as usize].add(1),
            Event::Flushed { reason, records, .. } => {
                self.flushes[*reason as usize].add(1);
                self.batch_records.observe(approximate(*records));
            }
            Event::InvokeStarted { records, .. } => self.invoked.add(*records),
            Event::InvokeEnded { end, failed, took, .. } => self.invoke_ended(*end, *failed, *took),
            Event::MalformedResponse { .. } => self.malformed.add(1),
            Event::Screened { filtered_out, undecided } => {
                self.filtered.add(*filtered_out);
                self.undecidable.add(undecided.records);
            }
            Event::OrderKept { records } => self.kept_in_order.add(*records),
            Event::Exhausted { records, .. } => self.exhausted.add(*records),
            Event::Deleted { records } => self.deleted.add(*records),
            Event::DeleteFailed { records, .. } => self.delete_failures.add(*records),
            Event::Heartbeat { result, records } => self.heartbeats[*result as usize].add(*records),
            Event::LeaseLost { records, .. } => self.leases_lost.add(*records),
            Event::TooLarge { .. } => self.oversized.add(1),
            Event::Scaled { limit } => self.in_flight_limit.store(u64::from(*limit), Relaxed),
            Event::Described { backlog, not_visible, .. } => {
                self.backlog.store(backlog.unwrap_or(u64::MAX), Relaxed);
                self.not_visible.store(not_visible.unwrap_or(u64::MAX), Relaxed);
            }
            Event::Health(health) => {
                self.degraded.store(matches!(health, Health::Degraded { .. }), Relaxed);
                self.failing.store(matches!(health, Health::Failing { .. }), Relaxed);
            }
            Event::Violated(invariant) => self.violations[*invariant as usize].add(1),
            Event::Checkpointed { .. } => self.checkpoints_saved.add(1),
            Event::CheckpointFailed { .. } => self.checkpoints_failed.add(1),
            Event::Trimmed { .. } => self.trimmed.add(1),
            Event::ShardGone { .. } => self.shards_gone.add(1),
            Event::IteratorExpired { .. } => self.iterators_expired.add(1),
            Event::ListFailed { .. } => self.list_failures.add(1),
            Event::Bisected { .. } => self.bisections.add(1),
            Event::Dropped { records, .. } => self.dropped.add(*records),
            Event::DeliveredToDestination { records, .. } => self.delivered.add(*records),
            Event::DestinationFailed { .. } => self.destination_failures.add(1),
            Event::ClockSkew { ahead_ms } => self.clock_ahead_ms.store(*ahead_ms, Relaxed),
            Event::DescribeFailed { .. }
            | Event::PinMoved { .. }
            | Event::Held { .. }
            | Event::Left { .. }
            | Event::Released { .. }
            | Event::ShardStarted { .. }
            | Event::ShardEnded { .. }
            | Event::IteratorAge { .. }
            | Event::Drained { .. } => {}
        }
    }

    fn invoke_ended(&self, end: InvokeEnd, failed: usize, took: Duration) {
        self.failed.add(failed);
        self.invoke_duration.observe(took.as_secs_f64());
        match end {
            InvokeEnd::Success => self.invokes_ok.add(1),
            InvokeEnd::Partial => self.invokes_partial.add(1),
            InvokeEnd::FunctionError => self.invokes_function_error.add(1),
            InvokeEnd::Fault(kind) => {
                self.invoke_faults[kind as usize].add(1);
                if kind == FaultKind::Throttled {
                    self.throttles.add(1);
                }
            }
        }
    }

    /// Invokes that ended, by the label of their result.
    pub(super) fn invokes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            (InvokeEnd::Success, &self.invokes_ok),
            (InvokeEnd::Partial, &self.invokes_partial),
            (InvokeEnd::FunctionError, &self.invokes_function_error),
        ]
        .into_iter()
        .chain(FAULTS.into_iter().map(InvokeEnd::Fault).zip(&self.invoke_faults))
        .map(|(end, count)| (end.as_str(), count.get()))
    }

    /// Polls that ended, by the label of their result.
    pub(super) fn polls(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [("records", &self.polls_with_records), ("empty", &self.polls_empty)]
            .into_iter()
            .chain(FAULTS.into_iter().map(FaultKind::as_str).zip(&self.poll_faults))
            .map(|(label, count)| (label, count.get()))
    }

    /// The totals that `list` and `status` show.
    pub(super) fn totals(&self) -> Counters {
        Counters {
            polled: self.polled.get(),
            filtered: self.filtered.get(),
            undecidable: self.undecidable.get(),
            invoked: self.invoked.get(),
            failed: self.failed.get(),
            exhausted: self.exhausted.get(),
            deleted: self.deleted.get(),
            throttles: self.throttles.get(),
            invokes: self.invokes().map(|(_, count)| count).sum(),
            malformed_responses: self.malformed.get(),
            dropped: self.dropped.get(),
            delivered_to_destination: self.delivered.get(),
            bisections: self.bisections.get(),
            kept_in_order: self.kept_in_order.get(),
        }
    }
}

pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A number of records as a float; exact far beyond any batch.
fn approximate(records: usize) -> f64 {
    f64::from(u32::try_from(records).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Condition, Undecided};

    #[test]
    fn each_label_stands_at_its_discriminant() {
        for (at, kind) in FAULTS.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
        }
        for (at, reason) in FLUSHES.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
        }
        for (at, result) in HEARTBEATS.into_iter().enumerate() {
            assert_eq!(result as usize, at);
        }
        for (at, invariant) in Invariant::ALL.into_iter().enumerate() {
            assert_eq!(invariant as usize, at);
        }
    }

    #[test]
    fn throttled_batches_count_as_invoked_and_throttled() {
        let counts = Counts::new();
        counts.count(&Event::InvokeStarted { records: 7, attempt: 1 });
        counts.count(&Event::InvokeEnded {
            end: InvokeEnd::Fault(FaultKind::Throttled),
            records: 7,
            failed: 0,
            took: Duration::from_millis(3),
            problem: None,
        });
        counts.count(&Event::InvokeStarted { records: 7, attempt: 2 });
        counts.count(&Event::InvokeEnded {
            end: InvokeEnd::Partial,
            records: 7,
            failed: 2,
            took: Duration::from_millis(30),
            problem: None,
        });
        counts.count(&Event::Deleted { records: 5 });
        let expected = Counters { invoked: 14, failed: 2, deleted: 5, throttles: 1, invokes: 2, ..Counters::default() };
        assert_eq!(counts.totals(), expected);
    }

    #[test]
    fn what_filters_stop_is_neither_deleted_nor_dropped() {
        let counts = Counts::new();
        let one = Undecided { records: 1, ..Undecided::default() };
        counts.count(&Event::Screened { filtered_out: 2, undecided: one });
        counts.count(&Event::Screened { filtered_out: 1, undecided: Undecided::default() });
        assert_eq!(counts.totals(), Counters { filtered: 3, undecidable: 1, ..Counters::default() });
    }

    #[test]
    fn messages_that_are_kept_in_order_are_neither_deleted_nor_failed() {
        let counts = Counts::new();
        counts.count(&Event::OrderKept { records: 2 });
        counts.count(&Event::OrderKept { records: 1 });
        assert_eq!(counts.totals(), Counters { kept_in_order: 3, ..Counters::default() });
    }

    #[test]
    fn records_that_are_given_up_are_dropped_or_delivered() {
        let counts = Counts::new();
        let condition = Condition::RetryAttemptsExhausted;
        counts.count(&Event::Bisected { records: 4 });
        counts.count(&Event::Dropped { records: 3, condition });
        counts.count(&Event::DestinationFailed {
            records: 5,
            kind: FaultKind::Transient,
            message: "internal error".into(),
            retry_in: Duration::from_secs(1),
        });
        counts.count(&Event::DeliveredToDestination { records: 5, condition });
        let expected = Counters { dropped: 3, delivered_to_destination: 5, bisections: 1, ..Counters::default() };
        assert_eq!(counts.totals(), expected);
        assert_eq!(counts.destination_failures.get(), 1);
    }

    #[test]
    fn an_empty_poll_adds_no_events_but_is_a_poll() {
        let counts = Counts::new();
        counts.count(&Event::Polled { records: 0 });
        counts.count(&Event::Polled { records: 3 });
        let polls: Vec<_> = counts.polls().filter(|(_, count)| *count > 0).collect();
        assert_eq!(polls, [("records", 1), ("empty", 1)]);
        assert_eq!(counts.totals().polled, 3);
        assert!(counts.last_poll_unix_ms.load(Relaxed) > 1_700_000_000_000);
    }
}
