//! The row of those that may go, by turn.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Names in the order in which they joined.
#[derive(Debug, Default)]
pub(super) struct Turns {
    row: BTreeMap<u64, Arc<str>>,
    last: u64,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.row.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.row.values()
    }

    /// Joins the row behind all others: its turn.
    pub(super) fn join(&mut self, name: &Arc<str>) -> u64 {
        self.last += 1;
        self.row.insert(self.last, Arc::clone(name));
        self.last
    }

    /// Leaves the row, if it is in it.
    pub(super) fn leave(&mut self, turn: Option<u64>) {
        if let Some(turn) = turn {
            self.row.remove(&turn);
        }
    }

    pub(super) fn clear(&mut self) {
        self.row.clear();
    }
}
