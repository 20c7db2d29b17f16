//! What forebay shows of itself: every event becomes one metric and, where it matters, one log line.

mod counts;
mod crowd;
mod drought;
mod export;
mod init;
mod log;
mod metrics;
mod numbers;
mod repeats;
mod series;
mod shards;
mod state;
#[cfg(test)]
mod tests;
mod totals;

pub(crate) use init::init_for_command;
pub use init::{LogError, LogFormat, init};
pub use metrics::{MappingMetrics, Metrics};
pub use shards::{Shard, ShardState};
pub use state::MappingState;
pub use totals::Counters;
