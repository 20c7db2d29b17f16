//! Who runs what: one pure function from the fleet as it is to the fleet as it shall be.
//!
//! A unit stays where it is, if that replica lives, takes work and offers the mapping. Other units go to the replica
//! with the fewest units of that mapping, then with the fewest in all, then by a hash. Only [`Plan::moved`] takes units
//! from replicas that could keep them, within limits.

mod balance;
mod draft;
#[cfg(test)]
mod laws;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ReplicaId, Unit};
use draft::Draft;

/// A replica that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: ReplicaId,
    /// Its version of forebay: while two versions run, only the newest takes units.
    pub version: Arc<str>,
    /// Whether it takes units; else it drains, and keeps those that no other can take.
    pub takes: bool,
    /// The stream mappings that it can run.
    pub offers: BTreeSet<Arc<str>>,
}

/// The fleet as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The replicas that live, in any order.
    pub members: Vec<Member>,
    /// The units that may run, each with the replica that it is assigned to.
    pub units: BTreeMap<Unit, Option<ReplicaId>>,
}

/// What a plan may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Whether it may take units from replicas that could keep them.
    pub rebalance: bool,
    /// Units that were moved lately, and stay.
    pub held: BTreeSet<Unit>,
}

/// The fleet as it shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The units of each member. A unit that is missing has no replica that offers its mapping.
    pub wanted: BTreeMap<ReplicaId, BTreeSet<Unit>>,
    /// The units that only the balance moves.
    pub moved: BTreeSet<Unit>,
}

/// Plans. The same snapshot and options give the same plan, and a plan that is in effect gives itself again where
/// nothing is left to balance.
#[must_use]
pub fn plan(snapshot: &Snapshot, options: &PlanOptions) -> Plan {
    let mut draft = Draft::new(snapshot);
    draft.keep();
    draft.place();
    if options.rebalance {
        balance::balance(&mut draft, &options.held);
    }
    draft.finish()
}
