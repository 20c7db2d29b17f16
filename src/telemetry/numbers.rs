//! Numbers that are counted without a lookup or a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::metrics::histogram::Histogram;

use crate::machine::Label;

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

/// A count for each variant of a kind.
#[derive(Debug)]
pub(super) struct CountBy<L>(Box<[(L, Count)]>);

impl<L: Label> CountBy<L> {
    pub(super) fn add(&self, label: L, n: usize) {
        // A handful of variants, and none is missing.
        if let Some((_, count)) = self.0.iter().find(|(of, _)| *of == label) {
            count.add(n);
        }
    }

    /// Every variant with its count, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (L, u64)> {
        self.0.iter().map(|(label, count)| (*label, count.get()))
    }
}

impl<L: Label> Default for CountBy<L> {
    fn default() -> Self {
        Self(L::ALL.iter().map(|label| (*label, Count::default())).collect())
    }
}

/// A number that is not always known.
#[derive(Debug)]
pub(super) struct Known(AtomicU64);

/// Stands for what is not known.
const UNKNOWN: u64 = u64::MAX;

impl Known {
    pub(super) fn set(&self, number: Option<u64>) {
        self.0.store(number.unwrap_or(UNKNOWN), Relaxed);
    }

    pub(super) fn get(&self) -> Option<u64> {
        Some(self.0.load(Relaxed)).filter(|number| *number != UNKNOWN)
    }
}

impl Default for Known {
    fn default() -> Self {
        Self(AtomicU64::new(UNKNOWN))
    }
}

/// Seconds; Lambda's own range is 1 ms to 15 minutes.
const DURATION_BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0];
/// Records; AWS's default is 10, its maximum 10,000.
const RECORD_BUCKETS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 10_000.0];
/// Seconds that an invoke waited for its turn.
const WAIT_BUCKETS: [f64; 7] = [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 30.0];

/// How numbers are spread.
#[derive(Debug)]
pub(super) struct Spreads {
    pub(super) invoke_duration: Histogram,
    pub(super) batch_records: Histogram,
    pub(super) limiter_wait: Histogram,
}

impl Default for Spreads {
    fn default() -> Self {
        Self {
            invoke_duration: Histogram::new(DURATION_BUCKETS),
            batch_records: Histogram::new(RECORD_BUCKETS),
            limiter_wait: Histogram::new(WAIT_BUCKETS),
        }
    }
}
