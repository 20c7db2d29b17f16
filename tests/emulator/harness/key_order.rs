//! Checks what functions saw of many keys, each of which counts 0, 1, 2, … in the order of its records.

use std::collections::BTreeMap;

use crate::harness::ledger::StreamLedger;

/// How far each key is.
#[derive(Default)]
pub(crate) struct Order {
    next: BTreeMap<String, usize>,
    read: usize,
    delivered: usize,
    repeated: usize,
}

impl Order {
    /// Takes in what was noted since; fails when a record comes before one that stands before it in its key.
    pub(crate) fn follow(&mut self, ledger: &mut StreamLedger) {
        let entries = ledger.entries();
        for record in entries[self.read..].iter().flat_map(|seen| &seen.records) {
            let number: usize = record.data.parse().unwrap();
            let next = self.next.entry(record.key.clone()).or_default();
            assert!(number <= *next, "key {}: {number} comes, but {next} was not there yet", record.key);
            if number == *next {
                *next += 1;
                self.delivered += 1;
            } else {
                self.repeated += 1;
            }
        }
        self.read = entries.len();
    }

    /// How many different records were delivered.
    pub(crate) const fn delivered(&self) -> usize {
        self.delivered
    }

    /// How many records were delivered again.
    pub(crate) const fn repeated(&self) -> usize {
        self.repeated
    }
}
