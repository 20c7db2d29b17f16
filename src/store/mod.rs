//! What outlives the process: the operator's wishes now, checkpoints and leases with the streams.

mod port;

pub use port::{Desired, Store, StoreError};
