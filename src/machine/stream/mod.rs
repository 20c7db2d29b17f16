//! The machine of a stream: every shard's lanes, retries and frontier, and the lineage of the shards.

mod again;
mod age;
mod drain;
mod frontier;
mod give_up;
mod invoke;
mod lanes;
mod lineage;
mod list;
mod machine;
mod options;
mod read;
mod retry;
mod save;
mod shard;
mod standing;
#[cfg(test)]
mod tests;
mod windows;

pub use machine::StreamMachine;
pub use options::{DestinationOrder, ShardReads, StreamOptions};
