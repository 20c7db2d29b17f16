//! What outlives the process: the operator's wishes now, checkpoints and leases with the streams.

mod embedded;
mod ledger;
mod location;
mod memory;
mod port;
mod trouble;

pub use embedded::EmbeddedStore;
pub use location::{LocationError, StoreLocation};
pub use memory::MemoryStore;
pub use port::{Desired, Kept, Store, StoreError};
