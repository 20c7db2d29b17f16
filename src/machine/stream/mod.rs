//! The machine of a stream: each shard's concurrent batches, retries and frontier, and the lineage of the shards.

mod age;
mod answer;
mod books;
mod context;
mod discard;
mod drain;
mod flights;
mod frontier;
mod lanes;
mod lineage;
mod list;
mod machine;
mod options;
mod pace;
mod reading;
mod reads;
mod records;
mod retry;
mod save;
mod shard;
mod standing;
#[cfg(test)]
mod tests;
mod turn;
mod windows;

pub use machine::StreamMachine;
pub use options::{DestinationOrder, ShardReads, StreamOptions};
