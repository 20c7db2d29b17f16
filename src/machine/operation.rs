//! Names for everything that a machine asks for and that is answered.

use super::{BatchId, DeliveryId, PollId, ReadId, SaveId, SettleId};

/// Names an open call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// [`Output::Describe`](super::Output::Describe).
    Describe,
    /// A receive.
    Poll(PollId),
    /// An invoke.
    Invoke(BatchId),
    /// A settlement call.
    Settle(SettleId),
    /// [`Output::List`](super::Output::List).
    List,
    /// [`Output::Claim`](super::Output::Claim).
    Claim,
    /// A read of a shard.
    Read(ReadId),
    /// A write of marks.
    Save(SaveId),
    /// A delivery to the failure destination.
    Deliver(DeliveryId),
}
