//! Runs mappings: the supervisor, a task for each mapping, and the driver that carries out what a machine wants.

mod checkpoint;
mod clock;
mod connect;
mod driver;
mod entry;
mod handle;
mod limits;
mod live;
mod operation;
mod ports;
mod status;
mod supervisor;
mod task;
#[cfg(test)]
mod tests;

pub use clock::WallClock;
pub use connect::{Connector, Ports, SourcePort};
pub use handle::{CheckpointChange, EngineError, EngineHandle, Readiness, ReloadSummary};
pub use status::{Counters, HealthStatus, MappingState, MappingStatus, QueueStatus, ScalingConfig};
pub use supervisor::{Parts, spawn};

pub use crate::store::Kept;
