//! Runs mappings: the supervisor, a task for each mapping, and the driver that carries out what a machine wants.

mod checkpoint;
mod clock;
mod connect;
mod driver;
mod entry;
mod filter_status;
mod handle;
mod last_error;
mod limits;
mod live;
mod operation;
mod overview;
mod ports;
mod screen;
mod shards;
mod status;
mod stream_status;
mod supervisor;
mod task;
#[cfg(test)]
mod tests;

pub use clock::WallClock;
pub use connect::{Connector, Ports, SourcePort};
pub use filter_status::{Filter, FilterCriteria};
pub use handle::{CheckpointChange, Drained, EngineError, EngineHandle, Readiness, ReloadSummary};
pub use last_error::LastError;
pub use overview::Overview;
pub(crate) use shards::Shards;
pub use status::{Counters, HealthStatus, LoweredStatus, MappingState, MappingStatus, QueueStatus, ScalingConfig};
pub(crate) use status::{seconds, state_transition_reason};
pub use stream_status::{DestinationConfig, OnFailure, ShardState, ShardStatus, StreamConfiguration, StreamStatus};
pub use supervisor::{Parts, spawn};

pub use crate::store::{Definition, Kept};
