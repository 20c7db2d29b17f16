//! Runs mappings: the supervisor, a task for each mapping, and the driver that carries out what a machine wants.

mod checkpoint;
mod clock;
mod connect;
mod driver;
mod entry;
mod handle;
mod last_error;
mod limits;
mod live;
mod operation;
mod screen;
mod snapshot;
mod supervisor;
mod task;
#[cfg(test)]
mod tests;
mod world;

pub use connect::{Connector, Ports, SourcePort};
pub use handle::{CheckpointChange, Drained, EngineError, EngineHandle, Readiness, ReloadSummary};
pub(crate) use last_error::headline;
pub use snapshot::{Described, LastError, Overview, Snapshot};
pub use supervisor::{Parts, Streams, spawn};

pub(crate) use crate::store::ShownToClients;
pub use crate::store::{Definition, Kept};
pub use crate::telemetry::{Counters, MappingState, Shard, ShardState};
