//! The numbers of one mapping: plain atomics in one allocation, so that counting costs no lookup and no lock.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::numbers::{Count, CountBy, Known, Spreads};
use super::series::Plain;
use super::totals::Counters;
use crate::machine::{Event, FaultKind, FlushReason, Health, HeartbeatResult, Invariant, InvokeEnd};

/// All numbers of one mapping.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) plain: Plain,
    pub(super) checkpoints_saved: Count,
    pub(super) checkpoints_failed: Count,
    pub(super) polls_with_records: Count,
    pub(super) polls_empty: Count,
    pub(super) poll_faults: CountBy<FaultKind>,
    pub(super) invokes_ok: Count,
    pub(super) invokes_partial: Count,
    pub(super) invokes_function_error: Count,
    pub(super) invoke_faults: CountBy<FaultKind>,
    pub(super) flushes: CountBy<FlushReason>,
    pub(super) heartbeats: CountBy<HeartbeatResult>,
    pub(super) violations: CountBy<Invariant>,
    /// Milliseconds since the Unix epoch.
    pub(super) last_poll_unix_ms: Known,
    /// Milliseconds since the Unix epoch; not known while everything is saved.
    pub(super) unsaved_since_unix_ms: Known,
    /// How far the host's clock is ahead of the source's, where that is much (milliseconds).
    pub(super) clock_ahead_ms: AtomicI64,
    pub(super) in_flight: AtomicU64,
    pub(super) in_flight_limit: AtomicU64,
    pub(super) backlog: Known,
    pub(super) not_visible: Known,
    pub(super) degraded: AtomicBool,
    pub(super) failing: AtomicBool,
    pub(super) spreads: Spreads,
}

impl Counts {
    /// Counts an event. The meanings are those of AWS's event source mapping metrics: events are
    /// invoked again on every retry and throttle, and failed when the function, or the way to it, failed them.
    pub(super) fn count(&self, event: &Event, now_unix_ms: impl FnOnce() -> u64) {
        match event {
            Event::Polled { records } => {
                self.plain.polled.add(*records);
                if *records == 0 { &self.polls_empty } else { &self.polls_with_records }.add(1);
                self.last_poll_unix_ms.set(Some(now_unix_ms()));
            }
            Event::PollFailed { kind, .. } => self.poll_faults.add(*kind, 1),
            Event::Flushed { reason, records, .. } => {
                self.flushes.add(*reason, 1);
                self.spreads.batch_records.observe(approximate(*records));
            }
            Event::InvokeStarted { records, .. } => self.plain.invoked.add(*records),
            Event::InvokeEnded { end, failed, took, .. } => self.invoke_ended(*end, *failed, *took),
            Event::MalformedResponse { .. } => self.plain.malformed.add(1),
            Event::Screened { filtered_out, undecided } => {
                self.plain.filtered.add(*filtered_out);
                self.plain.undecidable.add(undecided.records);
            }
            Event::OrderKept { records } => self.plain.kept_in_order.add(*records),
            Event::Exhausted { records, .. } => self.plain.exhausted.add(*records),
            Event::Deleted { records } => self.plain.deleted.add(*records),
            Event::DeleteFailed { records, .. } => self.plain.delete_failures.add(*records),
            Event::Heartbeat { result, records } => self.heartbeats.add(*result, *records),
            Event::LeaseLost { records, .. } => self.plain.leases_lost.add(*records),
            Event::TooLarge { .. } => self.plain.oversized.add(1),
            Event::Scaled { limit } => self.in_flight_limit.store(u64::from(*limit), Relaxed),
            Event::Described { backlog, not_visible, .. } => {
                self.backlog.set(*backlog);
                self.not_visible.set(*not_visible);
            }
            Event::Health(health) => {
                self.degraded.store(matches!(health, Health::Degraded { .. }), Relaxed);
                self.failing.store(matches!(health, Health::Failing { .. }), Relaxed);
            }
            Event::Violated(invariant) => self.violations.add(*invariant, 1),
            Event::Checkpointed { .. } => self.checkpoints_saved.add(1),
            Event::CheckpointFailed { .. } => self.checkpoints_failed.add(1),
            Event::Trimmed { .. } => self.plain.trimmed.add(1),
            Event::ShardGone { .. } => self.plain.shards_gone.add(1),
            Event::IteratorExpired { .. } => self.plain.iterators_expired.add(1),
            Event::ListFailed { .. } => self.plain.list_failures.add(1),
            Event::Bisected { .. } => self.plain.bisections.add(1),
            Event::Dropped { records, .. } => self.plain.dropped.add(*records),
            Event::DeliveredToDestination { records, .. } => self.plain.delivered.add(*records),
            Event::DestinationFailed { .. } => self.plain.destination_failures.add(1),
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
        self.plain.failed.add(failed);
        self.spreads.invoke_duration.observe(took.as_secs_f64());
        match end {
            InvokeEnd::Success => self.invokes_ok.add(1),
            InvokeEnd::Partial => self.invokes_partial.add(1),
            InvokeEnd::FunctionError => self.invokes_function_error.add(1),
            InvokeEnd::Fault(kind) => {
                self.invoke_faults.add(kind, 1);
                if kind == FaultKind::Throttled {
                    self.plain.throttles.add(1);
                }
            }
        }
    }

    /// Invokes that ended, by the label of their result.
    pub(super) fn invokes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let ends = [
            (InvokeEnd::Success, &self.invokes_ok),
            (InvokeEnd::Partial, &self.invokes_partial),
            (InvokeEnd::FunctionError, &self.invokes_function_error),
        ];
        let faults = self.invoke_faults.iter().map(|(kind, n)| (kind.as_str(), n));
        ends.into_iter().map(|(end, count)| (end.as_str(), count.get())).chain(faults)
    }

    /// Polls that ended, by the label of their result.
    pub(super) fn polls(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let ends = [("records", self.polls_with_records.get()), ("empty", self.polls_empty.get())];
        ends.into_iter().chain(self.poll_faults.iter().map(|(kind, n)| (kind.as_str(), n)))
    }

    /// The totals that `list` and `status` show.
    pub(super) fn totals(&self) -> Counters {
        Counters {
            polled: self.plain.polled.get(),
            filtered: self.plain.filtered.get(),
            undecidable: self.plain.undecidable.get(),
            invoked: self.plain.invoked.get(),
            failed: self.plain.failed.get(),
            exhausted: self.plain.exhausted.get(),
            deleted: self.plain.deleted.get(),
            throttles: self.plain.throttles.get(),
            invokes: self.invokes().map(|(_, count)| count).sum(),
            malformed_responses: self.plain.malformed.get(),
            dropped: self.plain.dropped.get(),
            delivered_to_destination: self.plain.delivered.get(),
            bisections: self.plain.bisections.get(),
            kept_in_order: self.plain.kept_in_order.get(),
        }
    }
}

/// A number of records as a float; exact far beyond any batch.
fn approximate(records: usize) -> f64 {
    f64::from(u32::try_from(records).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Condition, Undecided};

    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn throttled_batches_count_as_invoked_and_throttled() {
        let counts = Counts::default();
        counts.count(&Event::InvokeStarted { records: 7, attempt: 1 }, || NOW);
        counts.count(
            &Event::InvokeEnded {
                end: InvokeEnd::Fault(FaultKind::Throttled),
                records: 7,
                failed: 0,
                took: Duration::from_millis(3),
                problem: None,
            },
            || NOW,
        );
        counts.count(&Event::InvokeStarted { records: 7, attempt: 2 }, || NOW);
        counts.count(
            &Event::InvokeEnded {
                end: InvokeEnd::Partial,
                records: 7,
                failed: 2,
                took: Duration::from_millis(30),
                problem: None,
            },
            || NOW,
        );
        counts.count(&Event::Deleted { records: 5 }, || NOW);
        let expected = Counters { invoked: 14, failed: 2, deleted: 5, throttles: 1, invokes: 2, ..Counters::default() };
        assert_eq!(counts.totals(), expected);
    }

    #[test]
    fn what_filters_stop_is_neither_deleted_nor_dropped() {
        let counts = Counts::default();
        let one = Undecided { records: 1, ..Undecided::default() };
        counts.count(&Event::Screened { filtered_out: 2, undecided: one }, || NOW);
        counts.count(&Event::Screened { filtered_out: 1, undecided: Undecided::default() }, || NOW);
        assert_eq!(counts.totals(), Counters { filtered: 3, undecidable: 1, ..Counters::default() });
    }

    #[test]
    fn messages_that_are_kept_in_order_are_neither_deleted_nor_failed() {
        let counts = Counts::default();
        counts.count(&Event::OrderKept { records: 2 }, || NOW);
        counts.count(&Event::OrderKept { records: 1 }, || NOW);
        assert_eq!(counts.totals(), Counters { kept_in_order: 3, ..Counters::default() });
    }

    #[test]
    fn discarded_records_are_dropped_or_delivered() {
        let counts = Counts::default();
        let condition = Condition::RetryAttemptsExhausted;
        counts.count(&Event::Bisected { records: 4 }, || NOW);
        counts.count(&Event::Dropped { records: 3, condition }, || NOW);
        counts.count(
            &Event::DestinationFailed {
                records: 5,
                kind: FaultKind::Transient,
                message: "internal error".into(),
                retry_in: Duration::from_secs(1),
            },
            || NOW,
        );
        counts.count(&Event::DeliveredToDestination { records: 5, condition }, || NOW);
        let expected = Counters { dropped: 3, delivered_to_destination: 5, bisections: 1, ..Counters::default() };
        assert_eq!(counts.totals(), expected);
        assert_eq!(counts.plain.destination_failures.get(), 1);
    }

    #[test]
    fn an_empty_poll_adds_no_events_but_is_a_poll() {
        let counts = Counts::default();
        counts.count(&Event::Polled { records: 0 }, || NOW);
        counts.count(&Event::Polled { records: 3 }, || NOW);
        let polls: Vec<_> = counts.polls().filter(|(_, count)| *count > 0).collect();
        assert_eq!(polls, [("records", 1), ("empty", 1)]);
        assert_eq!(counts.totals().polled, 3);
        assert_eq!(counts.last_poll_unix_ms.get(), Some(NOW));
    }
}
