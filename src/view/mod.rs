//! What forebay shows of a mapping: the members of AWS's answers, and our own. Made from the engine's snapshots.

pub(crate) mod facts;
mod fleet;
pub(crate) mod parts;
mod status;
mod target;

pub(crate) use facts::{HealthStatus, LoweredStatus, QueueStatus, StreamStatus};
pub(crate) use fleet::{FleetStatus, ReplicaStatus};
pub(crate) use parts::{
    DestinationConfig, FilterCriteria, ScalingConfig, StreamConfiguration, seconds, state_transition_reason,
};
pub(crate) use status::MappingStatus;
#[cfg(test)]
pub(crate) use target::PartStatus;
pub(crate) use target::TargetStatus;
