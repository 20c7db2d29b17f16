//! What this replica is to run, and what it has not released yet.

use std::collections::BTreeSet;

use crate::fleet::{Assignment, Unit};

#[derive(Debug, Default)]
pub(super) struct Holdings {
    /// The planner's epoch and the number of the assignment that counts.
    newest: (u64, u64),
    wanted: BTreeSet<Unit>,
    /// Not wanted any more, and not released yet.
    leaving: BTreeSet<Unit>,
}

impl Holdings {
    /// Takes an assignment over, if it is newer than the last one. While the replica drains, nothing is added. Returns
    /// all that is wanted then, if that has changed.
    pub(super) fn assign(&mut self, assignment: &Assignment, draining: bool) -> Option<BTreeSet<Unit>> {
        let stamp = (assignment.epoch, assignment.number);
        if stamp <= self.newest {
            return None;
        }
        self.newest = stamp;
        let wanted = match draining {
            true => self.wanted.intersection(&assignment.units).cloned().collect(),
            false => assignment.units.clone(),
        };
        self.want(wanted)
    }

    /// Everything is to be released.
    pub(super) fn release_all(&mut self) -> Option<BTreeSet<Unit>> {
        self.want(BTreeSet::new())
    }

    fn want(&mut self, wanted: BTreeSet<Unit>) -> Option<BTreeSet<Unit>> {
        if wanted == self.wanted {
            return None;
        }
        self.leaving.extend(self.wanted.difference(&wanted).cloned());
        self.leaving.retain(|unit| !wanted.contains(unit));
        self.wanted.clone_from(&wanted);
        Some(wanted)
    }

    pub(super) fn released(&mut self, unit: &Unit) {
        self.leaving.remove(unit);
    }

    pub(super) fn wants_any(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Whether nothing is left that could be released.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.leaving.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::ReplicaId;

    fn units(names: &[&str]) -> BTreeSet<Unit> {
        names.iter().map(|&name| Unit::whole(name)).collect()
    }

    fn assignment(epoch: u64, number: u64, names: &[&str]) -> Assignment {
        Assignment { to: ReplicaId::new("a"), epoch, number, units: units(names) }
    }

    #[test]
    fn only_newer_assignments_count() {
        let mut holdings = Holdings::default();
        assert_eq!(holdings.assign(&assignment(1, 5, &["x", "y"]), false), Some(units(&["x", "y"])));
        assert_eq!(holdings.assign(&assignment(1, 4, &[]), false), None);
        assert_eq!(holdings.assign(&assignment(1, 6, &["x", "y"]), false), None, "nothing has changed");
        assert_eq!(holdings.assign(&assignment(2, 1, &["z"]), false), Some(units(&["z"])));
    }

    #[test]
    fn a_drain_takes_nothing_more_and_ends_when_all_is_released() {
        let mut holdings = Holdings::default();
        holdings.assign(&assignment(1, 1, &["x", "y"]), false);
        assert_eq!(holdings.assign(&assignment(1, 2, &["y", "z"]), true), Some(units(&["y"])));
        assert_eq!(holdings.release_all(), Some(units(&[])));
        holdings.released(&Unit::whole("x"));
        assert!(!holdings.is_empty());
        holdings.released(&Unit::whole("y"));
        assert!(holdings.is_empty());
    }

    #[test]
    fn what_is_wanted_again_before_it_was_released_stays() {
        let mut holdings = Holdings::default();
        holdings.assign(&assignment(1, 1, &["x"]), false);
        holdings.assign(&assignment(1, 2, &[]), false);
        holdings.assign(&assignment(1, 3, &["x"]), false);
        holdings.released(&Unit::whole("x"));
        assert!(!holdings.is_empty());
    }
}
