//! The row of a unit: who may work on it, and how far it is.

use forebay::fleet::ReplicaId;

/// A unit's row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) owner: Option<ReplicaId>,
    pub(crate) epoch: u64,
    pub(crate) saves: u64,
    pub(crate) checkpoint: u64,
}

/// What a replica asks of the row of a unit.
#[derive(Clone, Debug)]
pub(crate) enum LeaseRequest {
    /// A consistent read.
    Read,
    /// A consistent read of the row of the lease's owner.
    ReadOwner(ReplicaId),
    Claim(Claim),
    /// A save; with `release` the owner goes.
    Save {
        me: ReplicaId,
        epoch: u64,
        number: u64,
        checkpoint: u64,
        release: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) me: ReplicaId,
    /// The epoch that was seen.
    pub(crate) epoch: u64,
    /// The owner that was seen dead.
    pub(crate) dead: Option<ReplicaId>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) enum LeaseAnswer {
    Row(Lease),
    /// Whether the owner is dead; `None`: it has no row.
    Owner(Option<bool>),
    Done(Lease),
    Refused(Lease),
}
