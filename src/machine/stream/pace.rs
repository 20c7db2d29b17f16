//! How often and how much is read of a shard.

use std::time::Duration;

use crate::machine::{Mono, ReadAnswer};

/// What a shard's first read asks for, and is expected to bring.
const FIRST: Portion = Portion { records: 1_000, bytes: 1024 * 1024 };
/// What a read asks for: with five reads a second more than a shard hands out.
const READ_BYTES: usize = 1024 * 1024;
const FEWEST_RECORDS: u32 = 100;
/// An answer of so many bytes was cut by its size.
const FULL_BYTES: usize = 900 * 1024;

/// When a shard is read next, and for how much it asks.
#[derive(Debug)]
pub(super) struct ReadPace {
    /// When the next read is due.
    due: Mono,
    /// When the open read, or the last one, was asked for (Unix milliseconds).
    asked_unix_ms: u64,
    /// When the last read was asked for, if it found the shard empty and caught up.
    quiet_unix_ms: Option<u64>,
    failures: u32,
    /// For the next read.
    next: Portion,
    /// For the open read, or the last one.
    asked: Portion,
}

/// What a read asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Portion {
    pub(super) records: u32,
    /// What it may bring.
    pub(super) bytes: usize,
}

/// What a read has brought.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) records: usize,
    bytes: usize,
    /// As the source counts them.
    counted: usize,
    /// There is more.
    behind: bool,
}

impl Brought {
    pub(super) fn by(answer: &ReadAnswer) -> Self {
        Self {
            records: answer.records.len(),
            bytes: answer.records.iter().map(|read| read.record.fragment.len()).sum(),
            counted: answer.bytes,
            behind: answer.behind.is_some_and(|behind| !behind.is_zero()),
        }
    }

    /// The shard is caught up and empty.
    pub(super) const fn found_nothing(&self) -> bool {
        self.records == 0 && !self.behind
    }
}

impl ReadPace {
    pub(super) fn new(now: Mono) -> Self {
        Self { due: now, asked_unix_ms: 0, quiet_unix_ms: None, failures: 0, next: FIRST, asked: Portion::default() }
    }

    pub(super) const fn due(&self) -> Mono {
        self.due
    }

    pub(super) const fn quiet_unix_ms(&self) -> Option<u64> {
        self.quiet_unix_ms
    }

    /// For how much the next read asks: `most` records, and few where the mapping's memory is `tight`.
    pub(super) fn ask(&mut self, most: u32, tight: bool, unix_ms: u64) -> Portion {
        let records = if tight { FEWEST_RECORDS } else { self.next.records.min(most) };
        self.asked = Portion { records, bytes: self.next.bytes / self.next.records.div_ceil(records) as usize };
        self.asked_unix_ms = unix_ms;
        self.asked
    }

    /// Learns from an answer when to read again, and for how much to ask.
    pub(super) fn answered(&mut self, brought: &Brought, base_pause: Duration, now: Mono, rng: &mut fastrand::Rng) {
        self.failures = 0;
        self.learn(brought);
        let is_full = brought.records >= self.asked.records as usize || brought.bytes >= FULL_BYTES;
        self.due = if is_full || brought.behind { now } else { now + base_pause.mul_f64(rng.f64().mul_add(0.05, 1.0)) };
        self.quiet_unix_ms = brought.found_nothing().then_some(self.asked_unix_ms);
    }

    /// How many records make a read of the wanted size, and what they may bring.
    fn learn(&mut self, brought: &Brought) {
        let &Brought { records, bytes, counted, .. } = brought;
        self.next.bytes = bytes;
        let Some(size) = counted.max(bytes / 4).checked_div(records) else { return };
        let fitting = u32::try_from(READ_BYTES / size.max(1)).unwrap_or(u32::MAX);
        self.next.records = fitting.max(FEWEST_RECORDS);
        if records >= self.asked.records as usize {
            self.next.bytes = bytes / records * self.next.records as usize;
        }
    }

    /// Counts a failure in a row.
    pub(super) const fn failed(&mut self) -> u32 {
        self.failures += 1;
        self.failures
    }

    pub(super) const fn wait_until(&mut self, due: Mono) {
        self.due = due;
    }
}
