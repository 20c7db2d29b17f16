//! The machine of a stream: every shard's lanes, retries and frontier, and the lineage of the shards.

mod lineage;
mod machine;
mod options;

pub use machine::StreamMachine;
pub use options::{StreamKind, StreamOptions};
