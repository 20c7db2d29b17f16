//! What outlives the process: the operator's wishes, and how far streams were processed.

mod embedded;
mod file;
mod known;
mod ledger;
mod location;
mod memory;
mod port;
mod round;
mod tables;
#[cfg(test)]
mod tests;
mod texts;
mod trouble;
mod turns;

pub use embedded::EmbeddedStore;
pub use location::{LocationError, StoreLocation};
pub use memory::MemoryStore;
pub use port::{Desired, Kept, Store, StoreError};
pub(crate) use texts::is_shard;
