//! The story of a scenario: every event of the world in order, hashed, the last ones kept.

use std::collections::VecDeque;
use std::fmt::{self, Write};

use xxhash_rust::xxh3::Xxh3;

/// How many events a failure shows.
const KEPT: usize = 120;

/// A running record of events.
pub(crate) struct Trace {
    hash: Xxh3,
    tail: VecDeque<String>,
    show: bool,
}

impl Trace {
    /// An empty trace; `show` prints events as they come.
    pub(crate) fn new(show: bool) -> Self {
        Self { hash: Xxh3::new(), tail: VecDeque::with_capacity(KEPT), show }
    }

    /// Adds what happened at `at` (milliseconds).
    pub(crate) fn push(&mut self, at: u64, event: fmt::Arguments<'_>) {
        let mut line = if self.tail.len() == KEPT { self.tail.pop_front().unwrap_or_default() } else { String::new() };
        line.clear();
        write!(line, "{:>9}.{:03} {event}", at / 1000, at % 1000).expect("a string takes every write");
        self.hash.update(line.as_bytes());
        if self.show {
            eprintln!("{line}");
        }
        self.tail.push_back(line);
    }

    /// The hash of everything so far.
    pub(crate) fn hash(&self) -> u64 {
        self.hash.digest()
    }

    /// The last events.
    pub(crate) fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }
}
