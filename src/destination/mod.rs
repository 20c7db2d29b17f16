//! Where the failure records of records that were given up go.

mod port;

pub use port::Destination;
