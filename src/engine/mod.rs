//! Runs mappings: the supervisor, a task for each mapping, and the driver that carries out what a machine wants.

mod connect;
mod handle;
mod status;

pub use connect::{Connector, Ports, SourcePort};
pub use handle::{EngineError, EngineHandle, Readiness, ReloadSummary};
pub use status::{Counters, HealthStatus, MappingState, MappingStatus, QueueStatus, ScalingConfig};
