//! When units may move for balance: not while replicas come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::fleet::{ReplicaId, Unit};
use crate::machine::Mono;

/// For so long the fleet has not changed, or at the latest so long after it began to change.
const QUIET: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);
/// From one step of the balance to the next.
const PAUSE: Duration = Duration::from_secs(10);
/// A unit does not move twice within this time.
const REST: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(super) struct Steady {
    takers: BTreeSet<ReplicaId>,
    changed: Mono,
    /// Since when the fleet changes again and again.
    restless: Mono,
    moved: Option<Mono>,
    resting: BTreeMap<Unit, Mono>,
}

impl Steady {
    pub(super) const fn new(now: Mono) -> Self {
        Self { takers: BTreeSet::new(), changed: now, restless: now, moved: None, resting: BTreeMap::new() }
    }

    /// These replicas take units now. Whether units may move for balance.
    pub(super) fn allows(&mut self, takers: BTreeSet<ReplicaId>, now: Mono) -> bool {
        if takers != self.takers {
            if now.since(self.changed) >= QUIET {
                self.restless = now;
            }
            self.takers = takers;
            self.changed = now;
        }
        let quiet = now.since(self.changed) >= QUIET || now.since(self.restless) >= PATIENCE;
        quiet && self.moved.is_none_or(|moved| now.since(moved) >= PAUSE)
    }

    /// The units that moved lately.
    pub(super) fn resting(&mut self, now: Mono) -> BTreeSet<Unit> {
        self.resting.retain(|_, moved| now.since(*moved) < REST);
        self.resting.keys().cloned().collect()
    }

    pub(super) fn moved(&mut self, units: BTreeSet<Unit>, now: Mono) {
        if !units.is_empty() {
            self.moved = Some(now);
            self.resting.extend(units.into_iter().map(|unit| (unit, now)));
        }
    }
}
