//! One closed batch.

use crate::machine::{BatchId, Mono};

/// A closed batch.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) id: BatchId,
    pub(crate) tokens: Vec<u64>,
    /// Tries that were begun.
    pub(super) attempt: u32,
    /// Faults in a row.
    pub(crate) faults: u32,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    Waiting {
        /// When it is tried again.
        again: Mono,
        /// From when on an answer to another batch may wake it.
        wakes: Mono,
    },
    InFlight {
        /// Whether the function reported batch item failures when this try was begun.
        reports: bool,
    },
}

impl Batch {
    pub(super) const fn new(id: BatchId, tokens: Vec<u64>) -> Self {
        Self { id, tokens, attempt: 0, faults: 0, state: State::Ready }
    }

    pub(crate) const fn reports(&self) -> bool {
        matches!(self.state, State::InFlight { reports: true })
    }

    pub(super) const fn is_in_flight(&self) -> bool {
        matches!(self.state, State::InFlight { .. })
    }
}
