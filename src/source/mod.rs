//! Where records come from: small ports, and one adapter file for each service.

mod port;

pub use port::QueueSource;
