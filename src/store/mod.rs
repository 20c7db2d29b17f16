//! What outlives the process: definitions that came through the AWS API, desired states, and the checkpoints of
//! streams.

mod asked;
mod dynamodb;
mod embedded;
mod file;
#[cfg(test)]
pub(crate) mod fixture;
mod guard;
mod known;
mod ledger;
mod location;
mod memory;
mod permit;
mod place;
mod port;
mod round;
mod seal;
mod tables;
#[cfg(test)]
mod tests;
mod texts;
mod trouble;
mod turns;
mod verify;

pub use dynamodb::{DynamoDbStore, FleetTable, Table, create};
pub use embedded::{EmbeddedStore, Rescued};
pub(crate) use guard::is_guarded;
pub use location::{LocationError, StoreLocation, TablePlace};
pub use memory::MemoryStore;
pub use permit::{Permit, PermitSetter};
pub use port::{
    Checkpoints, Definition, Definitions, Desired, DesiredStates, EngineStore, FileError, Kept, Store, StoreError,
    TableError,
};
pub(crate) use texts::{ShownToClients, is_shard};
